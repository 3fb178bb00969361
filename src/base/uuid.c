#include "base/uuid.h"

#include "base/crypto.h"

struct uuid uuid_random(void)
{
    struct uuid uuid;
    random_bytes(uuid.bytes, sizeof uuid.bytes);
    uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40); /* version 4 */
    uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
    return uuid;
}

static const struct {
    uint8_t text_at;
    uint8_t byte_at;
    uint8_t bytes;
} groups[] = {{0, 0, 4}, {9, 4, 2}, {14, 6, 2}, {19, 8, 2}, {24, 10, 6}};

#define GROUPS (sizeof groups / sizeof groups[0])

/* Every topic of a device has one: by table, without branches. The value and one; 0: no hexadecimal digit. */
static const uint8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

bool uuid_parse(struct str text, struct uuid *ret_uuid)
{
    static const uint8_t places[sizeof ret_uuid->bytes] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    struct uuid uuid;
    if (text.len != UUID_TEXT_BYTES - 1) {
        return false;
    }
    const unsigned char *at = (const unsigned char *)text.ptr;
    bool valid = at[8] == '-' && at[13] == '-' && at[18] == '-' && at[23] == '-';
    for (size_t i = 0; i < sizeof uuid.bytes; i++) {
        unsigned high = hex_values[at[places[i]]];
        unsigned low = hex_values[at[places[i] + 1]];
        valid = valid && high != 0 && low != 0;
        uuid.bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    if (valid) {
        *ret_uuid = uuid;
    }
    return valid;
}

void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_BYTES])
{
    for (size_t i = 0; i < GROUPS; i++) {
        char *at = ret_text + groups[i].text_at;
        hex_encode(uuid->bytes + groups[i].byte_at, groups[i].bytes, at);
        at[groups[i].bytes * 2] = i + 1 < GROUPS ? '-' : '\0';
    }
}

bool uuid_is_nil(const struct uuid *uuid)
{
    static const struct uuid nil;
    return uuid_eq(uuid, &nil);
}
