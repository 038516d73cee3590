/* SPDX-License-Identifier: Apache-2.0 */
#include "server/federation/receive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "server/rollup/derived.h"

struct work {
	struct ledger *ledger;
	struct derived *derived;
	struct exchange *exchange;
	const struct registry *registry;
	const struct delivery *delivery;
	struct receive_result *out;
	/* The institution at hand: rows of one stand together. */
	const char *name;
	int64_t id;
	civil_day touched; /* what is remembered of it from this month on is out of date */
};

static void refuse(struct work *work, const char *institution, const char *reason)
{
	struct receive_result *out = work->out;

	if (out->n_refused < RECEIVE_REFUSALS_MAX) {
		struct receive_refusal *refusal = &out->refused[out->n_refused];

		refusal->institution = institution;
		(void)snprintf(refusal->reason, sizeof refusal->reason, "%s", reason);
	}
	out->n_refused++;
	(void)snprintf(out->source.refusal, sizeof out->source.refusal, "%.48s: %s", institution,
		       reason);
}

/* ---- cards ---- */

/* Without zeros at the end, which stand for "all below". */
static bool has_prefix(const char *code, const char *top)
{
	size_t len = strlen(top);

	while (len > 2 && top[len - 1] == '0' && top[len - 2] == '0')
		len -= 2;
	return strncmp(code, top, len) == 0;
}

/* By our tree; a code that we do not know yet, by its digits. */
static bool is_below(const struct registry *registry, const char *code, const char *top)
{
	uint32_t at = region_find(registry->regions, code, strlen(code));
	uint32_t above = region_find(registry->regions, top, strlen(top));

	if (at != UINT32_MAX && above != UINT32_MAX)
		return region_is_within(registry->regions, at, above);
	return has_prefix(code, top);
}

static void first_line(const char *text, char *out, size_t size)
{
	(void)snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* What is wrong with the institution of a card, or "". */
static void judge_institution(const struct work *work, const struct registry *parsed,
			      const char *name, char *reason, size_t size)
{
	const struct registry_institution *of = &parsed->institutions[0];

	reason[0] = '\0';
	if (parsed->n_institutions != 1 || parsed->n_meters > 0 || strcmp(of->id, name) != 0)
		(void)snprintf(reason, size, "the card is not of this institution alone");
	else if (!is_below(work->registry, of->identities[of->n_identities - 1].region_code,
			   work->delivery->source))
		(void)snprintf(reason, size, "its region %s is not below %s",
			       of->identities[of->n_identities - 1].region_code,
			       work->delivery->source);
}

static bool is_sound(struct work *work, const struct delivery_card *card)
{
	uint32_t own =
		registry_find_holder(work->registry, card->institution, strlen(card->institution));
	char *file = xasprintf("%s/%s.yaml", work->delivery->source, card->institution);
	struct conf_errors errors = {0};
	struct registry *parsed = NULL;
	char reason[RECEIVE_REASON_MAX] = "";

	if (own != REGISTRY_NONE && work->registry->institutions[own].source == NULL)
		(void)snprintf(reason, sizeof reason,
			       "this server's own registry has an institution of that id");
	else if (registry_parse(&parsed, file, card->text, strlen(card->text),
				work->registry->offset_ms, &errors) < 0)
		first_line(errors.text.data, reason, sizeof reason);
	else
		judge_institution(work, parsed, card->institution, reason, sizeof reason);
	if (reason[0] != '\0')
		refuse(work, card->institution, reason);
	registry_release(parsed);
	conf_errors_fini(&errors);
	free(file);
	return reason[0] == '\0';
}

static int take_card(struct work *work, const struct delivery_card *card, struct err *err)
{
	const struct exchange_version version = {work->delivery->generation, card->version};
	bool changed = false;
	int64_t id;
	int rc = exchange_intern(work->exchange, work->delivery->source, card->institution, &id,
				 err);

	if (rc < 0 || (card->text != NULL && !is_sound(work, card)))
		return rc;
	rc = exchange_put_card(work->exchange, id, card->text, &version, &changed, err);
	if (rc == 0 && changed && card->text == NULL)
		rc = exchange_renew_others(work->exchange, work->delivery->source,
					   card->institution, err);
	work->out->has_new_cards |= changed;
	return rc;
}

/* ---- rows ---- */

/* What is remembered of the institution's figures is out of date. */
static int touch(struct work *work, civil_day day, struct err *err)
{
	struct derived_name name;
	int rc;

	if (work->touched <= civil_month_start(day))
		return 0;
	work->touched = civil_month_start(day);
	rc = derived_intern(work->derived, DERIVED_INSTITUTION, work->name, &name, err);
	return rc < 0 ? rc : derived_touch(work->derived, name.id, day, err);
}

static int take_row(struct work *work, const struct delivery_row *row, struct err *err)
{
	const struct exchange_version version = {work->delivery->generation, row->version};
	struct exchange_key key = row->key;
	bool changed = false;
	int rc = 0;

	if (work->name == NULL || strcmp(work->name, row->institution) != 0) {
		work->name = row->institution;
		work->touched = CIVIL_DAY_MAX;
		rc = exchange_intern(work->exchange, work->delivery->source, work->name, &work->id,
				     err);
	}
	key.id = work->id;
	if (rc == 0)
		rc = exchange_put_row(work->exchange, &key, row->is_deleted ? NULL : &row->amount,
				      &version, &changed, err);
	if (rc < 0 || !changed)
		return rc;
	work->out->rows_changed++;
	return touch(work, key.day, err);
}

/* ---- the whole ---- */

/* Everything has come: what only an older generation knew is gone. */
static int end_generation(struct work *work, struct err *err)
{
	struct exchange_source *source = &work->out->source;
	int rc;

	if (work->delivery->waiting > 0 || source->ended == source->generation)
		return 0;
	rc = exchange_end_generation(work->exchange, source, err);
	if (rc == 0)
		rc = derived_touch_source(work->derived, source->source, TOUCHED_ALL, err);
	if (rc < 0)
		return rc;
	work->out->has_new_cards |= source->ended != 0;
	source->ended = source->generation;
	return 0;
}

/* Days before the first that is handed up are not known, whatever rows there are. */
static int move_days(struct work *work, struct err *err)
{
	civil_day was = work->out->source.days_from, is = work->delivery->days_from;

	return was == is ? 0
			 : derived_touch_source(work->derived, work->delivery->source,
						was < is ? was : is, err);
}

static enum receive_verdict judge(const struct delivery *delivery,
				  const struct exchange_source *source)
{
	if (delivery->nonce[0] == '\0')
		return RECEIVE_ASKED;
	if (delivery->generation == source->generation &&
	    strcmp(delivery->nonce, source->nonce) == 0)
		return RECEIVE_REPEATED;
	if (delivery->generation < source->generation)
		return RECEIVE_CONFLICT;
	if (delivery->generation > source->generation)
		return delivery->after[0] == '\0' ? RECEIVE_TAKEN : RECEIVE_CONFLICT;
	return strcmp(delivery->after, source->nonce) == 0 ? RECEIVE_TAKEN : RECEIVE_CONFLICT;
}

static void note_source(struct work *work, int64_t now_ms)
{
	const struct delivery *delivery = work->delivery;
	struct exchange_source *source = &work->out->source;

	memcpy(source->nonce, delivery->nonce, sizeof source->nonce);
	source->generation = delivery->generation;
	source->upto = delivery->upto;
	source->received_ms = now_ms;
	source->holder = delivery->holder;
	memcpy(source->server, delivery->server, sizeof source->server);
	memcpy(source->place, delivery->place, sizeof source->place);
	source->waiting = delivery->waiting;
	source->days_from = delivery->days_from;
	if (delivery->waiting <= 0)
		source->as_of_ms = delivery->as_of_ms < now_ms ? delivery->as_of_ms : now_ms;
}

static int take(struct work *work, int64_t now_ms, struct err *err)
{
	const struct delivery *delivery = work->delivery;
	struct receive_result *out = work->out;
	int rc = exchange_begin(work->exchange, err);

	if (rc == 0)
		rc = move_days(work, err);
	note_source(work, now_ms);
	for (size_t i = 0; i < delivery->n_cards && rc == 0; i++)
		rc = take_card(work, &delivery->cards[i], err);
	for (size_t i = 0; i < delivery->n_rows && rc == 0; i++)
		rc = take_row(work, &delivery->rows[i], err);
	if (rc == 0)
		rc = end_generation(work, err);
	if (rc == 0)
		rc = exchange_note_change(work->exchange, ledger_change(work->ledger), err);
	out->source.rows += (int64_t)out->rows_changed;
	out->source.refused += (int64_t)out->n_refused;
	if (rc == 0)
		rc = exchange_put_source(work->exchange, &out->source, err);
	return rc < 0 ? rc : exchange_end(work->exchange, err);
}

static int receive(struct work *work, int64_t now_ms, struct err *err)
{
	struct receive_result *out = work->out;
	int rc = exchange_get_source(work->exchange, work->delivery->source, &out->source, err);

	if (rc == 0)
		memcpy(out->source.source, work->delivery->source, sizeof out->source.source);
	if (rc < 0)
		return rc;
	out->verdict = judge(work->delivery, &out->source);
	return out->verdict == RECEIVE_TAKEN ? take(work, now_ms, err) : 0;
}

int receive_delivery(struct ledger *writer, const struct registry *registry,
		     const struct delivery *delivery, int64_t now_ms, struct receive_result *out,
		     struct err *err)
{
	struct work work = {
		.ledger = writer, .registry = registry, .delivery = delivery, .out = out};
	int rc = derived_open(&work.derived, writer, err);

	*out = (struct receive_result){.verdict = RECEIVE_ASKED};
	if (rc == 0)
		rc = ledger_begin(writer, err);
	if (rc < 0) {
		derived_close(work.derived);
		return rc;
	}
	work.exchange = derived_exchange(work.derived);
	rc = receive(&work, now_ms, err);
	if (rc < 0 || out->verdict != RECEIVE_TAKEN)
		ledger_rollback(writer);
	else
		rc = ledger_commit(writer, err);
	derived_close(work.derived);
	return rc;
}
