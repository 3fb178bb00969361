#include "codec/json/json_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/mem.h"

/* A match that needs more than this is given up: patterns come from people who may not know how costly theirs is. */
#define MATCH_STEPS_MAX 5000
#define MATCH_DEPTH_MAX 1000
#define MATCH_HEAP_KIB_MAX 1024
#define NESTING_MAX 50

struct json_pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *data;
};

/* As ECMA 262 has it: \u escapes, "$" only at the end, [] that matches nothing, a group not set matches "". */
#define OPTIONS \
    (PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF | \
     PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP)

static pcre2_code *compile(struct str text)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) {
        return NULL;
    }
    pcre2_set_parens_nest_limit(context, NESTING_MAX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(const void *)text.ptr, text.len, OPTIONS, &error, &offset, context);
    pcre2_compile_context_free(context);
    return code;
}

struct json_pattern *json_pattern_new(struct str text)
{
    if (text.len > JSON_PATTERN_BYTES_MAX || str_starts_with(text, STR("(*"))) { /* PCRE2's own options are no ECMA */
        return NULL;
    }
    struct json_pattern *pattern = mem_new(struct json_pattern);
    pattern->code = compile(text);
    if (pattern->code) {
        pattern->limits = pcre2_match_context_create(NULL);
        pattern->data = pcre2_match_data_create(1, NULL);
    }
    if (!pattern->limits || !pattern->data) {
        json_pattern_free(pattern);
        return NULL;
    }
    pcre2_set_match_limit(pattern->limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(pattern->limits, MATCH_DEPTH_MAX);
    pcre2_set_heap_limit(pattern->limits, MATCH_HEAP_KIB_MAX);
    return pattern;
}

void json_pattern_free(struct json_pattern *pattern)
{
    if (pattern) {
        pcre2_match_data_free(pattern->data);
        pcre2_match_context_free(pattern->limits);
        pcre2_code_free(pattern->code);
        mem_free(pattern);
    }
}

enum json_pattern_result json_pattern_match(const struct json_pattern *pattern, struct str text)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)(const void *)(text.ptr ? text.ptr : "");
    int result = pcre2_match(pattern->code, subject, text.len, 0, 0, pattern->data, pattern->limits);
    if (result >= 0) {
        return PATTERN_MATCHES;
    }
    return result == PCRE2_ERROR_NOMATCH ? PATTERN_DIFFERS : PATTERN_TOO_COSTLY;
}
