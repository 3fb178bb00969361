#include "io/gather.h"

#define WINDOW_US 10000u
#define LULL_US 40000u           /* a window this long: the traffic has paused */
#define TURNS_PER_SECOND_MIN 6000u
#define EVENTS_PER_TURN_BEGIN 2u /* as many each turn are not worth waiting for more */
/* More than this is traffic that wants to be quick more than it needs to be cheap. It ends above where it begins: a rate
 * in between does not turn it on and off all the time, which is neither quick nor cheap. */
#define EVENTS_PER_SECOND_BEGIN 24000u
#define EVENTS_PER_SECOND_END 32000u
#define WINDOWS_THAT_AGREE 4u
#define BACK_OFF_FIRST_US 100000u
#define BACK_OFF_MAX_US 5000000u

void gather_init(struct gather *gather, uint32_t span_us, uint64_t now_us)
{
    *gather = (struct gather){.span_us = span_us, .turn_us = now_us, .window_us = now_us,
                              .back_off_us = BACK_OFF_FIRST_US};
}

static uint32_t per_second(uint32_t count, uint64_t elapsed_us)
{
    return (uint32_t)((uint64_t)count * 1000000u / elapsed_us);
}

static void begin(struct gather *g, uint32_t rate)
{
    g->is_on = true;
    g->rate_before = rate;
}

/* The peers waited for us: try again later, and each time later still. */
static void give_up(struct gather *g, uint64_t now_us)
{
    g->is_on = false;
    g->not_before_us = now_us + g->back_off_us;
    g->back_off_us = g->back_off_us > BACK_OFF_MAX_US / 2 ? BACK_OFF_MAX_US : g->back_off_us * 2;
}

static enum gather_verdict verdict_of(const struct gather *g, uint64_t now_us, uint64_t elapsed_us, uint32_t rate)
{
    if (!g->is_on) {
        bool pays = now_us >= g->not_before_us && per_second(g->turns, elapsed_us) >= TURNS_PER_SECOND_MIN &&
                    g->events < g->turns * EVENTS_PER_TURN_BEGIN && rate < EVENTS_PER_SECOND_BEGIN;
        return pays ? GATHER_BEGIN : GATHER_GO_ON;
    }
    return rate < g->rate_before - g->rate_before / 8 ? GATHER_GIVE_UP
           : rate > EVENTS_PER_SECOND_END             ? GATHER_END
                                                      : GATHER_GO_ON;
}

/* A single window tells little: a peer that did not run for some milliseconds makes it look sparse, and busy after that. */
static void judge(struct gather *g, uint64_t now_us, uint64_t elapsed_us)
{
    uint32_t rate = per_second(g->events, elapsed_us);
    if (elapsed_us > LULL_US) {
        g->is_on = false;
        g->verdict = GATHER_GO_ON;
        return;
    }
    enum gather_verdict verdict = verdict_of(g, now_us, elapsed_us, rate);
    g->agreed = verdict == g->verdict ? g->agreed + 1 : 1;
    g->verdict = verdict;
    if (g->agreed < WINDOWS_THAT_AGREE) {
        return;
    }
    g->agreed = 0;
    switch (verdict) {
    case GATHER_BEGIN:
        begin(g, rate);
        break;
    case GATHER_GIVE_UP:
        give_up(g, now_us);
        break;
    case GATHER_END:
        g->is_on = false;
        break;
    case GATHER_GO_ON:
        if (g->is_on) {
            g->back_off_us = BACK_OFF_FIRST_US;
        }
        break;
    }
}

void gather_turn(struct gather *gather, uint64_t now_us, unsigned events)
{
    if (gather->span_us == 0) {
        return;
    }
    uint64_t elapsed_us = now_us - gather->window_us;
    if (elapsed_us >= WINDOW_US) {
        judge(gather, now_us, elapsed_us);
        gather->window_us = now_us;
        gather->turns = gather->events = 0;
    }
    gather->turn_us = now_us;
    gather->turns++;
    gather->events += events;
}

uint64_t gather_until_us(const struct gather *gather)
{
    return gather->is_on ? gather->turn_us + gather->span_us : 0;
}
