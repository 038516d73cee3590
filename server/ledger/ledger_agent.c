/* SPDX-License-Identifier: Apache-2.0 */
/* What the ledger keeps of the agents. */
#include <assert.h>
#include <stdio.h>

#include "server/ledger/ledger_private.h"

int ledger_each_agent(struct ledger *ledger, ledger_agent_fn fn, void *arg, struct err *err)
{
	struct ledger_agent agent;
	struct db_statement *list;
	int rc = ledger_prepared(ledger, SQL_AGENT_LIST, &list, err);

	if (rc < 0)
		return rc;
	while ((rc = db_step(list, err)) == 1) {
		(void)snprintf(agent.agent, sizeof agent.agent, "%s",
			       db_column_text(list, 0, NULL));
		(void)snprintf(agent.region, sizeof agent.region, "%s",
			       db_column_text(list, 1, NULL));
		agent.until_ms = db_column_int(list, 2);
		agent.last_epoch = db_column_int(list, 3);
		agent.last_at_ms = db_column_int(list, 4);
		fn(&agent, arg);
	}
	return rc;
}

int ledger_agent_epochs(struct ledger *ledger, const char *agent, struct ledger_epoch *out,
			size_t max, size_t *n, struct err *err)
{
	struct db_statement *list;
	int rc = ledger_prepared(ledger, SQL_EPOCH_LIST, &list, err);

	*n = 0;
	if (rc < 0)
		return rc;
	db_bind_string(list, 1, agent);
	db_bind_int(list, 2, (int64_t)max);
	while ((rc = db_step(list, err)) == 1)
		out[(*n)++] = (struct ledger_epoch){.epoch = db_column_int(list, 0),
						    .kept = db_column_int(list, 1),
						    .last_at_ms = db_column_int(list, 2)};
	return rc;
}

int ledger_save_agent(struct ledger *ledger, const struct ledger_agent *agent, struct err *err)
{
	struct db_statement *put;
	int rc = ledger_prepared(ledger, SQL_AGENT_PUT, &put, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	db_bind_string(put, 1, agent->agent);
	db_bind_string(put, 2, agent->region);
	db_bind_int(put, 3, agent->until_ms);
	db_bind_int(put, 4, agent->last_epoch);
	db_bind_int(put, 5, agent->last_at_ms);
	return db_run(put, err);
}

int ledger_save_epoch(struct ledger *ledger, const char *agent, const struct ledger_epoch *epoch,
		      struct err *err)
{
	struct db_statement *put;
	int rc = ledger_prepared(ledger, SQL_EPOCH_PUT, &put, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	db_bind_string(put, 1, agent);
	db_bind_int(put, 2, epoch->epoch);
	db_bind_int(put, 3, epoch->seen);
	db_bind_int(put, 4, epoch->kept);
	db_bind_int(put, 5, epoch->last_at_ms);
	return db_run(put, err);
}

int ledger_prune_epochs(struct ledger *ledger, const char *agent, size_t n_stay, struct err *err)
{
	struct db_statement *prune;
	int rc = ledger_prepared(ledger, SQL_EPOCH_PRUNE, &prune, err);

	assert(ledger->is_open);
	if (rc < 0)
		return rc;
	db_bind_string(prune, 1, agent);
	db_bind_int(prune, 2, (int64_t)n_stay);
	return db_run(prune, err);
}
