/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/quantity.h"
#include "common/telemetry.h"
#include "sim/answer.h"
#include "sim/noise.h"

enum { CHUNK = 256 * 1024 };

static bool is_wanted(const struct device_point *point, const struct campus_meter *meter,
		      bool has_gauges)
{
	struct quantity quantity;

	if (point->meter != meter || !point->encode.point->is_published ||
	    !point->encode.point->is_default || point->encode.n == 0 ||
	    profile_type_is_text(point->encode.terms[0].term->type))
		return false;
	quantity = quantity_classify(point->name, strlen(point->name));
	return has_gauges || (quantity.kind == QUANTITY_REGISTER && quantity.is_main);
}

int history_open(struct history_meter *out, const struct campus *campus, struct campus_meter *meter,
		 bool has_gauges, struct err *err)
{
	struct campus_meter *const alone[] = {meter};
	size_t n = 0;
	const struct device_point *points;
	int code = device_create(&out->device, campus, alone, 1, err);

	if (code != 0)
		return code;
	points = device_points(out->device, &n);
	out->meter = meter;
	out->n = 0;
	out->points = (const struct device_point **)xcalloc(n + 1, sizeof(void *));
	for (size_t i = 0; i < n; i++)
		if (is_wanted(&points[i], meter, has_gauges))
			out->points[out->n++] = &points[i];
	return 0;
}

void history_close(struct history_meter *meter)
{
	device_destroy(meter->device);
	free((void *)meter->points);
	*meter = (struct history_meter){0};
}

static bool spoils_poll(const struct campus_fault *fault)
{
	return fault != NULL && fault->kind != FAULT_DELAY && fault->kind != FAULT_DRIBBLE;
}

void history_line(const struct history_meter *meter, int64_t utc_ms, struct buf *out)
{
	uint64_t dice = noise_hash(noise_hash_text(0, meter->meter->id), (uint64_t)utc_ms);
	size_t start = out->len;
	bool is_empty = true;

	if (spoils_poll(answer_fault(meter->meter, utc_ms, dice)))
		return;
	telemetry_begin_reading(out, meter->meter->id);
	for (size_t i = 0; i < meter->n; i++) {
		struct decimal value;
		char text[64];

		if (device_show(meter->device, meter->points[i], utc_ms, &value) != 0)
			continue;
		telemetry_add_number(out, meter->points[i]->name, text, decimal_print(value, text));
		is_empty = false;
	}
	if (is_empty)
		buf_cut(out, start);
	else
		telemetry_end_line(out, utc_ms);
}

static int write_all(int fd, const char *data, size_t len, struct err *err)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int code = -errno;

			return err_set(err, code, "cannot write: %s", err_name(code));
		}
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int history_write(const struct campus *campus, struct campus_meter *meter,
		  const struct history_span *span, int fd, int64_t *n_lines, struct err *err)
{
	int64_t step = span->interval_ms;
	int64_t first = (span->from_ms + step - 1) / step * step;
	struct history_meter open;
	struct buf out = {0};
	int code = history_open(&open, campus, meter, span->has_gauges, err);

	if (code != 0)
		return code;
	for (int64_t at = first; at < span->to_ms && code == 0; at += step) {
		size_t before = out.len;

		history_line(&open, at, &out);
		*n_lines += out.len > before ? 1 : 0;
		if (out.len < CHUNK && at + step < span->to_ms)
			continue;
		code = write_all(fd, out.data, out.len, err);
		buf_clear(&out);
	}
	buf_fini(&out);
	history_close(&open);
	return code;
}
