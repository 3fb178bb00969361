/* Mail to the people who administer a tenant (portal.md 6.5). */
#ifndef MUSTER_MODEL_OUTBOX_ADMINISTRATORS_H
#define MUSTER_MODEL_OUTBOX_ADMINISTRATORS_H

#include "model/management/admin.h"
#include "model/outbox/mail.h"

#define ADMINISTRATORS_MAILED_MAX 20

/* Queues the mail once for each active administrator of mail->tenant_kind and tenant_no, at most so many; `to` is filled
 * in. On LANE_REGISTRY. */
enum err mail_queue_administrators(struct domain *domain, struct store_tx *tx, const struct mail *mail) MUST_CHECK;

/* A device was claimed into, or by its maker assigned to, this organization: `what` is its name, or says how many. */
enum err mail_claimed(struct admin *admin, struct store_tx *tx, int64_t organization_no, struct str what,
                      int64_t space_no) MUST_CHECK;

#endif
