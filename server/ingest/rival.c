/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ingest/rival.h"

#include "common/civil.h"
#include "common/clock.h"
#include "server/ledger/event.h"

enum { LOOK_MS = 1000, QUIET_EVERY_MS = 10 * 60 * 1000 };

static int touch(struct ledger *ledger, const char *server, const char *region, const char *text,
		 struct err *err)
{
	const struct event event = {.kind = EVENT_TWO_SERVERS,
				    .severity = event_kinds[EVENT_TWO_SERVERS].severity,
				    .region = region,
				    .cause = server,
				    .text = text,
				    .time_ms = clock_utc_ms()};

	return event_touch(ledger, &event, err);
}

static int write_events(struct ledger *ledger, const struct receiver_rival *rival,
			const struct rival_noted *noted, struct err *err)
{
	int64_t now_ms = clock_utc_ms();
	int rc = 0;

	if (rival->phase == CLAIM_REFUSED && !noted->is_refused)
		return touch(ledger, rival->refused_by, rival->refused_region, rival->refused, err);
	if (rival->phase == CLAIM_SERVING)
		rc = event_close_quiet(ledger, EVENT_TWO_SERVERS,
				       noted->has_served ? now_ms - HOUR_MS : INT64_MAX, now_ms,
				       err);
	if (rc >= 0 && rival->n_asked != noted->n_asked)
		rc = touch(ledger, rival->asked_by, rival->asked_region, rival->asked, err);
	return rc;
}

static bool is_due(const struct receiver_rival *rival, const struct rival_noted *noted,
		   int64_t mono_ms)
{
	if (rival->n_asked != noted->n_asked)
		return true;
	if (rival->phase == CLAIM_REFUSED)
		return !noted->is_refused;
	return rival->phase == CLAIM_SERVING &&
	       (!noted->has_served || mono_ms - noted->written_ms >= QUIET_EVERY_MS);
}

static int write(struct ledger *ledger, const struct receiver_rival *rival,
		 const struct rival_noted *noted, struct err *err)
{
	int rc = ledger_begin(ledger, err);

	if (rc < 0)
		return rc;
	rc = write_events(ledger, rival, noted, err);
	if (rc >= 0)
		return ledger_commit(ledger, err);
	ledger_rollback(ledger);
	return rc;
}

int rival_note(struct ledger *ledger, struct receiver *receiver, struct rival_noted *noted,
	       struct err *err)
{
	int64_t mono_ms = clock_mono_ms();
	struct receiver_rival rival;
	int rc;

	if (noted->looked_ms > 0 && mono_ms - noted->looked_ms < LOOK_MS)
		return 0;
	noted->looked_ms = mono_ms;
	receiver_get_rival(receiver, &rival);
	if (!is_due(&rival, noted, mono_ms))
		return 0;
	rc = write(ledger, &rival, noted, err);
	if (rc < 0)
		return rc;
	noted->is_refused = rival.phase == CLAIM_REFUSED;
	noted->has_served |= rival.phase == CLAIM_SERVING;
	noted->n_asked = rival.n_asked;
	noted->written_ms = mono_ms;
	return 0;
}
