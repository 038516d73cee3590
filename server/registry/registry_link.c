/* SPDX-License-Identifier: Apache-2.0 */
/* How an institution's meters refer to each other: parents and formulas. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/registry/formula.h"
#include "server/registry/part.h"
#include "server/registry/registry_file.h"

enum { MAX_TERMS = 4096, MAX_DEPTH = 64 };

enum state { STATE_NEW, STATE_OPEN, STATE_DONE };

struct linking {
	struct registry_loader *loader;
	struct registry_meter *meters; /* the institution's */
	const struct file_meter *file;
	uint32_t n, first;
	int depth;
	enum state *states;
};

static const struct conf_node *formula_node(const struct linking *l, uint32_t i)
{
	return registry_at(l->file[i].node, "formula");
}

/* ---- parents ---- */

static bool is_total(const struct registry_meter *meter, enum carrier carrier)
{
	return meter->role == ROLE_MAIN && meter->carrier == carrier && !meter->is_export;
}

/* The only main meter of a carrier, or REGISTRY_NONE. */
static uint32_t only_main(const struct linking *l, enum carrier carrier)
{
	uint32_t found = REGISTRY_NONE;

	for (uint32_t i = 0; i < l->n; i++) {
		if (!is_total(&l->meters[i], carrier))
			continue;
		if (found != REGISTRY_NONE)
			return REGISTRY_NONE;
		found = i;
	}
	return found;
}

static void take_parent(struct linking *l, uint32_t i)
{
	struct registry_meter *meter = &l->meters[i];
	const char *id = l->file[i].parent;
	const struct conf_node *node = registry_at(l->file[i].node, "parent");
	uint32_t parent = registry_own_meter(l->loader, id, strlen(id));
	char hint[96];

	if (parent == REGISTRY_NONE)
		conf_error(l->loader->errors, node, NULL, "the institution has no meter '%.60s'%s",
			   id, registry_meter_hint(l->loader, id, hint));
	else if (meter->role == ROLE_MAIN)
		conf_error(l->loader->errors, node, NULL,
			   "a main meter has no parent: its energy would count twice");
	else if (l->meters[parent].carrier != meter->carrier)
		conf_error(l->loader->errors, node, NULL, "'%s' counts %s, this meter %s", id,
			   carrier_names[l->meters[parent].carrier], carrier_names[meter->carrier]);
	else
		meter->parent = l->first + parent;
}

/* Walks up from each meter once; a meter met again on the same walk is its own ancestor. */
static void check_ancestors(struct linking *l)
{
	uint32_t *walk = xcalloc(l->n, sizeof *walk);

	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t at = i;

		while (walk[at] == 0) {
			walk[at] = i + 1;
			if (l->meters[at].parent == REGISTRY_NONE)
				break;
			at = l->meters[at].parent - l->first;
		}
		if (walk[at] == i + 1 && l->meters[at].parent != REGISTRY_NONE) {
			conf_error(l->loader->errors, registry_at(l->file[at].node, "parent"), NULL,
				   "'%s' is its own ancestor", l->meters[at].id);
			l->meters[at].parent = REGISTRY_NONE;
		}
	}
	free(walk);
}

static void link_parents(struct linking *l)
{
	uint32_t mains[N_CARRIERS];

	for (int carrier = 0; carrier < N_CARRIERS; carrier++)
		mains[carrier] = only_main(l, (enum carrier)carrier);
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t only = mains[l->meters[i].carrier];

		if (l->file[i].parent != NULL)
			take_parent(l, i);
		else if (l->meters[i].role == ROLE_SUB && only != REGISTRY_NONE)
			l->meters[i].parent = l->first + only;
	}
	check_ancestors(l);
}

/* ---- formulas ---- */

struct terms {
	struct formula_term *list;
	size_t n, cap;
};

static int by_meter(const void *a, const void *b)
{
	const struct formula_term *x = a, *y = b;

	return (x->meter > y->meter) - (x->meter < y->meter);
}

/* Each meter once, without those whose coefficients cancel out. */
static int unite(struct terms *terms)
{
	size_t n = 0, kept = 0;

	if (terms->n > 0)
		qsort(terms->list, terms->n, sizeof *terms->list, by_meter);
	for (size_t i = 0; i < terms->n; i++) {
		struct formula_term *last = n > 0 ? &terms->list[n - 1] : NULL;
		struct fraction sum;

		if (last == NULL || last->meter != terms->list[i].meter) {
			terms->list[n++] = terms->list[i];
			continue;
		}
		if (fraction_add((struct fraction){last->num, last->den},
				 (struct fraction){terms->list[i].num, terms->list[i].den},
				 &sum) < 0)
			return -ERANGE;
		last->num = sum.num;
		last->den = sum.den;
	}
	for (size_t i = 0; i < n; i++)
		if (terms->list[i].num != 0)
			terms->list[kept++] = terms->list[i];
	terms->n = kept;
	return 0;
}

static int add_term(struct terms *terms, uint32_t meter, struct fraction a, struct fraction b)
{
	struct fraction product;

	if (terms->n == MAX_TERMS || fraction_multiply(a, b, &product) < 0)
		return -ERANGE;
	terms->list = grow(terms->list, terms->n, &terms->cap, sizeof *terms->list);
	terms->list[terms->n++] = (struct formula_term){meter, product.num, product.den};
	return 0;
}

static int expand(struct linking *l, uint32_t i);

/* Adds a part of meter i's formula: a real meter, or what a virtual one stands for. */
static int add_part(struct linking *l, uint32_t i, const struct formula_part *part,
		    struct terms *terms)
{
	uint32_t at = registry_own_meter(l->loader, part->id, part->len);
	const struct registry_meter *meter = at != REGISTRY_NONE ? &l->meters[at] : NULL;
	char id[64] = "", hint[96];
	int code = 0;

	memcpy(id, part->id, part->len < sizeof id ? part->len : sizeof id - 1);
	if (meter == NULL) {
		conf_error(l->loader->errors, formula_node(l, i), NULL,
			   "the institution has no meter '%s'%s", id,
			   registry_meter_hint(l->loader, id, hint));
		return -EINVAL;
	}
	if (meter->carrier != l->meters[i].carrier) {
		conf_error(l->loader->errors, formula_node(l, i), NULL,
			   "'%s' counts %s, this meter %s", id, carrier_names[meter->carrier],
			   carrier_names[l->meters[i].carrier]);
		return -EINVAL;
	}
	if (l->file[at].formula == NULL)
		return add_term(terms, l->first + at, part->coefficient, (struct fraction){1, 1});
	code = expand(l, at);
	for (size_t k = 0; k < meter->n_terms && code == 0; k++)
		code = add_term(terms, meter->terms[k].meter, part->coefficient,
				(struct fraction){meter->terms[k].num, meter->terms[k].den});
	return code;
}

static void keep_terms(struct linking *l, uint32_t i, const struct terms *terms)
{
	struct formula_term *kept = arena_alloc(l->loader->arena, terms->n * sizeof *kept);

	memcpy(kept, terms->list, terms->n * sizeof *kept);
	l->meters[i].terms = kept;
	l->meters[i].n_terms = terms->n;
}

static int expand_parts(struct linking *l, uint32_t i, const struct formula *formula)
{
	struct terms terms = {0};
	int code = 0;

	for (size_t k = 0; k < formula->n && code == 0; k++)
		code = add_part(l, i, &formula->parts[k], &terms);
	if (code == 0)
		code = unite(&terms);
	if (code == -ERANGE)
		conf_error(l->loader->errors, formula_node(l, i), NULL,
			   "the formula has too many terms or digits when written with real meters "
			   "only");
	else if (code == 0 && terms.n == 0)
		conf_error(l->loader->errors, formula_node(l, i), NULL,
			   "the formula is always zero");
	if (code == 0 && terms.n > 0)
		keep_terms(l, i, &terms);
	free(terms.list);
	return code == 0 && l->meters[i].n_terms > 0 ? 0 : -EINVAL;
}

/* Brings a virtual meter down to real ones. */
static int expand(struct linking *l, uint32_t i)
{
	const char *text = l->file[i].formula;
	struct formula *formula;
	struct err err;
	int code;

	if (l->states[i] == STATE_OPEN) {
		conf_error(l->loader->errors, formula_node(l, i), NULL,
			   "the formula leads back to this meter itself");
		return -EINVAL;
	}
	if (l->states[i] == STATE_DONE)
		return l->meters[i].n_terms > 0 ? 0 : -EINVAL;
	if (l->depth == MAX_DEPTH) {
		conf_error(l->loader->errors, formula_node(l, i), NULL,
			   "more than %d formulas refer to each other in a row", MAX_DEPTH);
		return -EINVAL;
	}
	l->states[i] = STATE_OPEN;
	l->depth++;
	formula = xcalloc(1, sizeof *formula);
	code = formula_parse(text, strlen(text), formula, &err);
	if (code < 0)
		conf_error(l->loader->errors, formula_node(l, i), NULL, "%s", err.text);
	else
		code = expand_parts(l, i, formula);
	free(formula);
	l->depth--;
	l->states[i] = STATE_DONE;
	return code;
}

/* A virtual main meter must not add what another main meter already gives to the total. */
static void check_main_terms(struct linking *l, uint32_t i)
{
	const struct registry_meter *meter = &l->meters[i];

	for (size_t k = 0; k < meter->n_terms; k++) {
		const struct formula_term *term = &meter->terms[k];
		const struct registry_meter *real = &l->meters[term->meter - l->first];

		if (real->role == ROLE_MAIN && (term->num > 0) != real->is_export)
			conf_error(l->loader->errors, formula_node(l, i), NULL,
				   "'%s' is a main meter itself: its energy would count twice",
				   real->id);
	}
}

/* The real main meter above a real one, or NULL. */
static const struct registry_meter *main_above(const struct linking *l, uint32_t at)
{
	for (uint32_t up = l->meters[at].parent; up != REGISTRY_NONE;
	     up = l->meters[up - l->first].parent) {
		const struct registry_meter *meter = &l->meters[up - l->first];

		if (l->file[up - l->first].formula == NULL && is_total(meter, meter->carrier))
			return meter;
	}
	return NULL;
}

/* counted: the share of each real meter that virtual main meters before this one bring. */
static void check_term(const struct linking *l, uint32_t i, const struct formula_term *term,
		       double *counted)
{
	uint32_t at = term->meter - l->first;
	double share = (double)term->num / (double)term->den;
	const struct registry_meter *above = main_above(l, at);

	if (share > 0 && above != NULL)
		conf_error(
			l->loader->errors, formula_node(l, i), NULL,
			"'%s' is part of what the main meter '%s' counts: its energy would count "
			"twice",
			l->meters[at].id, above->id);
	/* A hair above 1 is what thirds come to. */
	if (share > 0 && counted[at] > 0 && counted[at] + share > 1 + 1e-9)
		conf_error(l->loader->errors, formula_node(l, i), NULL,
			   "'%s' counts in another virtual main meter already: its energy would "
			   "count twice",
			   l->meters[at].id);
	counted[at] += share;
}

static void check_virtual_mains(const struct linking *l)
{
	double *counted = xcalloc(l->n, sizeof *counted);

	for (uint32_t i = 0; i < l->n; i++) {
		const struct registry_meter *meter = &l->meters[i];

		for (size_t k = 0; is_total(meter, meter->carrier) && k < meter->n_terms; k++)
			check_term(l, i, &meter->terms[k], counted);
	}
	free(counted);
}

/* ---- energy items ---- */

/* How often a meter's energy is in the items, all together. */
static int weight_of(const struct linking *l, uint32_t i)
{
	struct part_share share = part_share(l->loader->registry, &l->meters[i]);

	return (share.added[0] != '\0') - (share.deducted[0] != '\0');
}

/* Adds what meter i brings of the real meters behind it. */
static void add_real(const struct linking *l, uint32_t i, int weight, double *counted)
{
	const struct registry_meter *meter = &l->meters[i];

	if (meter->n_terms == 0 && l->file[i].formula == NULL)
		counted[i] += weight;
	for (size_t k = 0; k < meter->n_terms; k++)
		counted[meter->terms[k].meter - l->first] +=
			weight * (double)meter->terms[k].num / (double)meter->terms[k].den;
}

/* The items' formulas must not bring more of a meter than there is. */
static void check_items(const struct linking *l)
{
	double *counted = xcalloc(l->n, sizeof *counted);

	for (uint32_t i = 0; i < l->n; i++)
		add_real(l, i, weight_of(l, i), counted);
	for (uint32_t i = 0; i < l->n; i++) {
		const struct registry_meter *meter = &l->meters[i];

		for (size_t k = 0; k < meter->n_terms && weight_of(l, i) > 0; k++) {
			uint32_t at = meter->terms[k].meter - l->first;

			if (meter->terms[k].num <= 0 || counted[at] <= 1 + 1e-9)
				continue;
			conf_error(l->loader->errors, formula_node(l, i), NULL,
				   "'%s' counts in another energy item already, by itself or by a "
				   "formula: its energy would count twice",
				   l->meters[at].id);
			counted[at] = 0; /* once is enough */
		}
	}
	free(counted);
}

void registry_build_links(struct registry_loader *loader, struct arena *temporary)
{
	struct registry *registry = loader->registry;
	const struct registry_institution *it = &registry->institutions[loader->institution];
	struct linking l = {
		.loader = loader,
		.meters = it->n_meters > 0 ? registry->meters + it->first_meter : NULL,
		.file = loader->file->meters.items,
		.n = it->n_meters,
		.first = it->first_meter,
		.states = arena_alloc(temporary, it->n_meters * sizeof *l.states),
	};

	bool has_virtual = false;

	if (l.n == 0)
		return;
	link_parents(&l);
	for (uint32_t i = 0; i < l.n; i++) {
		has_virtual |= l.file[i].formula != NULL;
		if (l.file[i].formula != NULL && expand(&l, i) == 0 &&
		    l.meters[i].role == ROLE_MAIN)
			check_main_terms(&l, i);
	}
	check_virtual_mains(&l);
	if (has_virtual)
		check_items(&l);
}
