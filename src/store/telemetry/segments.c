#include "store/telemetry/segments.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/telemetry/sealed_file.h"

#define DAY_MS INT64_C(86400000)
#define ROWS_MAX 1000000
#define ROWS_MIN 50000
#define AGE_MS (UINT64_C(15) * 60 * 1000)
#define AGE_MAX_MS (UINT64_C(6) * 3600 * 1000)

static const char *const raw_endings[] = {".db", ".db-wal", ".db-shm"};

/* In the list. */
struct item {
    struct segment segment;
    struct store_tx *connection; /* of one that ended and is not sealed; NULL after a start */
    bool taken;                  /* by the sealer */
};

struct segments {
    char *dir;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct item *items;   /* by day and first_seq */
    size_t count, room;
    uint64_t generation;
    struct segment_limits limits;
    bool stopping;
    bool waiting; /* for the sealer: one ended since it looked */
};

/* ---- names ---- */

int32_t day_of(int64_t unix_ms)
{
    return (int32_t)(unix_ms >= 0 ? unix_ms / DAY_MS : -1 - (-1 - unix_ms) / DAY_MS);
}

void segment_name(int32_t day, int64_t first_seq, const char *ending, char ret_name[48])
{
    time_t at = (time_t)day * 86400;
    struct tm parts;
    char date[16];
    gmtime_r(&at, &parts);
    if (strftime(date, 11, "%Y-%m-%d", &parts) == 0) {
        ret_name[0] = 0;
    } else if (first_seq == 1) {
        snprintf(ret_name, 48, "%s%s", date, ending);
    } else {
        snprintf(ret_name, 48, "%s.%lld%s", date, (long long)first_seq, ending);
    }
}

bool segment_parse(const char *name, const char *ending, int32_t *ret_day, int64_t *ret_first_seq)
{
    struct tm parts = {0};
    const char *end = strptime(name, "%Y-%m-%d", &parts);
    if (!end) {
        return false;
    }
    int64_t first_seq = 1;
    if (end[0] == '.' && end[1] >= '1' && end[1] <= '9') {
        char *number_end = NULL;
        errno = 0;
        first_seq = strtoll(end + 1, &number_end, 10);
        if (errno != 0) {
            return false;
        }
        end = number_end;
    }
    if (strcmp(end, ending) != 0) {
        return false;
    }
    *ret_day = (int32_t)(timegm(&parts) / 86400);
    *ret_first_seq = first_seq;
    return true;
}

void segment_path(const struct segments *s, const struct segment *segment, const char *ending,
                  char ret_path[SEGMENT_PATH_BYTES])
{
    char name[48];
    segment_name(segment->day, segment->first_seq, ending, name);
    if (snprintf(ret_path, SEGMENT_PATH_BYTES, "%s/%s", s->dir, name) >= SEGMENT_PATH_BYTES) {
        ret_path[0] = 0; /* opening it fails; the folder's own path was accepted, so this does not happen */
    }
}

static enum err sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced ? ERR_OK : ERR_IO;
}

enum err segments_sync_folder(const struct segments *s)
{
    return sync_path(s->dir);
}

static void close_connection(struct store_tx *connection)
{
    if (connection) {
        tx_deinit(connection);
        mem_free(connection);
    }
}

/* The file first: closing then finds nothing that is worth a checkpoint's sync, and a log alone says nothing. */
void segment_remove_raw(const struct segments *s, const struct segment *segment, struct store_tx *connection)
{
    char path[SEGMENT_PATH_BYTES];
    for (unsigned i = 0; i < 3; i++) {
        segment_path(s, segment, raw_endings[i], path);
        unlink(path);
    }
    close_connection(connection);
}

/* ---- the list; with the lock held ---- */

static bool is_before(const struct segment *a, int32_t day, int64_t first_seq)
{
    return a->day < day || (a->day == day && a->first_seq < first_seq);
}

/* The place of (day, first_seq), or where it belongs. */
static size_t place_of(const struct segments *s, int32_t day, int64_t first_seq)
{
    size_t low = 0;
    size_t high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (is_before(&s->items[middle].segment, day, first_seq)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct item *item_of(struct segments *s, const struct segment *segment)
{
    size_t at = place_of(s, segment->day, segment->first_seq);
    if (at == s->count) {
        return NULL;
    }
    struct item *item = &s->items[at];
    return item->segment.day == segment->day && item->segment.first_seq == segment->first_seq ? item : NULL;
}

static struct item *insert(struct segments *s, const struct segment *segment)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->items = mem_realloc(s->items, s->room * sizeof *s->items);
    }
    size_t at = place_of(s, segment->day, segment->first_seq);
    memmove(&s->items[at + 1], &s->items[at], (s->count - at) * sizeof *s->items);
    s->items[at] = (struct item){.segment = *segment};
    s->count++;
    return &s->items[at];
}

static void erase(struct segments *s, size_t at)
{
    memmove(&s->items[at], &s->items[at + 1], (s->count - at - 1) * sizeof *s->items);
    s->count--;
}

/* ---- opening ---- */

static enum err make_folder(const char *data_dir, const char *dir)
{
    if (mkdir(dir, 0700) != 0) {
        if (errno == EEXIST) {
            return ERR_OK;
        }
        log_event(LOG_ERROR, "data_folder_failed", log_s("path", dir), log_s("error", strerror(errno)));
        return ERR_IO;
    }
    return sync_path(data_dir);
}

static void unlink_name(const struct segments *s, const char *name)
{
    char path[SEGMENT_PATH_BYTES];
    if (snprintf(path, sizeof path, "%s/%s", s->dir, name) < SEGMENT_PATH_BYTES) {
        unlink(path);
    }
}

static bool exists(const struct segments *s, const struct segment *segment, const char *ending)
{
    char path[SEGMENT_PATH_BYTES];
    segment_path(s, segment, ending, path);
    return access(path, F_OK) == 0;
}

/* A whole sealed file goes into the list. One that is not is removed if its rows are still there. */
static enum err found_sealed(struct segments *s, struct segment segment)
{
    char path[SEGMENT_PATH_BYTES];
    struct sealed_file *file = NULL;
    segment_path(s, &segment, ".seal", path);
    enum err err = sealed_file_open(path, &file);
    if (err == ERR_OK && (sealed_file_day(file) != segment.day || sealed_file_first_seq(file) != segment.first_seq)) {
        log_event(LOG_ERROR, "sealed_file_misnamed", log_s("file", path));
        sealed_file_close(file);
        err = ERR_INVALID;
    } else if (err == ERR_OK) {
        segment.sealed = true;
        segment.last_seq = sealed_file_last_seq(file);
        sealed_file_close(file);
        insert(s, &segment);
        return ERR_OK;
    }
    if (err == ERR_INVALID) {
        if (exists(s, &segment, ".db")) {
            unlink(path);
        }
        return ERR_OK;
    }
    return err;
}

/* A log whose file is gone, and files that were not finished. */
static void remove_leftover(struct segments *s, const char *name)
{
    struct segment segment = {0};
    if (segment_parse(name, ".seal.new", &segment.day, &segment.first_seq) ||
        ((segment_parse(name, ".db-wal", &segment.day, &segment.first_seq) ||
          segment_parse(name, ".db-shm", &segment.day, &segment.first_seq)) &&
         !exists(s, &segment, ".db"))) {
        unlink_name(s, name);
    }
}

static enum err each_name(struct segments *s, enum err (*visit)(struct segments *s, const char *name))
{
    DIR *folder = opendir(s->dir);
    if (!folder) {
        log_event(LOG_ERROR, "data_folder_failed", log_s("path", s->dir), log_s("error", strerror(errno)));
        return ERR_IO;
    }
    enum err err = ERR_OK;
    for (struct dirent *item; err == ERR_OK && (item = readdir(folder)) != NULL;) {
        err = visit(s, item->d_name);
    }
    closedir(folder);
    return err;
}

static enum err visit_sealed(struct segments *s, const char *name)
{
    struct segment segment = {0};
    remove_leftover(s, name);
    return segment_parse(name, ".seal", &segment.day, &segment.first_seq) ? found_sealed(s, segment) : ERR_OK;
}

static enum err visit_raw(struct segments *s, const char *name)
{
    struct segment segment = {.last_seq = SEGMENT_OPEN};
    if (!segment_parse(name, ".db", &segment.day, &segment.first_seq)) {
        return ERR_OK;
    }
    if (item_of(s, &segment)) { /* sealed; the crash came before this file went */
        segment_remove_raw(s, &segment, NULL);
    } else {
        insert(s, &segment);
    }
    return ERR_OK;
}

/* One that is not written any more: its log goes into the file. *ret_empty: there is no row in it. */
static enum err settle(struct segments *s, struct segment *segment, bool *ret_empty)
{
    char path[SEGMENT_PATH_BYTES];
    struct sqlite3 *db = NULL;
    int64_t last = 0;
    segment_path(s, segment, ".db", path);
    enum err err = db_open(path, DB_WRITER, &db);
    if (err != ERR_OK) {
        return err;
    }
    int64_t tables = 0;
    db_checkpoint(db, CHECKPOINT_TRUNCATE);
    err = db_read_number(db, "SELECT count(*) FROM sqlite_master WHERE name = 'block'", &tables);
    if (err == ERR_OK && tables > 0) {
        err = db_read_number(db, SEGMENT_LAST_SEQ, &last);
    }
    db_close(db);
    *ret_empty = err == ERR_OK && last == 0;
    segment->last_seq = last;
    return err;
}

/* All but the newest have ended. One that cannot be read (logged) stays where it is: reading its rows fails, the server
 * starts. */
static void settle_all(struct segments *s)
{
    for (size_t i = 0; i + 1 < s->count;) {
        struct segment *segment = &s->items[i].segment;
        bool empty = false;
        if (!segment->sealed && settle(s, segment, &empty) != ERR_OK) {
            segment->last_seq = SEGMENT_OPEN - 1;
        }
        if (empty) {
            segment_remove_raw(s, segment, NULL);
            erase(s, i);
        } else {
            i++;
        }
    }
}

enum err segments_open(const char *data_dir, struct segments **ret_segments)
{
    struct segments *s = mem_new(struct segments);
    size_t len = strlen(data_dir) + sizeof "/telemetry";
    s->dir = mem_alloc(len);
    snprintf(s->dir, len, "%s/telemetry", data_dir);
    s->limits = (struct segment_limits){ROWS_MAX, ROWS_MIN, AGE_MS, AGE_MAX_MS};
    s->waiting = true;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum err err = make_folder(data_dir, s->dir);
    err = err == ERR_OK ? each_name(s, visit_sealed) : err;
    err = err == ERR_OK ? segments_sync_folder(s) : err; /* before anything goes that they replace */
    err = err == ERR_OK ? each_name(s, visit_raw) : err;
    if (err != ERR_OK) {
        segments_free(s);
        return err;
    }
    settle_all(s);
    *ret_segments = s;
    return ERR_OK;
}

void segments_free(struct segments *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].connection) {
            db_checkpoint(s->items[i].connection->db, CHECKPOINT_TRUNCATE);
            close_connection(s->items[i].connection);
        }
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s->items);
    mem_free(s->dir);
    mem_free(s);
}

struct segment_limits segments_limits(struct segments *s)
{
    pthread_mutex_lock(&s->lock);
    struct segment_limits limits = s->limits;
    pthread_mutex_unlock(&s->lock);
    return limits;
}

void segments_set_limits(struct segments *s, const struct segment_limits *limits)
{
    pthread_mutex_lock(&s->lock);
    s->limits = *limits;
    pthread_mutex_unlock(&s->lock);
}

/* ---- any thread ---- */

bool segments_find(struct segments *s, struct sample_position position, struct segment *ret_segment)
{
    pthread_mutex_lock(&s->lock);
    size_t behind = position.seq < INT64_MAX ? place_of(s, position.day, position.seq + 1) : 0;
    const struct segment *segment = behind > 0 ? &s->items[behind - 1].segment : NULL;
    bool found = segment && segment->day == position.day && position.seq <= segment->last_seq;
    if (found) {
        *ret_segment = *segment;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

bool segments_next(struct segments *s, int32_t day, int64_t first_seq, struct segment *ret_segment)
{
    pthread_mutex_lock(&s->lock);
    size_t at = place_of(s, day, first_seq + 1);
    bool found = at < s->count;
    if (found) {
        *ret_segment = s->items[at].segment;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

bool segments_newest(struct segments *s, struct segment *ret_segment)
{
    pthread_mutex_lock(&s->lock);
    bool found = s->count > 0;
    if (found) {
        *ret_segment = s->items[s->count - 1].segment;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

uint64_t segments_generation(struct segments *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t generation = s->generation;
    pthread_mutex_unlock(&s->lock);
    return generation;
}

/* ---- the telemetry lane ---- */

void segments_begin(struct segments *s, int32_t day, int64_t first_seq)
{
    struct segment segment = {day, first_seq, SEGMENT_OPEN, false};
    pthread_mutex_lock(&s->lock);
    assert(s->count == 0 || is_before(&s->items[s->count - 1].segment, day, first_seq));
    insert(s, &segment);
    pthread_mutex_unlock(&s->lock);
}

void segments_end(struct segments *s, int64_t last_seq, struct store_tx *connection)
{
    pthread_mutex_lock(&s->lock);
    struct item *item = &s->items[s->count - 1];
    assert(item->segment.last_seq == SEGMENT_OPEN);
    item->segment.last_seq = last_seq;
    item->connection = connection;
    s->waiting = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* Takes the oldest one out of the list if it is older than that. */
static bool take_old(struct segments *s, int32_t oldest_day, struct item *ret_item)
{
    pthread_mutex_lock(&s->lock);
    bool found = s->count > 0 && s->items[0].segment.day < oldest_day && s->items[0].segment.last_seq != SEGMENT_OPEN;
    if (found) {
        *ret_item = s->items[0];
        erase(s, 0);
        s->generation++;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void segments_retain(struct segments *s, int32_t oldest_day)
{
    struct item item;
    while (take_old(s, oldest_day, &item)) {
        char path[SEGMENT_PATH_BYTES];
        char name[48];
        segment_path(s, &item.segment, ".seal", path);
        unlink(path);
        segment_remove_raw(s, &item.segment, item.connection);
        segment_name(item.segment.day, item.segment.first_seq, item.segment.sealed ? ".seal" : ".db", name);
        log_event(LOG_INFO, "telemetry_file_removed", log_s("file", name));
    }
}

/* ---- the sealer ---- */

bool segments_take(struct segments *s, struct segment *ret_segment, struct store_tx **ret_connection)
{
    bool found = false;
    pthread_mutex_lock(&s->lock);
    s->waiting = false;
    for (size_t i = 0; i < s->count && !found; i++) {
        struct item *item = &s->items[i];
        if (item->segment.sealed || item->segment.last_seq == SEGMENT_OPEN || item->taken) {
            continue;
        }
        found = item->taken = true;
        *ret_segment = item->segment;
        *ret_connection = item->connection;
        item->connection = NULL;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void segments_put_back(struct segments *s, const struct segment *segment, struct store_tx *connection)
{
    pthread_mutex_lock(&s->lock);
    struct item *item = item_of(s, segment);
    if (item) {
        item->taken = false;
        item->connection = connection;
    }
    pthread_mutex_unlock(&s->lock);
    if (!item) {
        close_connection(connection);
    }
}

bool segments_set_sealed(struct segments *s, const struct segment *segment)
{
    pthread_mutex_lock(&s->lock);
    struct item *item = item_of(s, segment);
    if (item) {
        item->segment.sealed = true;
        item->taken = false;
        s->generation++;
    }
    pthread_mutex_unlock(&s->lock);
    return item != NULL;
}

bool segments_wait(struct segments *s, uint64_t timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    pthread_mutex_lock(&s->lock);
    int rc = 0;
    while (!s->stopping && !s->waiting && rc == 0) {
        rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
    }
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return !stopping;
}

void segments_stop(struct segments *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}
