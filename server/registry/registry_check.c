/* SPDX-License-Identifier: Apache-2.0 */
/* What only all files together can show: ids used twice, registers counted twice, references from
 * one institution to another. Everything is sorted first: no check is quadratic. */
#include <stdlib.h>
#include <string.h>

#include "server/registry/registry_file.h"

static const struct registry_meter *meter_at(const struct registry *registry, uint32_t meter)
{
	return &registry->meters[meter];
}

static void check_meter_ids(struct registry_loader *loader)
{
	const struct registry *registry = loader->registry;

	for (size_t i = 1; i < registry->n_meters; i++) {
		const struct registry_meter *a = meter_at(registry, registry->by_meter_id[i - 1]);
		const struct registry_meter *b = meter_at(registry, registry->by_meter_id[i]);

		if (strcmp(a->id, b->id) == 0)
			conf_error(loader->errors, b->node, "id",
				   "'%s' is also the id of the meter in %s:%u", b->id,
				   a->node->file, (unsigned)a->node->line);
	}
}

/* Both lists are sorted. */
static bool do_lives_overlap(const struct registry_meter *a, const struct registry_meter *b)
{
	size_t i = 0, j = 0;

	while (i < a->n_lives && j < b->n_lives) {
		const struct meter_life *x = &a->lives[i], *y = &b->lives[j];

		if (x->from_ms < y->to_ms && y->from_ms < x->to_ms)
			return true;
		if (x->to_ms <= y->to_ms)
			i++;
		else
			j++;
	}
	return false;
}

static bool is_same_register(const struct registry_meter *a, const struct registry_meter *b)
{
	return strcmp(a->device, b->device) == 0 && strcmp(a->quantity, b->quantity) == 0;
}

/* by_device is sorted by device, quantity and beginning: mains that read the same register stand
 * together. */
static void check_registers(struct registry_loader *loader)
{
	const struct registry *registry = loader->registry;
	const struct registry_meter *last = NULL;

	for (size_t i = 0; i < registry->n_by_device; i++) {
		const struct registry_meter *meter = meter_at(registry, registry->by_device[i]);

		if (meter->role != ROLE_MAIN)
			continue;
		if (last != NULL && is_same_register(last, meter) &&
		    last->carrier == meter->carrier && do_lives_overlap(last, meter))
			conf_error(
				loader->errors, meter->node, NULL,
				"%s of '%s' is also counted by the main meter '%s' in %s:%u: its "
				"energy would count twice",
				meter->quantity, meter->device, last->id, last->node->file,
				(unsigned)last->node->line);
		last = meter;
	}
}

/* Reports that are contained in each other are contained in none. */
static void check_reports(struct registry_loader *loader, const struct registry_late *late)
{
	const struct registry *registry = loader->registry;
	uint32_t at = registry->institutions[late->institution].reports_with;
	int steps = 0;

	while (at != REGISTRY_NONE && at != late->institution && steps++ < 8)
		at = registry->institutions[at].reports_with;
	if (at == late->institution)
		conf_error(loader->errors, late->node, NULL, "leads back to '%s' itself",
			   registry->institutions[at].id);
	else if (at != REGISTRY_NONE)
		conf_error(loader->errors, late->node, NULL,
			   "more than 8 institutions report with each other in a row");
}

static const char *institution_hint(const struct registry *registry, const char *id, char hint[96])
{
	const char *names[256];
	size_t n = 0;

	for (; n < registry->n_institutions && n < sizeof names / sizeof *names; n++)
		names[n] = registry->institutions[n].id;
	return conf_nearest(id, names, n, hint);
}

void registry_resolve_late(struct registry_loader *loader)
{
	struct registry *registry = loader->registry;
	char hint[96];

	for (size_t i = 0; i < loader->n_late; i++) {
		const struct registry_late *late = &loader->late[i];
		uint32_t target =
			registry_find_institution(registry, late->target, strlen(late->target));

		if (target == REGISTRY_NONE && late->is_of_card) {
			if (late->kind == LATE_SUCCESSOR)
				registry->institutions[late->institution].n_successors = 0;
			continue;
		}
		if (target == REGISTRY_NONE)
			conf_error(loader->errors, late->node, NULL,
				   "there is no institution '%.60s'%s", late->target,
				   institution_hint(registry, late->target, hint));
		else if (target == late->institution)
			conf_error(loader->errors, late->node, NULL,
				   "names the institution itself");
		else if (late->out != NULL)
			*late->out = target;
		else if (late->kind == LATE_REST)
			registry->institutions[late->institution].rest = target;
		else
			registry->institutions[late->institution].reports_with = target;
	}
	for (size_t i = 0; i < loader->n_late; i++)
		if (loader->late[i].kind == LATE_REPORT)
			check_reports(loader, &loader->late[i]);
}

/* Institutions and sites share one space of ids, as their rows do. */
static void check_site_ids(struct registry_loader *loader)
{
	const struct registry *registry = loader->registry;

	for (size_t s = 0; s < registry->n_sites; s++) {
		const struct registry_institution *site =
			&registry->institutions[registry->n_institutions + s];
		uint32_t other = registry_find_institution(registry, site->id, strlen(site->id));

		if (other != REGISTRY_NONE)
			conf_error(loader->errors, site->node, "id",
				   "'%s' is also the id of the institution in %s", site->id,
				   registry->institutions[other].node->file);
	}
}

void registry_check(struct registry_loader *loader)
{
	check_site_ids(loader);
	check_meter_ids(loader);
	check_registers(loader);
}
