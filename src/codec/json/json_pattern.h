/* Regular expressions of JSON Schema (ECMA 262 as near as PCRE2 comes), with bounds on what a match may cost. */
#ifndef MUSTER_CODEC_JSON_PATTERN_H
#define MUSTER_CODEC_JSON_PATTERN_H

#include <stdbool.h>

#include "base/str.h"

#define JSON_PATTERN_BYTES_MAX 4096

struct json_pattern;

/* NULL: not a regular expression, too long, or more than the compiler is allowed. The caller frees it. */
struct json_pattern *json_pattern_new(struct str text);
void json_pattern_free(struct json_pattern *pattern); /* NULL is accepted */

enum json_pattern_result { PATTERN_MATCHES, PATTERN_DIFFERS, PATTERN_TOO_COSTLY };
/* Whether it matches anywhere in `text`, which is valid UTF-8. */
enum json_pattern_result json_pattern_match(const struct json_pattern *pattern, struct str text);

#endif
