/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/acceptance.h"

struct acceptance_epoch *acceptance_find(struct acceptance *acceptance, int64_t epoch)
{
	for (size_t i = 0; i < acceptance->n; i++)
		if (acceptance->epochs[i].epoch == epoch)
			return &acceptance->epochs[i];
	return NULL;
}

static struct acceptance_epoch *add_epoch(struct acceptance *acceptance, int64_t epoch)
{
	struct acceptance_epoch *place = &acceptance->epochs[0];

	if (acceptance->n < ACCEPTANCE_EPOCHS)
		place = &acceptance->epochs[acceptance->n++];
	else
		for (size_t i = 1; i < acceptance->n; i++)
			if (acceptance->epochs[i].last_at_ms < place->last_at_ms)
				place = &acceptance->epochs[i];
	*place = (struct acceptance_epoch){.epoch = epoch};
	return place;
}

/* Without state, everything before the agent's oldest is gone for us. */
static struct acceptance_answer judge_first(const struct telemetry_header *header)
{
	struct acceptance_answer answer = {.verdict = ACCEPTANCE_AHEAD};

	if (header->seq != header->oldest)
		return answer;
	answer.verdict = ACCEPTANCE_NEXT;
	return answer;
}

static struct acceptance_answer judge_known(int64_t seen, const struct telemetry_header *header)
{
	struct acceptance_answer answer = {.verdict = ACCEPTANCE_AHEAD};

	if (header->seq <= seen) {
		answer.verdict = ACCEPTANCE_AGAIN;
	} else if (header->seq - 1 == seen) {
		answer.verdict = ACCEPTANCE_NEXT;
	} else if (header->oldest == header->seq) {
		answer.verdict = ACCEPTANCE_GAP;
		answer.gap_from = seen + 1;
		answer.gap_to = header->seq - 1;
	}
	return answer;
}

void acceptance_hear(struct acceptance_guard *guard, const struct acceptance *acceptance,
		     const struct acceptance_claim *claim)
{
	if (claim->epoch < guard->epoch)
		return;
	if (claim->until_ms > acceptance->until_ms) {
		guard->epoch = claim->epoch;
		guard->until_ms = claim->until_ms;
	} else if (claim->epoch > guard->epoch || guard->until_ms <= acceptance->until_ms) {
		*guard = (struct acceptance_guard){0};
	}
}

/* Patience counts from the first batch that was held: only then was the agent answered. */
static void judge_jump(struct acceptance_guard *guard, const struct acceptance *acceptance,
		       int64_t mono_ms, struct acceptance_answer *answer)
{
	if (guard->until_ms <= acceptance->until_ms)
		return;
	if (!guard->has_held) {
		guard->has_held = true;
		guard->held_at_ms = mono_ms;
	}
	answer->is_unrepaired = mono_ms - guard->held_at_ms >= ACCEPTANCE_PATIENCE_MS;
	if (!answer->is_unrepaired)
		*answer = (struct acceptance_answer){.verdict = ACCEPTANCE_HELD};
}

struct acceptance_answer acceptance_offer(struct acceptance *acceptance,
					  struct acceptance_guard *guard,
					  const struct telemetry_header *header,
					  struct acceptance_time now)
{
	struct acceptance_epoch *epoch = acceptance_find(acceptance, header->epoch);
	struct acceptance_answer answer =
		epoch ? judge_known(epoch->seen, header) : judge_first(header);
	bool is_taken;

	if (answer.verdict == ACCEPTANCE_GAP || (!epoch && answer.verdict == ACCEPTANCE_NEXT))
		judge_jump(guard, acceptance, now.mono_ms, &answer);
	is_taken = answer.verdict == ACCEPTANCE_NEXT || answer.verdict == ACCEPTANCE_GAP;

	/* A restart goes to a new epoch for good; only two agents come back to one. */
	answer.is_second =
		epoch && acceptance->last_epoch != header->epoch && acceptance->last_epoch != 0;
	if (!epoch && is_taken)
		epoch = add_epoch(acceptance, header->epoch);
	if (!epoch)
		return answer;
	acceptance->last_epoch = header->epoch;
	epoch->last_at_ms = now.utc_ms;
	if (is_taken)
		epoch->seen = header->seq;
	return answer;
}

struct telemetry_ack acceptance_ack(const struct acceptance *acceptance, int64_t epoch)
{
	struct telemetry_ack ack = {.epoch = epoch, .until_ms = acceptance->until_ms};

	for (size_t i = 0; i < acceptance->n; i++)
		if (acceptance->epochs[i].epoch == epoch) {
			ack.seen = acceptance->epochs[i].seen;
			ack.kept = acceptance->epochs[i].kept;
		}
	return ack;
}

bool acceptance_keep(struct acceptance *acceptance, int64_t epoch, int64_t seq)
{
	struct acceptance_epoch *found = acceptance_find(acceptance, epoch);

	if (!found)
		return false;
	if (seq > found->seen)
		seq = found->seen;
	if (seq <= found->kept)
		return false;
	found->kept = seq;
	return true;
}

void acceptance_restore(struct acceptance *acceptance, int64_t epoch, int64_t kept,
			int64_t last_at_ms)
{
	struct acceptance_epoch *place = add_epoch(acceptance, epoch);

	place->seen = place->kept = kept;
	place->last_at_ms = last_at_ms;
}
