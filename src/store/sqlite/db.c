/* The discipline exists for two reasons: SQLite before 3.51.3 can corrupt a write-ahead log when two connections write
 * or checkpoint at the same instant, and a reader that holds a snapshot keeps the log from being reused. */
#include "store/sqlite/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/sqlite/contains.h"

#define BUSY_TIMEOUT_MS 5000
#define VALUE_BYTES_MAX (64 << 20)

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    /* Savepoints of single operations stay in memory. */
    sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
    sqlite3_initialize();
}

static void log_failure(const char *event, const char *path, sqlite3 *db, int rc)
{
    log_event(LOG_ERROR, event, log_s("file", path), log_i("code", sqlite3_extended_errcode(db)),
              log_s("error", db ? sqlite3_errmsg(db) : sqlite3_errstr(rc)));
}

enum err db_exec(struct sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK) {
        return ERR_OK;
    }
    log_event(LOG_ERROR, "store_statement_failed", log_s("file", sqlite3_db_filename(db, "main")),
              log_i("code", sqlite3_extended_errcode(db)), log_s("error", message ? message : sqlite3_errmsg(db)));
    sqlite3_free(message);
    return ERR_STORAGE;
}

enum err db_read_number(struct sqlite3 *db, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(statement);
    }
    if (rc == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(statement, 0);
    } else {
        log_failure("store_statement_failed", sqlite3_db_filename(db, "main"), db, rc);
    }
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? ERR_OK : ERR_STORAGE;
}

static void harden(sqlite3 *db, enum db_mode mode)
{
    static const struct {
        int option;
        int value;
    } settings[] = {
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}, {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},               {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);
    }
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, mode == DB_READER ? 1 : 0, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
    sqlite3_extended_result_codes(db, 1);
}

static enum err configure(sqlite3 *db, enum db_mode mode)
{
    harden(db, mode);
    enum err err = contains_register(db);
    if (err != ERR_OK) {
        return err;
    }
    if (mode == DB_READER) {
        return db_exec(db, "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0; PRAGMA mmap_size=0;"
                           "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-1024;");
    }
    /* checkpoints are run by the writer itself, in idle gaps (lane.c) */
    return db_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;"
                       "PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8192;"
                       "PRAGMA journal_size_limit=67108864;");
}

void db_shrink(struct sqlite3 *db)
{
    sqlite3_db_release_memory(db);
}

static bool sync_at(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return synced;
}

/* A killed process may leave commits in the log that were not synced yet. They count from here on, and what is done for
 * them is seen by others: a loss of power must not take them back. (SQLite holds no lock on the log's file.) */
static enum err sync_log(const char *path)
{
    char name[4096];
    int len = snprintf(name, sizeof name, "%s-wal", path);
    if (len < 0 || (size_t)len >= sizeof name || access(name, F_OK) != 0) {
        return ERR_OK;
    }
    bool synced = sync_at(name, O_RDONLY);
    char *slash = strrchr(name, '/');
    if (slash) {
        *slash = 0;
    }
    if (synced && sync_at(slash ? name : ".", O_RDONLY | O_DIRECTORY)) {
        return ERR_OK;
    }
    log_event(LOG_ERROR, "store_sync_failed", log_s("file", path), log_s("error", strerror(errno)));
    return ERR_STORAGE;
}

size_t db_cache_bytes(struct sqlite3 *db)
{
    int bytes = 0, highest = 0;
    sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_USED, &bytes, &highest, 0);
    return (size_t)bytes;
}

int64_t db_changes(struct sqlite3 *db)
{
    return sqlite3_total_changes64(db);
}

enum err db_open(const char *path, enum db_mode mode, struct sqlite3 **ret_db)
{
    pthread_once(&library_once, library_init);
    if (mode == DB_WRITER && sync_log(path) != ERR_OK) {
        return ERR_STORAGE;
    }
    if (mode == DB_WRITER) {
        /* A new file is its owner's only, and the log's files take over the mode. Never an existing one: closing any
         * descriptor of it would drop the locks of this process's other connections (POSIX). */
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0) {
            close(fd);
        }
    }
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (mode == DB_WRITER ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &db, flags, NULL);
    if (rc != SQLITE_OK) {
        if (mode == DB_READER && rc == SQLITE_CANTOPEN && access(path, F_OK) != 0) { /* else: no descriptor, no permission */
            sqlite3_close(db);
            return ERR_NOT_FOUND;
        }
        log_failure("store_open_failed", path, db, rc);
        sqlite3_close(db);
        return ERR_STORAGE;
    }
    enum err err = configure(db, mode);
    if (err != ERR_OK) {
        sqlite3_close(db);
        return err;
    }
    *ret_db = db;
    return ERR_OK;
}

void db_close(struct sqlite3 *db)
{
    sqlite3_close(db);
}

static int on_wal(void *counter, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    *(unsigned *)counter = pages > 0 ? (unsigned)pages : 0;
    return SQLITE_OK;
}

void db_count_wal_pages(struct sqlite3 *db, unsigned *counter)
{
    sqlite3_wal_hook(db, on_wal, counter);
}

bool db_checkpoint(struct sqlite3 *db, enum db_checkpoint how)
{
    static const int modes[] = {
        [CHECKPOINT_PASSIVE] = SQLITE_CHECKPOINT_PASSIVE,
        [CHECKPOINT_RESTART] = SQLITE_CHECKPOINT_RESTART,
        [CHECKPOINT_TRUNCATE] = SQLITE_CHECKPOINT_TRUNCATE,
    };
    int in_log = 0;
    int done = 0;
    int rc = sqlite3_wal_checkpoint_v2(db, "main", modes[how], &in_log, &done);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        log_failure("store_checkpoint_failed", sqlite3_db_filename(db, "main"), db, rc);
    }
    return rc == SQLITE_OK && in_log == done;
}
