/* SPDX-License-Identifier: Apache-2.0 */
/* Two senders on one queue: what may be under way side by side, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/mem.h"
#include "server/tsdb/tsdb_private.h"

static void push(struct tsdb *tsdb, int64_t number, char kind)
{
	bool is_small = kind == 's' || kind == 'o';
	struct buf text = {0};
	struct tsdb_chunk *chunk;

	buf_printf(&text, "%lld ", (long long)number);
	chunk = tsdb_chunk_create(number, is_small ? 10 : TSDB_CHUNK_LINES,
				  kind == 'o' || kind == 'O', &text);
	tsdb_push(tsdb, chunk);
	tsdb_chunk_release(chunk);
}

static void open_queue(struct tsdb *tsdb, const char *chunks)
{
	memset(tsdb, 0, sizeof *tsdb);
	tsdb->last_next = &tsdb->first;
	(void)pthread_mutex_init(&tsdb->lock, NULL);
	(void)pthread_cond_init(&tsdb->changed, NULL);
	for (int i = 0; i < TSDB_SENDERS; i++) {
		tsdb->senders[i].tsdb = tsdb;
		tsdb->senders[i].number = i;
	}
	for (int64_t i = 0; chunks[i]; i++)
		push(tsdb, i + 1, chunks[i]);
}

static void close_queue(struct tsdb *tsdb)
{
	while (tsdb->first)
		tsdb_queue_unlink(tsdb, &tsdb->first);
	for (int i = 0; i < TSDB_SENDERS; i++)
		buf_fini(&tsdb->senders[i].joined);
	(void)pthread_cond_destroy(&tsdb->changed);
	(void)pthread_mutex_destroy(&tsdb->lock);
}

/* What the senders do: "0" and "1" take, "a" and "b" are told that sender 0 or 1 was accepted, "x"
 * and "y" that it failed. expected: what each taking got, "-" for nothing. */
static const struct {
	const char *phrase, *chunks, *actions, *expected;
	int64_t durable;
} cases[] = {
	{"small ones go together", "sss", "0", "1 2 3 ;", 0},
	{"a full one goes alone", "FsF", "0", "1 ;", 0},
	{"two at a time", "FFF", "01", "1 ;2 ;", 0},
	{"the second's answer first: not durable yet", "FFF", "01b", "1 ;2 ;", 0},
	{"both answered", "FFF", "01ba", "1 ;2 ;", 2},
	{"a failed one is the next", "FFF", "01bx0", "1 ;2 ;1 ;", 0},
	{"nothing is left", "s", "01", "1 ;-;", 0},
	{"an ordered one waits for what is under way", "FOF", "01", "1 ;-;", 0},
	{"and goes when that is answered", "FOF", "0a1", "1 ;2 ;", 1},
	{"nothing goes beside an ordered one", "FOF", "0a10", "1 ;2 ;-;", 1},
	{"what comes behind goes after it", "FOF", "0a1b0", "1 ;2 ;3 ;", 2},
	{"an ordered one joins no other", "soss", "0a0a0a", "1 ;2 ;3 4 ;", 4},
	{"a failed ordered one goes first again", "OFF", "0x1b", "1 ;1 ;", 1},
	{"what failed before an ordered one goes before it", "FOF", "0x1b0", "1 ;1 ;2 ;", 1},
};

static void act(struct tsdb *tsdb, struct tsdb_parcel *parcels, char action, struct buf *got)
{
	static const char answers[] = "abxy";
	const char *answer = strchr(answers, action);
	int number = answer ? (int)(answer - answers) % 2 : action - '0';

	if (answer) {
		tsdb_queue_sent(&tsdb->senders[number], &parcels[number], answer - answers < 2);
		return;
	}
	if (tsdb_queue_take(&tsdb->senders[number], &parcels[number]))
		buf_add(got, parcels[number].text, parcels[number].len);
	else
		buf_add_char(got, '-');
	buf_add_char(got, ';');
}

static void chunks_go_in_an_allowed_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tsdb_parcel parcels[TSDB_SENDERS] = {{0}};
		struct tsdb tsdb;
		struct buf got = {0};

		buf_add_text(&got, "");
		open_queue(&tsdb, cases[i].chunks);
		for (const char *at = cases[i].actions; *at; at++)
			act(&tsdb, parcels, *at, &got);
		if (strcmp(got.data, cases[i].expected) != 0 ||
		    tsdb_durable_through(&tsdb) != cases[i].durable)
			fail_msg("%s: took %s, durable through %lld", cases[i].phrase, got.data,
				 (long long)tsdb_durable_through(&tsdb));
		buf_fini(&got);
		close_queue(&tsdb);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_go_in_an_allowed_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
