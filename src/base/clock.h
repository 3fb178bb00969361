/* Time. Pure cores get the time as an argument; only the edges call these. */
#ifndef MUSTER_BASE_CLOCK_H
#define MUSTER_BASE_CLOCK_H

#include "base/buf.h"
#include "base/str.h"

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
int64_t clock_unix_ms(void); /* milliseconds since 1970, UTC */

#define TIME_TEXT_BYTES 25 /* "2026-03-01T10:15:00.250Z" and its NUL */
/* Writes unix_ms as 2026-03-01T10:15:00.250Z (device-api.md 1.6.2). */
void time_format(int64_t unix_ms, char ret_text[TIME_TEXT_BYTES]);
/* ISO 8601 with or without fraction and zone (no zone = UTC), e.g. 2026-03-01, 2026-03-01T10:15:00+01:00
 * (device-api.md 1.6.3). False: not a time. */
bool time_parse_iso(struct str text, int64_t *ret_unix_ms);
/* A number as epoch seconds, or epoch milliseconds from 10^11 on. False: out of range. */
bool time_from_number(double value, int64_t *ret_unix_ms);

#endif
