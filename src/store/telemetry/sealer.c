#include "store/telemetry/sealer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/telemetry/chunk.h"
#include "store/telemetry/day_file.h"
#include "store/telemetry/sealed_file.h"

#define NICENESS 10
#define RETRY_MS 30000
#define IDLE_MS 600000

struct sealer {
    struct segments *segments;
    bool (*keep)(void *arg, int64_t device_no, uint32_t epoch);
    void *keep_arg;
    void (*on_step)(enum seal_step step);
    _Atomic bool stopping;
    pthread_t thread;
    bool running;
};

static void told(const struct sealer *sealer, enum seal_step step)
{
    if (sealer->on_step) {
        sealer->on_step(step);
    }
}

/* ---- the rows of a segment, device by device ---- */

struct row_ref {
    int64_t device_no, seq;
};

struct refs {
    struct row_ref *items;
    size_t count, room;
};

static int by_device(const void *a, const void *b)
{
    const struct row_ref *x = a;
    const struct row_ref *y = b;
    return x->device_no != y->device_no ? (x->device_no < y->device_no ? -1 : 1) : x->seq < y->seq ? -1 : x->seq > y->seq;
}

static enum err refs_read(struct sealer *sealer, struct store_tx *tx, struct refs *refs)
{
    struct query q;
    query_begin(&q, tx, "SELECT device_no, epoch, seq FROM sample");
    while (query_next(&q)) {
        if (sealer->keep && !sealer->keep(sealer->keep_arg, query_i64(&q, 0), (uint32_t)query_i64(&q, 1))) {
            continue;
        }
        if (refs->count == refs->room) {
            refs->room = refs->room ? 2 * refs->room : 1024;
            refs->items = mem_realloc(refs->items, refs->room * sizeof *refs->items);
        }
        refs->items[refs->count++] = (struct row_ref){query_i64(&q, 0), query_i64(&q, 2)};
    }
    enum err err = query_finish(&q);
    if (err == ERR_OK && refs->count > 1) {
        qsort(refs->items, refs->count, sizeof *refs->items, by_device);
    }
    return err;
}

/* ---- chunks ---- */

struct batch {
    struct sealed_writer *writer;
    struct sample_row *rows; /* of the next chunk */
    size_t count, bytes;
    struct arena texts;
    struct buf chunk;
};

static enum err batch_flush(struct batch *b)
{
    if (b->count == 0) {
        return ERR_OK;
    }
    buf_clear(&b->chunk);
    enum err err = chunk_encode(b->rows, b->count, &b->chunk);
    if (err == ERR_OK) {
        err = sealed_writer_add(b->writer, buf_str(&b->chunk), b->rows[b->count - 1].position.seq);
    } else {
        log_event(LOG_ERROR, "seal_chunk_failed", log_i("device", b->rows[0].device_no), log_s("error", err_name(err)));
    }
    b->count = b->bytes = 0;
    arena_reset(&b->texts);
    return err;
}

/* Does the row follow the last one, by the chain of the device's rows? */
static bool follows(const struct batch *b, const struct sample_row *row)
{
    const struct sample_row *last = &b->rows[b->count - 1];
    return row->device_no == last->device_no && row->epoch == last->epoch && row->previous.day == last->position.day &&
           row->previous.seq == last->position.seq;
}

static enum err batch_add(struct batch *b, const struct sample_row *row)
{
    if (b->count == CHUNK_ROWS_MAX || b->bytes >= CHUNK_FLAT_BYTES_MAX || (b->count > 0 && !follows(b, row))) {
        enum err err = batch_flush(b);
        if (err != ERR_OK) {
            return err;
        }
    }
    struct sample_row *copy = &b->rows[b->count++];
    *copy = *row;
    copy->values = arena_str(&b->texts, row->values);
    if (row->message.ptr) {
        copy->message = arena_str(&b->texts, row->message);
    }
    b->bytes += row->values.len + row->message.len;
    return ERR_OK;
}

static enum err row_add(struct batch *b, struct store_tx *tx, int32_t day, int64_t seq)
{
    struct query q;
    struct sample_row row;
    enum err err = ERR_OK;
    query_begin(&q, tx, "SELECT " SAMPLE_COLUMNS " FROM sample WHERE seq = ?1");
    query_bind_i64(&q, 1, seq);
    if (query_next(&q)) {
        sample_row_take(&q, day, &row);
        err = batch_add(b, &row);
    }
    enum err end = query_finish(&q);
    return err != ERR_OK ? err : end;
}

static enum err chunks_write(struct sealer *sealer, struct store_tx *tx, const struct segment *segment,
                             const struct refs *refs, struct sealed_writer *writer)
{
    struct batch b = {.writer = writer};
    b.rows = mem_calloc(CHUNK_ROWS_MAX, sizeof *b.rows);
    arena_init(&b.texts);
    buf_init(&b.chunk, 4 * CHUNK_BYTES_MAX);
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < refs->count; i++) {
        err = atomic_load(&sealer->stopping) ? ERR_BUSY : row_add(&b, tx, segment->day, refs->items[i].seq);
    }
    err = err == ERR_OK ? batch_flush(&b) : err;
    arena_deinit(&b.texts);
    buf_deinit(&b.chunk);
    mem_free(b.rows);
    return err;
}

/* ---- one segment ---- */

static enum err connection_open(struct sealer *sealer, const struct segment *segment, struct store_tx **ret_connection)
{
    char path[SEGMENT_PATH_BYTES];
    struct sqlite3 *db = NULL;
    segment_path(sealer->segments, segment, ".db", path);
    enum err err = db_open(path, DB_WRITER, &db);
    if (err == ERR_OK) {
        *ret_connection = mem_new(struct store_tx);
        tx_init(*ret_connection, db, true);
    }
    return err;
}

static enum err rows_write(struct sealer *sealer, const struct segment *segment, struct store_tx *tx, const char *path,
                           struct refs *refs, uint64_t *ret_bytes)
{
    struct sealed_writer *writer = NULL;
    enum err err = tx_begin(tx);
    if (err != ERR_OK) {
        return err;
    }
    err = refs_read(sealer, tx, refs);
    err = err == ERR_OK ? sealed_writer_open(path, &writer) : err;
    err = err == ERR_OK ? chunks_write(sealer, tx, segment, refs, writer) : err;
    tx_rollback(tx);
    err = err == ERR_OK ? sealed_writer_finish(writer, segment->day, segment->first_seq, segment->last_seq) : err;
    if (writer) {
        *ret_bytes = sealed_writer_bytes(writer);
    }
    sealed_writer_free(writer);
    return err;
}

/* Gives the finished file its name. Only what is whole without its log may go: a reader that opens the file at the very
 * moment in which it goes must find all rows in it. */
static enum err publish(struct sealer *sealer, const struct segment *segment, const char *unfinished)
{
    char path[SEGMENT_PATH_BYTES];
    segment_path(sealer->segments, segment, ".seal", path);
    told(sealer, SEAL_WRITTEN);
    if (rename(unfinished, path) != 0) {
        return ERR_IO;
    }
    told(sealer, SEAL_NAMED);
    if (segments_sync_folder(sealer->segments) != ERR_OK) {
        return ERR_IO; /* the file may or may not be there at the next start, and is written again until then */
    }
    told(sealer, SEAL_ON_DISK);
    if (!segments_set_sealed(sealer->segments, segment)) {
        unlink(path); /* the day went meanwhile */
        return ERR_NOT_FOUND;
    }
    told(sealer, SEAL_PUBLISHED);
    return ERR_OK;
}

static enum err seal_segment(struct sealer *sealer, const struct segment *segment, struct store_tx **connection)
{
    char path[SEGMENT_PATH_BYTES];
    struct refs refs = {.items = NULL};
    uint64_t began = clock_monotonic_ms();
    uint64_t bytes = 0;
    segment_path(sealer->segments, segment, ".seal.new", path);
    enum err err = *connection ? ERR_OK : connection_open(sealer, segment, connection);
    if (err == ERR_OK && !db_checkpoint((*connection)->db, CHECKPOINT_TRUNCATE)) {
        err = ERR_BUSY; /* a reader holds its snapshot, for five seconds at most */
    }
    err = err == ERR_OK ? rows_write(sealer, segment, *connection, path, &refs, &bytes) : err;
    err = err == ERR_OK ? publish(sealer, segment, path) : err;
    if (err != ERR_OK) {
        unlink(path);
    } else {
        char name[48];
        segment_name(segment->day, segment->first_seq, ".seal", name);
        log_event(LOG_INFO, "telemetry_sealed", log_s("file", name), log_i("rows", (int64_t)refs.count),
                  log_i("bytes", (int64_t)bytes), log_i("ms", (int64_t)(clock_monotonic_ms() - began)));
    }
    mem_free(refs.items);
    return err;
}

struct failed {
    struct segment segment;
    struct store_tx *connection;
};

/* What failed goes back at the end, so that it does not keep the others from being sealed. */
bool sealer_run(struct sealer *sealer)
{
    struct failed *failed = NULL;
    size_t failed_count = 0;
    struct segment segment;
    struct store_tx *connection = NULL;
    while (!atomic_load(&sealer->stopping) && segments_take(sealer->segments, &segment, &connection)) {
        enum err err = seal_segment(sealer, &segment, &connection);
        if (err == ERR_OK || err == ERR_NOT_FOUND) {
            segment_remove_raw(sealer->segments, &segment, connection);
            told(sealer, SEAL_DONE);
            continue;
        }
        if (err != ERR_BUSY) {
            log_event(LOG_WARN, "seal_failed", log_i("day", segment.day), log_i("first", segment.first_seq),
                      log_s("error", err_name(err)));
        }
        failed = mem_realloc(failed, (failed_count + 1) * sizeof *failed);
        failed[failed_count++] = (struct failed){segment, connection};
    }
    for (size_t i = 0; i < failed_count; i++) {
        segments_put_back(sealer->segments, &failed[i].segment, failed[i].connection);
    }
    mem_free(failed);
    return failed_count == 0;
}

/* ---- the thread ---- */

static void *sealer_main(void *arg)
{
    struct sealer *sealer = arg;
    uint64_t wait_ms = 0;
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* of this thread only */
    while (segments_wait(sealer->segments, wait_ms)) {
        wait_ms = sealer_run(sealer) ? IDLE_MS : RETRY_MS;
    }
    return NULL;
}

struct sealer *sealer_new(struct segments *segments)
{
    struct sealer *sealer = mem_new(struct sealer);
    sealer->segments = segments;
    return sealer;
}

void sealer_free(struct sealer *sealer)
{
    if (sealer) {
        sealer_stop(sealer);
        mem_free(sealer);
    }
}

void sealer_set_keep(struct sealer *sealer, bool (*keep)(void *arg, int64_t device_no, uint32_t epoch), void *arg)
{
    sealer->keep = keep;
    sealer->keep_arg = arg;
}

void sealer_set_on_step(struct sealer *sealer, void (*on_step)(enum seal_step step))
{
    sealer->on_step = on_step;
}

/* Signals are taken by the program's main thread. */
enum err sealer_start(struct sealer *sealer)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&sealer->thread, NULL, sealer_main, sealer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        log_event(LOG_ERROR, "thread_start_failed", log_s("thread", "sealer"), log_i("errno", rc));
        return ERR_IO;
    }
    pthread_setname_np(sealer->thread, "sealer");
    sealer->running = true;
    return ERR_OK;
}

void sealer_stop(struct sealer *sealer)
{
    if (sealer->running) {
        atomic_store(&sealer->stopping, true);
        segments_stop(sealer->segments);
        pthread_join(sealer->thread, NULL);
        sealer->running = false;
    }
}
