/* Lists of incidents, and their comments. The text of a statement depends on the filters in use, so that each takes the
 * index made for it; values are always bound. */
#include "base/buf.h"
#include "store/sqlite/incident_columns.h"

enum { SQL_BYTES_MAX = 8192 };
enum { SUBSTRING_BYTES_MAX = 2048 }; /* a longer text is in no title */

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

/* With the factors of spaces: the devices whose incidents have another priority than their own, and which (0: any). */
static void append_priority(struct buf *sql)
{
    buf_append_cstr(sql, " AND (i.priority = ?7 AND i.device_no NOT IN (SELECT d.no FROM factor f JOIN device d ON d.space_no = f.no "
                         "WHERE f.value <> 0) OR (i.device_no, i.priority) IN (SELECT d.no, own.column1 FROM factor f JOIN device d "
                         "ON d.space_no = f.no CROSS JOIN (VALUES (1), (2), (3), (4), (5)) own WHERE f.value <> 0 AND "
                         "min(5, max(1, own.column1 - f.value)) = ?7))");
}

/* Conditions on devices are sets of their numbers: each is made once, instead of a row of a device read for each incident. */
static void append_devices(struct buf *sql, const struct incident_filter *filter)
{
    if (filter->space_no) {
        buf_append_cstr(sql, " AND i.device_no IN (SELECT no FROM device WHERE space_no IN (WITH RECURSIVE below (no) AS (SELECT ?5 "
                             "UNION ALL SELECT s.no FROM space s JOIN below b ON s.parent_no = b.no) SELECT no FROM below))");
    }
    if (filter->visible_spaces.ptr) {
        buf_append_cstr(sql, " AND i.device_no IN (SELECT no FROM device WHERE space_no IN (WITH RECURSIVE seen (no) AS (SELECT value "
                             "FROM json_each(?16) UNION SELECT s.no FROM space s JOIN seen ON s.parent_no = seen.no) SELECT no FROM seen))");
    }
    if (filter->device_model.ptr) {
        buf_append_cstr(sql, " AND i.device_no IN (SELECT no FROM device WHERE custom_model_name = ?11 UNION ALL SELECT d.no FROM model m "
                             "JOIN device d ON d.model_no = m.no AND d.custom_model_name IS NULL WHERE m.name = ?11)");
    }
    if (filter->sub_model.ptr) {
        buf_append_cstr(sql, " AND i.device_no IN (SELECT no FROM device WHERE sub_model = ?12)");
    }
    if (filter->partner_name.ptr) {
        buf_append_cstr(sql, " AND (i.partner_no IN (SELECT no FROM partner WHERE name = ?13) AND i.device_no NOT IN (SELECT no FROM device "
                             "WHERE custom_partner_name IS NOT NULL) OR i.device_no IN (SELECT no FROM device WHERE custom_partner_name = ?13))");
    }
}

static bool is_substring(struct str text)
{
    return text.ptr && text.len <= SUBSTRING_BYTES_MAX;
}

static void append_texts(struct buf *sql, const struct incident_filter *filter)
{
    if (is_substring(filter->title)) {
        buf_append_cstr(sql, " AND contains(?8, i.title)");
    }
    if (is_substring(filter->description)) {
        buf_append_cstr(sql, " AND contains(?9, i.description)");
    }
    if (filter->title.len > SUBSTRING_BYTES_MAX || filter->description.len > SUBSTRING_BYTES_MAX) {
        buf_append_cstr(sql, " AND 0");
    }
    if (filter->issue.ptr) {
        buf_append_cstr(sql, " AND i.issue = ?10");
    }
}

static void append_filter(struct buf *sql, const struct incident_filter *filter)
{
    buf_printf(sql, " FROM incident i WHERE %si.%s = ?1 AND i.created_at BETWEEN ?2 AND ?3", filter->device_no ? "+" : "",
               filter->organization_no ? "organization_no" : "partner_no");
    if (filter->device_no) {
        buf_append_cstr(sql, " AND i.device_no = ?4");
    }
    if (filter->status) {
        buf_append_cstr(sql, filter->status == 1 ? " AND i.closed_at IS NULL" : filter->status == 2 ? " AND i.closed_at IS NOT NULL" : " AND 0");
    }
    if (filter->priority) {
        append_priority(sql);
    }
    append_devices(sql, filter);
    append_texts(sql, filter);
}

static void bind_filter(struct query *q, const struct incident_filter *filter)
{
    const struct {
        int index;
        struct str text;
    } texts[] = {{8, filter->title}, {9, filter->description}, {10, filter->issue}, {11, filter->device_model}, {12, filter->sub_model}, {13, filter->partner_name}};
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
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].text.ptr && (texts[i].index >= 10 || is_substring(texts[i].text))) {
            query_bind_str(q, texts[i].index, texts[i].text);
        }
    }
}

static void begin(struct query *q, struct store_tx *tx, const struct incident_filter *filter, const char *columns,
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
    query_begin_dynamic(q, tx, buf_str(&sql));
    buf_deinit(&sql);
    bind_filter(q, filter);
}

enum err incident_store_list(struct store_tx *tx, const struct incident_filter *filter, struct page page, struct arena *arena,
                             struct incident_row **ret_rows, size_t *ret_count)
{
    struct incident_row *rows = arena_alloc(arena, (size_t)page.size * sizeof *rows);
    size_t count = 0;
    struct query q;
    begin(&q, tx, filter, INCIDENT_COLUMNS("i."), " ORDER BY i.created_at DESC, i.no DESC LIMIT ?14 OFFSET ?15");
    query_bind_i64(&q, 14, page.size);
    query_bind_i64(&q, 15, page_offset(page));
    while (query_next(&q) && (int64_t)count < page.size) {
        incident_columns_read(&q, arena, &rows[count++]);
    }
    *ret_rows = rows;
    *ret_count = count;
    return query_finish(&q);
}

enum err incident_store_count(struct store_tx *tx, const struct incident_filter *filter, int64_t *ret_count)
{
    struct query q;
    begin(&q, tx, filter, "count(*)", "");
    *ret_count = query_next(&q) ? query_i64(&q, 0) : 0;
    return query_finish(&q);
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
