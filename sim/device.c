/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/device.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "sim/encode_text.h"
#include "sim/sunspec.h"

enum { MAX_REGISTERS = 125, MAX_BITS = 2000 };

/* One register of the map: the field it belongs to and its place in that. */
struct cell {
	uint8_t function;
	uint16_t address, place;
	uint32_t point, term;
};

struct device {
	const struct campus *campus;
	const struct profile *profile;
	uint16_t base;
	struct device_point *points;
	size_t n_points;
	struct cell *cells; /* by function, address; those that want their own request come last */
	size_t n_cells, cap_cells;
};

/* ---- what never changes ---- */

static bool is_code_of(const struct profile_match *match, const char *code)
{
	for (size_t i = 0; i < match->n_codes; i++)
		if (strcmp(match->codes[i], code) == 0)
			return true;
	return false;
}

static void set_text(struct device *device, int point, const char *text)
{
	struct device_point *helper = point >= 0 ? &device->points[point] : NULL;

	/* A helper may be called active_energy_power_of_ten and is no energy. */
	if (helper != NULL &&
	    (helper->source.kind == SOURCE_CONSTANT || !helper->encode.point->is_published))
		helper->text = text;
}

/* Helpers show what makes the points that use them readable: unit codes, scale 10^0, ratios of 1,
 * gates open, signs positive, as many parts as can be. */
static void set_helpers(struct device *device, size_t index)
{
	const struct profile_point *point = device->points[index].encode.point;

	set_text(device, point->unit, device->points[index].encode.unit_code);
	set_text(device, point->exponent, "0");
	for (size_t i = 0; i < point->n_factors; i++)
		set_text(device, point->factors[i], "1");
	if (point->count >= 0) {
		struct device_point *counter = &device->points[point->count];

		(void)snprintf(counter->number, sizeof counter->number, "%lld",
			       (long long)point->number);
		set_text(device, point->count, counter->number);
	}
	if (point->gate.n_codes > 0)
		set_text(device, point->gate.point, point->gate.codes[0]);
	if (point->sign.point >= 0)
		set_text(device, point->sign.point, is_code_of(&point->sign, "0") ? "1" : "0");
}

/* ---- creation ---- */

static const struct campus_meter *owner_of(const struct profile_point *point,
					   struct campus_meter *const *meters, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (meters[i]->channel == point->channel)
			return meters[i];
	return point->channel == 0 ? meters[0] : NULL;
}

static int create_point(const struct profile_point *point, const struct campus_meter *meter,
			struct device_point *out, struct err *err)
{
	out->meter = meter;
	out->text = meter == NULL ? "0" : NULL;
	if (encode_prepare(point, &out->encode) != 0)
		return err_set(err, -ENOTSUP, "the registers of '%s' cannot be simulated",
			       point->name);
	out->name = out->encode.name;
	if (meter == NULL)
		return 0;
	out->is_pulse = point->is_pulse;
	out->is_serial = strcmp(point->name, "serial_number") == 0;
	if (point->is_pulse)
		out->name = meter->pulse.quantity;
	else
		out->source = source_find(out->encode.name, meter->carrier, meter->is_generation);
	if (strncmp(point->name, "model", 5) == 0)
		out->text = meter->profile->model;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->point > y->point) - (x->point < y->point);
}

static void add_cells(struct device *device, size_t index)
{
	const struct encode_point *encode = &device->points[index].encode;

	for (size_t t = 0; t < encode->n; t++) {
		const struct profile_term *term = encode->terms[t].term;

		for (uint16_t place = 0; place < term->count; place++) {
			device->cells = grow(device->cells, device->n_cells, &device->cap_cells,
					     sizeof *device->cells);
			device->cells[device->n_cells++] = (struct cell){
				.function = encode->point->function,
				.address = (uint16_t)(device->base + term->address + place),
				.place = place,
				.point = (uint32_t)index,
				.term = (uint32_t)t,
			};
		}
	}
}

static bool is_alone(const struct device *device, const struct cell *cell)
{
	return device->points[cell->point].encode.point->is_alone;
}

/* A sum and its parts stand in the same registers: they show the one that the profile names first,
 * and the others are what a reader makes of them. */
static void hide_covered(struct device *device)
{
	size_t *n_own = xcalloc(device->n_points, sizeof *n_own);
	bool *is_covered = xcalloc(device->n_points, sizeof *is_covered);

	for (size_t i = 0; i < device->n_cells; i++) {
		const struct cell *cell = &device->cells[i];
		const struct cell *before = i > 0 ? cell - 1 : NULL;

		if (before != NULL && before->function == cell->function &&
		    before->address == cell->address && !is_alone(device, before) &&
		    !is_alone(device, cell))
			is_covered[cell->point] = true;
		else
			n_own[cell->point]++;
	}
	for (size_t i = 0; i < device->n_points; i++)
		if (is_covered[i] && n_own[i] == 0)
			device->points[i].encode.n = 0;
	free(n_own);
	free(is_covered);
}

int device_create(struct device **out, const struct campus *campus,
		  struct campus_meter *const *meters, size_t n_meters, struct err *err)
{
	struct device *device = xcalloc(1, sizeof *device);
	const struct profile *profile = meters[0]->profile;

	device->campus = campus;
	device->profile = profile;
	device->base = (uint16_t)meters[0]->base;
	device->n_points = profile->n_points;
	device->points = xcalloc(profile->n_points, sizeof *device->points);
	for (size_t i = 0; i < profile->n_points; i++) {
		const struct profile_point *point = &profile->points[i];
		int code = create_point(point, owner_of(point, meters, n_meters),
					&device->points[i], err);

		if (code != 0) {
			device_destroy(device);
			return err_prefix(err, code, "%s", profile->id);
		}
	}
	for (size_t i = 0; i < profile->n_identities; i++)
		device->points[profile->identities[i].point].text = profile->identities[i].codes[0];
	for (size_t i = 0; i < device->n_points; i++) {
		set_helpers(device, i);
		add_cells(device, i);
	}
	if (device->n_cells > 0)
		qsort(device->cells, device->n_cells, sizeof *device->cells, by_place);
	hide_covered(device);
	*out = device;
	return 0;
}

void device_destroy(struct device *device)
{
	if (device == NULL)
		return;
	free(device->points);
	free(device->cells);
	free(device);
}

const struct device_point *device_points(const struct device *device, size_t *n)
{
	*n = device->n_points;
	return device->points;
}

/* ---- values ---- */

static uint64_t pulses(const struct device_point *point, int64_t utc_ms)
{
	const struct campus_meter *meter = point->meter;

	assert(meter != NULL); /* unused channels have a text */
	return (uint64_t)(counter_dial(meter->counter, FLOW_IMPORT, utc_ms) / meter->pulse.volume);
}

static const char *text_of(const struct device_point *point, int64_t utc_ms)
{
	if (point->is_serial && point->meter != NULL)
		return campus_serial(point->meter, utc_ms);
	return point->text;
}

/* state: of the point's meter at the moment; NULL: computed if it is needed. */
static void raw_of(const struct device *device, const struct device_point *point, int64_t utc_ms,
		   const struct source_state *state, uint64_t raw[ENCODE_TERMS_MAX])
{
	const char *text = text_of(point, utc_ms);
	struct source_state own;

	if (text != NULL) {
		encode_gauge(&point->encode, strtod(text, NULL), raw);
		return;
	}
	if (point->is_pulse) {
		/* A count has factor 1: 10^6 of our units a pulse. */
		encode_amount(&point->encode, (int64_t)pulses(point, utc_ms) * MICRO, raw);
		return;
	}
	if (point->source.kind == SOURCE_AMOUNT || point->source.kind == SOURCE_DAY) {
		encode_amount(&point->encode,
			      source_amount(device->campus, &point->source, point->meter, utc_ms),
			      raw);
		return;
	}
	if (state == NULL) {
		source_state(device->campus, point->meter, utc_ms, &own);
		state = &own;
	}
	encode_gauge(&point->encode, source_gauge(&point->source, state), raw);
}

int device_show(const struct device *device, const struct device_point *point, int64_t utc_ms,
		struct decimal *out)
{
	uint64_t raw[ENCODE_TERMS_MAX] = {0};
	int code;

	if (point->meter == NULL || point->encode.n == 0 ||
	    profile_type_is_text(point->encode.terms[0].term->type))
		return -EINVAL;
	raw_of(device, point, utc_ms, NULL, raw);
	code = encode_read_back(&point->encode, raw, out);
	if (code != 0 || !point->is_pulse)
		return code;
	code = decimal_multiply(*out, (struct decimal){point->meter->pulse.volume, -6}, out);
	return code != 0 ? code
			 : decimal_add(*out, (struct decimal){point->meter->pulse.index, -6}, out);
}

/* ---- reading ---- */

struct reading {
	const struct device *device;
	const struct device_request *request;
	const struct campus_meter *state_of; /* whose state is in state */
	struct source_state state;
	uint32_t point; /* whose raw values are in raw */
	uint64_t raw[ENCODE_TERMS_MAX];
};

static void fill_raw(struct reading *reading, uint32_t index)
{
	const struct device_point *point = &reading->device->points[index];
	int64_t utc_ms = reading->request->utc_ms;

	if (reading->point == index)
		return;
	if (point->source.kind == SOURCE_GAUGE && point->meter != reading->state_of) {
		source_state(reading->device->campus, point->meter, utc_ms, &reading->state);
		reading->state_of = point->meter;
	}
	raw_of(reading->device, point, utc_ms, &reading->state, reading->raw);
	for (size_t i = 0;
	     reading->request->is_absent && point->text == NULL && i < point->encode.n; i++)
		reading->raw[i] = encode_absent(&point->encode.terms[i]);
	reading->point = index;
}

static uint16_t cell_value(struct reading *reading, const struct cell *cell)
{
	const struct device_point *point = &reading->device->points[cell->point];
	const struct profile_term *term = point->encode.terms[cell->term].term;
	uint16_t words[ENCODE_WORDS_MAX];

	if (profile_type_is_text(term->type))
		return encode_text(term, text_of(point, reading->request->utc_ms),
				   reading->request->utc_ms + reading->device->campus->offset_ms,
				   cell->place);
	fill_raw(reading, cell->point);
	if (term->type == PROFILE_BIT)
		return (uint16_t)(reading->raw[cell->term] & 1);
	(void)encode_words(term, reading->raw[cell->term], words);
	return words[cell->place];
}

static bool is_in(const struct profile_range *ranges, size_t n,
		  const struct device_request *request, uint16_t address)
{
	for (size_t i = 0; i < n; i++)
		if ((ranges[i].function == 0 || ranges[i].function == request->function) &&
		    address >= ranges[i].first && address <= ranges[i].last)
			return true;
	return false;
}

/* What a point needs from one read can be read, with all that stands between. */
static bool is_inside(const struct profile_point *point, uint8_t function, uint16_t at)
{
	return point->function == function && at >= point->first_address &&
	       at < (uint32_t)point->first_address + point->extent;
}

/* May a register without a meaning be read? */
static bool is_readable(const struct device *device, const struct device_request *request,
			uint16_t address)
{
	const struct profile *profile = device->profile;
	uint16_t at = (uint16_t)(address - device->base);

	if (profile->is_gap_readable || is_in(profile->readable, profile->n_readable, request, at))
		return true;
	for (size_t i = 0; i < profile->n_points; i++)
		if (is_inside(&profile->points[i], request->function, at))
			return true;
	return false;
}

/* The first cell at or behind the address. */
static size_t find_cell(const struct device *device, uint8_t function, uint16_t address)
{
	struct cell wanted = {.function = function, .address = address};
	size_t low = 0, high = device->n_cells;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_place(&device->cells[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of several meanings of a register (a model code inside of a value) the one that wants its own
 * request is taken if the request is just for it. */
static const struct cell *pick_cell(const struct device *device,
				    const struct device_request *request, size_t index,
				    size_t *next)
{
	const struct cell *first = &device->cells[index], *picked = NULL;

	for (; index < device->n_cells && device->cells[index].function == first->function &&
	       device->cells[index].address == first->address;
	     index++) {
		const struct cell *cell = &device->cells[index];
		const struct profile_point *point = device->points[cell->point].encode.point;
		bool is_just = request->count == point->extent && cell->place == 0;

		if (picked == NULL || (point->is_alone && is_just))
			picked = cell;
	}
	*next = index;
	return picked;
}

static enum modbus_exception check(const struct device *device,
				   const struct device_request *request)
{
	bool is_bits = request->function <= 2;
	int64_t most = is_bits ? MAX_BITS : device->profile->max_registers;
	size_t first = find_cell(device, request->function, 0);

	if (!is_bits && (most <= 0 || most > MAX_REGISTERS))
		most = MAX_REGISTERS;
	if (first >= device->n_cells || device->cells[first].function != request->function)
		return MODBUS_ILLEGAL_FUNCTION;
	if (request->count == 0 || request->count > most)
		return MODBUS_ILLEGAL_VALUE;
	if (request->address + request->count > 65536)
		return MODBUS_ILLEGAL_ADDRESS;
	if (device->profile->is_even && ((request->address | request->count) & 1) != 0)
		return MODBUS_ILLEGAL_ADDRESS;
	return MODBUS_OK;
}

static void put(const struct device_request *request, size_t i, uint16_t value, uint8_t *data)
{
	if (request->function <= 2) {
		data[i / 8] |= (uint8_t)((value & 1u) << i % 8);
	} else {
		data[2 * i] = (uint8_t)(value >> 8);
		data[2 * i + 1] = (uint8_t)value;
	}
}

enum modbus_exception device_read(const struct device *device, const struct device_request *request,
				  uint8_t data[DEVICE_DATA_MAX], size_t *len)
{
	struct reading reading = {.device = device, .request = request, .point = UINT32_MAX};
	enum modbus_exception exception = check(device, request);
	size_t at = find_cell(device, request->function, request->address);

	*len = 0;
	if (exception != MODBUS_OK)
		return exception;
	memset(data, 0, DEVICE_DATA_MAX);
	for (uint16_t i = 0; i < request->count; i++) {
		uint16_t address = (uint16_t)(request->address + i);
		uint16_t meant = (uint16_t)(address - device->base), value;

		if (is_in(device->profile->forbidden, device->profile->n_forbidden, request, meant))
			return MODBUS_ILLEGAL_ADDRESS;
		if (at < device->n_cells && device->cells[at].function == request->function &&
		    device->cells[at].address == address)
			put(request, i, cell_value(&reading, pick_cell(device, request, at, &at)),
			    data);
		else if (request->function == 3 &&
			 sunspec_register(device->profile, device->base, address, &value))
			put(request, i, value, data);
		else if (!is_readable(device, request, address))
			return MODBUS_ILLEGAL_ADDRESS;
	}
	*len = request->function <= 2 ? (request->count + 7u) / 8 : 2u * request->count;
	return MODBUS_OK;
}
