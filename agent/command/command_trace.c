/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "agent/command/commands.h"
#include "agent/commission/commission.h"
#include "agent/commission/interrupt.h"
#include "agent/config/words.h"
#include "agent/control/control.h"
#include "agent/poll/identify.h"
#include "common/civil.h"
#include "common/clock.h"
#include "common/columns.h"
#include "common/json_writer.h"
#include "common/phrase.h"

const struct cli_option command_trace_options[] = {
	{"seconds", CLI_VALUE, "N", "how long (30)"},
	{"tcp", CLI_VALUE, "HOST:PORT", "without configuration: Modbus TCP"},
	{"rtu", CLI_VALUE, "DEV:9600:8N1", "without configuration: a serial line"},
	{"unit", CLI_VALUE, "N", "with --tcp or --rtu: Modbus address"},
	{"profile", CLI_VALUE, "ID", "with --tcp or --rtu: the meter's model, or a file's path"},
	{"profiles", CLI_VALUE, "DIR", "with --tcp or --rtu: folder of the models"},
	{"channel", CLI_VALUE, "N", "with --tcp or --rtu: part of the device"},
	{"base", CLI_VALUE, "N", "with --tcp or --rtu: base of a relative profile"},
	{0},
};

enum { LOOK_MS = 200, ANSWER_MS = 5000, READ_MS = 1000, WIDTH = 16, HEX_MAX = 1024 };

struct trace {
	struct commission line;
	const struct agent_meter *meter;
	int64_t end_ms; /* monotonic */
	int64_t n_sent, n_received;
	bool is_json;
	struct buf out; /* JSON */
	struct json_writer json;
};

/* ---- one frame ---- */

static void show_hex(const char *hex, const char *head)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i % WIDTH == 0)
			(void)printf("\n%*s", (int)strlen(head), "");
		(void)printf(" %.2s", hex + 2 * i);
	}
	(void)printf("\n");
	(void)fflush(stdout); /* live, also into a pipe */
}

static void show_frame(struct trace *trace, int64_t at_ms, bool is_sent, const char *hex)
{
	int64_t local_ms = at_ms + commission_zone_ms(at_ms);
	char at[CIVIL_TEXT_MAX], head[32];

	trace->n_sent += is_sent;
	trace->n_received += !is_sent;
	if (trace->is_json) {
		(void)civil_print_time(at_ms, 0, at);
		json_begin_object(&trace->json, NULL);
		json_add_string(&trace->json, "at", at);
		json_add_string(&trace->json, "direction", is_sent ? "sent" : "received");
		json_add_string(&trace->json, "hex", hex);
		json_end_object(&trace->json);
		return;
	}
	(void)snprintf(head, sizeof head, "%02d:%02d:%02d.%03d %c", (int)(local_ms / HOUR_MS % 24),
		       (int)(local_ms / 60000 % 60), (int)(local_ms / 1000 % 60),
		       (int)(local_ms % 1000), is_sent ? '>' : '<');
	(void)printf("%s", head);
	show_hex(hex, head);
}

/* ---- what a running agent does ---- */

static int show_answer(struct trace *trace, const struct buf *answer, int64_t *after)
{
	json_t *root = json_loadb(answer->data, answer->len, 0, NULL);
	const json_t *frames = json_object_get(root, "frames");
	const char *words = json_string_value(json_object_get(root, "error"));
	int status = frames != NULL ? EXIT_OK : EXIT_FAILED;
	struct buf text = {0};

	if (status != EXIT_OK)
		columns_put(stderr, phrase_retell(words != NULL ? words : answer->data, &text), 4);
	for (size_t i = 0; i < json_array_size(frames); i++) {
		const json_t *frame = json_array_get(frames, i);
		const char *hex = json_string_value(json_object_get(frame, "hex"));

		show_frame(trace, json_integer_value(json_object_get(frame, "at_ms")),
			   json_is_true(json_object_get(frame, "sent")), hex != NULL ? hex : "");
	}
	*after = json_integer_value(json_object_get(root, "next"));
	json_decref(root);
	buf_fini(&text);
	return status;
}

static int watch_agent(struct trace *trace)
{
	const char *socket = trace->line.config->control_socket;
	struct buf question = {0}, answer = {0};
	int64_t after = -1;
	int status = EXIT_OK;
	struct err err;

	while (status == EXIT_OK && clock_mono_ms() < trace->end_ms && !interrupt_came()) {
		buf_clear(&question);
		buf_clear(&answer);
		buf_printf(&question, "{\"command\":\"trace\",\"meter\":\"%s\",\"after\":%lld}",
			   trace->meter->id, (long long)after);
		if (control_request(socket, question.data, ANSWER_MS, &answer, &err) != 0) {
			(void)fprintf(stderr, words_say(WORD_TRACE_LOST), err.text);
			status = EXIT_FAILED;
			break;
		}
		status = show_answer(trace, &answer, &after);
		interrupt_sleep_until(clock_mono_ms() + LOOK_MS);
	}
	buf_fini(&question);
	buf_fini(&answer);
	return status;
}

/* ---- without one ---- */

static void see(bool is_sent, const uint8_t *bytes, size_t len, void *arg)
{
	static const char digits[] = "0123456789ABCDEF";
	char hex[HEX_MAX + 1];

	if (len > HEX_MAX / 2)
		len = HEX_MAX / 2;
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
	show_frame(arg, clock_utc_ms(), is_sent, hex);
}

/* Nobody else reads the meter: it is read once a second. */
static int watch_line(struct trace *trace)
{
	struct reading reading = {0};
	struct ask_meter meter;
	struct sweep *sweep;
	bool is_known = false;
	struct err err;

	if (agent_config_sweep(&sweep, trace->line.bus, trace->meter, SWEEP_BRIDGES, NULL, &err) !=
	    0) {
		columns_put(stderr, err.text, 4);
		return EXIT_FAILED;
	}
	ask_meter_init(&meter, trace->meter, sweep);
	while (clock_mono_ms() < trace->end_ms && !interrupt_came()) {
		int64_t next_ms = clock_mono_ms() + READ_MS;

		/* As the agent does. What comes of it, the frames tell. */
		is_known = is_known || identify_meter(&trace->line.line.ask, &meter, &reading,
						      &err) == IDENTITY_RIGHT;
		if (is_known)
			(void)ask_meter_all(&trace->line.line.ask, &meter, &reading);
		interrupt_sleep_until(next_ms < trace->end_ms ? next_ms : trace->end_ms);
	}
	reading_fini(&reading);
	ask_meter_fini(&meter);
	sweep_destroy(sweep);
	return EXIT_OK;
}

static void print_end(struct trace *trace)
{
	if (trace->is_json) {
		json_end_array(&trace->json);
		json_end_object(&trace->json);
		(void)printf("%s\n", trace->out.data);
		return;
	}
	(void)printf(words_say(WORD_TRACE_END), (long long)trace->n_sent,
		     (long long)trace->n_received);
	if (trace->n_sent == 0 && trace->line.is_by_agent)
		(void)printf(words_say(WORD_TRACE_SILENT),
			     (long long)trace->meter->interval_ms / 1000);
}

int command_trace(const struct cli *cli)
{
	struct trace trace = {.is_json = cli->is_json, .json = {.out = &trace.out}};
	int64_t seconds = 30;
	int status = commission_number(cli, "seconds", 1, 86400, &seconds) ? EXIT_OK : EXIT_USAGE;

	if (status == EXIT_OK)
		status = commission_open_meter(&trace.line, cli, (struct bus_tap){see, &trace},
					       &trace.meter);
	if (status == EXIT_OK) {
		interrupt_catch();
		trace.end_ms = clock_mono_ms() + seconds * 1000;
		json_begin_object(&trace.json, NULL);
		json_add_string(&trace.json, "meter", trace.meter->id);
		json_begin_array(&trace.json, "frames");
		if (!trace.is_json)
			(void)printf(words_say(WORD_TRACE_BEGIN), trace.meter->id,
				     (int)trace.meter->unit, (long long)seconds);
		status = trace.line.is_by_agent ? watch_agent(&trace) : watch_line(&trace);
		print_end(&trace);
	}
	commission_close(&trace.line);
	buf_fini(&trace.out);
	return status;
}
