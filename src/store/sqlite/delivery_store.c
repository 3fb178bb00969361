#include "model/ports/delivery_store.h"

#include "store/sqlite/tx.h"

enum err webhook_store_find(struct store_tx *tx, int64_t partner_no, struct arena *arena, struct webhook_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT url, secret_sealed, events FROM webhook WHERE partner_no = ?1");
    query_bind_i64(&q, 1, partner_no);
    bool found = query_next(&q);
    if (found) {
        *ret_row = (struct webhook_row){
            .partner_no = partner_no,
            .url = query_str_copy(&q, 0, arena),
            .secret_sealed = query_str_copy(&q, 1, arena),
            .events = query_str_copy(&q, 2, arena),
        };
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err webhook_store_put(struct store_tx *tx, const struct webhook_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO webhook (partner_no, url, secret_sealed, events) VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT (partner_no) DO UPDATE SET url = ?2, secret_sealed = ?3, events = ?4");
    query_bind_i64(&q, 1, row->partner_no);
    query_bind_str(&q, 2, row->url);
    query_bind_blob(&q, 3, row->secret_sealed.ptr, row->secret_sealed.len);
    query_bind_str(&q, 4, row->events);
    return query_finish(&q);
}

#define COLUMNS \
    "no, id, tenant_kind, tenant_no, device_no, channel, event_type, url_sealed, body, state, attempts, due_at, status, " \
    "error, created_at, finished_at"

static struct delivery_row row_read(struct query *q)
{
    return (struct delivery_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .tenant_kind = (enum tenant_kind)query_i64(q, 2),
        .tenant_no = query_i64(q, 3),
        .device_no = query_i64(q, 4),
        .channel = (enum delivery_channel)query_i64(q, 5),
        .event_type = query_str(q, 6),
        .url_sealed = query_str(q, 7),
        .body = query_str(q, 8),
        .state = (enum delivery_state)query_i64(q, 9),
        .attempts = query_i64(q, 10),
        .due_at = query_time(q, 11),
        .status = query_i64(q, 12),
        .error = query_str(q, 13),
        .created_at = query_time(q, 14),
        .finished_at = query_time(q, 15),
    };
}

static struct str copy_text(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

static enum err find_finish(struct query *q, struct arena *arena, struct delivery_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        struct delivery_row row = row_read(q);
        row.event_type = copy_text(arena, row.event_type);
        row.url_sealed = copy_text(arena, row.url_sealed);
        row.body = copy_text(arena, row.body);
        row.error = copy_text(arena, row.error);
        *ret_row = row;
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

static void bind_status(struct query *q, int index, int64_t status)
{
    if (status) {
        query_bind_i64(q, index, status);
    } else {
        query_bind_null(q, index);
    }
}

enum err delivery_store_insert(struct store_tx *tx, struct delivery_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO delivery (id, tenant_kind, tenant_no, device_no, channel, event_type, url_sealed, body, "
                "state, attempts, due_at, error, created_at, finished_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, ?13)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->tenant_kind);
    query_bind_i64(&q, 3, row->tenant_no);
    query_bind_i64(&q, 4, row->device_no);
    query_bind_i64(&q, 5, row->channel);
    query_bind_str(&q, 6, row->event_type);
    if (row->url_sealed.ptr) {
        query_bind_blob(&q, 7, row->url_sealed.ptr, row->url_sealed.len);
    } else {
        query_bind_null(&q, 7);
    }
    query_bind_str(&q, 8, row->body);
    query_bind_i64(&q, 9, row->state);
    query_bind_time(&q, 10, row->due_at);
    query_bind_str(&q, 11, row->error);
    query_bind_time(&q, 12, row->created_at);
    query_bind_time(&q, 13, row->finished_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err delivery_store_update(struct store_tx *tx, const struct delivery_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE delivery SET state = ?2, attempts = ?3, due_at = ?4, status = ?5, error = ?6, finished_at = ?7 "
                "WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_i64(&q, 2, row->state);
    query_bind_i64(&q, 3, row->attempts);
    query_bind_time(&q, 4, row->due_at);
    bind_status(&q, 5, row->status);
    query_bind_str(&q, 6, row->error);
    query_bind_time(&q, 7, row->finished_at);
    return query_finish(&q);
}

enum err delivery_store_find(struct store_tx *tx, int64_t no, struct arena *arena, struct delivery_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM delivery WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return find_finish(&q, arena, ret_row);
}

enum err delivery_store_find_id(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                                struct arena *arena, struct delivery_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM delivery WHERE id = ?1 AND tenant_kind = ?2 AND tenant_no = ?3");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, kind);
    query_bind_i64(&q, 3, tenant_no);
    return find_finish(&q, arena, ret_row);
}

#define OF_TENANT "FROM delivery WHERE tenant_kind = ?1 AND tenant_no = ?2 AND (?3 = 0 OR state = ?3)"

static void bind_tenant(struct query *q, enum tenant_kind kind, int64_t tenant_no, int64_t third)
{
    query_bind_i64(q, 1, kind);
    query_bind_i64(q, 2, tenant_no);
    query_bind_i64(q, 3, third);
}

static enum err visit_rows(struct query *q, void (*visit)(const struct delivery_row *row, void *arg), void *arg)
{
    while (query_next(q)) {
        struct delivery_row row = row_read(q);
        visit(&row, arg);
    }
    return query_finish(q);
}

enum err delivery_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int state, struct page page,
                             void (*visit)(const struct delivery_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " " OF_TENANT " ORDER BY no DESC LIMIT ?4 OFFSET ?5");
    bind_tenant(&q, kind, tenant_no, state);
    query_bind_i64(&q, 4, page.size);
    query_bind_i64(&q, 5, page_offset(page));
    return visit_rows(&q, visit, arg);
}

static int64_t read_number(struct query *q)
{
    int64_t number = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q) ? 0 : number;
}

int64_t delivery_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int state)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) " OF_TENANT);
    bind_tenant(&q, kind, tenant_no, state);
    return read_number(&q);
}

enum err delivery_store_first_waiting(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t device_no,
                                      int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no FROM delivery WHERE state = 1 AND tenant_kind = ?1 AND tenant_no = ?2 AND device_no = ?3 "
                "ORDER BY no LIMIT 1");
    bind_tenant(&q, kind, tenant_no, device_no);
    *ret_no = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err delivery_store_set_due(struct store_tx *tx, int64_t no, int64_t due_at)
{
    struct query q;
    query_begin(&q, tx, "UPDATE delivery SET due_at = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_time(&q, 2, due_at);
    return query_finish(&q);
}

enum err delivery_store_due(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t now, int64_t rows_max,
                            void (*visit)(const struct delivery_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM delivery WHERE due_at IS NOT NULL AND tenant_kind = ?1 AND tenant_no = ?2 "
                "AND due_at <= ?3 ORDER BY due_at, no LIMIT ?4");
    bind_tenant(&q, kind, tenant_no, now);
    query_bind_i64(&q, 4, rows_max);
    return visit_rows(&q, visit, arg);
}

enum err delivery_store_next_due(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t now,
                                 int64_t *ret_due_at)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT min(due_at) FROM delivery WHERE due_at IS NOT NULL AND tenant_kind = ?1 AND tenant_no = ?2 "
                "AND due_at > ?3");
    bind_tenant(&q, kind, tenant_no, now);
    *ret_due_at = query_next(&q) ? query_time(&q, 0) : TIME_NONE;
    return query_finish(&q);
}

enum err delivery_store_trim(struct store_tx *tx, int64_t after_no, int64_t rows_max)
{
    struct query q;
    query_begin(&q, tx,
                "DELETE FROM delivery WHERE no IN (SELECT d.no FROM (SELECT DISTINCT tenant_kind, tenant_no FROM delivery "
                "WHERE no > ?1) t CROSS JOIN delivery d ON d.tenant_kind = t.tenant_kind AND d.tenant_no = t.tenant_no AND d.state <> 1 "
                "AND d.no <= (SELECT o.no FROM delivery o WHERE o.tenant_kind = t.tenant_kind AND o.tenant_no = t.tenant_no "
                "AND o.state <> 1 ORDER BY o.no DESC LIMIT 1 OFFSET ?2))");
    query_bind_i64(&q, 1, after_no);
    query_bind_i64(&q, 2, rows_max);
    return query_finish(&q);
}

int64_t delivery_queue_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT waiting FROM delivery_queue WHERE tenant_kind = ?1 AND tenant_no = ?2");
    query_bind_i64(&q, 1, kind);
    query_bind_i64(&q, 2, tenant_no);
    return read_number(&q);
}

enum err delivery_queue_store_add(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t change)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO delivery_queue (tenant_kind, tenant_no, waiting) VALUES (?1, ?2, max(?3, 0)) "
                "ON CONFLICT (tenant_kind, tenant_no) DO UPDATE SET waiting = max(waiting + ?3, 0)");
    bind_tenant(&q, kind, tenant_no, change);
    return query_finish(&q);
}

enum err delivery_queue_store_each(struct store_tx *tx, int after_kind, int64_t after_no, int64_t rows_max,
                                   void (*visit)(enum tenant_kind kind, int64_t tenant_no, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT tenant_kind, tenant_no FROM delivery_queue WHERE waiting > 0 "
                "AND (tenant_kind, tenant_no) > (?1, ?2) ORDER BY tenant_kind, tenant_no LIMIT ?3");
    query_bind_i64(&q, 1, after_kind);
    query_bind_i64(&q, 2, after_no);
    query_bind_i64(&q, 3, rows_max);
    while (query_next(&q)) {
        visit((enum tenant_kind)query_i64(&q, 0), query_i64(&q, 1), arg);
    }
    return query_finish(&q);
}
