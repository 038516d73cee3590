/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry.h - the wire contract between agent and server, both directions (docs/wire-format.md).
 */
#ifndef COMMON_TELEMETRY_H
#define COMMON_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum {
	TELEMETRY_BATCH_MAX = 256 * 1024, /* bytes of one payload */
	TELEMETRY_ID_MAX = 48,            /* bytes of an agent or meter id */
	TELEMETRY_FIELDS_MAX = 256,       /* fields of one line */
	TELEMETRY_TOPIC_MAX = 128,
};

/* A run of bytes inside the payload; not NUL-terminated; borrows from it. */
struct slice {
	const char *at;
	size_t len;
};

struct telemetry_header {
	char agent[TELEMETRY_ID_MAX + 1];
	int64_t epoch, seq, oldest; /* each >= 1 */
	int64_t lines;              /* without the header, >= 0 */
	int64_t time_ms;            /* UTC; when the batch was made */
};

enum telemetry_kind { TELEMETRY_READING, TELEMETRY_FAULT, TELEMETRY_INFO, TELEMETRY_GAP };

struct telemetry_field {
	struct slice name;
	struct slice value; /* a number as written, an integer without its i; strings without
			     * quotes, escapes still inside */
	bool is_string, is_integer;
};

struct telemetry_line {
	enum telemetry_kind kind;
	struct slice text;  /* the whole line without line feed */
	struct slice meter; /* empty for a gap */
	int64_t time_ms;
	size_t n_fields;
	struct telemetry_field fields[TELEMETRY_FIELDS_MAX];
};

/* Why a line or payload was refused, in one word, for counting. */
enum telemetry_reason {
	TELEMETRY_FINE,
	TELEMETRY_BAD_SIZE,      /* the payload is empty or larger than TELEMETRY_BATCH_MAX */
	TELEMETRY_BAD_HEADER,    /* the header line is not one */
	TELEMETRY_BAD_ENCODING,  /* a control character, or not UTF-8 */
	TELEMETRY_BAD_KIND,      /* neither a reading, fault, info nor gap */
	TELEMETRY_BAD_SYNTAX,    /* something else stands where the contract wants a certain byte */
	TELEMETRY_BAD_NAME,      /* a meter's id or a field's name is not valid here */
	TELEMETRY_BAD_NUMBER,    /* a value is not a number of the right kind, or out of range */
	TELEMETRY_BAD_TIME,      /* a time stamp is not UTC milliseconds between 2000 and 2100 */
	TELEMETRY_BAD_DUPLICATE, /* a field stands twice in one line */
	TELEMETRY_BAD_FIELD_COUNT, /* more than TELEMETRY_FIELDS_MAX fields */
	TELEMETRY_BAD_LINE_COUNT,  /* the payload has more or fewer lines than the header says */
	TELEMETRY_REASONS,
};
/* "size", "header", ... as stored in the dead-letter table; "" for TELEMETRY_FINE. */
const char *telemetry_reason_name(enum telemetry_reason reason);

/* Reads a payload line by line. Borrows the payload. */
struct telemetry_reader {
	const char *at, *end;
	size_t line_number;           /* of the line last read; the header is 1 */
	enum telemetry_reason reason; /* of the last failure */
	int64_t lines_expected;       /* by the header; -1 once it was compared */
};

/* Checks the header line. On failure (-EINVAL, words with line and byte position) the payload is
 * not a batch at all, and telemetry_next gives 0. */
int telemetry_open(struct telemetry_reader *reader, const char *payload, size_t len,
		   struct telemetry_header *header, struct err *err);

/* Reads lines without a header, of any number: dead letters, files to import. Lines count from 1.
 */
void telemetry_open_lines(struct telemetry_reader *reader, const char *text, size_t len);

/* 1: line is filled. 0: no more. -EINVAL: this line is bad (err says line, byte and words,
 * reader->reason the kind; line->text is set, the rest of it is not to be used); the reader stands
 * behind it and the next call goes on. Strict: names, tag, types, and time stamp must be of the
 * contract's form, in one spelling. Numbers fit decimal.h. If the payload ends with more or fewer
 * lines than the header said, one last -EINVAL with TELEMETRY_BAD_LINE_COUNT and an empty text says
 * so. */
int telemetry_next(struct telemetry_reader *reader, struct telemetry_line *line, struct err *err);

/* Writers. Numbers are appended as given and must be valid decimals; ids and names must be valid, a
 * line needs at least one field. In strings, what the wire does not carry (control characters,
 * bytes that are not UTF-8) becomes '?'. */
void telemetry_write_header(struct buf *buf, const struct telemetry_header *header);
void telemetry_begin_reading(struct buf *buf, const char *meter);
void telemetry_add_number(struct buf *buf, const char *name, const char *number, size_t len);
void telemetry_end_line(struct buf *buf, int64_t time_ms); /* ends a reading or info line */
void telemetry_write_fault(struct buf *buf, const char *meter, const char *code, int attempts,
			   int64_t time_ms);
void telemetry_begin_info(struct buf *buf, const char *meter);
void telemetry_add_string(struct buf *buf, const char *name, const char *text);
void telemetry_add_integer(struct buf *buf, const char *name, int64_t value); /* info only */
/* Times of the first and last dropped batch, and how many. */
void telemetry_write_gap(struct buf *buf, int64_t from_ms, int64_t to_ms, int64_t batches,
			 int64_t time_ms);

/* A string field's value with its escapes removed. */
void telemetry_unescape(struct slice value, struct buf *out);
/* The value of a named field of a line, or NULL. */
const struct telemetry_field *telemetry_field(const struct telemetry_line *line, const char *name);

/* "{epoch} {seen} {kept} {until}"; kept <= seen */
struct telemetry_ack {
	int64_t epoch, seen, kept, until_ms;
};
void telemetry_write_ack(struct buf *buf, const struct telemetry_ack *ack);
int telemetry_parse_ack(const char *payload, size_t len, struct telemetry_ack *ack,
			struct err *err);

/* Topics: nenghao/1/{region}/{agent}/{leaf}; a region is [A-Za-z0-9-]{1,15}. */
enum telemetry_leaf { TOPIC_DATA, TOPIC_ACK, TOPIC_STATUS };
void telemetry_topic(char out[TELEMETRY_TOPIC_MAX], const char *region, const char *agent,
		     enum telemetry_leaf leaf);
struct telemetry_topic {
	char region[16], agent[TELEMETRY_ID_MAX + 1];
	enum telemetry_leaf leaf;
};
int telemetry_parse_topic(const char *topic, size_t len, struct telemetry_topic *out,
			  struct err *err);

bool telemetry_agent_id_is_valid(const char *id, size_t len); /* [a-z0-9-]{1,48} */
bool telemetry_id_is_valid(const char *id, size_t len);       /* [A-Za-z0-9-]{1,48} */

#endif
