/* Port: device rows. Strings of a row that is read live in the given arena; of a row that is written they are borrowed
 * for the call. Functions that change a row are for LANE_REGISTRY. Errors besides those named: ERR_STORAGE. */
#ifndef MUSTER_MODEL_PORTS_DEVICE_STORE_H
#define MUSTER_MODEL_PORTS_DEVICE_STORE_H

#include "model/device/device_table.h"
#include "model/ports/row.h"

/* The numbers of a device row. */
struct device_core {
    int64_t no;
    struct uuid id;
    int64_t model_no, partner_no;
    int64_t organization_no, space_no, parent_no; /* 0: none */
    uint32_t epoch;
    int32_t info_version;
    int32_t space_version, space_version_last;
    bool incidents_suspended;
    bool is_virtual;             /* the server simulates it, or did (model/virtual) */
    int64_t created_at, claimed_at; /* unix ms */
};

struct device_row {
    struct device_core core;
    uint8_t key_hash[SHA256_BYTES];
    int64_t key_issued_at;
    int64_t hardware_key_no; /* 0: none */
    int64_t refused_registration_at;
    struct str sn, mac, mac_normal, cloud_id; /* ptr NULL: null, likewise below */
    struct str name, sub_model, firmware_version, host_address;
    struct str custom_partner_name, custom_model_name;
    struct str hub_url, mqtt_hub_url;
    struct str details, custom_parameters; /* JSON objects */
    bool speaks_through_parent;  /* its parent registered it: its serial need not be unique */
    int64_t replacement_until;   /* TIME_NONE: no replacement is waited for; only when read, likewise below */
    struct str replacement_sn;   /* ptr NULL: its Cloud ID is */
};

/* Every device, with what the hot record holds of its own row; the rest of `device` is zero. */
enum err device_store_each_hot(struct store_tx *tx, void (*visit)(const struct device_brief *device, void *arg),
                               void *arg) MUST_CHECK;
enum err device_store_core(struct store_tx *tx, int64_t no, struct device_core *ret_core) MUST_CHECK; /* ERR_NOT_FOUND */
enum err device_store_core_by_id(struct store_tx *tx, const struct uuid *id, struct device_core *ret_core) MUST_CHECK;
enum err device_store_row(struct store_tx *tx, int64_t no, struct arena *arena, struct device_row *ret_row) MUST_CHECK;

/* ERR_EXISTS: serial or Cloud ID taken. core.no of `row` is not used. */
enum err device_store_insert(struct store_tx *tx, const struct device_row *row, int64_t *ret_no) MUST_CHECK;
/* The device that holds it: *ret_no, 0 if none. */
enum err device_store_cloud_id_holder(struct store_tx *tx, struct str cloud_id, int64_t *ret_no) MUST_CHECK;
enum err device_store_sn_holder(struct store_tx *tx, int64_t model_no, struct str sn, int64_t *ret_no) MUST_CHECK;
/* The record of this model that waits for a device with this serial, or, without an expected one, this Cloud ID
 * (device-api.md 2.3.3); either may be NULL. ERR_NOT_FOUND. */
enum err device_store_replaced_by(struct store_tx *tx, int64_t model_no, struct str sn, struct str cloud_id, int64_t now_ms,
                                  struct device_core *ret_core) MUST_CHECK;
/* Until when and for which serial (ptr NULL: for the Cloud ID) a replacement is waited for; TIME_NONE: for none. */
enum err device_store_set_replacement(struct store_tx *tx, int64_t no, int64_t until_ms, struct str sn) MUST_CHECK;
/* Identity, key, hardware key, firmware and URLs of row->core.no become those of `row`. ERR_EXISTS as for insert. */
enum err device_store_replace(struct store_tx *tx, const struct device_row *row) MUST_CHECK;
/* Devices with this parent, counted up to `max`. */
enum err device_store_child_count(struct store_tx *tx, int64_t parent_no, int64_t max, int64_t *ret_count) MUST_CHECK;
/* Children in order of creation, in the arena. */
enum err device_store_children(struct store_tx *tx, int64_t parent_no, struct arena *arena, struct device_core **ret_cores,
                               size_t *ret_count) MUST_CHECK;

/* Ownership, epoch and versions as `core` says. */
enum err device_store_set_owner(struct store_tx *tx, const struct device_core *core) MUST_CHECK;
/* The space versions of the devices in this space grow; these devices as they are then, in the arena. */
enum err device_store_raise_space_version(struct store_tx *tx, int64_t space_no, struct arena *arena,
                                          struct device_core **ret_cores, size_t *ret_count) MUST_CHECK;
enum err device_store_set_info_version(struct store_tx *tx, int64_t no, int32_t info_version) MUST_CHECK;
enum err device_store_set_name(struct store_tx *tx, int64_t no, struct str name) MUST_CHECK; /* its owner's */
/* Before it is set: keeps the change for the timeline, if it is one. `at`: unix ms. */
enum err device_store_note_firmware(struct store_tx *tx, int64_t no, struct str version, int64_t at) MUST_CHECK;
enum err device_store_set_firmware(struct store_tx *tx, int64_t no, struct str version) MUST_CHECK;
/* Name, sub-model, firmware, address, details and parent as `row` says. gives_name: the name is the device's own, be it the same
 * again, and is there again after an un-claim. */
enum err device_store_set_information(struct store_tx *tx, const struct device_row *row, bool gives_name) MUST_CHECK;
enum err device_store_set_applied_space(struct store_tx *tx, int64_t no, int32_t version) MUST_CHECK;
/* One more Update Device call in this hour (since 1970): *ret_count are now counted. */
enum err device_store_count_update(struct store_tx *tx, int64_t no, int64_t hour, int64_t *ret_count) MUST_CHECK;
enum err device_store_set_custom_parameters(struct store_tx *tx, int64_t no, struct str json) MUST_CHECK;
enum err device_store_set_key(struct store_tx *tx, int64_t no, const uint8_t key_hash[SHA256_BYTES], int64_t issued_at) MUST_CHECK;
/* No incident is made for a device whose incidents are suspended (device-api.md 7.3). */
enum err device_store_set_incidents_suspended(struct store_tx *tx, int64_t no, bool suspended) MUST_CHECK;
enum err device_store_set_refused(struct store_tx *tx, int64_t no, int64_t at) MUST_CHECK;
enum err device_store_detach(struct store_tx *tx, int64_t no) MUST_CHECK; /* parent becomes null */
/* What belongs to the former owner goes: incidents, merge groups, dumps, notes, custom parameters, authors of
 * configurations, suspended incidents, a replacement that is waited for, the name that it gave (the device's own, or its
 * model's, is there again); the state starts empty, history rows of former epochs await the purge. */
enum err device_store_forget_owner(struct store_tx *tx, int64_t no, uint32_t epoch) MUST_CHECK;
/* The row and all below it, the stored MQTT session too; history awaits the purge. Children must be gone before. */
enum err device_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;
/* Deletes at most `max` rows that await the purge; *ret_more: some are left. */
enum err device_store_purge(struct store_tx *tx, int64_t max, bool *ret_more) MUST_CHECK;

/* Derived QR codes (portal.md 6.3): first 63 bits of their hash. */
enum err device_store_add_claim_code(struct store_tx *tx, int64_t code, int64_t no) MUST_CHECK;
enum err device_store_remove_claim_code(struct store_tx *tx, int64_t code, int64_t no) MUST_CHECK;
/* Up to `max` devices each. */
enum err device_store_by_claim_code(struct store_tx *tx, int64_t code, int64_t *ret_nos, size_t max, size_t *ret_count) MUST_CHECK;
enum err device_store_by_mac_sn(struct store_tx *tx, struct str mac_normal, struct str sn, int64_t *ret_nos, size_t max,
                                size_t *ret_count) MUST_CHECK;

/* A list of devices, oldest first. A zero or a NULL ptr does not filter. */
struct device_filter {
    int64_t partner_no, organization_no; /* the tenant: exactly one is set */
    int64_t model_no;
    int64_t owner_no;                    /* a partner's filter: claimed by this organization */
    int64_t space_no;                    /* with the spaces below it */
    int64_t parent_no;                   /* children of this device */
    int64_t after_no;                    /* younger than this one */
    struct str visible_spaces;           /* JSON array of space numbers: only what lies in these or below */
    bool unclaimed;
    struct str sn, mac_normal, cloud_id;
    struct str firmware_version;         /* as it is reported */
    struct str nos;                      /* JSON array of row numbers */
    struct str search;                   /* substring of name, sn, mac, cloud_id or id (management-api.md 1.8) */
    struct str name;                     /* substring */
};
/* Visits row numbers from `offset` on, at most `limit` (-1: all), until visit returns false. */
enum err device_store_list(struct store_tx *tx, const struct device_filter *filter, int64_t limit, int64_t offset,
                           bool (*visit)(int64_t no, void *arg), void *arg) MUST_CHECK;
/* How many devices of a model in a space report which firmware; `version` is borrowed for the call. */
enum err device_store_spread(struct store_tx *tx, const struct device_filter *filter,
                             void (*visit)(int64_t model_no, int64_t space_no, struct str version, int64_t count, void *arg),
                             void *arg) MUST_CHECK;
enum err device_store_count(struct store_tx *tx, const struct device_filter *filter, int64_t *ret_count) MUST_CHECK;

/* State snapshots (management-api.md 3.2 histories, 4 history). Rows of former owners are left out. */
struct history_filter {
    struct device_filter devices;
    int64_t device_no;                /* 0: all of the filter */
    int64_t from, to;                 /* unix ms, both inclusive */
    int status;                       /* enum device_status; -1: any */
    bool ascending;
};
struct history_row {
    int64_t device_no, at;
    enum device_status status;
    struct str state;
};
/* `total`: of history_store_count, which decides how they are found. `row` is valid during the call. */
enum err history_store_list(struct store_tx *tx, const struct history_filter *filter, int64_t total, int64_t limit, int64_t offset,
                            void (*visit)(const struct history_row *row, void *arg), void *arg) MUST_CHECK;
enum err history_store_count(struct store_tx *tx, const struct history_filter *filter, int64_t *ret_count) MUST_CHECK;

/* What a device needs to know of the space it is in. */
struct device_space {
    int64_t no, organization_no, parent_no;
    struct str name, path, config; /* config: a JSON object */
};
enum err device_space_find(struct store_tx *tx, int64_t no, struct arena *arena, struct device_space *ret_space) MUST_CHECK;
/* The root space of an organization: *ret_no, 0 if there is none. */
enum err device_space_root(struct store_tx *tx, int64_t organization_no, int64_t *ret_no) MUST_CHECK;

/* The custom parameters a model declares (management-api.md 5.4): a JSON array of {name, type, required}. */
enum err device_store_parameters(struct store_tx *tx, int64_t model_no, struct arena *arena, struct str *ret_json) MUST_CHECK;

#endif
