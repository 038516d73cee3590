/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox: once for each receiver, in order, until it is done; digests' days; mails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka needs those before it */
#include <cmocka.h>

#include "common/digest.h"
#include "scratch.h"
#include "server/alarm/digest.h"
#include "server/alarm/mail.h"
#include "server/alarm/outbox.h"

struct fixture {
	struct scratch scratch;
	char *path;
	struct ledger *ledger;
	struct alarm_outbox *outbox;
};

static void open_again(struct fixture *fixture)
{
	struct err err = {""};

	alarm_outbox_close(fixture->outbox);
	ledger_close(fixture->ledger);
	if (ledger_open(&fixture->ledger, fixture->path, &err) < 0 ||
	    alarm_outbox_open(&fixture->outbox, fixture->ledger, &err) < 0)
		fail_msg("%s", err.text);
}

static int set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);

	scratch_init(&fixture->scratch);
	fixture->path = xasprintf("%s/ledger.db", fixture->scratch.folder);
	open_again(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	alarm_outbox_close(fixture->outbox);
	ledger_close(fixture->ledger);
	scratch_fini(&fixture->scratch);
	free(fixture->path);
	free(fixture);
	return 0;
}

static int add(struct fixture *fixture, const char *receiver, const char *key, int64_t event)
{
	struct err err = {""};

	return alarm_outbox_add(fixture->outbox,
				&(struct alarm_notice){.receiver = receiver,
						       .key = key,
						       .event = event,
						       .made_ms = 1000,
						       .due_ms = 1000,
						       .body = "body",
						       .len = 4},
				&err);
}

static int list_key(const struct alarm_notice *notice, void *arg)
{
	char *keys = arg;

	assert_int_equal(notice->len, 4);
	assert_memory_equal(notice->body, "body", 4);
	keys[strlen(keys)] = notice->key[0]; /* zeroed behind */
	return 0;
}

static void assert_due(struct fixture *fixture, int64_t now_ms, const char *wanted)
{
	struct err err = {""};
	char keys[64] = {0};

	assert_int_equal(alarm_outbox_due(fixture->outbox, "r", now_ms, list_key, keys, &err), 0);
	assert_string_equal(keys, wanted);
}

/* The number of the receiver r's notice. */
static int64_t number_of(struct fixture *fixture, const char *key)
{
	struct db_statement *find;
	struct err err = {""};
	int64_t id;

	assert_int_equal(db_prepare(ledger_db(fixture->ledger), &find,
				    "SELECT id FROM alarm_notice WHERE receiver = 'r' AND key = ?",
				    &err),
			 0);
	db_bind_string(find, 1, key);
	assert_int_equal(db_step(find, &err), 1);
	id = db_column_int(find, 0);
	db_finalize(find);
	return id;
}

static void note(struct fixture *fixture, const char *key, enum alarm_notice_state how,
		 int64_t due_ms)
{
	struct alarm_outcome outcome = {how, 2000, due_ms, ""};
	struct err err = {""};

	assert_int_equal(
		alarm_outbox_note(fixture->outbox, number_of(fixture, key), &outcome, &err), 0);
}

static void test_once_and_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct err err = {""};
	int64_t n, since_ms;

	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	assert_int_equal(add(fixture, "r", "a", 7), 1);
	assert_int_equal(add(fixture, "r", "a", 7), 0); /* the same again */
	assert_int_equal(add(fixture, "s", "a", 7), 1); /* another's */
	assert_int_equal(add(fixture, "r", "b", 7), 1); /* of the same event: after it */
	assert_int_equal(add(fixture, "r", "c", 8), 1);
	assert_int_equal(add(fixture, "r", "d", 0), 1); /* of none */
	assert_int_equal(add(fixture, "r", "e", 0), 1);
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_due(fixture, 999, "");
	assert_due(fixture, 1000, "acde");

	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	note(fixture, "a", NOTICE_WAITING, 5000);
	note(fixture, "c", NOTICE_SENT, 0);
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	open_again(fixture);
	assert_due(fixture, 4999, "de");
	assert_due(fixture, 5000, "ade");
	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	assert_int_equal(alarm_outbox_retry(fixture->outbox, "s", 1500, &err), 0); /* not tried */
	assert_int_equal(alarm_outbox_retry(fixture->outbox, NULL, 1500, &err), 1);
	assert_int_equal(alarm_outbox_retry(fixture->outbox, "r", 1500, &err), 0); /* due already */
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_due(fixture, 1500, "ade");
	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	note(fixture, "a", NOTICE_SENT, 0);
	note(fixture, "a", NOTICE_WAITING, 1);          /* done is done */
	assert_int_equal(add(fixture, "r", "a", 7), 0); /* also after it was sent */
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_due(fixture, 5000, "bde");
	assert_int_equal(alarm_outbox_waiting(fixture->outbox, "r", &n, &since_ms, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(since_ms, 1000);

	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	assert_int_equal(
		alarm_outbox_keep_receivers(fixture->outbox, &(const char *){"r"}, 1, 9, &err),
		1); /* s is gone */
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
}

/* ---- many as one ---- */

static const struct alarm_group gone = {.receiver = "r", .rule = "gone", .what = 0};
static const struct alarm_group back = {.receiver = "r", .rule = "gone", .what = 1};

static void add_of(struct fixture *fixture, const struct alarm_group *group, const char *key,
		   int64_t event, int64_t due_ms)
{
	const struct alarm_notice notice = {.receiver = group->receiver,
					    .key = key,
					    .event = event,
					    .made_ms = 1000,
					    .due_ms = due_ms,
					    .rule = group->rule,
					    .what = group->what,
					    .body = "body",
					    .len = 4};
	struct err err = {""};

	assert_int_equal(alarm_outbox_add(fixture->outbox, &notice, &err), 1);
}

static int say_group(const struct alarm_group *group, void *arg)
{
	struct buf *out = arg;

	buf_printf(out, "%s/%d:%d,%d,%d ", group->rule, group->what, (int)group->waiting,
		   (int)group->first_ms, (int)group->held_ms);
	return 0;
}

static void assert_groups(struct fixture *fixture, int64_t now_ms, const char *wanted)
{
	struct buf out = {0};
	struct err err = {""};

	buf_add_text(&out, "");
	assert_int_equal(alarm_outbox_groups(fixture->outbox,
					     &(struct alarm_moment){"r", now_ms, 60}, say_group,
					     &out, &err),
			 0);
	assert_string_equal(out.data != NULL ? out.data : "", wanted);
	buf_fini(&out);
}

static int name_member(const struct alarm_notice *notice, void *arg)
{
	buf_printf(arg, "%s%d ", notice->key, (int)notice->event);
	return 0;
}

static void gather(struct fixture *fixture, const struct alarm_group *group, const char *key,
		   const char *members)
{
	const struct alarm_notice summary = {.receiver = "r",
					     .key = key,
					     .made_ms = 2000,
					     .due_ms = 2000,
					     .rule = group->rule,
					     .what = group->what,
					     .members = 2,
					     .body = "body",
					     .len = 4};
	struct buf out = {0};
	struct err err = {""};

	assert_int_equal(alarm_outbox_members(fixture->outbox, group, name_member, &out, &err), 0);
	assert_string_equal(out.data, members);
	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	assert_int_equal(alarm_outbox_gather(fixture->outbox, group, &summary, &err), 0);
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	buf_fini(&out);
}

static void test_a_summary_takes_the_place_of_its_members(void **state)
{
	struct fixture *fixture = *state;
	int64_t told, summary_ms;
	struct err err = {""};

	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	add_of(fixture, &gone, "a", 1, 1060);
	add_of(fixture, &gone, "b", 2, 1060);
	add_of(fixture, &gone, "c", 3, 1060);
	add_of(fixture, &back, "x", 2, 1060); /* is told behind b */
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_groups(fixture, 1059, "");
	assert_groups(fixture, 1060, "gone/0:3,1000,0 ");

	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	note(fixture, "a", NOTICE_WAITING, 1500); /* it was on its way: it stays alone */
	assert_int_equal(alarm_outbox_hold(fixture->outbox, &gone, 1900, &err), 0);
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_groups(fixture, 1899, "");
	assert_groups(fixture, 1900, "gone/0:2,1000,1900 ");
	assert_due(fixture, 1500, "a");
	assert_int_equal(alarm_outbox_told(fixture->outbox, &gone, 999, &told, &summary_ms, &err),
			 0);
	assert_int_equal(told, 1);
	assert_int_equal(summary_ms, 0);

	gather(fixture, &gone, "S", "b2 c3 ");
	open_again(fixture);
	assert_groups(fixture, 9000, "");
	assert_due(fixture, 9000, "aS"); /* x waits for the summary that tells b */
	assert_int_equal(alarm_outbox_told(fixture->outbox, &gone, 999, &told, &summary_ms, &err),
			 0);
	assert_int_equal(told, 1);
	assert_int_equal(summary_ms, 2000);
	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	note(fixture, "S", NOTICE_SENT, 0);
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_groups(fixture, 9000, "gone/1:1,1000,0 ");
	assert_due(fixture, 9000, "ax");
}

static int count_event(const struct event_row *row, void *arg)
{
	(void)row;
	(*(int *)arg)++;
	return 0;
}

static int take(struct fixture *fixture, bool commits)
{
	struct err err = {""};
	int n = 0;

	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	assert_int_equal(alarm_outbox_take_events(fixture->outbox, 1, count_event, &n, &err), 0);
	if (commits)
		assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	else
		ledger_rollback(fixture->ledger);
	return n;
}

static void test_every_event_is_passed_over(void **state)
{
	struct fixture *fixture = *state;
	const struct event events[] = {{.kind = EVENT_STUCK, .meter = "a", .time_ms = 1},
				       {.kind = EVENT_STUCK, .meter = "b", .time_ms = 1},
				       {.kind = EVENT_STUCK, .meter = "c", .time_ms = 1}};
	struct err err = {""};
	bool is_behind;

	assert_int_equal(take(fixture, true), 0);
	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	assert_int_equal(event_touch(fixture->ledger, &events[0], &err), 0);
	assert_int_equal(event_touch(fixture->ledger, &events[1], &err), 0);
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_int_equal(ledger_begin(fixture->ledger, &err), 0);
	assert_int_equal(event_touch(fixture->ledger, &events[2], &err), 0);
	assert_int_equal(ledger_commit(fixture->ledger, &err), 0);
	assert_int_equal(alarm_outbox_is_behind(fixture->outbox, &is_behind, &err), 0);
	assert_true(is_behind);
	assert_int_equal(take(fixture, false), 2); /* a transaction is passed as a whole */
	assert_int_equal(take(fixture, true), 2);  /* what did not commit comes again */
	assert_int_equal(take(fixture, true), 1);
	assert_int_equal(take(fixture, true), 0);
	assert_int_equal(alarm_outbox_is_behind(fixture->outbox, &is_behind, &err), 0);
	assert_false(is_behind);
}

static void test_day_of_the_digest(void **state)
{
	const struct server_alarm_config monday = {.digest_weekday = 0, .digest_hour = 8};
	const int64_t offset = 8 * (int64_t)HOUR_MS;
	civil_day day = civil_day_of((struct civil_date){2026, 11, 23}); /* a Monday */
	int64_t start = civil_day_start_utc(day, offset);

	(void)state;
	assert_int_equal(alarm_digest_day(&monday, start + 8 * HOUR_MS, offset), day);
	assert_int_equal(alarm_digest_day(&monday, start + 8 * HOUR_MS - 1, offset), day - 7);
	assert_int_equal(alarm_digest_day(&monday, start + 6 * (int64_t)DAY_MS, offset), day);
}

static void test_mail(void **state)
{
	static const char *const to[] = {"a@b.test", "c@d.test"};
	const struct alarm_mail mail = {.from = "x@y.test",
					.to = to,
					.n_to = 2,
					.id = "370100-1-2-raised",
					.domain = "y.test",
					.subject =
						"[警告] 夜间基荷偏高：历下区档案馆，一个很长的名称",
					.text = "一行\n.\n",
					.time_ms = 1764000000000,
					.offset_ms = 8 * (int64_t)HOUR_MS};
	struct buf out = {0};

	(void)state;
	alarm_mail_write(&mail, &out);
	assert_non_null(strstr(out.data, "From: <x@y.test>\r\nTo: <a@b.test>,\r\n <c@d.test>\r\n"));
	assert_non_null(strstr(out.data, "Date: Tue, 25 Nov 2025 00:00:00 +0800\r\n"));
	assert_non_null(strstr(out.data, "Message-ID: <370100-1-2-raised@y.test>\r\n"));
	assert_non_null(strstr(out.data, "\r\n\r\n5LiA6KGMCi4K\r\n"));
	for (const char *line = out.data; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_in_range(strcspn(line, "\r"), 0, 78);
	buf_fini(&out);
}

static void test_base64(void **state)
{
	/* RFC 4648, section 10 */
	static const struct {
		const char *plain, *text;
	} cases[] = {{"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
		     {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}};
	static const char *const broken[] = {"Z", "Zg", "Zg=", "Zm9%", "Zg==x"};
	/* RFC 4231, case 2 */
	static const uint8_t wanted[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e};
	static const char data[] = "what do ya want for nothing?";
	uint8_t digest[DIGEST_BYTES];
	struct buf out = {0};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&out);
		digest_base64(cases[i].plain, strlen(cases[i].plain), &out);
		assert_string_equal(out.len > 0 ? out.data : "", cases[i].text);
		buf_clear(&out);
		assert_int_equal(digest_from_base64(cases[i].text, strlen(cases[i].text), &out), 0);
		assert_int_equal(out.len, strlen(cases[i].plain));
		assert_string_equal(out.len > 0 ? out.data : "", cases[i].plain);
	}
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		assert_true(digest_from_base64(broken[i], strlen(broken[i]), &out) < 0);
	digest_hmac_sha256("Jefe", 4, data, sizeof data - 1, digest);
	assert_memory_equal(digest, wanted, sizeof wanted);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once_and_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_summary_takes_the_place_of_its_members,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_event_is_passed_over, set_up, tear_down),
		cmocka_unit_test(test_day_of_the_digest),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
