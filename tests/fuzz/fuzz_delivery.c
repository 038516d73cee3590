/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery that is read is sound: dates, names and numbers are what the exchange may store, and
 * its rows, written again, read back as the same. */
#include <assert.h>
#include <string.h>

#include "common/telemetry.h"
#include "server/federation/delivery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const struct delivery_row *row)
{
	assert(telemetry_id_is_valid(row->institution, strlen(row->institution)));
	assert(row->version >= 1 && row->key.carrier < N_CARRIERS &&
	       row->key.item < N_EXCHANGE_ITEMS);
	assert(row->key.interval != EXCHANGE_MONTH ||
	       civil_month_start(row->key.day) == row->key.day);
	assert(row->amount.missing >= 0);
}

static void write_again(const struct delivery *delivery, struct buf *out)
{
	struct delivery_writer *writer = delivery_begin(delivery, out);

	for (size_t i = 0; i < delivery->n_rows; i++) {
		const struct delivery_row *row = &delivery->rows[i];
		struct exchange_entry entry = {.source = "",
					       .name = row->institution,
					       .number = row->version,
					       .is_deleted = row->is_deleted,
					       .key = row->key,
					       .amount = row->amount};

		delivery_add(writer, &entry);
	}
	delivery_end(writer);
}

static void check_again(const struct delivery *delivery)
{
	struct delivery again;
	struct err err = {""};
	struct buf text = {0};

	write_again(delivery, &text);
	assert(delivery_parse(&again, text.data, text.len, &err) == 0);
	assert(again.n_rows == delivery->n_rows && again.generation == delivery->generation);
	for (size_t i = 0; i < again.n_rows; i++) {
		const struct delivery_row *a = &again.rows[i], *b = &delivery->rows[i];

		assert(strcmp(a->institution, b->institution) == 0 && a->version == b->version);
		assert(a->is_deleted == b->is_deleted && a->key.day == b->key.day);
		assert(a->amount.value == b->amount.value &&
		       strcmp(a->amount.reason, b->amount.reason) == 0);
	}
	delivery_fini(&again);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct delivery delivery;
	struct err err = {""};

	if (delivery_parse(&delivery, (const char *)data, size, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < delivery.n_rows; i++)
		check_row(&delivery.rows[i]);
	if (delivery.nonce[0] != '\0')
		check_again(&delivery);
	delivery_fini(&delivery);
	return 0;
}
