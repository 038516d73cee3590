/* SPDX-License-Identifier: Apache-2.0 */
/* A registry read anew over the one before is what it is when read from scratch. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "common/clock.h"
#include "server/registry/registry.h"
#include "tests/unit/scratch.h"

enum { OFFSET_MS = 8 * HOUR_MS, N = 9, ROUNDS = 40, SETTLED_MS = 2100 };

/* ---- what a registry says, as text ---- */

static const char *meter_id(const struct registry *r, uint32_t m)
{
	return m == REGISTRY_NONE ? "-" : r->meters[m].id;
}

static const char *institution_id(const struct registry *r, uint32_t i)
{
	return i == REGISTRY_NONE ? "-" : r->institutions[i].id;
}

static void print_meter(const struct registry *r, const struct registry_meter *m, struct buf *out)
{
	buf_printf(out, "  %s of %s in %d below %s device %s at %s:%u", m->id,
		   institution_id(r, m->institution), (int)m->building, meter_id(r, m->parent),
		   m->device != NULL ? m->device : "-", m->node->file, (unsigned)m->node->line);
	for (size_t i = 0; i < m->n_lives; i++)
		buf_printf(out, " life %s %lld", m->lives[i].serial,
			   (long long)m->lives[i].ratio_num);
	for (size_t i = 0; i < m->n_terms; i++)
		buf_printf(out, " %+lld*%s", (long long)m->terms[i].num,
			   meter_id(r, m->terms[i].meter));
	buf_add_char(out, '\n');
}

static void print_references(const struct registry *r, const struct registry_institution *it,
			     struct buf *out)
{
	for (size_t i = 0; i < it->n_accounts; i++)
		for (size_t k = 0; k < it->accounts[i].n_meters; k++)
			buf_printf(out, " account %s: %s", it->accounts[i].number,
				   meter_id(r, it->accounts[i].meters[k]));
	for (size_t i = 0; i < it->n_successors; i++)
		buf_printf(out, " then %s", institution_id(r, it->successors[i].institution));
	for (size_t i = 0; i < it->n_predecessors; i++)
		buf_printf(out, " after %s", institution_id(r, it->predecessors[i].institution));
	for (size_t i = 0; i < it->n_members; i++)
		buf_printf(out, " with %s", institution_id(r, it->members[i]));
	for (size_t i = 0; i < it->n_occupancies; i++)
		buf_printf(out, " in %s", institution_id(r, it->occupancies[i].site));
	for (size_t i = 0; i < it->n_occupants; i++)
		buf_printf(out, " has %s", institution_id(r, it->occupants[i].institution));
}

static void print_institution(const struct registry *r, const struct registry_institution *it,
			      struct buf *out)
{
	buf_printf(out, "%s '%s' region %s/%u reports with %s, meters %u+%u:", it->id, it->name,
		   it->identities[0].region_code, (unsigned)it->region,
		   institution_id(r, it->reports_with), (unsigned)it->first_meter,
		   (unsigned)it->n_meters);
	print_references(r, it, out);
	buf_add_char(out, '\n');
}

static char *describe(const struct registry *r)
{
	struct buf out = {0};

	for (size_t i = 0; i < r->n_institutions + r->n_sites; i++)
		print_institution(r, &r->institutions[i], &out);
	for (size_t i = 0; i < r->n_meters; i++)
		print_meter(r, &r->meters[i], &out);
	for (size_t i = 0; i < r->n_meters; i++)
		buf_printf(&out, " %s", meter_id(r, r->by_meter_id[i]));
	for (size_t i = 0; i < r->n_by_device; i++)
		buf_printf(&out, " %s", meter_id(r, r->by_device[i]));
	buf_printf(&out, "\nversion %lld\n", (long long)r->version);
	return buf_take(&out);
}

/* ---- files that change ---- */

/* The same course in every run. */
static int one_of(int n)
{
	static uint64_t state = 20260101;

	state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (int)((state >> 33) % (uint64_t)n);
}

static void add_meters(struct buf *text, int i)
{
	int n = 1 + one_of(4);

	buf_add_text(text, "meters:\n");
	for (int k = 0; k < n; k++)
		buf_printf(text,
			   "  - {id: m%d-%d, carrier: electricity, role: %s, building: b, "
			   "quantity: active_energy_import_kwh, "
			   "lives: [{serial: s%d, from: 2023-01-01, ratio: %d}]}\n",
			   i, k, k == 0 ? "main" : "sub", k, 1 + one_of(99));
	if (n > 2)
		buf_printf(text,
			   "  - {id: m%d-v, carrier: electricity, role: sub, building: b, "
			   "formula: m%d-1 - m%d-2}\n",
			   i, i, i);
	buf_printf(text, "accounts: [{number: a%d, meters: [m%d-0]}]\n", i, i);
}

/* Who refers to whom never goes round in circles: to higher numbers only, which are never removed.
 */
static void write_institution(struct scratch *scratch, int i)
{
	char *file = xasprintf("institutions/i%d.yaml", i);
	struct buf text = {0};

	buf_printf(&text,
		   "id: i%d\nname: 馆%d\ntype: culture\nregion: \"37010%d\"\n"
		   "buildings: [{id: b, name: B, area: [{from: 2012-06-01, m2: 9000}]}]\n",
		   i, one_of(1000), 2 + one_of(3));
	if (i < N - 2 && one_of(4) == 0)
		buf_printf(&text, "reports_with: i%d\n", N - 1);
	if (i < N - 2 && one_of(4) == 0)
		buf_printf(&text, "to: 2025-01-01\nsuccessors: [{id: i%d}]\n", N - 2);
	add_meters(&text, i);
	scratch_write(scratch, file, text.data);
	buf_fini(&text);
	free(file);
}

static void write_site(struct scratch *scratch)
{
	scratch_write(scratch, "sites/s.yaml",
		      "id: s\nname: 楼\nregion: \"370102\"\n"
		      "buildings: [{id: b, name: B, area: [{from: 2012-06-01, m2: 100}]}]\n"
		      "occupants:\n"
		      "  - {institution: i7, from: 2023-01-01, m2: 60}\n"
		      "  - {institution: i8, from: 2023-01-01, m2: 40}\n");
}

static void change(struct scratch *scratch)
{
	int i = one_of(N);
	char *path = xasprintf("%s/institutions/i%d.yaml", scratch->folder, i);

	if (i < N - 2 && one_of(3) == 0)
		(void)unlink(path);
	else
		write_institution(scratch, i);
	free(path);
}

static struct registry *load(const struct registry *before, const char *dir)
{
	struct conf_errors errors = {0};
	struct registry *registry = NULL;

	if (registry_reload(&registry, before, dir, "config/regions.yaml", OFFSET_MS, &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return registry;
}

static void assert_same(const struct registry *a, const struct registry *b, int round)
{
	char *x = describe(a), *y = describe(b);

	if (strcmp(x, y) != 0)
		fail_msg("round %d:\n%s\nfrom scratch:\n%s", round, x, y);
	free(x);
	free(y);
}

/* How many institutions' texts stand where they stood. */
static int count_shared(const struct registry *a, const struct registry *b)
{
	int n = 0;

	for (size_t i = 0; i < a->n_institutions; i++) {
		const char *id = a->institutions[i].id;
		uint32_t other = registry_find_institution(b, id, strlen(id));

		n += other != REGISTRY_NONE && b->institutions[other].id == id;
	}
	return n;
}

static void settle(void)
{
	clock_sleep_until(clock_mono_ms() + SETTLED_MS);
}

static void reading_anew_is_reading_from_scratch(void **state)
{
	struct scratch scratch;
	struct registry *registry = NULL;
	int n_shared = 0;

	(void)state;
	scratch_init(&scratch);
	for (int i = 0; i < N; i++)
		write_institution(&scratch, i);
	write_site(&scratch);
	settle();
	registry = load(NULL, scratch.folder);
	for (int round = 0; round < ROUNDS; round++) {
		struct registry *fresh, *scratch_built;

		if (round % 8 > 0)
			change(&scratch);
		if (round == ROUNDS / 2)
			settle();
		fresh = load(registry, scratch.folder);
		scratch_built = load(NULL, scratch.folder);
		assert_same(fresh, scratch_built, round);
		n_shared += count_shared(fresh, registry);
		registry_release(scratch_built);
		registry_release(registry); /* what it shares lives on */
		registry = fresh;
	}
	assert_true(n_shared > ROUNDS / 2); /* many were taken over at all */
	registry_release(registry);
	scratch_fini(&scratch);
}

static void other_regions_are_looked_up_again(void **state)
{
	static const char regions[] = "- {code: \"370102\", name: 甲}\n";
	struct scratch scratch;
	struct registry *before, *after;

	(void)state;
	scratch_init(&scratch);
	for (int i = N - 2; i < N; i++)
		write_institution(&scratch, i);
	settle();
	before = load(NULL, scratch.folder);
	after = load(before, scratch.folder);
	assert_int_equal(count_shared(after, before), 2);
	registry_release(after);
	scratch_write(&scratch, "regions.yaml", regions);
	after = load(before, scratch.folder);
	assert_int_equal(count_shared(after, before), 0);
	registry_release(before);
	registry_release(after);
	scratch_fini(&scratch);
}

static void a_mistake_leaves_the_one_before_whole(void **state)
{
	struct conf_errors errors = {0};
	struct scratch scratch;
	struct registry *before, *after = NULL;
	char *text;

	(void)state;
	scratch_init(&scratch);
	for (int i = N - 2; i < N; i++)
		write_institution(&scratch, i);
	settle();
	before = load(NULL, scratch.folder);
	scratch_write(&scratch, "institutions/i7.yaml", "id: i7\nname: x\n");
	assert_int_equal(registry_reload(&after, before, scratch.folder, "config/regions.yaml",
					 OFFSET_MS, &errors),
			 -EINVAL);
	assert_null(after);
	text = describe(before);
	assert_non_null(strstr(text, "i8"));
	free(text);
	conf_errors_fini(&errors);
	registry_release(before);
	scratch_fini(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_anew_is_reading_from_scratch),
		cmocka_unit_test(other_regions_are_looked_up_again),
		cmocka_unit_test(a_mistake_leaves_the_one_before_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
