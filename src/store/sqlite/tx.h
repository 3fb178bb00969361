/* For the port functions in this folder: prepared statements on the connection of the running lane. A port function
 * (declared in model/ports/, implemented in store/sqlite/<name>_store.c) looks like this:
 *
 *     enum err model_store_rename(struct store_tx *tx, int64_t no, struct str name)
 *     {
 *         struct query q;
 *         query_begin(&q, tx, "UPDATE model SET name = ?1 WHERE no = ?2");
 *         query_bind_str(&q, 1, name);
 *         query_bind_i64(&q, 2, no);
 *         return query_finish(&q);            // ERR_OK, ERR_EXISTS (unique), ERR_STORAGE
 *     }
 *
 * Statements are cached per connection by the address of the SQL literal: always pass a literal (or a static string).
 * A fault is sticky in the transaction: the lane then rolls the batch back and answers ERR_STORAGE to all of it. */
#ifndef MUSTER_STORE_SQLITE_TX_H
#define MUSTER_STORE_SQLITE_TX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"

struct store_tx;
struct sqlite3_stmt;

struct query {
    struct store_tx *tx;
    struct sqlite3_stmt *statement;
    enum err err;
    unsigned slot;   /* in the statement cache; UINT_MAX: finalised by query_finish */
    bool stepped;
};

void query_begin(struct query *q, struct store_tx *tx, const char *sql_literal);
/* A statement whose text is made at run time (lists with filters): prepared now, finalised by query_finish. */
void query_begin_dynamic(struct query *q, struct store_tx *tx, struct str sql);
void query_bind_i64(struct query *q, int index, int64_t value);
void query_bind_null(struct query *q, int index);
void query_bind_str(struct query *q, int index, struct str text);        /* ptr NULL binds null */
void query_bind_blob(struct query *q, int index, const void *data, size_t len);
void query_bind_uuid(struct query *q, int index, const struct uuid *uuid);
void query_bind_time(struct query *q, int index, int64_t unix_ms);       /* INT64_MIN binds null */
/* Next row of a SELECT (or RETURNING): true while there is one. */
bool query_next(struct query *q);
int64_t query_i64(struct query *q, int column);                          /* null reads as 0 */
bool query_is_null(struct query *q, int column);
int64_t query_time(struct query *q, int column);                         /* null reads as INT64_MIN */
struct str query_str(struct query *q, int column);                       /* borrowed until the next step; null: ptr NULL */
struct str query_str_copy(struct query *q, int column, struct arena *arena);
struct uuid query_uuid(struct query *q, int column);                     /* null reads as nil */
/* Ends the query; runs it first when no row was asked for. */
enum err query_finish(struct query *q);
int64_t tx_last_row(struct store_tx *tx);                                /* last inserted row number */
int64_t tx_changes(struct store_tx *tx);                                 /* rows changed by the last statement */

#endif
