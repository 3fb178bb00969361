/* How many uploads each principal has under way: there are only so many writers to the disk (model/ports/blob_store.h), and
 * nobody may hold them all. Any thread. */
#ifndef MUSTER_API_UPLOAD_SLOTS_H
#define MUSTER_API_UPLOAD_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

struct upload_slots;

struct upload_slots *upload_slots_new(void);
void upload_slots_free(struct upload_slots *slots); /* NULL is accepted; all have been given back */
/* False: `who` has `max` already. max 0: no limit, but it counts. */
bool upload_slots_take(struct upload_slots *slots, uint64_t who, uint64_t max);
void upload_slots_give(struct upload_slots *slots, uint64_t who);

#endif
