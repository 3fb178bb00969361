/* First start (portal.md 2): the one-time link, and the one transaction that makes the first person, partner and lab
 * organization. No account, password or key exists before it. */
#ifndef MUSTER_MODEL_SETUP_H
#define MUSTER_MODEL_SETUP_H

#include "base/crypto.h"
#include "model/management/admin.h"
#include "model/op.h"
#include "model/ports/password.h"
#include "model/account/web_session.h"

struct domain;
struct json;

#define SETUP_LINK_LIFE_MS (INT64_C(24) * 3600 * 1000)
#define SETUP_TOKEN_CHARS 43 /* base62: 256 random bits */
#define API_KEY_CHARS 46     /* "mo_" or "mp_" and 43 base62 characters */

/* True as long as there is no user. Any thread; touches no disk. */
bool setup_is_needed(const struct domain *domain);

/* Makes a new link and voids every earlier one. Before the threads start: store_run_now(store, &link.op); later:
 * op_submit with `done` and `home` set. op.err ERR_STATE: set up already, no link. */
struct setup_link {
    struct op op;
    struct domain *domain;
    char token[SETUP_TOKEN_CHARS + 1];
};
void setup_link_prepare(struct setup_link *link, struct domain *domain);

/* The addresses that the person chose at set-up; false: none chosen, what really listens counts. Any thread. */
bool setup_public_url(const struct domain *domain, struct buf *out);
bool setup_mqtt_url(const struct domain *domain, struct buf *out);

/* GET /core/v1/setup */
void setup_state(struct admin *admin);
/* GET /core/v1/setup/{token}: what the form is prefilled with; 404 for anything but the living link. `local_host`: where
 * the request came in. LANE_READ. */
void setup_offer(struct admin *admin, struct store_tx *tx, struct str token, const char *local_host);

/* Finishing. The request's strings are copied; empty ones mean: public_url, mqtt_url: what listens; short_code: random. */
struct setup_request {
    struct str name, email, password;
    struct str public_url, mqtt_url;
    struct str partner_name, short_code;
    struct str address;      /* of the peer, for the audit log */
    struct str local_host;   /* where the request came in; may be empty */
    bool opens_session;      /* signs the person in */
    bool makes_api_keys;     /* full-scope keys of the partner and of the lab organization, returned once */
};

/* One attempt. From the command line, before the threads start:
 *
 *     struct setup_run *run = setup_run_new(domain, &request);
 *     setup_run_prepare(run);                         // hashes and makes the key pair: about a second of CPU
 *     if (!reply_is_error(&run->reply)) err = store_run_now(store, &run->op);
 *     ... run->reply, run->partner_id, run->partner_key ...
 *     setup_run_free(run);
 *
 * Over HTTP: setup_run_submit does it all, with the link checked first and used up by the transaction. */
struct setup_run {
    struct op op;
    struct domain *domain;
    struct arena arena;
    struct setup_request request;
    bool needs_link;
    uint8_t link_hash[SHA256_BYTES];
    char password_hash[PASSWORD_HASH_BYTES];
    struct buf private_pem, public_pem;
    struct admin admin;
    /* results, complete when reply.status is 201 */
    struct reply reply;                       /* 201 {"user","tenants","csrf_token",...}, or the error */
    struct uuid partner_id, organization_id;
    char partner_key[API_KEY_CHARS + 1], organization_key[API_KEY_CHARS + 1]; /* only with makes_api_keys */
    char session_token[WEB_SESSION_TOKEN_CHARS + 1];                          /* only with opens_session */
    struct mailbox *home;
    void (*finished)(struct setup_run *run);
    void *user;                               /* the caller's */
};
struct setup_run *setup_run_new(struct domain *domain, const struct setup_request *request);
void setup_run_free(struct setup_run *run); /* wipes the secrets */
void setup_run_prepare(struct setup_run *run);
/* `token` is the link's. `finished` is called on `home` with reply filled in, whatever happened. */
void setup_run_submit(struct setup_run *run, struct str token, struct mailbox *home,
                      void (*finished)(struct setup_run *run));
/* The request of POST /core/v1/setup/{token}; strings are borrowed from body and arena. False: reply is the error. */
bool setup_request_parse(struct admin *admin, const struct json *body, struct setup_request *ret_request);

#endif
