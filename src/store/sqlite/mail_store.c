#include "model/ports/mail_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "no, id, tenant_kind, tenant_no, kind, recipient, subject, text, link_sealed, link_expires_at, state, attempts, " \
    "due_at, error, created_at, finished_at"

static struct mail_row row_read(struct query *q)
{
    return (struct mail_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .tenant_kind = (int)query_i64(q, 2),
        .tenant_no = query_i64(q, 3),
        .kind = (enum mail_kind)query_i64(q, 4),
        .recipient = query_str(q, 5),
        .subject = query_str(q, 6),
        .text = query_str(q, 7),
        .link_sealed = query_str(q, 8),
        .link_expires_at = query_time(q, 9),
        .state = (enum mail_state)query_i64(q, 10),
        .attempts = query_i64(q, 11),
        .due_at = query_time(q, 12),
        .error = query_str(q, 13),
        .created_at = query_time(q, 14),
        .finished_at = query_time(q, 15),
    };
}

static struct str copy_text(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

static enum err find_finish(struct query *q, struct arena *arena, struct mail_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        struct mail_row row = row_read(q);
        row.recipient = copy_text(arena, row.recipient);
        row.subject = copy_text(arena, row.subject);
        row.text = copy_text(arena, row.text);
        row.link_sealed = copy_text(arena, row.link_sealed);
        row.error = copy_text(arena, row.error);
        *ret_row = row;
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

static void bind_bytes(struct query *q, int index, struct str bytes)
{
    if (bytes.ptr) {
        query_bind_blob(q, index, bytes.ptr, bytes.len);
    } else {
        query_bind_null(q, index);
    }
}

enum err mail_store_insert(struct store_tx *tx, struct mail_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO mail (id, tenant_kind, tenant_no, kind, recipient, subject, text, link_sealed, "
                "link_expires_at, state, due_at, error, created_at, finished_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->tenant_kind);
    query_bind_i64(&q, 3, row->tenant_no);
    query_bind_i64(&q, 4, row->kind);
    query_bind_str(&q, 5, row->recipient);
    query_bind_str(&q, 6, row->subject);
    query_bind_str(&q, 7, row->text);
    bind_bytes(&q, 8, row->link_sealed);
    query_bind_time(&q, 9, row->link_expires_at);
    query_bind_i64(&q, 10, row->state);
    query_bind_time(&q, 11, row->due_at);
    query_bind_str(&q, 12, row->error);
    query_bind_time(&q, 13, row->created_at);
    query_bind_time(&q, 14, row->finished_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err mail_store_update(struct store_tx *tx, const struct mail_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE mail SET state = ?2, attempts = ?3, due_at = ?4, error = ?5, finished_at = ?6, link_sealed = ?7 "
                "WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_i64(&q, 2, row->state);
    query_bind_i64(&q, 3, row->attempts);
    query_bind_time(&q, 4, row->due_at);
    query_bind_str(&q, 5, row->error);
    query_bind_time(&q, 6, row->finished_at);
    bind_bytes(&q, 7, row->link_sealed);
    return query_finish(&q);
}

enum err mail_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct mail_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM mail WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return find_finish(&q, arena, ret_row);
}

#define OF_TENANT "(?1 = 0 OR (tenant_kind = ?1 AND tenant_no = ?2))"

static void bind_tenant(struct query *q, int kind, int64_t tenant_no)
{
    query_bind_i64(q, 1, kind);
    query_bind_i64(q, 2, tenant_no);
}

enum err mail_store_find_id(struct store_tx *tx, int tenant_kind, int64_t tenant_no, const struct uuid *id,
                            struct arena *arena, struct mail_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM mail WHERE id = ?3 AND " OF_TENANT);
    bind_tenant(&q, tenant_kind, tenant_no);
    query_bind_uuid(&q, 3, id);
    return find_finish(&q, arena, ret_row);
}

enum err mail_store_list(struct store_tx *tx, int tenant_kind, int64_t tenant_no, struct page page,
                         void (*visit)(const struct mail_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM mail WHERE " OF_TENANT " ORDER BY no DESC LIMIT ?3 OFFSET ?4");
    bind_tenant(&q, tenant_kind, tenant_no);
    query_bind_i64(&q, 3, page.size);
    query_bind_i64(&q, 4, page_offset(page));
    while (query_next(&q)) {
        struct mail_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

static int64_t read_number(struct query *q)
{
    int64_t number = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q) ? 0 : number;
}

int64_t mail_store_count(struct store_tx *tx, int tenant_kind, int64_t tenant_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM mail WHERE " OF_TENANT);
    bind_tenant(&q, tenant_kind, tenant_no);
    return read_number(&q);
}

int64_t mail_store_waiting(struct store_tx *tx, int tenant_kind, int64_t tenant_no, enum mail_kind kind, int64_t max)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) FROM (SELECT 1 FROM mail WHERE state = 1 AND tenant_kind = ?1 AND tenant_no = ?2 "
                "AND (kind = ?3) = ?4 LIMIT ?5)");
    bind_tenant(&q, tenant_kind, tenant_no);
    query_bind_i64(&q, 3, MAIL_SIGN_UP);
    query_bind_i64(&q, 4, kind == MAIL_SIGN_UP);
    query_bind_i64(&q, 5, max);
    return read_number(&q);
}

int64_t mail_store_recent(struct store_tx *tx, int tenant_kind, int64_t tenant_no, enum mail_kind kind, int64_t since,
                          int64_t max)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT count(*) FROM (SELECT 1 FROM mail WHERE tenant_kind = ?1 AND tenant_no = ?2 AND kind = ?3 "
                "AND created_at > ?4 LIMIT ?5)");
    bind_tenant(&q, tenant_kind, tenant_no);
    query_bind_i64(&q, 3, kind);
    query_bind_time(&q, 4, since);
    query_bind_i64(&q, 5, max);
    return read_number(&q);
}

enum err mail_store_due(struct store_tx *tx, int64_t now, int64_t rows_max,
                        void (*visit)(const struct mail_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM mail WHERE due_at IS NOT NULL AND due_at <= ?1 ORDER BY due_at, no LIMIT ?2");
    query_bind_time(&q, 1, now);
    query_bind_i64(&q, 2, rows_max);
    while (query_next(&q)) {
        struct mail_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err mail_store_next_due(struct store_tx *tx, int64_t now, int64_t *ret_due_at)
{
    struct query q;
    query_begin(&q, tx, "SELECT min(due_at) FROM mail WHERE due_at IS NOT NULL AND due_at > ?1");
    query_bind_time(&q, 1, now);
    *ret_due_at = query_next(&q) ? query_time(&q, 0) : TIME_NONE;
    return query_finish(&q);
}

enum err mail_store_trim(struct store_tx *tx, int64_t after_no, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM mail WHERE no IN (SELECT m.no FROM (SELECT DISTINCT tenant_kind, tenant_no, kind = ?3 AS apart FROM mail "
                "WHERE no > ?1) t CROSS JOIN mail m ON m.tenant_kind = t.tenant_kind AND m.tenant_no = t.tenant_no AND m.state <> 1 "
                "AND (m.kind = ?3) = t.apart AND m.no <= (SELECT o.no FROM mail o WHERE o.tenant_kind = t.tenant_kind "
                "AND o.tenant_no = t.tenant_no AND o.state <> 1 AND (o.kind = ?3) = t.apart ORDER BY o.no DESC LIMIT 1 OFFSET ?2))");
    query_bind_i64(&q, 1, after_no);
    query_bind_i64(&q, 2, rows_max);
    query_bind_i64(&q, 3, MAIL_SIGN_UP);
    return query_finish(&q);
}

enum err mail_store_forget_links(struct store_tx *tx, int64_t now, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE mail SET link_sealed = NULL WHERE no IN (SELECT no FROM mail WHERE link_sealed IS NOT NULL "
                "AND link_expires_at IS NOT NULL AND link_expires_at < ?1 LIMIT ?2)");
    query_bind_time(&q, 1, now);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}
