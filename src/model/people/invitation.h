/* Invitations (portal.md 2.4): a one-time link with which a person chooses its password. It is the same kind of link as
 * after a lost one (account/password_reset.h), and leaves by mail. */
#ifndef MUSTER_MODEL_PEOPLE_INVITATION_H
#define MUSTER_MODEL_PEOPLE_INVITATION_H

#include "model/management/admin.h"
#include "model/ports/member_store.h"

#define INVITATION_LIFE_MS (INT64_C(7) * 86400000)

/* Queues the mail; for who has no password yet with a link, which voids an earlier one. */
enum err invitation_send(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                         const struct member_row *member) MUST_CHECK;

#endif
