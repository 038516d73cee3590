/* SPDX-License-Identifier: Apache-2.0 */
#include "server/acceptance.h"

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

struct acceptance_answer acceptance_offer(struct acceptance *acceptance,
					  const struct telemetry_header *header, int64_t now_ms)
{
	struct acceptance_epoch *epoch = acceptance_find(acceptance, header->epoch);
	struct acceptance_answer answer =
		epoch ? judge_known(epoch->seen, header) : judge_first(header);
	bool is_taken = answer.verdict == ACCEPTANCE_NEXT || answer.verdict == ACCEPTANCE_GAP;

	/* A restart goes to a new epoch for good; only two agents come back to one. */
	answer.is_second =
		epoch && acceptance->last_epoch != header->epoch && acceptance->last_epoch != 0;
	if (!epoch && is_taken)
		epoch = add_epoch(acceptance, header->epoch);
	if (!epoch)
		return answer;
	acceptance->last_epoch = header->epoch;
	epoch->last_at_ms = now_ms;
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
