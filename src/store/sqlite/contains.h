/* The SQL function of text filters (management-api.md 1.8). LIKE costs a list of 100,000 devices four times as much. */
#ifndef MUSTER_STORE_SQLITE_CONTAINS_H
#define MUSTER_STORE_SQLITE_CONTAINS_H

#include "base/err.h"

struct sqlite3;

enum { CONTAINS_SEPARATOR = 0x1F };

/* contains(needle, text, ...): 1 if one of the texts has the needle in it, ASCII letters of either case being equal;
 * an empty needle is in every text, nothing is in NULL. contains_first(needle, text): the same in what comes before the
 * text's first CONTAINS_SEPARATOR. contains_hex(digits, blob): the blob's upper-case hex digits have these in them; never
 * for no digits. */
enum err contains_register(struct sqlite3 *db);

#endif
