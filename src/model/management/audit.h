/* The audit log (management-api.md 10.3): who changed what, append-only, never a secret. */
#ifndef MUSTER_MODEL_AUDIT_H
#define MUSTER_MODEL_AUDIT_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/row.h"
#include "model/account/principal.h"

/* Who acts: "user" (shown by name), "key" (by the key's name), "device" (by id), "system". */
struct audit_actor {
    const char *kind;
    struct str name;             /* ptr NULL: none */
    struct str address;          /* of the peer; may be empty */
    enum tenant_kind tenant_kind; /* in whose log it goes; 0: the installation's */
    int64_t tenant_no;
};
/* Reads the actor's name in the transaction; strings live in the arena. */
void audit_actor_of_principal(struct store_tx *tx, const struct principal *principal, struct str address,
                              struct arena *arena, struct audit_actor *ret_actor);

struct audit_entry {
    struct audit_actor actor;
    const char *action;          /* "model.create" */
    const char *object_kind;     /* "model" */
    struct str object_id;        /* may be empty */
    struct str detail;           /* JSON object without secrets; empty: none */
};
/* Appends to the log in the transaction; a fault is sticky there. */
void audit_write(struct domain *domain, struct store_tx *tx, const struct audit_entry *entry);
/* The same for a management call. */
void admin_audit(struct admin *admin, struct store_tx *tx, const char *action, const char *object_kind,
                 struct str object_id, struct str detail);

/* {"before":{...},"after":{...}} with the members that differ; the result lives in the arena. NULL: no such side. */
struct str audit_diff(struct arena *arena, const struct json *before, const struct json *after);

struct audit_filter {
    struct str action, object_kind, object_id; /* empty: any */
    int64_t from, to;                          /* TIME_NONE: open */
    bool ascending;                            /* oldest first */
};
/* GET /audit of a tenant, newest first. */
void audit_list(struct admin *admin, struct store_tx *tx, const struct audit_filter *filter, struct page page);
/* Of a tenant, or of the installation itself (kind 0). */
void audit_list_of(struct admin *admin, struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                   const struct audit_filter *filter, struct page page);

#endif
