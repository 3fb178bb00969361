/* The mail relay of the installation (management-api.md 8.2, 10.2): where every mail goes. Kept in the store's settings,
 * the password sealed. */
#ifndef MUSTER_MODEL_OUTBOX_MAIL_RELAY_H
#define MUSTER_MODEL_OUTBOX_MAIL_RELAY_H

#include "codec/json/json.h"
#include "model/management/admin.h"

enum mail_security {
    MAIL_PLAIN,    /* "none" */
    MAIL_STARTTLS, /* "starttls": refused by a relay that cannot */
    MAIL_TLS,      /* "tls" from the first byte */
};

struct mail_relay {
    struct str host;      /* a name or an address; empty: there is no relay */
    int64_t port;
    enum mail_security security;
    struct str user, password; /* user empty: no sign-in */
    struct str from;      /* the sender's address */
};

/* Any lane with a store; strings are in the arena. The password is the caller's to keep quiet about. */
enum err mail_relay_load(struct domain *domain, struct store_tx *tx, struct arena *arena,
                         struct mail_relay *ret_relay) MUST_CHECK;
enum err mail_relay_exists(struct store_tx *tx, bool *ret_exists) MUST_CHECK;

/* {"host","port","security","user","password","from"}, the password as "*****", null if there is none. */
void mail_relay_write(struct json_writer *w, const struct mail_relay *relay);
/* Changes the members that `body` has; "*****" keeps the password, host "" or null removes the relay. On failure the
 * reply is the error (422) and the answer false. On LANE_REGISTRY. */
bool mail_relay_change(struct admin *admin, struct store_tx *tx, const struct json *body);

#endif
