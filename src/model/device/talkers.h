/* Which devices send most (management-api.md 10.2): MQTT publishes and HTTP calls of the last minute, in bounded memory
 * whatever the number of devices. Each loop counts for itself, without locks; readers add up.
 *
 * Counting is by space-saving in sets of four: a device that is not among the four of its set takes the place of the one
 * with the fewest, whose count it inherits as the error of its own. What is told is count less error: never more than
 * was sent, and nearly all of it for a device that sends more than a hundredth of what its loop receives. */
#ifndef MUSTER_MODEL_TALKERS_H
#define MUSTER_MODEL_TALKERS_H

#include <stddef.h>
#include <stdint.h>

struct talkers;

#define TALKERS_WINDOW_S 60

struct talker {
    int64_t device_no;
    uint64_t messages; /* at least */
};

struct talkers *talkers_new(void);
void talkers_free(struct talkers *talkers); /* NULL is accepted */
/* One message of a device. `loop` is the number of the caller's loop; only its thread may use it. `now_ms` of a monotonic
 * clock that all loops share. NULL is accepted. */
void talkers_add(struct talkers *talkers, unsigned loop, int64_t device_no, uint64_t now_ms);
/* Those that sent most in the last minute, most first; returns how many, at most `max`. Any thread. */
size_t talkers_top(const struct talkers *talkers, uint64_t now_ms, struct talker *ret_top, size_t max);

#endif
