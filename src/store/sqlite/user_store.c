#include "model/ports/user_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "no, id, email, name, password_hash, system_admin, created_at, deactivated_at, " \
    "otp_secret_sealed, otp_on, otp_last_step"

static enum err read_one(struct query *q, struct arena *arena, struct user_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        *ret_row = (struct user_row){
            .no = query_i64(q, 0),
            .id = query_uuid(q, 1),
            .email = query_str_copy(q, 2, arena),
            .name = query_str_copy(q, 3, arena),
            .password_hash = query_str_copy(q, 4, arena),
            .system_admin = query_i64(q, 5) != 0,
            .created_at = query_time(q, 6),
            .deactivated_at = query_time(q, 7),
            .otp_secret_sealed = query_str_copy(q, 8, arena),
            .otp_on = query_i64(q, 9) != 0,
            .otp_last_step = query_i64(q, 10),
        };
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err user_store_any(struct store_tx *tx, bool *ret_any)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM user LIMIT 1");
    bool any = query_next(&q);
    enum err err = query_finish(&q);
    if (!err) {
        *ret_any = any;
    }
    return err;
}

enum err user_store_insert(struct store_tx *tx, struct user_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO user (id, email, name, password_hash, system_admin, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_str(&q, 2, row->email);
    query_bind_str(&q, 3, row->name);
    query_bind_str(&q, 4, row->password_hash);
    query_bind_i64(&q, 5, row->system_admin);
    query_bind_time(&q, 6, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err user_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct user_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM user WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return read_one(&q, arena, ret_row);
}

enum err user_store_find_email(struct store_tx *tx, struct str email, struct arena *arena, struct user_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM user WHERE email = ?1");
    query_bind_str(&q, 1, email);
    return read_one(&q, arena, ret_row);
}

enum err user_store_set_password(struct store_tx *tx, int64_t no, struct str password_hash)
{
    struct query q;
    query_begin(&q, tx, "UPDATE user SET password_hash = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, password_hash);
    return query_finish(&q);
}

enum err user_store_set_name(struct store_tx *tx, int64_t no, struct str name)
{
    struct query q;
    query_begin(&q, tx, "UPDATE user SET name = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, name);
    return query_finish(&q);
}

enum err user_store_set_otp(struct store_tx *tx, int64_t no, struct str secret_sealed, bool on, int64_t last_step)
{
    struct query q;
    query_begin(&q, tx, "UPDATE user SET otp_secret_sealed = ?2, otp_on = ?3, otp_last_step = ?4 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    if (secret_sealed.len) {
        query_bind_blob(&q, 2, secret_sealed.ptr, secret_sealed.len);
    } else {
        query_bind_null(&q, 2);
    }
    query_bind_i64(&q, 3, on);
    query_bind_i64(&q, 4, last_step);
    return query_finish(&q);
}

enum err password_reset_store_put(struct store_tx *tx, int64_t user_no, const uint8_t token_hash[32], int64_t expires_at,
                                  bool resets_otp)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO password_reset (user_no, token_hash, expires_at, resets_otp) VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT (user_no) DO UPDATE SET token_hash = ?2, expires_at = ?3, resets_otp = ?4");
    query_bind_i64(&q, 1, user_no);
    query_bind_blob(&q, 2, token_hash, 32);
    query_bind_time(&q, 3, expires_at);
    query_bind_i64(&q, 4, resets_otp);
    return query_finish(&q);
}

enum err password_reset_store_find(struct store_tx *tx, const uint8_t token_hash[32], int64_t now, int64_t *ret_user_no,
                                   bool *ret_resets_otp)
{
    struct query q;
    query_begin(&q, tx, "SELECT user_no, resets_otp FROM password_reset WHERE token_hash = ?1 AND expires_at > ?2");
    query_bind_blob(&q, 1, token_hash, 32);
    query_bind_time(&q, 2, now);
    bool found = query_next(&q);
    if (found) {
        *ret_user_no = query_i64(&q, 0);
        *ret_resets_otp = query_i64(&q, 1) != 0;
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err password_reset_store_expiry(struct store_tx *tx, int64_t user_no, int64_t *ret_expires_at, bool *ret_resets_otp)
{
    struct query q;
    query_begin(&q, tx, "SELECT expires_at, resets_otp FROM password_reset WHERE user_no = ?1");
    query_bind_i64(&q, 1, user_no);
    bool found = query_next(&q);
    *ret_expires_at = found ? query_time(&q, 0) : TIME_NONE;
    *ret_resets_otp = found && query_i64(&q, 1) != 0;
    return query_finish(&q);
}

enum err password_reset_store_delete(struct store_tx *tx, int64_t user_no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM password_reset WHERE user_no = ?1");
    query_bind_i64(&q, 1, user_no);
    return query_finish(&q);
}

enum err user_store_signed_in(struct store_tx *tx, int64_t no, int64_t at, struct str address)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE user SET last_login_at = ?2, last_login_address = ?3, login_count = login_count + 1 "
                "WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, at);
    query_bind_str(&q, 3, address);
    return query_finish(&q);
}

enum err user_store_preferences(struct store_tx *tx, int64_t no, struct arena *arena, struct str *ret_json)
{
    struct query q;
    query_begin(&q, tx, "SELECT preferences FROM user WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    bool found = query_next(&q);
    if (found) {
        *ret_json = query_str_copy(&q, 0, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err user_store_set_preferences(struct store_tx *tx, int64_t no, struct str json)
{
    struct query q;
    query_begin(&q, tx, "UPDATE user SET preferences = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, json);
    return query_finish(&q);
}

/* Both kinds of tenant in one shape; 1 and 2 are TENANT_PARTNER and TENANT_ORGANIZATION. */
#define TENANTS \
    "SELECT m.user_no AS user_no, 1 AS kind, p.no AS no, p.id AS id, p.name AS name " \
    "FROM membership m JOIN partner p ON p.no = m.tenant_no WHERE m.tenant_kind = 1 AND m.user_no = ?1 AND m.deactivated_at IS NULL AND m.invitation_hash IS NULL " \
    "UNION ALL " \
    "SELECT m.user_no, 2, o.no, o.id, o.name " \
    "FROM membership m JOIN organization o ON o.no = m.tenant_no WHERE m.tenant_kind = 2 AND m.user_no = ?1 AND m.deactivated_at IS NULL AND m.invitation_hash IS NULL "

enum err membership_store_each(struct store_tx *tx, int64_t user_no,
                               void (*visit)(const struct membership_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT kind, no, id, name FROM (" TENANTS ") ORDER BY kind, name, no");
    query_bind_i64(&q, 1, user_no);
    while (query_next(&q)) {
        visit(&(struct membership_row){(enum tenant_kind)query_i64(&q, 0), query_i64(&q, 1), query_uuid(&q, 2),
                                       query_str(&q, 3)},
              arg);
    }
    return query_finish(&q);
}

enum err membership_store_find(struct store_tx *tx, int64_t user_no, enum tenant_kind kind, const struct uuid *tenant_id,
                               int64_t *ret_tenant_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT no FROM (" TENANTS ") WHERE kind = ?2 AND id = ?3");
    query_bind_i64(&q, 1, user_no);
    query_bind_i64(&q, 2, kind);
    query_bind_uuid(&q, 3, tenant_id);
    bool found = query_next(&q);
    if (found) {
        *ret_tenant_no = query_i64(&q, 0);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err membership_store_administrators(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no,
                                         void (*visit)(struct str email, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT u.email FROM user_group g JOIN group_member l ON l.group_no = g.no JOIN membership m ON "
                "m.user_no = l.user_no AND m.tenant_kind = ?1 AND m.tenant_no = ?2 AND m.deactivated_at IS NULL "
                "AND m.invitation_hash IS NULL JOIN user u ON u.no = l.user_no WHERE g.tenant_kind = ?1 AND g.tenant_no = ?2 AND g.kind = 1 "
                "AND u.deactivated_at IS NULL ORDER BY u.no");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    while (query_next(&q)) {
        visit(query_str(&q, 0), arg);
    }
    return query_finish(&q);
}
