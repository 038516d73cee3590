/* SPDX-License-Identifier: Apache-2.0 */
/* Who is in a shared building, and whether its energy is divided without rest. */
#include <stdlib.h>
#include <string.h>

#include "server/registry/registry_file.h"

/* ---- one occupant ---- */

static void check_who(struct registry_loader *loader, const struct file_occupant *file)
{
	const struct conf_node *scope = conf_get(file->node, "scope");

	if ((file->institution == NULL) == (file->name == NULL))
		conf_error(loader->errors, file->node, NULL,
			   "give either 'institution' or, of somebody else, 'name'");
	if (file->institution != NULL && scope != NULL)
		conf_error(loader->errors, scope, NULL,
			   "an institution's part is its own; 'scope' is for somebody else");
	if (file->institution == NULL && file->scope == SCOPE_OWN)
		conf_error(loader->errors, registry_at(file->node, "scope"), NULL,
			   "must not be own for somebody else: whose own would it be?");
}

static enum apportion rule_of(const struct file_occupant *file)
{
	return (enum apportion)(file->apportion == FILE_BY_SUBMETER ? file->rest : file->apportion);
}

static void check_rule(struct registry_loader *loader, const struct file_occupant *file)
{
	bool by_submeter = file->apportion == FILE_BY_SUBMETER;
	enum apportion rule = rule_of(file);
	const struct conf_node *share = conf_get(file->node, "share");
	const struct conf_node *rest = conf_get(file->node, "rest");

	if (rule == APPORTION_AREA && file->m2 == 0)
		conf_error(loader->errors, file->node, "m2", "is missing, the part follows it");
	if (rule == APPORTION_PERSONS && file->persons == 0)
		conf_error(loader->errors, file->node, "persons",
			   "is missing, the part follows it");
	if (rule == APPORTION_FIXED && share == NULL)
		conf_error(loader->errors, file->node, "share", "is missing, the part is fixed");
	if (rule != APPORTION_FIXED && share != NULL)
		conf_error(loader->errors, share, NULL, "is only for a part that is fixed");
	if (!by_submeter && rest != NULL)
		conf_error(loader->errors, rest, NULL, "is only for 'apportion: submeter'");
	if (by_submeter != (file->meters.count > 0))
		conf_error(loader->errors, registry_at(file->node, "meters"),
			   by_submeter ? "meters" : NULL, "%s",
			   by_submeter ? "is missing, the part follows them"
				       : "are only for 'apportion: submeter'");
}

static const struct conf_node *child(const struct conf_node *list, size_t index)
{
	const struct conf_node *node = list->first;

	while (node != NULL && node->index < index)
		node = node->next;
	return node != NULL ? node : list;
}

static bool is_own(const struct registry *registry, const struct registry_meter *meter)
{
	while (meter->scope == SCOPE_OWN && meter->parent != REGISTRY_NONE)
		meter = &registry->meters[meter->parent];
	return meter->scope == SCOPE_OWN;
}

static void build_meters(struct registry_loader *loader, const struct file_occupant *file,
			 struct registry_occupant *to)
{
	const struct registry *registry = loader->registry;
	uint32_t first = registry->institutions[loader->institution].first_meter;
	const char *const *ids = file->meters.items;
	uint32_t *meters = arena_alloc(loader->arena, file->meters.count * sizeof *meters);
	char hint[96];

	for (size_t i = 0; i < file->meters.count; i++) {
		uint32_t own = registry_own_meter(loader, ids[i], strlen(ids[i]));
		const struct conf_node *node = child(registry_at(file->node, "meters"), i);
		const struct registry_meter *meter =
			own != REGISTRY_NONE ? &registry->meters[first + own] : NULL;

		if (meter == NULL)
			conf_error(loader->errors, node, NULL, "the site has no meter '%.60s'%s",
				   ids[i], registry_meter_hint(loader, ids[i], hint));
		else if (meter->role == ROLE_GENERATION || meter->is_export ||
			 !is_own(registry, meter))
			conf_error(loader->errors, node, NULL,
				   "'%s' must be a main or sub-meter of scope own, and below none "
				   "of another scope",
				   ids[i]);
		else
			meters[to->n_meters++] = first + own;
	}
	to->meters = meters;
}

static void build_occupant(struct registry_loader *loader, const struct file_occupant *file,
			   struct registry_occupant *to)
{
	*to = (struct registry_occupant){
		.node = registry_keep_node(loader, file->node),
		.institution = REGISTRY_NONE,
		.name = registry_keep(loader, file->name),
		.scope = file->institution != NULL ? SCOPE_OWN : (enum meter_scope)file->scope,
		.days = {file->from, file->to == CIVIL_DAY_MAX ? (civil_day)DAY_OPEN : file->to},
		.m2 = file->m2,
		.heated_m2 = file->heated_m2,
		.persons = file->persons,
		.apportion = rule_of(file),
		.share = file->share,
	};
	check_who(loader, file);
	check_rule(loader, file);
	if (to->days.to <= to->days.from)
		conf_error(loader->errors, registry_at(file->node, "to"), NULL,
			   "must be after 'from'");
	build_meters(loader, file, to);
	if (file->institution != NULL)
		registry_add_late(loader, LATE_OCCUPANT, file->institution,
				  registry_at(file->node, "institution"), &to->institution);
}

/* ---- all of them ---- */

static bool overlap(const struct span *a, const struct span *b)
{
	return a->from < b->to && b->from < a->to;
}

static const char *who(const struct file_occupant *file)
{
	return file->institution != NULL ? file->institution : file->name;
}

static void check_twice(struct registry_loader *loader, const struct file_occupant *file,
			const struct registry_occupant *list, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (overlap(&list[i].days, &list[j].days) && who(&file[i]) != NULL &&
		    who(&file[j]) != NULL && strcmp(who(&file[i]), who(&file[j])) == 0)
			conf_error(loader->errors, file[i].node, NULL,
				   "'%.60s' is already there in line %u: its area would count "
				   "twice",
				   who(&file[i]), (unsigned)file[j].node->line);
}

static bool is_at_or_below(const struct registry *registry, uint32_t meter, uint32_t top)
{
	while (meter != REGISTRY_NONE && meter != top)
		meter = registry->meters[meter].parent;
	return meter == top;
}

/* Does a sub-meter of one count energy of a sub-meter of the other? */
static uint32_t shared_meter(const struct registry *registry, const struct registry_occupant *a,
			     const struct registry_occupant *b, bool is_same)
{
	for (size_t i = 0; i < a->n_meters; i++)
		for (size_t j = 0; j < b->n_meters; j++)
			if ((!is_same || i != j) &&
			    (is_at_or_below(registry, a->meters[i], b->meters[j]) ||
			     is_at_or_below(registry, b->meters[j], a->meters[i])))
				return a->meters[i];
	return REGISTRY_NONE;
}

static void check_meters_twice(struct registry_loader *loader, const struct file_occupant *file,
			       const struct registry_occupant *list, size_t i)
{
	const struct registry *registry = loader->registry;

	for (size_t j = 0; j <= i; j++) {
		uint32_t meter = overlap(&list[i].days, &list[j].days)
					 ? shared_meter(registry, &list[i], &list[j], i == j)
					 : REGISTRY_NONE;

		if (meter != REGISTRY_NONE)
			conf_error(loader->errors, registry_at(file[i].node, "meters"), NULL,
				   "the energy of '%s' is already given to the occupant in line "
				   "%u: it would count twice",
				   registry->meters[meter].id, (unsigned)file[j].node->line);
	}
}

void registry_build_occupants(struct registry_loader *loader)
{
	const struct file_occupant *from = loader->file->occupants.items;
	size_t n = loader->file->occupants.count;
	struct registry_occupant *to = arena_alloc(loader->arena, n * sizeof *to);
	struct registry_institution *site = &loader->registry->institutions[loader->institution];

	for (size_t i = 0; i < n; i++) {
		build_occupant(loader, &from[i], &to[i]);
		check_twice(loader, from, to, i);
		check_meters_twice(loader, from, to, i);
	}
	site->occupants = to;
	site->n_occupants = n;
	if (loader->file->rest != NULL)
		registry_add_late(loader, LATE_REST, loader->file->rest,
				  registry_at(loader->file->node, "rest"), NULL);
}

/* ---- days on which something is left, or given twice ---- */

struct shares {
	int64_t fixed;
	size_t n, by_area, by_persons;
	const struct registry_occupant *newest; /* that came last */
};

static struct shares shares_on(const struct registry_institution *site, civil_day day)
{
	struct shares sum = {.fixed = 0};

	for (size_t i = 0; i < site->n_occupants; i++) {
		const struct registry_occupant *one = &site->occupants[i];

		if (day < one->days.from || day >= one->days.to)
			continue;
		sum.n++;
		sum.by_area += one->apportion == APPORTION_AREA;
		sum.by_persons += one->apportion == APPORTION_PERSONS;
		if (one->apportion == APPORTION_FIXED)
			sum.fixed += one->share;
		if (sum.newest == NULL || one->days.from >= sum.newest->days.from)
			sum.newest = one;
	}
	return sum;
}

static void check_day(struct registry_loader *loader, const struct registry_institution *site,
		      civil_day day)
{
	struct shares sum = shares_on(site, day);
	bool has_pool = sum.by_area + sum.by_persons > 0;
	const struct conf_node *node = sum.newest != NULL ? sum.newest->node : site->node;
	char text[CIVIL_TEXT_MAX], left[DECIMAL_TEXT_MAX];

	(void)civil_print_day(day, text);
	(void)decimal_print_micro(MICRO - sum.fixed, left);
	if (sum.by_area > 0 && sum.by_persons > 0)
		conf_error(loader->errors, node, NULL,
			   "on %s some parts follow the area and others the persons; choose one",
			   text);
	else if (sum.fixed > MICRO)
		conf_error(loader->errors, node, NULL,
			   "on %s the fixed shares add up to more than 1", text);
	else if (sum.fixed == MICRO && has_pool)
		conf_error(loader->errors, node, NULL,
			   "on %s the fixed shares add up to 1: nothing is left for the others",
			   text);
	else if (sum.fixed < MICRO && !has_pool && site->rest == REGISTRY_NONE)
		conf_error(loader->errors, node, NULL,
			   "on %s nobody has the remaining %s; name the institution that takes it "
			   "by 'rest'",
			   text, left);
}

/* Is the division of a day checked at another occupant's first day, or at an earlier's last? */
static bool is_checked(const struct registry_institution *site, size_t i, civil_day day,
		       bool is_from)
{
	for (size_t j = 0; j < site->n_occupants; j++) {
		const struct span *days = &site->occupants[j].days;

		if ((days->from == day && (!is_from || j < i)) ||
		    (!is_from && days->to == day && j < i))
			return true;
	}
	return false;
}

static void check_site(struct registry_loader *loader, const struct registry_institution *site)
{
	struct span all = registry_occupied(site);

	for (size_t i = 0; i < site->n_occupants; i++) {
		const struct span *days = &site->occupants[i].days;

		if (!is_checked(site, i, days->from, true))
			check_day(loader, site, days->from);
		if (days->to < all.to && !is_checked(site, i, days->to, false))
			check_day(loader, site, days->to);
	}
}

/* Energy given to an institution that does not exist would be nobody's. */
static void check_existence(struct registry_loader *loader, uint32_t institution,
			    const struct span *days, const struct conf_node *node)
{
	const struct registry_institution *it = &loader->registry->institutions[institution];
	bool is_early = days->from < it->valid.from;
	char text[CIVIL_TEXT_MAX];

	if (!is_early && days->to <= it->valid.to)
		return;
	(void)civil_print_day(is_early ? it->valid.from : it->valid.to, text);
	if (is_early)
		conf_error(loader->errors, node, NULL, "'%s' exists from %s on only", it->id, text);
	else
		conf_error(loader->errors, node, NULL,
			   "'%s' no longer exists on %s: its part would be nobody's", it->id, text);
}

void registry_check_occupants(struct registry_loader *loader)
{
	const struct registry *registry = loader->registry;

	for (size_t s = 0; s < registry->n_sites; s++) {
		const struct registry_institution *site =
			&registry->institutions[registry->n_institutions + s];
		struct span all = registry_occupied(site);

		check_site(loader, site);
		for (size_t i = 0; i < site->n_occupants; i++)
			if (site->occupants[i].institution != REGISTRY_NONE)
				check_existence(loader, site->occupants[i].institution,
						&site->occupants[i].days, site->occupants[i].node);
		if (site->rest != REGISTRY_NONE)
			check_existence(loader, site->rest, &all, site->node);
	}
}
