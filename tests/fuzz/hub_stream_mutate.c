/* Mutations of hub_stream_fuzz.c's inputs step by step: bytes that move by one make every later step another one, and what a
 * long conversation says depends on its order. Half of the mutations are libFuzzer's own. */
#include <stdint.h>
#include <string.h>

#include "hub_stream.h"

#define STEP_BYTES_MAX 8
#define PLACES_MAX 1024

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static uint64_t state;

static unsigned chance(unsigned below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

static uint8_t one_of(const char *choices, size_t count)
{
    return (uint8_t)choices[chance((unsigned)count)];
}
#define ONE_OF(literal) one_of(literal, sizeof(literal) - 1)

static uint8_t any_byte(void)
{
    return (uint8_t)chance(256);
}

static size_t step_put(uint8_t *out, enum world_step step, uint8_t amount)
{
    out[0] = (uint8_t)((unsigned)step << 2 | chance(4));
    out[1] = amount;
    return 2;
}

static size_t packet_put(uint8_t *out, enum world_step step, uint8_t kind, uint8_t a, uint8_t b, uint8_t c)
{
    size_t len = step_put(out, step, kind);
    out[len] = a;
    out[len + 1] = b;
    out[len + 2] = c;
    return len + 3;
}

static size_t publish_put(uint8_t *out)
{
    uint8_t topic = ONE_OF("\0\0\0\1\2\7\10");
    uint8_t flags = ONE_OF("\0\1\2\2") | (chance(12) ? 0 : 4) | (chance(8) ? 0 : 8) | (chance(16) ? 0 : 32);
    return packet_put(out, WORLD_PACKET, 0, flags, (uint8_t)(chance(8) | (topic == 2 ? 128u : 0u)), topic);
}

static size_t subscribe_put(uint8_t *out)
{
    uint8_t options = chance(3) ? 0 : any_byte() & (4 | 8 | 64);
    return packet_put(out, WORLD_PACKET, 4, ONE_OF("\0\1\2\2") | options, any_byte(), ONE_OF("\0\0\1\2\3\7\10\11\14\15"));
}

static size_t login_put(uint8_t *out)
{
    bool rare = chance(3) == 0;
    size_t len = step_put(out, rare ? WORLD_RARE_LOGIN : WORLD_LOGIN, rare ? any_byte() & 127 : ONE_OF("\0\0\2\3\5\5"));
    if (!rare) {
        out[1] |= (uint8_t)((chance(4) ? 0u : 8u) | (chance(4) ? 16u : 0u) | (chance(4) ? 0u : 32u) | (chance(8) ? 0u : 128u));
    }
    out[len++] = rare ? any_byte() : (uint8_t)((chance(3) ? 0u : 1u + 2u * chance(16)) | (chance(2) ? 128u : 0u));
    if (rare) {
        out[len++] = any_byte();
    }
    return len;
}

static size_t world_put(uint8_t *out)
{
    static const struct {
        enum world_step step;
        uint8_t amount_below; /* 0: any */
    } steps[] = {{WORLD_CLOSE, 1}, {WORLD_ADVANCE, 60}, {WORLD_HOLD, 1},  {WORLD_HOLD, 1},  {WORLD_RELEASE, 0}, {WORLD_RELEASE, 0},
                 {WORLD_FAIL, 2},  {WORLD_FAIL, 2},     {WORLD_BLOCK, 2}, {WORLD_RESTART, 1}, {WORLD_PUSH, 0},  {WORLD_EVENT, 7},
                 {WORLD_LIMIT, 17}, {WORLD_OWNER, 12},  {WORLD_RARE_EVENT, 0}};
    unsigned which = chance(sizeof steps / sizeof steps[0]);
    return step_put(out, steps[which].step, steps[which].amount_below ? (uint8_t)chance(steps[which].amount_below) : any_byte());
}

static size_t new_step(uint8_t *out)
{
    unsigned kind = chance(20);
    return kind < 7    ? publish_put(out)
           : kind < 9  ? subscribe_put(out)
           : kind < 13 ? packet_put(out, WORLD_RARE_PACKET, (uint8_t)(128 + 1 + chance(6)), 0, 0, 0) /* acknowledges */
           : kind < 14 ? packet_put(out, WORLD_RARE_PACKET, (uint8_t)chance(8), any_byte(), any_byte(), any_byte())
           : kind < 15 ? packet_put(out, WORLD_PACKET, (uint8_t)(6 + chance(18)), (uint8_t)chance(4), (uint8_t)chance(8), any_byte())
           : kind < 17 ? login_put(out)
                       : world_put(out);
}

/* Where steps begin, with the end; the first byte is none. */
static unsigned find_places(const uint8_t *data, size_t size, size_t *ret_places)
{
    unsigned count = 0;
    size_t at = 1;
    while (at + 2 <= size && count + 1 < PLACES_MAX) {
        unsigned number = data[at] >> 2;
        unsigned step = number < WORLD_OWNER ? number % WORLD_STEP_COUNT : number;
        size_t more = step == WORLD_SEND                                  ? data[at + 1]
                      : step == WORLD_LOGIN                               ? 1
                      : step == WORLD_RARE_LOGIN                          ? 2
                      : step == WORLD_PACKET || step == WORLD_RARE_PACKET ? 3
                                                                          : 0;
        ret_places[count++] = at;
        at += 2 + more;
    }
    ret_places[count] = at < size ? at : size;
    return count;
}

/* Puts `len` bytes in place of [from, to). */
static size_t splice(uint8_t *data, size_t size, size_t max_size, size_t from, size_t to, const uint8_t *bytes, size_t len)
{
    if (size - (to - from) + len > max_size) {
        return size;
    }
    memmove(data + from + len, data + to, size - to);
    memcpy(data + from, bytes, len);
    return size - (to - from) + len;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    static size_t places[PLACES_MAX];
    uint8_t step[STEP_BYTES_MAX], copy[2 + 255];
    state = seed;
    unsigned count = size < 3 ? 0 : find_places(data, size, places);
    if (count == 0 || chance(2) == 0) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    for (unsigned times = 1 + chance(4); times > 0; times--) {
        count = find_places(data, size, places);
        unsigned which = chance(count + 1), other = chance(count + 1);
        bool has_step = which < count && places[which + 1] - places[which] <= sizeof copy;
        size_t len = has_step ? places[which + 1] - places[which] : 0;
        switch (chance(5)) {
        case 0: /* drop */
            size = count > 1 ? splice(data, size, max_size, places[which], places[which] + len, step, 0) : size;
            break;
        case 1: /* say it again, elsewhere */
            memcpy(copy, data + places[which], len);
            size = splice(data, size, max_size, places[other], places[other], copy, len);
            break;
        case 2: /* somebody else says it */
            if (has_step) {
                data[places[which]] = (uint8_t)((data[places[which]] & ~3u) | chance(4));
            }
            break;
        default:
            size = splice(data, size, max_size, places[which], places[which], step, new_step(step));
            break;
        }
    }
    return size;
}
