/* SPDX-License-Identifier: Apache-2.0 */
/* registry_file.h - what stands in a registry file, and what the loader's parts share. Only for
 * registry*.c. */
#ifndef SERVER_REGISTRY_FILE_H
#define SERVER_REGISTRY_FILE_H

#include "server/registry/registry.h"

/* ---- an institution's file, filled by registry_institution_keys ---- */
struct file_life {
	const struct conf_node *node;
	const char *serial;
	const struct conf_node *from, *to, *ratio, *modulus, *first, *last;
};

struct file_source {
	const char *meter, *quantity;
};

struct file_meter {
	const struct conf_node *node;
	const char *id, *name, *building, *item, *parent, *quantity, *formula, *agent;
	int carrier, role, scope, form;
	struct file_source source;
	int64_t interval_ms;
	struct conf_list lives; /* struct file_life */
	const struct conf_node *rated_kw, *expected_year;
};

struct file_area {
	const struct conf_node *node;
	civil_day from, to;
	int64_t m2;
};

struct file_building {
	const struct conf_node *node;
	const char *id, *name;
	int class_mohurd, gbt51161; /* 0: not given */
	struct conf_list areas, heated_areas;
};

struct file_headcount {
	const struct conf_node *node;
	civil_day from, to;
	const struct conf_node *persons;
	int64_t staff, external, logistics, students, visitor_days, outpatients, bed_days;
	int64_t holidays, staff_holidays, day_base;
};

struct file_account {
	const struct conf_node *node;
	const char *number, *tariff;
	int carrier;
	int64_t capacity_kva, demand_kw;
	struct conf_list meters; /* const char * */
};

struct file_successor {
	const struct conf_node *node;
	const char *id;
	int64_t share;
};

struct file_location {
	const struct conf_node *node;
	double latitude, longitude;
	int datum;
};

/* An institution's file or a site's. */
struct file_institution {
	const struct conf_node *node;
	const char *id, *uscc, *reports_with, *rest;
	/* texts, or dated lists of them */
	const struct conf_node *name, *region, *department, *competent, *type, *affiliation;
	const struct conf_node *quota_class, *calendar;
	civil_day from, to;
	bool is_sensitive;
	struct file_location location;
	const struct conf_node *supply;
	struct conf_list successors, headcount, buildings, accounts, meters, occupants;
};

struct file_dated { /* one item of a dated text */
	const struct conf_node *node;
	civil_day from;
	const char *text;
	int choice;
};

struct file_occupant {
	const struct conf_node *node;
	const char *institution, *name;
	int scope, apportion, rest;
	civil_day from, to;
	int64_t m2, heated_m2, persons, share;
	struct conf_list meters; /* const char * */
};

struct file_supply { /* one item of a dated supply */
	const struct conf_node *node;
	civil_day from, to;
	int how;
};

extern const struct conf_key registry_institution_keys[], registry_supply_keys[];
extern const struct conf_key registry_site_keys[], registry_building_keys[], registry_meter_keys[];
extern const struct conf_key registry_account_keys[], registry_location_keys[];
extern const struct conf_key registry_name_keys[], registry_type_keys[], registry_region_keys[];
extern const struct conf_key registry_department_keys[], registry_competent_keys[];
extern const struct conf_key registry_affiliation_keys[], registry_quota_class_keys[];
extern const struct conf_key registry_calendar_keys[];
enum { FILE_BY_SUBMETER = APPORTION_NOTHING }; /* file_occupant.apportion */

/* ---- the loader ---- */

/* Texts that many meters share. */
struct registry_text {
	struct registry_text *next;
	char text[];
};
enum { REGISTRY_TEXT_SLOTS = 4096 };

/* References that can only be looked up when all files are read. */
enum registry_late_kind { LATE_SUCCESSOR, LATE_REPORT, LATE_OCCUPANT, LATE_REST };
struct registry_late {
	enum registry_late_kind kind;
	uint32_t institution;         /* that refers */
	const char *target;           /* an institution's id */
	const struct conf_node *node; /* where it stands */
	uint32_t *out;                /* gets the index; NULL: a member of the institution */
	bool is_of_card;              /* its target may be missing */
};

struct registry_loader {
	struct registry *registry;
	const struct registry *before; /* to take unchanged institutions from, or NULL */
	struct folder_visitor visitor; /* of the institutions' files */
	struct arena *arena;           /* the registry's */
	struct conf_errors *errors;
	size_t n_before;                  /* mistakes that were there already */
	uint64_t hash;                    /* of the files' names and contents */
	const struct region_tree *listed; /* what regions.yaml says */
	size_t cap_institutions, cap_sources, cap_meters;
	const char **region_codes; /* of all identities */
	size_t n_region_codes, cap_region_codes;
	struct registry_late *late;
	size_t n_late, cap_late;
	struct registry_text **texts;
	const struct registry_cards *cards; /* NULL: none */
	size_t next_card;
	const char *source; /* of the card at hand, or NULL */
	bool is_site;       /* of the file at hand; and below */
	const struct conf_node *kept_root, *kept_list;
	const struct file_institution *file;
	uint32_t institution;
	uint32_t *by_id; /* its meters sorted by id, relative to its first */
};

/* registry_build.c: takes an institution into the registry, all checks of one file done. */
void registry_build(struct registry_loader *loader, struct arena *temporary,
		    const struct file_institution *file);
/* Room for one more institution, and its number. */
struct registry_institution *registry_add_institution(struct registry_loader *loader);
/* registry_reuse.c: takes an institution over from the registry before, if its file is unchanged
 * and it refers to no other. For a folder_visitor whose argument is the loader. */
bool registry_reuse(struct folder_file *file, void *loader);
/* registry_identity.c: what it is called, and where it belongs. */
void registry_build_identities(struct registry_loader *loader, struct arena *temporary);
void registry_note_region(struct registry_loader *loader, const char *code);
/* registry_site.c: who is in a shared building. */
void registry_build_occupants(struct registry_loader *loader);
void registry_check_occupants(struct registry_loader *loader); /* once all are known */
/* registry_structure.c: who is in which building, goes on for whom, reports with whom. */
void registry_build_structure(struct registry_loader *loader);
void registry_check_successors(struct registry_loader *loader);
/* registry_meter.c: its meters. */
void registry_build_meters(struct registry_loader *loader, struct arena *temporary);
/* registry_link.c: parents and formulas. */
void registry_build_links(struct registry_loader *loader, struct arena *temporary);
/* registry_supply.c: how carriers are supplied and billed. */
void registry_build_supply(struct registry_loader *loader);
void registry_build_accounts(struct registry_loader *loader);
/* registry_weather.c, registry_baseline.c: for savings; institutions and meters are there. */
void registry_load_weather(struct registry_loader *loader, const char *dir);
void registry_load_baselines(struct registry_loader *loader, const char *dir);
extern const struct conf_key registry_baseline_keys[];
/* registry_check.c: what concerns several files; the lookups must be sorted. */
void registry_check(struct registry_loader *loader);
void registry_resolve_late(struct registry_loader *loader);

/* A reference for registry_resolve_late. */
void registry_add_late(struct registry_loader *loader, enum registry_late_kind kind,
		       const char *target, const struct conf_node *node, uint32_t *out);

/* Helpers. A copy of a node's place, with the way to it; texts copied into the registry. */
const struct conf_node *registry_keep_node(struct registry_loader *loader,
					   const struct conf_node *node);
const char *registry_keep(struct registry_loader *loader, const char *text); /* NULL stays NULL */
const char *registry_share(struct registry_loader *loader, const char *text);
/* The node of a key, or the map itself. */
const struct conf_node *registry_at(const struct conf_node *map, const char *key);
/* Index of the institution's meter by id, relative to its first; or REGISTRY_NONE. */
uint32_t registry_own_meter(const struct registry_loader *loader, const char *id, size_t len);
/* ", did you mean ...?" among the institution's meters. */
const char *registry_meter_hint(const struct registry_loader *loader, const char *id,
				char hint[96]);
/* Ends the facts of a list where the next begins; reports what stands in no order or overlaps.
 * spans[i] belongs to nodes[i]; an end of CIVIL_DAY_MAX was not given and becomes DAY_OPEN. */
void registry_chain(struct registry_loader *loader, const struct conf_node *const *nodes,
		    struct span *spans, size_t n);

#endif
