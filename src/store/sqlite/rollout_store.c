#include "model/ports/rollout_store.h"

#include "store/sqlite/tx.h"

static void bind_no(struct query *q, int index, int64_t no) /* 0 binds null */
{
    if (no) {
        query_bind_i64(q, index, no);
    } else {
        query_bind_null(q, index);
    }
}

static enum err read_number(struct query *q, int64_t *ret_number)
{
    int64_t number = query_next(q) ? query_i64(q, 0) : 0;
    enum err err = query_finish(q);
    if (err == ERR_OK) {
        *ret_number = number;
    }
    return err;
}

#define COLUMNS                                                                                                          \
    "no, id, organization_no, name, target, command, secret_names, waves, success_percent, error_percent, state, reason, " \
    "task, filled_to, devices, wave, forgiven, attempt, owner_no, actor_no, actor_key_no, created_by, created_at, "      \
    "started_at, finished_at"

static void row_read(struct query *q, struct arena *arena, struct rollout_row *ret_row)
{
    *ret_row = (struct rollout_row){
        .no = query_i64(q, 0),
        .id = query_uuid(q, 1),
        .organization_no = query_i64(q, 2),
        .name = query_str_copy(q, 3, arena),
        .target = query_str_copy(q, 4, arena),
        .command = query_str_copy(q, 5, arena),
        .secret_names = query_str_copy(q, 6, arena),
        .waves = query_str_copy(q, 7, arena),
        .success_percent = query_i64(q, 8),
        .error_percent = query_i64(q, 9),
        .state = (enum rollout_state)query_i64(q, 10),
        .reason = (enum rollout_reason)query_i64(q, 11),
        .task = (enum rollout_task)query_i64(q, 12),
        .filled_to = query_i64(q, 13),
        .devices = query_i64(q, 14),
        .wave = query_i64(q, 15),
        .forgiven = query_i64(q, 16),
        .attempt = query_i64(q, 17),
        .owner_no = query_i64(q, 18),
        .actor_no = query_i64(q, 19),
        .actor_key_no = query_i64(q, 20),
        .created_by = query_str_copy(q, 21, arena),
        .created_at = query_time(q, 22),
        .started_at = query_time(q, 23),
        .finished_at = query_time(q, 24),
    };
}

enum err rollout_store_insert(struct store_tx *tx, struct rollout_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO rollout (id, organization_no, name, target, command, secret_names, waves, success_percent, "
                "error_percent, state, owner_no, created_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
                "?11, ?12, ?13)");
    query_bind_uuid(&q, 1, &row->id);
    query_bind_i64(&q, 2, row->organization_no);
    query_bind_str(&q, 3, row->name);
    query_bind_str(&q, 4, row->target);
    query_bind_str(&q, 5, row->command);
    query_bind_str(&q, 6, row->secret_names);
    query_bind_str(&q, 7, row->waves);
    query_bind_i64(&q, 8, row->success_percent);
    query_bind_i64(&q, 9, row->error_percent);
    query_bind_i64(&q, 10, row->state);
    bind_no(&q, 11, row->owner_no);
    query_bind_str(&q, 12, row->created_by);
    query_bind_time(&q, 13, row->created_at);
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        row->no = tx_last_row(tx);
    }
    return err;
}

enum err rollout_store_update(struct store_tx *tx, const struct rollout_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE rollout SET state = ?2, reason = ?3, task = ?4, filled_to = ?5, devices = ?6, wave = ?7, forgiven = ?8, "
                "attempt = ?9, actor_no = ?10, actor_key_no = ?11, started_at = ?12, finished_at = ?13 WHERE no = ?1");
    query_bind_i64(&q, 1, row->no);
    query_bind_i64(&q, 2, row->state);
    query_bind_i64(&q, 3, row->reason);
    query_bind_i64(&q, 4, row->task);
    query_bind_i64(&q, 5, row->filled_to);
    query_bind_i64(&q, 6, row->devices);
    query_bind_i64(&q, 7, row->wave);
    query_bind_i64(&q, 8, row->forgiven);
    query_bind_i64(&q, 9, row->attempt);
    bind_no(&q, 10, row->actor_no);
    bind_no(&q, 11, row->actor_key_no);
    query_bind_time(&q, 12, row->started_at);
    query_bind_time(&q, 13, row->finished_at);
    return query_finish(&q);
}

enum err rollout_store_set_secret_names(struct store_tx *tx, int64_t no, struct str names)
{
    struct query q;
    query_begin(&q, tx, "UPDATE rollout SET secret_names = ?2 WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    query_bind_str(&q, 2, names);
    return query_finish(&q);
}

static enum err read_one(struct query *q, struct arena *arena, struct rollout_row *ret_row)
{
    bool found = query_next(q);
    if (found) {
        row_read(q, arena, ret_row);
    }
    enum err err = query_finish(q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err rollout_store_find(struct store_tx *tx, int64_t organization_no, const struct uuid *id, struct arena *arena,
                            struct rollout_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM rollout WHERE id = ?1 AND organization_no = ?2");
    query_bind_uuid(&q, 1, id);
    query_bind_i64(&q, 2, organization_no);
    return read_one(&q, arena, ret_row);
}

enum err rollout_store_by_no(struct store_tx *tx, int64_t no, struct arena *arena, struct rollout_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS " FROM rollout WHERE no = ?1");
    query_bind_i64(&q, 1, no);
    return read_one(&q, arena, ret_row);
}

#define FILTERED " FROM rollout WHERE organization_no = ?1 AND (?2 = 0 OR owner_no = ?2) AND (?3 = 0 OR state = ?3)"

static void bind_filter(struct query *q, const struct rollout_filter *filter)
{
    query_bind_i64(q, 1, filter->organization_no);
    query_bind_i64(q, 2, filter->owner_no);
    query_bind_i64(q, 3, filter->state);
}

enum err rollout_store_list(struct store_tx *tx, const struct rollout_filter *filter, struct page page, struct arena *arena,
                            struct rollout_row **ret_rows, size_t *ret_count)
{
    struct rollout_row *rows = arena_alloc(arena, (size_t)page.size * sizeof *rows);
    size_t count = 0;
    struct query q;
    query_begin(&q, tx, "SELECT " COLUMNS FILTERED " ORDER BY no DESC LIMIT ?4 OFFSET ?5");
    bind_filter(&q, filter);
    query_bind_i64(&q, 4, page.size);
    query_bind_i64(&q, 5, page_offset(page));
    while (count < (size_t)page.size && query_next(&q)) {
        row_read(&q, arena, &rows[count++]);
    }
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        *ret_rows = rows;
        *ret_count = count;
    }
    return err;
}

enum err rollout_store_count(struct store_tx *tx, const struct rollout_filter *filter, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" FILTERED);
    bind_filter(&q, filter);
    return read_number(&q, ret_count);
}

enum err rollout_store_count_open(struct store_tx *tx, int64_t organization_no, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*) FROM rollout WHERE organization_no = ?1 AND finished_at IS NULL");
    query_bind_i64(&q, 1, organization_no);
    return read_number(&q, ret_count);
}

enum err rollout_store_next_running(struct store_tx *tx, int64_t after_no, int64_t *ret_no)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT no FROM rollout WHERE state = 2 AND no > ?1 AND (task <> 0 OR EXISTS (SELECT 1 FROM rollout_wave w "
                "WHERE w.rollout_no = rollout.no AND w.wave <= rollout.wave AND w.waiting > 0)) ORDER BY no LIMIT 1");
    query_bind_i64(&q, 1, after_no);
    return read_number(&q, ret_no);
}

enum err rollout_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max)
{
    struct query q;
    int64_t no = 0;
    query_begin(&q, tx, "SELECT no FROM rollout WHERE finished_at < ?1 ORDER BY finished_at LIMIT 1");
    query_bind_time(&q, 1, before);
    enum err err = read_number(&q, &no);
    if (err != ERR_OK || no == 0) {
        return err;
    }
    query_begin(&q, tx,
                "DELETE FROM rollout_device WHERE rollout_no = ?1 AND seq IN (SELECT seq FROM rollout_device "
                "WHERE rollout_no = ?1 ORDER BY seq LIMIT ?2)");
    query_bind_i64(&q, 1, no);
    query_bind_i64(&q, 2, rows_max);
    err = query_finish(&q);
    if (err == ERR_OK && tx_changes(tx) < rows_max) {
        query_begin(&q, tx, "DELETE FROM rollout WHERE no = ?1");
        query_bind_i64(&q, 1, no);
        err = query_finish(&q);
    }
    return err;
}

/* --- waves --- */

enum err rollout_store_add_wave(struct store_tx *tx, int64_t rollout_no, int64_t wave, int64_t first_seq, int64_t last_seq)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO rollout_wave (rollout_no, wave, last_seq, waiting, sent, done, failed, skipped) "
                "SELECT ?1, ?2, ?4, ifnull(sum(state = 1), 0), 0, 0, 0, ifnull(sum(state = 5), 0) FROM rollout_device "
                "WHERE rollout_no = ?1 AND seq BETWEEN ?3 AND ?4");
    query_bind_i64(&q, 1, rollout_no);
    query_bind_i64(&q, 2, wave);
    query_bind_i64(&q, 3, first_seq);
    query_bind_i64(&q, 4, last_seq);
    return query_finish(&q);
}

enum err rollout_store_waves(struct store_tx *tx, int64_t rollout_no, struct rollout_wave_row *ret_waves, size_t max,
                             size_t *ret_count)
{
    struct query q;
    size_t count = 0;
    query_begin(&q, tx,
                "SELECT wave, last_seq, waiting, sent, done, failed, skipped FROM rollout_wave WHERE rollout_no = ?1 ORDER BY wave");
    query_bind_i64(&q, 1, rollout_no);
    while (count < max && query_next(&q)) {
        ret_waves[count++] = (struct rollout_wave_row){
            .wave = query_i64(&q, 0),
            .last_seq = query_i64(&q, 1),
            .waiting = query_i64(&q, 2),
            .sent = query_i64(&q, 3),
            .done = query_i64(&q, 4),
            .failed = query_i64(&q, 5),
            .skipped = query_i64(&q, 6),
        };
    }
    *ret_count = count;
    return query_finish(&q);
}

/* --- devices --- */

static void bind_uuid(struct query *q, int index, const struct uuid *id) /* nil binds null */
{
    if (uuid_is_nil(id)) {
        query_bind_null(q, index);
    } else {
        query_bind_uuid(q, index, id);
    }
}

enum err rollout_store_add_device(struct store_tx *tx, const struct rollout_device_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO rollout_device (rollout_no, seq, device_no, device_id, state, attempt, updated_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    query_bind_i64(&q, 1, row->rollout_no);
    query_bind_i64(&q, 2, row->seq);
    bind_no(&q, 3, row->device_no);
    query_bind_uuid(&q, 4, &row->device_id);
    query_bind_i64(&q, 5, row->state);
    query_bind_i64(&q, 6, row->attempt);
    query_bind_time(&q, 7, row->updated_at);
    return query_finish(&q);
}

enum err rollout_store_set_device(struct store_tx *tx, const struct rollout_device_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE rollout_device SET state = ?3, attempt = ?4, command_id = ?5, reason = ?6, updated_at = ?7 "
                "WHERE rollout_no = ?1 AND seq = ?2");
    query_bind_i64(&q, 1, row->rollout_no);
    query_bind_i64(&q, 2, row->seq);
    query_bind_i64(&q, 3, row->state);
    query_bind_i64(&q, 4, row->attempt);
    bind_uuid(&q, 5, &row->command_id);
    query_bind_str(&q, 6, row->reason);
    query_bind_time(&q, 7, row->updated_at);
    return query_finish(&q);
}

#define DEVICE_COLUMNS \
    "r.rollout_no, r.seq, r.device_no, r.device_id, r.state, r.attempt, r.command_id, r.reason, r.updated_at"

static struct rollout_device_row device_read(struct query *q)
{
    return (struct rollout_device_row){
        .rollout_no = query_i64(q, 0),
        .seq = query_i64(q, 1),
        .device_no = query_i64(q, 2),
        .device_id = query_uuid(q, 3),
        .state = (enum rollout_device_state)query_i64(q, 4),
        .attempt = query_i64(q, 5),
        .command_id = query_uuid(q, 6),
        .reason = query_str(q, 7),
        .updated_at = query_time(q, 8),
    };
}

static struct rollout_device_row device_read_copy(struct query *q, struct arena *arena)
{
    struct rollout_device_row row = device_read(q);
    row.reason = query_str_copy(q, 7, arena);
    return row;
}

enum err rollout_store_waiting(struct store_tx *tx, int64_t rollout_no, int64_t last_seq, size_t max, struct arena *arena,
                               struct rollout_device_row **ret_rows, size_t *ret_count)
{
    struct rollout_device_row *rows = arena_alloc(arena, max * sizeof *rows);
    size_t count = 0;
    struct query q;
    query_begin(&q, tx,
                "SELECT " DEVICE_COLUMNS " FROM rollout_device r WHERE r.rollout_no = ?1 AND r.state = 1 AND r.seq <= ?2 "
                "ORDER BY r.seq LIMIT ?3");
    query_bind_i64(&q, 1, rollout_no);
    query_bind_i64(&q, 2, last_seq);
    query_bind_i64(&q, 3, (int64_t)max);
    while (count < max && query_next(&q)) {
        rows[count++] = device_read_copy(&q, arena);
    }
    enum err err = query_finish(&q);
    if (err == ERR_OK) {
        *ret_rows = rows;
        *ret_count = count;
    }
    return err;
}

enum err rollout_store_by_command(struct store_tx *tx, const struct uuid *command_id, struct arena *arena,
                                  struct rollout_device_row *ret_row)
{
    struct query q;
    query_begin(&q, tx, "SELECT " DEVICE_COLUMNS " FROM rollout_device r WHERE r.command_id = ?1 AND r.state = 2");
    query_bind_uuid(&q, 1, command_id);
    bool found = query_next(&q);
    if (found) {
        *ret_row = device_read_copy(&q, arena);
    }
    enum err err = query_finish(&q);
    return err ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

#define OPEN_OF_RUNNING                                                                                                \
    " FROM rollout_device r JOIN rollout o ON o.no = r.rollout_no WHERE r.device_no = ?1 AND r.state IN (1, 2) AND o.state = 2"

static enum err running_with(struct store_tx *tx, int64_t device_no, struct arena *arena, int64_t **ret_nos, size_t *ret_count)
{
    struct query q;
    int64_t all = 0;
    size_t count = 0;
    query_begin(&q, tx, "SELECT count(*)" OPEN_OF_RUNNING);
    query_bind_i64(&q, 1, device_no);
    enum err err = read_number(&q, &all);
    *ret_count = 0;
    if (err != ERR_OK || all == 0) {
        return err;
    }
    int64_t *nos = arena_alloc(arena, (size_t)all * sizeof *nos);
    query_begin(&q, tx, "SELECT r.rollout_no" OPEN_OF_RUNNING);
    query_bind_i64(&q, 1, device_no);
    while (count < (size_t)all && query_next(&q)) {
        nos[count++] = query_i64(&q, 0);
    }
    *ret_nos = nos;
    *ret_count = count;
    return query_finish(&q);
}

enum err rollout_store_device_gone(struct store_tx *tx, int64_t device_no, struct str reason, int64_t now_ms, struct arena *arena,
                                   int64_t **ret_nos, size_t *ret_count)
{
    struct query q;
    enum err err = running_with(tx, device_no, arena, ret_nos, ret_count);
    if (err != ERR_OK) {
        return err;
    }
    query_begin(&q, tx,
                "UPDATE rollout_device SET state = 5, reason = ?2, updated_at = ?3 WHERE device_no = ?1 AND state IN (1, 2)");
    query_bind_i64(&q, 1, device_no);
    query_bind_str(&q, 2, reason);
    query_bind_time(&q, 3, now_ms);
    return query_finish(&q);
}

enum err rollout_store_retry(struct store_tx *tx, int64_t rollout_no, int64_t attempt, int64_t max, int64_t now_ms,
                             int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE rollout_device SET state = 1, attempt = ?2, reason = NULL, updated_at = ?4 WHERE rollout_no = ?1 AND seq IN ("
                "SELECT seq FROM rollout_device WHERE rollout_no = ?1 AND state = 4 AND attempt < ?2 ORDER BY seq LIMIT ?3)");
    query_bind_i64(&q, 1, rollout_no);
    query_bind_i64(&q, 2, attempt);
    query_bind_i64(&q, 3, max);
    query_bind_time(&q, 4, now_ms);
    enum err err = query_finish(&q);
    *ret_count = tx_changes(tx);
    return err;
}

#define DEVICES_FILTERED                                                                                               \
    " FROM rollout_device r LEFT JOIN device d ON d.no = r.device_no WHERE r.rollout_no = ?1 AND (?2 = 0 OR r.state = ?2) " \
    "AND (?3 IS NULL OR d.space_no IN (WITH RECURSIVE seen (no) AS (SELECT value FROM json_each(?3) UNION "            \
    "SELECT s.no FROM space s JOIN seen ON s.parent_no = seen.no) SELECT no FROM seen))"

static void bind_devices(struct query *q, const struct rollout_device_filter *filter)
{
    query_bind_i64(q, 1, filter->rollout_no);
    query_bind_i64(q, 2, filter->state);
    query_bind_str(q, 3, filter->visible_spaces);
}

enum err rollout_store_devices(struct store_tx *tx, const struct rollout_device_filter *filter, struct page page,
                               void (*visit)(const struct rollout_device_row *row, void *arg), void *arg)
{
    struct query q;
    query_begin(&q, tx,
                "SELECT " DEVICE_COLUMNS ", d.name, ifnull((SELECT min(w.wave) FROM rollout_wave w WHERE w.rollout_no = "
                "r.rollout_no AND w.last_seq >= r.seq), 0)" DEVICES_FILTERED " ORDER BY r.seq LIMIT ?4 OFFSET ?5");
    bind_devices(&q, filter);
    query_bind_i64(&q, 4, page.size);
    query_bind_i64(&q, 5, page_offset(page));
    while (query_next(&q)) {
        struct rollout_device_row row = device_read(&q);
        row.name = query_str(&q, 9);
        row.wave = query_i64(&q, 10);
        visit(&row, arg);
    }
    return query_finish(&q);
}

enum err rollout_store_count_devices(struct store_tx *tx, const struct rollout_device_filter *filter, int64_t *ret_count)
{
    struct query q;
    query_begin(&q, tx, "SELECT count(*)" DEVICES_FILTERED);
    bind_devices(&q, filter);
    return read_number(&q, ret_count);
}
