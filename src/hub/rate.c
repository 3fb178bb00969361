#include "hub/connection.h"

#define WINDOW_MS 30000u
#define WINDOWS_OVER_MAX 3u

/* The first packet over the limit in a window is held back (it is handed in again and counted then); what follows in
 * the same window is refused. A version that cannot refuse is only ever slowed down. */
enum rate_result rate_count(struct rate *rate, uint64_t now_ms, uint64_t limit, bool can_refuse)
{
    uint32_t window = (uint32_t)(now_ms / WINDOW_MS);
    if (window != rate->window) {
        bool followed = window == rate->window + 1 && rate->slowed;
        rate->over = followed ? rate->over : 0;
        rate->window = window;
        rate->count = 0;
        rate->slowed = false;
    }
    if (limit == 0 || rate->count < limit) {
        rate->count++;
        return RATE_OK;
    }
    if (!rate->slowed) {
        rate->slowed = true;
        rate->over++;
        return rate->over >= WINDOWS_OVER_MAX ? RATE_CLOSE : RATE_SLOW;
    }
    return can_refuse ? RATE_OVER : RATE_SLOW;
}
