/* The webhook of a partner as people see it (management-api.md 5.10): its settings and its deliveries. */
#ifndef MUSTER_MODEL_OUTBOX_WEBHOOK_SETTINGS_H
#define MUSTER_MODEL_OUTBOX_WEBHOOK_SETTINGS_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/row.h"

/* Writes the member `webhook` of the partner's settings: {"url","secret","events"}, or null if there is none. The secret is
 * "*****" to whoever may only read, and so are a name, password and query in the URL. False: the reply is the error. Any lane with a store. */
bool webhook_settings_write(struct admin *admin, struct store_tx *tx, struct json_writer *w);
/* Takes over the member `webhook` of a PATCH: url (null or "": no webhook), secret (absent or "*****": kept, or made when
 * there was none; null: a new one), events (null: all). False: the reply is the error. On LANE_REGISTRY. */
bool webhook_settings_change(struct admin *admin, struct store_tx *tx, const struct json *webhook);
/* What of it may stand in the audit log: url (masked_url.h) and events, never the secret. NULL: there is none. The caller frees it. */
struct json *webhook_settings_document(struct admin *admin, struct store_tx *tx);

/* POST /settings/webhook/test: queues an event of type "test", whatever events are wanted; 201, the delivery. */
void webhook_test(struct admin *admin, struct store_tx *tx);

/* The deliveries of the principal's tenant, newest first; `state`: "waiting", "delivered", "failed" or empty. */
void delivery_list(struct admin *admin, struct store_tx *tx, struct str state, struct page page);
/* One of them; 404 "Delivery not found". */
void delivery_read(struct admin *admin, struct store_tx *tx, struct str id);
/* POST /webhook_deliveries/:id/retry: it waits again, with all its tries. 422 "Delivery is waiting already". */
void delivery_retry(struct admin *admin, struct store_tx *tx, struct str id);

#endif
