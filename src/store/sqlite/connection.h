/* A connection with its statement cache and the running transaction: what a lane's thread owns and what `struct
 * store_tx` means to the port functions. Used by the lanes and the day files; port functions see tx.h only. */
#ifndef MUSTER_STORE_SQLITE_CONNECTION_H
#define MUSTER_STORE_SQLITE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "store/sqlite/db.h"
#include "store/sqlite/tx.h"

struct event;
struct event_bus;
struct day_writer;
struct day_readers;

struct cached_statement {
    const char *sql; /* the literal's address is the key; NULL: free slot */
    struct sqlite3_stmt *statement;
    bool in_use;
};

struct store_tx {
    struct sqlite3 *db;
    bool writes;                     /* BEGIN IMMEDIATE and savepoints; else a read transaction */
    bool no_savepoints;              /* a failing operation loses the whole transaction (day files: one insert each) */
    bool open;                       /* between tx_begin and tx_commit or tx_rollback */
    bool in_savepoint;               /* of the running operation, made before its first write */
    enum err fault;                  /* sticky: the whole batch is lost */
    enum err op_fault;               /* of the running operation: only it is lost */
    struct cached_statement *cache;  /* open addressing, power of two */
    unsigned cache_size, cache_count;
    struct event **events;           /* emitted in this transaction, in order */
    size_t event_count, event_room;
    size_t op_event_mark;
    uint64_t deadline_ms;            /* monotonic; queries of a reader are ended after it; 0: none */
    unsigned wal_pages;              /* of writers: frames in the log */
    struct day_writer *day_writer;   /* the telemetry lane's, else NULL */
    struct day_readers *day_readers; /* open day files of a reading lane, or NULL */
};

/* `tx` takes the connection. */
void tx_init(struct store_tx *tx, struct sqlite3 *db, bool writes);
void tx_deinit(struct store_tx *tx); /* finalises the statements and closes; also of a zeroed one */

enum err tx_begin(struct store_tx *tx) MUST_CHECK;
void tx_op_begin(struct store_tx *tx);
/* Keeps or undoes what the operation wrote and emitted. Returns its result: the operation's own, or the fault that it
 * did not notice. */
enum err tx_op_end(struct store_tx *tx, enum err op_err);
enum err tx_commit(struct store_tx *tx) MUST_CHECK; /* on failure everything is rolled back and no event is kept */
void tx_rollback(struct store_tx *tx);
/* Delivers the events of the committed transaction; NULL bus: drops them. */
void tx_deliver_events(struct store_tx *tx, struct event_bus *bus);

#endif
