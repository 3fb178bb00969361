/* Fewer wake-ups for sparse traffic.
 *
 * A loop that sleeps and is woken for each event by itself spends more on being woken than on the event, and each burst
 * of its own output wakes its peers as well. While that is how its time goes, it begins its turns no closer together than
 * a span of a few hundred microseconds: what arrives meanwhile is served in one turn. (Network cards hold interrupts back
 * for the same reason.) It costs up to that span in latency, so it is done only where it pays: not when turns have
 * several events anyway, as those of a busy loop do, nor when so many events come that they are better served at once, and
 * not for peers that wait for our answer before they send more; these are known by their traffic becoming less. Pure: the
 * caller brings the time. */
#ifndef MUSTER_IO_GATHER_H
#define MUSTER_IO_GATHER_H

#include <stdbool.h>
#include <stdint.h>

/* What a window of time says. */
enum gather_verdict { GATHER_GO_ON, GATHER_BEGIN, GATHER_GIVE_UP, GATHER_END };

struct gather {
    uint32_t span_us;         /* 0: never */
    bool is_on;
    uint64_t turn_us;         /* when this turn began */
    uint64_t window_us;       /* when counting began */
    uint32_t turns, events;   /* since then */
    enum gather_verdict verdict;
    uint32_t agreed;          /* windows in a row that have said so */
    uint32_t rate_before;     /* events/s when it was begun */
    uint32_t back_off_us;     /* how long it is left alone when it does not pay */
    uint64_t not_before_us;
};

void gather_init(struct gather *gather, uint32_t span_us, uint64_t now_us);
/* A turn begins with that many events. */
void gather_turn(struct gather *gather, uint64_t now_us, unsigned events);
/* Before the loop waits for the next one: until when it rather does not look; 0: no such time. */
uint64_t gather_until_us(const struct gather *gather);

#endif
