/* SPDX-License-Identifier: Apache-2.0 */
#include "server/command/import_readings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/charset.h"
#include "common/clock.h"
#include "common/csv_writer.h"
#include "common/digest.h"
#include "common/file.h"
#include "common/json_writer.h"
#include "common/mem.h"
#include "common/xlsx_reader.h"

enum { FILE_MAX = 512 * 1024 * 1024, SHOWN_REFUSALS = 20, KEY_BYTES = 1 << 20, BAR = 30 };

/* ---- a file as text ---- */

/* The first sheet of a workbook, cell after cell. */
struct sheet {
	struct buf *out;
	size_t row, column;
};

static void take_cell(const struct xlsx_cell *cell, void *arg)
{
	struct sheet *sheet = arg;

	if (cell->sheet > 0)
		return;
	for (; sheet->row < cell->row; sheet->row++) {
		buf_add_char(sheet->out, '\n');
		sheet->column = 0;
	}
	for (; sheet->column < cell->column; sheet->column++)
		buf_add_char(sheet->out, '\t');
	for (const char *at = cell->text; *at != '\0'; at++)
		buf_add_char(sheet->out, strchr("\t\r\n\"", *at) != NULL ? ' ' : *at);
}

int import_load(const char *path, struct buf *data, struct buf *text, struct err *err)
{
	struct sheet sheet = {.out = text};
	size_t len = strlen(path);
	bool is_book = len >= 5 && strcmp(path + len - 5, ".xlsx") == 0;
	int rc = file_read(path, FILE_MAX, data);

	if (rc == -EFBIG)
		return err_set(err, rc, "%s: is larger than 512 MiB; split it", path);
	if (rc < 0)
		return err_set(err, rc, "%s: %s", path, err_name(rc));
	if (data->len == 0)
		return err_set(err, -EINVAL, "%s: is empty", path);
	rc = is_book ? xlsx_read(data->data, data->len, take_cell, &sheet, err)
		     : charset_to_utf8(data->data, data->len, text, err);
	buf_add(text, "", 0);
	return rc < 0 ? err_prefix(err, rc, "%s", path) : 0;
}

/* ---- an import under way ---- */

struct running {
	const struct import_order *order;
	struct import_report report;
	struct import_into into;
	struct csv_writer verdicts;
	struct buf verdict_text;
	FILE *verdict_file;
	int64_t refused, size, started_ms;
	bool shows_progress;
};

static void write_verdicts(struct running *running)
{
	if (running->verdict_file == NULL)
		return;
	(void)fwrite(running->verdict_text.data, 1, running->verdict_text.len,
		     running->verdict_file); /* an error is found when it is closed */
	buf_clear(&running->verdict_text);
}

static void refuse(int64_t line, const char *reason, const char *words, void *arg)
{
	struct running *running = arg;

	if (++running->refused <= SHOWN_REFUSALS)
		(void)fprintf(stderr, "%s:%" PRId64 ": %s: %s\n", running->order->path, line,
			      reason, words);
	if (running->verdict_file == NULL)
		return;
	csv_add_int(&running->verdicts, line);
	csv_add_text(&running->verdicts, reason);
	csv_add_text(&running->verdicts, words);
	csv_end_row(&running->verdicts);
	if (running->verdict_text.len > 65536)
		write_verdicts(running);
}

/* Lines of this run a second. */
static int64_t rate(const struct running *running)
{
	int64_t ms = clock_mono_ms() - running->started_ms;
	int64_t lines = running->report.lines - running->report.resumed;

	return (lines > 0 ? lines : 0) * 1000 / (ms > 0 ? ms : 1);
}

static void show_progress(int64_t bytes, void *arg)
{
	static const char full[] = "##############################";
	const struct running *running = arg;
	int done = running->size > 0 ? (int)(bytes * BAR / running->size) : BAR;

	if (!running->shows_progress)
		return;
	done = done > BAR ? BAR : done;
	(void)fprintf(stderr, "\r[%.*s%*s] %3d %%  %" PRId64 " lines, %" PRId64 " lines/s ", done,
		      full, BAR - done, "", done * 100 / BAR, running->report.lines, rate(running));
}

static void print_json(const struct running *running)
{
	const struct import_report *report = &running->report;
	struct buf out = {0};
	struct json_writer json = {.out = &out};

	json_begin_object(&json, NULL);
	json_add_int(&json, "lines", report->lines);
	json_add_int(&json, "refused", report->bad_lines);
	json_add_int(&json, "added", report->added);
	json_add_int(&json, "repeated", report->repeated);
	json_add_int(&json, "conflicts", report->conflicts);
	json_add_int(&json, "resumed", report->resumed);
	json_add_int(&json, "lines_per_second", rate(running));
	json_end_object(&json);
	(void)puts(out.data);
	buf_fini(&out);
}

static void print_result(const struct running *running)
{
	const struct import_report *report = &running->report;

	if (running->shows_progress)
		(void)fprintf(stderr, "\n");
	if (running->refused > SHOWN_REFUSALS)
		(void)fprintf(stderr, "%s: and %" PRId64 " more lines refused%s%s\n",
			      running->order->path, running->refused - SHOWN_REFUSALS,
			      running->verdict_file != NULL ? ", see " : "",
			      running->verdict_file != NULL ? running->order->verdicts : "");
	if (running->order->is_json) {
		print_json(running);
		return;
	}
	if (report->resumed > 0)
		(void)printf("%s: went on behind line %" PRId64
			     ", where an import was interrupted\n",
			     running->order->path, report->resumed);
	(void)printf("%s: %" PRId64 " lines, %" PRId64 " refused; register values: %" PRId64
		     " new, %" PRId64 " already there, %" PRId64 " in conflict; %" PRId64
		     " lines/s\n",
		     running->order->path, report->lines, report->bad_lines, report->added,
		     report->repeated, report->conflicts, rate(running));
}

static int begin(struct running *running, const struct import_order *order, struct err *err)
{
	static const char *const heading[] = {"line", "reason", "words"};

	*running = (struct running){
		.order = order,
		.into = {order->ledger, order->registry, clock_utc_ms()},
		.report = {.refuse = refuse, .progress = show_progress, .arg = running},
		.started_ms = clock_mono_ms(),
		.shows_progress = !order->is_json && isatty(STDERR_FILENO)};
	running->verdicts.out = &running->verdict_text;
	if (order->verdicts == NULL)
		return 0;
	running->verdict_file = fopen(order->verdicts, "we");
	if (running->verdict_file == NULL)
		return err_set(err, -errno, "%s: %s", order->verdicts, err_name(-errno));
	for (size_t i = 0; i < 3; i++)
		csv_add_text(&running->verdicts, heading[i]);
	csv_end_row(&running->verdicts);
	return 0;
}

static int end(struct running *running, int rc, int64_t *refused, struct err *err)
{
	print_result(running);
	write_verdicts(running);
	buf_fini(&running->verdict_text);
	*refused += running->refused;
	if (running->verdict_file != NULL && fclose(running->verdict_file) != 0 && rc == 0)
		rc = err_set(err, -errno, "%s: %s", running->order->verdicts, err_name(-errno));
	return rc;
}

/* Its size and how it begins tell a file from others. */
static void make_key(const char *head, size_t len, int64_t size, char out[DIGEST_HEX_MAX + 24])
{
	char hex[DIGEST_HEX_MAX];

	digest_sha256_hex(head, len, hex);
	(void)snprintf(out, DIGEST_HEX_MAX + 24, "%" PRId64 " %s", size, hex);
}

/* False where there is nothing to tell it by: a pipe. */
static bool key_of_file(const char *path, int64_t *size, char out[DIGEST_HEX_MAX + 24])
{
	FILE *file = fopen(path, "re");
	struct stat status;
	char *head;
	bool is_file = file != NULL && fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode);

	if (is_file) {
		head = xcalloc(KEY_BYTES, 1);
		*size = status.st_size;
		make_key(head, fread(head, 1, KEY_BYTES, file), *size, out);
		free(head);
	}
	if (file != NULL)
		(void)fclose(file); /* was only read */
	return is_file;
}

int import_readings_lines(const struct import_order *order, int64_t *refused, struct err *err)
{
	char key[DIGEST_HEX_MAX + 24];
	struct running running;
	int rc = begin(&running, order, err);

	if (rc < 0)
		return rc;
	if (key_of_file(order->path, &running.size, key))
		running.report.key = key;
	rc = import_file(&running.into, order->path, &running.report, err);
	return end(&running, rc, refused, err);
}

int import_readings_table(const struct import_order *order, const struct buf *text,
			  int64_t *refused, struct err *err)
{
	char key[DIGEST_HEX_MAX + 24];
	struct running running;
	int rc = begin(&running, order, err);

	if (rc < 0)
		return rc;
	running.size = (int64_t)text->len;
	make_key(text->data, text->len < KEY_BYTES ? text->len : KEY_BYTES, running.size, key);
	running.report.key = key;
	rc = import_table(&running.into, text->data, text->len, &running.report, err);
	return end(&running, rc, refused, err);
}
