/* People signed in to the portals (management-api.md 10.1): the cookie, the sessions in memory, and who a session acts
 * for. Sessions survive a restart; when one was last used is written to the store once a minute. */
#ifndef MUSTER_MODEL_WEB_SESSION_H
#define MUSTER_MODEL_WEB_SESSION_H

#include "base/crypto.h"
#include "base/err.h"
#include "model/ports/web_session_store.h"
#include "model/account/principal.h"

struct domain;
struct store_tx;
struct admin;

#define WEB_SESSIONS_OF_USER_MAX 100 /* one more ends the one that was not used for longest */
#define WEB_SESSION_IDLE_MAX_MS (INT64_C(12) * 3600 * 1000)
#define WEB_SESSION_TOKEN_CHARS 43
#define WEB_SESSION_COOKIE_TLS "__Host-muster" /* the browser keeps it to this host, over TLS */
#define WEB_SESSION_COOKIE_PLAIN "muster"      /* plain HTTP: sign-in only from loopback */

/* The session of a request. True: found and not idle for 12 h; *ret_principal acts for the tenant of kind `wanted` (0:
 * whatever the tenant), and ret_csrf is what X-CSRF-Token must be on writes. False: no session, or it does not act for a
 * tenant of that kind, or that tenant is suspended. Counts as use of the session. Any thread; touches no disk. */
bool web_session_resolve(struct domain *domain, struct str cookie_header, bool is_tls, enum tenant_kind wanted,
                         struct principal *ret_principal, char ret_csrf[CSRF_TOKEN_CHARS + 1]);

/* The stored form of the session token in a Cookie header. False: none in it. */
bool web_session_token_hash(struct domain *domain, struct str cookie_header, bool is_tls,
                            uint8_t ret_hash[SHA256_BYTES]);
/* The person as the audit log names it: acting for the session's partner, or else its organization. */
struct principal web_session_principal(const struct web_session_row *row);
/* A copy of the session; false: none, or idle for too long. */
bool web_session_find(struct domain *domain, const uint8_t token_hash[SHA256_BYTES], struct web_session_row *ret_row);
/* The session is still there, not idle for too long, and acts for this tenant; does not count as use. */
bool web_session_acts_for(struct domain *domain, const uint8_t token_hash[SHA256_BYTES], enum tenant_kind kind,
                          int64_t tenant_no);
/* Who the session's person is for the tenant of this kind that it acts for, as web_session_resolve has it; does not count
 * as use. */
bool web_session_look(struct domain *domain, const uint8_t token_hash[SHA256_BYTES], enum tenant_kind wanted,
                      struct principal *ret_principal);

/* Opens a session for a user in the registry's transaction and prepares its effect; the token goes into the cookie and
 * nowhere else. `row`: user and tenants are set by the caller, the rest is filled in. */
enum err web_session_open(struct admin *admin, struct store_tx *tx, struct web_session_row *row,
                          char ret_token[WEB_SESSION_TOKEN_CHARS + 1]) MUST_CHECK;
enum err web_session_set_tenants(struct admin *admin, struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES],
                                 int64_t partner_no, int64_t organization_no) MUST_CHECK;
enum err web_session_end(struct admin *admin, struct store_tx *tx, const uint8_t token_hash[SHA256_BYTES]) MUST_CHECK;
/* All sessions of the user but one; `except` NULL: all. */
enum err web_session_end_of_user(struct admin *admin, struct store_tx *tx, int64_t user_no,
                                 const uint8_t except[SHA256_BYTES]) MUST_CHECK;

enum err web_sessions_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;

#endif
