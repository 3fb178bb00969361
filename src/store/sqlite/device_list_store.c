/* Lists of devices and of their history. The text of a statement depends on the filters in use, so that each takes the
 * index made for it; values are always bound. Only columns of short rows are read, never states. */
#include "model/ports/device_store.h"

#include "base/buf.h"
#include "store/sqlite/tx.h"

enum { SQL_BYTES_MAX = 8192 };
/* A longer text is in none of the columns. */
enum { SUBSTRING_BYTES_MAX = 2048 };

static bool is_substring(struct str text)
{
    return text.ptr && text.len <= SUBSTRING_BYTES_MAX;
}

/* The texts of a device as the tenants' indexes have them (schema/019_list_indexes.sql). */
#define TEXTS "(d.name || char(31) || ifnull(d.sn, '') || char(31) || ifnull(d.mac, '') || char(31) || ifnull(d.cloud_id, ''))"

static bool is_hex_piece(struct str text)
{
    bool digits = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!digit && c != '-') {
            return false;
        }
        digits = digits || digit;
    }
    return digits;
}

/* The name of a table is in each condition: history lists join the same filters. */
static void append_search(struct buf *sql, struct str text)
{
    buf_append_cstr(sql, is_hex_piece(text) ? " AND (contains(?8, " TEXTS ") OR contains_hex(?9, d.id))" : " AND contains(?8, " TEXTS ")");
}

/* The texts are in the tenants' indexes, beside the numbers that filters look at: rows are not read for them. */
static bool is_by_text(const struct device_filter *filter)
{
    return filter->search.ptr || filter->name.ptr;
}

/* The index of models has no texts, and an organization's devices are of few models. */
static bool is_by_model(const struct device_filter *filter)
{
    return filter->model_no && !filter->organization_no && !is_by_text(filter);
}

/* A filter that matches few rows has an index of its own; "+" keeps the tenant's from being taken instead. */
static bool is_selective(const struct device_filter *filter)
{
    return filter->sn.ptr || filter->mac_normal.ptr || filter->cloud_id.ptr || filter->space_no || filter->owner_no ||
           filter->nos.ptr || filter->parent_no || is_by_model(filter);
}

static void append_filter(struct buf *sql, const struct device_filter *filter)
{
    buf_printf(sql, " WHERE %sd.%s = ?1", is_selective(filter) ? "+" : "",
               filter->organization_no ? "organization_no" : "partner_no");
    if (filter->model_no) {
        buf_printf(sql, " AND %sd.model_no = ?2", is_by_model(filter) ? "" : "+");
    }
    if (filter->owner_no) {
        buf_append_cstr(sql, " AND d.organization_no = ?3");
    }
    if (filter->space_no) {
        buf_append_cstr(sql, " AND d.space_no IN (WITH RECURSIVE below (no) AS (SELECT ?4 UNION ALL SELECT s.no FROM space s "
                             "JOIN below b ON s.parent_no = b.no) SELECT no FROM below)");
    }
    if (filter->parent_no) {
        buf_append_cstr(sql, " AND d.parent_no = ?21");
    }
    if (filter->after_no) {
        buf_append_cstr(sql, " AND d.no > ?17");
    }
    if (filter->visible_spaces.ptr) {
        buf_append_cstr(sql, " AND d.space_no IN (WITH RECURSIVE seen (no) AS (SELECT value FROM json_each(?18) UNION "
                             "SELECT s.no FROM space s JOIN seen ON s.parent_no = seen.no) SELECT no FROM seen)");
    }
    if (filter->unclaimed) {
        buf_append_cstr(sql, " AND d.organization_no IS NULL");
    }
    if (filter->sn.ptr) {
        buf_append_cstr(sql, " AND d.sn = ?5 AND d.speaks_through_parent = 0");
    }
    if (filter->mac_normal.ptr) {
        buf_append_cstr(sql, " AND d.mac_normal = ?6");
    }
    if (filter->cloud_id.ptr) {
        buf_append_cstr(sql, " AND d.cloud_id = ?7");
    }
    if (filter->firmware_version.ptr) {
        buf_append_cstr(sql, " AND d.firmware_version = ?19");
    }
    if (filter->nos.ptr) {
        buf_append_cstr(sql, " AND d.no IN (SELECT value FROM json_each(?20))");
    }
    if (is_substring(filter->search)) {
        append_search(sql, filter->search);
    }
    if (is_substring(filter->name)) {
        buf_append_cstr(sql, " AND contains_first(?10, " TEXTS ")");
    }
    if (filter->search.len > SUBSTRING_BYTES_MAX || filter->name.len > SUBSTRING_BYTES_MAX) {
        buf_append_cstr(sql, " AND 0");
    }
}

/* Hex digits of a piece of a UUID, upper case. */
static void append_hex_piece(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c != '-') {
            buf_append_u8(out, (uint8_t)(c >= 'a' ? c - 'a' + 'A' : c));
        }
    }
}

/* What of a filter is made for the query; it lives until the query is finished. */
struct patterns {
    struct buf hex;
};

static void bind_filter(struct query *q, const struct device_filter *filter, struct patterns *patterns)
{
    query_bind_i64(q, 1, filter->organization_no ? filter->organization_no : filter->partner_no);
    if (filter->model_no) {
        query_bind_i64(q, 2, filter->model_no);
    }
    if (filter->owner_no) {
        query_bind_i64(q, 3, filter->owner_no);
    }
    if (filter->space_no) {
        query_bind_i64(q, 4, filter->space_no);
    }
    if (filter->parent_no) {
        query_bind_i64(q, 21, filter->parent_no);
    }
    if (filter->after_no) {
        query_bind_i64(q, 17, filter->after_no);
    }
    if (filter->visible_spaces.ptr) {
        query_bind_str(q, 18, filter->visible_spaces);
    }
    if (filter->sn.ptr) {
        query_bind_str(q, 5, filter->sn);
    }
    if (filter->mac_normal.ptr) {
        query_bind_str(q, 6, filter->mac_normal);
    }
    if (filter->cloud_id.ptr) {
        query_bind_str(q, 7, filter->cloud_id);
    }
    if (filter->firmware_version.ptr) {
        query_bind_str(q, 19, filter->firmware_version);
    }
    if (filter->nos.ptr) {
        query_bind_str(q, 20, filter->nos);
    }
    if (is_substring(filter->search)) {
        query_bind_str(q, 8, filter->search);
        if (is_hex_piece(filter->search)) {
            append_hex_piece(&patterns->hex, filter->search);
            query_bind_str(q, 9, buf_str(&patterns->hex));
        }
    }
    if (is_substring(filter->name)) {
        query_bind_str(q, 10, filter->name);
    }
}

static void patterns_init(struct patterns *patterns)
{
    buf_init(&patterns->hex, SUBSTRING_BYTES_MAX);
}

static void patterns_deinit(struct patterns *patterns)
{
    buf_deinit(&patterns->hex);
}

enum err device_store_list(struct store_tx *tx, const struct device_filter *filter, int64_t limit, int64_t offset,
                           bool (*visit)(int64_t no, void *arg), void *arg)
{
    struct buf sql;
    struct patterns patterns;
    buf_init(&sql, SQL_BYTES_MAX);
    patterns_init(&patterns);
    buf_append_cstr(&sql, "SELECT d.no FROM device d");
    append_filter(&sql, filter);
    buf_append_cstr(&sql, " ORDER BY d.no LIMIT ?11 OFFSET ?12");
    struct query q;
    query_begin_dynamic(&q, tx, buf_str(&sql));
    bind_filter(&q, filter, &patterns);
    query_bind_i64(&q, 11, limit);
    query_bind_i64(&q, 12, offset);
    while (query_next(&q) && visit(query_i64(&q, 0), arg)) {
    }
    enum err err = query_finish(&q);
    patterns_deinit(&patterns);
    buf_deinit(&sql);
    return err;
}

static enum err count_rows(struct query *q, int64_t *ret_count)
{
    int64_t count = query_next(q) ? query_i64(q, 0) : 0;
    enum err err = query_finish(q);
    if (err == ERR_OK) {
        *ret_count = count;
    }
    return err;
}

enum err device_store_count(struct store_tx *tx, const struct device_filter *filter, int64_t *ret_count)
{
    struct buf sql;
    struct patterns patterns;
    buf_init(&sql, SQL_BYTES_MAX);
    patterns_init(&patterns);
    buf_append_cstr(&sql, "SELECT count(*) FROM device d");
    append_filter(&sql, filter);
    struct query q;
    query_begin_dynamic(&q, tx, buf_str(&sql));
    bind_filter(&q, filter, &patterns);
    enum err err = count_rows(&q, ret_count);
    patterns_deinit(&patterns);
    buf_deinit(&sql);
    return err;
}

enum err device_store_spread(struct store_tx *tx, const struct device_filter *filter,
                             void (*visit)(int64_t model_no, int64_t space_no, struct str version, int64_t count, void *arg),
                             void *arg)
{
    struct buf sql;
    struct patterns patterns;
    buf_init(&sql, SQL_BYTES_MAX);
    patterns_init(&patterns);
    buf_append_cstr(&sql, "SELECT d.model_no, d.space_no, d.firmware_version, count(*) FROM device d");
    append_filter(&sql, filter);
    buf_append_cstr(&sql, " GROUP BY d.model_no, d.firmware_version, d.space_no ORDER BY min(d.no)");
    struct query q;
    query_begin_dynamic(&q, tx, buf_str(&sql));
    bind_filter(&q, filter, &patterns);
    while (query_next(&q)) {
        visit(query_i64(&q, 0), query_i64(&q, 1), query_str(&q, 2), query_i64(&q, 3), arg);
    }
    enum err err = query_finish(&q);
    patterns_deinit(&patterns);
    buf_deinit(&sql);
    return err;
}

/* A page of so many rows of a tenant is picked from all of them, found device by device; of more it is read off the index of
 * times, each row checked against its device, because the page is full soon. */
enum { PICKED_ROWS_MAX = 20000 };

static void append_history_filter(struct buf *sql, const struct history_filter *filter)
{
    append_filter(sql, &filter->devices);
    buf_append_cstr(sql, " AND h.at >= ?13 AND h.at <= ?14");
    if (filter->device_no) {
        buf_append_cstr(sql, " AND h.device_no = ?15");
    }
    if (filter->status >= 0) {
        buf_append_cstr(sql, " AND h.status = ?16");
    }
}

/* Device by device, in the indexes alone. */
static void append_history(struct buf *sql, const struct history_filter *filter)
{
    buf_append_cstr(sql, " FROM device d CROSS JOIN history h INDEXED BY history_device ON h.device_no = d.no AND h.epoch = d.epoch");
    append_history_filter(sql, filter);
    if (filter->device_no) {
        buf_append_cstr(sql, " AND d.no = ?15");
    }
}

static void append_history_page(struct buf *sql, const struct history_filter *filter, int64_t total)
{
    const char *order = filter->ascending ? "h.at, h.no" : "h.at DESC, h.no DESC";
    buf_append_cstr(sql, "SELECT h.device_no, h.at, h.status, h.state FROM ");
    if (total > PICKED_ROWS_MAX && !filter->device_no) {
        buf_append_cstr(sql, "history h INDEXED BY history_at CROSS JOIN device d ON d.no = h.device_no AND d.epoch = h.epoch");
        append_history_filter(sql, filter);
        buf_printf(sql, " ORDER BY %s LIMIT ?11 OFFSET ?12", order);
        return;
    }
    buf_append_cstr(sql, "(SELECT h.no AS picked");
    append_history(sql, filter);
    buf_printf(sql, " ORDER BY %s LIMIT ?11 OFFSET ?12) CROSS JOIN history h ON h.no = picked ORDER BY %s", order, order);
}

static void bind_history(struct query *q, const struct history_filter *filter, struct patterns *patterns)
{
    bind_filter(q, &filter->devices, patterns);
    query_bind_i64(q, 13, filter->from);
    query_bind_i64(q, 14, filter->to);
    if (filter->device_no) {
        query_bind_i64(q, 15, filter->device_no);
    }
    if (filter->status >= 0) {
        query_bind_i64(q, 16, filter->status);
    }
}

enum err history_store_list(struct store_tx *tx, const struct history_filter *filter, int64_t total, int64_t limit, int64_t offset,
                            void (*visit)(const struct history_row *row, void *arg), void *arg)
{
    struct buf sql;
    struct patterns patterns;
    buf_init(&sql, SQL_BYTES_MAX);
    patterns_init(&patterns);
    append_history_page(&sql, filter, total);
    struct query q;
    query_begin_dynamic(&q, tx, buf_str(&sql));
    bind_history(&q, filter, &patterns);
    query_bind_i64(&q, 11, limit);
    query_bind_i64(&q, 12, offset);
    while (query_next(&q)) {
        struct history_row row = {
            .device_no = query_i64(&q, 0),
            .at = query_i64(&q, 1),
            .status = (enum device_status)query_i64(&q, 2),
            .state = query_str(&q, 3),
        };
        visit(&row, arg);
    }
    enum err err = query_finish(&q);
    patterns_deinit(&patterns);
    buf_deinit(&sql);
    return err;
}

enum err history_store_count(struct store_tx *tx, const struct history_filter *filter, int64_t *ret_count)
{
    struct buf sql;
    struct patterns patterns;
    buf_init(&sql, SQL_BYTES_MAX);
    patterns_init(&patterns);
    buf_append_cstr(&sql, "SELECT count(*)");
    append_history(&sql, filter);
    struct query q;
    query_begin_dynamic(&q, tx, buf_str(&sql));
    bind_history(&q, filter, &patterns);
    enum err err = count_rows(&q, ret_count);
    patterns_deinit(&patterns);
    buf_deinit(&sql);
    return err;
}
