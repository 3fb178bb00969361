/* People: signing in and out, the account behind a session (management-api.md 10.1). */
#ifndef MUSTER_MODEL_USER_H
#define MUSTER_MODEL_USER_H

#include "model/management/admin.h"
#include "model/op.h"
#include "model/ports/password.h"
#include "model/ports/user_store.h"
#include "model/account/web_session.h"

struct json;

/* The session object: {"user","tenants","current","csrf_token"}. Status 200. */
void session_write(struct admin *admin, struct store_tx *tx, const struct web_session_row *session);

/* Text length in characters, at least PASSWORD_CHARS_MIN: 422 "Password is too short (minimum is 12 characters)". */
bool password_is_acceptable(struct admin *admin, struct str password);

/* One attempt to sign in (or to change the password, below), through the lanes: read the account, compute the hash on a
 * worker, open the session. */
struct sign_in {
    struct op op;
    struct domain *domain;
    struct arena arena;
    struct str email, password;      /* in the arena */
    struct str otp;                  /* the one-time code; empty: none came */
    bool is_code_wanted;             /* the password was right, the code is missing: nothing was guessed */
    struct str address;
    bool address_exempt;             /* loopback and limits_exempt: no limit per address */
    struct user_row account;
    bool is_right;
    char new_hash[PASSWORD_HASH_BYTES]; /* when the stored one is outdated; else empty */
    struct admin admin;
    /* result */
    struct reply reply;              /* 200 with the session object, 401, 429, 503 */
    char session_token[WEB_SESSION_TOKEN_CHARS + 1];
    struct mailbox *home;
    void (*finished)(struct sign_in *sign_in);
    void *user;                      /* the caller's */
};
struct sign_in *sign_in_new(struct domain *domain, struct str email, struct str password, struct str address,
                            bool address_exempt);
/* The code that came with the password; to be set before sign_in_submit. */
void sign_in_set_otp(struct sign_in *sign_in, struct str otp);
void sign_in_free(struct sign_in *sign_in); /* wipes the secrets */
/* `finished` is called on `home` with reply filled in, whatever happened. */
void sign_in_submit(struct sign_in *sign_in, struct mailbox *home, void (*finished)(struct sign_in *sign_in));

/* POST /core/v1/session/password {"current","password"}: ends the other sessions. Same way through the lanes. */
struct password_change {
    struct op op;
    struct domain *domain;
    struct arena arena;
    struct principal principal;
    uint8_t session_hash[SHA256_BYTES]; /* the session that asks stays */
    struct str current, password;
    struct str address;
    struct user_row account;
    bool is_right;
    char new_hash[PASSWORD_HASH_BYTES];
    struct admin admin;
    struct reply reply;              /* 200 {"success":true}, 422 */
    struct mailbox *home;
    void (*finished)(struct password_change *change);
    void *user;
};
struct password_change *password_change_new(struct domain *domain, const struct principal *principal,
                                            const uint8_t session_hash[SHA256_BYTES], struct str current,
                                            struct str password, struct str address);
void password_change_free(struct password_change *change);
void password_change_submit(struct password_change *change, struct mailbox *home,
                            void (*finished)(struct password_change *change));

/* Counts one attempt at guessing a password, code or link. False: over a limit, 429 is answered. Successful attempts are
 * given back (attempts.h). */
bool signin_attempt_take(struct domain *domain, struct str address, struct str account, bool address_exempt,
                         struct reply *reply);
/* The tenants a person acts for at first, set in the row; user_no is given. */
enum err session_first_tenants(struct store_tx *tx, struct web_session_row *session) MUST_CHECK;

/* On LANE_REGISTRY. */
void session_sign_out(struct admin *admin, struct store_tx *tx, const uint8_t session_hash[SHA256_BYTES]);
/* {"kind","id"}: acts for that tenant from now on; 404 "Tenant not found" unless the user belongs to it. */
void session_switch_tenant(struct admin *admin, struct store_tx *tx, const struct web_session_row *session,
                           const struct json *body);
/* An object of at most 16 KiB, the portal's own. */
void preferences_read(struct admin *admin, struct store_tx *tx);
void preferences_write(struct admin *admin, struct store_tx *tx, const struct json *body);

#endif
