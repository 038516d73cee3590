/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api/metrics.h"

#include <inttypes.h>

#include "server/tsdb/tsdb.h"

static void write_one(struct buf *out, const char *name, const char *type, const char *help,
		      int64_t value)
{
	buf_printf(out, "# HELP nenghao_%s %s\n# TYPE nenghao_%s %s\nnenghao_%s %" PRId64 "\n",
		   name, help, name, type, name, value);
}

static void write_ingest(const struct ingest_counters *c, struct buf *out)
{
	const struct keeper_counters *k = &c->keeper;
	const struct {
		const char *name, *type, *help;
		int64_t value;
	} rows[] = {
		{"messages_total", "counter", "MQTT messages received", c->messages},
		{"messages_dropped_total", "counter",
		 "messages dropped because the mailbox was full; agents send again",
		 c->messages_dropped},
		{"mailbox_bytes", "gauge", "payloads that wait to be committed", c->mailbox_bytes},
		{"batches_total", "counter", "batches committed", k->batches},
		{"batches_again_total", "counter", "batches that came again", k->batches_again},
		{"batches_ahead_total", "counter",
		 "batches refused because others before are missing", k->batches_ahead},
		{"batches_held_total", "counter",
		 "batches not taken because the agent must first send what a restored server lost",
		 k->batches_held},
		{"batches_invalid_total", "counter", "payloads that are no batch",
		 k->batches_invalid},
		{"batches_refused_total", "counter",
		 "batches not taken because a queue was full; agents send again",
		 k->batches_refused},
		{"readings_total", "counter", "readings received", k->readings},
		{"faults_total", "counter", "due slots without a reading, told by agents",
		 k->faults},
		{"register_values_total", "counter", "register values new to the ledger",
		 k->values_added},
		{"register_values_repeated_total", "counter", "register values the ledger had",
		 k->values_repeated},
		{"register_values_conflicting_total", "counter",
		 "two values of a register for the same millisecond", k->values_conflicting},
		{"commits_total", "counter", "ledger transactions", k->commits},
		{"commits_failed_total", "counter", "ledger transactions that failed",
		 k->failed_commits},
		{"commit_microseconds_total", "counter",
		 "time in ledger transactions, fsync included", k->commit_us_sum},
		{"acks_total", "counter", "acknowledgements sent to agents", k->acks},
		{"batches_waiting", "gauge",
		 "batches committed and not yet durable in every database", k->batches_waiting},
		{"agents", "gauge", "agents ever heard of", k->agents},
		{"two_agents_total", "counter", "two epochs of one agent alive at once",
		 k->two_agents},
		{"batches_lost_total", "counter", "batches that agents no longer had",
		 k->batches_lost},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		write_one(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
	buf_add_text(out, "# HELP nenghao_dead_letters_total lines that could not be used\n"
			  "# TYPE nenghao_dead_letters_total counter\n");
	for (size_t i = 0; i < k->n_bad; i++)
		buf_printf(out, "nenghao_dead_letters_total{reason=\"%s\"} %" PRId64 "\n",
			   k->bad[i].name, k->bad[i].lines);
}

static void write_databases(struct ingest *ingest, struct buf *out)
{
	static const struct {
		const char *name, *type, *help;
	} rows[] = {
		{"tsdb_up", "gauge", "the last request was answered well"},
		{"tsdb_queued_bytes", "gauge", "lines that wait in memory"},
		{"tsdb_disk_bytes", "gauge", "lines that wait in the ledger's file"},
		{"tsdb_lines_total", "counter", "lines written"},
		{"tsdb_bad_lines_total", "counter", "lines the database refused"},
		{"tsdb_requests_total", "counter", "requests"},
		{"tsdb_failures_total", "counter", "requests that failed"},
		{"tsdb_series_removed_total", "counter",
		 "measurements of a meter, institution or region whose series were removed, since "
		 "their tags changed, to be written anew"},
		{"tsdb_series_left_total", "counter",
		 "the same where the database does not let them be removed: they stay beside the "
		 "new ones"},
	};

	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		buf_printf(out, "# HELP nenghao_%s %s\n# TYPE nenghao_%s %s\n", rows[row].name,
			   rows[row].help, rows[row].name, rows[row].type);
		for (size_t i = 0; i < ingest_count_tsdb(ingest); i++) {
			struct tsdb_state s;

			tsdb_get_state(ingest_tsdb(ingest, i), &s);
			const int64_t values[] = {s.is_up,      (int64_t)s.queued_bytes,
						  s.disk_bytes, s.lines,
						  s.bad_lines,  s.requests,
						  s.failures,   s.series_removed,
						  s.series_left};
			buf_printf(out, "nenghao_%s{tsdb=\"%s\"} %" PRId64 "\n", rows[row].name,
				   tsdb_name(ingest_tsdb(ingest, i)), values[row]);
		}
	}
}

void metrics_write(struct ingest *ingest, struct receiver *receiver, const char *version,
		   struct buf *out)
{
	struct ingest_counters counters;
	struct receiver_rival rival;

	ingest_get_counters(ingest, &counters);
	buf_printf(out,
		   "# HELP nenghao_info which program this is\n# TYPE nenghao_info gauge\n"
		   "nenghao_info{version=\"%s\"} 1\n",
		   version);
	write_one(out, "broker_connected", "gauge", "connected to the broker",
		  receiver_is_connected(receiver));
	write_one(out, "broker_displaced", "gauge",
		  "another server connects to the broker under this one's client id",
		  receiver_is_displaced(receiver));
	receiver_get_rival(receiver, &rival);
	write_one(out, "region_refused", "gauge",
		  "another server serves a region of this one, which therefore takes nothing",
		  rival.phase == CLAIM_REFUSED);
	write_one(out, "region_asked_total", "counter",
		  "another server asked for a region of this one and was refused", rival.n_asked);
	write_ingest(&counters, out);
	write_databases(ingest, out);
}

bool metrics_is_ready(struct ingest *ingest, struct receiver *receiver, struct buf *reasons)
{
	struct ingest_counters counters;
	struct receiver_rival rival;
	size_t before = reasons->len;

	ingest_get_counters(ingest, &counters);
	receiver_get_rival(receiver, &rival);
	if (receiver_is_displaced(receiver))
		buf_add_text(reasons, "another server connects to the broker under this one's "
				      "client id: two serve one region, one must be stopped\n");
	else if (!receiver_is_connected(receiver))
		buf_add_text(reasons, "the broker is not connected\n");
	if (rival.refused[0] != '\0')
		buf_printf(reasons, "%s\n", rival.refused);
	if (counters.is_failing)
		buf_printf(reasons, "the ledger cannot be written: %s\n", counters.trouble);
	for (size_t i = 0; i < ingest_count_tsdb(ingest); i++) {
		struct tsdb_state state;

		tsdb_get_state(ingest_tsdb(ingest, i), &state);
		if (!state.is_up)
			buf_printf(reasons,
				   "the database %s is not reached: %s; %" PRId64
				   " bytes wait on disk\n",
				   tsdb_name(ingest_tsdb(ingest, i)), state.trouble,
				   state.disk_bytes);
	}
	return reasons->len == before;
}

void metrics_write_notes(struct receiver *receiver, struct buf *out)
{
	struct receiver_rival rival;

	receiver_get_rival(receiver, &rival);
	if (rival.asked[0] != '\0')
		buf_printf(out, "%s\n", rival.asked);
	if (rival.is_unprotected)
		buf_add_text(out, "the broker hands on no claims (nenghao/1/claims/+), perhaps by "
				  "its ACL: a second server of the same region would not be found "
				  "out\n");
}
