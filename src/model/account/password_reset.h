/* Lost access (portal.md 2.4): a one-time link, made on the machine itself, with which one person sets a new password. */
#ifndef MUSTER_MODEL_PASSWORD_RESET_H
#define MUSTER_MODEL_PASSWORD_RESET_H

#include "model/account/user.h"

#define RESET_TOKEN_CHARS 43 /* of 62 each: 256 bits */
#define RESET_LINK_LIFE_MS (INT64_C(24) * 3600 * 1000)

/* Makes a link and voids the person's earlier one; only the token's hash is stored. op.err ERR_NOT_FOUND: no active
 * account has the address. */
struct reset_link {
    struct op op;
    struct domain *domain;
    struct str email;                  /* the caller's */
    char token[RESET_TOKEN_CHARS + 1]; /* the result */
};
void reset_link_prepare(struct reset_link *link, struct domain *domain, struct str email);

/* POST /core/v1/session/reset through the lanes: sets the password, ends every session of the person. Signs nobody in. A
 * link made on the machine also turns one-time codes off (the device that makes them may be what was lost); one that came
 * by mail does not: a mailbox is not a second factor. 404 "Reset link not found"; 422 for the link of an invitation that
 * wants its person signed in. */
struct password_reset {
    struct op op;
    struct domain *domain;
    struct arena arena;
    uint8_t token_hash[SHA256_BYTES];
    struct str password, name, address; /* in the arena; a name counts with an invitation only; empty: it stays */
    bool address_exempt, resets_otp;
    char new_hash[PASSWORD_HASH_BYTES];
    struct admin admin;
    struct reply reply;
    struct mailbox *home;
    void (*finished)(struct password_reset *reset);
    void *user;                        /* the caller's */
};
struct password_reset *password_reset_new(struct domain *domain, struct str token, struct str password,
                                          struct str address, bool address_exempt);
void password_reset_free(struct password_reset *reset); /* wipes the secrets */
/* To be set before it is submitted. */
void password_reset_set_name(struct password_reset *reset, struct str name);
/* `finished` is called on `home` with reply filled in, whatever happened. */
void password_reset_submit(struct password_reset *reset, struct mailbox *home,
                           void (*finished)(struct password_reset *reset));

#endif
