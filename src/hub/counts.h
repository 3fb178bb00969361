/* Application sessions per tenant, and those of each open listener, over all loops (mqtt.md 9). Any thread; asked at CONNECT
 * only. */
#ifndef MUSTER_HUB_COUNTS_H
#define MUSTER_HUB_COUNTS_H

#include <stddef.h>

#include "hub/access.h"

struct session_counts;

struct session_counts *session_counts_new(void);
void session_counts_free(struct session_counts *counts);
void session_counts_change(struct session_counts *counts, enum party party, int64_t tenant_no, int change);
size_t session_counts_get(struct session_counts *counts, enum party party, int64_t tenant_no);

#endif
