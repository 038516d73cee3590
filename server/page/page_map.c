/* SPDX-License-Identifier: Apache-2.0 */
#include "server/page/page_map.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "common/json_writer.h"

enum { DECIMALS = 5 }; /* a metre */

struct map_writer {
	struct json_writer json;
	enum datum datum;
	size_t n_points;
};

static int write_point(struct map_writer *map, const json_t *point, struct err *err)
{
	const json_t *x = json_array_get(point, 0), *y = json_array_get(point, 1);
	struct geo_point place;

	if (!json_is_number(x) || !json_is_number(y))
		return err_set(err, -EINVAL, "a position is not a pair of numbers");
	place = (struct geo_point){.latitude = json_number_value(y),
				   .longitude = json_number_value(x)};
	if (place.latitude < -90 || place.latitude > 90 || place.longitude < -180 ||
	    place.longitude > 180)
		return err_set(err, -EINVAL, "a position is not in degrees");
	place = datum_to_wgs84(place, map->datum);
	json_begin_array(&map->json, NULL);
	json_add_real(&map->json, NULL, place.longitude, DECIMALS);
	json_add_real(&map->json, NULL, place.latitude, DECIMALS);
	json_end_array(&map->json);
	map->n_points++;
	return 0;
}

/* depth 0: a ring of points; 1: a polygon of rings; 2: a multipolygon. The writer's array is open.
 */
static int write_rings(struct map_writer *map, const json_t *rings, int depth, struct err *err)
{
	int rc = 0;

	if (!json_is_array(rings))
		return err_set(err, -EINVAL, "coordinates are not an array");
	for (size_t i = 0; i < json_array_size(rings) && rc == 0; i++) {
		const json_t *inner = json_array_get(rings, i);

		if (depth == 0) {
			rc = write_point(map, inner, err);
			continue;
		}
		json_begin_array(&map->json, NULL);
		rc = write_rings(map, inner, depth - 1, err);
		json_end_array(&map->json);
	}
	return rc;
}

static int write_feature(struct map_writer *map, const json_t *feature, struct err *err)
{
	const json_t *geometry = json_object_get(feature, "geometry");
	const char *type = json_string_value(json_object_get(geometry, "type"));
	const json_t *name = json_object_get(json_object_get(feature, "properties"), "name");
	bool is_multi = type != NULL && strcmp(type, "MultiPolygon") == 0;
	int rc;

	if (type == NULL || (!is_multi && strcmp(type, "Polygon") != 0))
		return 0; /* points and lines are no boundaries */
	json_begin_object(&map->json, NULL);
	json_add_string(&map->json, "type", "Feature");
	json_begin_object(&map->json, "properties");
	json_add_string(&map->json, "name", json_string_value(name));
	json_end_object(&map->json);
	json_begin_object(&map->json, "geometry");
	json_add_string(&map->json, "type", type);
	json_begin_array(&map->json, "coordinates");
	rc = write_rings(map, json_object_get(geometry, "coordinates"), is_multi ? 2 : 1, err);
	json_end_array(&map->json);
	json_end_object(&map->json);
	json_end_object(&map->json);
	return rc;
}

static int write_map(struct map_writer *map, const json_t *root, struct err *err)
{
	const json_t *features = json_object_get(root, "features");
	int rc = 0;

	if (!json_is_array(features))
		return err_set(err, -EINVAL, "is no GeoJSON FeatureCollection");
	json_begin_object(&map->json, NULL);
	json_add_string(&map->json, "type", "FeatureCollection");
	json_begin_array(&map->json, "features");
	for (size_t i = 0; i < json_array_size(features) && rc == 0; i++)
		rc = write_feature(map, json_array_get(features, i), err);
	json_end_array(&map->json);
	json_end_object(&map->json);
	if (rc == 0 && map->n_points == 0)
		return err_set(err, -EINVAL, "holds no polygon");
	return rc;
}

int page_map_load(const char *path, enum datum datum, struct buf *out, struct err *err)
{
	struct map_writer map = {.json = {.out = out}, .datum = datum};
	json_error_t wrong;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &wrong);
	struct err reason = {""};
	int rc;

	if (root == NULL && wrong.line < 0)
		return err_set(err, -EINVAL, "%s", wrong.text); /* names the file itself */
	if (root == NULL)
		return err_set(err, -EINVAL, "%s:%d: %s", path, wrong.line, wrong.text);
	rc = write_map(&map, root, &reason);
	json_decref(root);
	return rc < 0 ? err_set(err, rc, "%s: %s", path, reason.text) : 0;
}
