/* Requests counted per principal in fixed windows (device-api.md 1.8). A window begins with a principal's first request;
 * requests that are refused do not prolong it. Memory is fixed: when too many principals are active at once, the one
 * whose window began first is forgotten. Any thread. */
#ifndef MUSTER_API_RATE_LIMIT_H
#define MUSTER_API_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct rate_limit;

#define RATE_WINDOW_MS 30000u

struct rate_limit *rate_limit_new(void);
void rate_limit_free(struct rate_limit *limit); /* NULL is accepted */
/* Counts one request of `key` (a keyed hash). False: more than `max` in this window; *ret_retry_after_s is the time to
 * its end, at least 1. `max` 0: no limit. */
bool rate_limit_take(struct rate_limit *limit, uint64_t key, uint64_t max, uint64_t now_ms, unsigned *ret_retry_after_s);

#endif
