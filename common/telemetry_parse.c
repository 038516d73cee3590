/* SPDX-License-Identifier: Apache-2.0 */
/* The reading half of telemetry.h: one pass over the bytes, no allocation. */
#include <errno.h>
#include <string.h>

#include "common/cursor.h"
#include "common/telemetry.h"

/* A field that a line of fixed shape has at this place. */
struct shape {
	const char *name;
	bool is_string;
};
enum { SHAPE_MAX = 4 };

static const struct measurement {
	const char *name;
	const char *tag; /* "" for none */
	size_t n_shapes; /* 0: any fields */
	struct shape shapes[SHAPE_MAX];
} measurements[] = {
	[TELEMETRY_READING] = {"reading", ",meter=", 0, {{0}}},
	[TELEMETRY_FAULT] = {"fault", ",meter=", 2, {{"code", true}, {"attempts", false}}},
	[TELEMETRY_INFO] = {"info", ",meter=", 0, {{0}}},
	[TELEMETRY_GAP] = {"gap", "", 3, {{"from", false}, {"to", false}, {"batches", false}}},
};
enum { MEASUREMENTS = sizeof measurements / sizeof *measurements };

static const struct measurement header_measurement = {
	"batch",
	",agent=",
	4,
	{{"epoch", false}, {"seq", false}, {"oldest", false}, {"lines", false}},
};

/* Hashes of the names a line has had so far: most lines never compare two names. */
enum { NAME_BITS = 1024 };
struct names {
	uint64_t bits[NAME_BITS / 64];
};

static uint64_t load(const char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return value;
}

/* Three windows: names of the vocabulary start and end alike. */
static unsigned hash_name(struct slice name)
{
	uint64_t mix = name.len;

	if (name.len >= 8)
		mix += load(name.at) ^ (load(name.at + name.len / 2 - 4) * 3) ^
		       (load(name.at + name.len - 8) * 5);
	else
		for (size_t i = 0; i < name.len; i++)
			mix = mix << 8 ^ (unsigned char)name.at[i];
	mix *= 0x9e3779b97f4a7c15; /* spreads the bits upwards (Fibonacci hashing) */
	return (unsigned)(mix >> 54);
}

static bool is_repeated(struct names *names, const struct telemetry_line *line, struct slice name)
{
	unsigned hash = hash_name(name);
	uint64_t bit = 1ULL << hash % 64;

	if ((names->bits[hash / 64] & bit) == 0) {
		names->bits[hash / 64] |= bit;
		return false;
	}
	for (size_t i = 0; i < line->n_fields; i++)
		if (line->fields[i].name.len == name.len &&
		    memcmp(line->fields[i].name.at, name.at, name.len) == 0)
			return true;
	return false;
}

/* The name that a line of fixed shape has at this place. */
static int read_fixed_name(struct cursor *cursor, const struct shape *shape, struct slice *name)
{
	int code;

	*name = (struct slice){cursor->at, strlen(shape->name)};
	code = cursor_expect(cursor, shape->name);
	return code == 0 ? cursor_expect(cursor, "=") : code;
}

/* A field of a line that has just these fields in just this order. */
static int read_fixed_field(struct cursor *cursor, const struct measurement *measurement,
			    struct telemetry_line *line)
{
	struct telemetry_field *field = &line->fields[line->n_fields];
	const struct shape *shape;
	int code;

	if (line->n_fields == measurement->n_shapes)
		return cursor_fail(cursor, TELEMETRY_BAD_SYNTAX, "%s has only %zu fields",
				   measurement->name, measurement->n_shapes);
	shape = &measurement->shapes[line->n_fields];
	code = read_fixed_name(cursor, shape, &field->name);
	if (code == 0)
		code = cursor_read_value(cursor, field);
	if (code != 0)
		return code;
	if (field->is_string != shape->is_string || field->is_integer == shape->is_string) {
		cursor->at = field->value.at;
		return cursor_fail(cursor, TELEMETRY_BAD_NUMBER, "%s must be %s", shape->name,
				   shape->is_string ? "a string in quotes" : "an integer with i");
	}
	return 0;
}

/* A field of a reading, which holds floats, or of an info, which holds strings and integers. */
static int read_free_field(struct cursor *cursor, struct names *names, struct telemetry_line *line)
{
	struct telemetry_field *field = &line->fields[line->n_fields];
	bool is_reading = line->kind == TELEMETRY_READING;
	int code;

	if (line->n_fields == TELEMETRY_FIELDS_MAX)
		return cursor_fail(cursor, TELEMETRY_BAD_FIELD_COUNT, "more than %d fields",
				   TELEMETRY_FIELDS_MAX);
	code = cursor_read_name(cursor, &field->name);
	if (code == 0 && is_repeated(names, line, field->name)) {
		cursor->at = field->name.at;
		return cursor_fail(cursor, TELEMETRY_BAD_DUPLICATE, "the field '%.*s' stands twice",
				   (int)field->name.len, field->name.at);
	}
	if (code == 0)
		code = cursor_read_value(cursor, field);
	if (code != 0)
		return code;
	if (is_reading == (field->is_string || field->is_integer)) {
		cursor->at = field->value.at;
		return cursor_fail(cursor, TELEMETRY_BAD_NUMBER,
				   is_reading ? "a reading has only numbers, without i"
					      : "an info has only strings and integers with i");
	}
	return 0;
}

/* Everything behind the measurement's name. */
static int read_line(struct cursor *cursor, const struct measurement *measurement,
		     struct telemetry_line *line)
{
	struct names names = {{0}};
	int code = 0;

	line->meter = (struct slice){cursor->at, 0};
	line->n_fields = 0;
	if (*measurement->tag != '\0') {
		code = cursor_expect(cursor, measurement->tag);
		if (code == 0)
			code = cursor_read_id(cursor, &line->meter);
	}
	if (code == 0)
		code = cursor_expect(cursor, " ");
	while (code == 0) {
		code = measurement->n_shapes > 0 ? read_fixed_field(cursor, measurement, line)
						 : read_free_field(cursor, &names, line);
		line->n_fields += code == 0;
		if (code != 0 || cursor->at == cursor->end || *cursor->at != ',')
			break;
		cursor->at++;
	}
	if (code == 0 && line->n_fields < measurement->n_shapes)
		code = cursor_fail(cursor, TELEMETRY_BAD_SYNTAX, ",%s= must stand here",
				   measurement->shapes[line->n_fields].name);
	if (code == 0)
		code = cursor_expect(cursor, " ");
	return code == 0 ? cursor_read_time(cursor, &line->time_ms) : code;
}

/* Takes the next line off the reader. */
static struct cursor next_cursor(struct telemetry_reader *reader, struct err *err)
{
	const char *start = reader->at;
	const char *feed = memchr(start, '\n', (size_t)(reader->end - start));
	const char *end = feed != NULL ? feed : reader->end;

	reader->at = feed != NULL ? feed + 1 : end;
	reader->line_number++;
	return (struct cursor){start, start, end, reader->line_number, TELEMETRY_FINE, err};
}

/* A value of a line of fixed shape: the type is known, it fits. */
static int64_t integer_at(const struct telemetry_line *line, size_t i)
{
	int64_t value = 0;

	(void)cursor_parse_integer(line->fields[i].value, &value);
	return value;
}

static int read_header(struct cursor *cursor, struct telemetry_header *header)
{
	struct telemetry_line line;
	struct telemetry_header values;
	int code = cursor_expect(cursor, header_measurement.name);

	if (code == 0)
		code = read_line(cursor, &header_measurement, &line);
	if (code != 0)
		return code;
	cursor->at = line.meter.at;
	if (!telemetry_agent_id_is_valid(line.meter.at, line.meter.len))
		return cursor_fail(cursor, TELEMETRY_BAD_HEADER,
				   "an agent's id has no capital letters");
	values = (struct telemetry_header){
		.epoch = integer_at(&line, 0),
		.seq = integer_at(&line, 1),
		.oldest = integer_at(&line, 2),
		.lines = integer_at(&line, 3),
		.time_ms = line.time_ms,
	};
	memcpy(values.agent, line.meter.at, line.meter.len);
	cursor->at = line.fields[0].name.at;
	if (values.epoch < 1 || values.oldest < 1 || values.seq < values.oldest || values.lines < 0)
		return cursor_fail(cursor, TELEMETRY_BAD_HEADER,
				   "epoch and oldest must be at least 1, seq at least "
				   "oldest, lines not negative");
	*header = values;
	return 0;
}

int telemetry_open(struct telemetry_reader *reader, const char *payload, size_t len,
		   struct telemetry_header *header, struct err *err)
{
	struct cursor cursor;
	int code;

	*reader = (struct telemetry_reader){.at = payload, .end = payload, .lines_expected = -1};
	if (len == 0 || len > TELEMETRY_BATCH_MAX) {
		reader->reason = TELEMETRY_BAD_SIZE;
		return err_set(err, -EINVAL,
			       "line 1, byte 1: the payload has %zu bytes; 1 to %d are allowed",
			       len, TELEMETRY_BATCH_MAX);
	}
	reader->end = payload + len;
	cursor = next_cursor(reader, err);
	code = read_header(&cursor, header);
	if (code != 0) {
		reader->reason = TELEMETRY_BAD_HEADER;
		reader->at = reader->end;
		return code;
	}
	reader->lines_expected = header->lines;
	return 0;
}

void telemetry_open_lines(struct telemetry_reader *reader, const char *text, size_t len)
{
	*reader = (struct telemetry_reader){.at = text, .end = text + len, .lines_expected = -1};
}

/* The payload is at its end: says once if lines are missing or too many. */
static int check_lines(struct telemetry_reader *reader, struct telemetry_line *line,
		       struct err *err)
{
	int64_t expected = reader->lines_expected;
	int64_t found = (int64_t)reader->line_number - 1;

	reader->lines_expected = -1;
	if (expected < 0 || found == expected)
		return 0;
	reader->reason = TELEMETRY_BAD_LINE_COUNT;
	line->text = (struct slice){reader->end, 0};
	return err_set(err, -EINVAL,
		       "line %zu, byte 1: the payload has %lld lines; its header says %lld",
		       reader->line_number + 1, (long long)found, (long long)expected);
}

/* What the shape cannot say. */
static int check_gap(struct cursor *cursor, const struct telemetry_line *line)
{
	int64_t from = integer_at(line, 0), to = integer_at(line, 1);

	cursor->at = line->fields[0].name.at;
	if (!cursor_time_is_valid(from) || !cursor_time_is_valid(to) || to < from)
		return cursor_fail(cursor, TELEMETRY_BAD_TIME,
				   "from and to must be UTC milliseconds from 2000 to "
				   "2100, from first");
	cursor->at = line->fields[2].value.at;
	if (integer_at(line, 2) < 1)
		return cursor_fail(cursor, TELEMETRY_BAD_NUMBER, "batches must be at least 1");
	return 0;
}

static int check_fault(struct cursor *cursor, const struct telemetry_line *line)
{
	if (integer_at(line, 1) >= 0)
		return 0;
	cursor->at = line->fields[1].value.at;
	return cursor_fail(cursor, TELEMETRY_BAD_NUMBER, "attempts must not be negative");
}

static int read_any_line(struct cursor *cursor, struct telemetry_line *line)
{
	for (size_t i = 0; i < MEASUREMENTS; i++) {
		const struct measurement *measurement = &measurements[i];
		size_t len = strlen(measurement->name);
		int code;

		if (!cursor_starts_with(cursor, measurement->name, len))
			continue;
		cursor->at += len;
		line->kind = (enum telemetry_kind)i;
		code = read_line(cursor, measurement, line);
		if (code == 0 && line->kind == TELEMETRY_GAP)
			code = check_gap(cursor, line);
		if (code == 0 && line->kind == TELEMETRY_FAULT)
			code = check_fault(cursor, line);
		return code;
	}
	if (cursor->at == cursor->end)
		return cursor_fail(cursor, TELEMETRY_BAD_SYNTAX, "the line is empty");
	return cursor_fail(cursor, TELEMETRY_BAD_KIND,
			   "a line must be a reading, fault, info or gap");
}

int telemetry_next(struct telemetry_reader *reader, struct telemetry_line *line, struct err *err)
{
	struct cursor cursor;
	int code;

	if (reader->at == reader->end)
		return check_lines(reader, line, err);
	cursor = next_cursor(reader, err);
	line->text = (struct slice){cursor.start, (size_t)(cursor.end - cursor.start)};
	code = read_any_line(&cursor, line);
	if (code == 0)
		return 1;
	reader->reason = cursor.reason;
	return code;
}
