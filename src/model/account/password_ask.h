/* "Forgotten password" (portal.md 3): a link to set a new one goes to the address by mail, if an account has it. */
#ifndef MUSTER_MODEL_PASSWORD_ASK_H
#define MUSTER_MODEL_PASSWORD_ASK_H

#include "base/arena.h"
#include "model/op.h"
#include "model/reply.h"

struct domain;

/* One link in that time for an account, however often it is asked for: anybody may ask, and each voids the one before. */
#define PASSWORD_ASK_PAUSE_MS (INT64_C(15) * 60000)

/* POST /core/v1/session/reset {"email"} through the lanes. Answers {"success":true} whether there is such an account or
 * not; 422 for what is no address, 429 as for sign-ins. A link made on the machine stays the one that is good. */
struct password_ask {
    struct op op;
    struct domain *domain;
    struct arena arena;
    struct str email, address;      /* in the arena */
    bool address_exempt;
    struct reply reply;
    void (*finished)(struct password_ask *ask);
    void *user;                     /* the caller's */
};
struct password_ask *password_ask_new(struct domain *domain, struct str email, struct str address, bool address_exempt);
void password_ask_free(struct password_ask *ask);
/* `finished` is called on `home` with reply filled in, whatever happened. */
void password_ask_submit(struct password_ask *ask, struct mailbox *home, void (*finished)(struct password_ask *ask));

#endif
