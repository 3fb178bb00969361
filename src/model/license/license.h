/* Licences (device-api.md 6, management-api.md 5.8, 6.1): signed text that a partner makes for a customer, on one device at
 * a time. What the device is to do about it waits as an action until it reports. The device enforces the expiry; here it
 * only keeps a licence from being assigned. */
#ifndef MUSTER_MODEL_LICENSE_H
#define MUSTER_MODEL_LICENSE_H

#include "codec/json/json.h"
#include "model/device/device_change.h"
#include "model/ports/license_store.h"

enum { LICENSES_OF_DEVICE_MAX = 50 };

/* "inuse" ...; false: no such state. */
bool license_state_parse(struct str text, enum license_state *ret_state);

/* ---- by people and keys; they write admin->reply. Changes are for LANE_REGISTRY ---- */

/* A new licence is signed on a worker, between two lanes: license_prepare() on LANE_READ, license_sign() on LANE_WORK,
 * license_create() on LANE_REGISTRY, with the same order and body. An error reply ends it. */
struct license_order {
    struct license_key key; /* the partner's; made by license_sign() if there was none */
    bool key_is_new;
    struct str signature;   /* base64 */
};
void license_prepare(struct admin *admin, struct store_tx *tx, const struct json *body, struct license_order *ret_order);
void license_sign(struct admin *admin, const struct json *body, struct license_order *order);
void license_create(struct admin *admin, struct store_tx *tx, const struct json *body, const struct license_order *order);

/* A page of the principal's licences; the tenant is put into the filter here. */
void license_list(struct admin *admin, struct store_tx *tx, struct license_filter filter, struct page page);
/* By the partner. */
void license_assign(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void license_unassign(struct admin *admin, struct store_tx *tx, struct str id); /* at once, whatever the device says */
void license_revoke(struct admin *admin, struct store_tx *tx, struct str id);   /* the device is told to remove it */
void license_renew(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
/* By the owner of the device. */
void license_assign_to(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
void license_revoke_of(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str id);
/* GET /settings/license_key: what signatures are verified with. */
void license_public_key(struct admin *admin, struct store_tx *tx);

/* The licences of a device that leaves its owner, or is deleted, are its organization's again (device-api.md 2.7, 10.1). */
enum err license_free_all(struct device_change *change, const struct device_core *device) MUST_CHECK;

/* ---- by the device ---- */

/* The next waiting one or {}, or all as an array. Being fetched is noted, on LANE_REGISTRY: on LANE_READ the reply is
 * left empty when that is due (device-api.md 6.1, 6.2). */
enum err license_fetch(struct device_change *change, const struct device_brief *device, bool all, bool may_write,
                       struct reply *reply) MUST_CHECK;
/* inuse, removed, error or pending (6.3). `correlation`: MQTT Correlation Data, in place of a missing id; empty: none. On
 * LANE_REGISTRY. */
enum err license_report(struct device_change *change, const struct device_brief *device, const struct json *body,
                        struct str correlation, struct reply *reply) MUST_CHECK;
/* As the device sees a waiting one (6.1). */
void license_write_for_device(struct json_writer *w, const struct device_brief *device, const struct license_row *row,
                              int64_t now_ms);

#endif
