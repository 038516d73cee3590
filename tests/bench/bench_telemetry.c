/* SPDX-License-Identifier: Apache-2.0 */
/* How fast batches are read and written, and numbers converted. Prints one line per measurement:
 * name, value, unit. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/decimal.h"
#include "common/telemetry.h"

enum { LINES = 500, FIELDS = 10, ROUND_MS = 1000 };

static const char *const names[FIELDS] = {
	"active_energy_import_kwh",
	"active_energy_export_kwh",
	"active_power_w",
	"voltage_l1_n_v",
	"voltage_l2_n_v",
	"voltage_l3_n_v",
	"current_l1_a",
	"current_l2_a",
	"current_l3_a",
	"frequency_hz",
};
static const float values[FIELDS] = {123456.78F, 0.12F,  8120.5F, 231.4F, 229.9F,
				     230.25F,    12.75F, 9.5F,    11.03F, 49.98F};

static void write_batch(struct buf *buf)
{
	struct telemetry_header header = {
		.agent = "bench", .epoch = 1764000000123, .seq = 42, .oldest = 40};

	header.lines = LINES;
	header.time_ms = 1764000060000;
	telemetry_write_header(buf, &header);
	for (int i = 0; i < LINES; i++) {
		telemetry_begin_reading(buf, "370102-0001-e01");
		for (int k = 0; k < FIELDS; k++) {
			char text[DECIMAL_TEXT_MAX];
			struct decimal d;
			size_t len;

			if (decimal_from_float(values[k] + (float)(i % 7), &d) != 0)
				continue;
			len = decimal_print(d, text);
			telemetry_add_number(buf, names[k], text, len);
		}
		telemetry_end_line(buf, 1764000060012 + i);
	}
}

static size_t read_batch(const struct buf *buf, bool with_registers, int64_t *sum)
{
	struct telemetry_reader reader;
	struct telemetry_header header;
	struct telemetry_line line;
	size_t n = 0;

	if (telemetry_open(&reader, buf->data, buf->len, &header, NULL) != 0)
		return 0;
	while (telemetry_next(&reader, &line, NULL) == 1) {
		n++;
		for (size_t i = 0; with_registers && i < line.n_fields; i++) {
			struct slice value = line.fields[i].value;
			int64_t micro = 0;

			if (decimal_parse_micro(value.at, value.len, &micro) == 0)
				*sum += micro;
		}
	}
	return n;
}

static void report(const char *what, size_t n, int64_t us)
{
	printf("%-32s %12.0f readings/s of %d fields\n", what, (double)n * 1e6 / (double)us,
	       FIELDS);
}

static void measure_reading(const char *what, const struct buf *batch, bool with_registers)
{
	int64_t start = clock_mono_us(), sum = 0;
	size_t n = 0;

	while (clock_mono_us() - start < ROUND_MS * 1000LL) {
		size_t lines = read_batch(batch, with_registers, &sum);

		assert(lines == LINES);
		n += lines;
	}
	report(what, n, clock_mono_us() - start);
	assert(!with_registers || sum != 0);
}

static void measure_writing(struct buf *batch)
{
	int64_t start = clock_mono_us();
	size_t n = 0;

	while (clock_mono_us() - start < ROUND_MS * 1000LL) {
		buf_clear(batch);
		write_batch(batch);
		n += LINES;
	}
	report("telemetry_write", n, clock_mono_us() - start);
}

int main(void)
{
	struct buf batch = {0};

	measure_writing(&batch);
	measure_reading("telemetry_parse", &batch, false);
	measure_reading("telemetry_parse_and_convert", &batch, true);
	printf("%-32s %12zu bytes for %d readings\n", "telemetry_batch_size", batch.len, LINES);
	buf_fini(&batch);
	return 0;
}
