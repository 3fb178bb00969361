/* Seals telemetry segments that have ended: SQLite file in, sealed file out (segments.h says in which order, so that a
 * crash at any point loses and doubles nothing). On a thread of its own, at a low priority; it touches nothing that is
 * being written, so appending never waits for it. What fails (a full disk) is tried again later; the rows stay readable
 * where they are. */
#ifndef MUSTER_STORE_TELEMETRY_SEALER_H
#define MUSTER_STORE_TELEMETRY_SEALER_H

#include "store/telemetry/segments.h"

struct sealer;

/* The steps of one segment, in order; a step is done when it is told. */
enum seal_step { SEAL_WRITTEN, SEAL_NAMED, SEAL_ON_DISK, SEAL_PUBLISHED, SEAL_DONE };

struct sealer *sealer_new(struct segments *segments);
void sealer_free(struct sealer *sealer); /* stops it; NULL is accepted */
/* Rows for which this is false are left out: of deleted devices and of former owners. Before sealer_start. */
void sealer_set_keep(struct sealer *sealer, bool (*keep)(void *arg, int64_t device_no, uint32_t epoch), void *arg);
/* Told of every step, on the sealing thread: for tests that kill the process there. */
void sealer_set_on_step(struct sealer *sealer, void (*on_step)(enum seal_step step));

enum err sealer_start(struct sealer *sealer) MUST_CHECK;
void sealer_stop(struct sealer *sealer); /* gives up what it is at; at most one chunk later */

/* Seals all that wait, on the calling thread, while the thread does not run. False: some failed. */
bool sealer_run(struct sealer *sealer);

#endif
