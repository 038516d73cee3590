/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration that is accepted can be run: each meter has a profile, a plan and an interval;
 * no serial line is busy more than 80 % of the time; and what is in force can be printed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config.h"

static void check_bus(const struct agent_bus *bus)
{
	const struct agent_meter *meters = bus->meters.items;

	for (size_t i = 0; i < bus->meters.count; i++) {
		struct sweep *sweep;
		int code = agent_config_sweep(&sweep, bus, &meters[i], SWEEP_BRIDGES, NULL, NULL);

		assert(code == 0 && sweep->n_points > 0);
		assert(meters[i].interval_ms >= 1000 && meters[i].unit >= 0);
		sweep_destroy(sweep);
	}
	assert(bus->link != LINK_RTU || agent_config_utilisation(bus) <= 0.8 + 1e-9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = {0};
	struct agent_config *config = NULL;
	int code = agent_config_parse(&config, "fuzz", (const char *)data, size, &errors);

	assert((code == 0) == (errors.count == 0));
	if (code == 0) {
		const struct agent_bus *buses = config->buses.items;
		struct buf out = {0};

		for (size_t i = 0; i < config->buses.count; i++)
			check_bus(&buses[i]);
		agent_config_print(config, &out);
		assert(out.len > 0);
		buf_fini(&out);
	}
	agent_config_destroy(config);
	conf_errors_fini(&errors);
	return 0;
}
