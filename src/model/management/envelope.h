/* The envelopes of paged lists (management-api.md 1.5), chosen by the tenant that asks. */
#ifndef MUSTER_MODEL_ENVELOPE_H
#define MUSTER_MODEL_ENVELOPE_H

#include "codec/json/json.h"
#include "model/ports/row.h"
#include "model/account/principal.h"
#include "model/reply.h"

/* Usage: envelope_begin; write the page's rows as array elements of `w`; envelope_end with the total count. The reply
 * gets status 200. */
struct envelope {
    struct json_writer w;
    struct reply *reply;
    enum tenant_kind kind;
    struct page page;
};
void envelope_begin(struct envelope *envelope, struct reply *reply, enum tenant_kind kind, struct page page);
void envelope_end(struct envelope *envelope, int64_t total_count);

#endif
