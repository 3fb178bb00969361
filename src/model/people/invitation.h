/* Invitations (portal.md 3): a one-time link that leaves by mail. Who has no account yet chooses its password with it: it is
 * the same kind of link as after a lost one (account/password_reset.h). Who has one consents with it, signed in: neither
 * somebody else who uses that account under a false address, nor the one who invites, can do that. */
#ifndef MUSTER_MODEL_PEOPLE_INVITATION_H
#define MUSTER_MODEL_PEOPLE_INVITATION_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/member_store.h"
#include "model/ports/web_session_store.h"

#define INVITATION_LIFE_MS (INT64_C(7) * 86400000)

/* Queues the mail to a member: with a link for who has no password yet, or has still to consent; it voids an earlier one. */
enum err invitation_send(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                         const struct member_row *member) MUST_CHECK;
/* Whether this account would come into the tenant by its own consent only: it is somebody's in another tenant, or has a
 * password; and it is not the one that asks. */
enum err invitation_needs_consent(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                                  int64_t user_no, bool has_password, bool *ret_needs) MUST_CHECK;
/* Makes the account one that is invited, and no member before it consents; the mail is invitation_send's. */
enum err invitation_put(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                        bool external) MUST_CHECK;
/* A member at once, without asking. As with whoever comes into a tenant, links that would set its password end: who
 * administered all its tenants until now may have read one, and does no longer administer all. */
enum err invitation_join(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                         bool external) MUST_CHECK;
/* POST /session/invitation {"token"}: the signed-in person accepts. 404 "Invitation not found". On LANE_REGISTRY; answers
 * with the session. */
void invitation_accept(struct admin *admin, struct store_tx *tx, const struct web_session_row *session, const struct json *body);

#endif
