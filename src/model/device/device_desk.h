/* The device domain's state that is neither a row nor a hot record. For the files of this folder only. */
#ifndef MUSTER_MODEL_DEVICE_DESK_H
#define MUSTER_MODEL_DEVICE_DESK_H

#include <pthread.h>
#include <stdatomic.h>

#include "model/ports/registration_store.h"

/* Refused registrations that wait to be logged: one entry per (address, identity), written by the next operation, so
 * that a flood of refusals costs few rows and no caller a commit (device-api.md 1.8.5). */
struct domain;

enum { REFUSALS_WAITING_MAX = 64 };

struct refusal {
    struct registration_entry entry; /* its strings are the refusal's own */
    int64_t holder_no;               /* the device that has the identity; 0: none */
};

struct attempts;

struct device_desk {
    struct attempts *claim_attempts; /* failed ones (management-api.md 1.7) */
    pthread_mutex_t lock;
    struct refusal refusals[REFUSALS_WAITING_MAX]; /* under lock, likewise below */
    unsigned refusal_count;
    bool refusals_under_way;
    _Atomic bool commands_under_way; /* the ticker's operation */
    _Atomic bool rollouts_under_way; /* their slices */
    _Atomic bool purge_under_way;
    _Atomic bool purge_wanted;
};

void refusal_deinit(struct refusal *refusal);
/* A slice of what awaits the purge, unless one is under way. Any thread. */
void purge_tick(struct domain *domain);

#endif
