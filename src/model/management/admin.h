/* One call of a management API on its way through the domain: who asks, where the answer goes, and what becomes visible
 * in memory once the transaction is committed. Functions of the domain take it with the running transaction:
 *
 *     void model_create(struct admin *admin, struct store_tx *tx, const struct json *body);
 *
 * and write admin->reply. An error reply (status >= 400) makes the caller roll the transaction back. */
#ifndef MUSTER_MODEL_ADMIN_H
#define MUSTER_MODEL_ADMIN_H

#include "base/arena.h"
#include "model/account/principal.h"
#include "model/reply.h"

struct domain;
struct store_tx;

struct admin_effect {
    struct admin_effect *next;
    void (*run)(struct domain *domain, void *arg);
    void *arg;
};

struct admin {
    struct domain *domain;
    struct arena *arena;        /* lives until the reply is sent */
    struct reply *reply;
    struct principal principal;
    struct str address;         /* of the peer, for the audit log; may be empty */
    struct admin_effect *effects, **effects_end;
};

/* The struct stays where it is afterwards: it points into itself. */
void admin_init(struct admin *admin, struct domain *domain, struct arena *arena, struct reply *reply,
                const struct principal *principal, struct str address);
/* `run(domain, arg)` right after the commit, on the writer's thread, in the order of these calls; never after a roll
 * back. `arg` must live as long as the arena. */
void admin_on_commit(struct admin *admin, void (*run)(struct domain *domain, void *arg), void *arg);
/* To be called from op.committed (call->committed). */
void admin_committed(struct admin *admin);

/* Answers a store's failure that has no text of its own: 503 or 500. True if err is not ERR_OK. */
bool admin_failed(struct admin *admin, enum err err);
/* 200 {"success":true} */
void admin_reply_success(struct admin *admin);

#endif
