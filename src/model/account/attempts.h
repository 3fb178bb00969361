/* Failed attempts at guessing something, counted per (address, account) and per address in fixed one-minute windows
 * (management-api.md 1.7). An attempt counts from its start, so that many at once do not slip through, and is given back
 * when it succeeds. Bounded: with too many different guessers in one minute the
 * account counter is dropped first, the address counter still holds. Any thread. */
#ifndef MUSTER_MODEL_ATTEMPTS_H
#define MUSTER_MODEL_ATTEMPTS_H

#include "base/str.h"

struct attempts;

struct attempts_limits {
    uint64_t account_max; /* a minute of one address for one account; 0: no limit */
    uint64_t address_max; /* a minute of one address; 0: no limit */
};

struct attempts *attempts_new(void);
void attempts_free(struct attempts *attempts); /* NULL is accepted */
/* `address` as text; an IPv6 network of 64 bits counts as one.
 * Counts an attempt. False: over a limit, nothing was counted; *ret_retry_after_s says when the window ends (>= 1). */
bool attempts_take(struct attempts *attempts, int64_t now_unix_ms, struct str address, struct str account,
                   struct attempts_limits limits, unsigned *ret_retry_after_s);
/* The attempt succeeded: it does not count. */
void attempts_give_back(struct attempts *attempts, int64_t now_unix_ms, struct str address, struct str account);

#endif
