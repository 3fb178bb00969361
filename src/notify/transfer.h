/* One errand on the wire (libcurl). On the sender's thread. */
#ifndef MUSTER_NOTIFY_TRANSFER_H
#define MUSTER_NOTIFY_TRANSFER_H

#include "model/settings.h"
#include "notify/errand.h"

struct transfers; /* all of them: connections are kept and used again */
struct transfer;

struct transfers *transfers_new(void);
void transfers_free(struct transfers *transfers); /* ends what is under way; errands stay their owner's */

/* Borrows the errand until transfers_next gives it back, and the settings. */
void transfer_start(struct transfers *transfers, struct errand *errand, const struct settings *settings);
/* Moves bytes, waits up to `timeout_ms` for more or for transfers_wake. */
void transfers_run(struct transfers *transfers, int timeout_ms);
/* Any thread. */
void transfers_wake(struct transfers *transfers);
/* An errand that ended, with its result; NULL: none did. */
struct errand *transfers_next(struct transfers *transfers);
/* Ends the rest without a result: NULL when there is none left. */
struct errand *transfers_abandon(struct transfers *transfers);

#endif
