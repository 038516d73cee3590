/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of agent.yaml. */
#include "agent/config/config_internal.h"
#include "common/log.h"

const char agent_config_parities[] = "?NEO";
static const char *const parities[] = {"unset", "N", "E", "O", NULL};
static const char *const deliveries[] = {"end-to-end", "broker", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

struct agent_section {
	const char *id, *region;
};

static const struct conf_key agent_keys[] = {
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_section, id),
	 .is_required = true,
	 .help = "name of this agent, unique per server: [a-z0-9-], at most 48"},
	{.name = "region",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_section, region),
	 .is_required = true,
	 .help = "region code; part of the MQTT topic"},
	{0},
};

static const struct conf_key spool_keys[] = {
	{.name = "path",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_spool_config, path),
	 .fallback = "/var/lib/nenghao-agent/spool.db",
	 .help = "file that keeps readings until the server has them"},
	{.name = "max_size",
	 .type = CONF_SIZE,
	 .offset = offsetof(struct agent_spool_config, max_size),
	 .min = 1 << 20,
	 .max = INT64_C(1) << 40,
	 .fallback = "512M",
	 .help = "when full, the oldest are dropped and reported"},
	{.name = "max_age",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_spool_config, max_age_ms),
	 .min = 60000,
	 .max = INT64_C(3650) * DAY_MS,
	 .fallback = "60d",
	 .help = "older readings are dropped and reported"},
	{.name = "retain",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_spool_config, retain_ms),
	 .max = INT64_C(365) * DAY_MS,
	 .fallback = "7d",
	 .help = "delivered readings stay so long, for a server restored from a backup"},
	{0},
};

struct control_section {
	const char *socket;
};
static const struct conf_key control_keys[] = {
	{.name = "socket",
	 .type = CONF_STRING,
	 .offset = offsetof(struct control_section, socket),
	 .fallback = "/run/nenghao-agent/control.sock",
	 .help = "by which commands reach the running agent"},
	{0},
};

static const struct conf_key metrics_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent_metrics, node)},
	{.name = "port",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct agent_metrics, port),
	 .min = 1,
	 .max = 65535,
	 .help = "TCP port of /metrics for Prometheus; default: none"},
	{.name = "address",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_metrics, address),
	 .fallback = "127.0.0.1",
	 .help = "our own IP address to answer at"},
	{0},
};

struct log_section {
	int level;
};
static const struct conf_key log_keys[] = {
	{.name = "level",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct log_section, level),
	 .choices = levels,
	 .fallback = "info",
	 .help = "what is logged"},
	{0},
};

#define SERIAL_KEYS(owner)                                                                        \
	{.name = "baud",                                                                          \
	 .type = CONF_INTEGER,                                                                    \
	 .offset = offsetof(owner, serial.baud),                                                  \
	 .min = 300,                                                                              \
	 .max = 1000000,                                                                          \
	 .help = "bits per second"},                                                              \
		{.name = "parity",                                                                \
		 .type = CONF_CHOICE,                                                             \
		 .offset = offsetof(owner, serial.parity),                                        \
		 .choices = parities,                                                             \
		 .help = "N, E or O"},                                                            \
	{                                                                                         \
		.name = "stop_bits", .type = CONF_INTEGER,                                        \
		.offset = offsetof(owner, serial.stop_bits), .min = 1, .max = 2, .help = "1 or 2" \
	}

static const struct conf_key pulse_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent_pulse, node)},
	{.name = "volume",
	 .type = CONF_DECIMAL,
	 .offset = offsetof(struct agent_pulse, volume),
	 .is_required = true,
	 .help = "what one pulse is worth, in the unit of the quantity"},
	{.name = "index",
	 .type = CONF_DECIMAL,
	 .offset = offsetof(struct agent_pulse, index),
	 .fallback = "0",
	 .help = "what the counter's face showed at pulse 0"},
	{.name = "quantity",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_pulse, quantity),
	 .fallback = "volume_total_m3",
	 .help = "what is counted"},
	{0},
};

static const struct conf_key meter_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent_meter, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_meter, id),
	 .is_required = true,
	 .help = "id of the registry, [A-Za-z0-9-], at most 48"},
	{.name = "unit",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct agent_meter, unit),
	 .max = 255,
	 .is_required = true,
	 .help = "Modbus address: 1-247, by TCP 0-255"},
	{.name = "profile",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_meter, profile_name),
	 .is_required = true,
	 .help = "the meter's model: an id in the folders of 'profiles', or a file's path"},
	{.name = "interval",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_meter, interval_ms),
	 .min = 1000,
	 .max = DAY_MS,
	 .help = "how often; default: the interval above"},
	{.name = "quantities",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct agent_meter, quantities),
	 .help = "what is read; default: the profile's choice"},
	{.name = "channel",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct agent_meter, channel),
	 .min = 0,
	 .max = 65535,
	 .help = "the part of a device with several"},
	{.name = "identify",
	 .type = CONF_BOOLEAN,
	 .offset = offsetof(struct agent_meter, is_identified),
	 .fallback = "true",
	 .help = "compare it with what its profile knows the device by"},
	{.name = "base",
	 .type = CONF_NODE,
	 .offset = offsetof(struct agent_meter, base_node),
	 .help = "where the block of a relative profile begins; auto: SunSpec devices tell"},
	{.name = "pulse",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_meter, pulse),
	 .table = pulse_keys,
	 .help = "what the pulses of its channel mean"},
	{.name = "ratios",
	 .type = CONF_NODE,
	 .offset = offsetof(struct agent_meter, ratios_node),
	 .help = "{ct: 40}: instead of helper registers of the profile"},
	{.name = "serial_number",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_meter, serial_number),
	 .help = "readings of a meter with another number are refused"},
	SERIAL_KEYS(struct agent_meter),
	{0},
};

static const char *const directions[] = {"none", "kernel", "rts", "rts_inverted", NULL};

_Static_assert((int)BUS_DIRECTION_RTS_INVERTED == 3, "directions are in the order of bus.h");

static const struct conf_key rtu_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent_rtu, node)},
	{.name = "device",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_rtu, device),
	 .is_required = true,
	 .help = "best by /dev/serial/by-id/, which does not renumber"},
	SERIAL_KEYS(struct agent_rtu),
	{.name = "rs485",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct agent_rtu, direction),
	 .choices = directions,
	 .fallback = "none",
	 .help = "who switches to sending: the adapter itself (none), its driver, or we by RTS"},
	{.name = "rs485_delay",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_rtu, direction_ms),
	 .max = 100,
	 .fallback = "0s",
	 .help = "rest between switching and sending, and back"},
	{0},
};

static const struct conf_key tcp_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent_tcp, node)},
	{.name = "host",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_tcp, host),
	 .is_required = true,
	 .help = "name or address"},
	{.name = "port",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct agent_tcp, port),
	 .min = 1,
	 .max = 65535,
	 .fallback = "502",
	 .help = "TCP port"},
	{0},
};

static const char *const framings[] = {"rtu", "tcp", NULL};

static const struct conf_key listen_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent_listen, node)},
	{.name = "port",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct agent_listen, port),
	 .min = 1,
	 .max = 65535,
	 .is_required = true,
	 .help = "TCP port that the gateway dials; several gateways may share it"},
	{.name = "address",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_listen, address),
	 .fallback = "0.0.0.0",
	 .help = "our own IP address to listen at"},
	{.name = "register",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_listen, register_text),
	 .help = "what the gateway sends first: text, or bytes as 0x48656C6C6F"},
	{.name = "source",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_listen, source),
	 .help = "the gateway's IP address; with 'register' both must be right"},
	{.name = "heartbeat",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_listen, heartbeat_text),
	 .help = "what it sends to keep the connection alive, if not what it registers with"},
	{.name = "framing",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct agent_listen, framing),
	 .choices = framings,
	 .fallback = "rtu",
	 .help = "rtu: it passes serial frames on; tcp: it speaks Modbus TCP"},
	{0},
};

static const char *const betweens[] = {"hold", "release", NULL};

static const struct conf_key bus_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct agent_bus, node)},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct agent_bus, name),
	 .min = 1,
	 .max = 48,
	 .is_required = true,
	 .help = "for messages and --bus"},
	{.name = "rtu",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_bus, rtu),
	 .table = rtu_keys,
	 .help = "a serial port"},
	{.name = "tcp",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_bus, tcp),
	 .table = tcp_keys,
	 .help = "Modbus TCP: a meter or a gateway"},
	{.name = "rtu_over_tcp",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_bus, rtu_over_tcp),
	 .table = tcp_keys,
	 .help = "serial frames by TCP: a transparent converter"},
	{.name = "listen",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_bus, listen),
	 .table = listen_keys,
	 .help = "a 4G gateway (DTU) that dials in"},
	{.name = "timeout",
	 .type = CONF_NODE,
	 .offset = offsetof(struct agent_bus, timeout),
	 .fallback = "auto",
	 .help = "for an answer: auto (from measured times) or a duration, 10ms to 60s"},
	{.name = "turnaround",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_bus, turnaround_ms),
	 .max = 10000,
	 .fallback = "20ms",
	 .help = "what a meter on the line is expected to think before it answers"},
	{.name = "round_trip",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_bus, round_trip_ms),
	 .max = 60000,
	 .help = "what a request by TCP is expected to take; default 30ms, behind 'listen' 300ms"},
	{.name = "retries",
	 .type = CONF_INTEGER,
	 .offset = offsetof(struct agent_bus, retries),
	 .min = 0,
	 .max = 5,
	 .fallback = "1",
	 .help = "how often a damaged or lost answer of a living meter is asked for again"},
	{.name = "between_sweeps",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct agent_bus, between_sweeps),
	 .choices = betweens,
	 .fallback = "hold",
	 .help = "release: close the line or connection, so that others may use it meanwhile"},
	{.name = "meters",
	 .type = CONF_LIST,
	 .offset = offsetof(struct agent_bus, meters),
	 .table = meter_keys,
	 .item_size = sizeof(struct agent_meter),
	 .max = 1000,
	 .help = "who answers on it"},
	{0},
};

const struct conf_key agent_config_keys[] = {
	{.name = "agent",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_config, agent_id),
	 .table = agent_keys,
	 .is_required = true,
	 .help = "who this is"},
	{.name = "mqtt",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_config, mqtt),
	 .table = mqtt_config_keys,
	 .is_required = true,
	 .help = "the broker"},
	{.name = "spool",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_config, spool),
	 .table = spool_keys,
	 .help = "readings that the server does not have yet"},
	{.name = "delivery",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct agent_config, delivery),
	 .choices = deliveries,
	 .fallback = "end-to-end",
	 .help = "who must have a reading before it is forgotten"},
	{.name = "interval",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct agent_config, interval_ms),
	 .min = 1000,
	 .max = DAY_MS,
	 .fallback = "60s",
	 .help = "of meters that name none; aligned to the wall clock"},
	{.name = "profiles",
	 .type = CONF_STRINGS,
	 .offset = offsetof(struct agent_config, profile_folders),
	 .fallback = "[/usr/share/nenghao/profiles, /etc/nenghao/profiles]",
	 .help = "folders of meter models; a later one goes before an earlier one"},
	{.name = "control",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_config, control_socket),
	 .table = control_keys,
	 .help = "commands beside a running agent"},
	{.name = "metrics",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_config, metrics),
	 .table = metrics_keys,
	 .help = "for monitoring"},
	{.name = "log",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct agent_config, log_level),
	 .table = log_keys,
	 .help = "messages on standard error"},
	{.name = "buses",
	 .type = CONF_LIST,
	 .offset = offsetof(struct agent_config, buses),
	 .table = bus_keys,
	 .item_size = sizeof(struct agent_bus),
	 .max = AGENT_BUSES_MAX,
	 .is_required = true,
	 .help = "lines and gateways, each with a thread of its own"},
	{0},
};

_Static_assert((int)LOG_ERROR == 0 && (int)LOG_DEBUG == 3, "levels are in the order of log.h");
_Static_assert(offsetof(struct agent_config, region) - offsetof(struct agent_config, agent_id) ==
		       offsetof(struct agent_section, region),
	       "the agent section fills agent_id and region");
