/* SPDX-License-Identifier: Apache-2.0 */
/* tsdb_format.h - line protocol of the measurement "reading": tags from the registry, values at
 * the primary side. Pure. */
#ifndef SERVER_TSDB_FORMAT_H
#define SERVER_TSDB_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/telemetry.h"
#include "server/ingest/device.h"

/* Appends a tag value or a tag or field key with line protocol's escapes; line breaks become
 * blanks. */
void tsdb_format_tag(struct buf *out, const char *text);
/* Appends "name=value" after a comma, nothing if the value is NULL or empty (an empty tag value is
 * not allowed). */
void tsdb_format_add_tag(struct buf *out, const char *name, const char *value);

/* A part of the lines made by tsdb_format_reading. */
struct tsdb_line {
	uint32_t meter; /* registry meter: the series */
	uint32_t len;
	size_t offset;
};

/* Appends the reading as one line for each registry meter that it has values of (mostly one):
 * reading,region=,institution=,building=,meter=,carrier= <quantities>,ratio= <ms>
 * Quantities that follow the flow (energy, power, volume, heat) are multiplied by the ratio of the
 * life in force; voltage, current, temperature and the like stay as they were measured. Outside of
 * every life nothing is multiplied and there is no ratio.
 * quantities[i] belongs to the line's field i. out_lines has room for max lines; returns how many.
 */
size_t tsdb_format_reading(const struct devices *devices, const struct device *device,
			   const struct telemetry_line *line, const uint16_t *quantities,
			   struct buf *out, struct tsdb_line *out_lines);
enum { TSDB_LINES_PER_READING = 32 };

#endif
