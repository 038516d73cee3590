/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/diagnosis.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { PHASES = 3 };

/* NAN: the meter does not tell. */
struct phases {
	double voltage[PHASES], between[PHASES], current[PHASES], power[PHASES], total;
};

static const char *const voltages[PHASES] = {"voltage_l1_n_v", "voltage_l2_n_v", "voltage_l3_n_v"};
static const char *const betweens[PHASES] = {"voltage_l1_l2_v", "voltage_l2_l3_v",
					     "voltage_l3_l1_v"};
static const char *const currents[PHASES] = {"current_l1_a", "current_l2_a", "current_l3_a"};
static const char *const powers[PHASES] = {"active_power_l1_w", "active_power_l2_w",
					   "active_power_l3_w"};

struct findings {
	struct diagnosis_finding *items;
	size_t n;
};

static void add(struct findings *found, enum diagnosis_kind kind, int phase, int other,
		double value)
{
	if (found->n < DIAGNOSIS_MAX)
		found->items[found->n++] = (struct diagnosis_finding){kind, phase, other, value};
}

static double get(const struct diagnosis_value *values, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(values[i].name, name) == 0)
			return values[i].value;
	return NAN;
}

static bool has_all(const double values[PHASES])
{
	return !isnan(values[0]) && !isnan(values[1]) && !isnan(values[2]);
}

/* ---- voltages ---- */

static void judge_voltages(const struct phases *p, struct findings *found)
{
	double highest = fmax(p->voltage[0], fmax(p->voltage[1], p->voltage[2]));

	if (!has_all(p->voltage) || highest < 40)
		return;
	for (int i = 0; i < PHASES; i++)
		if (p->voltage[i] < 0.2 * highest)
			add(found, DIAGNOSIS_NO_VOLTAGE, i + 1, 0, p->voltage[i]);
		else if (p->voltage[i] < 0.8 * highest)
			add(found, DIAGNOSIS_LOW_VOLTAGE, i + 1, 0, p->voltage[i]);
}

/* Two inputs at the same conductor: each has its voltage, between them there is none. */
static void judge_between(const struct phases *p, struct findings *found)
{
	double highest = fmax(p->between[0], fmax(p->between[1], p->between[2]));

	if (!has_all(p->between) || !has_all(p->voltage) || highest < 80)
		return;
	for (int i = 0; i < PHASES; i++) {
		int next = (i + 1) % PHASES;

		if (p->between[i] < 0.2 * highest && p->voltage[i] > 40 && p->voltage[next] > 40)
			add(found, DIAGNOSIS_SAME_PHASE, i + 1, next + 1, p->between[i]);
	}
}

/* ---- powers ---- */

/* Of the angle between a phase's current and its voltage; NAN if too little flows to tell. */
static double cosine(const struct phases *p, int i)
{
	double apparent = p->voltage[i] * p->current[i];

	if (!(p->voltage[i] > 40) || !(p->current[i] > 0.05))
		return NAN;
	return p->power[i] / apparent;
}

/* A load near 0 degrees seen from another phase's voltage is near 120 degrees: cosine -0.5. */
static bool is_turned(double cosine)
{
	return cosine > -0.8 && cosine < -0.2;
}

static void judge_one(const struct phases *p, int negative, struct findings *found)
{
	/* With 30 degrees of lag, swapped currents stand at 150 and -90 degrees: the other one has
	 * current but no power. */
	for (int i = 0; i < PHASES; i++)
		if (i != negative && fabs(cosine(p, i)) < 0.25) {
			add(found, DIAGNOSIS_SWAPPED, negative < i ? negative + 1 : i + 1,
			    negative < i ? i + 1 : negative + 1, p->power[negative]);
			return;
		}
	add(found, DIAGNOSIS_REVERSED_CT, negative + 1, 0, p->power[negative]);
}

static void judge_two(const struct phases *p, int positive, struct findings *found)
{
	int a = positive == 0 ? 1 : 0, b = positive == 2 ? 1 : 2;

	if (is_turned(cosine(p, a)) && is_turned(cosine(p, b)) && cosine(p, positive) > 0.8) {
		add(found, DIAGNOSIS_SWAPPED, a + 1, b + 1, p->power[a]);
		return;
	}
	add(found, DIAGNOSIS_REVERSED_CT, a + 1, 0, p->power[a]);
	add(found, DIAGNOSIS_REVERSED_CT, b + 1, 0, p->power[b]);
}

static void judge_powers(const struct phases *p, struct findings *found)
{
	double sum = 0, least;
	int negatives = 0, negative = 0, positive = 0, n = 0;

	if (!has_all(p->power))
		return;
	for (int i = 0; i < PHASES; i++)
		sum += fabs(p->power[i]);
	least = fmax(5, 0.02 * sum); /* what a meter may show for nothing */
	for (int i = 0; i < PHASES; i++) {
		bool is_negative = p->power[i] < -least;

		n += fabs(p->power[i]) > least;
		negatives += is_negative;
		if (is_negative)
			negative = i;
		else
			positive = i;
	}
	if (negatives == PHASES && is_turned(cosine(p, 0)) && is_turned(cosine(p, 1)) &&
	    is_turned(cosine(p, 2)))
		add(found, DIAGNOSIS_ROTATED, 0, 0, p->power[0] + p->power[1] + p->power[2]);
	else if (negatives == PHASES)
		add(found, DIAGNOSIS_ALL_REVERSED, 0, 0, p->power[0] + p->power[1] + p->power[2]);
	else if (negatives == 2 && n == PHASES)
		judge_two(p, positive, found);
	else if (negatives == 1 && n > 1)
		judge_one(p, negative, found);
}

static void judge_sum(const struct phases *p, struct findings *found)
{
	double sum = p->power[0] + p->power[1] + p->power[2];
	double gross = fabs(p->power[0]) + fabs(p->power[1]) + fabs(p->power[2]);

	/* Read a moment apart: a tenth may have changed. */
	if (has_all(p->power) && !isnan(p->total) && gross > 50 &&
	    fabs(sum - p->total) > 0.1 * gross)
		add(found, DIAGNOSIS_SUM, 0, 0, sum - p->total);
}

size_t diagnosis_find(const struct diagnosis_value *values, size_t n,
		      struct diagnosis_finding out[DIAGNOSIS_MAX])
{
	struct findings found = {out, 0};
	struct phases p = {.total = get(values, n, "active_power_w")};

	for (int i = 0; i < PHASES; i++) {
		p.voltage[i] = get(values, n, voltages[i]);
		p.between[i] = get(values, n, betweens[i]);
		p.current[i] = get(values, n, currents[i]);
		p.power[i] = get(values, n, powers[i]);
	}
	judge_voltages(&p, &found);
	judge_between(&p, &found);
	judge_powers(&p, &found);
	judge_sum(&p, &found);
	return found.n;
}

const char *diagnosis_name(enum diagnosis_kind kind)
{
	static const char *const names[DIAGNOSIS_N_KINDS] = {
		[DIAGNOSIS_REVERSED_CT] = "reversed_ct", [DIAGNOSIS_ALL_REVERSED] = "all_reversed",
		[DIAGNOSIS_SWAPPED] = "swapped_phases",  [DIAGNOSIS_ROTATED] = "rotated_phases",
		[DIAGNOSIS_NO_VOLTAGE] = "no_voltage",   [DIAGNOSIS_LOW_VOLTAGE] = "low_voltage",
		[DIAGNOSIS_SAME_PHASE] = "same_phase",   [DIAGNOSIS_SUM] = "sum_mismatch",
	};

	return names[kind];
}
