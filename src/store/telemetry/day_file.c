#include "store/telemetry/day_file.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/lane.h"
#include "store/sqlite/migrate.h"
#include "store/telemetry/chunk.h"
#include "store/telemetry/row_block.h"
#include "store/telemetry/sealed_file.h"

#define READERS_OPEN_MAX 8

static const struct str day_schema[] = {STR_INIT(
    "CREATE TABLE block (first_seq INTEGER PRIMARY KEY, count INTEGER NOT NULL, rows BLOB NOT NULL);" /* row_block.h */
    "CREATE TABLE note (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;")};

/* ---- writing ---- */

struct day_writer {
    struct segments *segments;
    struct store_tx tx;      /* db NULL: no segment is open */
    int32_t day;
    int64_t first_seq;       /* of the open segment */
    int64_t next_seq;
    int64_t committed_seq;
    uint64_t began_ms;       /* monotonic: when the open segment was opened, or got its first row */
    struct row_block block;  /* rows of the transaction that no statement has written yet */
};

static enum err open_segment(struct day_writer *w, int32_t day, int64_t first_seq, bool is_new)
{
    struct segment segment = {.day = day, .first_seq = first_seq};
    char path[SEGMENT_PATH_BYTES];
    segment_path(w->segments, &segment, ".db", path);
    struct sqlite3 *db = NULL;
    enum err err = db_open(path, DB_WRITER, &db);
    if (err != ERR_OK) {
        return err;
    }
    int64_t last = 0;
    err = migrate_with(db, day_schema, 1);
    if (err == ERR_OK) {
        err = db_read_number(db, SEGMENT_LAST_SEQ, &last);
    }
    if (err != ERR_OK) {
        db_close(db);
        return err;
    }
    tx_init(&w->tx, db, true);
    w->tx.no_savepoints = true;
    w->day = day;
    w->first_seq = first_seq;
    w->committed_seq = last >= first_seq ? last : first_seq - 1;
    w->next_seq = w->committed_seq + 1;
    w->began_ms = clock_monotonic_ms();
    if (is_new) {
        segments_begin(w->segments, day, first_seq);
    }
    return ERR_OK;
}

/* Hands the open segment over to be sealed: its connection as well, so that the log is emptied there and not here. */
static void end_segment(struct day_writer *w)
{
    struct store_tx *connection = mem_dup(&w->tx, sizeof w->tx);
    w->tx = (struct store_tx){0};
    db_count_wal_pages(connection->db, &connection->wal_pages);
    segments_end(w->segments, w->committed_seq, connection);
}

enum err day_writer_open(struct segments *segments, struct day_writer **ret_writer)
{
    struct day_writer *w = mem_new(struct day_writer);
    struct segment newest;
    enum err err = ERR_OK;
    w->segments = segments;
    row_block_init(&w->block);
    if (segments_newest(segments, &newest)) {
        if (newest.last_seq == SEGMENT_OPEN) {
            err = open_segment(w, newest.day, newest.first_seq, false);
        } else {
            w->day = newest.day;
            w->committed_seq = newest.last_seq;
            w->next_seq = newest.last_seq + 1;
        }
    }
    if (err != ERR_OK) {
        day_writer_close(w);
        return err;
    }
    *ret_writer = w;
    return ERR_OK;
}

void day_writer_close(struct day_writer *w)
{
    if (w) {
        if (w->tx.db) {
            db_checkpoint(w->tx.db, CHECKPOINT_TRUNCATE);
            tx_deinit(&w->tx);
        }
        row_block_deinit(&w->block);
        mem_free(w);
    }
}

static bool is_due(const struct day_writer *w, int32_t day)
{
    struct segment_limits limits = segments_limits(w->segments);
    int64_t rows = w->committed_seq + 1 - w->first_seq;
    uint64_t age_ms = clock_monotonic_ms() - w->began_ms;
    return rows > 0 && (day > w->day || rows >= limits.rows_max || (age_ms >= limits.age_ms && rows >= limits.rows_min) ||
                        age_ms >= limits.age_max_ms);
}

void day_writer_rotate(struct day_writer *w, int64_t now_ms)
{
    if (w->tx.db && !w->tx.open && is_due(w, day_of(now_ms))) {
        end_segment(w);
    }
}

static enum err begin_segment(struct day_writer *w, int32_t day)
{
    if (w->tx.db) { /* of a former day, and without any row */
        end_segment(w);
    }
    return open_segment(w, day, day > w->day ? 1 : w->next_seq, true);
}

static enum err begin(struct day_writer *w, int64_t received_ms)
{
    int32_t day = day_of(received_ms);
    day = w->day > day ? w->day : day;
    if (w->tx.db && is_due(w, day)) {
        end_segment(w);
    }
    if (!w->tx.db || day > w->day) {
        enum err err = begin_segment(w, day);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (w->committed_seq + 1 == w->first_seq) {
        w->began_ms = clock_monotonic_ms();
    }
    return tx_begin(&w->tx);
}

static enum err block_flush(struct day_writer *w)
{
    struct query q;
    if (w->block.count == 0) {
        return ERR_OK;
    }
    if (w->block.bytes.failed) {
        return ERR_STORAGE;
    }
    query_begin(&q, &w->tx, "INSERT INTO block (first_seq, count, rows) VALUES (?1, ?2, ?3)");
    query_bind_i64(&q, 1, w->block.first_seq);
    query_bind_i64(&q, 2, w->block.count);
    query_bind_blob(&q, 3, w->block.bytes.data, w->block.bytes.len);
    enum err err = query_finish(&q);
    row_block_begin(&w->block, w->day, w->next_seq);
    return err == ERR_OK ? ERR_OK : ERR_STORAGE;
}

static enum err note_intent(struct day_writer *w, const struct sample_row *row)
{
    struct query q;
    query_begin(&q, &w->tx, "INSERT INTO note (key, value) VALUES ('intent ' || ?1, ?2)");
    query_bind_i64(&q, 1, row->intent_no);
    query_bind_i64(&q, 2, row->position.seq);
    return query_finish(&q);
}

enum err day_writer_append(struct day_writer *w, struct sample_row *row)
{
    if (!w->tx.open) {
        enum err err = begin(w, row->received_ms);
        if (err != ERR_OK) {
            return ERR_STORAGE;
        }
        row_block_begin(&w->block, w->day, w->next_seq);
    }
    row->position = (struct sample_position){w->day, w->next_seq};
    if (!row_block_add(&w->block, row)) {
        enum err err = block_flush(w);
        if (err != ERR_OK) {
            return err;
        }
        row_block_add(&w->block, row); /* an empty one takes any row */
    }
    if (row->intent_no != 0 && note_intent(w, row) != ERR_OK) {
        return ERR_STORAGE;
    }
    w->next_seq++;
    return ERR_OK;
}

enum err day_writer_commit(struct day_writer *w)
{
    if (!w->tx.open) {
        return ERR_OK;
    }
    if (block_flush(w) != ERR_OK) {
        day_writer_rollback(w);
        return ERR_STORAGE;
    }
    if (tx_commit(&w->tx) != ERR_OK) {
        w->next_seq = w->committed_seq + 1;
        return ERR_STORAGE;
    }
    w->committed_seq = w->next_seq - 1;
    return ERR_OK;
}

void day_writer_rollback(struct day_writer *w)
{
    if (w->tx.open) {
        tx_rollback(&w->tx);
    }
    w->next_seq = w->committed_seq + 1;
}

bool day_writer_maintain(struct day_writer *w, bool idle)
{
    return w->tx.db && write_lane_checkpoint(w->tx.db, &w->tx.wal_pages, idle);
}

enum err day_writer_probe(struct day_writer *w)
{
    if (!w->tx.db) {
        return ERR_OK; /* the next row tries to open its day */
    }
    if (tx_begin(&w->tx) != ERR_OK) {
        return ERR_STORAGE;
    }
    struct query q;
    query_begin(&q, &w->tx, "INSERT OR REPLACE INTO note (key, value) VALUES ('probe', 1)");
    if (query_finish(&q) != ERR_OK) {
        tx_rollback(&w->tx);
        return ERR_STORAGE;
    }
    return tx_commit(&w->tx);
}

void day_writer_retain(struct day_writer *w, int32_t oldest_day)
{
    segments_retain(w->segments, oldest_day);
}

/* ---- reading: the files that are open ---- */

struct day_reader {
    struct store_tx tx;         /* of a segment that is not sealed; db NULL: free, or sealed */
    struct sealed_file *sealed; /* NULL: free, or not sealed */
    int32_t day;
    int64_t first_seq;
    uint64_t used;
};

/* The sealed chunk that was read last. */
struct current {
    bool loaded;
    int32_t day;
    struct buf chunk;
    struct sample_run run;
    struct chunk_rows rows; /* rows NULL: not decoded */
};

struct day_readers {
    struct segments *segments;
    struct day_reader open[READERS_OPEN_MAX];
    uint64_t uses;
    uint64_t generation; /* of the catalogue, when files were last looked through */
    uint64_t deadline_ms;
    struct query row; /* of the last day_readers_row, open so that its strings stay */
    bool has_row;
    struct current current;
};

struct day_readers *day_readers_new(struct segments *segments)
{
    struct day_readers *readers = mem_new(struct day_readers);
    readers->segments = segments;
    buf_init(&readers->current.chunk, 2 * CHUNK_BYTES_MAX);
    return readers;
}

static bool is_open(const struct day_reader *reader)
{
    return reader->tx.db || reader->sealed;
}

static void close_reader(struct day_reader *reader)
{
    if (reader->tx.db) {
        if (reader->tx.open) {
            tx_rollback(&reader->tx);
        }
        tx_deinit(&reader->tx);
    }
    sealed_file_close(reader->sealed);
    reader->sealed = NULL;
}

static void current_drop(struct current *current)
{
    chunk_rows_deinit(&current->rows);
    buf_deinit(&current->chunk);
    buf_init(&current->chunk, 2 * CHUNK_BYTES_MAX);
    current->loaded = false;
}

void day_readers_free(struct day_readers *readers)
{
    if (!readers) {
        return;
    }
    day_readers_end(readers);
    for (unsigned i = 0; i < READERS_OPEN_MAX; i++) {
        close_reader(&readers->open[i]);
    }
    mem_free(readers);
}

static void finish_row(struct day_readers *readers)
{
    if (readers->has_row) {
        enum err err = query_finish(&readers->row);
        (void)err; /* was looked at when the row was read */
        readers->has_row = false;
    }
}

/* Files that were sealed or removed since take room on the disk until they are closed. */
static void close_replaced(struct day_readers *readers)
{
    uint64_t generation = segments_generation(readers->segments);
    if (generation == readers->generation) {
        return;
    }
    readers->generation = generation;
    for (unsigned i = 0; i < READERS_OPEN_MAX; i++) {
        struct day_reader *reader = &readers->open[i];
        struct sample_position first = {reader->day, reader->first_seq};
        struct segment segment;
        if (is_open(reader) && (!segments_find(readers->segments, first, &segment) || (reader->tx.db && segment.sealed))) {
            close_reader(reader);
        }
    }
}

void day_readers_end(struct day_readers *readers)
{
    finish_row(readers);
    if (readers->current.loaded) {
        current_drop(&readers->current);
    }
    for (unsigned i = 0; i < READERS_OPEN_MAX; i++) {
        struct store_tx *tx = &readers->open[i].tx;
        if (!tx->db || !tx->open) {
            continue;
        }
        bool broken = tx->fault != ERR_OK;
        tx_rollback(tx); /* ends the snapshot */
        if (broken) {
            tx_deinit(tx);
        }
    }
    close_replaced(readers);
    readers->deadline_ms = 0;
}

void day_readers_set_deadline(struct day_readers *readers, uint64_t monotonic_ms)
{
    readers->deadline_ms = monotonic_ms;
}

/* A place for one more file: a free one, else the one that was not used for longest. */
static struct day_reader *place_for(struct day_readers *readers)
{
    struct day_reader *oldest = &readers->open[0];
    for (unsigned i = 0; i < READERS_OPEN_MAX; i++) {
        struct day_reader *r = &readers->open[i];
        if (!is_open(r)) {
            return r;
        }
        if (r->used < oldest->used) {
            oldest = r;
        }
    }
    close_reader(oldest);
    return oldest;
}

static enum err open_reader(struct day_readers *readers, const struct segment *segment, struct day_reader **ret_reader)
{
    char path[SEGMENT_PATH_BYTES];
    struct sqlite3 *db = NULL;
    struct sealed_file *sealed = NULL;
    segment_path(readers->segments, segment, segment->sealed ? ".seal" : ".db", path);
    enum err err = segment->sealed ? sealed_file_open(path, &sealed) : db_open(path, DB_READER, &db);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? err : ERR_STORAGE;
    }
    struct day_reader *reader = place_for(readers);
    if (db) {
        tx_init(&reader->tx, db, false);
    }
    reader->sealed = sealed;
    reader->day = segment->day;
    reader->first_seq = segment->first_seq;
    *ret_reader = reader;
    return ERR_OK;
}

/* The file of a segment, with a snapshot of it if it is a SQLite file. */
static enum err reader_of(struct day_readers *readers, const struct segment *segment, struct day_reader **ret_reader)
{
    struct day_reader *reader = NULL;
    for (unsigned i = 0; i < READERS_OPEN_MAX; i++) {
        struct day_reader *r = &readers->open[i];
        if (!is_open(r) || r->day != segment->day || r->first_seq != segment->first_seq) {
            continue;
        }
        if (segment->sealed == (r->sealed != NULL)) {
            reader = r;
        } else {
            close_reader(r);
        }
    }
    enum err err = reader ? ERR_OK : open_reader(readers, segment, &reader);
    if (err != ERR_OK) {
        return err;
    }
    reader->used = ++readers->uses;
    if (reader->tx.db) {
        if (!reader->tx.open && tx_begin(&reader->tx) != ERR_OK) {
            return ERR_STORAGE;
        }
        reader->tx.deadline_ms = readers->deadline_ms;
    }
    *ret_reader = reader;
    return ERR_OK;
}

/* ---- reading: sealed rows ---- */

static enum err damaged(const struct day_reader *reader, enum err err)
{
    log_event(LOG_ERROR, "sealed_chunk_unreadable", log_i("day", reader->day), log_i("first", reader->first_seq),
              log_s("error", err_name(err)));
    return ERR_STORAGE;
}

/* Reads the chunk of this number. */
static enum err current_load(struct day_readers *readers, struct day_reader *reader, uint64_t number)
{
    struct current *current = &readers->current;
    if (readers->deadline_ms && clock_monotonic_ms() > readers->deadline_ms) {
        return ERR_BUSY;
    }
    current->loaded = false;
    chunk_rows_deinit(&current->rows);
    enum err err = sealed_file_chunk(reader->sealed, number, &current->chunk);
    err = err == ERR_OK ? chunk_run(buf_str(&current->chunk), reader->day, &current->run) : err;
    if (err != ERR_OK) {
        return damaged(reader, err);
    }
    current->day = reader->day;
    current->loaded = true;
    return ERR_OK;
}

static enum err current_decode(struct day_readers *readers, const struct day_reader *reader)
{
    struct current *current = &readers->current;
    if (current->rows.rows) {
        return ERR_OK;
    }
    enum err err = chunk_decode(buf_str(&current->chunk), current->day, &current->rows);
    return err == ERR_OK ? ERR_OK : damaged(reader, err);
}

static const struct sample_row *current_row(const struct current *current, struct sample_position position)
{
    if (!current->loaded || !current->rows.rows || current->day != position.day) {
        return NULL;
    }
    size_t low = 0;
    size_t high = current->rows.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (current->rows.rows[middle].position.seq < position.seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct sample_row *row = low < current->rows.count ? &current->rows.rows[low] : NULL;
    return row && row->position.seq == position.seq ? row : NULL;
}

/* Most reads are of a chunk's last row: the first one looked at. A device that reported again while somebody was about to
 * read its newest row is what the others are for. */
static enum err sealed_row(struct day_readers *readers, struct day_reader *reader, struct sample_position position,
                           struct sample_row *ret_row)
{
    uint64_t number = 0;
    enum err err = sealed_file_find(reader->sealed, position.seq, &number);
    if (err != ERR_OK) {
        return damaged(reader, err);
    }
    for (; number < sealed_file_chunks(reader->sealed); number++) {
        err = current_load(readers, reader, number);
        if (err == ERR_OK && readers->current.run.first_seq > position.seq) {
            continue;
        }
        err = err == ERR_OK ? current_decode(readers, reader) : err;
        const struct sample_row *row = err == ERR_OK ? current_row(&readers->current, position) : NULL;
        if (row) {
            *ret_row = *row;
        }
        if (row || err != ERR_OK) {
            return err;
        }
    }
    return ERR_NOT_FOUND;
}

/* ---- reading: rows ---- */

#define ROW_BLOCK_COLUMNS "first_seq, count, rows"

static struct row_block_reader block_of_query(struct query *q, int32_t day)
{
    return row_block_read(query_str(q, 2), day, query_i64(q, 0), query_i64(q, 1));
}

static enum err block_damaged(int32_t day, int64_t first_seq)
{
    log_event(LOG_ERROR, "telemetry_block_unreadable", log_i("day", day), log_i("first", first_seq));
    return ERR_STORAGE;
}

static enum err raw_row(struct day_readers *readers, struct day_reader *reader, struct sample_position position,
                        struct sample_row *ret_row)
{
    struct query *q = &readers->row;
    query_begin(q, &reader->tx,
                "SELECT " ROW_BLOCK_COLUMNS " FROM block WHERE first_seq <= ?1 ORDER BY first_seq DESC LIMIT 1");
    query_bind_i64(q, 1, position.seq);
    readers->has_row = true;
    if (!query_next(q)) {
        return q->err != ERR_OK ? q->err : ERR_NOT_FOUND;
    }
    struct row_block_reader block = block_of_query(q, position.day);
    while (row_block_next(&block, ret_row)) {
        if (ret_row->position.seq == position.seq) {
            return ERR_OK;
        }
    }
    return block.cursor.failed ? block_damaged(position.day, query_i64(q, 0)) : ERR_NOT_FOUND;
}

static enum err segment_row(struct day_readers *readers, const struct segment *segment, struct sample_position position,
                            struct sample_row *ret_row)
{
    struct day_reader *reader = NULL;
    enum err err = reader_of(readers, segment, &reader);
    if (err != ERR_OK) {
        return err;
    }
    return segment->sealed ? sealed_row(readers, reader, position, ret_row) : raw_row(readers, reader, position, ret_row);
}

enum err day_readers_row(struct day_readers *readers, struct sample_position position, struct sample_row *ret_row)
{
    finish_row(readers);
    const struct sample_row *row = current_row(&readers->current, position);
    if (row) {
        *ret_row = *row;
        return ERR_OK;
    }
    struct segment segment;
    if (!segments_find(readers->segments, position, &segment)) {
        return ERR_NOT_FOUND;
    }
    enum err err = segment_row(readers, &segment, position, ret_row);
    if (err == ERR_NOT_FOUND && !segment.sealed && segments_find(readers->segments, position, &segment)) {
        finish_row(readers); /* the file went while it was opened: the row is in another one now, if it is kept */
        err = segment_row(readers, &segment, position, ret_row);
    }
    return err;
}

enum err day_readers_run(struct day_readers *readers, struct sample_position position, struct sample_run *ret_run)
{
    struct current *current = &readers->current;
    bool is_current = current->loaded && current->day == position.day && current->run.last_seq == position.seq;
    if (!is_current && current_row(current, position)) {
        return ERR_NOT_FOUND; /* within the run that is being read */
    }
    finish_row(readers);
    if (!is_current) {
        struct segment segment;
        struct day_reader *reader = NULL;
        uint64_t number = 0;
        if (!segments_find(readers->segments, position, &segment) || !segment.sealed) {
            return ERR_NOT_FOUND;
        }
        enum err err = reader_of(readers, &segment, &reader);
        if (err != ERR_OK) {
            return err;
        }
        err = sealed_file_find(reader->sealed, position.seq, &number);
        if (err != ERR_OK) {
            return damaged(reader, err);
        }
        err = number < sealed_file_chunks(reader->sealed) ? current_load(readers, reader, number) : ERR_NOT_FOUND;
        if (err != ERR_OK || current->run.last_seq != position.seq) {
            return err != ERR_OK ? err : ERR_NOT_FOUND;
        }
    }
    *ret_run = current->run;
    return ERR_OK;
}

enum err day_readers_rollups(struct day_readers *readers, struct sample_position position, struct str key,
                             bool (*visit)(const struct sample_rollup *rollup, void *arg), void *arg)
{
    struct sample_run run;
    enum err err = day_readers_run(readers, position, &run);
    err = err == ERR_OK ? chunk_rollups(buf_str(&readers->current.chunk), key, visit, arg) : err;
    return err == ERR_INVALID ? ERR_STORAGE : err;
}

/* ---- reading: all of them, at a start ---- */

enum err block_rows_each(struct store_tx *tx, int32_t day, int64_t after_seq,
                         enum err (*visit)(const struct sample_row *row, void *arg), void *arg)
{
    struct query q;
    enum err err = ERR_OK;
    query_begin(&q, tx,
                "SELECT " ROW_BLOCK_COLUMNS " FROM block WHERE first_seq >= ifnull((SELECT max(first_seq) FROM block"
                " WHERE first_seq <= ?1), 0) ORDER BY first_seq");
    query_bind_i64(&q, 1, after_seq);
    while (err == ERR_OK && query_next(&q)) {
        struct row_block_reader block = block_of_query(&q, day);
        struct sample_row row;
        while (err == ERR_OK && row_block_next(&block, &row)) {
            err = row.position.seq > after_seq ? visit(&row, arg) : ERR_OK;
        }
        if (block.cursor.failed) {
            err = block_damaged(day, query_i64(&q, 0));
        }
    }
    enum err end = query_finish(&q);
    return err != ERR_OK ? err : end;
}

/* The chunks are in order of their last rows, so each device's rows come in order of arrival. */
static enum err replay_sealed(struct day_readers *readers, struct day_reader *reader, int64_t after_seq,
                              enum err (*visit)(const struct sample_row *row, void *arg), void *arg)
{
    enum err err = ERR_OK;
    for (uint64_t number = 0; err == ERR_OK && number < sealed_file_chunks(reader->sealed); number++) {
        err = current_load(readers, reader, number);
        if (err != ERR_OK || readers->current.run.last_seq <= after_seq) {
            continue;
        }
        err = current_decode(readers, reader);
        const struct chunk_rows *rows = &readers->current.rows;
        for (size_t i = 0; err == ERR_OK && i < rows->count; i++) {
            err = rows->rows[i].position.seq > after_seq ? visit(&rows->rows[i], arg) : ERR_OK;
        }
    }
    return err;
}

enum err day_readers_replay(struct day_readers *readers, struct sample_position after,
                            enum err (*visit)(const struct sample_row *row, void *arg), void *arg)
{
    struct segment segment = {.day = INT32_MIN, .first_seq = 0};
    enum err err = ERR_OK;
    while (err == ERR_OK && segments_next(readers->segments, segment.day, segment.first_seq, &segment)) {
        struct day_reader *reader = NULL;
        if (segment.day < after.day || (segment.day == after.day && segment.last_seq <= after.seq)) {
            continue;
        }
        int64_t after_seq = segment.day == after.day ? after.seq : 0;
        err = reader_of(readers, &segment, &reader);
        if (err == ERR_OK) {
            err = segment.sealed ? replay_sealed(readers, reader, after_seq, visit, arg)
                                 : block_rows_each(&reader->tx, segment.day, after_seq, visit, arg);
        }
    }
    return err;
}

static enum err note_find(struct store_tx *tx, int64_t intent_no, bool *ret_found)
{
    struct query q;
    query_begin(&q, tx, "SELECT 1 FROM note WHERE key = 'intent ' || ?1");
    query_bind_i64(&q, 1, intent_no);
    *ret_found |= query_next(&q);
    return query_finish(&q);
}

enum err day_readers_find_intent(struct day_readers *readers, struct sample_position after, int64_t intent_no,
                                 bool *ret_found, bool *ret_sealed)
{
    struct segment segment = {.day = INT32_MIN, .first_seq = 0};
    enum err err = ERR_OK;
    *ret_found = *ret_sealed = false;
    while (err == ERR_OK && !*ret_found && segments_next(readers->segments, segment.day, segment.first_seq, &segment)) {
        struct day_reader *reader = NULL;
        if (segment.day < after.day || (segment.day == after.day && segment.last_seq <= after.seq)) {
            continue;
        }
        *ret_sealed |= segment.sealed;
        if (!segment.sealed) {
            err = reader_of(readers, &segment, &reader);
            err = err == ERR_OK ? note_find(&reader->tx, intent_no, ret_found) : err;
        }
    }
    return err;
}
