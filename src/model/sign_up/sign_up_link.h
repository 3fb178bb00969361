/* The one-time link of a referral or a sign-up: its token goes into the mail, its hash into the store. */
#ifndef MUSTER_MODEL_SIGN_UP_LINK_H
#define MUSTER_MODEL_SIGN_UP_LINK_H

#include <stdio.h>

#include "base/crypto.h"
#include "model/domain.h"
#include "model/outbox/mail.h"

#define SIGN_UP_TOKEN_CHARS 43 /* of 62 each: 256 bits */

struct sign_up_link {
    uint8_t hash[SHA256_BYTES];
    char path[SIGN_UP_TOKEN_CHARS + sizeof "/signup/"];
};

/* The mail's link borrows the path; wiped by the caller. */
static inline void sign_up_link_make(struct domain *domain, struct sign_up_link *link, int64_t expires_at, struct mail *mail)
{
    char token[SIGN_UP_TOKEN_CHARS + 1];
    random_base62(token, SIGN_UP_TOKEN_CHARS);
    domain_key_hash(domain, (struct str){token, SIGN_UP_TOKEN_CHARS}, link->hash);
    snprintf(link->path, sizeof link->path, "/signup/%s", token);
    secret_wipe(token, sizeof token);
    mail->link_path = str_from_cstr(link->path);
    mail->link_expires_at = expires_at;
}

#endif
