#include "store/telemetry/day_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite/lane.h"
#include "store/sqlite/migrate.h"

#define DAY_MS INT64_C(86400000)
#define PATH_BYTES 4096
#define READERS_OPEN_MAX 8

/* `delay` is received_at - at, `prev_days` the days between this row and the previous one: mostly 0, which SQLite keeps
 * in no byte at all. prev_seq 0: none. */
static const struct str day_schema[] = {STR_INIT(
    "CREATE TABLE sample (seq INTEGER PRIMARY KEY, device_no INTEGER NOT NULL, epoch INTEGER NOT NULL,"
    " at INTEGER NOT NULL, delay INTEGER NOT NULL, device_timestamp INTEGER, prev_days INTEGER NOT NULL,"
    " prev_seq INTEGER NOT NULL, kind INTEGER NOT NULL, status INTEGER NOT NULL, override INTEGER NOT NULL,"
    " message TEXT, vals BLOB NOT NULL);"
    "CREATE TABLE note (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;")};

/* ---- days and their files ---- */

int32_t day_of(int64_t unix_ms)
{
    return (int32_t)(unix_ms >= 0 ? unix_ms / DAY_MS : -1 - (-1 - unix_ms) / DAY_MS);
}

void day_name(int32_t day, char ret_name[16])
{
    time_t at = (time_t)day * 86400;
    struct tm parts;
    gmtime_r(&at, &parts);
    if (strftime(ret_name, 16, "%Y-%m-%d.db", &parts) == 0) {
        ret_name[0] = 0; /* a year of five digits */
    }
}

bool day_parse(const char *name, int32_t *ret_day)
{
    struct tm parts = {0};
    const char *end = strptime(name, "%Y-%m-%d", &parts);
    if (!end || strcmp(end, ".db") != 0) {
        return false;
    }
    *ret_day = (int32_t)(timegm(&parts) / 86400);
    return true;
}

static void day_path(const char *dir, int32_t day, const char *suffix, char ret_path[PATH_BYTES])
{
    char name[16];
    day_name(day, name);
    if (snprintf(ret_path, PATH_BYTES, "%s/%s%s", dir, name, suffix) >= PATH_BYTES) {
        ret_path[0] = 0; /* opening it fails; the folder's own path was accepted, so this does not happen */
    }
}

static int by_day(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    return x < y ? -1 : x > y;
}

/* Days with a file, ascending; the caller frees them. */
static size_t list_days(const char *dir, int32_t **ret_days)
{
    int32_t *days = NULL;
    size_t count = 0;
    DIR *folder = opendir(dir);
    for (struct dirent *item; folder && (item = readdir(folder)) != NULL;) {
        int32_t day = 0;
        if (day_parse(item->d_name, &day)) {
            days = mem_realloc(days, (count + 1) * sizeof *days);
            days[count++] = day;
        }
    }
    if (folder) {
        closedir(folder);
    }
    if (count > 1) {
        qsort(days, count, sizeof *days, by_day);
    }
    *ret_days = days;
    return count;
}

static char *folder_of(const char *data_dir)
{
    size_t len = strlen(data_dir) + sizeof "/telemetry";
    char *dir = mem_alloc(len);
    snprintf(dir, len, "%s/telemetry", data_dir);
    return dir;
}

/* ---- writing ---- */

struct day_writer {
    char *dir;
    struct store_tx tx;      /* db NULL: no day is open */
    int32_t day;
    int64_t next_seq;
    int64_t committed_seq;
};

static void close_day(struct day_writer *w)
{
    if (w->tx.db) {
        db_checkpoint(w->tx.db, CHECKPOINT_TRUNCATE);
        tx_deinit(&w->tx);
    }
}

static enum err open_day(struct day_writer *w, int32_t day)
{
    close_day(w);
    char path[PATH_BYTES];
    day_path(w->dir, day, "", path);
    struct sqlite3 *db = NULL;
    enum err err = db_open(path, DB_WRITER, &db);
    if (err != ERR_OK) {
        return err;
    }
    int64_t last = 0;
    err = migrate_with(db, day_schema, 1);
    if (err == ERR_OK) {
        err = db_read_number(db, "SELECT ifnull(max(seq), 0) FROM sample", &last);
    }
    if (err != ERR_OK) {
        db_close(db);
        return err;
    }
    tx_init(&w->tx, db, true);
    w->tx.no_savepoints = true;
    w->day = day;
    w->next_seq = last + 1;
    w->committed_seq = last;
    return ERR_OK;
}

/* A crash leaves a log beside the file; a file that is not written any more should be whole by itself. */
static void settle_old_day(const char *dir, int32_t day)
{
    char path[PATH_BYTES];
    day_path(dir, day, "-wal", path);
    struct stat info;
    if (stat(path, &info) != 0 || info.st_size == 0) {
        return;
    }
    day_path(dir, day, "", path);
    struct sqlite3 *db = NULL;
    if (db_open(path, DB_WRITER, &db) == ERR_OK) {
        db_checkpoint(db, CHECKPOINT_TRUNCATE);
        db_close(db);
    }
}

static enum err make_folder(const char *data_dir, const char *dir)
{
    if (mkdir(dir, 0700) != 0) {
        if (errno == EEXIST) {
            return ERR_OK;
        }
        log_event(LOG_ERROR, "data_folder_failed", log_s("path", dir), log_s("error", strerror(errno)));
        return ERR_IO;
    }
    int fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced ? ERR_OK : ERR_IO;
}

enum err day_writer_open(const char *data_dir, struct day_writer **ret_writer)
{
    struct day_writer *w = mem_new(struct day_writer);
    w->dir = folder_of(data_dir);
    enum err err = make_folder(data_dir, w->dir);
    if (err == ERR_OK) {
        int32_t *days = NULL;
        size_t count = list_days(w->dir, &days);
        for (size_t i = 0; i + 1 < count; i++) {
            settle_old_day(w->dir, days[i]);
        }
        if (count > 0) {
            err = open_day(w, days[count - 1]);
        }
        mem_free(days);
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
        close_day(w);
        mem_free(w->dir);
        mem_free(w);
    }
}

static enum err begin(struct day_writer *w, int64_t received_ms)
{
    int32_t day = day_of(received_ms);
    if (!w->tx.db || day > w->day) {
        enum err err = open_day(w, w->day > day ? w->day : day);
        if (err != ERR_OK) {
            return err;
        }
    }
    return tx_begin(&w->tx);
}

enum err day_writer_append(struct day_writer *w, struct sample_row *row)
{
    if (!w->tx.open) {
        enum err err = begin(w, row->received_ms);
        if (err != ERR_OK) {
            return ERR_STORAGE;
        }
    }
    row->position = (struct sample_position){w->day, w->next_seq};
    struct query q;
    query_begin(&q, &w->tx,
                "INSERT INTO sample (seq, device_no, epoch, at, delay, device_timestamp, prev_days, prev_seq, kind, status,"
                " override, message, vals) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)");
    query_bind_i64(&q, 1, row->position.seq);
    query_bind_i64(&q, 2, row->device_no);
    query_bind_i64(&q, 3, row->epoch);
    query_bind_i64(&q, 4, row->at_ms);
    query_bind_i64(&q, 5, row->received_ms - row->at_ms);
    query_bind_time(&q, 6, row->device_timestamp_ms);
    query_bind_i64(&q, 7, row->previous.seq ? w->day - row->previous.day : 0);
    query_bind_i64(&q, 8, row->previous.seq);
    query_bind_i64(&q, 9, row->kind);
    query_bind_i64(&q, 10, row->status);
    query_bind_i64(&q, 11, row->override);
    query_bind_str(&q, 12, row->message);
    query_bind_blob(&q, 13, row->values.ptr, row->values.len);
    if (query_finish(&q) != ERR_OK) {
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
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    int32_t *days = NULL;
    size_t count = list_days(w->dir, &days);
    for (size_t i = 0; i < count && days[i] < oldest_day && days[i] != w->day; i++) {
        char path[PATH_BYTES];
        for (unsigned s = 0; s < 3; s++) {
            day_path(w->dir, days[i], suffixes[s], path);
            unlink(path);
        }
        char name[16];
        day_name(days[i], name);
        log_event(LOG_INFO, "telemetry_day_removed", log_s("file", name));
    }
    mem_free(days);
}

/* ---- reading ---- */

struct day_reader {
    struct store_tx tx; /* db NULL: free */
    int32_t day;
    uint64_t used;
};

struct day_readers {
    char *dir;
    struct day_reader open[READERS_OPEN_MAX];
    uint64_t uses;
    uint64_t deadline_ms;
    struct query row; /* of the last day_readers_row, open so that its strings stay */
    bool has_row;
};

struct day_readers *day_readers_new(const char *data_dir)
{
    struct day_readers *readers = mem_new(struct day_readers);
    readers->dir = folder_of(data_dir);
    return readers;
}

void day_readers_free(struct day_readers *readers)
{
    if (!readers) {
        return;
    }
    day_readers_end(readers);
    for (unsigned i = 0; i < READERS_OPEN_MAX; i++) {
        if (readers->open[i].tx.db) {
            tx_deinit(&readers->open[i].tx);
        }
    }
    mem_free(readers->dir);
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

void day_readers_end(struct day_readers *readers)
{
    finish_row(readers);
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
        if (!r->tx.db) {
            return r;
        }
        if (r->used < oldest->used) {
            oldest = r;
        }
    }
    if (oldest->tx.open) {
        tx_rollback(&oldest->tx);
    }
    tx_deinit(&oldest->tx);
    return oldest;
}

static enum err reader_of(struct day_readers *readers, int32_t day, struct store_tx **ret_tx)
{
    struct day_reader *reader = NULL;
    for (unsigned i = 0; i < READERS_OPEN_MAX; i++) {
        if (readers->open[i].tx.db && readers->open[i].day == day) {
            reader = &readers->open[i];
        }
    }
    char path[PATH_BYTES];
    if (!reader || !reader->tx.open) {
        day_path(readers->dir, day, "", path);
    }
    if (reader && !reader->tx.open && access(path, F_OK) != 0) { /* removed since it was opened */
        tx_deinit(&reader->tx);
        return ERR_NOT_FOUND;
    }
    if (!reader) {
        struct sqlite3 *db = NULL;
        enum err err = db_open(path, DB_READER, &db);
        if (err != ERR_OK) {
            return err;
        }
        reader = place_for(readers);
        tx_init(&reader->tx, db, false);
        reader->day = day;
    }
    reader->used = ++readers->uses;
    if (!reader->tx.open && tx_begin(&reader->tx) != ERR_OK) {
        return ERR_STORAGE;
    }
    reader->tx.deadline_ms = readers->deadline_ms;
    *ret_tx = &reader->tx;
    return ERR_OK;
}

#define ROW_COLUMNS \
    "seq, device_no, epoch, at, delay, device_timestamp, prev_days, prev_seq, kind, status, override, message, vals"

static void row_read(struct query *q, int32_t day, struct sample_row *row)
{
    *row = (struct sample_row){
        .position = {day, query_i64(q, 0)},
        .previous = {query_i64(q, 7) ? day - (int32_t)query_i64(q, 6) : 0, query_i64(q, 7)},
        .device_no = query_i64(q, 1),
        .epoch = (uint32_t)query_i64(q, 2),
        .kind = (enum sample_kind)query_i64(q, 8),
        .status = (enum device_status)query_i64(q, 9),
        .override = query_i64(q, 10) != 0,
        .at_ms = query_i64(q, 3),
        .received_ms = query_i64(q, 3) + query_i64(q, 4),
        .device_timestamp_ms = query_time(q, 5),
        .message = query_str(q, 11),
        .values = query_str(q, 12),
    };
}

enum err day_readers_row(struct day_readers *readers, struct sample_position position, struct sample_row *ret_row)
{
    finish_row(readers);
    struct store_tx *tx = NULL;
    enum err err = reader_of(readers, position.day, &tx);
    if (err != ERR_OK) {
        return err;
    }
    query_begin(&readers->row, tx, "SELECT " ROW_COLUMNS " FROM sample WHERE seq = ?1");
    query_bind_i64(&readers->row, 1, position.seq);
    readers->has_row = true;
    if (!query_next(&readers->row)) {
        return readers->row.err != ERR_OK ? readers->row.err : ERR_NOT_FOUND;
    }
    row_read(&readers->row, position.day, ret_row);
    return ERR_OK;
}

static enum err replay_day(struct store_tx *tx, int32_t day, int64_t after_seq,
                           enum err (*visit)(const struct sample_row *row, void *arg), void *arg)
{
    struct query q;
    enum err err = ERR_OK;
    query_begin(&q, tx, "SELECT " ROW_COLUMNS " FROM sample WHERE seq > ?1 ORDER BY seq");
    query_bind_i64(&q, 1, after_seq);
    while (err == ERR_OK && query_next(&q)) {
        struct sample_row row;
        row_read(&q, day, &row);
        err = visit(&row, arg);
    }
    enum err end = query_finish(&q);
    return err != ERR_OK ? err : end;
}

enum err day_readers_replay(struct day_readers *readers, struct sample_position after,
                            enum err (*visit)(const struct sample_row *row, void *arg), void *arg)
{
    int32_t *days = NULL;
    size_t count = list_days(readers->dir, &days);
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        struct store_tx *tx = NULL;
        if (days[i] < after.day) {
            continue;
        }
        err = reader_of(readers, days[i], &tx);
        if (err == ERR_OK) {
            err = replay_day(tx, days[i], days[i] == after.day ? after.seq : 0, visit, arg);
        }
    }
    mem_free(days);
    return err;
}
