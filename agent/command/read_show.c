/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command/read_show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/commission/commission.h"
#include "agent/commission/diagnosis.h"
#include "agent/config/words.h"
#include "common/civil.h"
#include "common/json_writer.h"

enum {
	VALUES_MAX = 256,
	HEX_MAX = 200,
	PER_LINE = 8,
	NUMBER_MAX = 48,
	NAME_MAX_BYTES = 128,
	COLUMNS = 80
};

static const enum word finding_words[DIAGNOSIS_N_KINDS] = {
	[DIAGNOSIS_REVERSED_CT] = WORD_FINDING_REVERSED_CT,
	[DIAGNOSIS_ALL_REVERSED] = WORD_FINDING_ALL_REVERSED,
	[DIAGNOSIS_SWAPPED] = WORD_FINDING_SWAPPED,
	[DIAGNOSIS_ROTATED] = WORD_FINDING_ROTATED,
	[DIAGNOSIS_NO_VOLTAGE] = WORD_FINDING_NO_VOLTAGE,
	[DIAGNOSIS_LOW_VOLTAGE] = WORD_FINDING_LOW_VOLTAGE,
	[DIAGNOSIS_SAME_PHASE] = WORD_FINDING_SAME_PHASE,
	[DIAGNOSIS_SUM] = WORD_FINDING_SUM,
};

/* All numbers come as reals: jansson refuses a reading with an integer beyond 64 bits. */
static json_int_t whole(const json_t *value)
{
	return (json_int_t)json_number_value(value);
}

/* ---- findings ---- */

static size_t find(const json_t *root, struct diagnosis_finding out[DIAGNOSIS_MAX])
{
	json_t *values = json_object_get(root, "values");
	struct diagnosis_value list[VALUES_MAX];
	size_t n = 0;

	for (void *at = json_object_iter(values); at != NULL && n < VALUES_MAX;
	     at = json_object_iter_next(values, at))
		if (json_is_number(json_object_iter_value(at)))
			list[n++] = (struct diagnosis_value){
				json_object_iter_key(at),
				json_number_value(json_object_iter_value(at))};
	return diagnosis_find(list, n, out);
}

static void word_finding(const struct diagnosis_finding *finding, struct buf *out)
{
	const char *words = words_say(finding_words[finding->kind]);

	if (finding->other > 0)
		buf_printf(out, words, finding->phase, finding->other);
	else if (finding->phase > 0)
		buf_printf(out, words, finding->phase, finding->value);
	else
		buf_printf(out, words, finding->value);
}

void read_show_add_findings(const json_t *root, struct buf *json)
{
	struct diagnosis_finding found[DIAGNOSIS_MAX];
	size_t n = find(root, found);
	struct json_writer writer = {.out = json};
	struct buf text = {0};

	/* The numbers of the reading stay as they are: the text is only continued. */
	while (json->len > 0 && json->data[json->len - 1] != '}')
		json->len--;
	json->len--;
	buf_add_text(json, ",\"findings\":");
	json_begin_array(&writer, NULL);
	for (size_t i = 0; i < n; i++) {
		buf_clear(&text);
		word_finding(&found[i], &text);
		json_begin_object(&writer, NULL);
		json_add_string(&writer, "kind", diagnosis_name(found[i].kind));
		json_add_int(&writer, "phase", found[i].phase);
		json_add_int(&writer, "other", found[i].other);
		json_add_real(&writer, "value", found[i].value, 3);
		json_add_string_n(&writer, "text", text.data, text.len - 1);
		json_end_object(&writer);
	}
	json_end_array(&writer);
	buf_add_char(json, '}');
	buf_fini(&text);
}

/* ---- values ---- */

/* Where the point's own registers stand, without those of its helpers. False: it has none. */
static bool own_registers(const struct profile_point *point, json_int_t *first, json_int_t *end)
{
	*first = UINT16_MAX + 1;
	*end = 0;
	for (size_t i = 0; i < point->n_terms; i++) {
		const struct profile_term *term = &point->terms[i];

		if (term->of >= 0)
			continue;
		*first = term->address < *first ? term->address : *first;
		*end = term->address + term->count > *end ? term->address + term->count : *end;
	}
	return *end > 0;
}

/* The registers of a point in hexadecimal, as far as they fit; "" if they were not read. */
static void find_registers(const struct read_answer *answer, const char *name, char hex[HEX_MAX])
{
	const struct agent_meter *meter = answer->meter;
	const struct profile_point *point =
		profile_find(meter->profile, name, (uint16_t)meter->channel);
	const json_t *blocks = json_object_get(answer->root, "registers");
	json_int_t first, end;
	size_t len = 0;

	hex[0] = '\0';
	if (point == NULL || !own_registers(point, &first, &end))
		return;
	for (size_t i = 0; i < json_array_size(blocks); i++) {
		const json_t *block = json_array_get(blocks, i);
		const json_t *registers = json_object_get(block, "values");
		json_int_t base = whole(json_object_get(block, "address")) - meter->base;

		if (whole(json_object_get(block, "function")) != point->function || first < base ||
		    end > base + (json_int_t)json_array_size(registers))
			continue;
		for (json_int_t k = first; k < end && len + 6 < HEX_MAX; k++)
			len += (size_t)snprintf(
				hex + len, HEX_MAX - len, "%s%04X", k > first ? " " : "",
				(unsigned)whole(json_array_get(registers, (size_t)(k - base))));
		return;
	}
}

/* A number's digits as they came: a counter of 64 bits is more than a double holds. */
static void copy_digits(const char *json, const char *section, const char *name,
			char text[NUMBER_MAX])
{
	char key[NAME_MAX_BYTES];
	const char *at;

	(void)snprintf(key, sizeof key, "\"%s\":{", section);
	at = strstr(json, key);
	(void)snprintf(key, sizeof key, "\"%s\":", name);
	at = at != NULL ? strstr(at, key) : NULL;
	at = at != NULL ? at + strlen(key) : "";
	(void)snprintf(text, NUMBER_MAX, "%.*s", (int)strspn(at, "-+.0123456789eE"), at);
}

static const char *print_value(const struct read_answer *answer, const char *section,
			       const char *name, char text[NUMBER_MAX])
{
	const json_t *value = json_object_get(json_object_get(answer->root, section), name);

	if (json_is_string(value))
		return json_string_value(value);
	if (!json_is_number(value))
		return words_say(WORD_READ_ABSENT);
	copy_digits(answer->json, section, name, text);
	return text;
}

/* As many whole registers as the line has room for; all stand below in full. */
static void show_hex(const char *hex, size_t room)
{
	size_t fits = (room + 1) / 5 * 5;

	if (strlen(hex) <= room)
		(void)printf("%s", hex);
	else if (fits >= 10)
		(void)printf("%.*s...", (int)fits - 5, hex);
}

static void show_value(const struct read_answer *answer, const char *name, const char *hex)
{
	char digits[NUMBER_MAX];
	const char *text = print_value(answer, "values", name, digits);
	size_t used = 41 + (strlen(text) > 18 ? strlen(text) : 18);

	(void)printf("  %-36s %18s%s", name, text, *hex != '\0' && used < COLUMNS ? "  " : "");
	show_hex(hex, used < COLUMNS ? COLUMNS - used : 0);
	(void)printf("\n");
	if (json_is_number(json_object_get(json_object_get(answer->root, "implausible"), name)))
		(void)printf(words_say(WORD_READ_IMPLAUSIBLE),
			     print_value(answer, "implausible", name, digits));
}

static void show_block(const json_t *block)
{
	json_int_t address = whole(json_object_get(block, "address"));
	const json_t *values = json_object_get(block, "values");

	for (size_t i = 0; i < json_array_size(values); i++) {
		if (i % PER_LINE == 0)
			(void)printf("%s  %lld %5lld:", i > 0 ? "\n" : "",
				     (long long)whole(json_object_get(block, "function")),
				     (long long)address + (long long)i);
		(void)printf(" %04llX", (unsigned long long)whole(json_array_get(values, i)));
	}
	(void)printf("\n");
}

static void show_findings(const json_t *root)
{
	struct diagnosis_finding found[DIAGNOSIS_MAX];
	size_t n = find(root, found);
	struct buf text = {0};

	for (size_t i = 0; i < n; i++) {
		buf_clear(&text);
		word_finding(&found[i], &text);
		(void)printf("! %s", text.data);
	}
	buf_fini(&text);
}

/* In the zone of whoever looks, to the second. */
static void print_local(const char *at, char text[CIVIL_TEXT_MAX])
{
	int64_t utc_ms;

	text[0] = '\0';
	if (at == NULL || civil_parse_time(at, strlen(at), 0, &utc_ms) != 0)
		return;
	utc_ms -= utc_ms % 1000;
	(void)civil_print_time(utc_ms, commission_zone_ms(utc_ms), text);
}

void read_show(const struct read_answer *answer)
{
	const json_t *root = answer->root;
	json_t *values = json_object_get(root, "values");
	const json_t *blocks = json_object_get(root, "registers");
	char hex[HEX_MAX], at[CIVIL_TEXT_MAX];

	print_local(json_string_value(json_object_get(root, "at")), at);
	(void)printf(words_say(WORD_READ_HEAD), json_string_value(json_object_get(root, "meter")),
		     at);
	for (void *item = json_object_iter(values); item != NULL;
	     item = json_object_iter_next(values, item)) {
		const char *name = json_object_iter_key(item);

		find_registers(answer, name, hex);
		show_value(answer, name, hex);
	}
	(void)fputs(words_say(WORD_READ_REGISTERS), stdout);
	for (size_t i = 0; i < json_array_size(blocks); i++)
		show_block(json_array_get(blocks, i));
	show_findings(root);
	(void)fflush(stdout);
}

/* ---- the registry ---- */

/* The count that a bill would go by. */
static const char *find_counter(json_t *values)
{
	static const char *const usual[] = {"active_energy_import_kwh", "active_energy_total_kwh",
					    "volume_total_m3", "heat_energy_gj", "heat_energy_kwh"};
	static const char *const units[] = {"_kwh", "_m3", "_gj"};

	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		if (json_is_number(json_object_get(values, usual[i])))
			return usual[i];
	for (void *at = json_object_iter(values); at != NULL;
	     at = json_object_iter_next(values, at)) {
		const char *name = json_object_iter_key(at);

		for (size_t i = 0; i < sizeof units / sizeof *units; i++)
			if (strlen(name) > strlen(units[i]) &&
			    strcmp(name + strlen(name) - strlen(units[i]), units[i]) == 0 &&
			    json_is_number(json_object_iter_value(at)))
				return name;
	}
	return NULL;
}

void read_show_life(const struct read_answer *answer)
{
	json_t *values = json_object_get(answer->root, "values");
	bool has_serial = json_object_get(values, "serial_number") != NULL &&
			  !json_is_null(json_object_get(values, "serial_number"));
	const char *at = json_string_value(json_object_get(answer->root, "at"));
	const char *counter = find_counter(values);
	enum profile_side side = answer->meter->profile->side;
	char text[NUMBER_MAX], from[CIVIL_TEXT_MAX];

	print_local(at, from);
	(void)fputs(words_say(WORD_READ_LIFE), stdout);
	(void)fputs(words_say(side == SIDE_PRIMARY     ? WORD_READ_PRIMARY
			      : side == SIDE_SECONDARY ? WORD_READ_SECONDARY
						       : WORD_READ_RATIO),
		    stdout);
	if (!has_serial)
		(void)fputs(words_say(WORD_READ_NO_SERIAL), stdout);
	if (counter != NULL)
		(void)printf("quantity: %s\n", counter);
	(void)printf("lives:\n  - serial: \"%s\"\n    from: %s\n",
		     has_serial ? print_value(answer, "values", "serial_number", text) : "?", from);
	if (counter != NULL)
		(void)printf("    first: %s\n", print_value(answer, "values", counter, text));
	(void)printf("    ratio: %s\n", side == SIDE_PRIMARY ? "1" : "?");
}
