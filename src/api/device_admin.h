/* What the device routes of both management APIs share. */
#ifndef MUSTER_API_DEVICE_ADMIN_H
#define MUSTER_API_DEVICE_ADMIN_H

#include "api/admin_call.h"
#include "model/device/device_view.h"

/* Finds :id, the first parameter, among the principal's devices. False: the reply is the 404, or 503. */
bool device_admin_find(struct call *call, struct store_tx *tx, struct admin **ret_admin, struct device_core *ret_device);

/* Handlers that are the same for partners and organizations. */
void device_admin_get(struct call *call, struct store_tx *tx);
void device_admin_delete(struct call *call, struct store_tx *tx);
void device_admin_unclaim(struct call *call, struct store_tx *tx);
void device_admin_series(struct call *call, struct store_tx *tx);
void device_admin_config(struct call *call, struct store_tx *tx);
void device_admin_commands(struct call *call, struct store_tx *tx);
void device_admin_replace(struct call *call, struct store_tx *tx);
void device_admin_replace_cancel(struct call *call, struct store_tx *tx);
void device_admin_trace(struct call *call, struct store_tx *tx);
void device_admin_trace_end(struct call *call, struct store_tx *tx);
/* The newest messages as a JSON array (management-api.md 4), appended to the reply. False: the reply is an error. */
bool device_admin_telemetries(struct call *call, struct store_tx *tx);

/* `from` and `to` of the query; each stays when it is absent. False: 422 is answered. */
MUST_CHECK bool device_admin_window(struct call *call, int64_t *from, int64_t *to);
/* Filters of lists; a value that names nothing matches nothing. */
void device_admin_filter_model(struct call *call, struct device_filter *filter);
void device_admin_filter_space(struct call *call, struct device_filter *filter);
int device_admin_status(struct call *call);
/* The filters of the two lists of devices (management-api.md 3.2, 4); texts borrow from the call. */
void organization_device_query(struct call *call, struct device_query *query);
void partner_device_query(struct call *call, struct device_query *query);

#endif
