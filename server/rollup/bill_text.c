/* SPDX-License-Identifier: Apache-2.0 */
/* The words of one bill: carriers, days, amounts, units. */
#include "server/rollup/bill_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/decimal.h"

__extension__ typedef __int128 wide;

const char *const bill_column_names[] = {
	"institution",  "carrier", "from",    "to",      "quantity", "unit",
	"fee",          "period",  "use",     "account", "note",     "first_reading",
	"last_reading", "ratio",   "adjusts", "key",     "confirm",  NULL,
};

static const char *const chinese_carriers[N_CARRIERS] = {
	"电", "水", "天然气", "热力", "冷量", "煤炭", "汽油", "柴油", "液化石油气", "其他",
};

enum measure { MEASURE_OWN, MEASURE_KG, MEASURE_LITRE };

/* carrier's unit = number x 10^exponent of this one; by weight or volume where the carrier is
 * counted in the other, with its density between them */
struct unit {
	const char *name;
	struct decimal factor;
	enum carrier carrier;
	enum measure measure;
};

static const struct unit units[] = {
	{"kWh", {1, 0}, CARRIER_ELECTRICITY, MEASURE_OWN},
	{"千瓦时", {1, 0}, CARRIER_ELECTRICITY, MEASURE_OWN},
	{"度", {1, 0}, CARRIER_ELECTRICITY, MEASURE_OWN},
	{"万kWh", {1, 4}, CARRIER_ELECTRICITY, MEASURE_OWN},
	{"万千瓦时", {1, 4}, CARRIER_ELECTRICITY, MEASURE_OWN},
	{"万度", {1, 4}, CARRIER_ELECTRICITY, MEASURE_OWN},
	{"MWh", {1, 3}, CARRIER_ELECTRICITY, MEASURE_OWN},
	{"m3", {1, 0}, CARRIER_WATER, MEASURE_OWN},
	{"m³", {1, 0}, CARRIER_WATER, MEASURE_OWN},
	{"t", {1, 0}, CARRIER_WATER, MEASURE_OWN},
	{"吨", {1, 0}, CARRIER_WATER, MEASURE_OWN},
	{"立方米", {1, 0}, CARRIER_WATER, MEASURE_OWN},
	{"方", {1, 0}, CARRIER_WATER, MEASURE_OWN},
	{"万m3", {1, 4}, CARRIER_WATER, MEASURE_OWN},
	{"万吨", {1, 4}, CARRIER_WATER, MEASURE_OWN},
	{"L", {1, -3}, CARRIER_WATER, MEASURE_OWN},
	{"升", {1, -3}, CARRIER_WATER, MEASURE_OWN},
	{"m3", {1, 0}, CARRIER_NATURAL_GAS, MEASURE_OWN},
	{"m³", {1, 0}, CARRIER_NATURAL_GAS, MEASURE_OWN},
	{"立方米", {1, 0}, CARRIER_NATURAL_GAS, MEASURE_OWN},
	{"方", {1, 0}, CARRIER_NATURAL_GAS, MEASURE_OWN},
	{"万m3", {1, 4}, CARRIER_NATURAL_GAS, MEASURE_OWN},
	{"万立方米", {1, 4}, CARRIER_NATURAL_GAS, MEASURE_OWN},
	{"GJ", {1, 0}, CARRIER_HEAT, MEASURE_OWN},
	{"吉焦", {1, 0}, CARRIER_HEAT, MEASURE_OWN},
	{"百万千焦", {1, 0}, CARRIER_HEAT, MEASURE_OWN},
	{"MJ", {1, -3}, CARRIER_HEAT, MEASURE_OWN},
	{"kWh", {36, -4}, CARRIER_HEAT, MEASURE_OWN},
	{"MWh", {36, -1}, CARRIER_HEAT, MEASURE_OWN},
	{"GJ", {1, 0}, CARRIER_COOLING, MEASURE_OWN},
	{"吉焦", {1, 0}, CARRIER_COOLING, MEASURE_OWN},
	{"MJ", {1, -3}, CARRIER_COOLING, MEASURE_OWN},
	{"kWh", {36, -4}, CARRIER_COOLING, MEASURE_OWN},
	{"MWh", {36, -1}, CARRIER_COOLING, MEASURE_OWN},
	{"kg", {1, 0}, CARRIER_COAL, MEASURE_OWN},
	{"千克", {1, 0}, CARRIER_COAL, MEASURE_OWN},
	{"t", {1, 3}, CARRIER_COAL, MEASURE_OWN},
	{"吨", {1, 3}, CARRIER_COAL, MEASURE_OWN},
	{"L", {1, 0}, CARRIER_PETROL, MEASURE_OWN},
	{"升", {1, 0}, CARRIER_PETROL, MEASURE_OWN},
	{"kg", {1, 0}, CARRIER_PETROL, MEASURE_KG},
	{"千克", {1, 0}, CARRIER_PETROL, MEASURE_KG},
	{"t", {1, 3}, CARRIER_PETROL, MEASURE_KG},
	{"吨", {1, 3}, CARRIER_PETROL, MEASURE_KG},
	{"L", {1, 0}, CARRIER_DIESEL, MEASURE_OWN},
	{"升", {1, 0}, CARRIER_DIESEL, MEASURE_OWN},
	{"kg", {1, 0}, CARRIER_DIESEL, MEASURE_KG},
	{"千克", {1, 0}, CARRIER_DIESEL, MEASURE_KG},
	{"t", {1, 3}, CARRIER_DIESEL, MEASURE_KG},
	{"吨", {1, 3}, CARRIER_DIESEL, MEASURE_KG},
	{"kg", {1, 0}, CARRIER_LPG, MEASURE_OWN},
	{"千克", {1, 0}, CARRIER_LPG, MEASURE_OWN},
	{"公斤", {1, 0}, CARRIER_LPG, MEASURE_OWN},
	{"t", {1, 3}, CARRIER_LPG, MEASURE_OWN},
	{"吨", {1, 3}, CARRIER_LPG, MEASURE_OWN},
	{"L", {1, 0}, CARRIER_LPG, MEASURE_LITRE},
	{"升", {1, 0}, CARRIER_LPG, MEASURE_LITRE},
	{"kgce", {1, 0}, CARRIER_OTHER, MEASURE_OWN},
	{"tce", {1, 3}, CARRIER_OTHER, MEASURE_OWN},
	{"吨标准煤", {1, 3}, CARRIER_OTHER, MEASURE_OWN},
	{"吨标煤", {1, 3}, CARRIER_OTHER, MEASURE_OWN},
};

/* ---- numbers and days as spreadsheets show them ---- */

/* "1,234,567.5" without its commas; a comma elsewhere stays, so that the number is refused. */
static void drop_thousands(const char *text, char out[DECIMAL_TEXT_MAX])
{
	const char *at = text + (*text == '-');
	size_t run = strspn(at, "0123456789"), n = 0;
	bool is_grouped = run >= 1 && run <= 3;

	at += run;
	while (is_grouped && *at == ',') {
		run = strspn(at + 1, "0123456789");
		is_grouped = run == 3;
		at += run + 1;
	}
	for (; *text != '\0' && n + 1 < DECIMAL_TEXT_MAX; text++)
		if (!is_grouped || text >= at || *text != ',')
			out[n++] = *text;
	out[*text == '\0' ? n : 0] = '\0'; /* too long: no number */
}

static int read_number(const char *name, const char *text, struct decimal *out, struct err *err)
{
	char plain[DECIMAL_TEXT_MAX];

	drop_thousands(text, plain);
	if (decimal_parse(plain, strlen(plain), out) == 0)
		return 0;
	return err_set(err, -EINVAL, "%s: '%.60s' is not a number", name, text);
}

static int read_micro(const char *name, const char *text, int64_t *out, struct err *err)
{
	struct decimal number;
	int rc;

	*out = MICRO_NONE;
	if (text[0] == '\0')
		return 0;
	rc = read_number(name, text, &number, err);
	if (rc == 0 && decimal_to_micro(number, out) < 0)
		rc = err_set(err, -EINVAL, "%s: '%.60s' is too large", name, text);
	return rc;
}

/* Up to three numbers with something that is no digit between them: 2026-10-31, 2026/10/31,
 * 2026年10月31日. Returns how many; 0 if there is more, or something else. */
static size_t split_date(const char *text, int parts[3])
{
	static const char *const between[] = {"-", "/", ".", "年", "月", "日", "月份", NULL};
	size_t n = 0;

	while (*text != '\0') {
		size_t digits = strspn(text, "0123456789"), len = 0;

		if (digits == 0 || digits > (n == 0 ? 4u : 2u) || n == 3)
			return 0;
		parts[n] = 0;
		for (size_t i = 0; i < digits; i++)
			parts[n] = parts[n] * 10 + (text[i] - '0');
		n++;
		text += digits;
		for (size_t i = 0; between[i] != NULL; i++)
			if (strncmp(text, between[i], strlen(between[i])) == 0)
				len = strlen(between[i]);
		if (*text != '\0' && len == 0)
			return 0;
		text += len;
	}
	return n;
}

static int day_of(const int parts[3], civil_day *out)
{
	char text[16];

	if (parts[0] < 1000)
		return -EINVAL;
	(void)snprintf(text, sizeof text, "%04d-%02d-%02d", parts[0] % 10000, parts[1] % 100,
		       parts[2] % 100);
	return civil_parse_day(text, strlen(text), out);
}

static int read_day(const char *name, const char *text, civil_day *out, struct err *err)
{
	int parts[3];

	if (split_date(text, parts) == 3 && day_of(parts, out) == 0)
		return 0;
	return err_set(err, -EINVAL, "%s: '%.60s' is not a day like 2026-10-31", name, text);
}

/* The month of the last day where none is given. */
static int read_period(const char *text, struct bill *bill, struct err *err)
{
	struct civil_date last = civil_date_of(bill->days.to - 1);
	int parts[3] = {last.year, last.month, 1};
	char day[CIVIL_TEXT_MAX];
	civil_day first;

	if (strlen(text) == 6 && strspn(text, "0123456789") == 6) { /* 202610 */
		parts[0] = (text[0] - '0') * 1000 + (text[1] - '0') * 100 + (text[2] - '0') * 10 +
			   (text[3] - '0');
		parts[1] = (text[4] - '0') * 10 + (text[5] - '0');
	} else if (text[0] != '\0' && split_date(text, parts) != 2) {
		parts[0] = 0;
	}
	parts[2] = 1;
	if (day_of(parts, &first) < 0)
		return err_set(err, -EINVAL, "period: '%.60s' is not a month like 2026-10", text);
	(void)civil_print_day(first, day);
	memcpy(bill->period, day, 7);
	bill->period[7] = '\0';
	return 0;
}

/* ---- words ---- */

static int read_carrier(const char *text, enum carrier *out, struct err *err)
{
	static const struct {
		const char *name;
		enum carrier carrier;
	} others[] = {{"电力", CARRIER_ELECTRICITY}, {"用电", CARRIER_ELECTRICITY},
		      {"自来水", CARRIER_WATER},     {"用水", CARRIER_WATER},
		      {"燃气", CARRIER_NATURAL_GAS}, {"热", CARRIER_HEAT},
		      {"暖气", CARRIER_HEAT},        {"煤", CARRIER_COAL},
		      {"原煤", CARRIER_COAL},        {"液化气", CARRIER_LPG},
		      {"其他能源", CARRIER_OTHER}};

	for (int i = 0; i < N_CARRIERS; i++)
		if (strcasecmp(text, carrier_names[i]) == 0 ||
		    strcmp(text, chinese_carriers[i]) == 0) {
			*out = (enum carrier)i;
			return 0;
		}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(text, others[i].name) == 0) {
			*out = others[i].carrier;
			return 0;
		}
	return err_set(err, -EINVAL, "unknown carrier '%.60s'", text);
}

static int read_use(const char *text, enum bill_use *out, struct err *err)
{
	static const char *const chinese[N_BILL_USES] = {"",       "车辆",   "供暖",  "厨房",
							 "发电机", "自备井", "再生水"};

	for (int i = 0; i < N_BILL_USES; i++)
		if (strcmp(text, bill_use_names[i]) == 0 || strcmp(text, chinese[i]) == 0) {
			*out = (enum bill_use)i;
			return 0;
		}
	return err_set(
		err, -EINVAL,
		"use: '%.60s' is none of vehicle, heating, kitchen, generator (fuels), well, "
		"reclaimed (water)",
		text);
}

static int read_confirm(const char *text, bool *out, struct err *err)
{
	static const char *const yes[] = {"true", "1", "yes", "是", "确认"};
	static const char *const no[] = {"", "false", "0", "no", "否"};

	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		*out = strcasecmp(text, yes[i]) == 0;
		if (*out || strcasecmp(text, no[i]) == 0)
			return 0;
	}
	return err_set(err, -EINVAL, "confirm: '%.60s' is neither true nor false", text);
}

static int read_number_of_bill(const char *text, int64_t *out, struct err *err)
{
	int64_t micro;

	*out = 0;
	if (text[0] == '\0')
		return 0;
	if (decimal_parse_micro(text, strlen(text), &micro) < 0 || micro <= 0 || micro % MICRO != 0)
		return err_set(err, -EINVAL, "adjusts: '%.60s' is not the number of a bill", text);
	*out = micro / MICRO;
	return 0;
}

/* ---- amounts ---- */

/* micro of kg or litres to the carrier's unit, rounded half away from zero; a quotient of two
 * decimals need not be one. */
static int by_density(const struct unit *unit, const struct factors *factors, struct bill *bill,
		      struct err *err)
{
	struct decimal density;
	wide amount = bill->quantity, divisor = 1;
	int exponent;

	if (factors == NULL || !factors_density(factors, bill->carrier, bill->days.from, &density))
		return err_set(err, -EINVAL,
			       "unit '%.60s': no density of %s is among the factors; enter %s",
			       unit->name, carrier_name(bill->carrier),
			       carrier_unit(bill->carrier));
	exponent = unit->measure == MEASURE_LITRE ? density.exponent : -density.exponent;
	if (unit->measure == MEASURE_LITRE)
		amount *= density.mantissa;
	else
		divisor = density.mantissa;
	for (; exponent > 0 && amount < (wide)INT64_MAX * MICRO; exponent--)
		amount *= 10;
	for (; exponent < 0 && divisor < INT64_MAX; exponent++)
		divisor *= 10;
	amount = (amount * 2 + (amount < 0 ? -divisor : divisor)) / (divisor * 2);
	if (exponent != 0 || amount > INT64_MAX || amount < -INT64_MAX)
		return err_set(err, -EINVAL, "quantity is too large");
	bill->quantity = (int64_t)amount;
	return 0;
}

static int convert(struct decimal number, const char *unit, const struct factors *factors,
		   struct bill *bill, struct err *err)
{
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (units[i].carrier != bill->carrier || strcasecmp(units[i].name, unit) != 0)
			continue;
		if (decimal_multiply(number, units[i].factor, &number) < 0 ||
		    decimal_to_micro(number, &bill->quantity) < 0)
			return err_set(err, -EINVAL, "quantity: the number is too large");
		return units[i].measure == MEASURE_OWN ? 0
						       : by_density(&units[i], factors, bill, err);
	}
	return err_set(err, -EINVAL, "unit '%.60s' does not measure %s", unit,
		       carrier_name(bill->carrier));
}

/* (last - first) x ratio */
static int number_of_readings(const struct bill *bill, struct decimal *number, struct err *err)
{
	struct decimal first = {bill->first, -6}, last = {bill->last, -6},
		       ratio = {bill->ratio, -6};

	if (bill->last < bill->first)
		return err_set(err, -EINVAL,
			       "the last reading is below the first: a meter that was changed or "
			       "rolled over needs two rows");
	first.mantissa = -first.mantissa;
	if (bill->ratio <= 0 || decimal_add(last, first, number) < 0 ||
	    decimal_multiply(*number, ratio, number) < 0)
		return err_set(err, -EINVAL, "readings and ratio give no amount");
	return 0;
}

static bool is_same(struct decimal a, struct decimal b)
{
	int64_t micro[2];

	return decimal_to_micro(a, &micro[0]) == 0 && decimal_to_micro(b, &micro[1]) == 0 &&
	       micro[0] == micro[1];
}

static int read_readings(const char *const texts[N_BILL_COLUMNS], struct bill *bill,
			 struct err *err)
{
	int rc = read_micro("first_reading", texts[BILL_FIRST], &bill->first, err);

	if (rc == 0)
		rc = read_micro("last_reading", texts[BILL_LAST], &bill->last, err);
	if (rc == 0)
		rc = read_micro("ratio", texts[BILL_RATIO], &bill->ratio, err);
	if (rc < 0)
		return rc;
	if ((bill->first == MICRO_NONE) != (bill->last == MICRO_NONE))
		return err_set(err, -EINVAL, "one of two readings is missing");
	if (bill->ratio == MICRO_NONE)
		bill->ratio = MICRO;
	return 0;
}

static int read_amount(const char *const texts[N_BILL_COLUMNS], const struct factors *factors,
		       struct bill *bill, struct err *err)
{
	const char *unit = texts[BILL_UNIT];
	bool is_given = texts[BILL_QUANTITY][0] != '\0';
	struct decimal number = {0, 0}, read = {0, 0};
	int rc = read_readings(texts, bill, err);

	if (rc < 0)
		return rc;
	if (bill->first == MICRO_NONE && !is_given) {
		bill->is_lump = true;
		return 0;
	}
	if (is_given)
		rc = read_number("quantity", texts[BILL_QUANTITY], &number, err);
	if (rc == 0 && bill->first != MICRO_NONE)
		rc = number_of_readings(bill, &read, err);
	if (rc < 0)
		return rc;
	if (is_given && bill->first != MICRO_NONE && !is_same(number, read))
		return err_set(err, -EINVAL, "quantity is not (last - first reading) x ratio");
	if (unit[0] == '\0' && bill->first == MICRO_NONE)
		return err_set(err, -EINVAL, "unit is empty");
	return convert(is_given ? number : read,
		       unit[0] != '\0' ? unit : carrier_unit(bill->carrier), factors, bill, err);
}

/* ---- the whole ---- */

static int read_days(const char *const texts[N_BILL_COLUMNS], struct bill *bill, struct err *err)
{
	int rc;

	if (bill->adjusts != 0 && texts[BILL_FROM][0] == '\0' && texts[BILL_TO][0] == '\0')
		return 0; /* those of the bill it refers to */
	rc = read_day("from", texts[BILL_FROM], &bill->days.from, err);
	if (rc == 0)
		rc = read_day("to", texts[BILL_TO], &bill->days.to, err);
	bill->days.to++; /* the last day belongs to the bill */
	return rc;
}

static void print_as_entered(const char *const texts[N_BILL_COLUMNS], char *out)
{
	int n = snprintf(out, BILL_ENTERED_MAX, "%s%s%s", texts[BILL_QUANTITY],
			 texts[BILL_QUANTITY][0] != '\0' ? " " : "", texts[BILL_UNIT]);

	if (n >= BILL_ENTERED_MAX)
		out[0] = '\0';
}

int bill_read(const char *const texts[N_BILL_COLUMNS], const struct factors *factors,
	      char entered[BILL_ENTERED_MAX], struct bill *bill, struct err *err)
{
	int rc;

	*bill = (struct bill){.institution = texts[BILL_INSTITUTION],
			      .account = texts[BILL_ACCOUNT],
			      .note = texts[BILL_NOTE],
			      .key = texts[BILL_KEY],
			      .as_entered = entered,
			      .entered_by = "",
			      .withdrawn_by = "",
			      .withdrawn_why = ""};
	entered[0] = '\0';
	print_as_entered(texts, entered);
	if (bill->institution[0] == '\0')
		return err_set(err, -EINVAL, "institution is empty");
	rc = read_carrier(texts[BILL_CARRIER], &bill->carrier, err);
	if (rc == 0)
		rc = read_number_of_bill(texts[BILL_ADJUSTS], &bill->adjusts, err);
	if (rc == 0)
		rc = read_days(texts, bill, err);
	if (rc == 0)
		rc = read_amount(texts, factors, bill, err);
	if (rc == 0)
		rc = read_micro("fee", texts[BILL_FEE], &bill->fee, err);
	if (rc == 0 && (bill->days.to != 0 || texts[BILL_PERIOD][0] != '\0'))
		rc = read_period(texts[BILL_PERIOD], bill, err);
	if (rc == 0)
		rc = read_confirm(texts[BILL_CONFIRM], &bill->is_confirmed, err);
	return rc < 0 ? rc : read_use(texts[BILL_USE], &bill->use, err);
}
