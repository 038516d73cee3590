/* SPDX-License-Identifier: Apache-2.0 */
/* One institution's file into the registry; mistakes that one file can show. */
#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "common/telemetry.h"
#include "server/registry/registry_file.h"

/* ---- helpers of all registry_*.c ---- */

const struct conf_node *registry_at(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

const char *registry_keep(struct registry_loader *loader, const char *text)
{
	return text != NULL ? arena_strndup(loader->arena, text, strlen(text)) : NULL;
}

const char *registry_share(struct registry_loader *loader, const char *text)
{
	uint32_t hash = 2166136261u;
	struct registry_text **slot, *shared;

	size_t len = 0;

	if (text == NULL)
		return NULL;
	for (; text[len] != '\0'; len++)
		hash = (hash ^ (unsigned char)text[len]) * 16777619u;
	slot = &loader->texts[hash % REGISTRY_TEXT_SLOTS];
	for (shared = *slot; shared != NULL; shared = shared->next)
		if (strcmp(shared->text, text) == 0)
			return shared->text;
	shared = arena_alloc(loader->arena, sizeof *shared + len + 1);
	memcpy(shared->text, text, len + 1);
	shared->next = *slot;
	*slot = shared;
	return shared->text;
}

const struct conf_node *registry_keep_node(struct registry_loader *loader,
					   const struct conf_node *node)
{
	bool is_root = node->parent == NULL;
	bool is_list = !is_root && node->parent->parent == NULL && node->shape == CONF_IS_LIST &&
		       node->key != NULL && strcmp(node->key, "meters") == 0;
	struct conf_node *copy;

	if (is_root && loader->kept_root != NULL)
		return loader->kept_root;
	if (is_list && loader->kept_list != NULL)
		return loader->kept_list;
	copy = arena_alloc(loader->arena, sizeof *copy);
	copy->shape = node->shape;
	copy->line = node->line;
	copy->column = node->column;
	copy->index = node->index;
	copy->text = "";
	copy->key = registry_share(loader, node->key);
	if (is_root) {
		copy->file = registry_keep(loader, node->file);
		loader->kept_root = copy;
	} else {
		copy->parent = registry_keep_node(loader, node->parent);
		copy->file = copy->parent->file;
	}
	if (is_list)
		loader->kept_list = copy;
	return copy;
}

static struct registry_institution *here(struct registry_loader *loader)
{
	return &loader->registry->institutions[loader->institution];
}

void registry_chain(struct registry_loader *loader, const struct conf_node *const *nodes,
		    struct span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct span *last = i > 0 ? &spans[i - 1] : NULL;

		if (spans[i].to <= spans[i].from)
			conf_error(loader->errors, registry_at(nodes[i], "to"), NULL,
				   "must be after 'from'");
		if (last == NULL)
			continue;
		if (spans[i].from <= last->from)
			conf_error(loader->errors, registry_at(nodes[i], "from"), NULL,
				   "must be after the 'from' of the item before it");
		else if (last->to == CIVIL_DAY_MAX)
			last->to = spans[i].from;
		else if (spans[i].from < last->to)
			conf_error(loader->errors, registry_at(nodes[i], "from"), NULL,
				   "lies before the end of the item before it");
	}
	if (n > 0 && spans[n - 1].to == CIVIL_DAY_MAX)
		spans[n - 1].to = DAY_OPEN;
}

/* Chains amounts whose spans are not adjacent in memory. */
static void chain_amounts(struct registry_loader *loader, struct arena *temporary,
			  const struct conf_node *const *nodes, struct dated_amount *amounts,
			  size_t n)
{
	struct span *spans = arena_alloc(temporary, n * sizeof *spans);

	for (size_t i = 0; i < n; i++)
		spans[i] = amounts[i].days;
	registry_chain(loader, nodes, spans, n);
	for (size_t i = 0; i < n; i++)
		amounts[i].days = spans[i];
}

static void check_id(struct registry_loader *loader, const struct conf_node *map, const char *id)
{
	if (!telemetry_id_is_valid(id, strlen(id)))
		conf_error(loader->errors, registry_at(map, "id"), NULL,
			   "'%.60s' is not an id: 1 to 48 of A-Z a-z 0-9 and '-'", id);
}

/* ---- the institution itself ---- */

static void check_file_name(struct registry_loader *loader, const struct file_institution *file)
{
	const char *slash = strrchr(file->node->file, '/');
	const char *name = slash != NULL ? slash + 1 : file->node->file;
	size_t len = strlen(file->id);

	if (strncmp(name, file->id, len) != 0 || strcmp(name + len, ".yaml") != 0)
		conf_error(loader->errors, registry_at(file->node, "id"), NULL,
			   "'%.60s' must stand in a file '%.60s.yaml', not '%.120s'", file->id,
			   file->id, name);
}

static void check_institution(struct registry_loader *loader, const struct file_institution *file)
{
	check_id(loader, file->node, file->id);
	check_file_name(loader, file);
	if (file->uscc != NULL && !uscc_is_valid(file->uscc, strlen(file->uscc)))
		conf_error(
			loader->errors, registry_at(file->node, "uscc"), NULL,
			"'%.60s' is not a unified social credit code: 18 characters, the last of "
			"which checks the others",
			file->uscc);
	if (file->to <= file->from)
		conf_error(loader->errors, registry_at(file->node, "to"), NULL,
			   "must be after 'from'");
}

void registry_add_late(
	struct registry_loader *loader, enum registry_late_kind kind,
	/* NOLINTNEXTLINE(readability-non-const-parameter): written once all is read */
	const char *target, const struct conf_node *node, uint32_t *out)
{
	loader->late = grow(loader->late, loader->n_late, &loader->cap_late, sizeof *loader->late);
	loader->late[loader->n_late++] = (struct registry_late){
		.kind = kind,
		.institution = loader->institution,
		.target = registry_keep(loader, target),
		.node = registry_keep_node(loader, node),
		.out = out,
		.is_of_card = loader->source != NULL,
	};
}

static void build_successors(struct registry_loader *loader, const struct file_institution *file)
{
	const struct file_successor *from = file->successors.items;
	size_t n = file->successors.count;
	struct registry_successor *to = arena_alloc(loader->arena, n * sizeof *to);
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		to[i] = (struct registry_successor){REGISTRY_NONE, from[i].share};
		sum += from[i].share;
		registry_add_late(loader, LATE_SUCCESSOR, from[i].id,
				  registry_at(from[i].node, "id"), &to[i].institution);
	}
	if (sum > MICRO)
		conf_error(loader->errors, registry_at(file->node, "successors"), NULL,
			   "the shares add up to more than 1");
	if (n > 0 && file->to == CIVIL_DAY_MAX)
		conf_error(loader->errors, registry_at(file->node, "successors"), NULL,
			   "an institution with successors needs 'to', its last day + 1");
	here(loader)->successors = to;
	here(loader)->n_successors = n;
	if (file->reports_with != NULL)
		registry_add_late(loader, LATE_REPORT, file->reports_with,
				  registry_at(file->node, "reports_with"), NULL);
}

/* ---- persons ---- */

static const char *const part_keys[] = {"staff",          "external",    "logistics", "students",
					"visitor_days",   "outpatients", "bed_days",  "holidays",
					"staff_holidays", "day_base",    NULL};

static const struct conf_node *find_part(const struct conf_node *node)
{
	for (size_t i = 0; part_keys[i] != NULL; i++)
		if (conf_get(node, part_keys[i]) != NULL)
			return conf_get(node, part_keys[i]);
	return NULL;
}

/* GB/T 40498-2021, annex A: persons that are there all year, less their holidays, and person-days,
 * as person-days of the year divided by its days: rounded once. */
static int64_t count_persons(const struct file_headcount *file)
{
	int64_t regular = file->staff + file->external + file->logistics;
	int64_t days = file->visitor_days + file->outpatients + file->bed_days +
		       regular * (file->day_base - file->staff_holidays) +
		       file->students * (file->day_base - file->holidays);

	return scale_int64(days, MICRO, file->day_base);
}

static int64_t persons_of(struct registry_loader *loader, const struct file_headcount *file)
{
	static const struct conf_key persons_key = {.type = CONF_MICRO,
						    .max = INT64_C(1000000000) * MICRO};
	const struct conf_node *part = find_part(file->node);
	int64_t persons = 0;

	if (file->persons != NULL && part != NULL)
		conf_error(loader->errors, part, NULL,
			   "give either 'persons' or the parts, not both");
	else if (file->persons != NULL)
		(void)conf_scalar(loader->arena, file->persons, &persons_key, &persons,
				  loader->errors);
	else if (part == NULL)
		conf_error(loader->errors, file->node, "persons", "is missing");
	else if (file->holidays > file->day_base || file->staff_holidays > file->day_base)
		conf_error(loader->errors, file->node, NULL, "more holidays than 'day_base' days");
	else
		persons = count_persons(file);
	return persons;
}

static void build_headcount(struct registry_loader *loader, struct arena *temporary,
			    const struct conf_list *list)
{
	const struct file_headcount *from = list->items;
	struct dated_amount *to = arena_alloc(loader->arena, list->count * sizeof *to);
	const struct conf_node **nodes = arena_alloc(temporary, list->count * sizeof(void *));

	for (size_t i = 0; i < list->count; i++) {
		to[i].days = (struct span){from[i].from, from[i].to};
		to[i].micro = persons_of(loader, &from[i]);
		nodes[i] = from[i].node;
	}
	chain_amounts(loader, temporary, nodes, to, list->count);
	here(loader)->headcount = to;
	here(loader)->n_headcount = list->count;
}

/* ---- buildings ---- */

static const struct dated_amount *build_areas(struct registry_loader *loader,
					      struct arena *temporary, const struct conf_list *list)
{
	const struct file_area *from = list->items;
	struct dated_amount *to = arena_alloc(loader->arena, list->count * sizeof *to);
	const struct conf_node **nodes = arena_alloc(temporary, list->count * sizeof(void *));

	for (size_t i = 0; i < list->count; i++) {
		to[i] = (struct dated_amount){{from[i].from, from[i].to}, from[i].m2};
		nodes[i] = from[i].node;
	}
	chain_amounts(loader, temporary, nodes, to, list->count);
	return to;
}

static void build_buildings(struct registry_loader *loader, struct arena *temporary,
			    const struct conf_list *list)
{
	const struct file_building *from = list->items;
	struct registry_building *to = arena_alloc(loader->arena, list->count * sizeof *to);

	for (size_t i = 0; i < list->count; i++) {
		check_id(loader, from[i].node, from[i].id);
		for (size_t j = 0; j < i; j++)
			if (strcmp(from[j].id, from[i].id) == 0)
				conf_error(loader->errors, registry_at(from[i].node, "id"), NULL,
					   "'%.60s' is also the id of the building in line %u",
					   from[i].id, (unsigned)from[j].node->line);
		to[i].id = registry_keep(loader, from[i].id);
		to[i].name = registry_keep(loader, from[i].name);
		if (from[i].class_mohurd > 0)
			to[i].class_mohurd = (char)('A' + from[i].class_mohurd - 1);
		if (from[i].gbt51161 > 0)
			to[i].gbt51161 = from[i].gbt51161 == 1 ? "A" : "B";
		to[i].areas = build_areas(loader, temporary, &from[i].areas);
		to[i].n_areas = from[i].areas.count;
		to[i].heated_areas = build_areas(loader, temporary, &from[i].heated_areas);
		to[i].n_heated_areas = from[i].heated_areas.count;
	}
	here(loader)->buildings = to;
	here(loader)->n_buildings = list->count;
}

static void build_location(struct registry_loader *loader, const struct file_location *from)
{
	struct registry_institution *it = here(loader);

	it->has_location = from->node != NULL;
	it->latitude = from->latitude;
	it->longitude = from->longitude;
	it->datum = (enum datum)from->datum;
}

/* ---- all of it ---- */

enum { TICK_MAX_MS = 2000 };

struct registry_institution *registry_add_institution(struct registry_loader *loader)
{
	struct registry *registry = loader->registry;
	size_t n = registry->n_institutions++;

	loader->institution = (uint32_t)n;
	registry->institutions = grow(registry->institutions, n, &loader->cap_institutions,
				      sizeof *registry->institutions);
	if (!loader->is_site) {
		struct folder_stamp stamp = loader->visitor.file.stamp;

		/* Changed again in the same tick of the file system's clock, a file would keep its
		 * stamp. */
		if (stamp.changed_ns / 1000000 > clock_utc_ms() - TICK_MAX_MS)
			stamp = (struct folder_stamp){0};
		registry->sources =
			grow(registry->sources, n, &loader->cap_sources, sizeof *registry->sources);
		registry->sources[n] = (struct registry_source){stamp, loader->visitor.file.hash};
	}
	return &registry->institutions[n];
}

static void begin(struct registry_loader *loader, const struct file_institution *file)
{
	struct registry_institution *it = registry_add_institution(loader);
	struct registry *registry = loader->registry;

	loader->kept_root = loader->kept_list = NULL;
	loader->file = file;
	*it = (struct registry_institution){
		.node = registry_keep_node(loader, file->node),
		.id = registry_keep(loader, file->id),
		.uscc = registry_keep(loader, file->uscc),
		.source = registry_share(loader, loader->source),
		.is_site = loader->is_site,
		.rest = REGISTRY_NONE,
		.region = REGISTRY_NONE,
		.valid = {file->from, file->to == CIVIL_DAY_MAX ? (civil_day)DAY_OPEN : file->to},
		.is_sensitive = file->is_sensitive,
		.reports_with = REGISTRY_NONE,
		.first_meter = (uint32_t)registry->n_meters,
	};
}

void registry_build(struct registry_loader *loader, struct arena *temporary,
		    const struct file_institution *file)
{
	begin(loader, file);
	check_institution(loader, file);
	registry_build_identities(loader, temporary);
	build_successors(loader, file);
	build_location(loader, &file->location);
	build_headcount(loader, temporary, &file->headcount);
	build_buildings(loader, temporary, &file->buildings);
	registry_build_meters(loader, temporary);
	registry_build_links(loader, temporary);
	registry_build_supply(loader);
	registry_build_accounts(loader);
	registry_build_occupants(loader);
}
