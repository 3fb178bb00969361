/* The port of samples, states, history and the checkpoint (model/ports/telemetry_store.h). */
#include "model/ports/telemetry_store.h"

#include <assert.h>

#include "store/telemetry/day_file.h"

enum err sample_store_append(struct store_tx *tx, struct sample_row *row)
{
    assert(tx->day_writer);
    enum err err = day_writer_append(tx->day_writer, row);
    if (err != ERR_OK) {
        tx->fault = ERR_STORAGE; /* the whole batch: a row of it may be missing */
    }
    return err;
}

void sample_store_retain(struct store_tx *tx, int32_t oldest_day)
{
    assert(tx->day_writer);
    day_writer_retain(tx->day_writer, oldest_day);
}

void sample_store_rotate(struct store_tx *tx, int64_t now_ms)
{
    assert(tx->day_writer);
    day_writer_rotate(tx->day_writer, now_ms);
}

enum err sample_store_read(struct store_tx *tx, struct sample_position position, struct sample_row *ret_row)
{
    assert(tx->day_readers);
    day_readers_set_deadline(tx->day_readers, tx->deadline_ms);
    return day_readers_row(tx->day_readers, position, ret_row);
}

enum err sample_store_run(struct store_tx *tx, struct sample_position position, struct sample_run *ret_run)
{
    assert(tx->day_readers);
    day_readers_set_deadline(tx->day_readers, tx->deadline_ms);
    return day_readers_run(tx->day_readers, position, ret_run);
}

enum err sample_store_rollups(struct store_tx *tx, struct sample_position position, struct str key,
                              bool (*visit)(const struct sample_rollup *rollup, void *arg), void *arg)
{
    assert(tx->day_readers);
    return day_readers_rollups(tx->day_readers, position, key, visit, arg);
}

enum err sample_store_replay(struct store_tx *tx, struct sample_position after,
                             enum err (*visit)(const struct sample_row *row, void *arg), void *arg)
{
    assert(tx->day_readers);
    enum err err = day_readers_replay(tx->day_readers, after, visit, arg);
    day_readers_end(tx->day_readers);
    return err;
}

/* ---- states ---- */

enum err state_store_read(struct store_tx *tx, int64_t device_no, uint32_t epoch, struct buf *out)
{
    struct query q;
    query_begin(&q, tx, "SELECT state FROM device WHERE no = ?1 AND epoch = ?2");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, epoch);
    bool found = query_next(&q);
    if (found) {
        buf_append_str(out, query_str(&q, 0));
    }
    enum err err = query_finish(&q);
    return err != ERR_OK ? err : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err state_store_write(struct store_tx *tx, const struct state_row *row)
{
    struct query q;
    query_begin(&q, tx,
                "UPDATE device SET state = ?3, status = ?4, reported_status = ?5, swept = ?6, sample_day = ?8,"
                " sample_seq = ?9, last_seen_at = max(ifnull(last_seen_at, 0), ?7) WHERE no = ?1 AND epoch = ?2");
    query_bind_i64(&q, 1, row->device_no);
    query_bind_i64(&q, 2, row->epoch);
    query_bind_str(&q, 3, row->state);
    query_bind_i64(&q, 4, row->status);
    query_bind_i64(&q, 5, row->reported_status);
    query_bind_i64(&q, 6, row->swept);
    query_bind_i64(&q, 7, row->last_seen_ms);
    query_bind_i64(&q, 8, row->position.day);
    query_bind_i64(&q, 9, row->position.seq);
    return query_finish(&q);
}

enum err state_store_write_contact(struct store_tx *tx, const struct device_contact *contact)
{
    struct query q;
    query_begin(&q, tx, "UPDATE device SET last_seen_at = max(ifnull(last_seen_at, 0), ?2) WHERE no = ?1");
    query_bind_i64(&q, 1, contact->no);
    query_bind_i64(&q, 2, contact->last_seen_ms);
    return query_finish(&q);
}

enum err history_store_add(struct store_tx *tx, int64_t device_no, uint32_t epoch, int64_t at, enum device_status status,
                           struct str state)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO history (device_no, epoch, at, status, state) SELECT no, epoch, ?3, ?4, ?5 FROM device"
                " WHERE no = ?1 AND epoch = ?2"
                " AND NOT EXISTS (SELECT 1 FROM history WHERE device_no = ?1 AND at = ?3 AND status = ?4)");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, epoch);
    query_bind_i64(&q, 3, at);
    query_bind_i64(&q, 4, status);
    query_bind_str(&q, 5, state);
    return query_finish(&q);
}

enum err history_store_add_slot(struct store_tx *tx, int64_t device_no, uint32_t epoch, int64_t at, int64_t slot_start)
{
    struct query q;
    query_begin(&q, tx,
                "INSERT INTO history (device_no, epoch, at, status, state) SELECT no, epoch, ?3, status, state FROM device"
                " WHERE no = ?1 AND epoch = ?2"
                " AND NOT EXISTS (SELECT 1 FROM history WHERE device_no = ?1 AND at >= ?4 AND epoch = ?2)");
    query_bind_i64(&q, 1, device_no);
    query_bind_i64(&q, 2, epoch);
    query_bind_i64(&q, 3, at);
    query_bind_i64(&q, 4, slot_start);
    return query_finish(&q);
}

enum err history_store_retain(struct store_tx *tx, int64_t before, int64_t max, bool *ret_more)
{
    struct query q;
    query_begin(&q, tx, "DELETE FROM history WHERE no IN (SELECT no FROM history WHERE at < ?1 ORDER BY at LIMIT ?2)");
    query_bind_i64(&q, 1, before);
    query_bind_i64(&q, 2, max);
    enum err err = query_finish(&q);
    *ret_more = err == ERR_OK && tx_changes(tx) == max;
    return err;
}

/* ---- the checkpoint ---- */

enum err checkpoint_store_read(struct store_tx *tx, struct sample_position *ret_position)
{
    struct query q;
    *ret_position = (struct sample_position){0, 0};
    query_begin(&q, tx, "SELECT day, seq FROM checkpoint WHERE id = 1");
    if (query_next(&q)) {
        *ret_position = (struct sample_position){(int32_t)query_i64(&q, 0), query_i64(&q, 1)};
    }
    return query_finish(&q);
}

enum err checkpoint_store_write(struct store_tx *tx, struct sample_position position)
{
    struct query q;
    query_begin(&q, tx, "UPDATE checkpoint SET day = ?1, seq = ?2 WHERE id = 1");
    query_bind_i64(&q, 1, position.day);
    query_bind_i64(&q, 2, position.seq);
    return query_finish(&q);
}
