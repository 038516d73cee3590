/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/account.h"

#include "sim/history.h"

static const char *const UNITS[] = {[LOAD_KWH] = "kWh", [LOAD_M3] = "m3", [LOAD_GJ] = "GJ"};
static const char *const CARRIERS[] = {
	[LOAD_KWH] = "electricity",
	[LOAD_M3] = "water",
	[LOAD_GJ] = "heat",
};

int64_t account_amount(const struct campus_meter *meter, enum flow flow,
		       const struct account_span *span)
{
	return counter_amount(meter->counter, flow, span->to_ms) -
	       counter_amount(meter->counter, flow, span->from_ms);
}

static void add_text(struct json_writer *json, const char *key, const struct history_meter *open,
		     const struct device_point *point, int64_t utc_ms)
{
	struct decimal value;
	char text[64];

	if (device_show(open->device, point, utc_ms, &value) != 0)
		json_add_null(json, key);
	else
		json_add_string_n(json, key, text, decimal_print(value, text));
}

static int add_registers(const struct campus *campus, struct campus_meter *meter,
			 const struct account_span *span, struct json_writer *json, struct err *err)
{
	struct history_meter open;
	int code = history_open(&open, campus, meter, false, err);

	if (code != 0)
		return code;
	json_begin_object(json, "registers");
	for (size_t i = 0; i < open.n; i++) {
		json_begin_object(json, open.points[i]->name);
		add_text(json, "from", &open, open.points[i], span->from_ms);
		add_text(json, "at", &open, open.points[i], span->to_ms);
		json_end_object(json);
	}
	json_end_object(json);
	history_close(&open);
	return 0;
}

static void add_hours(const struct campus *campus, const struct campus_meter *meter,
		      const struct account_span *span, struct json_writer *json)
{
	int64_t start = span->from_ms - span->from_ms % HOUR_MS;
	char text[CIVIL_TEXT_MAX];

	json_begin_array(json, "hours");
	for (; start < span->to_ms; start += HOUR_MS) {
		struct account_span hour = {
			.from_ms = start > span->from_ms ? start : span->from_ms,
			.to_ms = start + HOUR_MS < span->to_ms ? start + HOUR_MS : span->to_ms,
		};

		json_begin_object(json, NULL);
		(void)civil_print_time(start, campus->offset_ms, text);
		json_add_string(json, "start", text);
		json_add_int(json, "amount_micro", account_amount(meter, FLOW_IMPORT, &hour));
		if (meter->generation.count > 0)
			json_add_int(json, "export_micro",
				     account_amount(meter, FLOW_EXPORT, &hour));
		json_end_object(json);
	}
	json_end_array(json);
}

int account_json(const struct campus *campus, struct campus_meter *meter,
		 const struct account_span *span, struct json_writer *json, struct err *err)
{
	int64_t amount = account_amount(meter, FLOW_IMPORT, span);
	int code;

	json_begin_object(json, NULL);
	json_add_string(json, "meter", meter->id);
	json_add_string(json, "carrier", CARRIERS[meter->carrier]);
	json_add_string(json, "unit", UNITS[meter->carrier]);
	json_add_string(json, "profile", meter->profile_name);
	json_add_string(json, "serial", campus_serial(meter, span->to_ms));
	json_add_int(json, "ratio", meter->ratio);
	json_add_int(json, "amount_micro", amount);
	json_add_int(json, "export_micro", account_amount(meter, FLOW_EXPORT, span));
	json_add_micro(json, "primary", amount * meter->ratio);
	json_add_int(json, "rate_milli", counter_rate(meter->counter, span->to_ms));
	code = add_registers(campus, meter, span, json, err);
	if (code == 0 && span->has_hours)
		add_hours(campus, meter, span, json);
	json_end_object(json);
	return code;
}

void account_row(const struct campus_meter *meter, const struct account_span *span, struct buf *out)
{
	char dial[DECIMAL_TEXT_MAX], primary[DECIMAL_TEXT_MAX];
	int64_t amount;

	if (meter == NULL) {
		buf_printf(out, "%-20s %-12s %18s %6s %18s  %s\n", "meter", "carrier", "dial",
			   "ratio", "primary", "unit");
		return;
	}
	amount = account_amount(meter, FLOW_IMPORT, span);
	(void)decimal_print_micro(amount, dial);
	(void)decimal_print_micro(amount * meter->ratio, primary);
	buf_printf(out, "%-20s %-12s %18s %6lld %18s  %s\n", meter->id, CARRIERS[meter->carrier],
		   dial, (long long)meter->ratio, primary, UNITS[meter->carrier]);
}
