#include "model/ports/license_store.h"

#include "store/sqlite/tx.h"

#define SELECT_ROWS \
    "SELECT l.no, l.partner_no, l.organization_no, l.id, l.product_no, l.data, l.signature, l.expires_at, l.state, " \
    "l.action, l.action_no, l.fetched, l.error, l.device_no, l.created_at, product.id, organization.id, device.id " \
    "FROM license l JOIN organization ON organization.no = l.organization_no " \
    "LEFT JOIN product ON product.no = l.product_no LEFT JOIN device ON device.no = l.device_no "

static struct license_row row_read(struct query *q)
{
    return (struct license_row){
        .no = query_i64(q, 0),
        .partner_no = query_i64(q, 1),
        .organization_no = query_i64(q, 2),
        .id = query_uuid(q, 3),
        .product_no = query_i64(q, 4),
        .data = query_str(q, 5),
        .signature = query_str(q, 6),
        .expires_at = query_time(q, 7),
        .state = (enum license_state)query_i64(q, 8),
        .action = (enum license_action)query_i64(q, 9),
        .action_no = query_i64(q, 10),
        .fetched = query_i64(q, 11) != 0,
        .error = query_str(q, 12),
        .device_no = query_i64(q, 13),
        .created_at = query_time(q, 14),
        .product_id = query_uuid(q, 15),
        .organization_id = query_uuid(q, 16),
        .device_id = query_uuid(q, 17),
    };
}

static struct license_row row_copy(struct query *q, struct arena *arena)
{
    struct license_row row = row_read(q);
    row.data = query_str_copy(q, 5, arena);
    row.signature = query_str_copy(q, 6, arena);
    row.error = query_str_copy(q, 12, arena);
    return row;
}

static void bind_number(struct query *q, int index, int64_t number)
{
    if (number) {
        query_bind_i64(q, index, number);
    } else {
        query_bind_null(q, index);
    }
}

enum err license_store_insert(struct store_tx *tx, struct license_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO license (id, partner_no, organization_no, product_no, data, signature, expires_at, state, "
                "created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->partner_no);
    query_bind_i64(&q, 3, row->organization_no);
    bind_number(&q, 4, row->product_no);
    query_bind_str(&q, 5, row->data);
    query_bind_str(&q, 6, row->signature);
    query_bind_time(&q, 7, row->expires_at);
    query_bind_i64(&q, 8, row->state);
    query_bind_time(&q, 9, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err license_store_update(struct store_tx *tx, const struct license_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE license SET expires_at = ?2, state = ?3, action = ?4, action_no = ?5, fetched = ?6, error = ?7, "
                "device_no = ?8 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_time(&q, 2, row->expires_at);
    query_bind_i64(&q, 3, row->state);
    bind_number(&q, 4, row->action);
    query_bind_i64(&q, 5, row->action_no);
    query_bind_i64(&q, 6, row->fetched);
    query_bind_str(&q, 7, row->error);
    bind_number(&q, 8, row->device_no);
    enum err err = query_finish(&q);
    if (err || !row->device_no) {
        return err;
    }
    query_begin(&q, tx, "INSERT OR IGNORE INTO license_assignment (license_no, device_no) VALUES (?1, ?2)");
    query_bind_i64(&q, 1, row->no);
    query_bind_i64(&q, 2, row->device_no);
    return query_finish(&q);
}

enum err license_store_next_action(struct store_tx *tx, int64_t *ret_action_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT ifnull(max(action_no), 0) + 1 FROM license");
    *ret_action_no = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err license_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct license_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, SELECT_ROWS "WHERE l.id = ?1");
    query_bind_uuid(&q, 1, id);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_copy(&q, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err license_store_was_assigned(struct store_tx *tx, int64_t no, int64_t device_no, bool *ret_was)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM license_assignment WHERE license_no = ?1 AND device_no = ?2");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, device_no);
    *ret_was = query_next(&q);
    return query_finish(&q);
}

/* One statement for each tenant and for a device, so that each has its index. */
#define FILTER \
    "AND (?2 = 0 OR l.product_no = ?2) AND (?3 = 0 OR l.device_no = ?3) AND (?4 = 0 OR l.organization_no = ?4) " \
    "AND (?5 = 0 OR l.state = ?5) AND (?6 = 0 OR l.partner_no = ?6) "
#define BY_PARTNER "WHERE l.partner_no = ?1 " FILTER
#define BY_ORGANIZATION "WHERE l.organization_no = ?1 " FILTER
#define BY_DEVICE "WHERE l.device_no = ?1 " FILTER
#define PAGE "ORDER BY l.no LIMIT ?7 OFFSET ?8"

static void begin_filtered(struct query *q, struct store_tx *tx, const struct license_filter *filter, const char *by_device,
                           const char *by_organization, const char *by_partner)
{
    query_begin(q, tx, filter->device_no ? by_device : filter->organization_no ? by_organization : by_partner);
    query_bind_i64(q, 1, filter->device_no         ? filter->device_no
                         : filter->organization_no ? filter->organization_no
                                                   : filter->partner_no);
    query_bind_i64(q, 2, filter->product_no);
    query_bind_i64(q, 3, filter->device_no);
    query_bind_i64(q, 4, filter->organization_no);
    query_bind_i64(q, 5, filter->state);
    query_bind_i64(q, 6, filter->partner_no);
}

enum err license_store_list(struct store_tx *tx, const struct license_filter *filter, struct page page,
                            void (*visit)(const struct license_row *row, void *arg), void *arg)
{
    struct query q;
    begin_filtered(&q, tx, filter, SELECT_ROWS BY_DEVICE PAGE, SELECT_ROWS BY_ORGANIZATION PAGE,
                   SELECT_ROWS BY_PARTNER PAGE);
    query_bind_i64(&q, 7, page.size);
    query_bind_i64(&q, 8, page_offset(page));
    while (query_next(&q)) {
        struct license_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err license_store_count(struct store_tx *tx, const struct license_filter *filter, int64_t *ret_count)
{
    struct query q;
#define COUNT "SELECT count(*) FROM license l "
    begin_filtered(&q, tx, filter, COUNT BY_DEVICE, COUNT BY_ORGANIZATION, COUNT BY_PARTNER);
#undef COUNT
    *ret_count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err license_store_of_device(struct store_tx *tx, int64_t device_no, bool waiting, struct arena *arena,
                                 struct license_row **ret_rows, size_t *ret_count)
{
    struct query q;
    struct license_row *rows = NULL;
    size_t count = 0, room = 0;
    query_begin(&q, tx, SELECT_ROWS "WHERE l.device_no = ?1 AND (NOT ?2 OR l.action IS NOT NULL) ORDER BY l.action_no, l.no");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, waiting);
    while (query_next(&q)) {
        if (count == room) {
            room = room ? room * 2 : 8;
            struct license_row *more = arena_alloc(arena, room * sizeof *more);
            if (count) {
                memcpy(more, rows, count * sizeof *more);
            }
            rows = more;
        }
        rows[count++] = row_copy(&q, arena);
    }
    *ret_rows = rows;
    *ret_count = count;
    return query_finish(&q);
}

enum err license_store_each_waiting(struct store_tx *tx, void (*visit)(int64_t device_no, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT DISTINCT device_no FROM license WHERE device_no IS NOT NULL AND action IS NOT NULL");
    while (query_next(&q)) {
        visit(query_i64(&q, 0), arg);
    }
    return query_finish(&q);
}

enum err license_store_key(struct store_tx *tx, int64_t partner_no, struct arena *arena, struct license_key *ret_key)
{
    struct query q;
    query_begin(&q, tx, "SELECT license_private_key_sealed, license_public_key FROM partner WHERE no = ?1");
    query_bind_i64(&q, 1, partner_no);
    bool found = query_next(&q);
    if (found) {
        ret_key->private_sealed = query_str_copy(&q, 0, arena);
        ret_key->public_pem = query_str_copy(&q, 1, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err license_store_set_key(struct store_tx *tx, int64_t partner_no, const struct license_key *key)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE partner SET license_private_key_sealed = ?2, license_public_key = ?3 WHERE no = ?1 "
                "AND license_private_key_sealed IS NULL");
    query_bind_i64(&q, 1, partner_no);
    query_bind_blob(&q, 2, key->private_sealed.ptr, key->private_sealed.len);
    query_bind_str(&q, 3, key->public_pem);
    enum err err = query_finish(&q);
    return err ? err : tx_changes(tx) ? ERR_OK : ERR_EXISTS;
}
