/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - what the officer maintains: regions, institutions, buildings, meters, all dated. */
#ifndef SERVER_REGISTRY_H
#define SERVER_REGISTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/civil.h"
#include "common/conf.h"
#include "common/mem.h"
#include "server/registry/datum.h"
#include "server/registry/folder.h"
#include "server/registry/region.h"

enum carrier {
	CARRIER_ELECTRICITY,
	CARRIER_WATER,
	CARRIER_NATURAL_GAS,
	CARRIER_HEAT,
	CARRIER_COOLING,
	CARRIER_COAL,
	CARRIER_PETROL,
	CARRIER_DIESEL,
	CARRIER_LPG,
	CARRIER_OTHER,
	N_CARRIERS
};
enum meter_role { ROLE_MAIN, ROLE_SUB, ROLE_GENERATION };
enum meter_scope { SCOPE_OWN, SCOPE_TENANT, SCOPE_DORMITORY, SCOPE_EV_PUBLIC, SCOPE_OTHER_ENTITY };
enum meter_form { FORM_NONE, FORM_DATACENTRE, FORM_HEATING };
enum supply { SUPPLY_NONE, SUPPLY_ONLINE, SUPPLY_BILL, SUPPLY_AREA_BILLED };
enum institution_type {
	TYPE_GOVERNMENT,
	TYPE_EDUCATION,
	TYPE_SCIENCE,
	TYPE_CULTURE,
	TYPE_HEALTH,
	TYPE_SPORT,
	TYPE_OTHER_INSTITUTION,
	TYPE_ASSOCIATION,
	N_TYPES
};
enum affiliation {
	AFFILIATION_NONE,
	AFFILIATION_CENTRAL,
	AFFILIATION_PROVINCIAL,
	AFFILIATION_CITY,
	AFFILIATION_COUNTY,
	AFFILIATION_TOWNSHIP
};

/* Who works when: names of enum calendar_kind, and what is not given. */
enum working { WORKING_OFFICE, WORKING_SCHOOL, WORKING_ALWAYS, WORKING_BY_TYPE };

#define REGISTRY_NONE UINT32_MAX /* "no index" */
#define TIME_OPEN     INT64_MAX  /* a life that has not ended */
#define MICRO_NONE    INT64_MIN  /* "not given" for a value in 10^-6 units */
enum { DAY_OPEN = INT32_MAX };   /* a dated fact that has no end */

/* A span of days, from inclusive, to exclusive. */
struct span {
	civil_day from, to;
};

/* One register life: a physical meter with one serial number, modulus and ratio. Register values
 * are as on the wire, in 10^-6 of the quantity's unit. */
struct meter_life {
	const char *serial;
	int64_t from_ms, to_ms;       /* UTC, to exclusive */
	int64_t ratio_num, ratio_den; /* CT x PT, exact: primary = register x num / den */
	int64_t modulus;              /* 0: does not roll over */
	int64_t first, last;          /* register at the life's start and end, or MICRO_NONE */
};

/* A term of a virtual meter: coefficient x meter. Virtual meters inside of a formula are expanded:
 * the meter is always a real one, each meter stands once, num is not zero and den > 0. */
struct formula_term {
	uint32_t meter; /* index into registry meters */
	int64_t num, den;
};

struct registry_meter {
	const struct conf_node *node;   /* place in the file only: no children, no text */
	const char *id, *name;          /* name: NULL if none is given */
	uint32_t institution, building; /* indexes; building may be REGISTRY_NONE */
	enum carrier carrier;
	char item[6]; /* energy item code, "01A00" */
	enum meter_role role;
	enum meter_scope scope;
	enum meter_form form;
	uint32_t parent;      /* index or REGISTRY_NONE */
	const char *quantity; /* wire name of the register */
	const char *device;   /* wire id of the device: source.meter, else id */
	const char *agent;    /* the only agent allowed, or NULL */
	int64_t interval_ms;
	const struct meter_life *lives; /* sorted by from_ms, not overlapping */
	size_t n_lives;
	const struct formula_term *terms; /* virtual meter; n_terms 0: a real one */
	size_t n_terms;
	int64_t rated_w;       /* primary; 0: unknown */
	int64_t expected_year; /* 10^-6 of the carrier's unit per year, or MICRO_NONE */
	bool is_export;        /* main register that counts what flows out to the grid */
};

struct dated_amount { /* an area in 10^-6 m2 or persons in 10^-6 */
	struct span days;
	int64_t micro;
};

struct registry_building {
	const char *id, *name;
	char class_mohurd;    /* A-H, or 0 */
	const char *gbt51161; /* A or B, or NULL */
	const struct dated_amount *areas;
	size_t n_areas;
	const struct dated_amount *heated_areas; /* what the heating bill or meter serves */
	size_t n_heated_areas;
};

struct dated_supply {
	struct span days;
	enum carrier carrier;
	enum supply supply;
};

struct registry_account {
	const char *number, *tariff;
	enum carrier carrier;
	int64_t capacity_kva, demand_kw;
	const uint32_t *meters;
	size_t n_meters;
};

/* How the part of a shared building that no sub-meter counts is divided. */
enum apportion { APPORTION_AREA, APPORTION_PERSONS, APPORTION_FIXED, APPORTION_NOTHING };

/* Who is in a shared building for a time. */
struct registry_occupant {
	const struct conf_node *node; /* place in the file only */
	uint32_t institution;         /* or REGISTRY_NONE: somebody else, called name */
	const char *name;
	enum meter_scope scope; /* of somebody else; never own */
	struct span days;
	int64_t m2, heated_m2, persons; /* 10^-6 */
	enum apportion apportion;
	int64_t share;          /* 10^-6; of APPORTION_FIXED */
	const uint32_t *meters; /* sub-meters that count for this one alone */
	size_t n_meters;
};

/* That an institution is in a shared building, or takes what is left of one. */
struct registry_occupancy {
	uint32_t site;                            /* index of the site */
	const struct registry_occupant *occupant; /* NULL: it is the site's rest */
};

struct registry_predecessor {
	uint32_t institution, successor; /* indexes; successor: into its successors */
};

/* What an institution is called and where it belongs, for a time. */
struct registry_identity {
	struct span days;
	const char *name, *competent, *department, *region_code;
	enum institution_type type;
	enum affiliation affiliation;
	const char *quota_class; /* NULL: follows from type and affiliation */
	enum working working;
	uint32_t region; /* index into the region tree */
};

struct registry_successor { /* whose figures go on with a share of this institution's base year */
	uint32_t institution;
	int64_t share; /* in 10^-6 */
};

/* An institution; or a site, which is a shared building with meters, not an institution. */
struct registry_institution {
	const struct conf_node *node; /* place in the file only */
	const char *id, *uscc;
	/* The lower server that hands it up: no meters, its rows come from there. NULL: our own. */
	const char *source;
	/* the newest of its identities */
	const char *name, *department, *competent;
	enum institution_type type;
	enum affiliation affiliation;
	uint32_t region;                      /* index into the region tree */
	struct registry_identity *identities; /* by days; at least one */
	size_t n_identities;
	struct span valid;
	bool is_sensitive;
	bool has_location;
	double latitude, longitude;
	enum datum datum;
	const struct dated_amount *headcount;
	size_t n_headcount;
	const struct registry_building *buildings;
	size_t n_buildings;
	const struct dated_supply
		*supplies; /* what is declared; absent: online where it has meters */
	size_t n_supplies;
	const struct registry_account *accounts;
	size_t n_accounts;
	const struct registry_successor *successors;
	size_t n_successors;
	uint32_t reports_with; /* files one report with another, index or REGISTRY_NONE */
	const struct registry_predecessor *predecessors; /* whose successor it is */
	size_t n_predecessors;
	const uint32_t *members; /* who reports with it, also through others */
	size_t n_members;
	const struct registry_occupancy *occupancies; /* by site, then first day */
	size_t n_occupancies;
	bool is_site;
	const struct registry_occupant *occupants; /* of a site, as in its file */
	size_t n_occupants;
	uint32_t rest;                  /* of a site: who takes what nobody has, or REGISTRY_NONE */
	uint32_t first_meter, n_meters; /* its meters stand together */
};

/* What a registry's texts and lists stand in. One that was read anew shares those of the one
 * before. */
struct registry_memory {
	atomic_int references;
	struct arena *arena;
	struct registry_memory *before; /* NULL: it shares nothing */
	int depth;                      /* how many are before */
};

/* The file of an institution: while it is unchanged, it need not be read again. */
struct registry_source {
	struct folder_stamp stamp;
	uint64_t hash;
};

/* Immutable once loaded; shared by reference count. */
struct registry {
	struct arena *arena; /* the newest of memory */
	struct registry_memory *memory;
	atomic_int references;
	int64_t offset_ms; /* the server's zone */
	struct region_tree *regions;
	/* Sorted by id; the sites stand behind the institutions, sorted by id too, so that
	 * registry_meter.institution may be one. */
	struct registry_institution *institutions;
	size_t n_institutions, n_sites;
	struct registry_source *sources; /* by institution, no sites */
	uint64_t regions_hash;           /* of regions.yaml */
	struct registry_meter *meters;
	size_t n_meters;
	uint32_t *by_meter_id; /* meter indexes sorted by id */
	uint32_t *by_device;   /* meter indexes sorted by (device, quantity); no virtual ones */
	size_t n_by_device;
	const struct registry_weather *weather; /* registry_savings.h */
	size_t n_weather;
	const struct registry_baseline *baselines; /* in the order of their ids */
	size_t n_baselines;
	int64_t version; /* 64-bit hash of the files' contents: which registry a figure used */
};

/* Loads <dir>/regions.yaml (else the one given as fallback), <dir>/institutions/ *.yaml and, if
 * there are any, <dir>/sites/ *.yaml completely; every mistake is added to errors with
 * file:line:column. 0, or -EINVAL. */
int registry_load(struct registry **out, const char *dir, const char *fallback_regions,
		  int64_t offset_ms, struct conf_errors *errors);
/* The same, when `before` is in force: institutions whose files are unchanged are taken over from
 * it, unless they refer to others. before may be NULL. */
int registry_reload(struct registry **out, const struct registry *before, const char *dir,
		    const char *fallback_regions, int64_t offset_ms, struct conf_errors *errors);
/* Institutions that lower servers hand up: texts in the form of a file, sorted by id. */
struct registry_card {
	const char *source, *id, *text;
};
struct registry_cards {
	const struct registry_card *list;
	size_t n;
};
/* The same with cards. One whose id the folder has, or that a card before it had, or that is not
 * sound is left out; what it refers to may be missing. */
struct registry_options {
	const char *dir, *fallback_regions;
	int64_t offset_ms;
	const struct registry *before;      /* or NULL */
	const struct registry_cards *cards; /* or NULL */
};
int registry_load_with(struct registry **out, const struct registry_options *options,
		       struct conf_errors *errors);
/* The same of one institution's text alone, without regions.yaml; file is only a name. */
int registry_parse(struct registry **out, const char *file, const char *text, size_t len,
		   int64_t offset_ms, struct conf_errors *errors);
struct registry *registry_hold(struct registry *registry);
void registry_release(struct registry *registry); /* NULL is allowed */

/* Indexes, or REGISTRY_NONE. */
uint32_t registry_find_institution(const struct registry *registry, const char *id, size_t len);
/* An institution or a site. */
uint32_t registry_find_holder(const struct registry *registry, const char *id, size_t len);
uint32_t registry_find_meter(const struct registry *registry, const char *id, size_t len);
/* The registry meters fed by a device: indexes in by_device[first .. first + count). */
size_t registry_find_device(const struct registry *registry, const char *device, size_t len,
			    size_t *first);

/* The life in force at a time, or NULL. */
const struct meter_life *registry_life_at(const struct registry_meter *meter, int64_t utc_ms);
/* What it is called and where it belongs on a day; before the first identity that one, and after
 * its end the last. */
const struct registry_identity *registry_identity_on(const struct registry_institution *institution,
						     civil_day day);
/* Time-weighted means over [from, to) in 10^-6 m2 / persons, those in shared buildings included:
 * sum over the days on which it exists / number of days. 0 if nothing is given for any day. */
int64_t registry_area(const struct registry_institution *institution, civil_day from, civil_day to);
int64_t registry_headcount(const struct registry_institution *institution, civil_day from,
			   civil_day to);
int64_t registry_heated_area(const struct registry_institution *institution, civil_day from,
			     civil_day to);
/* The days from the first occupant of a site to the last. */
struct span registry_occupied(const struct registry_institution *site);
/* How a carrier is supplied on a day by its own meters and bills: declared, else online if there
 * are main meters, else none. */
enum supply registry_supply(const struct registry *registry, uint32_t institution,
			    enum carrier carrier, civil_day day);

const char *carrier_name(enum carrier carrier); /* "electricity" */
const char *carrier_unit(enum carrier carrier); /* kWh m3 m3 GJ GJ kg L L kg kgce */
const char *institution_type_name(enum institution_type type);
/* NULL-terminated, for conf and hints; in the order of the enums */
extern const char *const carrier_names[], *const institution_type_names[];
extern const char *const affiliation_names[]; /* [0] is "none" */
extern const char *const working_names[];     /* without WORKING_BY_TYPE */
extern const char *const supply_names[], *const meter_role_names[], *const meter_scope_names[];
extern const char *const meter_form_names[]; /* [0] is "none" */

extern const char *const apportion_names[]; /* the last is "nothing" */

/* Prints the keys of the registry's files. */
void registry_print_reference(struct buf *out);

/* Checks GB 32100-2015: 18 characters, MOD 31-3 check character. */
bool uscc_is_valid(const char *text, size_t len);

#endif
