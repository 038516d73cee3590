/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: whatever stands at the broker under another server's claim, this one is in one phase
 * at a time, waits for few and names them in whole texts; what it asks to be published it hears
 * again as its own; and who serves is never told to listen twice. Input: a choice, the other
 * server's payload, and after a NUL a second one. */
#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "server/ingest/claim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool overlap(const char *a, const char *b, void *arg)
{
	size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	(void)arg;
	return n > 0 && strncmp(a, b, n) == 0;
}

static void check_text(const char *text, size_t size)
{
	assert(memchr(text, '\0', size) != NULL);
}

static void check_other(const struct claim_other *other)
{
	check_text(other->server, sizeof other->server);
	check_text(other->name, sizeof other->name);
	check_text(other->place, sizeof other->place);
	check_text(other->region, sizeof other->region);
	check_text(other->our_region, sizeof other->our_region);
}

static void check(const struct claim *claim, unsigned actions, enum claim_phase before)
{
	assert((actions & ~31u) == 0);
	if (actions & CLAIM_LISTEN)
		assert(before != CLAIM_SERVING && claim->phase == CLAIM_SERVING);
	if (actions & CLAIM_HOLD)
		assert(claim->phase == CLAIM_SERVING && claim->since_ms > 0);
	if (actions & CLAIM_LEAVE)
		assert(claim->phase == CLAIM_REFUSED);
	if (actions & CLAIM_CLEAR)
		assert(claim->gone[0] != '\0');
	if (claim->phase == CLAIM_REFUSED)
		assert(before == CLAIM_REFUSED || claim->rival.start > 0);
	assert(claim->n_others <= CLAIM_OTHERS_MAX);
	for (size_t i = 0; i < claim->n_others; i++) {
		assert(claim->others[i].start > 0 && claim->others[i].region[0] != '\0');
		check_other(&claim->others[i]);
	}
	check_other(&claim->rival);
	check_other(&claim->asked);
}

static void hear(struct claim *claim, const char *topic, const char *text, size_t len,
		 bool retained, struct claim_time now)
{
	enum claim_phase before = claim->phase;

	check(claim, claim_heard(claim, topic, text, len, retained, now), before);
}

/* The broker hands the own question back. */
static void hear_own(struct claim *claim, struct claim_time now)
{
	struct buf own = {0};

	claim_write(claim, false, &own);
	hear(claim, CLAIM_TOPIC "us", own.data, own.len, false, now);
	assert(claim->has_echo || claim->phase == CLAIM_REFUSED || claim->phase == CLAIM_APART);
	buf_fini(&own);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const topics[] = {CLAIM_TOPIC "them", CLAIM_TOPIC "us", CLAIM_TOPIC};
	static const char *const regions[] = {"3701", "370200"};
	static const struct claim_self self = {
		"us", 7, "nenghao-server-3701", "host:/ledger.db", regions, 2, overlap, NULL};
	struct claim_time now = {1000, 1000};
	struct claim claim;
	const char *text = (const char *)data + 1, *second;
	size_t len, choice;
	enum claim_phase before;

	if (size == 0)
		return 0;
	choice = data[0];
	second = memchr(text, '\0', size - 1);
	len = second != NULL ? (size_t)(second - text) : size - 1;
	claim_init(&claim, &self);
	if (choice & 1)
		check(&claim, claim_connected(&claim, now), CLAIM_APART);
	if (choice & 2)
		hear_own(&claim, now);
	hear(&claim, topics[choice / 16 % 3], text, len, choice & 4, now);
	if (second != NULL)
		hear(&claim, topics[choice / 64 % 3], second + 1, size - 1 - len - 1, choice & 8,
		     now);
	hear_own(&claim, now);
	now.mono_ms += CLAIM_ANSWER_MS;
	before = claim.phase;
	check(&claim, claim_tick(&claim, now), before);
	return 0;
}
