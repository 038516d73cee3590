/* SPDX-License-Identifier: Apache-2.0 */
/* What receiving costs at least, the usual way: messages from MQTT, their text cut at its commas,
 * one register a line into SQLite by (meter, hour), many messages a transaction with fsync, then
 * the acknowledgements. Checks and keeps nothing else. A yardstick for nenghao-server.
 *
 *   yardstick_server BROKER_PORT FILE
 *
 * Prints "ready", then for each line on standard input its totals; ends with it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/db.h"
#include "common/decimal.h"
#include "common/log.h"
#include "common/mailbox.h"
#include "common/mem.h"
#include "common/mqtt.h"
#include "tests/bench/bench.h"

enum { LETTERS_MAX = 20000, LETTERS_A_COMMIT = 100, SLOTS = 1 << 18, HOUR = 3600000 };

struct letter {
	char *topic, *text;
	size_t len;
};

struct server {
	struct mqtt *mqtt;
	atomic_bool is_connected;
	struct mailbox *letters;
	struct db *db;
	struct db_statement *upsert;
	char (*meters)[32]; /* a hash table; the slot is the meter's number */
	atomic_llong readings;
	pthread_t thread;
};

static void on_connected(void *arg)
{
	atomic_store(&((struct server *)arg)->is_connected, true);
}

static void on_lost(void *arg)
{
	(void)arg;
}

static void on_delivered(int64_t token, void *arg)
{
	(void)token;
	(void)arg;
}

static void drop_letter(void *item)
{
	struct letter *letter = item;

	free(letter->topic);
	free(letter->text);
	free(letter);
}

static void on_message(const char *topic, const void *payload, size_t len, bool is_retained,
		       void *arg)
{
	struct server *server = arg;
	struct letter *letter = xcalloc(1, sizeof *letter);

	(void)is_retained;
	*letter = (struct letter){xstrdup(topic), xstrndup(payload, len), len};
	if (!mailbox_try_put(server->letters, letter))
		drop_letter(letter);
}

static int64_t find_meter(struct server *server, const char *id, size_t len)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)id[i]) * 16777619U;
	for (hash %= SLOTS;; hash = (hash + 1) % SLOTS) {
		char *known = server->meters[hash];

		if (known[0] == '\0')
			memcpy(known, id, len);
		if (memcmp(known, id, len) == 0 && known[len] == '\0')
			return hash;
	}
}

/* reading,meter=ID name=value,... TIME */
static void take_line(struct server *server, const char *line, const char *end)
{
	const char *id = line + strlen("reading,meter=");
	const char *fields = memchr(id, ' ', (size_t)(end - id));
	const char *time = fields != NULL ? memrchr(fields, ' ', (size_t)(end - fields)) : NULL;
	const char *value, *stop;
	int64_t micro = 0;

	bench_demand(time != NULL && fields - id < 32, "the form of a line");
	/* Every field is cut, as somebody would who wants them all. */
	for (const char *at = fields; at != NULL && at < time;
	     at = memchr(at + 1, ',', (size_t)(time - at - 1))) {
		value = memchr(at, '=', (size_t)(time - at));
		bench_demand(value != NULL, "the form of a field");
		if (at != fields)
			continue;
		stop = memchr(value, ',', (size_t)(time - value));
		bench_demand(stop != NULL &&
				     decimal_parse_micro(value + 1, (size_t)(stop - value - 1),
							 &micro) == 0,
			     "a number");
	}
	db_bind_int(server->upsert, 1, find_meter(server, id, (size_t)(fields - id)));
	db_bind_int(server->upsert, 2, strtoll(time, NULL, 10) / HOUR);
	db_bind_int(server->upsert, 3, micro);
	bench_demand(db_run(server->upsert, NULL) == 0, "an upsert");
	atomic_fetch_add(&server->readings, 1);
}

static void take_letter(struct server *server, const struct letter *letter)
{
	const char *end = letter->text + letter->len;

	for (const char *line = letter->text, *feed;
	     (feed = memchr(line, '\n', (size_t)(end - line))) != NULL; line = feed + 1)
		if (strncmp(line, "reading,", 8) == 0)
			take_line(server, line, feed);
}

static void acknowledge(struct server *server, struct letter *letter)
{
	const char *epoch = strstr(letter->text, "epoch="), *seq = strstr(letter->text, "seq=");
	struct buf text = {0};
	char *topic;

	bench_demand(epoch != NULL && seq != NULL, "the form of a header");
	buf_printf(&text, "%lld %lld %lld 0", strtoll(epoch + 6, NULL, 10),
		   strtoll(seq + 4, NULL, 10), strtoll(seq + 4, NULL, 10));
	topic = xasprintf("%.*s/ack", (int)(strrchr(letter->topic, '/') - letter->topic),
			  letter->topic);
	while (mqtt_publish(server->mqtt, topic, text.data, text.len, false, NULL, NULL) == -EAGAIN)
		clock_sleep_until(clock_mono_ms() + 1);
	free(topic);
	buf_fini(&text);
}

static void *work(void *arg)
{
	struct server *server = arg;
	struct letter *taken[LETTERS_A_COMMIT];

	while (!mailbox_is_closed(server->letters)) {
		size_t n = 0;

		taken[0] = mailbox_take(server->letters, clock_mono_ms() + 100);
		if (taken[0] == NULL)
			continue;
		bench_demand(db_begin(server->db, NULL) == 0, "begin");
		do
			take_letter(server, taken[n++]);
		while (n < LETTERS_A_COMMIT &&
		       (taken[n] = mailbox_take(server->letters, 0)) != NULL);
		bench_demand(db_commit(server->db, NULL) == 0, "commit");
		for (size_t i = 0; i < n; i++) {
			acknowledge(server, taken[i]);
			drop_letter(taken[i]);
		}
	}
	return NULL;
}

static void open_file(struct server *server, const char *path)
{
	struct err err;

	bench_demand(db_open(&server->db, path, DB_READ_WRITE, &err) == 0 &&
			     db_execute(server->db,
					"create table energy(meter integer, hour integer, value "
					"integer, primary key(meter, hour)) without rowid",
					&err) == 0 &&
			     db_prepare(server->db, &server->upsert,
					"insert into energy values(?, ?, ?) on conflict do update "
					"set value = excluded.value",
					&err) == 0,
		     "the file");
}

int main(int argc, char **argv)
{
	static struct server server;
	struct mqtt_config config = {.keep_alive_ms = 30000, .version = MQTT_VERSION_AUTO};
	struct mqtt_events events = {on_connected, on_lost, on_message,
				     on_delivered, NULL,    &server};
	char *url = argc == 3 ? xasprintf("tcp://127.0.0.1:%s", argv[1]) : NULL;
	char line[64];
	struct err err;

	log_set_level(LOG_WARN);
	bench_demand(argc == 3, "usage: yardstick_server BROKER_PORT FILE");
	server.letters = mailbox_create(LETTERS_MAX);
	server.meters = xcalloc(SLOTS, sizeof *server.meters);
	open_file(&server, argv[2]);
	config.url = url;
	bench_demand(mqtt_start(&server.mqtt, &config, "yardstick", NULL, &events, &err) == 0 &&
			     mqtt_subscribe(server.mqtt, "nenghao/1/+/+/data", &err) == 0 &&
			     pthread_create(&server.thread, NULL, work, &server) == 0,
		     "starting");
	bench_await(&server.is_connected, "the broker answers");
	printf("ready\n");
	(void)fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL) {
		printf("{\"readings\": %lld, \"cpu_us\": %" PRId64 ", \"rss_kb\": %" PRId64 "}\n",
		       atomic_load(&server.readings), bench_cpu_us(), bench_rss_kb());
		(void)fflush(stdout);
	}
	mailbox_close(server.letters);
	(void)pthread_join(server.thread, NULL);
	mqtt_stop(server.mqtt);
	mailbox_destroy(server.letters, drop_letter);
	db_finalize(server.upsert);
	db_close(server.db);
	free(server.meters);
	free(url);
	return 0;
}
