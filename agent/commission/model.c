/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/commission/model.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commission/interrupt.h"
#include "agent/poll/identify.h"
#include "agent/profile/decode.h"
#include "common/mem.h"

enum { ANSWERS_MAX = 256, EXTENT_MAX = 4, IDENTITY_WEIGHT = 20 };

struct models {
	struct profile **profiles;
	size_t n, cap;
};

/* ---- the folders ---- */

static bool has(const struct models *models, const char *id)
{
	for (size_t i = 0; i < models->n; i++)
		if (strcmp(models->profiles[i]->id, id) == 0)
			return true;
	return false;
}

static void load_one(struct models *models, const char *folder, const char *name)
{
	const size_t len = strlen(name);
	struct conf_errors errors = {0};
	struct profile *profile;
	char *path;

	if (len < 6 || strcmp(name + len - 5, ".yaml") != 0)
		return;
	path = xasprintf("%s/%s", folder, name);
	if (profile_load(&profile, path, &errors) == 0) {
		if (has(models, profile->id)) {
			profile_destroy(profile); /* a later folder goes before */
		} else {
			models->profiles = grow(models->profiles, models->n, &models->cap,
						sizeof(struct profile *));
			models->profiles[models->n++] = profile;
		}
	}
	conf_errors_fini(&errors);
	free(path);
}

static int by_id(const void *left, const void *right)
{
	const struct profile *const *a = left, *const *b = right;

	return strcmp((*a)->id, (*b)->id);
}

struct models *models_load(const struct agent_config *config)
{
	const char *const *folders = config->profile_folders.items;
	struct models *models = xcalloc(1, sizeof *models);

	for (size_t i = config->profile_folders.count; i-- > 0;) {
		DIR *dir = opendir(folders[i]);
		const struct dirent *entry;

		if (dir == NULL)
			continue;
		/* One thread reads this stream. NOLINTNEXTLINE(concurrency-mt-unsafe) */
		while ((entry = readdir(dir)) != NULL)
			load_one(models, folders[i], entry->d_name);
		(void)closedir(dir); /* was only read */
	}
	if (models->n > 1)
		qsort(models->profiles, models->n, sizeof(struct profile *), by_id);
	return models;
}

void models_destroy(struct models *models)
{
	if (models == NULL)
		return;
	for (size_t i = 0; i < models->n; i++)
		profile_destroy(models->profiles[i]);
	free(models->profiles);
	free(models);
}

/* ---- asking ---- */

struct answer {
	uint8_t function;
	uint16_t address, count;
	bool is_ok;
	uint16_t registers[EXTENT_MAX];
};

/* Profiles share registers: each is asked once. */
struct device {
	struct commission *commission;
	const struct bus_request *like;
	struct answer answers[ANSWERS_MAX];
	size_t n;
	int silences;
};

static const struct answer *ask(struct device *device, uint8_t function, uint16_t address,
				uint16_t count)
{
	struct bus_request request = *device->like;
	struct bus_reply reply;
	struct answer *answer;
	enum bus_outcome outcome;

	for (size_t i = 0; i < device->n; i++)
		if (device->answers[i].function == function &&
		    device->answers[i].address == address && device->answers[i].count == count)
			return &device->answers[i];
	if (device->n == ANSWERS_MAX || device->silences > 3 || interrupt_came())
		return NULL;
	request.function = function;
	request.address = address;
	request.count = count;
	answer = &device->answers[device->n++];
	outcome = commission_ask(device->commission, &request, &reply);
	if (outcome == BUS_CRC || outcome == BUS_GARBLED)
		outcome = commission_ask(device->commission, &request, &reply);
	*answer = (struct answer){function, address, count, outcome == BUS_OK, {0}};
	memcpy(answer->registers, reply.registers, count * sizeof *answer->registers);
	device->silences = outcome == BUS_TIMEOUT ? device->silences + 1 : 0;
	return answer;
}

/* A register that says something by itself, and what it may be. */
struct clue {
	const char *name;
	double min, max;
	int weight;
};

static const struct clue clues[] = {
	{"frequency_hz", 45, 65, 4},     {"voltage_l1_n_v", 80, 300, 2},
	{"voltage_l2_n_v", 80, 300, 1},  {"voltage_l3_n_v", 80, 300, 1},
	{"voltage_l1_l2_v", 80, 520, 1}, {"supply_temp_c", 1, 180, 2},
	{"return_temp_c", 1, 180, 2},
};

/* 0: the profile does not have it. */
static int weigh(struct device *device, const struct profile *profile, const struct clue *clue)
{
	const struct profile_point *point = profile_find(profile, clue->name, 0);
	struct decode_block block;
	struct decode_input input = {.profile = profile, .blocks = &block, .n_blocks = 1};
	struct decode_value value;
	const struct answer *answer;
	double number;

	if (point == NULL || point->extent == 0 || point->extent > EXTENT_MAX ||
	    point->n_factors > 0 || point->exponent >= 0 || point->unit >= 0)
		return 0;
	answer = ask(device, point->function, point->first_address, point->extent);
	if (answer == NULL || !answer->is_ok)
		return -clue->weight;
	block = (struct decode_block){answer->function, answer->address, answer->count,
				      answer->registers};
	decode_point(&input, (size_t)(point - profile->points), &value);
	if (value.kind != DECODE_NUMBER)
		return 0;
	number = fabs(decimal_to_double(value.number));
	return number >= clue->min && number <= clue->max ? clue->weight : -clue->weight;
}

/* What the profile itself knows its device by. False: it is another one, or silent. */
static bool is_identified(struct device *device, const struct profile *profile)
{
	const struct bus_settings *serial = &device->like->settings;
	struct agent_meter config = {
		.id = "unknown",
		.unit = device->like->unit,
		.profile = profile,
		.is_identified = true,
		.is_base_auto = profile->is_relative,
		.serial = {.baud = serial->baud,
			   .stop_bits = serial->stop_bits,
			   .parity = serial->parity == 'N'   ? 1
				     : serial->parity == 'E' ? 2
							     : 3},
	};
	struct reading reading = {0};
	struct ask_meter meter;
	struct sweep *sweep;
	enum identity identity;

	if (agent_config_sweep(&sweep, device->commission->bus, &config, SWEEP_BRIDGES, NULL,
			       NULL) != 0)
		return false;
	ask_meter_init(&meter, &config, sweep);
	meter.limit_ms = device->like->timeout_ms;
	identity = identify_meter(&device->commission->line.ask, &meter, &reading, NULL);
	reading_fini(&reading);
	ask_meter_fini(&meter);
	sweep_destroy(sweep);
	return identity == IDENTITY_RIGHT;
}

static int score(struct device *device, const struct profile *profile)
{
	bool is_telling = profile->n_identities > 0 || profile->n_models > 0;
	int sum = is_telling ? IDENTITY_WEIGHT : 0;

	if (interrupt_came() || (is_telling && !is_identified(device, profile)))
		return -1;
	if (profile->is_relative)
		return sum;
	for (size_t i = 0; i < sizeof clues / sizeof *clues; i++) {
		int weight = weigh(device, profile, &clues[i]);

		if (i == 0 && weight < 0)
			return weight; /* the rest would not save it */
		sum += weight;
	}
	return sum;
}

void models_guess(const struct models *models, struct commission *c, const struct bus_request *like,
		  struct model_guess *out)
{
	struct device *device = xcalloc(1, sizeof *device);
	int best = 3; /* a single voltage may be anything */

	device->commission = c;
	device->like = like;
	*out = (struct model_guess){.n = 0};
	for (size_t i = 0; i < models->n; i++) {
		int sum = score(device, models->profiles[i]);

		if (sum > best)
			out->n = 0;
		if (sum >= best && sum > 3 && out->n < MODEL_BEST_MAX)
			out->ids[out->n++] = models->profiles[i]->id;
		best = sum > best ? sum : best;
	}
	free(device);
}
