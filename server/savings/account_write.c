/* SPDX-License-Identifier: Apache-2.0 */
/* The account of a contract as JSON and CSV. */
#include "server/savings/savings_write.h"

static const char *day_text(civil_day day, char text[CIVIL_TEXT_MAX])
{
	(void)civil_print_day(day, text);
	return text;
}

static void add_money(struct json_writer *json, int64_t value, int64_t provider, int64_t own)
{
	json_add_micro(json, "value_yuan", value);
	json_add_micro(json, "provider_yuan", provider);
	json_add_micro(json, "own_yuan", own);
}

static void add_row(struct json_writer *json, const struct account_row *row)
{
	char text[CIVIL_TEXT_MAX];

	json_begin_object(json, NULL);
	json_add_string(json, "from", day_text(row->sum.days.from, text));
	json_add_string(json, "to", day_text(row->sum.days.to, text));
	json_add_bool(json, "complete", row->is_over);
	json_add_int(json, "days", row->sum.n_days);
	json_add_int(json, "days_used", row->sum.n_used);
	json_add_micro(json, "saved", row->sum.saved);
	json_add_real(json, "band", row->sum.band, 6);
	json_add_micro(json, "price_yuan", row->price);
	json_add_micro(json, "share", row->share);
	add_money(json, row->value, row->provider, row->own);
	json_end_object(json);
}

void account_write_json(struct json_writer *json, const struct savings_out *out,
			const struct savings *savings, const struct account *account)
{
	const struct registry_baseline *baseline = savings->baseline;
	char text[CIVIL_TEXT_MAX];

	json_add_string(json, "institution", out->registry->institutions[baseline->institution].id);
	json_add_string(json, "baseline", baseline->id);
	json_add_string(json, "name", baseline->name);
	json_add_string(json, "contract", baseline->contract);
	json_add_string(json, "provider", baseline->provider);
	json_add_string(json, "carrier", carrier_name(baseline->carrier));
	json_add_string(json, "unit", savings->unit);
	json_add_bool(json, "certifiable", savings->is_certifiable);
	json_begin_array(json, "rows");
	for (size_t i = 0; i < account->n; i++)
		add_row(json, &account->rows[i]);
	json_end_array(json);
	json_begin_object(json, "total");
	json_add_string(json, "from", day_text(account->sum.days.from, text));
	json_add_string(json, "to", day_text(account->sum.days.to, text));
	json_add_int(json, "days", account->sum.n_days);
	json_add_int(json, "days_used", account->sum.n_used);
	json_add_micro(json, "saved", account->sum.saved);
	add_money(json, account->value, account->provider, account->own);
	json_end_object(json);
}

const char *const account_columns[] = {
	"baseline", "contract",   "from",  "to",         "complete",      "days",     "days_used",
	"saved",    "price_yuan", "share", "value_yuan", "provider_yuan", "own_yuan", NULL};

static void write_head(struct csv_writer *csv, const struct savings *savings,
		       const struct savings_sum *sum, const char *complete)
{
	char text[CIVIL_TEXT_MAX];

	csv_add_text(csv, savings->baseline->id);
	csv_add_text(csv, savings->baseline->contract);
	csv_add_text(csv, day_text(sum->days.from, text));
	csv_add_text(csv, day_text(sum->days.to, text));
	csv_add_text(csv, complete);
	csv_add_int(csv, sum->n_days);
	csv_add_int(csv, sum->n_used);
	csv_add_micro(csv, sum->saved);
}

void account_write_csv(struct csv_writer *csv, const struct savings *savings,
		       const struct account *account)
{
	for (size_t i = 0; i < account->n; i++) {
		const struct account_row *row = &account->rows[i];

		write_head(csv, savings, &row->sum, row->is_over ? "1" : "0");
		csv_add_micro(csv, row->price);
		csv_add_micro(csv, row->share);
		csv_add_micro(csv, row->value);
		csv_add_micro(csv, row->provider);
		csv_add_micro(csv, row->own);
		csv_end_row(csv);
	}
	write_head(csv, savings, &account->sum, "合计");
	csv_add_text(csv, NULL);
	csv_add_text(csv, NULL);
	csv_add_micro(csv, account->value);
	csv_add_micro(csv, account->provider);
	csv_add_micro(csv, account->own);
	csv_end_row(csv);
}
