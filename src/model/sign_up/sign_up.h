/* Becoming a customer (portal.md 3, 4.14): somebody confirms its address by the link of a mail, and makes an organization that
 * it administers. The mail is a referral's (referral.h), or one that was asked for where the partner offers sign-up
 * (management-api.md 5.10, self_signup). Who has an account already does it signed in with that account. */
#ifndef MUSTER_MODEL_SIGN_UP_H
#define MUSTER_MODEL_SIGN_UP_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/password.h"
#include "model/ports/sign_up_store.h"

#define SIGN_UP_LIFE_MS (INT64_C(24) * 3600 * 1000)
#define SIGN_UP_PAUSE_MS (INT64_C(15) * 60000) /* one mail in that time to an address, however often it is asked for */
#define SIGN_UPS_MAX 10000      /* that wait, of a partner */

/* GET /signup: {"self_signup","partner"} of whose origin `host` is. On LANE_READ. */
void sign_up_offer(struct admin *admin, struct store_tx *tx, struct str host);
/* POST /signup {"email"}: {"success":true} whatever becomes of it: who asks does not learn which accounts there are. Nothing is
 * stored or mailed beyond MAIL_BURST_SIGN_UPS of the partner's. 404 "Sign-up is not offered here", 422 "Email is not an email",
 * 429 as for sign-ins. On LANE_REGISTRY. */
void sign_up_ask(struct admin *admin, struct store_tx *tx, struct str host, const struct json *body, bool address_exempt);

/* GET /signup/:token: what the page shows; 404 "Sign-up link not found", and "Sign-up is not offered here" when the partner has
 * switched it off since (a referral is good all the same). On LANE_READ. */
void sign_up_read(struct admin *admin, struct store_tx *tx, struct str token);

/* POST /signup/:token {"organization_name","name","password"}, in three steps. */
struct sign_up_completion {
    struct str token, organization_name, name, password; /* in the call's arena; the last two not of who has an account */
    int64_t session_user_no;                             /* who is signed in; 0: nobody */
    bool address_exempt;                                 /* of the limits of one address */
    bool has_account;
    char password_hash[PASSWORD_HASH_BYTES];
};
/* On LANE_READ. False: the reply is the error: 404 as above, 422 of fields, 422 "Sign in to accept this invitation", 429 as for
 * sign-ins: a wrong link counts, and a hash that was computed for nothing. */
bool sign_up_begin(struct admin *admin, struct store_tx *tx, const struct json *body, struct sign_up_completion *completion);
/* On a worker: the password's hash, for who has no account. False: the reply is the error. */
bool sign_up_hash(struct admin *admin, struct sign_up_completion *completion);
/* On LANE_REGISTRY: 201 {"organization":{"id","name"}}. Signs nobody in. */
void sign_up_complete(struct admin *admin, struct store_tx *tx, struct sign_up_completion *completion);

#endif
