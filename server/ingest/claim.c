/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/claim.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/json_writer.h"

enum { PAYLOAD_MAX = 256 * 1024 };

void claim_init(struct claim *claim, const struct claim_self *self)
{
	memset(claim, 0, sizeof *claim);
	claim->self = *self;
}

/* ---- on the wire ---- */

void claim_write(const struct claim *claim, bool is_serving, struct buf *out)
{
	const struct claim_self *self = &claim->self;
	struct json_writer json = {.out = out};

	json_begin_object(&json, NULL);
	json_add_string(&json, "state", is_serving ? "serving" : "asking");
	json_add_int(&json, "start", self->start);
	json_add_int(&json, "since", claim->since_ms);
	json_add_string(&json, "name", self->name);
	json_add_string(&json, "place", self->place);
	json_begin_array(&json, "regions");
	for (size_t i = 0; i < self->n_regions; i++)
		json_add_string(&json, NULL, self->regions[i]);
	json_end_array(&json);
	json_end_object(&json);
}

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from != NULL ? from : "");
}

/* The first pair of regions that have something in common. */
static bool find_overlap(const struct claim_self *self, const json_t *regions,
			 struct claim_other *out)
{
	for (size_t i = 0; i < json_array_size(regions); i++) {
		const char *theirs = json_string_value(json_array_get(regions, i));

		for (size_t k = 0; k < self->n_regions && theirs != NULL; k++)
			if (self->overlap(self->regions[k], theirs, self->arg)) {
				copy(out->region, sizeof out->region, theirs);
				copy(out->our_region, sizeof out->our_region, self->regions[k]);
				return true;
			}
	}
	return false;
}

struct heard {
	struct claim_other other;
	bool is_claim, has_overlap, is_own;
};

static void read_claim(const struct claim_self *self, const char *server, const json_t *root,
		       struct heard *out)
{
	const char *state = json_string_value(json_object_get(root, "state"));
	const json_t *regions = json_object_get(root, "regions");
	struct claim_other *other = &out->other;
	bool is_serving = state != NULL && strcmp(state, "serving") == 0;

	other->start = json_integer_value(json_object_get(root, "start"));
	other->since_ms = json_integer_value(json_object_get(root, "since"));
	copy(other->server, sizeof other->server, server);
	copy(other->name, sizeof other->name, json_string_value(json_object_get(root, "name")));
	copy(other->place, sizeof other->place, json_string_value(json_object_get(root, "place")));
	out->is_claim = state != NULL && json_is_array(regions) && other->start > 0 &&
			other->since_ms >= is_serving;
	out->is_own = strcmp(server, self->server) == 0 && other->start == self->start;
	out->has_overlap = find_overlap(self, regions, other);
}

static void parse(const struct claim_self *self, const char *server, const char *text, size_t len,
		  struct heard *out)
{
	json_t *root = len <= PAYLOAD_MAX ? json_loadb(text, len, 0, NULL) : NULL;

	memset(out, 0, sizeof *out);
	if (json_is_object(root))
		read_claim(self, server, root, out);
	json_decref(root);
}

/* ---- who stands against us ---- */

static void forget(struct claim *claim, size_t i)
{
	claim->others[i] = claim->others[--claim->n_others];
}

/* start 0: whichever. */
static void forget_server(struct claim *claim, const char *server, int64_t start)
{
	for (size_t i = claim->n_others; i-- > 0;)
		if (strcmp(claim->others[i].server, server) == 0 &&
		    (start == 0 || claim->others[i].start == start))
			forget(claim, i);
}

static void remember(struct claim *claim, const struct claim_other *other)
{
	bool was_ahead = false;

	for (size_t i = 0; i < claim->n_others; i++)
		if (strcmp(claim->others[i].server, other->server) == 0 &&
		    claim->others[i].start == other->start)
			was_ahead = claim->others[i].is_ahead;
	forget_server(claim, other->server, other->start);
	if (claim->n_others == CLAIM_OTHERS_MAX)
		forget(claim, 0);
	claim->others[claim->n_others] = *other;
	claim->others[claim->n_others++].is_ahead |= was_ahead;
}

/* Who serves goes before who asks, who has served longer before who has not. */
static bool goes_before(const struct claim *claim, const struct claim_other *other)
{
	if (other->since_ms == 0)
		return claim->since_ms == 0 && other->is_ahead;
	if (claim->since_ms == 0 || other->since_ms < claim->since_ms)
		return true;
	return other->since_ms == claim->since_ms && other->start < claim->self.start;
}

/* What this server's former process has left at the broker: it holds the lock of the ledger no
 * more. */
static bool is_predecessor(const struct claim *claim, const struct claim_other *other)
{
	return other->is_retained && strcmp(other->server, claim->self.server) == 0 &&
	       strcmp(other->place, claim->self.place) == 0;
}

static bool is_in_the_way(const struct claim *claim, const struct claim_other *other)
{
	return goes_before(claim, other) && !is_predecessor(claim, other);
}

const struct claim_other *claim_awaited(const struct claim *claim)
{
	if (claim->phase != CLAIM_ASKING)
		return NULL;
	for (size_t i = 0; i < claim->n_others; i++)
		if (is_in_the_way(claim, &claim->others[i]))
			return &claim->others[i];
	return NULL;
}

/* ---- what happens ---- */

static unsigned serve_if_free(struct claim *claim, struct claim_time now)
{
	if (claim->phase != CLAIM_ASKING || !claim->has_echo || claim_awaited(claim) != NULL)
		return 0;
	claim->phase = CLAIM_SERVING;
	if (claim->since_ms == 0)
		claim->since_ms = now.now_ms;
	return CLAIM_HOLD | CLAIM_LISTEN;
}

/* For good: whoever stands by and takes over when the other one stops would have its region after
 * each restart. */
static unsigned give_way(struct claim *claim, const struct claim_other *other)
{
	bool has_served = claim->phase == CLAIM_SERVING;

	claim->rival = *other;
	claim->phase = CLAIM_REFUSED;
	claim->since_ms = 0;
	return has_served ? CLAIM_LEAVE : 0;
}

unsigned claim_connected(struct claim *claim, struct claim_time now)
{
	if (claim->phase == CLAIM_REFUSED)
		return 0;
	claim->phase = CLAIM_ASKING;
	claim->has_echo = claim->is_unprotected = false;
	claim->asked_ms = now.mono_ms;
	return CLAIM_ASK;
}

void claim_lost(struct claim *claim)
{
	claim->n_others = 0;
	if (claim->phase != CLAIM_REFUSED)
		claim->phase = CLAIM_APART;
}

static unsigned hear_own(struct claim *claim, bool is_retained, struct claim_time now)
{
	if (claim->phase == CLAIM_REFUSED) /* it crossed with stepping back */
		return CLAIM_LEAVE;
	if (claim->phase == CLAIM_APART || is_retained)
		return 0;
	claim->has_echo = true;
	claim->is_unprotected = false;
	return serve_if_free(claim, now);
}

static unsigned hear_other(struct claim *claim, struct claim_other *other, struct claim_time now)
{
	other->is_ahead = other->since_ms == 0 && !claim->has_echo;
	switch (claim->phase) {
	case CLAIM_REFUSED:
		return 0;
	case CLAIM_SERVING:
		if (other->is_retained)
			return 0;
		if (goes_before(claim, other))
			return give_way(claim, other);
		claim->asked = *other;
		claim->n_asked++;
		return CLAIM_HOLD;
	case CLAIM_APART:
	case CLAIM_ASKING:
		if (!other->is_retained && other->since_ms > 0 && goes_before(claim, other))
			return give_way(claim, other);
		remember(claim, other);
		break;
	}
	return serve_if_free(claim, now);
}

/* A topic was cleared. */
static unsigned hear_nothing(struct claim *claim, const char *server, struct claim_time now)
{
	if (strcmp(server, claim->self.server) == 0)
		return claim->phase == CLAIM_SERVING ? CLAIM_HOLD : 0;
	forget_server(claim, server, 0);
	return serve_if_free(claim, now);
}

unsigned claim_heard(struct claim *claim, const char *topic, const void *payload, size_t len,
		     bool is_retained, struct claim_time now)
{
	const char *server = topic + strlen(CLAIM_TOPIC);
	struct heard heard;

	if (strncmp(topic, CLAIM_TOPIC, strlen(CLAIM_TOPIC)) != 0 || server[0] == '\0' ||
	    strlen(server) >= CLAIM_TEXT_MAX)
		return 0;
	if (len == 0)
		return hear_nothing(claim, server, now);
	parse(&claim->self, server, payload, len, &heard);
	if (!heard.is_claim)
		return 0;
	heard.other.heard_ms = now.mono_ms;
	heard.other.is_retained = is_retained;
	if (heard.is_own)
		return hear_own(claim, is_retained, now);
	if (heard.has_overlap)
		return hear_other(claim, &heard.other, now);
	forget_server(claim, server, 0);
	return serve_if_free(claim, now);
}

static int64_t patience(const struct claim *claim, const struct claim_other *other)
{
	return strcmp(other->server, claim->self.server) == 0 ? CLAIM_OWN_MS : CLAIM_ANSWER_MS;
}

/* One that has not answered: what it left at the broker goes away. */
static unsigned drop_silent(struct claim *claim, struct claim_time now)
{
	for (size_t i = 0; i < claim->n_others; i++) {
		struct claim_other *other = &claim->others[i];

		if (!is_in_the_way(claim, other) ||
		    now.mono_ms - other->heard_ms < patience(claim, other))
			continue;
		copy(claim->gone, sizeof claim->gone, other->server);
		forget(claim, i);
		return strcmp(claim->gone, claim->self.server) == 0 ? 0 : CLAIM_CLEAR;
	}
	return 0;
}

unsigned claim_tick(struct claim *claim, struct claim_time now)
{
	unsigned actions;

	if (claim->phase != CLAIM_ASKING)
		return 0;
	if (!claim->has_echo && now.mono_ms - claim->asked_ms >= CLAIM_ECHO_MS)
		claim->has_echo = claim->is_unprotected = true;
	actions = drop_silent(claim, now);
	return actions | serve_if_free(claim, now);
}
