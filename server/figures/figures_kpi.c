/* SPDX-License-Identifier: Apache-2.0 */
/* Indicators of institutions and of groups of them. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/figures/figures_private.h"

const char *const figures_group_names[] = {
	"", "region", "type", "department", "affiliation", "institution", NULL};

/* is_before: what the period is compared with stands first, and is compared with nothing. */
static int inputs_of(const struct figures_reader *reader, uint32_t institution,
		     const struct figures_period *period, bool is_before,
		     struct kpi_input inputs[2], struct err *err)
{
	uint32_t region = reader->figures->registry->institutions[institution].region;
	struct figures_period local = *period;
	struct figures_scope scopes[2];
	int rc = figures_period_in(reader->figures, region, &local, err);

	if (rc < 0) { /* a season that is not, or not yet, its own: it has no figures */
		inputs[0] = inputs[1] = (struct kpi_input){0};
		return 0;
	}
	figures_scopes(reader->figures, &local, &scopes[0], &scopes[1]);
	inputs[1] = (struct kpi_input){0};
	if (is_before)
		return figures_base(reader, institution, &scopes[0], &scopes[1], &inputs[0], err);
	rc = figures_input(reader, institution, &scopes[0], &inputs[0], err);
	return rc < 0 ? rc
		      : figures_base(reader, institution, &scopes[0], &scopes[1], &inputs[1], err);
}

/* Adds those who report with it. */
static void fold(struct kpi_input inputs[2], const struct kpi_input member[2])
{
	figures_add_input(&inputs[0], &member[0]);
	figures_add_input(&inputs[1], &member[1]);
}

static int institution_kpis(const struct figures *figures, uint32_t institution,
			    const struct figures_period *period, bool is_before,
			    struct kpi_value out[N_KPIS], struct err *err)
{
	const struct registry_institution *of = &figures->registry->institutions[institution];
	struct figures_reader reader;
	struct kpi_input inputs[2], member[2];
	int rc = figures_reader_open(&reader, figures, err);

	if (rc == 0)
		rc = inputs_of(&reader, institution, period, is_before, inputs, err);
	for (size_t i = 0; i < of->n_members && rc == 0; i++) {
		if (figures_reported_by(figures->registry, of->members[i], &period->days) !=
		    institution)
			continue;
		rc = inputs_of(&reader, of->members[i], period, is_before, member, err);
		fold(inputs, member);
	}
	if (rc == 0)
		kpi_of_institution(&inputs[0], is_before ? NULL : &inputs[1], figures->min_coverage,
				   out);
	figures_reader_close(&reader);
	return rc;
}

int figures_institution_kpis(const struct figures *figures, uint32_t institution,
			     const struct figures_period *period, struct kpi_value out[N_KPIS],
			     struct err *err)
{
	return institution_kpis(figures, institution, period, false, out, err);
}

int figures_institution_before(const struct figures *figures, uint32_t institution,
			       const struct figures_period *period, struct kpi_value out[N_KPIS],
			       struct err *err)
{
	return institution_kpis(figures, institution, period, true, out, err);
}

/* ---- groups ---- */

struct group {
	const char *key;
	bool is_own;
	struct kpi_group sums;
};

struct work {
	struct figures_reader reader;
	const struct figures_question *question;
	struct figures_cache_key cache_key;
	int64_t as_of;
	struct group *groups;
	size_t n_groups, cap;
	figures_row_fn fn;
	void *arg;
	struct work *whole, *base; /* of a season; else NULL */
};

static struct group *group_of(struct work *work, const char *key, bool is_own)
{
	for (size_t i = 0; i < work->n_groups; i++)
		if (work->groups[i].is_own == is_own && strcmp(work->groups[i].key, key) == 0)
			return &work->groups[i];
	work->groups = grow(work->groups, work->n_groups, &work->cap, sizeof *work->groups);
	work->groups[work->n_groups] = (struct group){.key = key, .is_own = is_own};
	return &work->groups[work->n_groups++];
}

/* The child of the region asked for that an institution's region lies in; itself for its own. */
static uint32_t child_of(const struct region_tree *tree, uint32_t region, uint32_t under)
{
	while (region != under && tree->regions[region].parent != under)
		region = tree->regions[region].parent;
	return region;
}

static struct group *find_group(struct work *work, uint32_t institution)
{
	const struct registry *registry = work->reader.figures->registry;
	const struct registry_institution *of = &registry->institutions[institution];
	const struct registry_identity *is =
		registry_identity_on(of, figures_identity_day(of, &work->question->period.days));
	const struct region_tree *tree = registry->regions;
	uint32_t under = work->question->region, child;

	switch (work->question->by) {
	case GROUP_NONE:
		return group_of(work, tree->regions[under].code, false);
	case GROUP_REGION:
		child = child_of(tree, is->region, under);
		return group_of(work, tree->regions[child].code, child == under);
	case GROUP_TYPE:
		return group_of(work, institution_type_name(is->type), false);
	case GROUP_DEPARTMENT:
		return group_of(work, is->department != NULL ? is->department : "", false);
	case GROUP_AFFILIATION:
		return group_of(work, affiliation_names[is->affiliation], false);
	case GROUP_SUBTREE:
	case GROUP_INSTITUTION:
		break;
	}
	return NULL;
}

static bool is_asked(const struct work *work, uint32_t institution)
{
	const struct registry *registry = work->reader.figures->registry;
	const struct figures_question *question = work->question;
	const struct registry_institution *of = &registry->institutions[institution];

	const struct registry_identity *is =
		registry_identity_on(of, figures_identity_day(of, &question->period.days));

	return region_is_within(registry->regions, is->region, question->region) &&
	       of->valid.from < question->period.days.to &&
	       of->valid.to > question->period.days.from &&
	       (question->filter == NULL ||
		question->filter(registry, institution, question->filter_arg));
}

static int tell_institution(struct work *work, uint32_t institution,
			    const struct kpi_input inputs[2])
{
	struct figures_row row = {
		.key_name = "institution",
		.key = work->reader.figures->registry->institutions[institution].id,
		.institution = institution,
	};

	kpi_of_institution(&inputs[0], &inputs[1], work->reader.figures->min_coverage, row.kpis);
	return work->fn(&row, work->arg);
}

/* Inputs of an institution for a group: remembered, or computed and then remembered. */
static int group_inputs(struct work *work, uint32_t institution, struct kpi_input inputs[2],
			struct err *err)
{
	const struct registry *registry = work->reader.figures->registry;
	struct figures_cache *cache = work->reader.figures->cache;
	int rc;

	/* Reasons are not remembered, and what predecessors change is not told. */
	if ((work->question->by == GROUP_INSTITUTION && !work->question->needs_no_reasons) ||
	    registry->institutions[institution].n_predecessors > 0)
		cache = NULL;
	if (cache != NULL &&
	    figures_cache_get(cache, &work->cache_key, registry, institution, inputs))
		return 0;
	/* Where others' figures are divided its own months are not alone in it. */
	work->reader.trunks = registry->institutions[institution].n_successors == 0 &&
					      work->question->period.kind != PERIOD_HEATING
				      ? cache
				      : NULL;
	work->reader.as_of = work->as_of;
	rc = inputs_of(&work->reader, institution, &work->question->period,
		       work->question->is_before, inputs, err);
	work->reader.trunks = NULL;
	if (rc == 0 && cache != NULL)
		figures_cache_put(cache, &work->cache_key, institution, work->as_of, inputs);
	return rc;
}

static void add_to_group(const struct work *work, struct kpi_group *sums, uint32_t institution,
			 const struct kpi_input inputs[4])
{
	int64_t min_coverage = work->reader.figures->min_coverage;

	if (work->base != NULL)
		kpi_group_add_also(sums, institution, inputs, inputs + 2, min_coverage);
	else
		kpi_group_add(sums, institution, &inputs[0], &inputs[1], min_coverage);
}

/* Groups of a subtree stand in the order of the tree. */
static void add_to_ancestors(struct work *work, uint32_t institution,
			     const struct kpi_input inputs[4])
{
	const struct registry *registry = work->reader.figures->registry;
	const struct region *regions = registry->regions->regions;
	uint32_t first = regions[work->question->region].order_first;
	const struct registry_institution *of = &registry->institutions[institution];
	/* As is_asked: an institution that moved lies below the region asked for by this one. */
	uint32_t region =
		registry_identity_on(of, figures_identity_day(of, &work->question->period.days))
			->region;

	for (;; region = regions[region].parent) {
		add_to_group(work, &work->groups[regions[region].order_first - first].sums,
			     institution, inputs);
		if (region == work->question->region)
			return;
	}
}

/* Is it counted with another one that is asked for too? */
static bool is_folded(const struct work *work, uint32_t institution)
{
	uint32_t head = figures_reported_by(work->reader.figures->registry, institution,
					    &work->question->period.days);

	return head != institution && is_asked(work, head);
}

/* With those who report with it, as far as the asker may see them. */
static int unit_inputs(struct work *work, uint32_t institution, struct kpi_input inputs[2],
		       struct err *err)
{
	const struct registry_institution *of =
		&work->reader.figures->registry->institutions[institution];
	struct kpi_input member[2];
	int rc = group_inputs(work, institution, inputs, err);

	for (size_t i = 0; i < of->n_members && rc == 0; i++) {
		if (!is_asked(work, of->members[i]) || !is_folded(work, of->members[i]))
			continue;
		rc = group_inputs(work, of->members[i], member, err);
		fold(inputs, member);
	}
	return rc;
}

/* Of a season: the year before up to the day, all of it, and the two that base holds together. */
static int season_inputs(struct work *work, uint32_t institution, struct kpi_input inputs[4],
			 struct err *err)
{
	struct kpi_input whole[2];
	int rc = work->base != NULL ? unit_inputs(work->whole, institution, whole, err) : 0;

	if (rc < 0 || work->base == NULL)
		return rc;
	inputs[0] = inputs[1];
	inputs[1] = whole[0];
	return unit_inputs(work->base, institution, inputs + 2, err);
}

static int take_institution(struct work *work, uint32_t institution, struct err *err)
{
	struct kpi_input inputs[4];
	int rc = unit_inputs(work, institution, inputs, err);

	if (rc == 0)
		rc = season_inputs(work, institution, inputs, err);
	if (rc < 0)
		return rc;
	if (work->question->by == GROUP_INSTITUTION)
		return tell_institution(work, institution, inputs);
	if (work->question->by == GROUP_SUBTREE)
		add_to_ancestors(work, institution, inputs);
	else
		add_to_group(work, &find_group(work, institution)->sums, institution, inputs);
	return 0;
}

/* The month of the last hour that counts; what the period is compared with lies before. */
static civil_day last_month(const struct figures_reader *reader, const struct figures_scope *scope)
{
	return civil_month_start(figures_day(reader, scope->span.to_ms - 1));
}

static int use_cache(struct work *work, struct err *err)
{
	bool is_heating = work->question->period.kind == PERIOD_HEATING;
	const struct figures *figures = work->reader.figures;
	struct figures_cache_key *key = &work->cache_key;

	if (figures->cache == NULL)
		return 0;
	key->registry_version = figures->registry->version;
	key->factors_version = factors_version(figures->factors);
	key->basis = figures->basis;
	key->is_before = work->question->is_before;
	figures_scopes(figures, &work->question->period, &key->scopes[0], &key->scopes[1]);
	key->hour = is_heating ? figures->now_ms / HOUR_MS : 0;
	key->last_month = is_heating ? CIVIL_DAY_MAX : last_month(&work->reader, &key->scopes[0]);
	return figures_cache_refresh(&work->reader, &work->as_of, err);
}

/* The node's own row stands first. */
static int by_key(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->is_own != y->is_own)
		return x->is_own ? -1 : 1;
	return strcmp(x->key, y->key);
}

static int tell_groups(struct work *work)
{
	static const char *const key_names[] = {
		[GROUP_NONE] = "region",           [GROUP_REGION] = "region",
		[GROUP_SUBTREE] = "region",        [GROUP_TYPE] = "type",
		[GROUP_DEPARTMENT] = "department", [GROUP_AFFILIATION] = "affiliation"};
	int rc = 0;

	if (work->n_groups > 1 && work->question->by != GROUP_SUBTREE)
		qsort(work->groups, work->n_groups, sizeof *work->groups, by_key);
	for (size_t i = 0; i < work->n_groups && rc == 0; i++) {
		const struct group *group = &work->groups[i];
		struct figures_row row = {
			.key_name = key_names[work->question->by],
			.key = group->key,
			.is_own = group->is_own,
			.is_group = true,
			.institutions = group->sums.institutions,
			.reporting = group->sums.reporting,
			.institution = REGISTRY_NONE,
		};

		kpi_of_group(&group->sums, row.kpis);
		rc = work->fn(&row, work->arg);
	}
	return rc;
}

static void add_subtree(struct work *work)
{
	const struct region_tree *tree = work->reader.figures->registry->regions;
	const struct region *under = &tree->regions[work->question->region];

	work->n_groups = work->cap = under->order_last - under->order_first + 1;
	work->groups = xcalloc(work->cap, sizeof *work->groups);
	for (size_t i = 0; i < tree->n; i++)
		if (region_is_within(tree, (uint32_t)i, work->question->region))
			work->groups[tree->regions[i].order_first - under->order_first].key =
				tree->regions[i].code;
}

/* A region has a row for each child and for itself even where nobody is. */
static void add_regions(struct work *work)
{
	const struct region_tree *tree = work->reader.figures->registry->regions;
	const struct region *under = &tree->regions[work->question->region];

	if (work->question->by == GROUP_NONE)
		(void)group_of(work, under->code, false);
	if (work->question->by == GROUP_SUBTREE)
		add_subtree(work);
	if (work->question->by != GROUP_REGION)
		return;
	(void)group_of(work, under->code, true);
	for (uint32_t i = 0; i < under->n_children; i++)
		(void)group_of(work, tree->regions[tree->children[under->first_child + i]].code,
			       false);
}

static int open_work(struct work *work, const struct figures *figures,
		     const struct figures_question *question, struct err *err)
{
	int rc;

	work->question = question;
	rc = figures_reader_open(&work->reader, figures, err);
	return rc == 0 ? use_cache(work, err) : rc;
}

int figures_kpis(const struct figures *figures, const struct figures_question *question,
		 figures_row_fn fn, void *arg, struct err *err)
{
	const struct figures_season *season = question->season;
	struct work whole = {.fn = NULL}, base = {.fn = NULL};
	struct work work = {.fn = fn, .arg = arg};
	int rc = open_work(&work, figures, question, err);

	if (season != NULL) {
		work.whole = &whole;
		work.base = &base;
		if (rc == 0)
			rc = open_work(&whole, season->figures, season->whole, err);
		if (rc == 0)
			rc = open_work(&base, figures, season->base, err);
	}
	if (rc == 0)
		add_regions(&work);
	for (uint32_t i = 0; i < figures->registry->n_institutions && rc == 0; i++)
		if (is_asked(&work, i) && !is_folded(&work, i))
			rc = take_institution(&work, i, err);
	if (rc == 0 && question->by != GROUP_INSTITUTION)
		rc = tell_groups(&work);
	figures_reader_close(&base.reader);
	figures_reader_close(&whole.reader);
	figures_reader_close(&work.reader);
	free(work.groups);
	return rc;
}
