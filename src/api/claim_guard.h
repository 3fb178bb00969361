/* Failed claims are counted (management-api.md 1.7): whoever guesses identifiers is slowed down. */
#ifndef MUSTER_API_CLAIM_GUARD_H
#define MUSTER_API_CLAIM_GUARD_H

#include "api/admin_call.h"

struct claim_guard {
    struct domain *domain;
    struct str address, account; /* in the call's arena */
    uint64_t account_max, address_max;
};

/* On the thread that has the call. */
void claim_guard_init(struct claim_guard *guard, struct call *call);
/* Counts an attempt. False: too many; *ret_retry_after_s says when the next may be made. Any thread, as below. */
bool claim_guard_take(const struct claim_guard *guard, unsigned *ret_retry_after_s);
/* It was no guess: it does not count. */
void claim_guard_give_back(const struct claim_guard *guard);
/* Around one claim; `run` says whether it was no guess. */
void claim_guarded(struct call *call, struct store_tx *tx,
                   bool (*run)(struct admin *admin, struct store_tx *tx, const struct json *body));

#endif
