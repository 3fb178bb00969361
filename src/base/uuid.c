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

bool uuid_parse(struct str text, struct uuid *ret_uuid)
{
    struct uuid uuid;
    if (text.len != UUID_TEXT_BYTES - 1) {
        return false;
    }
    for (size_t i = 0; i < GROUPS; i++) {
        if (i > 0 && text.ptr[groups[i].text_at - 1] != '-') {
            return false;
        }
        struct str digits = str_sub(text, groups[i].text_at, (size_t)groups[i].bytes * 2);
        if (!hex_decode(digits, uuid.bytes + groups[i].byte_at, groups[i].bytes)) {
            return false;
        }
    }
    *ret_uuid = uuid;
    return true;
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
