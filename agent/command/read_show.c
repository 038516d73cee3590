/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command/read_show.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/commission/commission.h"
#include "agent/commission/diagnosis.h"
#include "agent/config/words.h"
#include "common/civil.h"
#include "common/decimal.h"
#include "common/json_writer.h"

enum { VALUES_MAX = 256, HEX_MAX = 96, PER_LINE = 8 };

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

/* The registers of a point in hexadecimal, as far as they fit; "" if they were not read. */
static void find_registers(const json_t *root, const struct agent_meter *meter, const char *name,
			   char hex[HEX_MAX])
{
	const struct profile_point *point =
		profile_find(meter->profile, name, (uint16_t)meter->channel);
	const json_t *blocks = json_object_get(root, "registers");
	json_int_t first;
	size_t len = 0;

	hex[0] = '\0';
	if (point == NULL || point->extent == 0)
		return;
	first = point->first_address + meter->base;
	for (size_t i = 0; i < json_array_size(blocks); i++) {
		const json_t *block = json_array_get(blocks, i);
		const json_t *registers = json_object_get(block, "values");
		json_int_t at = first - json_integer_value(json_object_get(block, "address"));

		if (json_integer_value(json_object_get(block, "function")) != point->function ||
		    at < 0 || at + point->extent > (json_int_t)json_array_size(registers))
			continue;
		for (size_t k = 0; k < point->extent && len + 6 < HEX_MAX; k++)
			len += (size_t)snprintf(hex + len, HEX_MAX - len, "%s%04X",
						k > 0 ? " " : "",
						(unsigned)json_integer_value(
							json_array_get(registers, (size_t)at + k)));
		return;
	}
}

static const char *print_number(const json_t *value, char text[48])
{
	struct decimal number;

	if (json_is_string(value))
		return json_string_value(value);
	if (!json_is_number(value) || decimal_from_double(json_number_value(value), &number) != 0)
		return words_say(WORD_READ_ABSENT);
	(void)decimal_print(number, text);
	return text;
}

/* left_out: what the meter says and nobody believes; NULL: nothing. */
static void show_value(const char *name, const json_t *value, const json_t *left_out,
		       const char *hex)
{
	char text[48];

	(void)printf("  %-36s %18s  %s", name, print_number(value, text), hex);
	if (json_is_number(left_out))
		(void)printf(words_say(WORD_READ_IMPLAUSIBLE), print_number(left_out, text));
	(void)printf("\n");
}

static void show_block(const json_t *block)
{
	json_int_t address = json_integer_value(json_object_get(block, "address"));
	const json_t *values = json_object_get(block, "values");

	for (size_t i = 0; i < json_array_size(values); i++) {
		if (i % PER_LINE == 0)
			(void)printf(
				"%s  %lld %5lld:", i > 0 ? "\n" : "",
				(long long)json_integer_value(json_object_get(block, "function")),
				(long long)address + (long long)i);
		(void)printf(" %04llX",
			     (unsigned long long)json_integer_value(json_array_get(values, i)));
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

void read_show(const json_t *root, const struct agent_meter *meter)
{
	json_t *values = json_object_get(root, "values");
	const json_t *implausible = json_object_get(root, "implausible");
	const json_t *blocks = json_object_get(root, "registers");
	char hex[HEX_MAX];

	(void)printf(words_say(WORD_READ_HEAD), json_string_value(json_object_get(root, "meter")),
		     json_string_value(json_object_get(root, "at")));
	for (void *at = json_object_iter(values); at != NULL;
	     at = json_object_iter_next(values, at)) {
		const char *name = json_object_iter_key(at);

		find_registers(root, meter, name, hex);
		show_value(name, json_object_iter_value(at), json_object_get(implausible, name),
			   hex);
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

void read_show_life(const json_t *root)
{
	json_t *values = json_object_get(root, "values");
	const json_t *serial = json_object_get(values, "serial_number");
	const char *at = json_string_value(json_object_get(root, "at"));
	const char *counter = find_counter(values);
	char text[48], from[CIVIL_TEXT_MAX];
	int64_t utc_ms;

	if (at == NULL || civil_parse_time(at, strlen(at), 0, &utc_ms) != 0)
		return;
	utc_ms -= utc_ms % 1000;
	(void)civil_print_time(utc_ms, commission_zone_ms(utc_ms), from);
	(void)fputs(words_say(WORD_READ_LIFE), stdout);
	if (serial == NULL || json_is_null(serial))
		(void)fputs(words_say(WORD_READ_NO_SERIAL), stdout);
	if (counter != NULL)
		(void)printf("quantity: %s\n", counter);
	(void)printf("lives:\n  - {serial: \"%s\", from: %s",
		     serial != NULL && !json_is_null(serial) ? print_number(serial, text) : "?",
		     from);
	if (counter != NULL)
		(void)printf(", first: %s", print_number(json_object_get(values, counter), text));
	(void)printf(", ratio: ?}\n");
}
