/* Lists of incidents, and their comments. The text of a statement depends on the filters in use, so that each takes the
 * index made for it; values are always bound. */
#include "base/buf.h"
#include "store/sqlite/incident_columns.h"

enum { SQL_BYTES_MAX = 8192 };
enum { SUBSTRING_BYTES_MAX = 2048 }; /* a longer text is in no title; SQLite refuses long patterns */

/* The factor that is in force in each space: its own, else what it inherits (management-api.md 2). */
static void append_factors(struct buf *sql, bool organization)
{
    buf_printf(sql,
               "WITH RECURSIVE factor (no, value) AS ("
               "SELECT no, ifnull(CAST(json_extract(config, '$.priority_factor') AS INTEGER), 0) FROM space "
               "WHERE parent_no IS NULL AND organization_no %s UNION ALL "
               "SELECT s.no, coalesce(CAST(json_extract(s.config, '$.priority_factor') AS INTEGER), "
               "CASE WHEN coalesce(json_extract(s.config, '$.inherit_priority_factor'), 1) IN (1, 'true') THEN f.value ELSE 0 END) "
               "FROM space s JOIN factor f ON s.parent_no = f.no) ",
               organization ? "= ?1" : "IN (SELECT no FROM organization WHERE partner_no = ?1)");
}

static bool is_too_long(struct str text)
{
    return text.len > SUBSTRING_BYTES_MAX;
}

static void append_tables(struct buf *sql, const struct incident_filter *filter)
{
    bool device = filter->space_no || filter->visible_spaces.ptr || filter->priority || filter->device_model.ptr || filter->sub_model.ptr || filter->partner_name.ptr;
    buf_append_cstr(sql, " FROM incident i");
    if (device) {
        buf_append_cstr(sql, " JOIN device d ON d.no = i.device_no");
    }
    if (filter->device_model.ptr) {
        buf_append_cstr(sql, " JOIN model m ON m.no = d.model_no");
    }
    if (filter->partner_name.ptr) {
        buf_append_cstr(sql, " JOIN partner p ON p.no = d.partner_no");
    }
    if (filter->priority) {
        buf_append_cstr(sql, " LEFT JOIN factor f ON f.no = d.space_no");
    }
}

static void append_texts(struct buf *sql, const struct incident_filter *filter)
{
    if (filter->title.ptr) {
        buf_append_cstr(sql, is_too_long(filter->title) ? " AND 0" : " AND i.title LIKE ?8 ESCAPE '\\'");
    }
    if (filter->description.ptr) {
        buf_append_cstr(sql, is_too_long(filter->description) ? " AND 0" : " AND i.description LIKE ?9 ESCAPE '\\'");
    }
    if (filter->issue.ptr) {
        buf_append_cstr(sql, " AND i.issue = ?10");
    }
    if (filter->device_model.ptr) {
        buf_append_cstr(sql, " AND ifnull(d.custom_model_name, m.name) = ?11");
    }
    if (filter->sub_model.ptr) {
        buf_append_cstr(sql, " AND d.sub_model = ?12");
    }
    if (filter->partner_name.ptr) {
        buf_append_cstr(sql, " AND ifnull(d.custom_partner_name, p.name) = ?13");
    }
}

static void append_filter(struct buf *sql, const struct incident_filter *filter)
{
    append_tables(sql, filter);
    buf_printf(sql, " WHERE %si.%s = ?1 AND i.created_at BETWEEN ?2 AND ?3", filter->device_no ? "+" : "",
               filter->organization_no ? "organization_no" : "partner_no");
    if (filter->device_no) {
        buf_append_cstr(sql, " AND i.device_no = ?4");
    }
    if (filter->space_no) {
        buf_append_cstr(sql, " AND d.space_no IN (WITH RECURSIVE below (no) AS (SELECT ?5 UNION ALL SELECT s.no FROM space s "
                             "JOIN below b ON s.parent_no = b.no) SELECT no FROM below)");
    }
    if (filter->visible_spaces.ptr) {
        buf_append_cstr(sql, " AND d.space_no IN (WITH RECURSIVE seen (no) AS (SELECT value FROM json_each(?16) UNION "
                             "SELECT s.no FROM space s JOIN seen ON s.parent_no = seen.no) SELECT no FROM seen)");
    }
    if (filter->status) {
        buf_append_cstr(sql, filter->status == 1 ? " AND i.closed_at IS NULL" : filter->status == 2 ? " AND i.closed_at IS NOT NULL" : " AND 0");
    }
    if (filter->priority) {
        buf_append_cstr(sql, " AND min(5, max(1, i.priority - ifnull(f.value, 0))) = ?7");
    }
    append_texts(sql, filter);
}

static void put_pattern(struct buf *out, struct str text)
{
    buf_init(out, 2 * SUBSTRING_BYTES_MAX + 8);
    buf_append_u8(out, '%');
    for (size_t i = 0; i < text.len && !is_too_long(text); i++) {
        if (text.ptr[i] == '%' || text.ptr[i] == '_' || text.ptr[i] == '\\') {
            buf_append_u8(out, '\\');
        }
        buf_append_u8(out, (uint8_t)text.ptr[i]);
    }
    buf_append_u8(out, '%');
}

/* A statement with the patterns that are bound to it. */
struct list_query {
    struct query q;
    struct buf title, description;
};

static enum err list_finish(struct list_query *list)
{
    enum err err = query_finish(&list->q);
    buf_deinit(&list->title);
    buf_deinit(&list->description);
    return err;
}

static void bind_filter(struct list_query *list, const struct incident_filter *filter)
{
    struct query *q = &list->q;
    const struct {
        int index;
        struct str text;
    } exact[] = {{10, filter->issue}, {11, filter->device_model}, {12, filter->sub_model}, {13, filter->partner_name}};
    query_bind_i64(q, 1, filter->organization_no ? filter->organization_no : filter->partner_no);
    query_bind_i64(q, 2, filter->from);
    query_bind_i64(q, 3, filter->to);
    if (filter->device_no) {
        query_bind_i64(q, 4, filter->device_no);
    }
    if (filter->space_no) {
        query_bind_i64(q, 5, filter->space_no);
    }
    if (filter->visible_spaces.ptr) {
        query_bind_str(q, 16, filter->visible_spaces);
    }
    if (filter->priority) {
        query_bind_i64(q, 7, filter->priority);
    }
    if (filter->title.ptr && !is_too_long(filter->title)) {
        query_bind_str(q, 8, buf_str(&list->title));
    }
    if (filter->description.ptr && !is_too_long(filter->description)) {
        query_bind_str(q, 9, buf_str(&list->description));
    }
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        if (exact[i].text.ptr) {
            query_bind_str(q, exact[i].index, exact[i].text);
        }
    }
}

static void begin(struct list_query *list, struct store_tx *tx, const struct incident_filter *filter, const char *columns,
                  const char *tail)
{
    struct buf sql;
    buf_init(&sql, SQL_BYTES_MAX);
    if (filter->priority) {
        append_factors(&sql, filter->organization_no != 0);
    }
    buf_printf(&sql, "SELECT %s", columns);
    append_filter(&sql, filter);
    buf_append_cstr(&sql, tail);
    query_begin_dynamic(&list->q, tx, buf_str(&sql));
    buf_deinit(&sql);
    put_pattern(&list->title, filter->title);
    put_pattern(&list->description, filter->description);
    bind_filter(list, filter);
}

enum err incident_store_list(struct store_tx *tx, const struct incident_filter *filter, struct page page, struct arena *arena,
                             struct incident_row **ret_rows, size_t *ret_count)
{
    struct incident_row *rows = arena_alloc(arena, (size_t)page.size * sizeof *rows);
    size_t count = 0;
    struct list_query list;
    begin(&list, tx, filter, INCIDENT_COLUMNS("i."), " ORDER BY i.created_at DESC, i.no DESC LIMIT ?14 OFFSET ?15");
    query_bind_i64(&list.q, 14, page.size);
    query_bind_i64(&list.q, 15, page_offset(page));
    while (query_next(&list.q) && (int64_t)count < page.size) {
        incident_columns_read(&list.q, arena, &rows[count++]);
    }
    *ret_rows = rows;
    *ret_count = count;
    return list_finish(&list);
}

enum err incident_store_count(struct store_tx *tx, const struct incident_filter *filter, int64_t *ret_count)
{
    struct list_query list;
    begin(&list, tx, filter, "count(*)", "");
    *ret_count = query_next(&list.q) ? query_i64(&list.q, 0) : 0;
    return list_finish(&list);
}

/* ---- comments ---- */

enum err incident_store_comment(struct store_tx *tx, struct incident_comment_row *row)
{
    struct query q;
    query_begin(&q, tx, "INSERT INTO incident_comment (incident_no, author, text, created_at) VALUES (?1, ?2, ?3, ?4)");
    query_bind_i64(&q, 1, row->incident_no);
    query_bind_str(&q, 2, row->author);
    query_bind_str(&q, 3, row->text);
    query_bind_time(&q, 4, row->created_at);
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err incident_store_comment_count(struct store_tx *tx, int64_t incident_no, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM incident_comment WHERE incident_no = ?1");
    query_bind_i64(&q, 1, incident_no);
    *ret_count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
}

enum err incident_store_comments(struct store_tx *tx, int64_t incident_no,
                                 void (*visit)(const struct incident_comment_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx, "SELECT no, author, text, created_at FROM incident_comment WHERE incident_no = ?1 ORDER BY no");
    query_bind_i64(&q, 1, incident_no);
    while (query_next(&q)) {
        struct incident_comment_row row = {.no = query_i64(&q, 0),
                                           .incident_no = incident_no,
                                           .author = query_str(&q, 1),
                                           .text = query_str(&q, 2),
                                           .created_at = query_time(&q, 3)};
        visit(&row, arg);
    }
    return query_finish(&q);
}
