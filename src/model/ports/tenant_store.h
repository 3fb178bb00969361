/* Port: partners and organizations (management-api.md 3.1, 4, 5.9). Strings of rows that are found are copied into the
 * arena, those of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_TENANT_STORE_H
#define MUSTER_MODEL_PORTS_TENANT_STORE_H

#include "model/ports/row.h"

struct partner_row {
    int64_t no;
    struct uuid id;
    struct str name, short_code;
    bool suspended;
    struct str license_private_key_sealed; /* bytes; only written */
    struct str license_public_key;         /* PEM; only written */
    int64_t created_at;
};
/* Sets row->no. ERR_EXISTS: the short code is taken. */
enum err partner_store_insert(struct store_tx *tx, struct partner_row *row) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err partner_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct partner_row *ret_row) MUST_CHECK;

/* Name, short code and suspension. ERR_EXISTS: another partner has the short code. */
enum err partner_store_update(struct store_tx *tx, const struct partner_row *row) MUST_CHECK;
/* The partner-wide legacy registration key (device-api.md 2.2): sealed, and whether it is in force. ptr NULL: none. */
enum err partner_store_legacy_key(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_sealed,
                                  bool *ret_on) MUST_CHECK;
/* hash NULL: not in force. */
enum err partner_store_set_legacy_key(struct store_tx *tx, int64_t no, struct str sealed, const uint8_t *hash) MUST_CHECK;
/* What a partner has set; ptr NULL: not that one. */
struct partner_domains {
    int64_t no;
    bool suspended;
    struct str domain, mobile_domain;
};
/* Those that have set one or both. */
enum err partner_store_each_domain(struct store_tx *tx, void (*visit)(const struct partner_domains *domains, void *arg),
                                   void *arg) MUST_CHECK;
/* The only partner that is not suspended. ERR_NOT_FOUND: there is none, or there are several. */
enum err partner_store_find_only(struct store_tx *tx, int64_t *ret_no) MUST_CHECK;
/* The partner has devices: *ret_any. */
enum err partner_store_has_devices(struct store_tx *tx, int64_t no, bool *ret_any) MUST_CHECK;

struct organization_row {
    int64_t no, partner_no;
    struct uuid id;
    struct str name, display_name; /* display_name: ptr NULL for none */
    bool lab, sandbox, suspended;
    struct str contacts;           /* JSON object */
    int64_t created_at;
};
/* Sets row->no. */
enum err organization_store_insert(struct store_tx *tx, struct organization_row *row) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err organization_store_find(struct store_tx *tx, int64_t no, struct arena *arena,
                                 struct organization_row *ret_row) MUST_CHECK;
/* A page of the partner's organizations, oldest first. `search`: part of a name in any case; empty: all. */
enum err organization_store_list(struct store_tx *tx, int64_t partner_no, struct str search, struct page page,
                                 void (*visit)(const struct organization_row *row, void *arg), void *arg) MUST_CHECK;
int64_t organization_store_count(struct store_tx *tx, int64_t partner_no, struct str search);

/* Name, display name, sandbox, suspension and contacts. */
enum err organization_store_update(struct store_tx *tx, const struct organization_row *row) MUST_CHECK;

struct organization_statistics {
    int64_t devices, users, groups, spaces, open_incidents, open_tickets;
};
enum err organization_store_statistics(struct store_tx *tx, int64_t no, struct organization_statistics *ret) MUST_CHECK;
int64_t organization_store_device_count(struct store_tx *tx, int64_t no);

/* What a tenant (enum tenant_kind) has set: a JSON object, "{}" at first. */
enum err tenant_settings_store_get(struct store_tx *tx, int tenant_kind, int64_t tenant_no, struct arena *arena,
                                   struct str *ret_document) MUST_CHECK;
enum err tenant_settings_store_put(struct store_tx *tx, int tenant_kind, int64_t tenant_no, struct str document) MUST_CHECK;

#endif
