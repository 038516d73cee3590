/* SPDX-License-Identifier: Apache-2.0 */
/* bill_import.h - many bills at once into the ledger, each with its verdict. */
#ifndef SERVER_BILL_IMPORT_H
#define SERVER_BILL_IMPORT_H

#include "server/rollup/bill_text.h"

struct bill_verdict {
	size_t line; /* of the text, the header is 1; of other lists: the place, from 1 */
	struct bill_result result;
	const char *reason; /* of a rejection, else "" */
};
typedef void (*bill_verdict_fn)(const struct bill_verdict *verdict, void *arg);

struct bill_import {
	struct ledger *ledger;
	const struct registry *registry;
	const struct factors *factors; /* may be NULL: no densities */
	const char *entered_by;
	int64_t now_ms;
	bool is_confirmed; /* as if every bill were */
	bool is_trial;     /* judge only */
	/* May whoever enters do so for the institution? NULL: for all. */
	bool (*may_enter)(uint32_t institution, void *arg);
	bill_verdict_fn fn;
	void *arg; /* of both */
};

/* Rows of a text in UTF-8, GB18030 or UTF-16 with byte order mark: every good one is stored, in one
 * transaction; each gets its verdict. -EINVAL if there is no usable header. */
int bill_import_csv(const struct bill_import *import, const char *text, size_t len,
		    struct err *err);
/* The same of bills given one by one: texts_of fills the texts of bill `index` (owned by the
 * caller until the next call). */
typedef void (*bill_texts_fn)(size_t index, const char *texts[N_BILL_COLUMNS], void *arg);
struct bill_source {
	size_t n;
	bill_texts_fn texts_of;
	void *arg;
};
int bill_import_list(const struct bill_import *import, const struct bill_source *source,
		     struct err *err);

#endif
