/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalogue/catalogue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/digest.h"
#include "common/mem.h"

/* The shipped file, put into the program by the assembler. */
__asm__(".pushsection .rodata\n"
	"catalogue_built_in:\n"
	".incbin \"config/catalogue.yaml\"\n"
	".byte 0\n"
	".popsection\n");
extern const char catalogue_built_in[];

/* A sum hides its parts only if it has so many, none of which is nearly all of it. */
enum { SUM_MIN = 5, SUM_LARGEST = 800000 };

struct catalogue {
	struct arena *arena;
	atomic_int references;
	const char *version;
	civil_day issued;
	struct conf_list items; /* struct catalogue_entry */
	int64_t digest;
	const struct catalogue_entry *own[N_CATALOGUE_ITEMS], *kpis[N_KPIS];
};

static const char *const item_names[N_CATALOGUE_ITEMS] = {
	[ITEM_NONE] = "",
	[ITEM_REGION] = "region",
	[ITEM_INSTITUTION] = "institution",
	[ITEM_USCC] = "uscc",
	[ITEM_AREA] = "area_m2",
	[ITEM_PERSONS] = "persons",
	[ITEM_SUPPLY] = "supply",
	[ITEM_BUILDING] = "building",
	[ITEM_LOCATION] = "location",
	[ITEM_ACCOUNT] = "account",
	[ITEM_METER] = "meter",
	[ITEM_METER_REGISTER] = "meter_register",
	[ITEM_LOAD] = "load",
	[ITEM_COVERAGE] = "coverage",
	[ITEM_ENERGY] = "energy",
	[ITEM_BILL] = "bill",
	[ITEM_FEE] = "fee",
	[ITEM_EVENT] = "event",
	[ITEM_NOTICE] = "notice",
	[ITEM_EDIT] = "edit",
	[ITEM_STATISTICS] = "statistics",
	[ITEM_SAVINGS] = "savings",
	[ITEM_QUOTA_GRADE] = "quota_grade",
	[ITEM_TARGET_PROGRESS] = "target_progress",
	[ITEM_ACCESS_LOG] = "access_log",
};
const char *const catalogue_cycle_names[] = {"15min", "hour",      "day", "month",
					     "year",  "on_change", NULL};
const char *const catalogue_consent_names[] = {"无条件", "有条件", "不予", NULL};
const char *const catalogue_type_names[] = {"string", "number", "object", "list", NULL};
const char *const catalogue_source_names[] = {"registry",         "meters", "bills",
					      "meters and bills", "server", NULL};
const char *const catalogue_grade_names[] = {"L1", "L2", "L3", "L4", NULL};

#define NAME(field) offsetof(struct catalogue_entry, field)
static const struct conf_key name_keys[] = {
	{.name = "zh", .type = CONF_STRING, .offset = 0, .is_required = true, .help = "in Chinese"},
	{.name = "en",
	 .type = CONF_STRING,
	 .offset = NAME(name.en) - NAME(name.zh),
	 .is_required = true,
	 .help = "in English"},
	{0},
};

static const struct conf_key entry_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = NAME(node)},
	{.name = "item",
	 .type = CONF_STRING,
	 .offset = NAME(item),
	 .is_required = true,
	 .help = "name of the data item, as in the interface"},
	{.name = "code",
	 .type = CONF_STRING,
	 .offset = NAME(code),
	 .is_required = true,
	 .help = "level 0 to 4, business type, information subject, number: 0-JG-02-001"},
	{.name = "name",
	 .type = CONF_SECTION,
	 .offset = NAME(name),
	 .is_required = true,
	 .table = name_keys,
	 .help = "what people call it"},
	{.name = "type",
	 .type = CONF_CHOICE,
	 .offset = NAME(type),
	 .choices = catalogue_type_names,
	 .is_required = true,
	 .help = "of its value"},
	{.name = "format",
	 .type = CONF_STRING,
	 .offset = NAME(format),
	 .is_required = true,
	 .help = "how it is written"},
	{.name = "unit", .type = CONF_STRING, .offset = NAME(unit), .help = "where it has one"},
	{.name = "source",
	 .type = CONF_CHOICE,
	 .offset = NAME(source),
	 .choices = catalogue_source_names,
	 .is_required = true,
	 .help = "where it comes from"},
	{.name = "cycle",
	 .type = CONF_CHOICE,
	 .offset = NAME(cycle),
	 .choices = catalogue_cycle_names,
	 .is_required = true,
	 .help = "how often it is made anew"},
	{.name = "share",
	 .type = CONF_CHOICE,
	 .offset = NAME(share),
	 .choices = catalogue_consent_names,
	 .is_required = true,
	 .help = "with other authorities"},
	{.name = "open",
	 .type = CONF_CHOICE,
	 .offset = NAME(open),
	 .choices = catalogue_consent_names,
	 .is_required = true,
	 .help = "to the public"},
	{.name = "grade",
	 .type = CONF_CHOICE,
	 .offset = NAME(grade),
	 .choices = catalogue_grade_names,
	 .is_required = true,
	 .help = "of one institution's"},
	{.name = "aggregate",
	 .type = CONF_CHOICE,
	 .offset = NAME(aggregate),
	 .choices = catalogue_grade_names,
	 .help = "of sums over five institutions and more, none above 80 %; default: grade"},
	{0},
};

static const struct conf_key keys[] = {
	{.name = "version",
	 .type = CONF_STRING,
	 .offset = offsetof(struct catalogue, version),
	 .is_required = true,
	 .help = "changes with the contents"},
	{.name = "issued",
	 .type = CONF_DATE,
	 .offset = offsetof(struct catalogue, issued),
	 .is_required = true,
	 .help = "the day from which it holds"},
	{.name = "items",
	 .type = CONF_LIST,
	 .offset = offsetof(struct catalogue, items),
	 .is_required = true,
	 .table = entry_keys,
	 .item_size = sizeof(struct catalogue_entry),
	 .help = "the data items"},
	{0},
};

/* ---- checks ---- */

static bool is_code(const char *code)
{
	static const char form[] = "0-AA-00-000";
	size_t i = 0;

	for (; form[i] != '\0' && code[i] != '\0'; i++) {
		bool fits = form[i] == '-'   ? code[i] == '-'
			    : form[i] == 'A' ? code[i] >= 'A' && code[i] <= 'Z'
					     : code[i] >= '0' && code[i] <= '9';

		if (!fits)
			return false;
	}
	return form[i] == '\0' && code[i] == '\0' && code[0] <= '4';
}

static void check_entry(struct catalogue_entry *entry, struct conf_errors *errors)
{
	if (!is_code(entry->code))
		conf_error(errors, entry->node, "code",
			   "is '%.40s'; it must have the form 0-JG-02-001: level 0 to 4, business "
			   "type, subject, number",
			   entry->code);
	if (entry->open == CONSENT_FREE && entry->grade > 1)
		conf_error(errors, entry->node, "open",
			   "is 无条件, and the grade is %s: that is not open to everybody",
			   catalogue_grade_names[entry->grade]);
	if (entry->share == CONSENT_NONE && entry->open != CONSENT_NONE)
		conf_error(errors, entry->node, "open",
			   "is %s, and share is 不予: what authorities do not get the public "
			   "cannot have",
			   catalogue_consent_names[entry->open]);
	if (conf_get(entry->node, "aggregate") == NULL)
		entry->aggregate = entry->grade;
	else if (entry->aggregate > entry->grade)
		conf_error(errors, entry->node, "aggregate",
			   "is above the grade of one institution");
}

static void check_unique(const struct catalogue_entry *entries, size_t n,
			 struct conf_errors *errors)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++) {
			if (strcmp(entries[i].item, entries[k].item) == 0)
				conf_error(errors, entries[i].node, "item", "'%s' is there already",
					   entries[i].item);
			if (strcmp(entries[i].code, entries[k].code) == 0)
				conf_error(errors, entries[i].node, "code", "'%s' is '%s' already",
					   entries[i].code, entries[k].item);
		}
}

static const struct catalogue_entry *find(const struct catalogue *catalogue, const char *item)
{
	const struct catalogue_entry *entries = catalogue->items.items;

	for (size_t i = 0; i < catalogue->items.count; i++)
		if (strcmp(entries[i].item, item) == 0)
			return &entries[i];
	return NULL;
}

/* What answers hold must be there: nothing is shown whose grade nobody has set. */
static void link_items(struct catalogue *catalogue, const struct conf_node *root,
		       struct conf_errors *errors)
{
	for (int i = ITEM_NONE + 1; i < N_CATALOGUE_ITEMS; i++) {
		catalogue->own[i] = find(catalogue, item_names[i]);
		if (catalogue->own[i] == NULL)
			conf_error(errors, root, "items", "has no item '%s'", item_names[i]);
	}
	for (int i = 0; i < N_KPIS; i++) {
		catalogue->kpis[i] = find(catalogue, kpi_name((enum kpi)i));
		if (catalogue->kpis[i] == NULL)
			conf_error(errors, root, "items", "has no item '%s'",
				   kpi_name((enum kpi)i));
	}
}

static int64_t hash_of(const struct conf_node *root)
{
	struct buf text = {0};
	uint8_t digest[DIGEST_BYTES];
	int64_t hash;

	conf_print_node(root, &text);
	digest_sha256(text.data, text.len, digest);
	memcpy(&hash, digest, sizeof hash);
	buf_fini(&text);
	return hash;
}

static int fill(struct catalogue *catalogue, const struct conf_node *root,
		struct conf_errors *errors)
{
	struct catalogue filled = {0};
	struct catalogue_entry *entries;

	if (conf_fill(catalogue->arena, root, keys, &filled, errors) < 0)
		return -EINVAL;
	catalogue->version = filled.version;
	catalogue->issued = filled.issued;
	catalogue->items = filled.items;
	catalogue->digest = hash_of(root);
	entries = filled.items.items;
	for (size_t i = 0; i < filled.items.count; i++)
		check_entry(&entries[i], errors);
	check_unique(entries, filled.items.count, errors);
	link_items(catalogue, root, errors);
	return 0;
}

int catalogue_load(struct catalogue **out, const char *path, struct conf_errors *errors)
{
	struct catalogue *catalogue = xcalloc(1, sizeof *catalogue);
	const struct conf_node *root = NULL;
	size_t before = errors->count;
	int rc;

	catalogue->arena = arena_create();
	atomic_init(&catalogue->references, 1);
	if (path != NULL)
		rc = conf_load(catalogue->arena, path, &root, errors);
	else
		rc = conf_parse(catalogue->arena, "catalogue.yaml", catalogue_built_in,
				strlen(catalogue_built_in), &root, errors);
	if (rc == 0)
		rc = fill(catalogue, root, errors);
	if (errors->count > before)
		rc = -EINVAL;
	if (rc < 0)
		catalogue_release(catalogue);
	else
		*out = catalogue;
	return rc;
}

struct catalogue *catalogue_hold(struct catalogue *catalogue)
{
	atomic_fetch_add(&catalogue->references, 1);
	return catalogue;
}

void catalogue_release(struct catalogue *catalogue)
{
	if (catalogue == NULL || atomic_fetch_sub(&catalogue->references, 1) > 1)
		return;
	arena_destroy(catalogue->arena);
	free(catalogue);
}

/* ---- questions ---- */

const char *catalogue_version(const struct catalogue *catalogue)
{
	return catalogue->version;
}

civil_day catalogue_issued(const struct catalogue *catalogue)
{
	return catalogue->issued;
}

int64_t catalogue_digest(const struct catalogue *catalogue)
{
	return catalogue->digest;
}

const struct catalogue_entry *catalogue_entries(const struct catalogue *catalogue, size_t *n)
{
	*n = catalogue->items.count;
	return catalogue->items.items;
}

const char *catalogue_item_name(enum catalogue_item item)
{
	return item_names[item];
}

int catalogue_grade(const struct catalogue *catalogue, enum catalogue_item item)
{
	return catalogue->own[item]->grade + 1;
}

const struct catalogue_entry *catalogue_kpi_entry(const struct catalogue *catalogue, enum kpi kpi)
{
	return catalogue->kpis[kpi];
}

int catalogue_kpi_grade(const struct catalogue *catalogue, enum kpi kpi)
{
	return catalogue->kpis[kpi]->grade + 1;
}

int catalogue_sum_grade(const struct catalogue *catalogue, enum kpi kpi, uint32_t n,
			int64_t largest)
{
	if (n < SUM_MIN || largest > SUM_LARGEST)
		return catalogue_kpi_grade(catalogue, kpi);
	return catalogue->kpis[kpi]->aggregate + 1;
}

void catalogue_print_reference(struct buf *out)
{
	conf_print_reference(keys, out);
}
