/* How much happens per second, over the last minute (management-api.md 10.2): the counters as they were every five
 * seconds. */
#ifndef MUSTER_MODEL_MESSAGE_RATES_H
#define MUSTER_MODEL_MESSAGE_RATES_H

#include <stdint.h>

struct json_writer;
struct message_rates;

struct message_rates *message_rates_new(void);
void message_rates_free(struct message_rates *rates); /* NULL is accepted */
/* Once a second or so, from one thread. `now_ms` of a clock that does not go back. NULL is accepted. */
void message_rates_tick(struct message_rates *rates, uint64_t now_ms);
/* {"seconds","http_requests",...}: over how long, and of each the number per second. Any thread. */
void message_rates_write(struct message_rates *rates, uint64_t now_ms, struct json_writer *w);

#endif
