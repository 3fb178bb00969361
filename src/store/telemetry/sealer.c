#include "store/telemetry/sealer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
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

/* ---- the rows of a segment, device by device ----
 *
 * The file has them in order of arrival. One pass notes whose each is; then the devices are taken in turn, as many at a
 * time as WINDOW_BYTES hold, each time with a pass over the whole file: reading in order is so much cheaper than looking
 * for single rows that several passes are cheaper than one look per row. */

#define WINDOW_BYTES ((size_t)48 << 20)
#define NOT_KEPT UINT32_MAX

struct refs {
    struct sealer *sealer;
    int64_t *devices;   /* of each row, in order of arrival; -1: not kept */
    uint32_t *bytes;    /* of its strings */
    size_t rows, room;
    uint32_t *order;    /* the rows that are kept, by device, then in order of arrival */
    uint32_t *rank;     /* the place of each row in `order`, or NOT_KEPT */
    size_t count;       /* kept */
};

static void refs_deinit(struct refs *refs)
{
    mem_free(refs->devices);
    mem_free(refs->bytes);
    mem_free(refs->order);
    mem_free(refs->rank);
}

static enum err note_row(const struct sample_row *row, void *arg)
{
    struct refs *refs = arg;
    struct sealer *sealer = refs->sealer;
    if (atomic_load_explicit(&sealer->stopping, memory_order_relaxed)) {
        return ERR_BUSY;
    }
    if (refs->rows == refs->room) {
        refs->room = refs->room ? 2 * refs->room : 1024;
        refs->devices = mem_realloc(refs->devices, refs->room * sizeof *refs->devices);
        refs->bytes = mem_realloc(refs->bytes, refs->room * sizeof *refs->bytes);
    }
    bool kept = !sealer->keep || sealer->keep(sealer->keep_arg, row->device_no, row->epoch);
    refs->devices[refs->rows] = kept ? row->device_no : -1;
    refs->bytes[refs->rows++] = (uint32_t)(row->values.len + row->message.len);
    return refs->rows < NOT_KEPT ? ERR_OK : ERR_LIMIT;
}

#define DIGIT_BITS 11

/* Sorts `order` by a digit of the device's number; rows with the same one stay in order. */
static void sort_by_digit(const struct refs *refs, const uint32_t *from, uint32_t *to, unsigned shift)
{
    size_t starts[(1u << DIGIT_BITS) + 1] = {0};
    size_t mask = (1u << DIGIT_BITS) - 1;
    for (size_t i = 0; i < refs->count; i++) {
        starts[((size_t)(refs->devices[from[i]] >> shift) & mask) + 1]++;
    }
    for (size_t digit = 1; digit <= mask; digit++) {
        starts[digit] += starts[digit - 1];
    }
    for (size_t i = 0; i < refs->count; i++) {
        to[starts[(size_t)(refs->devices[from[i]] >> shift) & mask]++] = from[i];
    }
}

static void refs_sort(struct refs *refs)
{
    int64_t greatest = 0;
    refs->order = mem_calloc(refs->rows + 1, sizeof *refs->order);
    refs->rank = mem_calloc(refs->rows + 1, sizeof *refs->rank);
    for (size_t i = 0; i < refs->rows; i++) {
        refs->rank[i] = NOT_KEPT;
        if (refs->devices[i] >= 0) {
            refs->order[refs->count++] = (uint32_t)i;
            greatest = refs->devices[i] > greatest ? refs->devices[i] : greatest;
        }
    }
    uint32_t *other = mem_calloc(refs->count + 1, sizeof *other);
    for (unsigned shift = 0; shift < 63 && greatest >> shift != 0; shift += DIGIT_BITS) {
        sort_by_digit(refs, refs->order, other, shift);
        uint32_t *sorted = other;
        other = refs->order;
        refs->order = sorted;
    }
    mem_free(other);
    for (size_t i = 0; i < refs->count; i++) {
        refs->rank[refs->order[i]] = (uint32_t)i;
    }
}

/* ---- chunks ---- */

struct window {
    const struct refs *refs;
    size_t from, to;         /* of refs->order */
    size_t next;             /* row of the pass */
    struct sample_row *rows;
    struct arena texts;
};

/* A device's rows stay together unless they are too many. */
static void window_place(struct window *w, const struct refs *refs)
{
    size_t bytes = 0;
    w->from = w->to;
    while (w->to < refs->count && (w->to == w->from || bytes < WINDOW_BYTES)) {
        bytes += sizeof *w->rows + refs->bytes[refs->order[w->to++]];
    }
    size_t cut = w->to;
    while (cut < refs->count && cut > w->from && refs->devices[refs->order[cut]] == refs->devices[refs->order[cut - 1]]) {
        cut--;
    }
    w->to = cut > w->from ? cut : w->to;
}

static enum err window_take(const struct sample_row *row, void *arg)
{
    struct window *w = arg;
    if (atomic_load_explicit(&w->refs->sealer->stopping, memory_order_relaxed)) {
        return ERR_BUSY;
    }
    uint32_t rank = w->next < w->refs->rows ? w->refs->rank[w->next++] : NOT_KEPT;
    if (rank < w->from || rank >= w->to) {
        return ERR_OK;
    }
    struct sample_row *copy = &w->rows[rank - w->from];
    *copy = *row;
    copy->values = arena_str(&w->texts, row->values);
    if (row->message.ptr) {
        copy->message = arena_str(&w->texts, row->message);
    }
    return ERR_OK;
}

/* Does the row follow the one before it, by the chain of the device's rows? */
static bool follows(const struct sample_row *last, const struct sample_row *row)
{
    return row->device_no == last->device_no && row->epoch == last->epoch && row->previous.day == last->position.day &&
           row->previous.seq == last->position.seq;
}

static enum err chunk_write(const struct sample_row *rows, size_t count, struct buf *chunk, struct sealed_writer *writer)
{
    buf_clear(chunk);
    enum err err = chunk_encode(rows, count, chunk);
    if (err == ERR_OK) {
        return sealed_writer_add(writer, buf_str(chunk), rows[count - 1].position.seq);
    }
    log_event(LOG_ERROR, "seal_chunk_failed", log_i("device", rows[0].device_no), log_s("error", err_name(err)));
    return err;
}

static enum err window_write(const struct window *w, struct buf *chunk, struct sealed_writer *writer)
{
    enum err err = ERR_OK;
    size_t count = w->to - w->from;
    size_t start = 0;
    size_t bytes = 0;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        const struct sample_row *row = &w->rows[i];
        bool full = i - start == CHUNK_ROWS_MAX || bytes >= CHUNK_FLAT_BYTES_MAX;
        if (i > start && (full || !follows(row - 1, row))) {
            err = atomic_load(&w->refs->sealer->stopping) ? ERR_BUSY : chunk_write(w->rows + start, i - start, chunk, writer);
            start = i;
            bytes = 0;
        }
        bytes += row->values.len + row->message.len;
    }
    return err == ERR_OK && count > start ? chunk_write(w->rows + start, count - start, chunk, writer) : err;
}

static enum err chunks_write(struct store_tx *tx, const struct segment *segment, const struct refs *refs,
                             struct sealed_writer *writer)
{
    struct window w = {.refs = refs};
    struct buf chunk;
    enum err err = ERR_OK;
    buf_init(&chunk, 4 * CHUNK_BYTES_MAX);
    while (err == ERR_OK && w.to < refs->count) {
        window_place(&w, refs);
        w.next = 0;
        w.rows = mem_calloc(w.to - w.from, sizeof *w.rows);
        arena_init(&w.texts);
        err = block_rows_each(tx, segment->day, 0, window_take, &w);
        err = err == ERR_OK ? window_write(&w, &chunk, writer) : err;
        arena_deinit(&w.texts);
        mem_free(w.rows);
    }
    buf_deinit(&chunk);
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

static enum err rows_write(const struct segment *segment, struct store_tx *tx, const char *path,
                           struct refs *refs, uint64_t *ret_bytes)
{
    struct sealed_writer *writer = NULL;
    enum err err = tx_begin(tx);
    if (err != ERR_OK) {
        return err;
    }
    err = block_rows_each(tx, segment->day, 0, note_row, refs);
    if (err == ERR_OK) {
        refs_sort(refs);
        err = sealed_writer_open(path, &writer);
    }
    err = err == ERR_OK ? chunks_write(tx, segment, refs, writer) : err;
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
    struct refs refs = {.sealer = sealer};
    uint64_t began = clock_monotonic_ms();
    uint64_t bytes = 0;
    segment_path(sealer->segments, segment, ".seal.new", path);
    enum err err = *connection ? ERR_OK : connection_open(sealer, segment, connection);
    if (err == ERR_OK && !db_checkpoint((*connection)->db, CHECKPOINT_TRUNCATE)) {
        err = ERR_BUSY; /* a reader holds its snapshot, for five seconds at most */
    }
    err = err == ERR_OK ? rows_write(segment, *connection, path, &refs, &bytes) : err;
    err = err == ERR_OK ? publish(sealer, segment, path) : err;
    if (err != ERR_OK) {
        unlink(path);
    } else {
        char name[48];
        segment_name(segment->day, segment->first_seq, ".seal", name);
        log_event(LOG_INFO, "telemetry_sealed", log_s("file", name), log_i("rows", (int64_t)refs.count),
                  log_i("bytes", (int64_t)bytes), log_i("ms", (int64_t)(clock_monotonic_ms() - began)));
    }
    refs_deinit(&refs);
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
