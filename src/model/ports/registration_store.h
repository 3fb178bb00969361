/* Port: what a registration asks of keys and partners, and the provisioning log (device-api.md 2.3.1). */
#ifndef MUSTER_MODEL_PORTS_REGISTRATION_STORE_H
#define MUSTER_MODEL_PORTS_REGISTRATION_STORE_H

#include "base/crypto.h"
#include "model/ports/row.h"

/* A hardware key as registrations see it. */
struct registration_key {
    int64_t no, model_no;
    struct uuid id;
    bool revoked, enforce_count;
    int64_t expected_count; /* 0: none */
    int64_t used_count;
};
/* By its keyed hash. ERR_NOT_FOUND. */
enum err registration_key_by_hash(struct store_tx *tx, const uint8_t hash[SHA256_BYTES], struct registration_key *ret_key) MUST_CHECK;
/* One more use, now. */
enum err registration_key_used(struct store_tx *tx, int64_t key_no, int64_t now_ms) MUST_CHECK;
/* The partner of a legacy registration key (device-api.md 2.2). ERR_NOT_FOUND. */
enum err registration_legacy_partner(struct store_tx *tx, const uint8_t hash[SHA256_BYTES], int64_t *ret_partner_no) MUST_CHECK;
/* A model of the partner by its name: *ret_no, 0 if none. */
enum err registration_model_by_name(struct store_tx *tx, int64_t partner_no, struct str name, int64_t *ret_no) MUST_CHECK;
/* The partner with this short code: *ret_no, 0 if none. */
enum err registration_short_code_holder(struct store_tx *tx, struct str short_code, int64_t *ret_no) MUST_CHECK;

enum registration_result { REGISTRATION_CREATED = 1, REGISTRATION_REPLACED = 2, REGISTRATION_REFUSED = 3 };

struct registration_entry {
    int64_t no;
    int64_t at;                 /* unix ms */
    struct str address;
    int64_t partner_no, model_no, hardware_key_no; /* 0: unknown; the first two only when written */
    struct uuid hardware_key_id; /* nil: unknown; only when read */
    struct uuid model_id;        /* likewise */
    struct str sn, mac, cloud_id; /* ptr NULL: not sent */
    enum registration_result result;
    struct str error;           /* ptr NULL: none */
    struct uuid device_id;      /* nil: none */
    int64_t count;
    unsigned flags;             /* registration_flags.h; not stored */
};
enum { REGISTRATION_NETWORKS_MAX = 32 };
/* How a hardware key was used: what registration_flags.h judges by. */
struct registration_figures {
    int64_t expected, used; /* expected 0: nothing is */
    int64_t networks;       /* in the last 24 hours; counted up to REGISTRATION_NETWORKS_MAX */
    int64_t hour, week;     /* registrations of the last hour, of the last seven days */
};
enum err registration_store_figures(struct store_tx *tx, int64_t key_no, int64_t now_ms,
                                    struct registration_figures *ret_figures) MUST_CHECK;
enum err registration_store_add(struct store_tx *tx, const struct registration_entry *entry) MUST_CHECK;
/* Adds a refusal to the row of the same address and identity of the last day, or a new row. */
enum err registration_store_add_refusal(struct store_tx *tx, const struct registration_entry *entry) MUST_CHECK;
/* Keeps the newest `rows_max` rows (0: all). */
enum err registration_store_trim(struct store_tx *tx, int64_t rows_max) MUST_CHECK;

struct registration_filter {
    int64_t partner_no;
    int64_t model_no; /* 0: any */
    int result;       /* 0: any */
    const struct uuid *device_id; /* NULL: any */
    int64_t from, to; /* unix ms */
    bool ascending;   /* oldest first */
};
enum err registration_store_list(struct store_tx *tx, const struct registration_filter *filter, int64_t limit,
                                 int64_t offset, struct arena *arena, struct registration_entry **ret_entries,
                                 size_t *ret_count) MUST_CHECK;
enum err registration_store_count(struct store_tx *tx, const struct registration_filter *filter, int64_t *ret_count) MUST_CHECK;

#endif
