/* The Range header (RFC 9110 section 14) for one range of bytes. */
#ifndef MUSTER_CODEC_HTTP1_BYTE_RANGE_H
#define MUSTER_CODEC_HTTP1_BYTE_RANGE_H

#include "base/str.h"

enum byte_range_result {
    BYTE_RANGE_WHOLE,         /* no range, several, or none that can be read: the header is to be ignored */
    BYTE_RANGE_PART,          /* *ret_from and *ret_length, which is not 0 */
    BYTE_RANGE_UNSATISFIABLE, /* 416 */
};

/* `value` ptr NULL: there is no such header. */
enum byte_range_result byte_range_parse(struct str value, uint64_t size, uint64_t *ret_from, uint64_t *ret_length);
/* If-None-Match and If-Range: true if the list holds this entity tag (weak comparison) or "*". */
bool etag_list_has(struct str list, struct str etag);

#endif
