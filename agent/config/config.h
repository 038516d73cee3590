/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - agent.yaml as a struct, completely checked before anything is opened. */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bus/bus.h"
#include "agent/plan/plan.h"
#include "agent/plan/sweep.h"
#include "agent/profile/profile.h"
#include "common/conf.h"
#include "common/mqtt.h"

enum { AGENT_BUSES_MAX = 256, AGENT_METERS_MAX = 100000 };

enum agent_delivery { DELIVERY_END_TO_END, DELIVERY_BROKER };

struct agent_spool_config {
	const char *path;
	int64_t max_size, max_age_ms, retain_ms;
};

/* Serial settings; 0: not set. */
struct agent_serial {
	int64_t baud, stop_bits;
	int parity; /* index into ? N E O */
};

struct agent_pulse {
	const struct conf_node *node; /* NULL: not written, or forgotten */
	bool is_set;
	struct decimal volume, index; /* quantity = index + pulses * volume */
	const char *quantity;
};

struct agent_ratio { /* takes the place of a helper register of the profile */
	const char *name;
	struct decimal value;
};

struct agent_meter {
	const struct conf_node *node;
	const char *id, *profile_name;
	int64_t unit, channel, base, interval_ms;
	bool is_identified; /* compared with what the profile knows the device by */
	const struct conf_node *base_node;
	bool is_base_auto;           /* the base is found by the device's own directory */
	struct conf_list quantities; /* const char *; empty: the profile's default */
	struct agent_serial serial;  /* 0 where the bus's setting holds */
	struct agent_pulse pulse;
	const char *serial_number; /* readings of another are refused; NULL: not checked */
	const struct conf_node *ratios_node;
	struct agent_ratio *ratios;
	size_t n_ratios;
	const struct profile *profile;
};

enum agent_link { LINK_RTU, LINK_TCP, LINK_RTU_OVER_TCP, LINK_LISTEN };

enum agent_between { BETWEEN_HOLD, BETWEEN_RELEASE };

struct agent_rtu {
	const struct conf_node *node; /* NULL: the section is not there */
	const char *device;
	struct agent_serial serial;
	int direction; /* enum bus_direction */
	int64_t direction_ms;
};

struct agent_tcp {
	const struct conf_node *node; /* likewise */
	const char *host;
	int64_t port;
};

enum agent_framing { FRAMING_RTU, FRAMING_TCP };

struct agent_listen {                 /* a gateway dials in */
	const struct conf_node *node; /* likewise */
	const char *address, *source;
	int64_t port;
	int framing; /* enum agent_framing */
	const char *register_text, *heartbeat_text;
	struct dial_in_bytes registration, heartbeat;
};

struct agent_bus {
	const struct conf_node *node;
	const char *name;
	enum agent_link link;
	struct agent_rtu rtu;
	struct agent_tcp tcp, rtu_over_tcp;
	struct agent_listen listen;
	const struct conf_node *timeout;
	uint64_t digest; /* differs if anything about the bus, its meters or their profiles does */
	int64_t timeout_ms; /* 0: auto */
	int64_t turnaround_ms, round_trip_ms, retries;
	int between_sweeps;      /* enum agent_between */
	struct conf_list meters; /* struct agent_meter */
};

struct agent_metrics {
	const struct conf_node *node;
	int64_t port; /* 0: none */
	const char *address;
};

struct agent_config {
	struct arena *arena, *file; /* values; the file's text with its places, NULL: forgotten */
	size_t users;
	struct conf_errors warnings; /* what works but had better be different */
	const char *path;
	uint64_t delivery_digest; /* differs if anything from the spool to the broker does */
	const char *agent_id, *region;
	struct mqtt_config mqtt;
	struct agent_spool_config spool;
	int delivery; /* enum agent_delivery */
	int64_t interval_ms;
	struct conf_list profile_folders; /* const char * */
	struct conf_list buses;           /* struct agent_bus */
	const char *control_socket;
	struct agent_metrics metrics;
	int log_level;             /* enum log_level */
	struct profile **profiles; /* each used profile once */
	size_t n_profiles;
};

/* 0, or -EINVAL / -errno with the reasons in errors. */
int agent_config_load(struct agent_config **out, const char *path, struct conf_errors *errors);
int agent_config_parse(struct agent_config **out, const char *path, const char *text, size_t len,
		       struct conf_errors *errors);
/* One more user of it; the last one to destroy it frees it. By one thread. */
struct agent_config *agent_config_share(struct agent_config *config);
void agent_config_destroy(struct agent_config *config); /* NULL is allowed */
/* Frees the file's text and all node pointers, most of the memory: nothing can be printed or
 * checked any more. */
void agent_config_forget_file(struct agent_config *config);

/* Searches a profile by id in folders, the last first, or by path if the name has a '/'. The path
 * found is the caller's. NULL if there is none; hint then names the nearest id or is empty. */
char *agent_config_find_profile(const struct conf_list *folders, const char *name, char hint[96]);

/* ", did you mean ...?" or "", as conf_nearest says it. */
const char *agent_config_nearest_bus(const struct agent_config *config, const char *name,
				     char hint[96]);
const char *agent_config_nearest_meter(const struct agent_config *config, const char *id,
				       char hint[96]);
const struct agent_meter *agent_config_find_meter(const struct agent_config *config, const char *id,
						  const struct agent_bus **bus);

/* The serial settings that hold for a meter. */
struct bus_settings agent_config_serial(const struct agent_bus *bus,
					const struct agent_meter *meter);
/* What requests to a meter cost, and what one sweep of it asks for. */
struct plan_cost agent_config_cost(const struct agent_bus *bus, const struct agent_meter *meter);
int agent_config_sweep(struct sweep **out, const struct agent_bus *bus,
		       const struct agent_meter *meter, enum sweep_caution caution,
		       const bool *skipped, struct err *err);
/* Do registers and frames go in serial frames, without numbers? */
bool agent_config_is_serial_framed(const struct agent_bus *bus);
/* "/dev/ttyUSB0", "192.0.2.10:502", "port 5020": where the bus is, for people. */
void agent_config_where(const struct agent_bus *bus, char *text, size_t size);
/* The share of the line that reading all its meters in time needs. */
double agent_config_utilisation(const struct agent_bus *bus);

/* What is in force, as YAML; and the reference of all keys. */
void agent_config_print(const struct agent_config *config, struct buf *out);
void agent_config_reference(struct buf *out);

#endif
