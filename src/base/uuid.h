/* UUIDs (version 4), 16 raw bytes inside, lowercase text outside (device-api.md 1.6.1). */
#ifndef MUSTER_BASE_UUID_H
#define MUSTER_BASE_UUID_H

#include "base/str.h"

#define UUID_TEXT_BYTES 37
struct uuid {
    uint8_t bytes[16];
};

struct uuid uuid_random(void);
bool uuid_parse(struct str text, struct uuid *ret_uuid); /* 36 characters, any case */
void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_BYTES]);
static inline bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
bool uuid_is_nil(const struct uuid *uuid);

#endif
