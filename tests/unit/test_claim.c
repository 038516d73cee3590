/* SPDX-License-Identifier: Apache-2.0 */
/* Several servers and a broker that gives all of them one order, or does not. */
#include "server/ingest/claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/mem.h"

enum { N_SERVERS = 3, QUEUE_MAX = 64, SECOND = 1000 };

struct message {
	char topic[64], payload[1024];
	size_t len;
	bool is_retained;
};

struct server {
	struct claim claim;
	const char *regions[2];
	char id[8], place[32];
	bool is_connected, is_listening, is_mute; /* is_mute: stands still, but is connected */
	struct message queue[QUEUE_MAX];
	size_t n_queue;
};

struct world {
	struct server servers[N_SERVERS];
	struct message retained[N_SERVERS + 1];
	size_t n_retained;
	bool hands_nothing_on;
	int64_t now;
};

/* As "37", "3701", "370102" are. */
static bool overlap(const char *a, const char *b, void *arg)
{
	size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	(void)arg;
	return strncmp(a, b, n) == 0;
}

static struct claim_time now(const struct world *world)
{
	return (struct claim_time){1700000000000 + world->now, 1000 + world->now};
}

static void start(struct world *world, int i, const char *id, const char *place, const char *region)
{
	struct server *server = &world->servers[i];
	struct claim_self self = {.server = server->id,
				  .start = 1000 + i + world->now,
				  .name = i == 0   ? "A"
					  : i == 1 ? "B"
						   : "C",
				  .place = server->place,
				  .regions = server->regions,
				  .n_regions = 1,
				  .overlap = overlap};

	memset(server, 0, sizeof *server);
	(void)snprintf(server->id, sizeof server->id, "%s", id);
	(void)snprintf(server->place, sizeof server->place, "%s", place);
	server->regions[0] = region;
	claim_init(&server->claim, &self);
}

/* ---- the broker ---- */

static void enqueue(struct server *to, const struct message *message)
{
	assert_true(to->n_queue < QUEUE_MAX);
	to->queue[to->n_queue++] = *message;
}

static void retain(struct world *world, const struct message *message)
{
	size_t i = 0;

	while (i < world->n_retained && strcmp(world->retained[i].topic, message->topic) != 0)
		i++;
	if (message->len > 0) {
		world->n_retained += i == world->n_retained;
		world->retained[i] = *message;
		world->retained[i].is_retained = true;
	} else if (i < world->n_retained) {
		world->retained[i] = world->retained[--world->n_retained];
	}
}

static void publish(struct world *world, const char *id, const struct buf *payload, bool retained)
{
	struct message message = {.len = payload != NULL ? payload->len : 0};

	(void)snprintf(message.topic, sizeof message.topic, CLAIM_TOPIC "%s", id);
	assert_true(message.len < sizeof message.payload);
	if (payload != NULL && message.len > 0)
		memcpy(message.payload, payload->data, payload->len);
	if (retained)
		retain(world, &message);
	for (int i = 0; i < N_SERVERS && !world->hands_nothing_on; i++)
		if (world->servers[i].is_connected)
			enqueue(&world->servers[i], &message);
}

static void act(struct world *world, struct server *server, unsigned actions)
{
	struct buf question = {0}, claim = {0};

	claim_write(&server->claim, false, &question);
	claim_write(&server->claim, true, &claim);
	if (actions & CLAIM_ASK)
		publish(world, server->id, &question, false);
	if (actions & CLAIM_CLEAR)
		publish(world, server->claim.gone, NULL, true);
	if (actions & CLAIM_HOLD)
		publish(world, server->id, &claim, true);
	server->is_listening |= (actions & CLAIM_LISTEN) != 0;
	if (actions & CLAIM_LEAVE)
		publish(world, server->id, NULL, true);
	buf_fini(&question);
	buf_fini(&claim);
}

static void connect_server(struct world *world, int i)
{
	struct server *server = &world->servers[i];

	server->is_connected = true;
	for (size_t k = 0; k < world->n_retained && !world->hands_nothing_on; k++)
		enqueue(server, &world->retained[k]);
	act(world, server, claim_connected(&server->claim, now(world)));
}

static void lose(struct world *world, int i)
{
	struct server *server = &world->servers[i];

	server->is_connected = server->is_listening = false;
	server->n_queue = 0;
	claim_lost(&server->claim);
}

static bool deliver(struct world *world, struct server *server)
{
	struct message message = server->queue[0];

	if (server->n_queue == 0 || server->is_mute)
		return false;
	memmove(&server->queue[0], &server->queue[1], --server->n_queue * sizeof message);
	act(world, server,
	    claim_heard(&server->claim, message.topic, message.payload, message.len,
			message.is_retained, now(world)));
	return true;
}

static void settle(struct world *world)
{
	for (bool more = true; more;) {
		more = false;
		for (int i = 0; i < N_SERVERS; i++)
			more |= deliver(world, &world->servers[i]);
	}
}

static void pass(struct world *world, int64_t ms)
{
	for (int64_t end = world->now + ms; world->now < end;) {
		world->now += SECOND;
		for (int i = 0; i < N_SERVERS; i++)
			if (world->servers[i].is_connected && !world->servers[i].is_mute)
				act(world, &world->servers[i],
				    claim_tick(&world->servers[i].claim, now(world)));
		settle(world);
	}
}

static void assert_phases(const struct world *world, const char *expected)
{
	static const char letters[] = "-?sr"; /* of enum claim_phase */

	for (int i = 0; expected[i] != '\0'; i++)
		if (letters[world->servers[i].claim.phase] != expected[i])
			fail_msg("server %d is '%c', not '%c'", i,
				 letters[world->servers[i].claim.phase], expected[i]);
}

static void begin(struct world *world, int i, const char *region)
{
	static const char *const ids[] = {"a", "b", "c"};

	start(world, i, ids[i], ids[i], region);
	connect_server(world, i);
}

/* Begins, and all that is to be said of it is said. */
static void arrive(struct world *world, int i, const char *region)
{
	begin(world, i, region);
	settle(world);
}

/* ---- the stories ---- */

struct pair {
	const char *name, *first, *second, *phases;
};

static const struct pair pairs[] = {
	{"the same region", "370102", "370102", "sr"},
	{"the later one has all of it", "370102", "3701", "sr"},
	{"the later one has a part of it", "3701", "370102", "sr"},
	{"neighbours", "370102", "370103", "ss"},
};

static void the_later_one_is_refused(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		memset(world, 0, sizeof *world);
		print_message("%s\n", pairs[i].name);
		arrive(world, 0, pairs[i].first);
		pass(world, SECOND);
		arrive(world, 1, pairs[i].second);
		assert_phases(world, pairs[i].phases);
		if (pairs[i].phases[1] == 'r') {
			assert_string_equal(world->servers[1].claim.rival.name, "A");
			assert_string_equal(world->servers[1].claim.rival.region, pairs[i].first);
			assert_string_equal(world->servers[0].claim.asked.name, "B");
			assert_false(world->servers[1].is_listening);
		}
	}
}

/* In every order of what reaches whom. */
static void of_two_at_once_one_serves(void **state)
{
	struct world *world = *state;

	for (unsigned order = 0; order < 1024; order++) {
		memset(world, 0, sizeof *world);
		begin(world, 0, "3701");
		begin(world, 1, "370102");
		for (unsigned bit = 0; bit < 10; bit++)
			(void)deliver(world, &world->servers[order >> bit & 1]);
		settle(world);
		pass(world, 60 * SECOND);
		assert_phases(world, "sr");
		assert_int_equal(world->n_retained, 1);
	}
}

/* A broker of several nodes may tell each server first of itself. */
static void without_one_order_one_steps_back(void **state)
{
	struct world *world = *state;
	struct message swap;

	begin(world, 0, "3701");
	begin(world, 1, "370102");
	swap = world->servers[1].queue[0];
	world->servers[1].queue[0] = world->servers[1].queue[1];
	world->servers[1].queue[1] = swap;
	settle(world);
	pass(world, SECOND);
	assert_phases(world, "sr");
	assert_int_equal(world->n_retained, 1);
}

static void one_that_was_killed_goes_on_at_once(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	arrive(world, 1, "370102");
	assert_phases(world, "sr");
	lose(world, 0); /* its claim still stands at the broker, and B stands by */
	pass(world, SECOND);
	start(world, 0, "a", "a", "370102");
	connect_server(world, 0);
	settle(world);
	assert_phases(world, "sr");
}

static void one_that_stands_by_does_not_take_over(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	arrive(world, 1, "370102");
	lose(world, 0);
	pass(world, 3600 * SECOND);
	assert_phases(world, "-r");
}

/* Another server, with a ledger of its own, in the place of one that is gone for good. */
static void a_claim_without_an_answer_ends(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	lose(world, 0);
	arrive(world, 1, "370102");
	assert_phases(world, "-?");
	assert_string_equal(claim_awaited(&world->servers[1].claim)->name, "A");
	pass(world, CLAIM_ANSWER_MS - 2 * SECOND);
	assert_phases(world, "-?");
	pass(world, 3 * SECOND);
	assert_phases(world, "-s");
	assert_int_equal(world->n_retained, 1); /* A's is gone */
}

/* A copy of the ledger on another machine. */
static void a_copy_of_a_server_is_refused(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	pass(world, SECOND);
	start(world, 1, "a", "elsewhere", "370102");
	connect_server(world, 1);
	settle(world);
	assert_phases(world, "sr");
	assert_int_equal(world->n_retained, 1);
}

static void a_restored_server_elsewhere_waits_a_little(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	lose(world, 0);
	start(world, 1, "a", "elsewhere", "370102");
	connect_server(world, 1);
	settle(world);
	assert_phases(world, "-?");
	pass(world, CLAIM_OWN_MS + SECOND);
	assert_phases(world, "-s");
	assert_int_equal(world->n_retained, 1);
}

/* The broker restarts, keeps nothing, and each of the two is back first once. */
static void a_restart_of_the_broker_changes_nothing(void **state)
{
	struct world *world = *state;

	for (int first = 0; first < 2; first++) {
		memset(world, 0, sizeof *world);
		arrive(world, 0, "370102");
		pass(world, SECOND);
		arrive(world, 1, "3701");
		lose(world, 0);
		lose(world, 1);
		world->n_retained = 0;
		connect_server(world, first);
		settle(world);
		connect_server(world, 1 - first);
		settle(world);
		assert_phases(world, "sr");
		assert_true(world->servers[0].is_listening);
	}
}

/* B comes while A and the broker do not see each other. */
static void after_a_partition_who_has_served_longer_serves(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	pass(world, SECOND);
	lose(world, 0);
	begin(world, 1, "370102");
	pass(world, CLAIM_ANSWER_MS + SECOND);
	assert_phases(world, "-s");
	connect_server(world, 0);
	settle(world);
	assert_phases(world, "sr");
	assert_int_equal(world->n_retained, 1);
	assert_string_equal(world->servers[1].claim.rival.name, "A");
}

/* A does not answer for a while, although its connection stands. */
static void one_that_stood_still_gets_its_region_back(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	pass(world, SECOND);
	world->servers[0].is_mute = true;
	begin(world, 1, "370102");
	pass(world, CLAIM_ANSWER_MS + SECOND);
	assert_phases(world, "ss");
	world->servers[0].is_mute = false;
	settle(world);
	assert_phases(world, "sr");
	assert_int_equal(world->n_retained, 1);
}

static void a_broker_that_hands_nothing_on_does_not_stop_it(void **state)
{
	struct world *world = *state;

	world->hands_nothing_on = true;
	begin(world, 0, "370102");
	pass(world, CLAIM_ECHO_MS - SECOND);
	assert_phases(world, "?");
	pass(world, 2 * SECOND);
	assert_phases(world, "s");
	assert_true(world->servers[0].claim.is_unprotected);
}

static void a_region_that_was_let_go_is_free(void **state)
{
	struct world *world = *state;

	arrive(world, 0, "370102");
	lose(world, 0);
	arrive(world, 1, "370102"); /* waits for A's answer */
	start(world, 0, "a", "a", "370103");
	connect_server(world, 0);
	settle(world);
	assert_phases(world, "ss");
}

static void nonsense_is_passed_over(void **state)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"null",
		"{\"state\":\"serving\"}",
		"{\"state\":\"serving\",\"start\":1,\"since\":0,\"regions\":[\"370102\"]}",
		"{\"state\":\"serving\",\"start\":0,\"since\":5,\"regions\":[\"370102\"]}",
		"{\"state\":\"serving\",\"start\":1,\"since\":5,\"regions\":\"370102\"}",
		"{\"state\":\"serving\",\"start\":1,\"since\":5,\"regions\":[370102,null,{}]}",
		"{\"state\":7,\"start\":1,\"since\":5,\"regions\":[\"370102\"]}",
	};
	static const char nameless[] =
		"{\"state\":\"serving\",\"start\":1,\"since\":5,\"regions\":[\"370102\"]}";
	struct world *world = *state;

	arrive(world, 0, "370102");
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(claim_heard(&world->servers[0].claim, CLAIM_TOPIC "x", texts[i],
					     strlen(texts[i]), false, now(world)),
				 0);
	assert_int_equal(claim_heard(&world->servers[0].claim, "nenghao/1/x/y/data", "", 0, false,
				     now(world)),
			 0);
	/* A server without an id, which the filter's "+" lets in. */
	assert_int_equal(claim_heard(&world->servers[0].claim, CLAIM_TOPIC, nameless,
				     strlen(nameless), true, now(world)),
			 0);
	assert_phases(world, "s");
}

static int make_world(void **state)
{
	*state = xcalloc(1, sizeof(struct world));
	return 0;
}

static int free_world(void **state)
{
	free(*state);
	return 0;
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, make_world, free_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(the_later_one_is_refused),
		STORY(of_two_at_once_one_serves),
		STORY(without_one_order_one_steps_back),
		STORY(one_that_was_killed_goes_on_at_once),
		STORY(one_that_stands_by_does_not_take_over),
		STORY(a_claim_without_an_answer_ends),
		STORY(a_copy_of_a_server_is_refused),
		STORY(a_restored_server_elsewhere_waits_a_little),
		STORY(a_restart_of_the_broker_changes_nothing),
		STORY(after_a_partition_who_has_served_longer_serves),
		STORY(one_that_stood_still_gets_its_region_back),
		STORY(a_broker_that_hands_nothing_on_does_not_stop_it),
		STORY(a_region_that_was_let_go_is_free),
		STORY(nonsense_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
