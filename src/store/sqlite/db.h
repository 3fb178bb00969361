/* Connections to SQLite files under one discipline: WAL with synchronous=FULL; per file exactly one
 * connection writes and checkpoints; readers never write, never checkpoint and hold no snapshot longer than one
 * operation. One thread uses a connection at a time. */
#ifndef MUSTER_STORE_SQLITE_DB_H
#define MUSTER_STORE_SQLITE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sqlite3;

enum db_mode {
    DB_WRITER, /* makes the file when absent; the only one that checkpoints */
    DB_READER, /* query_only; the file must exist */
};

/* Opens and configures. Logs its failure. ERR_NOT_FOUND: a reader's file does not exist. */
enum err db_open(const char *path, enum db_mode mode, struct sqlite3 **ret_db) MUST_CHECK;
void db_close(struct sqlite3 *db); /* NULL is accepted; statements must be finalised */
/* Statements without a result, executed once: schema and pragmas. Logs its failure. */
enum err db_exec(struct sqlite3 *db, const char *sql) MUST_CHECK;
enum err db_read_number(struct sqlite3 *db, const char *sql, int64_t *ret_value) MUST_CHECK;
/* Empties the page cache, which fills again as it is needed. */
void db_shrink(struct sqlite3 *db);
size_t db_cache_bytes(struct sqlite3 *db);
int64_t db_changes(struct sqlite3 *db); /* rows changed since it was opened */
/* Counts the frames of the write-ahead log into *counter after each commit. */
void db_count_wal_pages(struct sqlite3 *db, unsigned *counter);

enum db_checkpoint {
    CHECKPOINT_PASSIVE,  /* as much as readers allow, without waiting */
    CHECKPOINT_RESTART,  /* waits for readers, so that the log starts over */
    CHECKPOINT_TRUNCATE, /* likewise, and empties the file: at the end */
};
/* True when the whole log is in the database file. */
bool db_checkpoint(struct sqlite3 *db, enum db_checkpoint how);

#endif
