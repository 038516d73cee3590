/* SPDX-License-Identifier: Apache-2.0 */
/* The weather files of a registry. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fnv.h"
#include "common/telemetry.h"
#include "server/registry/folder.h"
#include "server/registry/registry_file.h"
#include "server/registry/registry_savings.h"
#include "server/weather/sample_file.h"

/* The length of a name without .csv or .csv.gz; 0: it is no weather file. */
static size_t stem_of(const char *name)
{
	static const char *const ends[] = {".csv", ".csv.gz"};
	size_t len = strlen(name);

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(ends[i]);

		if (len > n && strcmp(name + len - n, ends[i]) == 0)
			return len - n;
	}
	return 0;
}

static double *keep_numbers(struct registry_loader *loader, const double *from, size_t n)
{
	double *kept = arena_alloc(loader->arena, (n + 1) * sizeof *kept);

	memcpy(kept, from, n * sizeof *kept);
	return kept;
}

/* The words begin with "line N: " where they are about a line. */
static void complain(struct conf_errors *errors, const char *path, const char *words)
{
	struct conf_node place = {.file = path, .line = 1, .column = 1};
	unsigned long line;
	char *end;

	if (strncmp(words, "line ", 5) == 0) {
		line = strtoul(words + 5, &end, 10);
		if (line > 0 && line <= UINT32_MAX && strncmp(end, ": ", 2) == 0) {
			place.line = (uint32_t)line;
			words = end + 2;
		}
	}
	conf_error(errors, &place, NULL, "%s", words);
}

static void take_file(struct registry_loader *loader, const char *path, struct buf *text,
		      struct registry_weather *out)
{
	int64_t offset_ms = loader->registry->offset_ms;
	struct temperature temperature;
	struct sample_csv csv;
	struct err err = {""};

	out->hash = (int64_t)fnv_add(FNV_START, text->data, text->len);
	loader->hash = fnv_add(loader->hash, &out->hash, sizeof out->hash);
	if (sample_csv_parse(text->data != NULL ? text->data : "", text->len, offset_ms,
			     &sample_csv_celsius, &csv, &err) < 0) {
		complain(loader->errors, path, err.text);
		return;
	}
	temperature_init(&temperature, csv.samples, csv.n, sample_csv_per_day(&csv), offset_ms);
	out->temperature = temperature;
	if (temperature.n > 0) {
		out->temperature.mean = keep_numbers(loader, temperature.mean, temperature.n);
		out->temperature.hours = keep_numbers(loader, temperature.hours, temperature.n);
	}
	temperature_fini(&temperature);
	sample_csv_fini(&csv);
}

static void take_entry(struct registry_loader *loader, const char *folder, const char *name,
		       struct registry_weather *out)
{
	size_t len = stem_of(name);
	char *path = xasprintf("%s/%s", folder, name);
	struct buf text = {0};
	struct err err = {""};

	out->id = arena_strndup(loader->arena, name, len);
	loader->hash = fnv_add(loader->hash, name, strlen(name) + 1);
	if (!telemetry_id_is_valid(name, len))
		folder_complain(
			loader->errors, path,
			"the name before .csv is to be an id: 1 to 48 of A-Z a-z 0-9 and '-'");
	else if (sample_file_read(path, &text, &err) < 0)
		folder_complain(loader->errors, path, err.text);
	else
		take_file(loader, path, &text, out);
	buf_fini(&text);
	free(path);
}

static int is_weather(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && stem_of(entry->d_name) > 0;
}

void registry_load_weather(struct registry_loader *loader, const char *dir)
{
	char *folder = xasprintf("%s/weather", dir);
	struct dirent **entries = NULL;
	int n = access(folder, F_OK) == 0 ? scandir(folder, &entries, is_weather, alphasort) : 0;
	struct registry_weather *weather;

	weather = arena_alloc(loader->arena, ((size_t)(n > 0 ? n : 0) + 1) * sizeof *weather);
	for (int i = 0; i < n; i++) {
		take_entry(loader, folder, entries[i]->d_name, &weather[i]);
		if (i > 0 && strcmp(weather[i].id, weather[i - 1].id) == 0)
			folder_complain(loader->errors, folder,
					"has a .csv and a .csv.gz of the same name");
		free(entries[i]);
	}
	free(entries);
	free(folder);
	loader->registry->weather = weather;
	loader->registry->n_weather = n > 0 ? (size_t)n : 0;
}
