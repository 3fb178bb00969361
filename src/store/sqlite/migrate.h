/* The schema of muster.db: numbered migrations (schema/NNN_name.sql, built into the program), each applied in one
 * transaction; `user_version` says how many have been. */
#ifndef MUSTER_STORE_SQLITE_MIGRATE_H
#define MUSTER_STORE_SQLITE_MIGRATE_H

#include "base/err.h"
#include "base/str.h"

struct sqlite3;

/* Brings the database of a writer's connection to the newest schema. ERR_STATE: it was written by a newer Muster
 * (logged, nothing is changed). */
enum err migrate(struct sqlite3 *db) MUST_CHECK;
/* Likewise with the given migrations: for tests, and for the day files. */
enum err migrate_with(struct sqlite3 *db, const struct str *migrations, unsigned count) MUST_CHECK;

#endif
