/* SPDX-License-Identifier: Apache-2.0 */
#include "server/federation/delivery.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_writer.h"
#include "common/mem.h"
#include "common/telemetry.h"
#include "server/figures/operation.h"

/* ---- members ---- */

/* Where in the delivery; the last part of every reason. */
struct place {
	const char *list; /* "rows" "institutions", or NULL: the head */
	size_t index;
	struct err *err;
};

static int refuse(const struct place *place, const char *key, const char *words)
{
	if (place->list == NULL)
		return err_set(place->err, -EINVAL, "%s %s", key, words);
	return err_set(place->err, -EINVAL, "%s[%zu]: %s %s", place->list, place->index, key,
		       words);
}

/* Unknown members are typing errors. */
static int check_members(const struct place *place, json_t *object, const char *const *known)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return refuse(place, "it", "must be an object");
	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], key) != 0)
			i++;
		if (known[i] == NULL)
			return err_set(place->err, -EINVAL, "%s%sthere is no member '%.40s'",
				       place->list != NULL ? place->list : "",
				       place->list != NULL ? ": " : "", key);
	}
	return 0;
}

/* absent: what it is then; INT64_MIN: it is needed. */
static int get_int(const struct place *place, json_t *object, const char *key, int64_t absent,
		   int64_t *out)
{
	json_t *value = json_object_get(object, key);

	if (value == NULL && absent != INT64_MIN) {
		*out = absent;
		return 0;
	}
	if (!json_is_integer(value))
		return refuse(place, key, "must be a whole number");
	*out = json_integer_value(value);
	return 0;
}

static int get_text(const struct place *place, json_t *object, const char *key, size_t max,
		    const char **out)
{
	json_t *value = json_object_get(object, key);

	*out = json_string_value(value);
	if (*out != NULL && json_string_length(value) < max &&
	    strlen(*out) == json_string_length(value))
		return 0;
	(void)refuse(place, key, "must be a text, and not so long");
	return -EINVAL;
}

static int copy_text(const struct place *place, json_t *object, const char *key, size_t max,
		     char *out)
{
	const char *text = "";
	int rc = 0;

	if (json_object_get(object, key) != NULL)
		rc = get_text(place, object, key, max, &text);
	if (rc == 0)
		memcpy(out, text, strlen(text) + 1);
	return rc;
}

static int get_choice(const struct place *place, json_t *object, const char *key,
		      const char *const *names, int *out)
{
	const char *text;
	int rc = get_text(place, object, key, 32, &text);

	for (*out = 0; rc == 0 && names[*out] != NULL; ++*out)
		if (strcmp(names[*out], text) == 0)
			return 0;
	return rc < 0 ? rc : refuse(place, key, "is none of the names that are known");
}

static int get_day(const struct place *place, json_t *object, const char *key, civil_day *out)
{
	const char *text;
	int rc = get_text(place, object, key, 16, &text);

	if (rc < 0)
		return rc;
	return civil_parse_day(text, strlen(text), out) == 0
		       ? 0
		       : refuse(place, key, "must be a day such as 2026-11-01");
}

static int get_institution(const struct place *place, json_t *object, const char **out)
{
	int rc = get_text(place, object, "institution", 64, out);

	if (rc == 0 && !telemetry_id_is_valid(*out, strlen(*out)))
		rc = refuse(place, "institution", "must be an id: 1 to 48 of A-Z a-z 0-9 and '-'");
	return rc;
}

static int get_version(const struct place *place, json_t *object, int64_t *out)
{
	int rc = get_int(place, object, "version", INT64_MIN, out);

	return rc == 0 && *out < 1 ? refuse(place, "version", "must be at least 1") : rc;
}

/* ---- rows ---- */

static int read_key(const struct place *place, json_t *object, struct exchange_key *key)
{
	int interval = 0, carrier = 0, item = 0;
	int rc = get_choice(place, object, "interval", exchange_interval_names, &interval);

	if (rc == 0)
		rc = get_choice(place, object, "carrier", carrier_names, &carrier);
	if (rc == 0)
		rc = get_choice(place, object, "item", exchange_item_names, &item);
	if (rc == 0)
		rc = get_day(place, object, "start", &key->day);
	if (rc < 0)
		return rc;
	key->interval = (enum exchange_interval)interval;
	key->carrier = (enum carrier)carrier;
	key->item = (enum exchange_item)item;
	if (key->interval == EXCHANGE_MONTH && civil_month_start(key->day) != key->day)
		return refuse(place, "start", "must be the first day of the month");
	return 0;
}

/* Sums of many years of all institutions stay far below what an int64 holds. */
static int get_amount(const struct place *place, json_t *object, const char *key, int64_t *out)
{
	const int64_t max = INT64_C(1000000000000000);
	int rc = get_int(place, object, key, INT64_MIN, out);

	return rc == 0 && (*out > max || *out < -max) ? refuse(place, key, "is too large") : rc;
}

static int read_amount(const struct place *place, json_t *object, struct exchange_amount *amount)
{
	json_t *unknown = json_object_get(object, "unknown");
	int rc = get_amount(place, object, "value", &amount->value);

	if (rc == 0)
		rc = get_amount(place, object, "estimated", &amount->estimated);
	if (rc == 0)
		rc = get_amount(place, object, "missing", &amount->missing);
	if (rc == 0 && (amount->missing < 0))
		rc = refuse(place, "missing", "must not be negative");
	if (rc == 0 && unknown != NULL && !json_is_boolean(unknown))
		rc = refuse(place, "unknown", "must be true or false");
	amount->is_unknown = json_is_true(unknown);
	return rc < 0 ? rc
		      : copy_text(place, object, "reason", sizeof amount->reason, amount->reason);
}

/* What an item says besides numbers, as it is kept. */
static int read_detail(const struct place *place, json_t *object, struct delivery_row *row)
{
	json_t *detail = json_object_get(object, "detail");
	struct operation load;

	if (detail == NULL && row->key.item < N_EXCHANGE_SUMS)
		return 0;
	if (!json_is_object(detail) || row->key.item < N_EXCHANGE_SUMS)
		return refuse(place, "detail", "must be an object, and of an item that has one");
	row->amount.detail = row->detail = json_dumps(detail, JSON_COMPACT);
	if (row->detail == NULL || strlen(row->detail) > DELIVERY_CARD_MAX)
		return refuse(place, "detail", "is too long");
	if (row->key.item == EXCHANGE_LOAD && !operation_read(&load, row->detail))
		return refuse(place, "detail", "is no load");
	return 0;
}

static int read_row(const struct place *place, json_t *object, struct delivery_row *row)
{
	static const char *const members[] = {
		"institution", "version", "interval", "start",  "carrier", "item",   "value",
		"estimated",   "missing", "unknown",  "reason", "deleted", "detail", NULL};
	int rc = check_members(place, object, members);

	if (rc == 0)
		rc = get_institution(place, object, &row->institution);
	if (rc == 0)
		rc = get_version(place, object, &row->version);
	if (rc == 0)
		rc = read_key(place, object, &row->key);
	row->is_deleted = json_is_true(json_object_get(object, "deleted"));
	if (rc == 0 && !row->is_deleted)
		rc = read_amount(place, object, &row->amount);
	if (rc == 0 && !row->is_deleted)
		rc = read_detail(place, object, row);
	return rc;
}

/* ---- cards ---- */

static int read_card(const struct place *place, json_t *object, struct delivery_card *card)
{
	static const char *const members[] = {"institution", "version", "card", "deleted", NULL};
	json_t *text = json_object_get(object, "card");
	int rc = check_members(place, object, members);

	if (rc == 0)
		rc = get_institution(place, object, &card->institution);
	if (rc == 0)
		rc = get_version(place, object, &card->version);
	if (rc < 0 || json_is_true(json_object_get(object, "deleted")))
		return rc;
	if (!json_is_object(text))
		return refuse(place, "card", "must be an object");
	/* Fifteen digits give back what was written; YAML wants the blanks. */
	card->text = json_dumps(text, JSON_REAL_PRECISION(15));
	if (card->text == NULL || strlen(card->text) > DELIVERY_CARD_MAX)
		return refuse(place, "card", "is too long");
	return 0;
}

/* ---- the whole ---- */

static int read_head(const struct place *place, json_t *root, struct delivery *out)
{
	int rc = copy_text(place, root, "source", sizeof out->source, out->source);

	if (rc == 0 && !region_code_is_valid(out->source, strlen(out->source)))
		rc = refuse(place, "source", "must be the code of the sender's region");
	if (rc == 0)
		rc = copy_text(place, root, "server", sizeof out->server, out->server);
	if (rc == 0)
		rc = copy_text(place, root, "place", sizeof out->place, out->place);
	if (rc == 0)
		rc = copy_text(place, root, "batch", sizeof out->nonce, out->nonce);
	if (rc == 0)
		rc = copy_text(place, root, "after", sizeof out->after, out->after);
	if (rc < 0 || out->nonce[0] == '\0')
		return rc;
	rc = get_int(place, root, "generation", INT64_MIN, &out->generation);
	if (rc == 0 && out->generation < 1)
		rc = refuse(place, "generation", "must be at least 1");
	if (rc == 0)
		rc = get_int(place, root, "upto", INT64_MIN, &out->upto);
	if (rc == 0)
		rc = get_int(place, root, "as_of", INT64_MIN, &out->as_of_ms);
	if (rc == 0)
		rc = get_int(place, root, "waiting", 0, &out->waiting);
	return rc < 0 ? rc : get_day(place, root, "days_from", &out->days_from);
}

static int read_lists(json_t *root, struct delivery *out, struct err *err)
{
	json_t *cards = json_object_get(root, "institutions"),
	       *rows = json_object_get(root, "rows");
	struct place place = {"institutions", 0, err};
	int rc = 0;

	if ((cards != NULL && !json_is_array(cards)) || (rows != NULL && !json_is_array(rows)))
		return err_set(err, -EINVAL, "institutions and rows must be lists");
	out->n_cards = json_array_size(cards);
	out->n_rows = json_array_size(rows);
	out->cards = xcalloc(out->n_cards + 1, sizeof *out->cards);
	if (out->n_cards + out->n_rows > DELIVERY_MAX)
		return err_set(err, -EINVAL, "more than %d institutions and rows", DELIVERY_MAX);
	out->rows = xcalloc(out->n_rows + 1, sizeof *out->rows);
	for (; place.index < out->n_cards && rc == 0; place.index++)
		rc = read_card(&place, json_array_get(cards, place.index),
			       &out->cards[place.index]);
	place = (struct place){"rows", 0, err};
	for (; place.index < out->n_rows && rc == 0; place.index++)
		rc = read_row(&place, json_array_get(rows, place.index), &out->rows[place.index]);
	return rc;
}

int delivery_parse(struct delivery *out, const char *text, size_t len, struct err *err)
{
	static const char *const members[] = {
		"server", "place",   "source",    "generation", "batch",        "after", "upto",
		"as_of",  "waiting", "days_from", "rows",       "institutions", NULL};
	const struct place place = {NULL, 0, err};
	json_error_t where;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	int rc;

	*out = (struct delivery){.root = root};
	if (root == NULL)
		return err_set(err, -EINVAL, "the body is no JSON: line %d: %s", where.line,
			       where.text);
	rc = check_members(&place, root, members);
	if (rc == 0)
		rc = read_head(&place, root, out);
	if (rc == 0)
		rc = read_lists(root, out, err);
	if (rc < 0)
		delivery_fini(out);
	return rc;
}

void delivery_fini(struct delivery *delivery)
{
	for (size_t i = 0; delivery->cards != NULL && i < delivery->n_cards; i++)
		free(delivery->cards[i].text);
	for (size_t i = 0; delivery->rows != NULL && i < delivery->n_rows; i++)
		free(delivery->rows[i].detail);
	free(delivery->cards);
	free(delivery->rows);
	json_decref(delivery->root);
	*delivery = (struct delivery){.root = NULL};
}

/* ---- writing ---- */

struct delivery_writer {
	struct json_writer json;
	bool has_rows; /* the list of rows has begun */
};

struct delivery_writer *delivery_begin(const struct delivery *head, struct buf *out)
{
	struct delivery_writer *writer = xcalloc(1, sizeof *writer);
	struct json_writer *json = &writer->json;
	char day[CIVIL_TEXT_MAX];

	(void)civil_print_day(head->days_from, day);
	json->out = out;
	json_begin_object(json, NULL);
	json_add_string(json, "source", head->source);
	if (head->server[0] != '\0')
		json_add_string(json, "server", head->server);
	if (head->place[0] != '\0')
		json_add_string(json, "place", head->place);
	json_add_int(json, "generation", head->generation);
	json_add_string(json, "batch", head->nonce);
	json_add_string(json, "after", head->after);
	json_add_int(json, "upto", head->upto);
	json_add_int(json, "as_of", head->as_of_ms);
	json_add_int(json, "waiting", head->waiting);
	json_add_string(json, "days_from", day);
	json_begin_array(json, "institutions");
	return writer;
}

static void add_card(struct json_writer *json, const struct exchange_entry *entry)
{
	json_begin_object(json, NULL);
	json_add_string(json, "institution", entry->name);
	json_add_int(json, "version", entry->number);
	if (entry->card == NULL)
		json_add_bool(json, "deleted", true);
	else /* JSON already */
		json_add_number(json, "card", entry->card, strlen(entry->card));
	json_end_object(json);
}

static void add_row(struct json_writer *json, const struct exchange_entry *entry)
{
	char day[CIVIL_TEXT_MAX];

	(void)civil_print_day(entry->key.day, day);
	json_begin_object(json, NULL);
	json_add_string(json, "institution", entry->name);
	json_add_int(json, "version", entry->number);
	json_add_string(json, "interval", exchange_interval_names[entry->key.interval]);
	json_add_string(json, "start", day);
	json_add_string(json, "carrier", carrier_name(entry->key.carrier));
	json_add_string(json, "item", exchange_item_names[entry->key.item]);
	if (entry->is_deleted) {
		json_add_bool(json, "deleted", true);
		json_end_object(json);
		return;
	}
	json_add_int(json, "value", entry->amount.value);
	json_add_int(json, "estimated", entry->amount.estimated);
	json_add_int(json, "missing", entry->amount.missing);
	if (entry->amount.is_unknown)
		json_add_bool(json, "unknown", true);
	if (entry->amount.reason[0] != '\0')
		json_add_string(json, "reason", entry->amount.reason);
	if (entry->amount.detail != NULL) /* JSON already */
		json_add_number(json, "detail", entry->amount.detail, strlen(entry->amount.detail));
	json_end_object(json);
}

/* Cards come first. */
static void begin_rows(struct delivery_writer *writer)
{
	if (writer->has_rows)
		return;
	json_end_array(&writer->json);
	json_begin_array(&writer->json, "rows");
	writer->has_rows = true;
}

void delivery_add(struct delivery_writer *writer, const struct exchange_entry *entry)
{
	if (entry->is_card) {
		add_card(&writer->json, entry);
		return;
	}
	begin_rows(writer);
	add_row(&writer->json, entry);
}

void delivery_end(struct delivery_writer *writer)
{
	begin_rows(writer);
	json_end_array(&writer->json);
	json_end_object(&writer->json);
	free(writer);
}
