/* SPDX-License-Identifier: Apache-2.0 */
#include "server/federation/cards.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "server/ledger/ledger.h"
#include "server/rollup/exchange.h"

enum { QUIET_MS = 1000, PATIENCE_MS = 15 * 1000 };

struct cards {
	struct arena *arena;
	struct registry_card *list;
	size_t n, cap;
};

static int keep(const char *source, const char *name, const char *card, void *arg)
{
	struct cards *cards = arg;

	cards->list = grow(cards->list, cards->n, &cards->cap, sizeof *cards->list);
	cards->list[cards->n++] = (struct registry_card){
		.source = arena_strndup(cards->arena, source, strlen(source)),
		.id = arena_strndup(cards->arena, name, strlen(name)),
		.text = arena_strndup(cards->arena, card, strlen(card))};
	return 0;
}

static bool has_table(struct db *db)
{
	struct db_statement *find;
	bool is_there = false;

	if (db_prepare(db, &find, "SELECT 1 FROM sqlite_master WHERE name = 'exchange_institution'",
		       NULL) < 0)
		return false;
	is_there = db_step(find, NULL) == 1;
	db_finalize(find);
	return is_there;
}

/* What cannot be read is not there: the folder alone must do. */
static void read_cards(struct cards *cards, const char *ledger_path)
{
	struct ledger *ledger;
	struct exchange *exchange;

	if (ledger_open_reader(&ledger, ledger_path, NULL) < 0)
		return;
	if (has_table(ledger_db(ledger))) {
		exchange = exchange_open(ledger_db(ledger));
		if (exchange_each_card(exchange, false, keep, cards, NULL) < 0)
			cards->n = 0;
		exchange_close(exchange);
	}
	ledger_close(ledger);
}

int cards_load_registry(struct registry **out, const struct server_config *config,
			const struct registry *before, struct conf_errors *errors)
{
	struct cards cards = {.arena = arena_create()};
	struct registry_cards list;
	const struct registry_options options = {config->registry, config->regions,
						 config->offset_ms, before, &list};
	int rc;

	read_cards(&cards, config->ledger_path);
	list = (struct registry_cards){cards.list, cards.n};
	rc = registry_load_with(out, &options, errors);
	free(cards.list);
	arena_destroy(cards.arena);
	return rc;
}

/* ---- when ---- */

void cards_note(struct cards_watch *watch)
{
	long long none = 0, now_ms = clock_mono_ms();

	atomic_store(&watch->last_ms, now_ms);
	(void)atomic_compare_exchange_strong(&watch->first_ms, &none, now_ms);
}

bool cards_are_due(struct cards_watch *watch)
{
	long long now_ms = clock_mono_ms(), first_ms = atomic_load(&watch->first_ms);

	if (first_ms == 0 ||
	    (now_ms - atomic_load(&watch->last_ms) < QUIET_MS && now_ms - first_ms < PATIENCE_MS))
		return false;
	atomic_store(&watch->first_ms, 0);
	return true;
}
