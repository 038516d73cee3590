/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a baseline's file. */
#include "server/registry/registry_baseline.h"
#include "server/registry/registry_savings.h"

#define LAST_DAY "9999-12-31"

#define PRICE_MAX INT64_C(100000000000)

const char *const baseline_method_names[] = {"daily", "monthly", "bimonthly", NULL};
static const char *const yes_no[] = {"by_carrier", "true", "false", NULL};

#define SPAN_KEYS(holder)                                                               \
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct holder, node)},       \
		{.name = "from",                                                        \
		 .type = CONF_DATE,                                                     \
		 .offset = offsetof(struct holder, from),                               \
		 .is_required = true,                                                   \
		 .help = "first day"},                                                  \
	{                                                                               \
		.name = "to", .type = CONF_DATE, .offset = offsetof(struct holder, to), \
		.fallback = LAST_DAY, .help = "the day after the last; default: open"   \
	}

static const struct conf_key span_keys[] = {SPAN_KEYS(file_span), {0}};

#define REASON_KEY                                                          \
	{                                                                   \
		.name = "reason", .type = CONF_STRING, .is_required = true, \
		.offset = offsetof(struct file_entry, reason), .max = 500,  \
		.help = "why, for whoever checks"                           \
	}

static const struct conf_key adjustment_keys[] = {
	SPAN_KEYS(file_entry),
	{.name = "amount",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_entry, amount),
	 .help = "in the carrier's unit, over all days together: added to the saving, positive "
		 "where something else made use higher"},
	{.name = "share",
	 .type = CONF_NODE,
	 .offset = offsetof(struct file_entry, part),
	 .help = "or as a share of what the model says for those days: 0.05 for a wing that adds "
		 "a twentieth"},
	REASON_KEY,
	{.name = "evidence",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_entry, evidence),
	 .is_required = true,
	 .max = 500,
	 .help = "where it is written down: a document, a meter, a minute"},
	{.name = "by",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_entry, by),
	 .is_required = true,
	 .max = 100,
	 .help = "who stands for it"},
	{0},
};

static const struct conf_key exclusion_keys[] = {SPAN_KEYS(file_entry), REASON_KEY, {0}};

static const struct conf_key period_keys[] = {
	SPAN_KEYS(file_entry),
	{.name = "price",
	 .type = CONF_MICRO,
	 .offset = offsetof(struct file_entry, price),
	 .is_required = true,
	 .min = 0,
	 .max = PRICE_MAX,
	 .help = "yuan per unit of energy"},
	{.name = "share",
	 .type = CONF_MICRO,
	 .offset = offsetof(struct file_entry, share),
	 .is_required = true,
	 .min = 0,
	 .max = MICRO,
	 .help = "the provider's share of the savings, 0 to 1"},
	{0},
};

static const struct conf_key contract_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_contract, node)},
	{.name = "number",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_contract, number),
	 .is_required = true,
	 .max = 100,
	 .help = "of the contract"},
	{.name = "provider",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_contract, provider),
	 .is_required = true,
	 .max = 200,
	 .help = "the energy service company"},
	{.name = "periods",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_contract, periods),
	 .is_required = true,
	 .min = 1,
	 .max = 200,
	 .table = period_keys,
	 .item_size = sizeof(struct file_entry),
	 .help = "price and share, dated"},
	{0},
};

static const struct conf_key balance_keys[] = {
	{.name = "min",
	 .type = CONF_REAL,
	 .offset = offsetof(struct file_balance, min),
	 .min = -40,
	 .max = 50,
	 .fallback = "0",
	 .help = "lowest balance point tried, degrees Celsius"},
	{.name = "max",
	 .type = CONF_REAL,
	 .offset = offsetof(struct file_balance, max),
	 .min = -40,
	 .max = 50,
	 .fallback = "32",
	 .help = "highest"},
	{.name = "step",
	 .type = CONF_REAL,
	 .offset = offsetof(struct file_balance, step),
	 .min = 0,
	 .max = 10,
	 .fallback = "1",
	 .help = "distance between them"},
	{0},
};

static const struct conf_key sensor_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_sensor, node)},
	{.name = "meter",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_sensor, meter),
	 .is_required = true,
	 .max = 48,
	 .help = "id of the device, as in the agent's configuration"},
	{.name = "quantity",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_sensor, quantity),
	 .max = 63,
	 .fallback = "ambient_temp_c",
	 .help = "the temperature it reports"},
	{0},
};

const struct conf_key registry_baseline_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_baseline, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_baseline, id),
	 .is_required = true,
	 .max = 48,
	 .help = "the file is called <id>.yaml"},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_baseline, name),
	 .is_required = true,
	 .max = 200,
	 .help = "the measure"},
	{.name = "institution",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_baseline, institution),
	 .is_required = true,
	 .max = 48,
	 .help = "whose savings"},
	{.name = "carrier",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_baseline, carrier),
	 .choices = carrier_names,
	 .fallback = "electricity",
	 .help = "all of it; with a meter: the meter's"},
	{.name = "meter",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_baseline, meter),
	 .max = 48,
	 .help = "one of the institution's meters instead of the whole carrier"},
	{.name = "method",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_baseline, method),
	 .choices = baseline_method_names,
	 .fallback = "daily",
	 .help = "days of meters, or bills of one or two months"},
	{.name = "baseline",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct file_baseline, baseline),
	 .table = span_keys,
	 .is_required = true,
	 .help = "the 365 days before the measure"},
	{.name = "reporting",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct file_baseline, reporting),
	 .table = span_keys,
	 .is_required = true,
	 .help = "the time after the measure; what lies between the two is ignored"},
	{.name = "weather",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_baseline, weather),
	 .max = 48,
	 .help = "outdoor temperatures of weather/<this>.csv; default: the file that is called "
		 "like "
		 "the institution's region or one above"},
	{.name = "weather_meter",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct file_baseline, sensor),
	 .table = sensor_keys,
	 .help = "or those that a device reports"},
	{.name = "typical_year",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_baseline, typical),
	 .max = 48,
	 .help = "weather/<this>.csv: a year of daily means, for normalised savings"},
	{.name = "cooling",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_baseline, cooling),
	 .choices = yes_no,
	 .fallback = "by_carrier",
	 .help = "models with cooling are tried; by_carrier: for electricity and cooling"},
	{.name = "zero_is_missing",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_baseline, zero_is_missing),
	 .choices = yes_no,
	 .fallback = "by_carrier",
	 .help = "a use of exactly 0 is a lack of data; by_carrier: for electricity"},
	{.name = "balance_points",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct file_baseline, balance),
	 .table = balance_keys,
	 .help = "of heating and cooling, degrees Celsius"},
	{.name = "max_p_value",
	 .type = CONF_REAL,
	 .offset = offsetof(struct file_baseline, max_p_value),
	 .min = 0,
	 .max = 1,
	 .fallback = "1",
	 .help = "models with a term less certain than this are not taken; 1: no such screen"},
	{.name = "adjustments",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_baseline, adjustments),
	 .max = 1000,
	 .table = adjustment_keys,
	 .item_size = sizeof(struct file_entry),
	 .help = "what changed beside the measure"},
	{.name = "exclusions",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_baseline, exclusions),
	 .max = 1000,
	 .table = exclusion_keys,
	 .item_size = sizeof(struct file_entry),
	 .help = "days that count neither in the baseline nor since"},
	{.name = "contract",
	 .type = CONF_SECTION,
	 .offset = offsetof(struct file_baseline, contract),
	 .table = contract_keys,
	 .help = "of an energy service company that is paid by savings"},
	{0},
};
