/* The grammar of RFC 8259, checked before cJSON sees a text: cJSON takes more than JSON, and recurses. */
#ifndef MUSTER_CODEC_JSON_SCAN_H
#define MUSTER_CODEC_JSON_SCAN_H

#include "base/err.h"
#include "base/str.h"

/* One value and white space around it. Strings with U+0000 and numbers of more than JSON_NUMBER_BYTES_MAX characters
 * are refused. UTF-8 is not checked here. ERR_INVALID, or ERR_LIMIT for more than nodes_max values. */
MUST_CHECK enum err json_scan(struct str text, unsigned depth_max, size_t nodes_max);

#endif
