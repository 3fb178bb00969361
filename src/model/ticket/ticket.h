/* Tickets about devices, between an organization and its partner (management-api.md 3.7, 4). Every function writes
 * admin->reply: for a partner the ticket, and 401 for one that is unknown or another's; for an organization success, and
 * 404. */
#ifndef MUSTER_MODEL_TICKET_H
#define MUSTER_MODEL_TICKET_H

#include "codec/json/json.h"
#include "model/management/admin.h"

#define TICKETS_OPEN_MAX 5000  /* of an organization */
#define TICKETS_LISTED_MAX 5000
#define TICKET_COMMENTS_MAX 1000

/* `status`: "open" (also when empty), "resolved" or "all". */
void ticket_list(struct admin *admin, struct store_tx *tx, struct str status);
void ticket_read(struct admin *admin, struct store_tx *tx, struct str id);
/* By the organization. */
void ticket_create(struct admin *admin, struct store_tx *tx, const struct json *body);
void ticket_update(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body);
void ticket_resolve(struct admin *admin, struct store_tx *tx, struct str id);
/* `message`: of the body, or else of the query. */
void ticket_message(struct admin *admin, struct store_tx *tx, struct str id, const struct json *body, struct str of_query);

#endif
