/* SPDX-License-Identifier: Apache-2.0 */
/* broken_site.h - shared buildings' files with one mistake each, and what must be said about it. */
#ifndef TESTS_UNIT_BROKEN_SITE_H
#define TESTS_UNIT_BROKEN_SITE_H

#define HOUSE                                                                                 \
	"id: house\nname: 楼\nregion: \"370102\"\nmeters:\n"                                 \
	"  - {id: h1, carrier: water, role: main, quantity: volume_total_m3, lives: [{from: " \
	"2023-01-01, ratio: 1}]}\n"                                                           \
	"  - {id: h2, carrier: water, role: sub, quantity: volume_total_m3, lives: [{from: "  \
	"2023-01-01, ratio: 1}]}\n"                                                           \
	"occupants:\n"
#define SCHOOL "  - {institution: 370102-0000, from: 2024-01-01, to: 2030-01-01, "

/* clang-format off */
static const struct broken broken_site[] = {
	{"nobody is there", IN_SITE, "id: house\n" "name: 楼\n" "region: \"370102\"\n",
	 1, 1, "occupants", "is missing", 1},
	{"the id of an institution", IN_SITE, "id: 370102-0000\n" "name: 楼\n" "region: \"370102\"\n" "occupants: [{name: a, from: 2024-01-01, m2: 1}]\n",
	 1, 5, "id", "must stand in a file '370102-0000.yaml'", 0},
	{"an institution that does not exist", IN_SITE, HOUSE "  - {institution: 370102-0009, from: 2024-01-01, m2: 1}\n",
	 8, 19, "occupants[0].institution", "there is no institution '370102-0009'", 0},
	{"an institution and somebody else at once", IN_SITE, HOUSE "  - {institution: 370102-0000, name: a, from: 2024-01-01, to: 2030-01-01, m2: 1}\n",
	 8, 5, "occupants[0]", "give either 'institution' or", 1},
	{"somebody else's own", IN_SITE, HOUSE "  - {name: a, from: 2024-01-01, m2: 1, scope: own}\n",
	 8, 47, "occupants[0].scope", "must not be own for somebody else", 1},
	{"by area without an area", IN_SITE, HOUSE SCHOOL "persons: 3}\n",
	 8, 5, "occupants[0].m2", "is missing, the part follows it", 1},
	{"by persons without any", IN_SITE, HOUSE SCHOOL "m2: 3, apportion: persons}\n",
	 8, 5, "occupants[0].persons", "is missing, the part follows it", 1},
	{"fixed without a share", IN_SITE, HOUSE SCHOOL "apportion: fixed}\n",
	 8, 5, "occupants[0].share", "is missing, the part is fixed", 1},
	{"a sub-meter that does not exist", IN_SITE, HOUSE SCHOOL "m2: 1, apportion: submeter, meters: [h3]}\n",
	 8, 103, "occupants[0].meters[0]", "the site has no meter 'h3'", 1},
	{"gone before it came", IN_SITE, HOUSE "  - {name: a, from: 2024-01-01, to: 2023-01-01, m2: 1}\n",
	 8, 37, "occupants[0].to", "must be after 'from'", 0},
	{"there twice at once", IN_SITE, HOUSE SCHOOL "m2: 1}\n" SCHOOL "m2: 2}\n",
	 9, 5, "occupants[1]", "is already there in line 8", 1},
	{"one meter for two", IN_SITE, HOUSE SCHOOL "m2: 1, apportion: submeter, meters: [h2]}\n" "  - {name: a, from: 2024-01-01, m2: 1, apportion: submeter, meters: [h2]}\n",
	 9, 61, "occupants[1].meters", "is already given to the occupant in line 8", 1},
	{"a meter above another's", IN_SITE, HOUSE SCHOOL "m2: 1, apportion: submeter, meters: [h1]}\n" "  - {name: a, from: 2024-01-01, m2: 1, apportion: submeter, meters: [h2]}\n",
	 9, 61, "occupants[1].meters", "is already given to the occupant in line 8", 1},
	{"area and persons on one day", IN_SITE, HOUSE SCHOOL "m2: 1}\n" "  - {name: a, from: 2025-01-01, persons: 1, apportion: persons}\n",
	 9, 5, "occupants[1]", "on 2025-01-01 some parts follow the area", 0},
	{"fixed shares of more than everything", IN_SITE, HOUSE SCHOOL "apportion: fixed, share: 0.7}\n" "  - {name: a, from: 2024-01-01, to: 2030-01-01, apportion: fixed, share: 0.4}\n",
	 9, 5, "occupants[1]", "add up to more than 1", 1},
	{"something is left for nobody", IN_SITE, HOUSE SCHOOL "apportion: fixed, share: 0.7}\n",
	 8, 5, "occupants[0]", "on 2024-01-01 nobody has the remaining 0.3", 1},
	{"an institution that has ended", IN_SITE, HOUSE "  - {institution: 370102-0000, from: 2024-01-01, m2: 1}\n",
	 8, 5, "occupants[0]", "'370102-0000' no longer exists on 2030-01-01", 1},
};
/* clang-format on */

#endif
