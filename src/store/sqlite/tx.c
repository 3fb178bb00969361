/* Prepared statements and the transaction they run in.
 *
 * A savepoint is made before an operation's first write, not before each operation: most batches hold operations that
 * only read before they refuse, and a savepoint that nothing follows costs as much as a small insert. */
#include "store/sqlite/tx.h"

#include <assert.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/hashmap.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/event.h"
#include "store/sqlite/connection.h"

#define CACHE_SIZE_FIRST 64
#define NO_SLOT UINT_MAX
#define PROGRESS_STEPS 2000

/* ---- faults ---- */

static enum err classify(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID
                   ? ERR_EXISTS
                   : ERR_INTERNAL;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return ERR_INTERNAL;
    case SQLITE_INTERRUPT:
        return ERR_BUSY;
    default:
        return ERR_STORAGE;
    }
}

/* A full disk fails everything that is tried; the log may be on that disk too. One line a second says enough. */
static bool fault_is_news(enum err err)
{
    static _Atomic uint64_t told_s = 0;
    uint64_t now_s = clock_monotonic_ms() / 1000 + 1;
    return err != ERR_STORAGE || atomic_exchange(&told_s, now_s) != now_s;
}

static void note_fault(struct query *q, int rc, const char *sql)
{
    struct store_tx *tx = q->tx;
    q->err = classify(rc);
    if (q->err == ERR_EXISTS) {
        return; /* an answer, not a fault */
    }
    if (fault_is_news(q->err)) {
        log_event(LOG_ERROR, "store_query_failed", log_i("code", sqlite3_extended_errcode(tx->db)),
                  log_s("error", sqlite3_errmsg(tx->db)), log_s("statement", sql ? sql : ""));
    }
    if (q->err == ERR_STORAGE) {
        tx->fault = ERR_STORAGE;
    } else if (tx->op_fault == ERR_OK) {
        tx->op_fault = q->err;
    }
}

/* ---- statement cache ---- */

static unsigned cache_place(const struct store_tx *tx, const char *sql)
{
    unsigned mask = tx->cache_size - 1;
    unsigned at = (unsigned)(((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & mask;
    while (tx->cache[at].sql && tx->cache[at].sql != sql) {
        at = (at + 1) & mask;
    }
    return at;
}

/* Not while a query is open: slots are remembered by number. */
static void cache_grow(struct store_tx *tx)
{
    struct cached_statement *old = tx->cache;
    unsigned old_size = tx->cache_size;
    tx->cache_size = old_size ? old_size * 2 : CACHE_SIZE_FIRST;
    tx->cache = mem_calloc(tx->cache_size, sizeof *tx->cache);
    for (unsigned i = 0; i < old_size; i++) {
        if (old[i].sql) {
            tx->cache[cache_place(tx, old[i].sql)] = old[i];
        }
    }
    mem_free(old);
}

static bool prepare(struct query *q, const char *sql, size_t len, unsigned flags)
{
    int rc = sqlite3_prepare_v3(q->tx->db, sql, (int)len, flags, &q->statement, NULL);
    if (rc != SQLITE_OK) {
        q->statement = NULL;
        note_fault(q, rc, sql);
        return false;
    }
    return true;
}

static void exec_cached(struct store_tx *tx, const char *sql);

static void before_use(struct query *q)
{
    struct store_tx *tx = q->tx;
    if (tx->writes && tx->open && !tx->in_savepoint && !tx->no_savepoints && !sqlite3_stmt_readonly(q->statement)) {
        tx->in_savepoint = true;
        exec_cached(tx, "SAVEPOINT op");
    }
}

static bool query_start(struct query *q, struct store_tx *tx)
{
    *q = (struct query){tx, NULL, ERR_OK, NO_SLOT, false};
    if (tx->fault != ERR_OK) {
        q->err = tx->fault;
        return false;
    }
    return true;
}

/* Finds or prepares the statement without looking at the transaction's fault: ROLLBACK must work in a faulty one. */
static bool cached_statement(struct query *q, const char *sql)
{
    struct store_tx *tx = q->tx;
    if (tx->cache_count * 2 >= tx->cache_size) {
        bool in_use = false;
        for (unsigned i = 0; i < tx->cache_size; i++) {
            in_use |= tx->cache[i].in_use;
        }
        if (!in_use) {
            cache_grow(tx);
        } else if (tx->cache_count + 1 >= tx->cache_size) {
            return prepare(q, sql, strlen(sql), 0);
        }
    }
    unsigned at = cache_place(tx, sql);
    struct cached_statement *entry = &tx->cache[at];
    if (entry->in_use) { /* the same statement is being read further out: a second one for this use */
        return prepare(q, sql, strlen(sql), 0);
    }
    if (!entry->sql) {
        if (!prepare(q, sql, strlen(sql), SQLITE_PREPARE_PERSISTENT)) {
            return false;
        }
        entry->sql = sql;
        entry->statement = q->statement;
        tx->cache_count++;
    }
    q->statement = entry->statement;
    q->slot = at;
    entry->in_use = true;
    return true;
}

void query_begin(struct query *q, struct store_tx *tx, const char *sql_literal)
{
    if (query_start(q, tx) && cached_statement(q, sql_literal)) {
        before_use(q);
    }
}

void query_begin_dynamic(struct query *q, struct store_tx *tx, struct str sql)
{
    if (query_start(q, tx) && prepare(q, sql.ptr, sql.len, 0)) {
        before_use(q);
    }
}

/* ---- binding, stepping, columns ---- */

static void bound(struct query *q, int rc)
{
    if (rc != SQLITE_OK && q->err == ERR_OK) {
        note_fault(q, rc, sqlite3_sql(q->statement));
    }
}

void query_bind_i64(struct query *q, int index, int64_t value)
{
    if (q->statement) {
        bound(q, sqlite3_bind_int64(q->statement, index, value));
    }
}

void query_bind_null(struct query *q, int index)
{
    if (q->statement) {
        bound(q, sqlite3_bind_null(q->statement, index));
    }
}

/* Text and blobs are borrowed until query_finish, which clears the bindings. */
void query_bind_str(struct query *q, int index, struct str text)
{
    if (!q->statement) {
        return;
    }
    if (text.ptr == NULL) {
        bound(q, sqlite3_bind_null(q->statement, index));
    } else {
        bound(q, sqlite3_bind_text64(q->statement, index, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8));
    }
}

void query_bind_blob(struct query *q, int index, const void *data, size_t len)
{
    if (q->statement) {
        bound(q, sqlite3_bind_blob64(q->statement, index, data, len, SQLITE_STATIC));
    }
}

void query_bind_uuid(struct query *q, int index, const struct uuid *uuid)
{
    query_bind_blob(q, index, uuid->bytes, sizeof uuid->bytes);
}

void query_bind_time(struct query *q, int index, int64_t unix_ms)
{
    if (unix_ms == INT64_MIN) {
        query_bind_null(q, index);
    } else {
        query_bind_i64(q, index, unix_ms);
    }
}

bool query_next(struct query *q)
{
    if (!q->statement || q->err != ERR_OK) {
        return false;
    }
    q->stepped = true;
    int rc = sqlite3_step(q->statement);
    if (rc == SQLITE_ROW) {
        return true;
    }
    if (rc != SQLITE_DONE) {
        note_fault(q, sqlite3_extended_errcode(q->tx->db), sqlite3_sql(q->statement));
    }
    return false;
}

int64_t query_i64(struct query *q, int column)
{
    return q->statement ? sqlite3_column_int64(q->statement, column) : 0;
}

bool query_is_null(struct query *q, int column)
{
    return !q->statement || sqlite3_column_type(q->statement, column) == SQLITE_NULL;
}

int64_t query_time(struct query *q, int column)
{
    return query_is_null(q, column) ? INT64_MIN : query_i64(q, column);
}

struct str query_str(struct query *q, int column)
{
    if (query_is_null(q, column)) {
        return (struct str){NULL, 0};
    }
    const void *text = sqlite3_column_blob(q->statement, column); /* NULL for an empty one */
    int len = sqlite3_column_bytes(q->statement, column);
    return text ? str_from(text, (size_t)len) : STR("");
}

struct str query_str_copy(struct query *q, int column, struct arena *arena)
{
    struct str text = query_str(q, column);
    return text.ptr ? arena_str(arena, text) : text;
}

struct uuid query_uuid(struct query *q, int column)
{
    struct uuid uuid = {{0}};
    struct str bytes = query_str(q, column);
    if (bytes.len == sizeof uuid.bytes) {
        memcpy(uuid.bytes, bytes.ptr, sizeof uuid.bytes);
    }
    return uuid;
}

enum err query_finish(struct query *q)
{
    if (!q->stepped) {
        query_next(q);
    }
    if (q->slot != NO_SLOT) {
        sqlite3_reset(q->statement);
        sqlite3_clear_bindings(q->statement);
        q->tx->cache[q->slot].in_use = false;
    } else if (q->statement) {
        sqlite3_finalize(q->statement);
    }
    q->statement = NULL;
    q->slot = NO_SLOT;
    q->stepped = true;
    return q->err;
}

int64_t tx_last_row(struct store_tx *tx)
{
    return sqlite3_last_insert_rowid(tx->db);
}

int64_t tx_changes(struct store_tx *tx)
{
    return sqlite3_changes64(tx->db);
}

/* Its sticky fault; ERR_OK: none. */
static enum err tx_err(const struct store_tx *tx)
{
    return tx->fault != ERR_OK ? tx->fault : tx->op_fault;
}

/* ---- the transaction ---- */

static int on_progress(void *arg)
{
    const struct store_tx *tx = arg;
    return tx->deadline_ms != 0 && clock_monotonic_ms() > tx->deadline_ms;
}

void tx_init(struct store_tx *tx, struct sqlite3 *db, bool writes)
{
    *tx = (struct store_tx){.db = db, .writes = writes};
    if (writes) {
        db_count_wal_pages(db, &tx->wal_pages);
    } else {
        sqlite3_progress_handler(db, PROGRESS_STEPS, on_progress, tx);
    }
}

static void drop_events(struct store_tx *tx, size_t from)
{
    for (size_t i = from; i < tx->event_count; i++) {
        event_unref(tx->events[i]);
    }
    tx->event_count = from;
}

void tx_deinit(struct store_tx *tx)
{
    drop_events(tx, 0);
    mem_free(tx->events);
    for (unsigned i = 0; i < tx->cache_size; i++) {
        sqlite3_finalize(tx->cache[i].statement);
    }
    mem_free(tx->cache);
    db_close(tx->db);
    *tx = (struct store_tx){0};
}

static int step_once(struct store_tx *tx, const char *sql)
{
    struct query q = {tx, NULL, ERR_OK, NO_SLOT, true};
    if (!cached_statement(&q, sql)) {
        return SQLITE_ERROR;
    }
    int rc = sqlite3_step(q.statement);
    if (rc != SQLITE_DONE && fault_is_news(classify(rc))) {
        log_event(LOG_ERROR, "store_transaction_failed", log_s("statement", sql),
                  log_i("code", sqlite3_extended_errcode(tx->db)), log_s("error", sqlite3_errmsg(tx->db)));
    }
    enum err err = query_finish(&q);
    (void)err; /* the step's code says it */
    return rc;
}

static void exec_cached(struct store_tx *tx, const char *sql)
{
    if (step_once(tx, sql) != SQLITE_DONE) {
        tx->fault = ERR_STORAGE;
    }
}

enum err tx_begin(struct store_tx *tx)
{
    assert(!tx->open && tx->event_count == 0);
    tx->fault = tx->op_fault = ERR_OK;
    tx->in_savepoint = false;
    int rc = tx->writes ? step_once(tx, "BEGIN IMMEDIATE") : step_once(tx, "BEGIN");
    tx->open = rc == SQLITE_DONE;
    return tx->open ? ERR_OK : ERR_STORAGE;
}

void tx_op_begin(struct store_tx *tx)
{
    tx->op_fault = ERR_OK;
    tx->op_event_mark = tx->event_count;
}

static void reset_all(struct store_tx *tx)
{
    for (unsigned i = 0; i < tx->cache_size; i++) {
        if (tx->cache[i].in_use) { /* left open by an operation that gave up */
            sqlite3_reset(tx->cache[i].statement);
            sqlite3_clear_bindings(tx->cache[i].statement);
            tx->cache[i].in_use = false;
        }
    }
}

enum err tx_op_end(struct store_tx *tx, enum err op_err)
{
    enum err err = op_err != ERR_OK ? op_err : tx_err(tx);
    if (err != ERR_OK) {
        drop_events(tx, tx->op_event_mark);
        reset_all(tx);
    }
    if (tx->in_savepoint && tx->fault == ERR_OK) {
        if (err != ERR_OK) {
            exec_cached(tx, "ROLLBACK TO op");
        }
        exec_cached(tx, "RELEASE op");
    }
    tx->in_savepoint = false;
    tx->op_fault = ERR_OK;
    return err;
}

void tx_rollback(struct store_tx *tx)
{
    reset_all(tx);
    if (!sqlite3_get_autocommit(tx->db)) { /* some faults have rolled back already */
        step_once(tx, "ROLLBACK");
    }
    drop_events(tx, 0);
    tx->open = false;
    tx->in_savepoint = false;
}

enum err tx_commit(struct store_tx *tx)
{
    if (tx->fault == ERR_OK && step_once(tx, "COMMIT") == SQLITE_DONE) {
        tx->open = false;
        return ERR_OK;
    }
    tx_rollback(tx);
    return ERR_STORAGE;
}

void store_tx_emit(struct store_tx *tx, struct event *event)
{
    if (tx->event_count == tx->event_room) {
        tx->event_room = tx->event_room ? tx->event_room * 2 : 16;
        tx->events = mem_realloc(tx->events, tx->event_room * sizeof *tx->events);
    }
    tx->events[tx->event_count++] = event;
}

void tx_deliver_events(struct store_tx *tx, struct event_bus *bus)
{
    if (!bus) {
        drop_events(tx, 0);
        return;
    }
    for (size_t i = 0; i < tx->event_count; i++) {
        event_bus_emit(bus, tx->events[i]);
    }
    tx->event_count = 0;
}
