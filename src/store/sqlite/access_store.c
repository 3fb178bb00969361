#include "model/ports/access_store.h"

#include "store/sqlite/tx.h"

enum err access_store_tenants(struct store_tx *tx, void (*visit)(enum tenant_kind kind, int64_t no, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT DISTINCT tenant_kind, tenant_no FROM membership");
    while (query_next(&q)) {
        visit((enum tenant_kind)query_i64(&q, 0), query_i64(&q, 1), arg);
    }
    return query_finish(&q);
}

enum err access_store_members(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                              void (*visit)(int64_t user_no, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT user_no FROM membership WHERE tenant_kind = ?1 AND tenant_no = ?2 AND deactivated_at IS NULL "
                "AND invitation_hash IS NULL "
                "ORDER BY user_no");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    while (query_next(&q)) {
        visit(query_i64(&q, 0), arg);
    }
    return query_finish(&q);
}

enum err access_store_groups(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                             void (*visit)(int64_t user_no, int64_t group_no, enum group_kind group, struct str permissions,
                                           void *arg),
                             void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT l.user_no, g.no, g.kind, g.permissions FROM user_group g JOIN group_member l ON l.group_no = g.no "
                "WHERE g.tenant_kind = ?1 AND g.tenant_no = ?2 ORDER BY l.user_no");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    while (query_next(&q)) {
        visit(query_i64(&q, 0), query_i64(&q, 1), (enum group_kind)query_i64(&q, 2), query_str(&q, 3), arg);
    }
    return query_finish(&q);
}

enum err access_store_grants(struct store_tx *tx, int64_t organization_no,
                             void (*visit)(const struct access_grant *grant, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT a.subject_kind, a.subject_no, a.space_no, a.role FROM space_access a JOIN space s ON s.no = a.space_no "
                "WHERE s.organization_no = ?1 ORDER BY a.subject_kind, a.subject_no");
    query_bind_i64(&q, 1, organization_no);
    while (query_next(&q)) {
        struct access_grant grant = {(enum access_subject)query_i64(&q, 0), query_i64(&q, 1), query_i64(&q, 2),
                                     (enum space_role)query_i64(&q, 3)};
        visit(&grant, arg);
    }
    return query_finish(&q);
}
