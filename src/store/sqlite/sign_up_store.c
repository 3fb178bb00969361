#include "model/ports/sign_up_store.h"

#include "store/sqlite/tx.h"

#define SELECT_ROWS                                                                                                   \
    "SELECT s.no, s.partner_no, s.id, s.referral, s.email, s.organization_name, s.message, s.created_by, s.created_at, " \
    "s.expires_at, s.accepted_at, s.revoked_at, s.organization_no, o.id, o.name FROM sign_up s "                      \
    "LEFT JOIN organization o ON o.no = s.organization_no "

static struct sign_up_row row_read(struct query *q)
{
    return (struct sign_up_row){
        .no = query_i64(q, 0),
        .partner_no = query_i64(q, 1),
        .id = query_uuid(q, 2),
        .referral = query_i64(q, 3) != 0,
        .email = query_str(q, 4),
        .organization_name = query_str(q, 5),
        .message = query_str(q, 6),
        .created_by = query_str(q, 7),
        .created_at = query_time(q, 8),
        .expires_at = query_time(q, 9),
        .accepted_at = query_time(q, 10),
        .revoked_at = query_time(q, 11),
        .organization_no = query_i64(q, 12),
        .organization_id = query_uuid(q, 13),
        .made_name = query_str(q, 14),
    };
}

static struct str copy(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

static enum err read_one(struct query *q, struct arena *arena, struct sign_up_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        struct sign_up_row row = row_read(q);
        row.email = copy(arena, row.email);
        row.organization_name = copy(arena, row.organization_name);
        row.message = copy(arena, row.message);
        row.created_by = copy(arena, row.created_by);
        row.made_name = copy(arena, row.made_name);
        *ret_row = row;
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err sign_up_store_insert(struct store_tx *tx, struct sign_up_row *row, const uint8_t token_hash[32])
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO sign_up (id, partner_no, referral, email, organization_name, message, created_by, token_hash, "
                "created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->partner_no);
    query_bind_i64(&q, 3, row->referral);
    query_bind_str(&q, 4, row->email);
    query_bind_str(&q, 5, row->organization_name);
    query_bind_str(&q, 6, row->message);
    query_bind_str(&q, 7, row->created_by);
    query_bind_blob(&q, 8, token_hash, 32);
    query_bind_time(&q, 9, row->created_at);
    query_bind_time(&q, 10, row->expires_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err sign_up_store_renew(struct store_tx *tx, const struct sign_up_row *row, const uint8_t token_hash[32])
{
    struct query q;
    query_begin(&q, tx, "UPDATE sign_up SET token_hash = ?2, expires_at = ?3, organization_name = ?4, message = ?5 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_blob(&q, 2, token_hash, 32);
    query_bind_time(&q, 3, row->expires_at);
    query_bind_str(&q, 4, row->organization_name);
    query_bind_str(&q, 5, row->message);
    return query_finish(&q);
}

enum err sign_up_store_find(struct store_tx *tx, int64_t partner_no, const struct uuid *id, struct arena *arena,
                            struct sign_up_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, SELECT_ROWS "WHERE s.id = ?1 AND s.partner_no = ?2 AND s.referral = 1");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, partner_no);
    return read_one(&q, arena, ret_row);
}

enum err sign_up_store_find_email(struct store_tx *tx, int64_t partner_no, bool referral, struct str email, struct arena *arena,
                                  struct sign_up_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, SELECT_ROWS "WHERE s.partner_no = ?1 AND s.email = ?2 AND s.referral = ?3 AND s.revoked_at IS NULL "
                                    "ORDER BY s.no DESC LIMIT 1");
    query_bind_i64(&q, 1, partner_no);
    query_bind_str(&q, 2, email);
    query_bind_i64(&q, 3, referral);
    return read_one(&q, arena, ret_row);
}

enum err sign_up_store_find_token(struct store_tx *tx, const uint8_t token_hash[32], int64_t now, struct arena *arena,
                                  struct sign_up_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, SELECT_ROWS "WHERE s.token_hash = ?1 AND s.expires_at > ?2");
    query_bind_blob(&q, 1, token_hash, 32);
    query_bind_time(&q, 2, now);
    return read_one(&q, arena, ret_row);
}

enum err sign_up_store_accept(struct store_tx *tx, int64_t no, int64_t at, int64_t organization_no)
{
    struct query q;
    query_begin(&q, tx, "UPDATE sign_up SET token_hash = NULL, accepted_at = ?2, organization_no = ?3 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, at);
    query_bind_i64(&q, 3, organization_no);
    return query_finish(&q);
}

enum err sign_up_store_revoke(struct store_tx *tx, int64_t no, int64_t at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE sign_up SET token_hash = NULL, revoked_at = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, at);
    return query_finish(&q);
}

enum err sign_up_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM sign_up WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

#define OF_FILTER                                                                                      \
    "WHERE s.partner_no = ?1 AND s.referral = 1 AND (?2 = 0 OR ?2 = CASE WHEN s.revoked_at IS NOT NULL THEN 3 " \
    "WHEN s.accepted_at IS NOT NULL THEN 2 WHEN s.expires_at <= ?3 THEN 4 ELSE 1 END) "

static void bind_filter(struct query *q, const struct sign_up_filter *filter)
{
    query_bind_i64(q, 1, filter->partner_no);
    query_bind_i64(q, 2, filter->status);
    query_bind_time(q, 3, filter->now);
}

enum err sign_up_store_list(struct store_tx *tx, const struct sign_up_filter *filter, struct page page,
                            void (*visit)(const struct sign_up_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, SELECT_ROWS OF_FILTER "ORDER BY s.no DESC LIMIT ?4 OFFSET ?5");
    bind_filter(&q, filter);
    query_bind_i64(&q, 4, page.size);
    query_bind_i64(&q, 5, page_offset(page));
    while (query_next(&q)) {
        struct sign_up_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

static int64_t read_count(struct query *q)
{
    int64_t count = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q) ? 0 : count;
}

int64_t sign_up_store_count(struct store_tx *tx, const struct sign_up_filter *filter)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM sign_up s " OF_FILTER);
    bind_filter(&q, filter);
    return read_count(&q);
}

int64_t sign_up_store_waiting(struct store_tx *tx, int64_t partner_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM sign_up WHERE partner_no = ?1 AND referral = 0");
    query_bind_i64(&q, 1, partner_no);
    return read_count(&q);
}

enum err sign_up_store_delete_expired(struct store_tx *tx, int64_t now, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM sign_up WHERE no IN (SELECT no FROM sign_up WHERE referral = 0 AND expires_at <= ?1 LIMIT ?2)");
    query_bind_time(&q, 1, now);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}

enum err sign_up_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM sign_up WHERE no IN (SELECT no FROM sign_up WHERE referral = 1 "
                "AND coalesce(revoked_at, accepted_at, expires_at) < ?1 LIMIT ?2)");
    query_bind_time(&q, 1, before);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}
