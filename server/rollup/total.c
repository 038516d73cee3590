/* SPDX-License-Identifier: Apache-2.0 */
#include "server/rollup/total.h"

#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/mem.h"
#include "server/registry/part.h"

static struct total_item *find_item(struct total_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (strcmp(plan->items[i].name, name) == 0)
			return &plan->items[i];
	plan->items = grow(plan->items, plan->n_items, &plan->cap, sizeof *plan->items);
	struct total_item *item = &plan->items[plan->n_items++];
	*item = (struct total_item){0};
	strncpy(item->name, name, sizeof item->name - 1);
	return item;
}

static void add_term(struct total_plan *plan, const char *name, uint32_t meter, int sign)
{
	struct total_item *item = find_item(plan, name);

	item->terms = grow(item->terms, item->n_terms, &item->cap, sizeof *item->terms);
	item->terms[item->n_terms++] = (struct total_term){meter, sign};
}

/* Accounts beside the parts: total, export, generation, non_own. */
static void add_account(struct total_plan *plan, const struct registry *registry, uint32_t index)
{
	const struct registry_meter *meter = &registry->meters[index];
	bool is_own = meter->scope == SCOPE_OWN;

	if (meter->role == ROLE_MAIN && !meter->is_export)
		add_term(plan, "total", index, 1);
	else if (meter->role == ROLE_MAIN && is_own)
		add_term(plan, "export", index, 1);
	else if (meter->role == ROLE_GENERATION && is_own)
		add_term(plan, "generation", index, 1);
}

/* The outermost of a scope other than own. */
static bool is_deducted(const struct registry *registry, const struct registry_meter *meter)
{
	return meter->scope != SCOPE_OWN && !meter->is_export && meter->role != ROLE_GENERATION &&
	       !part_above(registry, meter).is_non_own;
}

static void add_below(struct total_plan *plan, const struct registry *registry, uint32_t index)
{
	const struct registry_meter *meter = &registry->meters[index];
	struct part_share share = part_share(registry, meter);

	if (is_deducted(registry, meter)) {
		add_term(plan, "total", index, -1);
		add_term(plan, "non_own", index, 1);
	}
	if (share.added[0] != '\0')
		add_term(plan, share.added, index, 1);
	if (share.deducted[0] != '\0')
		add_term(plan, share.deducted, index, -1);
}

static int by_name(const void *a, const void *b)
{
	const struct total_item *x = a, *y = b;
	bool x_part = total_is_part(x->name), y_part = total_is_part(y->name);

	if (x_part != y_part)
		return x_part ? 1 : -1;
	return x_part ? strcmp(x->name, y->name) : strcmp(y->name, x->name);
}

void total_plan_init(struct total_plan *plan, const struct registry *registry, uint32_t institution,
		     enum carrier carrier)
{
	const struct registry_institution *of = &registry->institutions[institution];

	*plan = (struct total_plan){0};
	for (uint32_t i = of->first_meter; i < of->first_meter + of->n_meters; i++)
		if (registry->meters[i].carrier == carrier)
			add_account(plan, registry, i);
	for (uint32_t i = of->first_meter; i < of->first_meter + of->n_meters; i++)
		if (registry->meters[i].carrier == carrier)
			add_below(plan, registry, i);
	if (plan->n_items > 1)
		qsort(plan->items, plan->n_items, sizeof *plan->items, by_name);
}

void total_plan_fini(struct total_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++)
		free(plan->items[i].terms);
	free(plan->items);
	*plan = (struct total_plan){0};
}

bool total_is_part(const char *item)
{
	return item[0] >= '0' && item[0] <= '9';
}

int total_in_rest(const char *item)
{
	if (strcmp(item, "total") == 0 || strcmp(item, "generation") == 0)
		return 1;
	return total_is_part(item) || strcmp(item, "export") == 0 ? -1 : 0;
}

void total_add(struct amount *sum, const struct amount *term, int sign)
{
	if (!term->is_known)
		return;
	sum->value += sign * term->value;
	sum->estimated += term->estimated;
	if (sign > 0)
		sum->is_known = true;
}

void total_finish(struct amount *sum)
{
	if (!sum->is_known)
		*sum = (struct amount){0};
}

static int64_t magnitude(int64_t x)
{
	return x < 0 ? -x : x;
}

struct amount total_formula(const struct formula_term *terms, size_t n,
			    const struct amount *amounts)
{
	struct amount sum = {.is_known = n > 0, .covered_ms = INT64_MAX, .closed_ms = INT64_MAX};

	for (size_t i = 0; i < n; i++) {
		const struct amount *amount = &amounts[i];

		if (!amount->is_known)
			return (struct amount){0};
		sum.value += scale_int64(amount->value, terms[i].num, terms[i].den);
		sum.estimated +=
			scale_int64(amount->estimated, magnitude(terms[i].num), terms[i].den);
		if (amount->covered_ms < sum.covered_ms)
			sum.covered_ms = amount->covered_ms;
		if (amount->closed_ms < sum.closed_ms)
			sum.closed_ms = amount->closed_ms;
	}
	return n > 0 ? sum : (struct amount){0};
}
