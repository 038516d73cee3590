/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/commission/candidate.h"
#include "agent/commission/commission.h"
#include "agent/commission/interrupt.h"
#include "agent/commission/probe_state.h"
#include "agent/commission/progress.h"
#include "agent/config/words.h"
#include "common/columns.h"
#include "common/json_writer.h"
#include "common/mem.h"

const struct cli_option command_probe_options[] = {
	COMMISSION_OPTIONS,
	{"unit", CLI_VALUE, "N", "Modbus address"},
	{"display", CLI_VALUE, "12345.67", "what the meter's display shows, with all its digits"},
	{"again", CLI_VALUE, "12350.10", "what it shows now: of those found, which followed?"},
	{"fc", CLI_VALUE, "3", "only this function, 3 or 4"},
	{"from", CLI_VALUE, "A", "first address (0), as counted from 0 or from 1"},
	{"to", CLI_VALUE, "B", "last address (255)"},
	{"profile", CLI_VALUE, "ID", "the registers of this model, which names what fits"},
	{"timeout", CLI_VALUE, "MS", "wait so long for each answer (1000)"},
	{0},
};

enum { TIMEOUT_MS = 1000, PIECE = 64, SHOWN = 12, TRIES = 2 };

/* Registers that came: runs of them, each without a hole. */
struct run {
	uint8_t function;
	uint16_t address, count;
	uint16_t *registers; /* owned */
};

struct runs {
	struct run *items;
	size_t n, cap;
};

struct probe {
	struct commission line;
	struct progress progress;
	struct bus_request like; /* unit, time-out and settings */
	const struct profile *profile;
	struct profile *own_profile;
	struct candidate_display display;
	const char *display_text;
	int64_t from, to, function; /* function 0: both */
	struct runs runs;
	size_t n_read, n_refused;
	enum bus_outcome failure; /* of the line or the device, not of a register */
	struct candidate *candidates;
	size_t n_candidates;
	bool is_json;
};

/* ---- reading ---- */

static enum bus_outcome ask(struct probe *probe, uint8_t function, uint32_t address, uint32_t count,
			    struct bus_reply *reply)
{
	struct bus_request request = probe->like;
	enum bus_outcome outcome = BUS_TIMEOUT;

	request.function = function;
	request.address = (uint16_t)address;
	request.count = (uint16_t)count;
	for (int i = 0; i < TRIES && outcome != BUS_OK && outcome != BUS_EXCEPTION; i++)
		outcome = commission_ask(&probe->line, &request, reply);
	return outcome;
}

static void keep(struct probe *probe, uint8_t function, uint32_t address, uint32_t count,
		 const struct bus_reply *reply)
{
	struct runs *runs = &probe->runs;
	struct run *last = runs->n > 0 ? &runs->items[runs->n - 1] : NULL;

	probe->n_read += count;
	if (last == NULL || last->function != function ||
	    (uint32_t)last->address + last->count != address) {
		runs->items = grow(runs->items, runs->n, &runs->cap, sizeof *runs->items);
		last = &runs->items[runs->n++];
		*last = (struct run){function, (uint16_t)address, 0, NULL};
	}
	last->registers =
		xrealloc(last->registers, last->count + (size_t)count, sizeof *last->registers);
	memcpy(last->registers + last->count, reply->registers, count * sizeof *reply->registers);
	last->count = (uint16_t)(last->count + count);
}

static void forget(struct runs *runs)
{
	for (size_t i = 0; i < runs->n; i++)
		free(runs->items[i].registers);
	free(runs->items);
	*runs = (struct runs){.items = NULL};
}

/* What is refused is asked for in halves: a hole, or a meter that gives less at once. Halves stay
 * even as long as they can. */
static void read_piece(struct probe *probe, uint8_t function, uint32_t address, uint32_t count)
{
	struct piece {
		uint32_t address, count;
	} stack[16] = {{address, count}};
	size_t n = 1;

	while (n > 0 && probe->failure == BUS_OK && !interrupt_came()) {
		struct piece piece = stack[--n];
		struct bus_reply reply;
		enum bus_outcome outcome = ask(probe, function, piece.address, piece.count, &reply);
		uint32_t half = piece.count > 3 ? piece.count / 2 + piece.count / 2 % 2 : 1;

		if (outcome == BUS_OK) {
			keep(probe, function, piece.address, piece.count, &reply);
		} else if (outcome != BUS_EXCEPTION) {
			probe->failure = outcome;
		} else if (piece.count > 1 && reply.exception != 1) {
			stack[n++] = (struct piece){piece.address + half, piece.count - half};
			stack[n++] = (struct piece){piece.address, half};
		} else {
			probe->n_refused += piece.count;
		}
	}
}

/* One more on each side: the manual may count from 1, and a value may begin before. */
static void read_range(struct probe *probe, uint8_t function)
{
	uint32_t from = probe->from > 0 ? (uint32_t)(probe->from - 1) & ~1U : 0;
	uint32_t to = (uint32_t)probe->to + 4 < 65536 ? (uint32_t)probe->to + 4 : 65536;

	for (uint32_t at = from; at < to && probe->failure == BUS_OK && !interrupt_came();
	     at += PIECE) {
		read_piece(probe, function, at, to - at < PIECE ? to - at : PIECE);
		progress_step(&probe->progress);
	}
}

static void read_profile(struct probe *probe)
{
	for (size_t i = 0; i < probe->profile->n_points; i++) {
		const struct profile_point *p = &probe->profile->points[i];

		if (p->function >= 3 && p->extent > 0 && p->extent <= PIECE &&
		    probe->failure == BUS_OK && !interrupt_came())
			read_piece(probe, p->function, p->first_address, p->extent);
		progress_step(&probe->progress);
	}
}

static void read_all(struct probe *probe)
{
	int64_t pieces = (probe->to - probe->from) / PIECE + 1;

	if (probe->profile != NULL) {
		progress_init(&probe->progress, (int64_t)probe->profile->n_points, probe->is_json);
		read_profile(probe);
	} else {
		progress_init(&probe->progress, probe->function == 0 ? 2 * pieces : pieces,
			      probe->is_json);
		for (uint8_t function = 3; function <= 4; function++)
			if (probe->function == 0 || probe->function == function)
				read_range(probe, function);
	}
	progress_clear(&probe->progress);
}

/* ---- judging ---- */

/* The name that the profile gives to it; NULL: none. */
static const char *name_of(const struct probe *probe, const struct candidate *c)
{
	const struct profile *profile = probe->profile;

	for (size_t i = 0; profile != NULL && i < profile->n_points; i++)
		if (profile->points[i].function == c->function &&
		    profile->points[i].first_address == c->address &&
		    profile->points[i].extent == profile_type_registers(c->type))
			return profile->points[i].name;
	return NULL;
}

/* Some meters only give whole pairs, some only whole values. */
static enum bus_outcome ask_value(struct probe *probe, const struct candidate *c,
				  struct bus_reply *reply, uint16_t **registers)
{
	uint16_t count = profile_type_registers(c->type), odd = c->address & 1;
	enum bus_outcome outcome = ask(probe, c->function, c->address - (uint32_t)odd,
				       (count + odd + 1U) & ~1U, reply);

	*registers = reply->registers + odd;
	if (outcome != BUS_EXCEPTION)
		return outcome;
	*registers = reply->registers;
	return ask(probe, c->function, c->address, count, reply);
}

/* Those that still fit, with their registers read anew. */
static void narrow(struct probe *probe, struct candidate *old, size_t n)
{
	probe->candidates = old;
	progress_init(&probe->progress, (int64_t)n, probe->is_json);
	for (size_t i = 0; i < n && probe->failure == BUS_OK && !interrupt_came(); i++) {
		struct bus_reply reply;
		uint16_t *registers;
		enum bus_outcome outcome = ask_value(probe, &old[i], &reply, &registers);

		if (outcome != BUS_OK && outcome != BUS_EXCEPTION)
			probe->failure = outcome;
		else if (outcome == BUS_OK && candidate_fits(&old[i], registers, &probe->display))
			probe->candidates[probe->n_candidates++] = old[i];
		progress_step(&probe->progress);
	}
	progress_clear(&probe->progress);
}

/* ---- showing ---- */

static void add_point(struct buf *out, const struct probe *probe, const struct candidate *c)
{
	const char *name = name_of(probe, c);
	char scale[32];

	candidate_print_scale(c->scale, scale);
	buf_printf(out, "- {name: %s, function: %d, address: 0x%04X, type: %s",
		   name != NULL ? name : "?", c->function, c->address,
		   candidate_type_name(c->type));
	if (c->is_low_first)
		buf_add_text(out, ", word_order: low");
	if (strcmp(scale, "1") != 0)
		buf_printf(out, ", scale: %s", scale);
	buf_add_text(out, "}");
}

static void show_candidate(const struct probe *probe, const struct candidate *c)
{
	const char *remark = name_of(probe, c);
	char scale[32];

	if (remark == NULL)
		remark = c->is_coarse ? words_say(WORD_PROBE_COARSE) : "";
	candidate_print_scale(c->scale, scale);
	(void)printf("  %2d   0x%04X   %6d  %-8s %-6s %-8s %14.10g%s%s\n", c->function, c->address,
		     c->address + 1, candidate_type_name(c->type), c->is_low_first ? "low" : "high",
		     scale, c->value, *remark != '\0' ? "  " : "", remark);
}

static void show(const struct probe *probe)
{
	struct buf point = {0};

	if (probe->n_candidates == 0) {
		(void)printf(words_say(WORD_PROBE_NONE), probe->display_text);
		(void)fputs(words_say(WORD_PROBE_NONE_HINT), stdout);
		return;
	}
	(void)fputs(words_say(WORD_PROBE_HEAD), stdout);
	for (size_t i = 0; i < probe->n_candidates && i < SHOWN; i++)
		show_candidate(probe, &probe->candidates[i]);
	if (probe->n_candidates > SHOWN)
		(void)printf(words_say(WORD_PROBE_MORE), probe->n_candidates - SHOWN);
	(void)fputs(words_say(probe->n_candidates == 1 ? WORD_PROBE_ONE : WORD_PROBE_AGAIN),
		    stdout);
	add_point(&point, probe, &probe->candidates[0]);
	(void)printf("%s%s\n", words_say(WORD_PROBE_PASTE), point.data);
	buf_fini(&point);
}

static void write_candidate(struct json_writer *json, const struct probe *probe,
			    const struct candidate *c)
{
	struct buf point = {0};
	char scale[32];

	candidate_print_scale(c->scale, scale);
	add_point(&point, probe, c);
	json_begin_object(json, NULL);
	json_add_int(json, "function", c->function);
	json_add_int(json, "address", c->address);
	json_add_string(json, "type", candidate_type_name(c->type));
	json_add_string(json, "word_order", c->is_low_first ? "low" : "high");
	json_add_string(json, "scale", scale);
	json_add_real(json, "value", c->value, 9);
	json_add_bool(json, "coarse", c->is_coarse);
	json_add_string(json, "name", name_of(probe, c));
	json_add_string(json, "point", point.data);
	json_end_object(json);
	buf_fini(&point);
}

static void print_json(const struct probe *probe)
{
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_string(&json, "line", probe->line.where);
	json_add_int(&json, "unit", probe->like.unit);
	json_add_string(&json, "display", probe->display_text);
	json_add_bool(&json, "interrupted", interrupt_came());
	json_begin_array(&json, "candidates");
	for (size_t i = 0; i < probe->n_candidates; i++)
		write_candidate(&json, probe, &probe->candidates[i]);
	json_end_array(&json);
	json_end_object(&json);
	(void)printf("%s\n", out.data);
	buf_fini(&out);
}

/* ---- the command ---- */

static int load_profile(struct probe *probe, const char *name)
{
	struct conf_errors errors = {0};
	char hint[96], *path;
	int status = EXIT_OK;

	path = agent_config_find_profile(&probe->line.config->profile_folders, name, hint);
	if (path == NULL) {
		(void)fprintf(stderr, words_say(WORD_BAD_OPTION), "profile", name, "profile",
			      "eastron_sdm630");
		status = EXIT_FAILED;
	} else if (profile_load(&probe->own_profile, path, &errors) != 0) {
		columns_put(stderr, errors.text.data, 4);
		status = EXIT_CONFIG;
	}
	probe->profile = probe->own_profile;
	conf_errors_fini(&errors);
	free(path);
	return status;
}

static int read_options(struct probe *probe, const struct cli *cli)
{
	const char *profile = cli_value(cli, "profile");
	int64_t unit = 0;

	probe->to = 255;
	if (!commission_number(cli, "unit", 0, 255, &unit) ||
	    !commission_number(cli, "fc", 3, 4, &probe->function) ||
	    !commission_number(cli, "from", 0, 65535, &probe->from))
		return EXIT_USAGE;
	if (cli_value(cli, "from") != NULL)
		probe->to = probe->from + 255 < 65535 ? probe->from + 255 : 65535;
	if (!commission_number(cli, "to", probe->from, 65535, &probe->to))
		return EXIT_USAGE;
	if (candidate_parse_display(probe->display_text, &probe->display) != 0) {
		(void)fprintf(stderr, words_say(WORD_PROBE_DISPLAY), probe->display_text);
		return EXIT_USAGE;
	}
	probe->like = (struct bus_request){
		.unit = (uint8_t)unit,
		.timeout_ms = commission_timeout_ms(&probe->line, cli, TIMEOUT_MS),
		.settings = commission_settings(&probe->line),
	};
	if (probe->like.timeout_ms < 0)
		return EXIT_USAGE;
	return profile != NULL ? load_profile(probe, profile) : EXIT_OK;
}

static int search(struct probe *probe)
{
	struct decode_block *blocks;

	read_all(probe);
	blocks = xcalloc(probe->runs.n + 1, sizeof *blocks);
	for (size_t i = 0; i < probe->runs.n; i++) {
		const struct run *run = &probe->runs.items[i];

		blocks[i] = (struct decode_block){run->function, run->address, run->count,
						  run->registers};
	}
	if (!probe->is_json)
		(void)fprintf(stderr, words_say(WORD_PROBE_READ), probe->like.unit, probe->n_read,
			      probe->n_refused);
	probe->n_candidates =
		candidate_search(blocks, probe->runs.n, &probe->display, &probe->candidates);
	free(blocks);
	return EXIT_OK;
}

static int search_again(struct probe *probe, const char *path)
{
	struct candidate *old;
	struct err err;
	size_t n;

	if (probe_state_load(path, &old, &n, &err) != 0) {
		(void)fprintf(stderr, words_say(WORD_PROBE_NO_STATE), err.text);
		return EXIT_FAILED;
	}
	narrow(probe, old, n);
	return EXIT_OK;
}

static int run(struct probe *probe, bool is_again)
{
	char *key = xasprintf("%s %d", probe->line.where, probe->like.unit);
	char *path = probe_state_path(key);
	int status = is_again ? search_again(probe, path) : search(probe);
	struct err err;

	free(key);
	if (status == EXIT_OK && probe->failure != BUS_OK && probe->n_read == 0 &&
	    probe->n_candidates == 0) {
		(void)fprintf(stderr, words_say(WORD_PROBE_SILENT), probe->like.unit,
			      bus_outcome_name(probe->failure));
		status = EXIT_FAILED;
	} else if (status == EXIT_OK) {
		if (probe->is_json)
			print_json(probe);
		else
			show(probe);
		status = probe->n_candidates > 0 ? EXIT_OK : EXIT_FAILED;
		/* Nothing left is no reason to lose what was there: the display may be misread. */
		if (probe->n_candidates > 0 &&
		    probe_state_save(path, probe->candidates, probe->n_candidates, &err) != 0)
			columns_put(stderr, err.text, 4);
	}
	free(path);
	return status;
}

int command_probe(const struct cli *cli)
{
	const char *display = cli_value(cli, "display"), *again = cli_value(cli, "again");
	struct probe probe = {.is_json = cli->is_json,
			      .display_text = again != NULL ? again : display};
	int status;

	if (cli_value(cli, "unit") == NULL || (display == NULL) == (again == NULL)) {
		(void)fputs(words_say(WORD_PROBE_USAGE), stderr);
		return EXIT_USAGE;
	}
	status = commission_open(&probe.line, cli, (struct bus_tap){.fn = NULL});
	if (status == EXIT_OK)
		status = read_options(&probe, cli);
	if (status == EXIT_OK) {
		interrupt_catch();
		status = run(&probe, again != NULL);
	}
	free(probe.candidates);
	forget(&probe.runs);
	profile_destroy(probe.own_profile);
	commission_close(&probe.line);
	return status;
}
