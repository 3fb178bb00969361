/* What the rows of all ports have in common. */
#ifndef MUSTER_MODEL_PORTS_ROW_H
#define MUSTER_MODEL_PORTS_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/uuid.h"

struct store_tx;

#define TIME_NONE INT64_MIN /* a time that is not there (NULL in the store, null in JSON) */

/* A page of a list, already bounded by the caller. */
struct page {
    int64_t number;   /* from 1 */
    int64_t size;     /* rows of a full page, >= 1 */
};

static inline int64_t page_offset(struct page page)
{
    return (page.number - 1) * page.size;
}

#endif
