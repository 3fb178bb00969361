/* The answer of a domain operation in the terms of its HTTP twin: a status and a compact JSON body. MQTT maps the
 * status to a reason code (mqtt.md 6). */
#ifndef MUSTER_MODEL_REPLY_H
#define MUSTER_MODEL_REPLY_H

#include "base/buf.h"
#include "base/err.h"

struct reply {
    unsigned status;          /* 0: not decided yet */
    unsigned retry_after_s;   /* of 429 and 503 */
    struct buf body;          /* JSON text */
};

void reply_init(struct reply *reply);
void reply_deinit(struct reply *reply);
/* {"error":"<text>"}; replaces what was written before. `format` never carries secrets. */
void reply_error(struct reply *reply, unsigned status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The text of an error reply ("Sn has already been taken"), borrowed from the body; empty if it is none. */
struct str reply_error_text(const struct reply *reply);
/* The reply of device-api.md 1.5 for a lane's failure: ERR_STORAGE and ERR_BUSY 503 with Retry-After, else 500. */
void reply_from_err(struct reply *reply, enum err err);
static inline bool reply_is_error(const struct reply *reply)
{
    return reply->status >= 400;
}

#endif
