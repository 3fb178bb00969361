/* What has to be tidied up once in a while: idle portal sessions, replies kept for repeats, old audit rows; and the times
 * of last use that are written lazily. */
#ifndef MUSTER_MODEL_HOUSEKEEPING_H
#define MUSTER_MODEL_HOUSEKEEPING_H

struct domain;

#define HOUSEKEEPING_INTERVAL_MS 60000

/* Once a second, from one thread; works once a minute. */
void housekeeping_tick(struct domain *domain);

#endif
