/* SPDX-License-Identifier: Apache-2.0 */
/* api_period.h - the query parameters of a period of indicators. */
#ifndef SERVER_API_PERIOD_H
#define SERVER_API_PERIOD_H

#include "server/api/api_call.h"

/* false after answering 400. Heating seasons have the days of the region; figures gets the basis.
 */
bool api_read_period(struct api_call *call, struct figures *figures, uint32_t region,
		     struct figures_period *period);

/* The members "from" and "to". */
void api_add_days(struct json_writer *json, const struct span *days);

extern const char *const api_cumulative_names[];
#define API_PERIOD_PARAMETERS                                                                           \
	{.name = "year",                                                                                \
	 .type = API_INTEGER,                                                                           \
	 .min = API_YEAR_MIN,                                                                           \
	 .max = API_YEAR_MAX,                                                                           \
	 .help = "default: this year; of a heating season the year in which it begins"},                \
		{.name = "period",                                                                      \
		 .type = API_CHOICE,                                                                    \
		 .choices = figures_period_names,                                                       \
		 .fallback = "year",                                                                    \
		 .help = "which period of the year"},                                                   \
		{.name = "number",                                                                      \
		 .type = API_INTEGER,                                                                   \
		 .min = 1,                                                                              \
		 .max = 12,                                                                             \
		 .help = "which month, quarter or half; default: the running one, of a past "           \
			 "year the last"},                                                              \
		{.name = "cumulative",                                                                  \
		 .type = API_CHOICE,                                                                    \
		 .choices = api_cumulative_names,                                                       \
		 .fallback = "true",                                                                    \
		 .help = "a quarter counts from the first of January on; false: its own three "         \
			 "months"},                                                                     \
		{.name = "compare",                                                                     \
		 .type = API_CHOICE,                                                                    \
		 .choices = figures_compare_names,                                                      \
		 .fallback = "year",                                                                    \
		 .help = "what previous and change are about: the same period a year before, "          \
			 "the period before, or that of the plan's base year"},                         \
	{                                                                                               \
		.name = "basis", .type = API_CHOICE, .choices = factor_basis_names,                     \
		.fallback = "calorific",                                                                \
		.help = "standard coal of electricity: calorific (当量值) or equivalent (等价值)" \
	}

#endif
