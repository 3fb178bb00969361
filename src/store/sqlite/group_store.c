#include "model/ports/group_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS "no, id, tenant_kind, tenant_no, kind, name, permissions, created_at"

static struct group_row row_read(struct query *q)
{
    return (struct group_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .tenant_kind = (enum tenant_kind)query_i64(q, 2),
        .tenant_no = query_i64(q, 3),
        .kind = (enum group_kind)query_i64(q, 4),
        .name = query_str(q, 5),
        .permissions = query_str(q, 6),
        .created_at = query_time(q, 7),
    };
}

enum err group_store_insert(struct store_tx *tx, struct group_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO user_group (id, tenant_kind, tenant_no, kind, name, permissions, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->tenant_kind);
    query_bind_i64(&q, 3, row->tenant_no);
    query_bind_i64(&q, 4, row->kind);
    query_bind_str(&q, 5, row->name);
    query_bind_str(&q, 6, row->permissions);
    query_bind_time(&q, 7, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err group_store_update(struct store_tx *tx, const struct group_row *row)
{
    struct query q;
    query_begin(&q, tx, "UPDATE user_group SET name = ?2, permissions = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->name);
    query_bind_str(&q, 3, row->permissions);
    return query_finish(&q);
}

enum err group_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM space_access WHERE subject_kind = 2 AND subject_no = ?1");
    query_bind_i64(&q, 1, no);
    enum err err = query_finish(&q);
    if (err) {
        return err;
    }
    query_begin(&q, tx, "DELETE FROM user_group WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

enum err group_store_find(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                          struct arena *arena, struct group_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM user_group WHERE id = ?1 AND tenant_kind = ?2 AND tenant_no = ?3");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, kind);
    query_bind_i64(&q, 3, tenant_no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->permissions = arena_str(arena, ret_row->permissions);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err group_store_find_kind(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, enum group_kind group,
                               int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM user_group WHERE tenant_kind = ?1 AND tenant_no = ?2 AND kind = ?3");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    query_bind_i64(&q, 3, group);
    bool found = query_next(&q);
    if (found) {
        *ret_no = query_i64(&q, 0);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err group_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, struct page page,
                          void (*visit)(const struct group_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM user_group WHERE tenant_kind = ?1 AND tenant_no = ?2 ORDER BY no LIMIT ?3 OFFSET ?4");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    query_bind_i64(&q, 3, page.size);
    query_bind_i64(&q, 4, page_offset(page));
    while (query_next(&q)) {
        struct group_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t group_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM user_group WHERE tenant_kind = ?1 AND tenant_no = ?2");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}

enum err group_store_add(struct store_tx *tx, int64_t group_no, int64_t user_no)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO group_member (group_no, user_no) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
    query_bind_i64(&q, 1, group_no);
    query_bind_i64(&q, 2, user_no);
    return query_finish(&q);
}

enum err group_store_remove(struct store_tx *tx, int64_t group_no, int64_t user_no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM group_member WHERE group_no = ?1 AND user_no = ?2");
    query_bind_i64(&q, 1, group_no);
    query_bind_i64(&q, 2, user_no);
    return query_finish(&q);
}

enum err group_store_remove_from_all(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM group_member WHERE user_no = ?3 AND group_no IN "
                "(SELECT no FROM user_group WHERE tenant_kind = ?1 AND tenant_no = ?2)");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    query_bind_i64(&q, 3, user_no);
    return query_finish(&q);
}

enum err group_store_of_user(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                             void (*visit)(const struct group_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM user_group WHERE tenant_kind = ?1 AND tenant_no = ?2 AND no IN "
                "(SELECT group_no FROM group_member WHERE user_no = ?3) ORDER BY no");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    query_bind_i64(&q, 3, user_no);
    while (query_next(&q)) {
        struct group_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

/* Deactivated people stay in their groups, unseen. */
enum err group_store_users(struct store_tx *tx, int64_t group_no, void (*visit)(const struct group_user *user, void *arg),
                           void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT u.no, u.id, u.name, u.email, m.invitation_hash IS NOT NULL FROM group_member l JOIN user_group g ON g.no = l.group_no "
                "JOIN membership m ON m.user_no = l.user_no AND m.tenant_kind = g.tenant_kind AND m.tenant_no = g.tenant_no "
                "AND m.deactivated_at IS NULL JOIN user u ON u.no = l.user_no WHERE l.group_no = ?1 ORDER BY u.no");
    query_bind_i64(&q, 1, group_no);
    while (query_next(&q)) {
        struct group_user user = {query_i64(&q, 0), query_uuid(&q, 1), query_str(&q, 2), query_str(&q, 3),
                                  query_i64(&q, 4) != 0};
        visit(&user, arg);
    }
    return query_finish(&q);
}

enum err group_store_administrators(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) FROM user_group g JOIN group_member l ON l.group_no = g.no JOIN membership m ON "
                "m.user_no = l.user_no AND m.tenant_kind = ?1 AND m.tenant_no = ?2 AND m.deactivated_at IS NULL "
                "AND m.invitation_hash IS NULL WHERE g.tenant_kind = ?1 AND g.tenant_no = ?2 AND g.kind = 1");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    enum err err = query_finish(&q);
    if (!err) {
        *ret_count = count;
    }
    return err;
}
