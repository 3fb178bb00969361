/* Failed CONNECTs, counted by address and by (address, client id) in windows of 30 s (mqtt.md 2.1), never by id alone.
 * A fixed table: under pressure an old entry gives way, so memory is bounded. Any thread. */
#ifndef MUSTER_HUB_FAILURES_H
#define MUSTER_HUB_FAILURES_H

#include <stdint.h>

struct failures;

struct failures *failures_new(void);
void failures_free(struct failures *failures);
/* Counts one; returns the failures of this key in the running window, with this one. */
uint32_t failures_count(struct failures *failures, uint64_t key_hash, uint64_t now_ms);
uint32_t failures_get(struct failures *failures, uint64_t key_hash, uint64_t now_ms);

#endif
