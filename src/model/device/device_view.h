/* Devices as the outside sees them: the Device objects of both management APIs (management-api.md 2) and the device's
 * own document (device-api.md 7.1). */
#ifndef MUSTER_MODEL_DEVICE_VIEW_H
#define MUSTER_MODEL_DEVICE_VIEW_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/device/device_change.h"

/* "online", "offline", "error", "never_seen"; false: no such status. */
bool device_status_parse(struct str text, enum device_status *ret_status);

/* Appends the Device object of this tenant kind. Any lane with a store; ERR_NOT_FOUND: deleted. */
enum err device_write(struct domain *domain, struct store_tx *tx, struct arena *arena, enum tenant_kind kind, int64_t device_no,
                      struct json_writer *w) MUST_CHECK;
/* Get Device Info (device-api.md 7.1), with `details` and `test` as Update Device answers (7.2). */
enum err device_information_write(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                                  struct arena *arena, bool with_details, struct buf *out) MUST_CHECK;
/* Get Children (2.6): an array, oldest first. */
enum err device_children_write(struct domain *domain, struct store_tx *tx, int64_t parent_no, struct arena *arena,
                               struct buf *out) MUST_CHECK;
/* The Get Space reply (7.4) with what the space inherits. ERR_STATE: unclaimed. */
enum err device_space_write(struct domain *domain, struct store_tx *tx, const struct device_brief *device, struct arena *arena,
                            struct buf *out) MUST_CHECK;

/* The custom parameters of a row: with the passwords for the device, masked for people (management-api.md 2). */
void custom_parameters_write(struct domain *domain, struct json_writer *w, struct str stored, bool masked);

/* ---- for the routes; the reply is complete ---- */

/* The device of the principal's tenant with this id. False: the reply holds the 404 of that tenant's API, or 503. */
bool device_find_for_tenant(struct admin *admin, struct store_tx *tx, struct str id, struct device_core *ret_device);
/* 200 with the Device object, read in this transaction. */
void device_answer(struct admin *admin, struct store_tx *tx, int64_t device_no);

struct device_query {
    struct device_filter filter; /* the tenant is filled in from the principal */
    int status;                  /* enum device_status; -1: any */
};
/* A slice of GET /devices.csv (management-api.md 5.7, 6.1): appends at most `max` lines of devices behind
 * query->filter.after_no, which moves on; *ret_end: these were the last. device_csv_header: the first line. On LANE_READ. */
enum err device_csv_write(struct admin *admin, struct store_tx *tx, struct device_query *query, size_t max, struct buf *out,
                          bool *ret_end) MUST_CHECK;
void device_csv_header(enum tenant_kind kind, struct buf *out);
/* The tenant of the principal, as every list has it. */
void device_filter_set_tenant(const struct admin *admin, struct device_filter *filter);
void device_list(struct admin *admin, struct store_tx *tx, struct device_query *query, struct page page);

struct history_query {
    struct history_filter filter; /* the tenant is filled in; filter.devices and the window by the caller */
};
void device_history_list(struct admin *admin, struct store_tx *tx, struct history_query *query, struct page page);

#endif
