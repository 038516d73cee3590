/* SPDX-License-Identifier: Apache-2.0 */
#include "server/alarm/mail.h"

#include <string.h>

#include "common/civil.h"
#include "common/digest.h"

enum {
	SUBJECT_BYTES = 39, /* in one encoded word: 52 characters, with 12 around it < 75 */
	LINE_BYTES = 57     /* 76 characters */
};

/* The largest part of a text up to max bytes that ends with a whole character. */
static size_t whole_part(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len <= max)
		return len;
	for (len = max; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--)
		;
	return len > 0 ? len : max;
}

/* RFC 2047. */
static void write_subject(const char *subject, struct buf *out)
{
	buf_add_text(out, "Subject:");
	do {
		size_t len = whole_part(subject, SUBJECT_BYTES);

		buf_add_text(out, " =?UTF-8?B?");
		digest_base64(subject, len, out);
		buf_add_text(out, "?=\r\n");
		subject += len;
	} while (*subject != '\0');
}

static void write_date(const struct alarm_mail *mail, struct buf *out)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	civil_day day = civil_day_of_utc(mail->time_ms, mail->offset_ms);
	struct civil_date date = civil_date_of(day);
	int64_t second = (mail->time_ms - civil_day_start_utc(day, mail->offset_ms)) / 1000;
	int64_t hours = mail->offset_ms / HOUR_MS;

	buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d %c%02d00\r\n", days[civil_weekday(day)],
		   date.day, months[date.month - 1], date.year, (int)(second / 3600),
		   (int)(second / 60 % 60), (int)(second % 60), hours < 0 ? '-' : '+',
		   (int)(hours < 0 ? -hours : hours));
}

static void write_text(const char *text, struct buf *out)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i += LINE_BYTES) {
		digest_base64(text + i, len - i < LINE_BYTES ? len - i : LINE_BYTES, out);
		buf_add_text(out, "\r\n");
	}
}

void alarm_mail_write(const struct alarm_mail *mail, struct buf *out)
{
	buf_printf(out, "From: <%s>\r\nTo: ", mail->from);
	for (size_t i = 0; i < mail->n_to; i++)
		buf_printf(out, "%s<%s>", i > 0 ? ",\r\n " : "", mail->to[i]);
	buf_add_text(out, "\r\n");
	write_subject(mail->subject, out);
	write_date(mail, out);
	buf_printf(out, "Message-ID: <%s@%s>\r\n", mail->id, mail->domain);
	buf_printf(out, "X-Nenghao-Notice: %s\r\n", mail->id);
	buf_add_text(out, "Auto-Submitted: auto-generated\r\n"
			  "MIME-Version: 1.0\r\n"
			  "Content-Type: text/plain; charset=utf-8\r\n"
			  "Content-Transfer-Encoding: base64\r\n\r\n");
	write_text(mail->text, out);
}
