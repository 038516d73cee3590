/* SPDX-License-Identifier: Apache-2.0 */
#include "common/quantity.h"

#include <string.h>

enum { NAME_MAX_BYTES = 63 };

/* Units as the last word of a name. */
static const struct {
	const char *suffix, *name;
	enum quantity_unit unit;
} units[] = {
	{"kwh", "kWh", UNIT_KWH},    {"kvarh", "kvarh", UNIT_KVARH},
	{"kvah", "kVAh", UNIT_KVAH}, {"m3", "m3", UNIT_M3},
	{"gj", "GJ", UNIT_GJ},       {"mj", "MJ", UNIT_MJ},
	{"w", "W", UNIT_W},          {"var", "var", UNIT_VAR},
	{"va", "VA", UNIT_VA},       {"v", "V", UNIT_V},
	{"a", "A", UNIT_A},          {"hz", "Hz", UNIT_HZ},
	{"m3h", "m3/h", UNIT_M3H},   {"c", "°C", UNIT_C},
	{"k", "K", UNIT_K},          {"pct", "%", UNIT_PCT},
	{"deg", "", UNIT_OTHER},     {"lux", "", UNIT_OTHER},
	{"mm", "", UNIT_OTHER},      {"ms", "", UNIT_OTHER},
	{"wm2", "", UNIT_OTHER},
};

#define UNIT_BIT(unit) (1U << (unit))
#define HEAT_UNITS     (UNIT_BIT(UNIT_KWH) | UNIT_BIT(UNIT_GJ) | UNIT_BIT(UNIT_MJ))
#define DEMAND_UNITS   (UNIT_BIT(UNIT_W) | UNIT_BIT(UNIT_VAR) | UNIT_BIT(UNIT_VA) | UNIT_BIT(UNIT_A))
#define BATTERY_UNITS                                                                \
	(UNIT_BIT(UNIT_W) | UNIT_BIT(UNIT_V) | UNIT_BIT(UNIT_A) | UNIT_BIT(UNIT_C) | \
	 UNIT_BIT(UNIT_PCT) | UNIT_BIT(UNIT_KWH))

/* Stems: the name without prefix and unit. '#' stands for digits, '*' at the end for anything. */
struct stem {
	const char *pattern;
	unsigned units;
};

static const struct stem registers[] = {
	{"active_energy_import", UNIT_BIT(UNIT_KWH)},
	{"active_energy_export", UNIT_BIT(UNIT_KWH)},
	{"active_energy_total", UNIT_BIT(UNIT_KWH)},
	{"active_energy_net", UNIT_BIT(UNIT_KWH)},
	{"pv_energy", UNIT_BIT(UNIT_KWH)},
	{"pv_energy_yield_total", UNIT_BIT(UNIT_KWH)},
	{"battery_charge_energy", UNIT_BIT(UNIT_KWH)},
	{"battery_discharge_energy", UNIT_BIT(UNIT_KWH)},
	{"reactive_energy_import", UNIT_BIT(UNIT_KVARH)},
	{"reactive_energy_export", UNIT_BIT(UNIT_KVARH)},
	{"reactive_energy_total", UNIT_BIT(UNIT_KVARH)},
	{"reactive_energy_inductive", UNIT_BIT(UNIT_KVARH)},
	{"reactive_energy_capacitive", UNIT_BIT(UNIT_KVARH)},
	{"reactive_energy_q#", UNIT_BIT(UNIT_KVARH)},
	{"apparent_energy", UNIT_BIT(UNIT_KVAH)},
	{"apparent_energy_import", UNIT_BIT(UNIT_KVAH)},
	{"apparent_energy_export", UNIT_BIT(UNIT_KVAH)},
	{"heat_energy", HEAT_UNITS},
	{"heat_energy_e#", HEAT_UNITS},
	{"heat_energy_forward", HEAT_UNITS},
	{"heat_energy_reverse", HEAT_UNITS},
	{"heat_energy_net", HEAT_UNITS},
	{"cooling_energy", HEAT_UNITS},
	{"cooling_energy_e#", HEAT_UNITS},
	{"volume", UNIT_BIT(UNIT_M3)},
	{"volume_forward", UNIT_BIT(UNIT_M3)},
	{"volume_reverse", UNIT_BIT(UNIT_M3)},
	{"volume_net", UNIT_BIT(UNIT_M3)},
	{"volume_total", UNIT_BIT(UNIT_M3)},
	{"pulse_count_ch#", UNIT_BIT(UNIT_NONE)},
};

static const struct stem gauges[] = {
	{"voltage_l#_n", UNIT_BIT(UNIT_V)},
	{"voltage_l#_l#", UNIT_BIT(UNIT_V)},
	{"voltage_ln_avg", UNIT_BIT(UNIT_V)},
	{"voltage_ll_avg", UNIT_BIT(UNIT_V)},
	{"dc_voltage*", UNIT_BIT(UNIT_V)},
	{"current_l#", UNIT_BIT(UNIT_A)},
	{"current_n", UNIT_BIT(UNIT_A)},
	{"current_avg", UNIT_BIT(UNIT_A)},
	{"current_sum", UNIT_BIT(UNIT_A)},
	{"dc_current*", UNIT_BIT(UNIT_A)},
	{"active_power", UNIT_BIT(UNIT_W)},
	{"active_power_l#", UNIT_BIT(UNIT_W)},
	{"active_power_import", UNIT_BIT(UNIT_W)},
	{"active_power_export", UNIT_BIT(UNIT_W)},
	{"dc_power*", UNIT_BIT(UNIT_W)},
	{"load_power", UNIT_BIT(UNIT_W)},
	{"export_power", UNIT_BIT(UNIT_W)},
	{"heat_power", UNIT_BIT(UNIT_W)},
	{"cooling_power", UNIT_BIT(UNIT_W)},
	{"reactive_power", UNIT_BIT(UNIT_VAR)},
	{"reactive_power_l#", UNIT_BIT(UNIT_VAR)},
	{"apparent_power", UNIT_BIT(UNIT_VA)},
	{"apparent_power_l#", UNIT_BIT(UNIT_VA)},
	{"power_factor", UNIT_BIT(UNIT_NONE)},
	{"power_factor_l#", UNIT_BIT(UNIT_NONE)},
	{"power_factor_4q", UNIT_BIT(UNIT_NONE)},
	{"frequency", UNIT_BIT(UNIT_HZ)},
	{"pulse_frequency_ch#", UNIT_BIT(UNIT_HZ)},
	{"phase_angle", UNIT_BIT(UNIT_OTHER)},
	{"thd_voltage_*", UNIT_BIT(UNIT_PCT)},
	{"thd_current_*", UNIT_BIT(UNIT_PCT)},
	{"demand_*", DEMAND_UNITS},
	{"battery_*", BATTERY_UNITS},
	/* Starts anew every day: its total is the register. */
	{"pv_energy_yield_day", UNIT_BIT(UNIT_KWH)},
	{"volume_flow", UNIT_BIT(UNIT_M3H)},
	{"volume_flow_v#", UNIT_BIT(UNIT_M3H)},
	{"supply_temp", UNIT_BIT(UNIT_C)},
	{"return_temp", UNIT_BIT(UNIT_C)},
	{"device_temp", UNIT_BIT(UNIT_C)},
	{"ambient_temp", UNIT_BIT(UNIT_C)},
	{"temp_t#", UNIT_BIT(UNIT_C)},
	{"delta_temp", UNIT_BIT(UNIT_K)},
	{"relative_humidity", UNIT_BIT(UNIT_PCT)},
	{"wind_speed", UNIT_BIT(UNIT_OTHER)},
	{"wind_direction", UNIT_BIT(UNIT_OTHER)},
	{"precipitation", UNIT_BIT(UNIT_OTHER)},
	{"solar_radiation", UNIT_BIT(UNIT_OTHER)},
	{"illuminance", UNIT_BIT(UNIT_OTHER)},
};

/* Words that say: only a part of the register, or a second copy of it. */
static const char *const parts[] = {"_l#", "_t#", "_v#", "_mppt#", "_partial", "_coarse", "_alt"};

/* The same meanings behind an inverter, and with transformer ratios applied by the meter. */
static const char *const prefixes[] = {"grid_", "primary_"};

struct word {
	const char *at;
	size_t len;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool matches(const char *pattern, struct word word)
{
	size_t i = 0;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '*')
			return true;
		if (*pattern != '#') {
			if (i == word.len || word.at[i] != *pattern)
				return false;
			i++;
			continue;
		}
		if (i == word.len || !is_digit(word.at[i]))
			return false;
		while (i < word.len && is_digit(word.at[i]))
			i++;
	}
	return i == word.len;
}

static bool is_listed(const struct stem *stems, size_t n, struct word word, enum quantity_unit unit)
{
	for (size_t i = 0; i < n; i++)
		if ((stems[i].units & UNIT_BIT(unit)) != 0 && matches(stems[i].pattern, word))
			return true;
	return false;
}

static size_t last_underscore(struct word word)
{
	size_t i = word.len;

	while (i > 0 && word.at[i - 1] != '_')
		i--;
	return i > 0 ? i - 1 : 0;
}

/* Cuts the unit off. */
static enum quantity_unit take_unit(struct word *word)
{
	size_t cut = last_underscore(*word);
	size_t len = word->len - cut - 1;

	if (cut == 0)
		return UNIT_NONE;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strlen(units[i].suffix) == len &&
		    memcmp(units[i].suffix, word->at + cut + 1, len) == 0) {
			word->len = cut;
			return units[i].unit;
		}
	}
	return UNIT_NONE;
}

static bool take_prefix(struct word *word)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t len = strlen(prefixes[i]);

		if (word->len > len && memcmp(word->at, prefixes[i], len) == 0) {
			word->at += len;
			word->len -= len;
			return true;
		}
	}
	return false;
}

/* Cuts a word like _t1 or _partial off the end. */
static bool take_part(struct word *word)
{
	size_t cut = last_underscore(*word);
	struct word last = {word->at + cut, word->len - cut};

	for (size_t i = 0; cut > 0 && i < sizeof parts / sizeof *parts; i++) {
		if (matches(parts[i], last)) {
			word->len = cut;
			return true;
		}
	}
	return false;
}

struct quantity quantity_classify(const char *name, size_t len)
{
	struct word word = {name, len};
	struct quantity quantity = {QUANTITY_UNKNOWN, UNIT_NONE, false};
	enum quantity_unit unit;
	bool is_part = false;

	if (!quantity_name_is_valid(name, len))
		return quantity;
	unit = take_unit(&word);
	(void)take_prefix(&word); /* with or without, the meaning is the same */
	if (is_listed(gauges, sizeof gauges / sizeof *gauges, word, unit))
		quantity.kind = QUANTITY_GAUGE;
	for (;;) {
		if (is_listed(registers, sizeof registers / sizeof *registers, word, unit)) {
			quantity.kind = QUANTITY_REGISTER;
			quantity.is_main = !is_part;
			break;
		}
		if (!take_part(&word))
			break;
		is_part = true;
	}
	if (quantity.kind != QUANTITY_UNKNOWN)
		quantity.unit = unit;
	return quantity;
}

const char *quantity_unit_name(enum quantity_unit unit)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (units[i].unit == unit)
			return units[i].name;
	return "";
}

bool quantity_name_is_valid(const char *name, size_t len)
{
	if (len < 1 || len > NAME_MAX_BYTES || name[0] < 'a' || name[0] > 'z')
		return false;
	for (size_t i = 1; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !is_digit(name[i]) && name[i] != '_')
			return false;
	return true;
}
