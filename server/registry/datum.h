/* SPDX-License-Identifier: Apache-2.0 */
/* datum.h - places on the earth: what Chinese maps show (GCJ-02, BD-09) as GPS gives it (WGS 84).
 */
#ifndef SERVER_DATUM_H
#define SERVER_DATUM_H

enum datum { DATUM_WGS84, DATUM_GCJ02, DATUM_BD09 };
extern const char *const datum_names[]; /* NULL-terminated */

struct geo_point {
	double latitude, longitude; /* degrees */
};

/* Exact to a metre. Outside of China the data are the same and stay as they are. */
struct geo_point datum_to_wgs84(struct geo_point place, enum datum from);
struct geo_point datum_from_wgs84(struct geo_point place, enum datum to);

#endif
