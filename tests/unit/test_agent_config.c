/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/config/config.h"

#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define TOP                                                                   \
	"agent: {id: a1, region: \"370102\"}\nmqtt: {url: tcp://localhost}\n" \
	"profiles: [config/profiles]\n"
#define BUS                               \
	TOP "buses:\n"                    \
	    "  - name: b\n"               \
	    "    rtu: {device: /dev/x}\n" \
	    "    meters:\n"
#define METER(rest) BUS "      - {id: m1, unit: 1, " rest "}\n"

struct mistake {
	const char *name, *text, *expected; /* NULL: it is right */
};

/* clang-format off */
static const struct mistake mistakes[] = {
	{"the least that is needed", METER("profile: eastron_sdm630"), NULL},
	{"the id of the agent", "agent: {id: A1, region: \"370102\"}\nmqtt: {url: tcp://x}\nbuses: []\n",
		"c.yaml:1:13: agent.id: must be of small letters"},
	{"a key that does not exist", METER("profil: eastron_sdm630"), "unknown key 'profil', did you mean 'profile'?"},
	{"a profile that does not exist", METER("profile: eastron_sdm360"),
		"c.yaml:8:36: buses[0].meters[0].profile: there is no eastron_sdm360.yaml in config/profiles, "
		"did you mean 'eastron_sdm630'?"},
	{"a profile's file that does not exist", METER("profile: /none/x.yaml"), "there is no file '/none/x.yaml'"},
	{"a profile by its path", METER("profile: config/profiles/eastron_sdm630.yaml"), NULL},
	{"a quantity that the profile does not have", METER("profile: eastron_sdm630, quantities: [active_powr_w]"),
		"buses[0].meters[0].quantities: profile eastron_sdm630 has no quantity 'active_powr_w', "
		"did you mean 'active_power_w'?"},
	{"a unit beyond the last", METER("profile: eastron_sdm630") "      - {id: m2, unit: 248, profile: eastron_sdm630}\n",
		"buses[0].meters[1].unit: must be from 1 to 247 on a serial line"},
	{"a rate that serial ports do not have", METER("profile: eastron_sdm630, baud: 14400"),
		"c.yaml:8:58: buses[0].meters[0].baud: serial ports have no rate of 14400"},
	{"a broadcast address", BUS "      - {id: m2, unit: 0, profile: eastron_sdm630}\n", "must be from 1 to 247"},
	{"the same unit twice", METER("profile: eastron_sdm630") "      - {id: m2, unit: 1, profile: eastron_sdm630}\n",
		"c.yaml:9:24: buses[0].meters[1].unit: this unit (and channel) of the bus is already in line 8"},
	{"the same id twice", METER("profile: eastron_sdm630") "      - {id: m1, unit: 2, profile: eastron_sdm630}\n",
		"buses[0].meters[1].id: this meter id is already in line 8"},
	{"two channels of one unit", BUS
		"      - {id: m1, unit: 1, profile: wirenboard_mcm8, channel: 1, pulse: {volume: 0.01}}\n"
		"      - {id: m2, unit: 1, profile: wirenboard_mcm8, channel: 2, pulse: {volume: 0.01, index: 1234.5}}\n", NULL},
	{"a channel that does not exist", METER("profile: wirenboard_mcm8, channel: 9"),
		"meters[0].channel: profile wirenboard_mcm8 has no channel 9"},
	{"pulses without channel", METER("profile: wirenboard_mcm8, pulse: {volume: 1}"),
		"has no pulse counter on channel 0; give the channel"},
	{"pulses of a meter that has none", METER("profile: eastron_sdm630, pulse: {volume: 1}"), "has no pulse counter"},
	{"pulses without their worth", METER("profile: wirenboard_mcm8, channel: 1, pulse: {index: 1}"),
		"pulse.volume: is missing"},
	{"a block that the device tells itself", METER("profile: sunspec_201_204"), NULL},
	{"a block that is looked for", METER("profile: sunspec_201_204, base: auto"), NULL},
	{"a base that is no number", METER("profile: sunspec_201_204, base: 4x"), "meters[0].base: '4x' is not a whole number"},
	{"a base beyond the last register", METER("profile: sunspec_201_204, base: 65536"), "meters[0].base: "},
	{"two blocks of one unit", METER("profile: sunspec_201_204")
		"      - {id: m2, unit: 1, profile: sunspec_101_103}\n", NULL},
	{"the same block twice", METER("profile: sunspec_201_204")
		"      - {id: m2, unit: 1, profile: sunspec_201_204}\n", "is already in line 8"},
	{"looking for a block of fixed addresses", METER("profile: eastron_sdm630, base: auto"), "takes no base"},
	{"a relative profile with base", METER("profile: sunspec_201_204, base: 40069"), NULL},
	{"a base for fixed addresses", METER("profile: eastron_sdm630, base: 5"), "takes no base"},
	{"a ratio instead of a register", METER("profile: chint_dtsu666, ratios: {ct: 40, vt: 1}"), NULL},
	{"a ratio of no register", METER("profile: chint_dtsu666, ratios: {cd: 40}"),
		"ratios.cd: profile chint_dtsu666 has no such register"},
	{"no line", TOP "buses: [{name: b, meters: []}]\n", "buses[0]: needs one of rtu, tcp, rtu_over_tcp and listen"},
	{"two lines", TOP "buses: [{name: b, rtu: {device: x}, tcp: {host: y}}]\n", "has more than one of"},
	{"a gateway that dials in, known by nothing", TOP "buses: [{name: b, listen: {port: 502}}]\n",
		"buses[0].listen: needs 'register' or 'source'"},
	{"a gateway known by what it sends", TOP "buses: [{name: b, listen: {port: 5020, register: DTU-1}}]\n", NULL},
	{"a gateway known by bytes", TOP "buses: [{name: b, listen: {port: 5020, register: \"0x0102ff\"}}]\n", NULL},
	{"half a byte", TOP "buses: [{name: b, listen: {port: 5020, register: \"0x010\"}}]\n",
		"listen.register: after 0x come two hexadecimal digits"},
	{"a source that is a name", TOP "buses: [{name: b, listen: {port: 5020, source: dtu.example}}]\n",
		"listen.source: must be an IP address"},
	{"two gateways at one port", TOP "buses: [{name: a, listen: {port: 5020, register: A}}, "
		"{name: b, listen: {port: 5020, register: B}}, {name: c, listen: {port: 5020, source: 192.0.2.1}}]\n", NULL},
	{"two gateways that register alike", TOP "buses: [{name: a, listen: {port: 5020, register: DTU1}}, "
		"{name: b, listen: {port: 5020, register: DTU10}}]\n",
		"buses[1].listen: its gateway cannot be told from that of line 4"},
	{"two gateways of one source", TOP "buses: [{name: a, listen: {port: 5020, source: \"::1\"}}, "
		"{name: b, listen: {port: 5020, source: \"::1\"}}]\n", "cannot be told from"},
	{"one registration from two sources", TOP "buses: [{name: a, listen: {port: 5020, register: D, source: 192.0.2.1}}, "
		"{name: b, listen: {port: 5020, register: D, source: 192.0.2.2}}]\n", NULL},
	{"one port at two addresses", TOP "buses: [{name: a, listen: {port: 5020, register: A}}, "
		"{name: b, listen: {port: 5020, register: B, address: 127.0.0.1}}]\n",
		"buses[1].listen.address: port 5020 is listened at by another address in line 4"},
	{"metrics at a name", TOP "metrics: {port: 9464, address: localhost}\nbuses: []\n",
		"metrics.address: must be an IP address"},
	{"serial frames by TCP", TOP "buses: [{name: b, rtu_over_tcp: {host: h, port: 8899}}]\n", NULL},
	{"one device on two buses", TOP "buses: [{name: a, rtu: {device: /dev/x}}, {name: b, rtu: {device: /dev/x}}]\n",
		"the same device or host and port is already in line 4"},
	{"one gateway on two buses", TOP "buses: [{name: a, tcp: {host: h}}, {name: b, tcp: {host: h, port: 502}}]\n",
		"the same device or host and port is already in line 4"},
	{"two ports of one host", TOP "buses: [{name: a, tcp: {host: h}}, {name: b, tcp: {host: h, port: 503}}]\n", NULL},
	{"one name for two buses", TOP "buses: [{name: a, tcp: {host: h}}, {name: a, tcp: {host: i}}]\n",
		"buses[1].name: this name is already in line 4"},
	{"serial settings of a meter by TCP",
		TOP "buses: [{name: a, tcp: {host: h}, meters: [{id: m, unit: 0, profile: eastron_sdm630, baud: 2400}]}]\n",
		"meters[0].baud: belongs to meters on a serial line"},
	{"more than the line can carry", METER("profile: eastron_sdm630, interval: 1s, baud: 1200"),
		"buses[0]: bus 'b' would be busy"},
	{"a fixed time-out", TOP "buses: [{name: a, timeout: 300ms, tcp: {host: h}}]\n", NULL},
	{"a time-out that is none", TOP "buses: [{name: a, timeout: soon, tcp: {host: h}}]\n", "buses[0].timeout: 'soon' is not"},
	{"an interval below a second", METER("profile: eastron_sdm630, interval: 500ms"), "interval: '500ms' is out of range"},
	{"a serial number where the profile has none", METER("profile: eastron_sdm72d, serial_number: \"7\""),
		"does not know where the serial number is"},
	{"a broker by an unknown scheme", "agent: {id: a, region: \"1\"}\nmqtt: {url: http://x}\nbuses: []\n",
		"mqtt.url: must begin with tcp:// or tls://"},
};
/* clang-format on */

static void mistakes_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		const struct mistake *m = &mistakes[i];
		struct conf_errors errors = {0};
		struct agent_config *config = NULL;
		int code = agent_config_parse(&config, "c.yaml", m->text, strlen(m->text), &errors);
		const char *words = errors.text.data != NULL ? errors.text.data : "";

		if (m->expected == NULL ? code != 0
					: code == 0 || strstr(words, m->expected) == NULL)
			fail_msg("%s: %d, %s", m->name, code, words);
		agent_config_destroy(config);
		conf_errors_fini(&errors);
	}
}

static struct agent_config *parse(const char *text)
{
	struct conf_errors errors = {0};
	struct agent_config *config = NULL;

	if (agent_config_parse(&config, "c.yaml", text, strlen(text), &errors) != 0)
		fail_msg("%s", errors.text.data);
	conf_errors_fini(&errors);
	return config;
}

static void defaults_are_in_force(void **state)
{
	struct agent_config *config = parse(METER("profile: eastron_sdm630"));
	const struct agent_bus *bus = NULL;
	const struct agent_meter *meter = agent_config_find_meter(config, "m1", &bus);
	struct bus_settings serial;

	(void)state;
	assert_non_null(meter);
	serial = agent_config_serial(bus, meter);
	assert_int_equal(serial.baud, 9600);
	assert_int_equal(serial.parity, 'N');
	assert_int_equal(serial.stop_bits, 1);
	assert_int_equal(meter->interval_ms, 60000);
	assert_int_equal(bus->timeout_ms, 0);
	assert_int_equal(bus->retries, 1);
	assert_int_equal(config->spool.max_size, 512 << 20);
	assert_int_equal(config->delivery, DELIVERY_END_TO_END);
	assert_string_equal(config->control_socket, "/run/nenghao-agent/control.sock");
	assert_null(agent_config_find_meter(config, "m2", NULL));
	agent_config_destroy(config);
}

static void a_meter_overrides_the_line(void **state)
{
	struct agent_config *config =
		parse(METER("profile: eastron_sdm120, baud: 2400, parity: E"));
	const struct agent_bus *bus = NULL;
	const struct agent_meter *meter = agent_config_find_meter(config, "m1", &bus);
	struct bus_settings serial = agent_config_serial(bus, meter);

	(void)state;
	assert_int_equal(serial.baud, 2400);
	assert_int_equal(serial.parity, 'E');
	assert_int_equal(serial.stop_bits, 1);
	agent_config_destroy(config);
}

static void the_plan_of_the_reference_job(void **state)
{
	/* 20 values at 9600 baud, 8E1: three requests. */
	struct agent_config *config =
		parse(METER("profile: eastron_sdm630, interval: 1s, parity: E"));
	const struct agent_bus *bus = NULL;
	const struct agent_meter *meter = agent_config_find_meter(config, "m1", &bus);
	struct sweep *sweep;

	(void)state;
	assert_int_equal(agent_config_sweep(&sweep, bus, meter, SWEEP_BRIDGES, NULL, NULL), 0);
	assert_int_equal(sweep->n_points, 20);
	assert_int_equal(sweep->n_reads, 3);
	assert_true(agent_config_utilisation(bus) < 0.3);
	sweep_destroy(sweep);
	agent_config_destroy(config);
}

static void kept_registers_are_read_only_to_refresh(void **state)
{
	struct agent_config *config = parse(METER("profile: chint_dtsu666"));
	const struct agent_bus *bus = NULL;
	const struct agent_meter *meter = agent_config_find_meter(config, "m1", &bus);
	struct sweep *sweep;

	(void)state;
	assert_int_equal(agent_config_sweep(&sweep, bus, meter, SWEEP_BRIDGES, NULL, NULL), 0);
	assert_int_equal(sweep->n_refreshes, sweep->n_reads + 1);
	assert_int_equal(sweep->refreshes[0].address, 6);
	assert_int_equal(sweep->refreshes[0].count, 2);
	assert_int_equal(sweep->refresh_ms, 600000);
	assert_int_equal(sweep->n_kept, 2);
	sweep_destroy(sweep);
	agent_config_destroy(config);
}

static void caution_takes_more_reads(void **state)
{
	static const enum sweep_caution cautions[] = {SWEEP_BRIDGES, SWEEP_NO_HOLES, SWEEP_SINGLE};
	static const size_t expected[] = {1, 3, 6};
	struct agent_config *config = parse(
		METER("profile: eastron_sdm120, quantities: [voltage_l1_n_v, current_l1_a, "
		      "active_energy_import_kwh, active_energy_export_kwh, "
		      "reactive_energy_import_kvarh, reactive_energy_export_kvarh], baud: 115200"));
	struct agent_bus *bus = config->buses.items;
	const struct agent_meter *meter = bus->meters.items;

	(void)state;
	bus->turnaround_ms = 1000; /* so dear that any hole is worth reading */
	for (size_t i = 0; i < 3; i++) {
		struct sweep *sweep;

		assert_int_equal(agent_config_sweep(&sweep, bus, meter, cautions[i], NULL, NULL),
				 0);
		assert_int_equal(sweep->n_reads, expected[i]);
		sweep_destroy(sweep);
	}
	agent_config_destroy(config);
}

static void warnings_are_no_errors(void **state)
{
	struct agent_config *config = parse(
		TOP "buses: [{name: b, rtu: {device: /dev/ttyUSB0}, meters: [{id: m, unit: 1, "
		    "profile: engelmann_sensostar_s3}]}]\n");
	const struct conf_errors *warnings = &config->warnings;

	(void)state;
	assert_int_equal(warnings->count, 2);
	assert_non_null(strstr(warnings->text.data, "/dev/serial/by-id"));
	assert_non_null(strstr(warnings->text.data, "only every 600 s"));
	agent_config_destroy(config);
	config = parse(TOP "buses: [{name: b, tcp: {host: x}, round_trip: 2s, meters: [{id: m, "
			   "unit: 1, profile: eastron_sdm630, interval: 2s}]}]\n");
	assert_non_null(
		strstr(config->warnings.text.data,
		       "bus 'b' would be busy 200.0 % of the time if a request takes 2000 ms"));
	agent_config_destroy(config);
}

/* What a reload looks at to leave alone what is as it was. */
static void a_digest_tells_what_has_changed(void **state)
{
	static const struct {
		const char *name, *text;
		bool is_other_bus, is_other_delivery;
	} cases[] = {
		{"nothing", METER("profile: eastron_sdm630"), false, false},
		{"a comment", METER("profile: eastron_sdm630") "# x\n", false, false},
		{"the profile", METER("profile: eastron_sdm120"), true, false},
		{"the meter's interval", METER("profile: eastron_sdm630, interval: 30s"), true,
		 false},
		{"the interval of all", METER("profile: eastron_sdm630") "interval: 30s\n", true,
		 false},
		{"the log", METER("profile: eastron_sdm630") "log: {level: debug}\n", false, false},
		{"the spool", METER("profile: eastron_sdm630") "spool: {path: /x}\n", false, true},
		{"the delivery", METER("profile: eastron_sdm630") "delivery: broker\n", false,
		 true},
	};
	struct agent_config *first = parse(cases[0].text);
	const struct agent_bus *before = first->buses.items;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct agent_config *config = parse(cases[i].text);
		const struct agent_bus *bus = config->buses.items;

		if ((bus->digest != before->digest) != cases[i].is_other_bus ||
		    (config->delivery_digest != first->delivery_digest) !=
			    cases[i].is_other_delivery)
			fail_msg("%s", cases[i].name);
		agent_config_destroy(config);
	}
	agent_config_destroy(first);
}

static void without_its_file_a_configuration_still_works(void **state)
{
	struct agent_config *config = parse(METER("profile: eastron_sdm630"));
	const struct agent_bus *bus = NULL;
	const struct agent_meter *meter = agent_config_find_meter(config, "m1", &bus);
	struct sweep *sweep;

	(void)state;
	assert_ptr_equal(agent_config_share(config), config);
	agent_config_destroy(config);
	agent_config_forget_file(config);
	assert_int_equal(agent_config_sweep(&sweep, bus, meter, SWEEP_BRIDGES, NULL, NULL), 0);
	assert_int_equal(sweep->n_points, 20);
	sweep_destroy(sweep);
	agent_config_destroy(config);
}

static void the_shipped_example_is_right(void **state)
{
	struct conf_errors errors = {0};
	struct agent_config *config = NULL;

	(void)state;
	if (agent_config_load(&config, "config/agent.yaml", &errors) != 0)
		fail_msg("%s", errors.text.data);
	agent_config_destroy(config);
	conf_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(defaults_are_in_force),
		cmocka_unit_test(a_meter_overrides_the_line),
		cmocka_unit_test(the_plan_of_the_reference_job),
		cmocka_unit_test(kept_registers_are_read_only_to_refresh),
		cmocka_unit_test(caution_takes_more_reads),
		cmocka_unit_test(warnings_are_no_errors),
		cmocka_unit_test(a_digest_tells_what_has_changed),
		cmocka_unit_test(without_its_file_a_configuration_still_works),
		cmocka_unit_test(the_shipped_example_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
