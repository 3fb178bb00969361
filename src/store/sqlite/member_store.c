#include "model/ports/member_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS                                                                                                     \
    "u.no, u.id, u.name, u.email, m.role = 'external', ifnull(u.password_hash, '') <> '', "                         \
    "(SELECT json_group_array(name) FROM (SELECT g.name AS name FROM group_member l JOIN user_group g "             \
    "ON g.no = l.group_no WHERE l.user_no = u.no AND g.tenant_kind = m.tenant_kind AND g.tenant_no = m.tenant_no "  \
    "ORDER BY g.no)), u.created_at, m.deactivated_at, u.last_login_at, u.login_count, u.last_login_address, "            \
    "m.invitation_hash IS NOT NULL "

static struct member_row row_read(struct query *q)
{
    return (struct member_row){
        .user_no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .name = query_str(q, 2),
        .email = query_str(q, 3),
        .external = query_i64(q, 4) != 0,
        .has_password = query_i64(q, 5) != 0,
        .group_names = query_str(q, 6),
        .created_at = query_time(q, 7),
        .deactivated_at = query_time(q, 8),
        .last_login_at = query_time(q, 9),
        .login_count = query_i64(q, 10),
        .last_login_address = query_str(q, 11),
        .pending = query_i64(q, 12) != 0,
    };
}

static enum err read_one(struct query *q, struct arena *arena, struct member_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        *ret_row = row_read(q);
        ret_row->name = arena_str(arena, ret_row->name);
        ret_row->email = arena_str(arena, ret_row->email);
        ret_row->group_names = arena_str(arena, ret_row->group_names);
        if (ret_row->last_login_address.ptr) {
            ret_row->last_login_address = arena_str(arena, ret_row->last_login_address);
        }
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

static void bind_tenant(struct query *q, enum tenant_kind kind, int64_t tenant_no)
{
    query_bind_i64(q, 1, kind);
    query_bind_i64(q, 2, tenant_no);
}

enum err member_store_put(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no, bool external,
                          int64_t now)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO membership (tenant_kind, tenant_no, user_no, role, created_at) VALUES (?1, ?2, ?3, ?4, ?5) "
                "ON CONFLICT (user_no, tenant_kind, tenant_no) DO UPDATE SET role = ?4, deactivated_at = NULL, "
                "invitation_hash = NULL, invitation_expires_at = NULL");
    bind_tenant(&q, kind, tenant_no);
    query_bind_i64(&q, 3, user_no);
    query_bind_str(&q, 4, external ? STR("external") : STR("member"));
    query_bind_time(&q, 5, now);
    return query_finish(&q);
}

enum err member_store_invite(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct member_invitation *invitation)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO membership (tenant_kind, tenant_no, user_no, role, created_at, invitation_hash, "
                "invitation_expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                "ON CONFLICT (user_no, tenant_kind, tenant_no) DO UPDATE SET role = ?4, deactivated_at = NULL, "
                "invitation_hash = ?6, invitation_expires_at = ?7");
    bind_tenant(&q, kind, tenant_no);
    query_bind_i64(&q, 3, invitation->user_no);
    query_bind_str(&q, 4, invitation->external ? STR("external") : STR("member"));
    query_bind_time(&q, 5, invitation->now);
    query_bind_blob(&q, 6, invitation->token_hash, sizeof invitation->token_hash);
    query_bind_time(&q, 7, invitation->expires_at);
    return query_finish(&q);
}

#define IS_INVITED "invitation_hash IS NOT NULL AND invitation_expires_at > ?2 AND deactivated_at IS NULL"

enum err member_store_find_invitation(struct store_tx *tx, const uint8_t token_hash[32], int64_t now, int64_t *ret_user_no,
                                      enum tenant_kind *ret_kind, int64_t *ret_tenant_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT user_no, tenant_kind, tenant_no FROM membership WHERE invitation_hash = ?1 AND " IS_INVITED);
    query_bind_blob(&q, 1, token_hash, 32);
    query_bind_time(&q, 2, now);
    bool found = query_next(&q);
    if (found) {
        *ret_user_no = query_i64(&q, 0);
        *ret_kind = (enum tenant_kind)query_i64(&q, 1);
        *ret_tenant_no = query_i64(&q, 2);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err member_store_is_invited(struct store_tx *tx, int64_t user_no, int64_t now, bool *ret_is)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM membership WHERE user_no = ?1 AND " IS_INVITED);
    query_bind_i64(&q, 1, user_no);
    query_bind_time(&q, 2, now);
    *ret_is = query_next(&q);
    return query_finish(&q);
}

enum err member_store_accept(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE membership SET invitation_hash = NULL, invitation_expires_at = NULL "
                "WHERE tenant_kind = ?1 AND tenant_no = ?2 AND user_no = ?3");
    bind_tenant(&q, kind, tenant_no);
    query_bind_i64(&q, 3, user_no);
    return query_finish(&q);
}

enum err member_store_deactivate(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no, int64_t at)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE membership SET deactivated_at = ?4, invitation_hash = NULL, invitation_expires_at = NULL WHERE tenant_kind = ?1 AND tenant_no = ?2 AND user_no = ?3");
    bind_tenant(&q, kind, tenant_no);
    query_bind_i64(&q, 3, user_no);
    query_bind_time(&q, 4, at);
    return query_finish(&q);
}

enum err member_store_drop_strangers(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM membership WHERE tenant_kind = ?1 AND tenant_no = ?2 AND role = 'external' AND user_no NOT IN "
                "(SELECT l.user_no FROM user_group g JOIN group_member l ON l.group_no = g.no "
                "WHERE g.tenant_kind = ?1 AND g.tenant_no = ?2) AND user_no NOT IN "
                "(SELECT a.subject_no FROM space s JOIN space_access a ON a.space_no = s.no AND a.subject_kind = 1 "
                "WHERE ?1 = 2 AND s.organization_no = ?2)");
    bind_tenant(&q, kind, tenant_no);
    return query_finish(&q);
}

#define OF_TENANT " FROM membership m JOIN user u ON u.no = m.user_no WHERE m.tenant_kind = ?1 AND m.tenant_no = ?2 "

enum err member_store_find(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                           struct arena *arena, struct member_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS OF_TENANT "AND u.id = ?3");
    bind_tenant(&q, kind, tenant_no);
    query_bind_uuid(&q, 3, id);
    return read_one(&q, arena, ret_row);
}

enum err member_store_find_no(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                              struct arena *arena, struct member_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS OF_TENANT "AND u.no = ?3");
    bind_tenant(&q, kind, tenant_no);
    query_bind_i64(&q, 3, user_no);
    return read_one(&q, arena, ret_row);
}

#define LISTED "AND m.deactivated_at IS NULL AND m.role <> 'external' "

enum err member_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, struct page page,
                           void (*visit)(const struct member_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS OF_TENANT LISTED "ORDER BY m.created_at, u.no LIMIT ?3 OFFSET ?4");
    bind_tenant(&q, kind, tenant_no);
    query_bind_i64(&q, 3, page.size);
    query_bind_i64(&q, 4, page_offset(page));
    while (query_next(&q)) {
        struct member_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

int64_t member_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" OF_TENANT LISTED);
    bind_tenant(&q, kind, tenant_no);
    int64_t count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q) ? 0 : count;
}

enum err member_store_home(struct store_tx *tx, int64_t user_no, int64_t partner_no, struct member_home *ret_home)
{
    struct query q;
    *ret_home = (struct member_home){0};
    query_begin(&q, tx,
                "SELECT m.tenant_kind, CASE m.tenant_kind WHEN 1 THEN m.tenant_no ELSE o.partner_no END FROM membership m "
                "LEFT JOIN organization o ON m.tenant_kind = 2 AND o.no = m.tenant_no "
                "WHERE m.user_no = ?1 AND m.deactivated_at IS NULL AND m.invitation_hash IS NULL AND m.role <> 'external'");
    query_bind_i64(&q, 1, user_no);
    while (query_next(&q)) {
        if (query_i64(&q, 1) != partner_no) {
            ret_home->elsewhere = true;
        } else if (query_i64(&q, 0) == TENANT_PARTNER) {
            ret_home->in_partner = true;
        } else {
            ret_home->in_organization = true;
        }
    }
    return query_finish(&q);
}
