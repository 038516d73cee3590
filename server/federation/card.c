/* SPDX-License-Identifier: Apache-2.0 */
#include "server/federation/card.h"

#include <stdlib.h>
#include <string.h>

#include "common/json_writer.h"
#include "common/mem.h"

enum { LOCATION_DECIMALS = 9 };

static void add_day(struct json_writer *json, const char *key, civil_day day)
{
	char text[CIVIL_TEXT_MAX];

	(void)civil_print_day(day, text);
	json_add_string(json, key, text);
}

/* ---- what changes with time: a text, or a dated list of it ---- */

typedef const char *(*text_fn)(const struct registry_identity *identity);

static const char *name_of(const struct registry_identity *identity)
{
	return identity->name;
}

static const char *region_of(const struct registry_identity *identity)
{
	return identity->region_code;
}

static const char *department_of(const struct registry_identity *identity)
{
	return identity->department;
}

static const char *competent_of(const struct registry_identity *identity)
{
	return identity->competent;
}

static const char *type_of(const struct registry_identity *identity)
{
	return institution_type_name(identity->type);
}

static const char *affiliation_of(const struct registry_identity *identity)
{
	return affiliation_names[identity->affiliation];
}

static const char *quota_class_of(const struct registry_identity *identity)
{
	return identity->quota_class;
}

static const char *calendar_of(const struct registry_identity *identity)
{
	return identity->working != WORKING_BY_TYPE ? working_names[identity->working] : NULL;
}

static bool is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void add_text(struct json_writer *json, const struct registry_institution *of,
		     const char *key, text_fn fn)
{
	const char *last = fn(&of->identities[0]);
	bool changes = false;

	for (size_t i = 1; i < of->n_identities; i++)
		changes |= !is_same(last, fn(&of->identities[i]));
	if (!changes) {
		if (last != NULL)
			json_add_string(json, key, last);
		return;
	}
	json_begin_array(json, key);
	for (size_t i = 0; i < of->n_identities; i++) {
		const char *text = fn(&of->identities[i]);

		if (text == NULL || (i > 0 && is_same(last, text)))
			continue;
		last = text;
		json_begin_object(json, NULL);
		add_day(json, "from", of->identities[i].days.from);
		json_add_string(json, key, text);
		json_end_object(json);
	}
	json_end_array(json);
}

/* ---- amounts of days ---- */

typedef int64_t (*amount_fn)(const struct registry_institution *of, civil_day from, civil_day to);

/* Days on which an amount may change. */
struct steps {
	civil_day *days;
	size_t n, cap;
};

static void add_step(struct steps *steps, civil_day day)
{
	if (day <= CIVIL_DAY_MIN || day >= CIVIL_DAY_MAX)
		return;
	steps->days = grow(steps->days, steps->n, &steps->cap, sizeof *steps->days);
	steps->days[steps->n++] = day;
}

static void add_amounts(struct steps *steps, const struct dated_amount *amounts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add_step(steps, amounts[i].days.from);
		add_step(steps, amounts[i].days.to);
	}
}

static int by_day(const void *a, const void *b)
{
	civil_day x = *(const civil_day *)a, y = *(const civil_day *)b;

	return (x > y) - (x < y);
}

static struct steps steps_of(const struct registry_institution *of)
{
	struct steps steps = {NULL, 0, 0};

	add_step(&steps, of->valid.from);
	add_amounts(&steps, of->headcount, of->n_headcount);
	for (size_t i = 0; i < of->n_buildings; i++) {
		add_amounts(&steps, of->buildings[i].areas, of->buildings[i].n_areas);
		add_amounts(&steps, of->buildings[i].heated_areas, of->buildings[i].n_heated_areas);
	}
	for (size_t i = 0; i < of->n_occupancies; i++)
		if (of->occupancies[i].occupant != NULL) {
			add_step(&steps, of->occupancies[i].occupant->days.from);
			add_step(&steps, of->occupancies[i].occupant->days.to);
		}
	if (steps.n > 0)
		qsort(steps.days, steps.n, sizeof *steps.days, by_day);
	return steps;
}

/* A list of the days' amounts; nothing where there never is any. */
static void add_list(struct json_writer *json, const struct registry_institution *of,
		     const struct steps *steps, const char *const keys[2], amount_fn fn)
{
	int64_t last = 0;
	bool has_any = false;

	for (size_t i = 0; i < steps->n; i++) {
		int64_t amount = fn(of, steps->days[i], steps->days[i] + 1);

		if (amount == last)
			continue;
		if (!has_any)
			json_begin_array(json, keys[0]);
		has_any = true;
		json_begin_object(json, NULL);
		add_day(json, "from", steps->days[i]);
		json_add_micro(json, keys[1], amount);
		json_end_object(json);
		last = amount;
	}
	if (has_any)
		json_end_array(json);
}

/* One building stands for all of them. */
static void add_building(struct json_writer *json, const struct registry_institution *of,
			 const struct steps *steps)
{
	char class[2] = {of->n_buildings > 0 ? of->buildings[0].class_mohurd : '\0', '\0'};

	json_begin_array(json, "buildings");
	json_begin_object(json, NULL);
	json_add_string(json, "id", "all");
	json_add_string(json, "name", of->name);
	if (class[0] != '\0')
		json_add_string(json, "class", class);
	add_list(json, of, steps, (const char *const[]){"area", "m2"}, registry_area);
	add_list(json, of, steps, (const char *const[]){"heated_area", "m2"}, registry_heated_area);
	json_end_object(json);
	json_end_array(json);
}

/* ---- all of it ---- */

static void add_location(struct json_writer *json, const struct registry_institution *of)
{
	if (!of->has_location)
		return;
	json_begin_object(json, "location");
	json_add_real(json, "latitude", of->latitude, LOCATION_DECIMALS);
	json_add_real(json, "longitude", of->longitude, LOCATION_DECIMALS);
	json_add_string(json, "datum", datum_names[of->datum]);
	json_end_object(json);
}

static void add_relations(struct json_writer *json, const struct registry *registry,
			  const struct registry_institution *of)
{
	if (of->reports_with != REGISTRY_NONE)
		json_add_string(json, "reports_with", registry->institutions[of->reports_with].id);
	if (of->n_successors == 0)
		return;
	json_begin_array(json, "successors");
	for (size_t i = 0; i < of->n_successors; i++) {
		json_begin_object(json, NULL);
		json_add_string(json, "id",
				registry->institutions[of->successors[i].institution].id);
		json_add_micro(json, "share", of->successors[i].share);
		json_end_object(json);
	}
	json_end_array(json);
}

void card_write(const struct registry *registry, uint32_t institution, struct buf *out)
{
	static const struct {
		const char *key;
		text_fn fn;
	} texts[] = {{"name", name_of},
		     {"region", region_of},
		     {"type", type_of},
		     {"department", department_of},
		     {"competent", competent_of},
		     {"affiliation", affiliation_of},
		     {"quota_class", quota_class_of},
		     {"calendar", calendar_of}};
	const struct registry_institution *of = &registry->institutions[institution];
	struct json_writer json = {.out = out};
	struct steps steps = steps_of(of);

	json_begin_object(&json, NULL);
	json_add_string(&json, "id", of->id);
	if (of->uscc != NULL)
		json_add_string(&json, "uscc", of->uscc);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		add_text(&json, of, texts[i].key, texts[i].fn);
	if (of->valid.from > CIVIL_DAY_MIN)
		add_day(&json, "from", of->valid.from);
	if (of->valid.to < CIVIL_DAY_MAX)
		add_day(&json, "to", of->valid.to);
	if (of->is_sensitive)
		json_add_bool(&json, "sensitive", true);
	add_location(&json, of);
	add_list(&json, of, &steps, (const char *const[]){"headcount", "persons"},
		 registry_headcount);
	add_building(&json, of, &steps);
	add_relations(&json, registry, of);
	json_end_object(&json);
	free(steps.days);
}
