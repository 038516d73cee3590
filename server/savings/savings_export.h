/* SPDX-License-Identifier: Apache-2.0 */
/* savings_export.h - the measurements "savings_month" and "savings_day", behind the other derived
 * series.
 *
 * savings_month,region=,institution=,carrier=,meter=,baseline=
 *   value,used,adjusted_baseline,adjustment,band,fraction,days,days_used,significant,certifiable,
 *   cvrmse,nmbe,name and, with a contract, value_yuan,provider_yuan,own_yuan */
#ifndef SERVER_SAVINGS_EXPORT_H
#define SERVER_SAVINGS_EXPORT_H

#include "server/figures/derive_export.h"

/* A tsdb_source_fn; arg is a const struct derive_export. What derive_export writes; once that is up
 * to date, the savings whose days, bills, weather or baseline changed since they were written. */
int savings_export(const struct tsdb_question *question, struct tsdb_export *out, void *arg,
		   struct err *err);

#endif
