#include "model/ports/file_store.h"

#include "store/sqlite/tx.h"

#define COLUMNS \
    "file.no, file.id, file.model_no, file.organization_no, file.file_type, file.size, file.sha256, file.created_at, " \
    "file.name, file.filename, file.description, file.version, file.checksum, file.signature, file.public_notes"

/* Strings are borrowed. */
static struct file_row row_read(struct query *q)
{
    struct file_row row = {
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .model_no = query_i64(q, 2),
        .organization_no = query_i64(q, 3),
        .type = (enum file_type)query_i64(q, 4),
        .size = query_i64(q, 5),
        .created_at = query_time(q, 7),
        .name = query_str(q, 8),
        .filename = query_str(q, 9),
        .desc = query_str(q, 10),
        .version = query_str(q, 11),
        .checksum = query_str(q, 12),
        .signature = query_str(q, 13),
        .public_notes = query_str(q, 14),
    };
    struct str hash = query_str(q, 6);
    if (hash.len == sizeof row.sha256) {
        memcpy(row.sha256, hash.ptr, sizeof row.sha256);
    }
    return row;
}

static enum err read_one(struct query *q, struct arena *arena, struct file_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        *ret_row = row_read(q);
        struct str *const texts[] = {&ret_row->name,    &ret_row->filename,  &ret_row->desc,        &ret_row->version,
                                     &ret_row->checksum, &ret_row->signature, &ret_row->public_notes};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            *texts[i] = texts[i]->ptr ? arena_str(arena, *texts[i]) : *texts[i];
        }
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

static void bind_number(struct query *q, int index, int64_t no)
{
    if (no) {
        query_bind_i64(q, index, no);
    } else {
        query_bind_null(q, index);
    }
}

enum err file_store_insert(struct store_tx *tx, struct file_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO file (id, model_no, organization_no, file_type, size, sha256, created_at, name, filename, "
                "description, version, checksum, signature, public_notes) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    query_bind_uuid(&q, 1, &row->id);
    bind_number(&q, 2, row->model_no);
    bind_number(&q, 3, row->organization_no);
    query_bind_i64(&q, 4, row->type);
    query_bind_i64(&q, 5, row->size);
    query_bind_blob(&q, 6, row->sha256, sizeof row->sha256);
    query_bind_time(&q, 7, row->created_at);
    const struct str texts[] = {row->name,     row->filename,  row->desc,        row->version,
                                row->checksum, row->signature, row->public_notes};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        query_bind_str(&q, (int)i + 8, texts[i]);
    }
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err file_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct file_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM file WHERE id = ?1");
    query_bind_uuid(&q, 1, id);
    return read_one(&q, arena, ret_row);
}

enum err file_store_update(struct store_tx *tx, const struct file_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE file SET name = ?2, description = ?3, checksum = ?4, signature = ?5, public_notes = ?6 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_str(&q, 2, row->name);
    query_bind_str(&q, 3, row->desc);
    query_bind_str(&q, 4, row->checksum);
    query_bind_str(&q, 5, row->signature);
    query_bind_str(&q, 6, row->public_notes);
    return query_finish(&q);
}

enum err file_store_delete(struct store_tx *tx, int64_t no)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM file WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return query_finish(&q);
}

/* ---- lists ---- */

/* Each kind by its own index: the numbers of a filter that are 0 match nothing. */
#define OF_FILTER \
    "(SELECT no FROM file WHERE model_no = ?1 UNION SELECT no FROM file WHERE organization_no = ?2 UNION " \
    "SELECT file.no FROM command JOIN file ON file.id = command.file_id WHERE command.device_no = ?3 AND " \
    "command.organization_no = ?4 AND command.file_id IS NOT NULL)"

static void bind_filter(struct query *q, const struct file_filter *filter)
{
    query_bind_i64(q, 1, filter->model_no);
    query_bind_i64(q, 2, filter->organization_no);
    query_bind_i64(q, 3, filter->device_no);
    query_bind_i64(q, 4, filter->commands_of);
}

enum err file_store_list(struct store_tx *tx, const struct file_filter *filter, int64_t limit, int64_t offset,
                         void (*visit)(const struct file_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM file WHERE no IN " OF_FILTER " ORDER BY no DESC LIMIT ?5 OFFSET ?6");
    bind_filter(&q, filter);
    query_bind_i64(&q, 5, limit);
    query_bind_i64(&q, 6, offset);
    while (query_next(&q)) {
        struct file_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

static enum err read_number(struct query *q, int64_t *ret_number)
{
    *ret_number = query_next(q) ? query_i64(q, 0) : 0;
    return query_finish(q);
}

enum err file_store_count(struct store_tx *tx, const struct file_filter *filter, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM " OF_FILTER);
    bind_filter(&q, filter);
    return read_number(&q, ret_count);
}

enum err file_store_bytes(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t *ret_bytes)
{
    struct query q;
    query_begin(&q, tx, kind == TENANT_PARTNER
                            ? "SELECT ifnull(sum(f.size), 0) FROM model m JOIN file f ON f.model_no = m.no WHERE m.partner_no = ?1"
                            : "SELECT ifnull(sum(size), 0) FROM file WHERE organization_no = ?1");
    query_bind_i64(&q, 1, tenant_no);
    return read_number(&q, ret_bytes);
}

enum err file_store_matches(struct store_tx *tx, const struct file_filter *filter, int64_t no, bool *ret_matches)
{
    struct query q;
    int64_t found = 0;
    query_begin(&q, tx,
                "SELECT EXISTS (SELECT 1 FROM file WHERE no = ?5 AND (model_no = ?1 OR organization_no = ?2 OR "
                "EXISTS (SELECT 1 FROM command WHERE file_id = file.id AND device_no = ?3 AND "
                "command.organization_no = ?4)))");
    bind_filter(&q, filter);
    query_bind_i64(&q, 5, no);
    enum err err = read_number(&q, &found);
    *ret_matches = found != 0;
    return err;
}

enum err file_store_is_in_use(struct store_tx *tx, const struct uuid *id, bool *ret_in_use)
{
    struct query q;
    int64_t found = 0;
    query_begin(&q, tx, "SELECT EXISTS (SELECT 1 FROM command WHERE file_id = ?1 AND finished_at IS NULL)");
    query_bind_uuid(&q, 1, id);
    enum err err = read_number(&q, &found);
    *ret_in_use = found != 0;
    return err;
}

/* ---- firmware ---- */

enum err file_store_newest_firmware(struct store_tx *tx, int64_t model_no, struct arena *arena, struct file_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM file WHERE model_no = ?1 AND file_type = 1 ORDER BY no DESC LIMIT 1");
    query_bind_i64(&q, 1, model_no);
    return read_one(&q, arena, ret_row);
}

enum err file_store_each_newest_firmware(struct store_tx *tx, void (*visit)(const struct file_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " COLUMNS " FROM file WHERE no IN (SELECT max(no) FROM file WHERE model_no IS NOT NULL AND "
                "file_type = 1 GROUP BY model_no)");
    while (query_next(&q)) {
        struct file_row row = row_read(&q);
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err file_store_each_device_version(struct store_tx *tx, int64_t model_no, int64_t after_no, int64_t limit,
                                        void (*visit)(int64_t device_no, struct str version, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no, firmware_version FROM device WHERE model_no = ?1 AND no > ?2 ORDER BY no LIMIT ?3");
    query_bind_i64(&q, 1, model_no);
    query_bind_i64(&q, 2, after_no);
    query_bind_i64(&q, 3, limit);
    while (query_next(&q)) {
        visit(query_i64(&q, 0), query_str(&q, 1), arg);
    }
    return query_finish(&q);
}

/* ---- contents ---- */

enum err content_store_is_known(struct store_tx *tx, const struct uuid *id, bool *ret_known)
{
    struct query q;
    int64_t found = 0;
    query_begin(&q, tx, "SELECT EXISTS (SELECT 1 FROM file WHERE id = ?1) OR EXISTS (SELECT 1 FROM dump WHERE id = ?1)");
    query_bind_uuid(&q, 1, id);
    enum err err = read_number(&q, &found);
    *ret_known = found != 0;
    return err;
}

enum err content_store_removed(struct store_tx *tx, struct uuid *ret_ids, size_t max, size_t *ret_count)
{
    struct query q;
    *ret_count = 0;
    query_begin(&q, tx, "SELECT id FROM removed_content LIMIT ?1");
    query_bind_i64(&q, 1, (int64_t)max);
    while (query_next(&q)) {
        ret_ids[(*ret_count)++] = query_uuid(&q, 0);
    }
    return query_finish(&q);
}

enum err content_store_forget(struct store_tx *tx, const struct uuid *id)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM removed_content WHERE id = ?1");
    query_bind_uuid(&q, 1, id);
    return query_finish(&q);
}
