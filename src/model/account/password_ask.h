/* "Forgotten password" (portal.md 3): a link to set a new one goes to the address by mail, if an account has it. */
#ifndef MUSTER_MODEL_PASSWORD_ASK_H
#define MUSTER_MODEL_PASSWORD_ASK_H

#include "base/arena.h"
#include "model/op.h"
#include "model/reply.h"

struct domain;

#define PASSWORD_ASK_PAUSE_MS 60000 /* one link a minute for an account, however often it is asked for */

/* POST /core/v1/session/reset {"email"} through the lanes. Answers {"success":true} whether there is such an account or
 * not; 422 for what is no address, 429 as for sign-ins. */
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
