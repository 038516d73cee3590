/* SPDX-License-Identifier: Apache-2.0 */
/* claim.h - which of several servers at one broker serves a region: who came first. Pure: it takes
 * what happens at the broker and says what is to be done there.
 *
 * Each server has a topic of its own, CLAIM_TOPIC and its id. It asks there (not retained), and
 * serves once its own question has come back and nobody objects: the broker gives all servers the
 * same order, so of two that ask at once one sees the other first. Who serves says so (retained),
 * and again whenever another one asks. What stands retained and is not said again when asked is of
 * a server that is gone. */
#ifndef SERVER_CLAIM_H
#define SERVER_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define CLAIM_TOPIC  "nenghao/1/claims/"
#define CLAIM_FILTER CLAIM_TOPIC "+"

enum {
	CLAIM_ECHO_MS = 10 * 1000,   /* without its own question by then the broker hands none on */
	CLAIM_ANSWER_MS = 30 * 1000, /* who has not answered by then is gone */
	CLAIM_OWN_MS = 5 * 1000,     /* the same for a claim of this ledger from another place */
	CLAIM_TEXT_MAX = 64,
	CLAIM_PLACE_MAX = 256,
	CLAIM_OTHERS_MAX = 16,
};

struct claim_self {
	const char *server;         /* the ledger's id: stays when the server is started again */
	int64_t start;              /* of this process, unlike any other's */
	const char *name;           /* the client id */
	const char *place;          /* host and ledger: no two processes that live have the same */
	const char *const *regions; /* served, with all below each */
	size_t n_regions;
	/* Does one region contain the other? */
	bool (*overlap)(const char *a, const char *b, void *arg);
	void *arg;
}; /* all borrowed */

/* Another server with a region in common. */
struct claim_other {
	char server[CLAIM_TEXT_MAX], name[CLAIM_TEXT_MAX], place[CLAIM_PLACE_MAX];
	char region[CLAIM_TEXT_MAX], our_region[CLAIM_TEXT_MAX];
	int64_t start, since_ms; /* since_ms: serves since then; 0: asks */
	int64_t heard_ms;        /* monotonic */
	bool is_retained;        /* nothing but what stands at the broker was heard of it */
	bool is_ahead;           /* it asked before us */
};

enum claim_phase { CLAIM_APART, CLAIM_ASKING, CLAIM_SERVING, CLAIM_REFUSED };

struct claim {
	struct claim_self self;
	enum claim_phase phase;
	int64_t since_ms;    /* serves since then, also across lost connections; 0: never has */
	int64_t asked_ms;    /* monotonic */
	bool has_echo;       /* the own question has come back, or never will */
	bool is_unprotected; /* never will */
	struct claim_other others[CLAIM_OTHERS_MAX];
	size_t n_others;
	struct claim_other rival;  /* when refused: who serves */
	struct claim_other asked;  /* when serving: who asked last; start 0: nobody */
	unsigned n_asked;          /* how often */
	char gone[CLAIM_TEXT_MAX]; /* the server whose claim CLAIM_CLEAR takes away */
};

/* What is to be done at the broker, in this order. */
enum claim_action {
	CLAIM_ASK = 1,    /* publish claim_write(false) to the own topic */
	CLAIM_CLEAR = 2,  /* publish nothing, retained, to the topic of 'gone' */
	CLAIM_HOLD = 4,   /* publish claim_write(true) to the own topic, retained */
	CLAIM_LISTEN = 8, /* subscribe to what agents say */
	CLAIM_LEAVE = 16, /* publish nothing, retained, to the own topic; take nothing any more */
};

/* now_ms: UTC, for people; mono_ms: monotonic, for waiting. All return actions. */
struct claim_time {
	int64_t now_ms, mono_ms;
};
void claim_init(struct claim *claim, const struct claim_self *self);
unsigned claim_connected(struct claim *claim, struct claim_time now);
void claim_lost(struct claim *claim);
/* A message of CLAIM_FILTER. What is no claim is passed over. */
unsigned claim_heard(struct claim *claim, const char *topic, const void *payload, size_t len,
		     bool is_retained, struct claim_time now);
unsigned claim_tick(struct claim *claim, struct claim_time now);
/* Whose answer is waited for; NULL: nobody's. */
const struct claim_other *claim_awaited(const struct claim *claim);
void claim_write(const struct claim *claim, bool is_serving, struct buf *out);

#endif
