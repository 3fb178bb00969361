/* Mails as people see them: what was sent, and without a mail relay what is to be handed on by other means
 * (management-api.md 8.2). */
#ifndef MUSTER_MODEL_OUTBOX_MAIL_LIST_H
#define MUSTER_MODEL_OUTBOX_MAIL_LIST_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/row.h"

/* Whose mails a call is about: of the principal's tenant, or all of the installation (for system administrators). */
enum mail_scope { MAILS_OF_TENANT, MAILS_OF_INSTALLATION };

/* Newest first: {"id","kind","to","subject","text","link","state","attempts","error","next_attempt_at","created_at",
 * "finished_at"}; `state`: waiting, sent, failed, or listed (there was no relay). `link` is null once it was sent, has
 * expired, or would let its reader act for a person of a tenant that it does not administer. In the installation's list, `subject` and
 * `text` of a tenant that its reader does not administer are null. On LANE_READ. */
void mail_list(struct admin *admin, struct store_tx *tx, enum mail_scope scope, struct page page);
/* POST /mails/:id/retry: 404 "Mail not found", 422 "Mail is not to be sent again". On LANE_REGISTRY. */
void mail_retry(struct admin *admin, struct store_tx *tx, enum mail_scope scope, struct str id);

/* POST /system/settings/smtp/test {"to"}: queues a mail that says that mail arrives; 201, the mail. */
void mail_test(struct admin *admin, struct store_tx *tx, const struct json *body);

#endif
