/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - server.yaml as a struct, completely checked before anything is opened. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/mqtt.h"

enum tsdb_kind { TSDB_INFLUXDB1, TSDB_INFLUXDB2, TSDB_INFLUXDB3, TSDB_VICTORIAMETRICS };
extern const char *const tsdb_kind_names[];

struct server_tsdb_config {
	const struct conf_node *node;
	int kind;         /* enum tsdb_kind */
	const char *name; /* unique among the databases; default: the kind */
	const char *url;  /* http:// or https://, without a slash at its end */
	const char *database, *org, *bucket, *user; /* NULL where not given */
	const char *password_file, *token_file, *ca_file;
	int64_t durable_after_ms; /* 0: an answer is durable at once */
	int64_t queue_max_size;   /* bytes in the ledger's file while the database is away */
};

/* ---- who is told of alarms ---- */
enum alarm_receiver_kind { ALARM_TO_MQTT, ALARM_TO_WEBHOOK, ALARM_TO_EMAIL };
enum alarm_language { ALARM_IN_CHINESE, ALARM_IN_ENGLISH, ALARM_IN_BOTH };
extern const char *const alarm_receiver_kind_names[];

struct alarm_receiver {
	const struct conf_node *node;
	const char *name;
	int kind;               /* enum alarm_receiver_kind */
	const char *region;     /* code: only of this subtree; NULL: all */
	int severity;           /* index into severity_names: this one and graver */
	struct conf_list rules; /* const char * ids; empty: all */
	bool wants_cleared, wants_digest, may_see_sensitive;
	int language;                  /* enum alarm_language; of mails */
	const char *topic;             /* ALARM_TO_MQTT */
	const char *url, *secret_file; /* ALARM_TO_WEBHOOK; secret NULL: unsigned */
	const char *ca_file;           /* likewise */
	struct conf_list to;           /* const char *; ALARM_TO_EMAIL */
};

enum smtp_tls { SMTP_TLS_REQUIRED, SMTP_TLS_IF_OFFERED, SMTP_TLS_NEVER };
struct server_smtp_config {
	const struct conf_node *node; /* NULL: no mail */
	const char *url, *from, *username, *password_file, *ca_file;
	int tls; /* enum smtp_tls */
};

enum { ALARM_RECEIVERS_MAX = 16 };
struct server_alarm_config {
	const struct conf_node *node;
	const char *rules;          /* folder; NULL: there are none */
	struct conf_list receivers; /* struct alarm_receiver */
	struct server_smtp_config smtp;
	int64_t give_up_ms;
	int64_t max_age_ms;                       /* what happened longer ago is not told */
	int64_t gather_ms;                        /* a notice waits for others of its kind */
	int64_t summary_above, summary_window_ms; /* more of them, so near, are one; 0: never */
	const char *link;                         /* of the page; NULL: not known */
	int digest_weekday;                       /* 0 Monday */
	int64_t digest_hour;
};

struct server_mqtt_config {
	struct mqtt_config broker;
	struct conf_list regions; /* const char * codes; empty: all below the server's region */
};

struct server_config {
	struct arena *arena;
	const struct conf_node *node;
	const char *path;
	const char *region;   /* code */
	const char *timezone; /* name */
	int64_t offset_ms;    /* of the zone */
	struct server_mqtt_config mqtt;
	struct conf_list tsdb; /* struct server_tsdb_config */
	const char *ledger_path;
	int64_t readings_ms;      /* how long raw readings stay whole in the ledger */
	int64_t dead_letters_max; /* lines that nobody could use are kept up to this number */
	const char *audit_path;
	int64_t audit_retention_ms;
	const char *registry, *factors, *regions;
	const char *statistics; /* NULL: there are no forms */
	const char *catalogue;  /* NULL: the one built in */
	struct server_alarm_config alarms;
	const char *listen, *tls_cert_file, *tls_key_file;
	int64_t http_threads, http_rate, http_connections, http_connections_per_address;
	int64_t http_workers, http_waiting, http_waiting_per_token;
	int64_t http_idle_ms, http_header_ms, http_body_ms, http_answer_ms;
	int64_t min_coverage;                             /* 10^-6 */
	const char *page_title, *map_file, *map_approval; /* NULL where not given */
	int map_datum;                                    /* enum datum */
	const char *upstream_url, *upstream_token_file, *upstream_ca_file; /* NULL: none */
	int64_t upstream_interval_ms, upstream_days_ms;
	bool is_sharing; /* rows of our own institutions are kept ready for others */
	int64_t max_lag_ms;
	int log_level; /* enum log_level */
};

/* 0, or -EINVAL / -errno with the reasons in errors. Opens no other file. */
int server_config_load(struct server_config **out, const char *path, struct conf_errors *errors);
int server_config_parse(struct server_config **out, const char *path, const char *text, size_t len,
			struct conf_errors *errors);
void server_config_destroy(struct server_config *config); /* NULL is allowed */

/* What is in force, as YAML; and the reference of all keys. */
void server_config_print(const struct server_config *config, struct buf *out);
void server_config_reference(struct buf *out);

#endif
