/* SPDX-License-Identifier: Apache-2.0 */
/* datum.h - places on Chinese maps, back to WGS-84. Pure. */
#ifndef SERVER_DATUM_H
#define SERVER_DATUM_H

struct place {
	double latitude, longitude; /* degrees */
};

/* datum: "gcj02" (the offset that mainland maps carry), "bd09" (Baidu's on top of that); all else
 * is WGS-84 already. Right to about a metre within China; elsewhere there is no offset.
 * Source: the published reverse-engineered formula (Krasovsky 1940 ellipsoid), not an official
 * text. */
struct place datum_to_wgs84(struct place place, const char *datum);

#endif
