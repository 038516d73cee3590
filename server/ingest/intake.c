/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/intake.h"

#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/mem.h"
#include "server/ingest/device.h"
#include "server/ingest/group.h"
#include "server/tsdb/tsdb_format.h"

/* A register value that waits. */
struct waiting {
	struct device *device;
	uint32_t quantity; /* index into the device's */
	struct reading reading;
};

struct intake {
	struct devices *devices;
	bool has_series, is_grouped; /* is_grouped: order holds the order of lines */
	size_t n_readings;
	struct waiting *waiting;
	size_t n_waiting, waiting_cap;
	struct buf text; /* line protocol */
	struct tsdb_line *lines;
	size_t n_lines, lines_cap;
	/* for grouping */
	uint32_t *keys, *order, *scratch;
	size_t group_cap;
	struct reading *run;
	size_t run_cap;
};

const char *intake_reason(enum intake_verdict verdict)
{
	static const char *const names[] = {
		[INTAKE_TAKEN] = "",      [INTAKE_UNKNOWN_METER] = "unknown_meter",
		[INTAKE_AGENT] = "agent", [INTAKE_CLOCK] = "clock",
		[INTAKE_VALUE] = "value", [INTAKE_QUANTITIES] = "quantities",
	};

	return names[verdict];
}

struct intake *intake_create(struct registry *registry, bool has_series)
{
	struct intake *intake = xcalloc(1, sizeof *intake);

	intake->devices = devices_create(registry);
	intake->has_series = has_series;
	return intake;
}

void intake_destroy(struct intake *intake)
{
	if (!intake)
		return;
	devices_destroy(intake->devices);
	free(intake->waiting);
	buf_fini(&intake->text);
	free(intake->lines);
	free(intake->keys);
	free(intake->order);
	free(intake->scratch);
	free(intake->run);
	free(intake);
}

void intake_set_registry(struct intake *intake, struct registry *registry)
{
	devices_destroy(intake->devices);
	intake->devices = devices_create(registry);
}

const struct registry *intake_registry(const struct intake *intake)
{
	return devices_registry(intake->devices);
}

size_t intake_waiting(const struct intake *intake)
{
	return intake->n_readings;
}

/* ---- taking ---- */

/* Finds what each field is. All or nothing. */
static bool find_quantities(struct intake *intake, struct device *device,
			    const struct telemetry_line *line, uint16_t *quantities)
{
	for (size_t i = 0; i < line->n_fields; i++) {
		const struct device_quantity *quantity =
			devices_quantity(intake->devices, device, line->fields[i].name, i);

		if (!quantity)
			return false;
		quantities[i] = (uint16_t)(quantity - device->quantities);
	}
	return true;
}

static enum intake_verdict take_registers(struct intake *intake, struct device *device,
					  const struct telemetry_line *line,
					  const uint16_t *quantities)
{
	enum intake_verdict verdict = INTAKE_TAKEN;

	for (size_t i = 0; i < line->n_fields; i++) {
		struct slice value = line->fields[i].value;
		struct waiting *waiting;
		int64_t micro;

		if (!device->quantities[quantities[i]].is_kept)
			continue;
		if (decimal_parse_micro(value.at, value.len, &micro) < 0) {
			verdict = INTAKE_VALUE;
			continue;
		}
		intake->waiting = grow(intake->waiting, intake->n_waiting, &intake->waiting_cap,
				       sizeof *intake->waiting);
		waiting = &intake->waiting[intake->n_waiting++];
		*waiting = (struct waiting){device, quantities[i], {line->time_ms, micro}};
	}
	return verdict;
}

static void take_series(struct intake *intake, const struct device *device,
			const struct telemetry_line *line, const uint16_t *quantities)
{
	struct tsdb_line lines[TSDB_LINES_PER_READING];
	size_t n = tsdb_format_reading(intake->devices, device, line, quantities, &intake->text,
				       lines);

	for (size_t i = 0; i < n; i++) {
		intake->lines = grow(intake->lines, intake->n_lines, &intake->lines_cap,
				     sizeof *intake->lines);
		intake->lines[intake->n_lines++] = lines[i];
	}
}

enum intake_verdict intake_take(struct intake *intake, const struct telemetry_line *line,
				const char *agent, int64_t now_ms)
{
	struct device *device = devices_find(intake->devices, line->meter.at, line->meter.len);
	uint16_t quantities[TELEMETRY_FIELDS_MAX];
	enum intake_verdict verdict;

	if (!device)
		return INTAKE_UNKNOWN_METER;
	if (agent && device->agent && strcmp(device->agent, agent) != 0)
		return INTAKE_AGENT;
	if (line->time_ms > now_ms + INTAKE_FUTURE_MS)
		return INTAKE_CLOCK;
	if (!find_quantities(intake, device, line, quantities))
		return INTAKE_QUANTITIES;
	verdict = take_registers(intake, device, line, quantities);
	if (intake->has_series && device->main_meter != REGISTRY_NONE)
		take_series(intake, device, line, quantities);
	intake->n_readings++;
	intake->is_grouped = false;
	return verdict;
}

/* ---- merging ---- */

static void make_group_room(struct intake *intake, size_t n)
{
	if (n <= intake->group_cap)
		return;
	intake->group_cap = n + n / 2;
	intake->keys = xrealloc(intake->keys, intake->group_cap, sizeof *intake->keys);
	intake->order = xrealloc(intake->order, intake->group_cap, sizeof *intake->order);
	intake->scratch = xrealloc(intake->scratch, intake->group_cap, sizeof *intake->scratch);
}

static int find_register(struct intake *intake, struct ledger *ledger, struct waiting *waiting,
			 uint32_t *id, struct err *err)
{
	struct device_quantity *quantity = &waiting->device->quantities[waiting->quantity];
	struct slice name = devices_name(intake->devices, quantity);
	const char *device = waiting->device->id;
	int64_t found;
	int rc = 0;

	if (quantity->register_id == 0) {
		rc = ledger_register_id(ledger, device, strlen(device), name.at, name.len, &found,
					err);
		if (rc < 0)
			return rc;
		quantity->register_id = (uint32_t)found;
	}
	*id = quantity->register_id;
	return 0;
}

/* Values of one register: order[from .. to). */
static int merge_register(struct intake *intake, struct ledger *ledger, size_t from, size_t to,
			  struct intake_merged *merged, struct err *err)
{
	size_t n = to - from, added = 0, conflicts = 0;
	int rc;

	if (n > intake->run_cap) {
		intake->run_cap = n + n / 2;
		intake->run = xrealloc(intake->run, intake->run_cap, sizeof *intake->run);
	}
	for (size_t i = 0; i < n; i++)
		intake->run[i] = intake->waiting[intake->order[from + i]].reading;
	rc = ledger_merge(ledger, intake->keys[intake->order[from]], intake->run, n, &added,
			  &conflicts, err);
	merged->added += added;
	merged->conflicts += conflicts;
	merged->repeated += n - added - conflicts;
	return rc;
}

int intake_merge(struct intake *intake, struct ledger *ledger, struct intake_merged *merged,
		 struct err *err)
{
	size_t n = intake->n_waiting;
	int rc = 0;

	make_group_room(intake, n);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = find_register(intake, ledger, &intake->waiting[i], &intake->keys[i], err);
	if (rc < 0)
		return rc;
	group_by_key(intake->keys, n, intake->order, intake->scratch);
	intake->is_grouped = false;
	for (size_t from = 0, to; from < n && rc == 0; from = to) {
		uint32_t id = intake->keys[intake->order[from]];

		for (to = from + 1; to < n && intake->keys[intake->order[to]] == id;)
			to++;
		rc = merge_register(intake, ledger, from, to, merged, err);
	}
	return rc;
}

void intake_clear(struct intake *intake, bool is_lost)
{
	intake->n_readings = intake->n_waiting = intake->n_lines = 0;
	intake->is_grouped = false;
	buf_clear(&intake->text);
	if (is_lost)
		devices_forget_registers(intake->devices);
}

/* ---- series ---- */

static void group_lines(struct intake *intake)
{
	make_group_room(intake, intake->n_lines);
	for (size_t i = 0; i < intake->n_lines; i++)
		intake->keys[i] = intake->lines[i].meter;
	group_by_key(intake->keys, intake->n_lines, intake->order, intake->scratch);
	intake->is_grouped = true;
}

bool intake_next_piece(struct intake *intake, size_t *at, size_t max_lines, struct buf *out,
		       size_t *n_lines)
{
	if (*at == intake->n_lines)
		return false;
	if (!intake->is_grouped)
		group_lines(intake);
	for (*n_lines = 0;
	     *at < intake->n_lines && *n_lines < max_lines && out->len < INTAKE_PIECE_BYTES;
	     ++*at, ++*n_lines) {
		const struct tsdb_line *line = &intake->lines[intake->order[*at]];

		buf_add(out, intake->text.data + line->offset, line->len);
	}
	return true;
}
