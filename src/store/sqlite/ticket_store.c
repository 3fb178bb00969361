#include "model/ports/ticket_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS                                                                                                   \
    "t.no, t.id, t.organization_no, t.partner_no, t.device_no, t.device_id, "                                     \
    "CASE WHEN d.organization_no = t.organization_no THEN d.space_no END, t.title, t.description, t.user_name, "  \
    "t.user_email, t.created_at, t.resolved_at FROM ticket t LEFT JOIN device d ON d.no = t.device_no "

static struct ticket_row row_read(struct query *q)
{
    return (struct ticket_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .organization_no = query_i64(q, 2),
        .partner_no = query_i64(q, 3),
        .device_no = query_i64(q, 4),
        .device_id = query_uuid(q, 5),
        .space_no = query_i64(q, 6),
        .title = query_str(q, 7),
        .description = query_str(q, 8),
        .user_name = query_str(q, 9),
        .user_email = query_str(q, 10),
        .created_at = query_time(q, 11),
        .resolved_at = query_time(q, 12),
    };
}

enum err ticket_store_insert(struct store_tx *tx, struct ticket_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO ticket (id, organization_no, partner_no, device_no, device_id, title, description, user_name, "
                "user_email, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->organization_no);
    query_bind_i64(&q, 3, row->partner_no);
    query_bind_i64(&q, 4, row->device_no);
    query_bind_uuid(&q, 5, &row->device_id);
    query_bind_str(&q, 6, row->title);
    query_bind_str(&q, 7, row->description);
    query_bind_str(&q, 8, row->user_name);
    query_bind_str(&q, 9, row->user_email);
    query_bind_time(&q, 10, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err ticket_store_update(struct store_tx *tx, const struct ticket_row *row)
{
    struct query q;
    query_begin(&q, tx, "UPDATE ticket SET title = ?2, description = ?3, resolved_at = ?4 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->title);
    query_bind_str(&q, 3, row->description);
    query_bind_time(&q, 4, row->resolved_at);
    return query_finish(&q);
}

static struct str copy(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

enum err ticket_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct ticket_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS "WHERE t.id = ?1");
    query_bind_uuid(&q, 1, id);
    bool found = query_next(&q);
    if (found) {
        *ret_row = row_read(&q);
        ret_row->title = copy(arena, ret_row->title);
        ret_row->description = copy(arena, ret_row->description);
        ret_row->user_name = copy(arena, ret_row->user_name);
        ret_row->user_email = copy(arena, ret_row->user_email);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

#define FILTERED                                                                                                    \
    "AND (?2 = 0 OR (?2 = 1 AND t.resolved_at IS NULL) OR (?2 = 2 AND t.resolved_at IS NOT NULL)) "                  \
    "AND (?3 IS NULL OR (d.organization_no = t.organization_no AND d.space_no IN (WITH RECURSIVE seen (no) AS "     \
    "(SELECT value FROM json_each(?3) UNION SELECT s.no FROM space s JOIN seen ON s.parent_no = seen.no) "          \
    "SELECT no FROM seen))) ORDER BY t.no DESC LIMIT ?4"

enum err ticket_store_list(struct store_tx *tx, const struct ticket_filter *filter, int64_t max,
                           void (*visit)(const struct ticket_row *row, void *arg), void *arg)
{
    struct query q;
    if (filter->organization_no) {
        query_begin(&q, tx, "SELECT " COLUMNS "WHERE t.organization_no = ?1 " FILTERED);
    } else {
        query_begin(&q, tx, "SELECT " COLUMNS "WHERE t.partner_no = ?1 " FILTERED);
    }
    query_bind_i64(&q, 1, filter->organization_no ? filter->organization_no : filter->partner_no);
    query_bind_i64(&q, 2, filter->status);
    query_bind_str(&q, 3, filter->visible_spaces);
    query_bind_i64(&q, 4, max);
    while (query_next(&q)) {
        struct ticket_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

static int64_t count_finish(struct query *q)
{
    int64_t count = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q) ? 0 : count;
}

int64_t ticket_store_open_count(struct store_tx *tx, int64_t organization_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM ticket WHERE organization_no = ?1 AND resolved_at IS NULL");
    query_bind_i64(&q, 1, organization_no);
    return count_finish(&q);
}

enum err ticket_store_comment(struct store_tx *tx, struct ticket_comment_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO ticket_comment (ticket_no, owner_kind, owner, user, system, text, created_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    query_bind_i64(&q, 1, row->ticket_no);
    query_bind_i64(&q, 2, row->owner_kind);
    query_bind_str(&q, 3, row->owner);
    query_bind_str(&q, 4, row->user);
    query_bind_i64(&q, 5, row->system);
    query_bind_str(&q, 6, row->text);
    query_bind_time(&q, 7, row->created_at);
    enum err err = query_finish(&q);
    if (!err) {
        row->no = tx_last_row(tx);
    }
    return err;
}

int64_t ticket_store_comment_count(struct store_tx *tx, int64_t ticket_no)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM ticket_comment WHERE ticket_no = ?1");
    query_bind_i64(&q, 1, ticket_no);
    return count_finish(&q);
}

enum err ticket_store_comments(struct store_tx *tx, int64_t ticket_no,
                               void (*visit)(const struct ticket_comment_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no, ticket_no, owner_kind, owner, user, system, text, created_at FROM ticket_comment "
                "WHERE ticket_no = ?1 ORDER BY no");
    query_bind_i64(&q, 1, ticket_no);
    while (query_next(&q)) {
        struct ticket_comment_row row = {
            .no = query_i64(&q, 0),
            .ticket_no = query_i64(&q, 1),
            .owner_kind = (enum tenant_kind)query_i64(&q, 2),
            .owner = query_str(&q, 3),
            .user = query_str(&q, 4),
            .system = query_i64(&q, 5) != 0,
            .text = query_str(&q, 6),
            .created_at = query_time(&q, 7),
        };
        visit(&row, arg);
    }
    return query_finish(&q);
}
