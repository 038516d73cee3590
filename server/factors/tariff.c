/* SPDX-License-Identifier: Apache-2.0 */
#include "server/factors/tariff.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

#define PRICE_MAX (INT64_C(10000) * MICRO)

const char *const tariff_band_names[] = {"sharp", "peak", "flat", "valley", "deep", NULL};

/* ---- the file ---- */

struct file_price {
	const struct conf_node *node;
	civil_day from, to;
	int64_t price[N_BANDS];
};
struct file_bands {
	const struct conf_node *node;
	const char *months, *hours[N_BANDS];
	int days;
};
struct file_tariff {
	const struct conf_node *node;
	const char *id, *name, *kind, *source, *note, *region, *tariff;
	int carrier;
	bool is_verified;
	struct conf_list prices, bands;
};

enum { DAYS_ALL = DAY_HOLIDAY + 1 };
static const char *const day_names[] = {"working", "weekend", "holiday", "all", NULL};

#define PRICE_KEY(band, word)                                                                      \
	{                                                                                          \
		.name = (word), .type = CONF_MICRO,                                                \
		.offset = offsetof(struct file_price, price) + (band) * sizeof(int64_t), .min = 0, \
		.max = PRICE_MAX, .help = "yuan per unit in these hours; 0: none given"            \
	}
static const struct conf_key price_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_price, node)},
	{.name = "from",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_price, from),
	 .fallback = "0001-01-01",
	 .help = "first day; default: always"},
	{.name = "to",
	 .type = CONF_DATE,
	 .offset = offsetof(struct file_price, to),
	 .fallback = "9999-12-31",
	 .help = "first day on which it no longer holds; default: until the next"},
	PRICE_KEY(BAND_SHARP, "sharp"),
	PRICE_KEY(BAND_PEAK, "peak"),
	PRICE_KEY(BAND_FLAT, "flat"),
	PRICE_KEY(BAND_VALLEY, "valley"),
	PRICE_KEY(BAND_DEEP, "deep"),
	{0},
};

#define HOURS_KEY(band, word)                                                           \
	{                                                                               \
		.name = (word), .type = CONF_STRING,                                    \
		.offset = offsetof(struct file_bands, hours) + (band) * sizeof(char *), \
		.help = "hours of the day, \"8-11, 17-20\"; what is not named is flat"  \
	}
static const struct conf_key band_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_bands, node)},
	{.name = "months",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_bands, months),
	 .fallback = "1-12",
	 .help = "months of the year, \"1-2, 12\""},
	{.name = "days",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_bands, days),
	 .choices = day_names,
	 .fallback = "all",
	 .help = "which days; a later entry replaces what an earlier one says of the same days"},
	HOURS_KEY(BAND_SHARP, "sharp"),
	HOURS_KEY(BAND_PEAK, "peak"),
	HOURS_KEY(BAND_FLAT, "flat"),
	HOURS_KEY(BAND_VALLEY, "valley"),
	HOURS_KEY(BAND_DEEP, "deep"),
	{0},
};

static const struct conf_key tariff_keys[] = {
	{.name = "", .type = CONF_NODE, .offset = offsetof(struct file_tariff, node)},
	{.name = "id",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_tariff, id),
	 .is_required = true,
	 .help = "short name that results carry"},
	{.name = "name",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_tariff, name),
	 .is_required = true,
	 .help = "as it is shown"},
	{.name = "kind",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_tariff, kind),
	 .is_required = true,
	 .help = "tariff"},
	{.name = "source",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_tariff, source),
	 .is_required = true,
	 .help = "where the numbers come from"},
	{.name = "note",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_tariff, note),
	 .help = "words for the reader"},
	{.name = "verified",
	 .type = CONF_BOOLEAN,
	 .offset = offsetof(struct file_tariff, is_verified),
	 .is_required = true,
	 .help = "true: compared with the published text"},
	{.name = "carrier",
	 .type = CONF_CHOICE,
	 .offset = offsetof(struct file_tariff, carrier),
	 .choices = carrier_names,
	 .is_required = true,
	 .help = "what is priced"},
	{.name = "region",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_tariff, region),
	 .help = "region code; a region uses its own or the nearest above it"},
	{.name = "tariff",
	 .type = CONF_STRING,
	 .offset = offsetof(struct file_tariff, tariff),
	 .help = "only accounts whose tariff in the registry has this name; default: any"},
	{.name = "prices",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_tariff, prices),
	 .table = price_keys,
	 .item_size = sizeof(struct file_price),
	 .is_required = true,
	 .min = 1,
	 .max = 1000,
	 .help = "by time; all-in (到户), without basic charges"},
	{.name = "bands",
	 .type = CONF_LIST,
	 .offset = offsetof(struct file_tariff, bands),
	 .table = band_keys,
	 .item_size = sizeof(struct file_bands),
	 .help = "hours by month and kind of day; default: always flat"},
	{0},
};

/* ---- reading ---- */

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* "8-11, 17-20" into marks[from..to). Inclusive ends (months) are the caller's to add. */
static bool take_ranges(const char *text, long min, long max, bool is_inclusive, bool *marks)
{
	const char *at = text;

	while (*at != '\0') {
		char *end;
		long from = strtol(at, &end, 10), to = from + (is_inclusive ? 0 : 1);

		if (end == at)
			return false;
		at = end;
		if (*at == '-') {
			to = strtol(at + 1, &end, 10);
			if (end == at + 1)
				return false;
			at = end;
		}
		if (from < min || to > max || to < from)
			return false;
		for (long i = from; i < to + (is_inclusive ? 1 : 0); i++)
			marks[i] = true;
		while (*at == ' ' || *at == ',')
			at++;
	}
	return true;
}

static const struct conf_node *at_key(const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node != NULL ? node : map;
}

/* The hours of one entry; every hour at most once. */
static void take_hours(const struct file_bands *file, uint8_t hours[24], struct conf_errors *errors)
{
	bool is_taken[24] = {false};

	memset(hours, BAND_FLAT, 24);
	for (int band = 0; band < N_BANDS; band++) {
		bool marks[25] = {false};

		if (file->hours[band] == NULL)
			continue;
		if (!take_ranges(file->hours[band], 0, 24, false, marks))
			conf_error(errors, at_key(file->node, tariff_band_names[band]), NULL,
				   "'%.60s' is not a list of hours such as 8-11, 17-20",
				   file->hours[band]);
		for (int h = 0; h < 24; h++) {
			if (!marks[h])
				continue;
			if (is_taken[h])
				conf_error(errors, at_key(file->node, tariff_band_names[band]),
					   NULL, "hour %d stands in another list too", h);
			is_taken[h] = true;
			hours[h] = (uint8_t)band;
		}
	}
}

static void take_bands(struct tariff *tariff, const struct file_bands *file,
		       struct conf_errors *errors)
{
	bool months[13] = {false};
	uint8_t hours[24];

	if (!take_ranges(file->months, 1, 12, true, months))
		conf_error(errors, at_key(file->node, "months"), NULL,
			   "'%.60s' is not a list of months such as 1-2, 12", file->months);
	take_hours(file, hours, errors);
	for (int m = 1; m <= 12; m++)
		for (int kind = 0; kind <= DAY_HOLIDAY; kind++)
			if (months[m] && (file->days == DAYS_ALL || file->days == kind))
				memcpy(tariff->bands[m - 1][kind], hours, 24);
}

static int by_time(const void *a, const void *b)
{
	const struct tariff_price *x = a, *y = b;

	return (x->from > y->from) - (x->from < y->from);
}

static void take_prices(struct tariff *tariff, struct arena *arena, const struct file_tariff *file,
			struct conf_errors *errors)
{
	const struct file_price *from = file->prices.items;

	tariff->n_prices = file->prices.count;
	tariff->prices = arena_alloc(arena, tariff->n_prices * sizeof *tariff->prices);
	for (size_t i = 0; i < tariff->n_prices; i++) {
		tariff->prices[i] = (struct tariff_price){.from = from[i].from, .to = from[i].to};
		memcpy(tariff->prices[i].price, from[i].price, sizeof from[i].price);
		if (from[i].price[BAND_FLAT] <= 0)
			conf_error(errors, from[i].node, "flat", "a price is needed");
	}
	if (tariff->n_prices > 1)
		qsort(tariff->prices, tariff->n_prices, sizeof *tariff->prices, by_time);
	for (size_t i = 1; i < tariff->n_prices; i++)
		if (tariff->prices[i].from == tariff->prices[i - 1].from)
			conf_error(errors, at_key(file->node, "prices"), NULL,
				   "two prices begin on the same day");
}

void tariff_take(struct tariffs *tariffs, struct arena *arena, const struct conf_node *root,
		 struct conf_errors *errors)
{
	struct file_tariff file = {0};
	struct tariff *tariff;

	if (conf_fill(arena, root, tariff_keys, &file, errors) < 0)
		return;
	tariffs->list = grow(tariffs->list, tariffs->n, &tariffs->cap, sizeof *tariffs->list);
	tariff = &tariffs->list[tariffs->n++];
	*tariff = (struct tariff){.id = file.id,
				  .name = file.name,
				  .source = file.source,
				  .region = or_empty(file.region),
				  .tariff = or_empty(file.tariff),
				  .carrier = (enum carrier)file.carrier,
				  .is_verified = file.is_verified};
	memset(tariff->bands, BAND_FLAT, sizeof tariff->bands);
	take_prices(tariff, arena, &file, errors);
	for (size_t i = 0; i < file.bands.count; i++)
		take_bands(tariff, (const struct file_bands *)file.bands.items + i, errors);
}

void tariff_fini(struct tariffs *tariffs)
{
	free(tariffs->list);
	*tariffs = (struct tariffs){0};
}

/* ---- questions ---- */

const struct tariff *tariff_find(const struct tariffs *tariffs, const struct region_tree *tree,
				 uint32_t region, enum carrier carrier, const char *name)
{
	const struct tariff *best = NULL;
	bool best_named = false;
	int nearest = 0;

	for (size_t i = 0; i < tariffs->n; i++) {
		const struct tariff *tariff = &tariffs->list[i];
		bool is_named = tariff->tariff[0] != '\0';
		int steps = region_steps_up(tree, region, tariff->region);

		if (tariff->carrier != carrier || steps < 0 ||
		    (is_named && (name == NULL || strcmp(tariff->tariff, name) != 0)))
			continue;
		if (best == NULL || is_named > best_named ||
		    (is_named == best_named && steps < nearest)) {
			best = tariff;
			best_named = is_named;
			nearest = steps;
		}
	}
	return best;
}

int64_t tariff_price(const struct tariff *tariff, civil_day day, enum day_kind kind, int hour,
		     enum tariff_band *band)
{
	const struct tariff_price *price = NULL;

	for (size_t i = 0; i < tariff->n_prices && tariff->prices[i].from <= day; i++)
		price = &tariff->prices[i];
	if (price == NULL || day >= price->to)
		return MICRO_NONE;
	*band = (enum tariff_band)tariff->bands[civil_date_of(day).month - 1][kind][hour];
	/* A tariff without a price of its own for a band has it in the one beside it. */
	if (price->price[*band] > 0)
		return price->price[*band];
	if (*band == BAND_SHARP && price->price[BAND_PEAK] > 0)
		return price->price[BAND_PEAK];
	if (*band == BAND_DEEP && price->price[BAND_VALLEY] > 0)
		return price->price[BAND_VALLEY];
	return price->price[BAND_FLAT];
}

void tariff_print_reference(struct buf *out)
{
	conf_print_reference(tariff_keys, out);
}
