/* SPDX-License-Identifier: Apache-2.0 */
/* What an institution is called and where it belongs: texts, or dated lists of them. */
#include <string.h>

#include "server/registry/registry_file.h"

enum fact {
	FACT_NAME,
	FACT_REGION,
	FACT_DEPARTMENT,
	FACT_COMPETENT,
	FACT_TYPE,
	FACT_AFFILIATION,
	FACT_QUOTA_CLASS,
	FACT_CALENDAR
};
enum { N_FACTS = FACT_CALENDAR + 1, VALUE_ROW = 2 /* of a table of DATED_KEYS */ };

struct facts {
	struct file_dated *items; /* by from */
	size_t n;
};

static void check_region(struct registry_loader *loader, const struct conf_node *node,
			 const char *code)
{
	size_t len = strlen(code);

	if (!region_code_is_valid(code, len))
		conf_error(loader->errors, node, NULL,
			   "'%.60s' is not a region code: 6 digits, 9 digits or a local code of "
			   "regions.yaml",
			   code);
	else if (region_code_is_local(code, len) &&
		 region_find(loader->listed, code, len) == UINT32_MAX)
		conf_error(loader->errors, node, NULL, "'%s' is not in regions.yaml", code);
}

static bool read_scalar(struct registry_loader *loader, struct arena *temporary,
			const struct conf_node *node, const struct conf_key *key,
			struct file_dated *item)
{
	void *out = key->type == CONF_CHOICE ? (void *)&item->choice : (void *)&item->text;

	if (conf_is_null(node)) {
		conf_error(loader->errors, node, NULL, "is empty");
		return false;
	}
	return conf_scalar(temporary, node, key, out, loader->errors) == 0;
}

static void read_list(struct registry_loader *loader, struct arena *temporary,
		      const struct conf_node *list, const struct conf_key *keys,
		      struct facts *facts)
{
	for (const struct conf_node *node = list->first; node != NULL; node = node->next) {
		struct file_dated *item = &facts->items[facts->n];

		if (conf_fill(temporary, node, keys, item, loader->errors) < 0)
			continue;
		if (facts->n > 0 && item->from <= item[-1].from)
			conf_error(loader->errors, registry_at(node, "from"), NULL,
				   "must be after the 'from' of the item before it");
		facts->n++;
	}
}

static void read_facts(struct registry_loader *loader, struct arena *temporary,
		       const struct conf_node *node, const struct conf_key *keys,
		       struct facts *facts)
{
	bool is_list = node != NULL && node->shape == CONF_IS_LIST;

	if (node == NULL)
		return;
	facts->items =
		arena_alloc(temporary, (is_list ? node->n_children + 1 : 1) * sizeof *facts->items);
	if (is_list) {
		read_list(loader, temporary, node, keys, facts);
		return;
	}
	facts->items[0].from = CIVIL_DAY_MIN;
	facts->items[0].node = node;
	if (read_scalar(loader, temporary, node, &keys[VALUE_ROW], &facts->items[0]))
		facts->n = 1;
}

static void read_all(struct registry_loader *loader, struct arena *temporary,
		     struct facts all[N_FACTS])
{
	const struct file_institution *file = loader->file;
	const struct {
		const struct conf_node *node;
		const struct conf_key *keys;
	} sources[N_FACTS] = {
		[FACT_NAME] = {file->name, registry_name_keys},
		[FACT_REGION] = {file->region, registry_region_keys},
		[FACT_DEPARTMENT] = {file->department, registry_department_keys},
		[FACT_COMPETENT] = {file->competent, registry_competent_keys},
		[FACT_TYPE] = {file->type, registry_type_keys},
		[FACT_AFFILIATION] = {file->affiliation, registry_affiliation_keys},
		[FACT_QUOTA_CLASS] = {file->quota_class, registry_quota_class_keys},
		[FACT_CALENDAR] = {file->calendar, registry_calendar_keys},
	};

	for (int i = 0; i < N_FACTS; i++)
		read_facts(loader, temporary, sources[i].node, sources[i].keys, &all[i]);
	for (size_t i = 0; i < all[FACT_REGION].n; i++) {
		const struct conf_node *node = all[FACT_REGION].items[i].node;

		check_region(loader,
			     node->shape == CONF_IS_MAP ? registry_at(node, "region") : node,
			     all[FACT_REGION].items[i].text);
	}
}

/* What holds on a day; before the first item that one. */
static const struct file_dated *fact_on(const struct facts *facts, civil_day day)
{
	static const struct file_dated none = {.text = NULL};
	const struct file_dated *found = facts->n > 0 ? &facts->items[0] : &none;

	for (size_t i = 1; i < facts->n && facts->items[i].from <= day; i++)
		found = &facts->items[i];
	return found;
}

/* The next day after `day` from which something else holds, or DAY_OPEN. */
static civil_day next_change(const struct facts all[N_FACTS], civil_day day)
{
	civil_day next = DAY_OPEN;

	for (int f = 0; f < N_FACTS; f++)
		for (size_t i = 1; i < all[f].n; i++)
			if (all[f].items[i].from > day && all[f].items[i].from < next)
				next = all[f].items[i].from;
	return next;
}

void registry_note_region(struct registry_loader *loader, const char *code)
{
	loader->region_codes = grow(loader->region_codes, loader->n_region_codes,
				    &loader->cap_region_codes, sizeof *loader->region_codes);
	loader->region_codes[loader->n_region_codes++] = code;
}

static void build_identity(struct registry_loader *loader, const struct facts all[N_FACTS],
			   struct registry_identity *to)
{
	civil_day day = to->days.from;
	const char *region = fact_on(&all[FACT_REGION], day)->text;

	to->name = registry_share(loader, fact_on(&all[FACT_NAME], day)->text);
	to->department = registry_share(loader, fact_on(&all[FACT_DEPARTMENT], day)->text);
	to->competent = registry_share(loader, fact_on(&all[FACT_COMPETENT], day)->text);
	to->type = (enum institution_type)fact_on(&all[FACT_TYPE], day)->choice;
	to->affiliation = (enum affiliation)fact_on(&all[FACT_AFFILIATION], day)->choice;
	to->quota_class = registry_share(loader, fact_on(&all[FACT_QUOTA_CLASS], day)->text);
	to->working = WORKING_BY_TYPE;
	if (all[FACT_CALENDAR].n > 0)
		to->working = (enum working)fact_on(&all[FACT_CALENDAR], day)->choice;
	to->region = REGISTRY_NONE;
	to->region_code = registry_share(loader, region != NULL ? region : "000000");
	if (to->name == NULL)
		to->name = "";
	registry_note_region(loader, to->region_code);
}

void registry_build_identities(struct registry_loader *loader, struct arena *temporary)
{
	struct registry_institution *it = &loader->registry->institutions[loader->institution];
	struct facts all[N_FACTS] = {{NULL, 0}};
	struct registry_identity *list;
	size_t n = 1;

	read_all(loader, temporary, all);
	for (civil_day day = CIVIL_DAY_MIN; (day = next_change(all, day)) != DAY_OPEN;)
		n++;
	list = arena_alloc(loader->arena, n * sizeof *list);
	for (size_t i = 0; i < n; i++) {
		list[i].days.from = i == 0 ? CIVIL_DAY_MIN : list[i - 1].days.to;
		list[i].days.to = next_change(all, list[i].days.from);
		build_identity(loader, all, &list[i]);
	}
	it->identities = list;
	it->n_identities = n;
	it->name = list[n - 1].name;
	it->department = list[n - 1].department;
	it->competent = list[n - 1].competent;
	it->type = list[n - 1].type;
	it->affiliation = list[n - 1].affiliation;
}
