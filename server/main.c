/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - nenghao-server: batches come by MQTT into the ledger, figures are derived, HTTP answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/loop.h"
#include "server/api/api.h"
#include "server/api/audit.h"
#include "server/api/http.h"
#include "server/api/metrics.h"
#include "server/catalogue/catalogue.h"
#include "server/catalogue/catalogue_holder.h"
#include "server/command/commands.h"
#include "server/config/config.h"
#include "server/factors/factors.h"
#include "server/federation/cards.h"
#include "server/federation/federation.h"
#include "server/figures/derive_export.h"
#include "server/figures/figures.h"
#include "server/ingest/ingest.h"
#include "server/ingest/receiver.h"
#include "server/ledger/ledger_lock.h"
#include "server/page/page.h"
#include "server/registry/registry_holder.h"
#include "server/rounds.h"
#include "server/savings/savings_export.h"
#include "server/statistics/form.h"

enum {
	MAILBOX_BYTES = 64 * 1024 * 1024,
	TSDB_MEMORY_BYTES = 64 * 1024 * 1024,
	AUDIT_CAPACITY = 8192, /* accesses that wait to be written */
	CARDS_PERIOD_MS = 500,
	CLAIMS_PERIOD_MS = 1000
};

struct server {
	struct server_config *config;
	struct registry_holder registry;
	struct catalogue_holder catalogue;
	struct factors *factors;
	struct forms *forms;
	struct derive_export export;
	struct loop *loop;
	struct receiver *receiver;
	struct ingest *ingest;
	struct rounds rounds;
	struct alarm_rules *rules;
	struct audit *audit;
	struct api *api;
	struct page *page;
	struct http_server *http;
	struct federation *federation; /* NULL: nothing is handed on */
	struct cards_watch cards;      /* institutions of lower servers */
	const char *region[1];
	const char *const *regions; /* served */
	size_t n_regions;
	char *place; /* of the ledger, for people */
	int64_t last_rounds;
	int lock; /* of the ledger, for this process's life */
};

/* ---- what the API asks, on its threads ---- */

static struct registry *current_registry(void *arg)
{
	return registry_holder_get(&((struct server *)arg)->registry);
}

static struct catalogue *current_catalogue(void *arg)
{
	return catalogue_holder_get(&((struct server *)arg)->catalogue);
}

static void write_metrics(struct buf *out, void *arg)
{
	struct server *server = arg;

	metrics_write(server->ingest, server->receiver, VERSION, out);
	audit_write_metrics(server->audit, out);
	alarm_write_metrics(server->rounds.alarm, out);
	rounds_write_metrics(&server->rounds, out);
	federation_write_metrics(server->federation, out);
}

static void write_notes(struct buf *out, void *arg)
{
	struct server *server = arg;

	metrics_write_notes(server->receiver, out);
	federation_write_notes(server->federation, out);
}

static void on_cards(void *arg)
{
	cards_note(&((struct server *)arg)->cards);
}

static bool is_ready(struct buf *reasons, void *arg)
{
	struct server *server = arg;

	return metrics_is_ready(server->ingest, server->receiver, reasons);
}

/* ---- life ---- */

static int start_ingest(struct server *server, struct err *err)
{
	const struct server_config *config = server->config;
	struct ingest_options options = {
		.keeper = {.ledger_path = config->ledger_path,
			   .regions = server->regions,
			   .n_regions = server->n_regions,
			   .dead_letters_max = config->dead_letters_max,
			   .tsdb = config->tsdb.items,
			   .n_tsdb = config->tsdb.count,
			   .tsdb_memory_bytes = TSDB_MEMORY_BYTES,
			   .source = savings_export,
			   .source_arg = &server->export,
			   .publish = receiver_publish,
			   .publish_arg = server->receiver},
		.hooks = rounds_hooks(&server->rounds),
		.mailbox_bytes = MAILBOX_BYTES,
	};
	struct registry *registry = registry_holder_get(&server->registry);
	int rc;

	server->rounds.config = config;
	server->rounds.factors = server->factors;
	server->rounds.rules = server->rules;
	server->rounds.receiver = server->receiver;
	server->export = (struct derive_export){server->factors, config->min_coverage,
						figures_cache_create()};
	rc = ingest_start(&server->ingest, &options, registry, err);
	atomic_store(&server->rounds.ingest, server->ingest);
	registry_release(registry);
	return rc;
}

static int start_audit(struct server *server, struct err *err)
{
	const struct audit_options options = {.path = server->config->audit_path,
					      .retention_ms = server->config->audit_retention_ms,
					      .capacity = AUDIT_CAPACITY};

	return audit_start(&server->audit, &options, err);
}

/* ---- what HTTP asks, on its threads ---- */

static bool handle(const struct http_request_in *request, struct http_reply *reply, void *arg)
{
	struct server *server = arg;

	return page_handle(server->page, request, reply) || api_handle(request, reply, server->api);
}

static int start_page(struct server *server, struct err *err)
{
	const struct server_config *config = server->config;
	const struct page_options options = {.title = config->page_title,
					     .map_file = config->map_file,
					     .map_approval = config->map_approval,
					     .map_datum = (enum datum)config->map_datum};

	return page_create(&server->page, &options, err);
}

static int start_http(struct server *server, struct err *err)
{
	const struct server_config *config = server->config;
	const struct api_options api = {.ledger_path = config->ledger_path,
					.offset_ms = config->offset_ms,
					.min_coverage = config->min_coverage,
					.n_readers = (size_t)config->http_threads,
					.slow = (size_t)config->http_workers,
					.slow_waiting = (size_t)config->http_waiting,
					.slow_per_token = (size_t)config->http_waiting_per_token,
					.rate = config->http_rate,
					.version = VERSION,
					.region = config->region,
					.factors = server->factors,
					.forms = server->forms,
					.audit = server->audit,
					.alarms = &config->alarms,
					.registry = current_registry,
					.catalogue = current_catalogue,
					.on_cards = on_cards,
					.metrics = write_metrics,
					.is_ready = is_ready,
					.notes = write_notes,
					.max_lag_ms = config->max_lag_ms,
					.arg = server};
	struct http_options http = {.listen = config->listen,
				    .tls_cert_file = config->tls_cert_file,
				    .tls_key_file = config->tls_key_file,
				    .n_threads = (unsigned)config->http_threads,
				    .connections = (unsigned)config->http_connections,
				    .connections_per_address =
					    (unsigned)config->http_connections_per_address,
				    .times = {config->http_idle_ms, config->http_header_ms,
					      config->http_body_ms, config->http_answer_ms},
				    .handle = handle,
				    .arg = server};
	int rc = start_page(server, err);

	if (rc == 0)
		rc = api_create(&server->api, &api, err);
	if (rc < 0)
		return rc;
	return http_start(&server->http, &http, err);
}

static void stop(struct server *server)
{
	api_stop(server->api);
	http_stop(server->http);
	federation_stop(server->federation);
	api_destroy(server->api);
	page_destroy(server->page);
	audit_stop(server->audit);
	if (server->ingest != NULL)
		ingest_stop(server->ingest);
	receiver_stop(server->receiver);
	ingest_destroy(server->ingest);
	figures_cache_destroy(server->export.cache);
	receiver_destroy(server->receiver);
	free(server->place);
	loop_destroy(server->loop);
	ledger_lock_release(server->lock);
}

static int start_federation(struct server *server, struct err *err)
{
	const struct federation_use use = {server->factors, current_registry, server,
					   server->rounds.identity, server->place};

	return federation_start(&server->federation, server->config, &use, err);
}

static void reload(void *arg)
{
	struct server *server = arg;
	struct conf_errors errors = {0};
	struct registry *before = registry_holder_get(&server->registry), *fresh = NULL;
	struct catalogue *catalogue = NULL;

	notify_reloading();
	(void)cards_load_registry(&fresh, server->config, before, &errors);
	registry_release(before);
	(void)catalogue_load(&catalogue, server->config->catalogue, &errors);
	if (errors.count > 0) {
		log_error("main", "there are %zu mistakes; what is in force stays:\n%s",
			  errors.count, errors.text.data);
		registry_release(fresh);
		catalogue_release(catalogue);
	} else {
		catalogue_holder_set(&server->catalogue, catalogue);
		ingest_set_registry(server->ingest, fresh);
		log_info("main", "the registry was read anew: %zu institutions, %zu meters",
			 fresh->n_institutions, fresh->n_meters);
		registry_holder_set(&server->registry, fresh);
	}
	conf_errors_fini(&errors);
	notify_ready("running");
}

static void look_for_cards(void *arg)
{
	if (cards_are_due(&((struct server *)arg)->cards))
		reload(arg);
}

static void feed_watchdog(void *arg)
{
	struct server *server = arg;
	struct ingest_counters counters;

	ingest_get_counters(server->ingest, &counters);
	if (counters.rounds != server->last_rounds)
		notify_watchdog();
	server->last_rounds = counters.rounds;
}

static bool do_regions_overlap(const char *a, const char *b, void *arg)
{
	struct registry *registry = current_registry(arg);
	bool is_so = region_overlap(registry->regions, a, b);

	registry_release(registry);
	return is_so;
}

static void find_regions(struct server *server)
{
	const struct server_config *config = server->config;

	server->region[0] = config->region;
	server->regions =
		config->mqtt.regions.count > 0 ? config->mqtt.regions.items : server->region;
	server->n_regions = config->mqtt.regions.count > 0 ? config->mqtt.regions.count : 1;
}

static int start_receiver(struct server *server, struct err *err)
{
	const struct server_config *config = server->config;
	char *client_id = xasprintf("nenghao-server-%s", config->region), host[64] = "";
	struct receiver_options options = {.config = &config->mqtt.broker,
					   .client_id = client_id,
					   .offset_ms = config->offset_ms,
					   .self = {.server = server->rounds.identity,
						    .regions = server->regions,
						    .n_regions = server->n_regions,
						    .overlap = do_regions_overlap,
						    .arg = server}};
	int rc;

	(void)gethostname(host, sizeof host - 1); /* for people; without a name it goes too */
	server->place = xasprintf("host %s, ledger %s", host, config->ledger_path);
	options.self.place = server->place;
	options.self.start = clock_utc_ms() * 1000 + clock_mono_us() % 1000;
	rc = receiver_start(server->receiver, &options, server->ingest, err);
	free(client_id);
	return rc;
}

static void look_at_claims(void *arg)
{
	receiver_tick(((struct server *)arg)->receiver);
}

static int start(struct server *server, struct err *err)
{
	const struct server_config *config = server->config;
	int64_t watchdog_ms = notify_watchdog_period_ms();
	int rc = ledger_lock_take(config->ledger_path, &server->lock, err);

	if (rc == 0)
		rc = loop_create(&server->loop, err);
	server->receiver = receiver_create();
	find_regions(server);
	if (rc == 0)
		rc = start_ingest(server, err);
	if (rc == 0)
		rc = start_receiver(server, err);
	if (rc == 0)
		rc = start_audit(server, err);
	if (rc == 0)
		rc = start_http(server, err);
	if (rc == 0)
		rc = start_federation(server, err);
	if (rc == 0)
		rc = loop_add_timer(server->loop, CARDS_PERIOD_MS, look_for_cards, server, err);
	if (rc == 0)
		rc = loop_add_timer(server->loop, CLAIMS_PERIOD_MS, look_at_claims, server, err);
	if (rc == 0 && watchdog_ms > 0)
		rc = loop_add_timer(server->loop, watchdog_ms, feed_watchdog, server, err);
	return rc;
}

static int run(struct server *server)
{
	struct err err = {""};
	int rc;

	log_set_level((enum log_level)server->config->log_level);
	rc = start(server, &err);
	if (rc < 0) {
		log_error("main", "%s", err.text);
	} else {
		loop_on_hangup(server->loop, reload, server);
		log_info("main", "nenghao-server %s serves region %s; the API listens on port %u",
			 VERSION, server->config->region, http_port(server->http));
		notify_ready("running");
		(void)loop_run(server->loop); /* which signal ended it does not matter */
		notify_stopping();
	}
	stop(server);
	return rc < 0 ? EXIT_FAILED : EXIT_OK;
}

static int command_run(const struct cli *cli)
{
	struct server server = {.lock = -1};
	struct conf_errors errors = {0};
	struct registry *registry;
	struct catalogue *catalogue = NULL;
	int status = command_config(cli, &server.config);

	if (status == EXIT_OK)
		status = command_registry(server.config, &registry);
	if (status == EXIT_OK) {
		registry_holder_init(&server.registry, registry);
		(void)factors_load(&server.factors, server.config->factors, &errors);
		(void)forms_load(&server.forms, server.config->statistics, &errors);
		(void)catalogue_load(&catalogue, server.config->catalogue, &errors);
		if (alarm_rules_load(&server.rules, server.config->alarms.rules, &errors) == 0)
			alarm_rules_check_receivers(server.rules, &server.config->alarms, &errors);
		catalogue_holder_init(&server.catalogue, catalogue);
		if (errors.count > 0) {
			(void)fwrite(errors.text.data, 1, errors.text.len, stderr);
			status = EXIT_CONFIG;
		} else {
			status = run(&server);
		}
		registry_holder_fini(&server.registry);
		catalogue_holder_fini(&server.catalogue);
	}
	conf_errors_fini(&errors);
	alarm_rules_destroy(server.rules);
	forms_destroy(server.forms);
	factors_release(server.factors);
	server_config_destroy(server.config);
	return status;
}

int main(int argc, char **argv)
{
	return command_program(argc, argv, VERSION, command_run);
}
