/* What is to be sent now: one reading operation that finds it and makes errands of it. */
#ifndef MUSTER_NOTIFY_TAKE_H
#define MUSTER_NOTIFY_TAKE_H

#include "model/domain.h"
#include "notify/errand.h"

/* How much runs at a time: in all, and of one tenant, so that one whose server does not answer holds up nobody else. */
enum { CALLS_AT_ONCE = 64, CALLS_OF_TENANT_AT_ONCE = 8, MAILS_AT_ONCE = 4 };

struct take {
    struct op op;
    struct domain *domain;
    int64_t now;               /* unix ms */
    struct busy_errand {
        enum errand_kind kind;
        int64_t no;
    } *busy;                   /* a copy of what is under way; freed with take_free */
    size_t busy_count;
    size_t calls_busy, mails_busy;
    int after_kind;            /* whose turn it is: tenants from behind this one on */
    int64_t after_no;
    /* result */
    struct list errands;
    size_t calls, mails;       /* how many of each */
    int64_t next_due_at;       /* when something is due that is not now; TIME_NONE: nothing is */
};

/* Fills lane and run; home and done are the caller's, before op_submit. */
void take_prepare(struct take *take);
void take_free(struct take *take); /* and the errands still in it */

#endif
