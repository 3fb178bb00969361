/* Checking values: a walk over schema and value together. It ends at the first failure, whose place and reason are
 * reported. Below anyOf, oneOf, not, if and contains failures are only answers: nothing is written there. */
#include "codec/json/json_schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json/json_format.h"
#include "codec/json/json_pattern.h"

#define STEPS_MAX 4000000u  /* some tenths of a second at most */
#define DEPTH_MAX 128u      /* of schemas inside each other, references followed */
#define PATTERN_STEPS 2000u
#define PATTERNS_KEPT 32
#define REFERENCE_BYTES_MAX 1024
#define SHOWN_BYTES_MAX 128

/* Where the walk is in the value. */
struct place {
    const struct place *above;
    struct str name; /* ptr NULL: an item */
    size_t index;
};

struct run {
    const struct json *root;
    struct buf *path, *reason;
    unsigned steps, depth, quiet;
    bool gave_up;
    struct {
        const struct json *node;
        struct json_pattern *pattern;
    } patterns[PATTERNS_KEPT];
    size_t pattern_count;
};

static bool check(struct run *run, const struct json *schema, const struct json *value, const struct place *place);

/* ---- failures ---- */

static void write_path(struct buf *path, const struct place *place)
{
    if (!place->above) {
        return;
    }
    write_path(path, place->above);
    if (!place->name.ptr) {
        buf_printf(path, "[%zu]", place->index);
        return;
    }
    if (place->above->above) {
        buf_append_cstr(path, ".");
    }
    buf_append_str(path, utf8_prefix(place->name, SHOWN_BYTES_MAX));
}

static bool fail(struct run *run, const struct place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct run *run, const struct place *place, const char *format, ...)
{
    if (run->quiet == 0 && buf_str(run->reason).len == 0) {
        va_list args;
        va_start(args, format);
        buf_vprintf(run->reason, format, args);
        va_end(args);
        write_path(run->path, place);
    }
    return false;
}

static bool spend(struct run *run, size_t steps)
{
    if (steps > STEPS_MAX || run->steps > STEPS_MAX - steps) {
        run->gave_up = true;
        return false;
    }
    run->steps += (unsigned)steps;
    return true;
}

/* A field by its name; the walk over the others is paid for. */
static struct json *field(struct run *run, const struct json *object, struct str name)
{
    size_t passed = 1;
    for (struct json *item = json_first(object); item; item = json_next(item), passed++) {
        if (str_eq(json_key(item), name)) {
            spend(run, passed / 8);
            return item;
        }
    }
    spend(run, passed / 8);
    return NULL;
}

/* What quiet(...) says of a schema that is only asked. */
static bool conforms(struct run *run, const struct json *schema, const struct json *value, const struct place *place)
{
    run->quiet++;
    bool result = check(run, schema, value, place);
    run->quiet--;
    return result;
}

/* ---- references ---- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A segment of a JSON pointer in a URI fragment: %XX, then ~1 and ~0. False: it is none. */
static bool decode_segment(struct str segment, char *out, size_t *ret_len)
{
    size_t len = 0, decoded = 0;
    for (size_t i = 0; i < segment.len; i++, len++) {
        out[len] = segment.ptr[i];
        if (segment.ptr[i] == '%') {
            int high = i + 2 < segment.len ? hex_value(segment.ptr[i + 1]) : -1;
            int low = i + 2 < segment.len ? hex_value(segment.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            out[len] = (char)(high * 16 + low);
            i += 2;
        }
    }
    for (size_t i = 0; i < len; i++, decoded++) {
        out[decoded] = out[i];
        if (out[i] == '~') {
            if (i + 1 == len || (out[i + 1] != '0' && out[i + 1] != '1')) {
                return false;
            }
            out[decoded] = out[++i] == '0' ? '~' : '/';
        }
    }
    *ret_len = decoded;
    return true;
}

/* The member with this name, or the item of this number. NULL: none, or the budget is used up. */
static const struct json *step_into(const struct json *node, struct str name, size_t *budget)
{
    uint64_t index = 0;
    bool is_array = json_is_array(node);
    if (is_array && !str_to_u64(name, &index)) {
        return NULL;
    }
    const struct json *item = json_first(node);
    for (; item && (is_array ? index > 0 : !str_eq(json_key(item), name)); item = json_next(item), index--) {
        if (*budget == 0) {
            return NULL;
        }
        --*budget;
    }
    return item;
}

const struct json *json_schema_resolve(const struct json *root, struct str reference, size_t *budget)
{
    const struct json *node = root;
    if (reference.len == 0 || reference.ptr[0] != '#' || reference.len > REFERENCE_BYTES_MAX) {
        return NULL;
    }
    if (*budget <= reference.len) {
        *budget = 0;
        return NULL;
    }
    *budget -= reference.len;
    struct str rest = str_sub(reference, 1, reference.len);
    if (rest.len == 0) {
        return root;
    }
    if (str_split(&rest, '/').len > 0) { /* "#name": an anchor */
        return NULL;
    }
    while (rest.ptr && node) {
        char name[REFERENCE_BYTES_MAX];
        size_t len = 0;
        if (!decode_segment(str_split(&rest, '/'), name, &len)) {
            return NULL;
        }
        node = step_into(node, (struct str){name, len}, budget);
    }
    return node;
}

/* ---- keywords about any value ---- */

static bool is_of_type(const struct json *value, struct str name)
{
    double number = json_number(value);
    return (str_eq(name, STR("null")) && json_is_null(value)) || (str_eq(name, STR("boolean")) && json_is_bool(value)) ||
           (str_eq(name, STR("object")) && json_is_object(value)) || (str_eq(name, STR("array")) && json_is_array(value)) ||
           (str_eq(name, STR("number")) && json_is_number(value)) || (str_eq(name, STR("string")) && json_is_string(value)) ||
           (str_eq(name, STR("integer")) && json_is_number(value) && floor(number) == number);
}

static bool check_type(struct run *run, const struct json *type, const struct json *value, const struct place *place)
{
    if (json_is_string(type)) {
        struct str name = json_string(type);
        return is_of_type(value, name) || fail(run, place, "must be %s%.*s", str_eq(name, STR("null")) ? "" :
                                               str_eq(name, STR("object")) || str_eq(name, STR("array")) ||
                                               str_eq(name, STR("integer")) ? "an " : "a ", STR_ARG(utf8_prefix(name, 32)));
    }
    char names[128] = "";
    for (const struct json *item = json_first(type); item; item = json_next(item)) {
        if (is_of_type(value, json_string(item))) {
            return true;
        }
        size_t len = strlen(names);
        if (len < sizeof names - sizeof " or 0123456789") { /* what is no schema may name more than there are */
            snprintf(names + len, sizeof names - len, "%s%.*s", len ? " or " : "", STR_ARG(utf8_prefix(json_string(item), 10)));
        }
    }
    return fail(run, place, "must be %s", names);
}

static bool check_enum(struct run *run, const struct json *list, const struct json *value, const struct place *place)
{
    for (const struct json *item = json_first(list); item; item = json_next(item)) {
        if (!spend(run, 1) || json_eq(item, value)) {
            return !run->gave_up;
        }
    }
    return fail(run, place, "is not one of the allowed values");
}

/* Numbers with so many digits as people write them. */
static const char *number_text(const struct json *number, char text[32])
{
    snprintf(text, 32, "%.15g", json_number(number));
    return text;
}

static bool check_number(struct run *run, struct str keyword, const struct json *rule, double value,
                         const struct place *place)
{
    char text[32];
    double bound = json_number(rule);
    if (!json_is_number(rule)) {
        return true;
    }
    if (str_eq(keyword, STR("minimum"))) {
        return value >= bound || fail(run, place, "must be at least %s", number_text(rule, text));
    }
    if (str_eq(keyword, STR("maximum"))) {
        return value <= bound || fail(run, place, "must be at most %s", number_text(rule, text));
    }
    if (str_eq(keyword, STR("exclusiveMinimum"))) {
        return value > bound || fail(run, place, "must be above %s", number_text(rule, text));
    }
    if (str_eq(keyword, STR("exclusiveMaximum"))) {
        return value < bound || fail(run, place, "must be below %s", number_text(rule, text));
    }
    if (str_eq(keyword, STR("multipleOf")) && bound > 0) {
        double times = value / bound; /* 0.0075 is 75 times 0.0001, although not to the last bit */
        bool whole = isfinite(times) && fabs(times - round(times)) <= 1e-9 * fmax(1.0, fabs(times)) &&
                     (fabs(times) > 1e9 || fabs(times - round(times)) < 1e-6);
        return whole || fail(run, place, "must be a multiple of %s", number_text(rule, text));
    }
    return true;
}

/* ---- strings ---- */

static struct json_pattern *pattern_of(struct run *run, const struct json *node, struct str text, bool *ret_kept)
{
    for (size_t i = 0; i < run->pattern_count; i++) {
        if (run->patterns[i].node == node) {
            *ret_kept = true;
            return run->patterns[i].pattern;
        }
    }
    *ret_kept = run->pattern_count < PATTERNS_KEPT;
    struct json_pattern *pattern = spend(run, PATTERN_STEPS) ? json_pattern_new(text) : NULL;
    if (*ret_kept) {
        run->patterns[run->pattern_count].node = node;
        run->patterns[run->pattern_count++].pattern = pattern;
    }
    return pattern;
}

/* `node` is where the pattern `text` stands. */
static bool matches(struct run *run, const struct json *node, struct str text, struct str value)
{
    bool kept = false, result = true;
    struct json_pattern *pattern = pattern_of(run, node, text, &kept);
    if (pattern) {
        enum json_pattern_result match = json_pattern_match(pattern, value);
        result = match == PATTERN_MATCHES;
        run->gave_up = run->gave_up || match == PATTERN_TOO_COSTLY;
        spend(run, 200 + value.len / 4);
    }
    if (!kept) {
        json_pattern_free(pattern);
    }
    return result;
}

static bool check_string(struct run *run, struct str keyword, const struct json *rule, struct str value,
                         const struct place *place)
{
    int64_t count;
    if (str_eq(keyword, STR("minLength")) && json_int(rule, &count)) {
        return (int64_t)utf8_length(value) >= count ||
               fail(run, place, "must have at least %lld characters", (long long)count);
    }
    if (str_eq(keyword, STR("maxLength")) && json_int(rule, &count)) {
        return (int64_t)utf8_length(value) <= count || fail(run, place, "must have at most %lld characters", (long long)count);
    }
    if (str_eq(keyword, STR("pattern")) && json_is_string(rule)) {
        return matches(run, rule, json_string(rule), value) ||
               fail(run, place, "does not match %.*s", STR_ARG(utf8_prefix(json_string(rule), SHOWN_BYTES_MAX)));
    }
    if (str_eq(keyword, STR("format")) && json_is_string(rule)) {
        return json_format_fits(json_string(rule), value) ||
               fail(run, place, "is no valid %.*s", STR_ARG(utf8_prefix(json_string(rule), 32)));
    }
    return true;
}

/* ---- arrays ---- */

struct hashed {
    uint64_t hash;
    const struct json *node;
};

/* Equal for equal values, whatever the order of their keys. */
static uint64_t hash_value(const struct json *value)
{
    uint64_t hash = 0;
    double number = json_number(value);
    if (json_is_string(value)) {
        return hash_str(json_string(value)) ^ 1;
    }
    if (json_is_number(value)) {
        number = number == 0 ? 0 : number; /* -0 is 0 */
        return hash_bytes(&number, sizeof number) ^ 2;
    }
    if (json_is_object(value)) {
        for (const struct json *item = json_first(value); item; item = json_next(item)) {
            uint64_t pair[2] = {hash_str(json_key(item)), hash_value(item)};
            hash += hash_bytes(pair, sizeof pair);
        }
        return hash ^ 3;
    }
    if (json_is_array(value)) {
        for (const struct json *item = json_first(value); item; item = json_next(item)) {
            uint64_t pair[2] = {hash, hash_value(item)};
            hash = hash_bytes(pair, sizeof pair);
        }
        return hash ^ 4;
    }
    return json_is_null(value) ? 5 : json_bool(value) ? 6 : 7;
}

static int hashed_order(const void *a, const void *b)
{
    uint64_t x = ((const struct hashed *)a)->hash, y = ((const struct hashed *)b)->hash;
    return x < y ? -1 : x > y;
}

static bool is_unique(struct run *run, const struct json *array, size_t count)
{
    struct hashed *items = mem_calloc(count ? count : 1, sizeof *items);
    size_t at = 0;
    bool unique = true;
    for (const struct json *item = json_first(array); item; item = json_next(item)) {
        items[at++] = (struct hashed){hash_value(item), item};
    }
    qsort(items, count, sizeof *items, hashed_order);
    for (size_t i = 1; unique && i < count; i++) {
        unique = items[i].hash != items[i - 1].hash || !json_eq(items[i].node, items[i - 1].node);
    }
    mem_free(items);
    return unique || !spend(run, count);
}

static bool check_items(struct run *run, const struct json *schema, const struct json *array, const struct place *place)
{
    const struct json *rules = json_get(schema, "items"), *further = json_get(schema, "additionalItems");
    const struct json *rule = json_is_array(rules) ? json_first(rules) : rules;
    size_t index = 0;
    for (const struct json *item = json_first(array); item; item = json_next(item), index++) {
        struct place at = {place, {NULL, 0}, index};
        if (json_is_array(rules) && !rule) {
            if (json_is_bool(further) && !json_bool(further)) {
                return fail(run, place, "must have at most %zu items", json_count(rules));
            }
            if (!further || check(run, further, item, &at)) {
                continue;
            }
            return false;
        }
        if (rule && !check(run, rule, item, &at)) {
            return false;
        }
        rule = json_is_array(rules) ? json_next(rule) : rule;
    }
    return true;
}

static bool check_contains(struct run *run, const struct json *rule, const struct json *array, const struct place *place)
{
    size_t index = 0;
    for (const struct json *item = json_first(array); item; item = json_next(item), index++) {
        if (conforms(run, rule, item, &(struct place){place, {NULL, 0}, index})) {
            return true;
        }
    }
    return fail(run, place, "has no item of the kind that is required");
}

static bool check_array(struct run *run, const struct json *schema, const struct json *array, const struct place *place)
{
    int64_t bound, count = (int64_t)json_count(array);
    if (json_int(json_get(schema, "minItems"), &bound) && count < bound) {
        return fail(run, place, "must have at least %lld items", (long long)bound);
    }
    if (json_int(json_get(schema, "maxItems"), &bound) && count > bound) {
        return fail(run, place, "must have at most %lld items", (long long)bound);
    }
    if (json_bool(json_get(schema, "uniqueItems")) && !is_unique(run, array, (size_t)count)) {
        return fail(run, place, "must have no item twice");
    }
    const struct json *contains = json_get(schema, "contains");
    return check_items(run, schema, array, place) && (!contains || check_contains(run, contains, array, place));
}

/* ---- objects ---- */

static bool check_required(struct run *run, const struct json *names, const struct json *object, const struct place *place)
{
    for (const struct json *name = json_first(names); name; name = json_next(name)) {
        if (run->gave_up) {
            return false;
        }
        if (json_is_string(name) && !field(run, object, json_string(name))) {
            return fail(run, &(struct place){place, json_string(name), 0}, "is required");
        }
    }
    return true;
}

/* One field against properties, patternProperties and additionalProperties. */
static bool check_field(struct run *run, const struct json *schema, const struct json *value, const struct place *place)
{
    const struct json *rule = field(run, json_get(schema, "properties"), json_key(value));
    const struct json *further = json_get(schema, "additionalProperties");
    struct place at = {place, json_key(value), 0};
    bool known = rule != NULL;
    if (rule && !check(run, rule, value, &at)) {
        return false;
    }
    for (rule = json_first(json_get(schema, "patternProperties")); rule; rule = json_next(rule)) {
        if (matches(run, rule, json_key(rule), json_key(value))) {
            known = true;
            if (!check(run, rule, value, &at)) {
                return false;
            }
        }
    }
    if (known || !further) {
        return true;
    }
    if (json_is_bool(further) && !json_bool(further)) {
        return fail(run, &at, "is not allowed");
    }
    return check(run, further, value, &at);
}

static bool check_names(struct run *run, const struct json *rule, const struct json *object, const struct place *place)
{
    for (const struct json *value = json_first(object); value; value = json_next(value)) {
        struct json *name = json_new_string(json_key(value));
        bool allowed = conforms(run, rule, name, place);
        json_free(name);
        if (!allowed) {
            return fail(run, &(struct place){place, json_key(value), 0}, "is no allowed name");
        }
    }
    return true;
}

static bool check_dependencies(struct run *run, const struct json *rules, const struct json *object, const struct place *place)
{
    for (const struct json *rule = json_first(rules); rule; rule = json_next(rule)) {
        if (run->gave_up) {
            return false;
        }
        if (field(run, object, json_key(rule)) && (json_is_array(rule) ? !check_required(run, rule, object, place)
                                                                       : !check(run, rule, object, place))) {
            return false;
        }
    }
    return true;
}

static bool check_object(struct run *run, const struct json *schema, const struct json *object, const struct place *place)
{
    int64_t bound, count = (int64_t)json_count(object);
    if (json_int(json_get(schema, "minProperties"), &bound) && count < bound) {
        return fail(run, place, "must have at least %lld properties", (long long)bound);
    }
    if (json_int(json_get(schema, "maxProperties"), &bound) && count > bound) {
        return fail(run, place, "must have at most %lld properties", (long long)bound);
    }
    const struct json *names = json_get(schema, "propertyNames");
    if (!check_required(run, json_get(schema, "required"), object, place) ||
        (names && !check_names(run, names, object, place))) {
        return false;
    }
    for (const struct json *value = json_first(object); value; value = json_next(value)) {
        if (!spend(run, 1) || !check_field(run, schema, value, place)) {
            return false;
        }
    }
    return check_dependencies(run, json_get(schema, "dependencies"), object, place);
}

/* ---- schemas of schemas ---- */

static size_t count_conforming(struct run *run, const struct json *schemas, const struct json *value,
                               const struct place *place, size_t enough)
{
    size_t count = 0;
    for (const struct json *schema = json_first(schemas); schema && count < enough; schema = json_next(schema)) {
        count += conforms(run, schema, value, place);
    }
    return count;
}

static bool check_combined(struct run *run, struct str keyword, const struct json *rule, const struct json *value,
                           const struct place *place)
{
    if (str_eq(keyword, STR("allOf"))) {
        for (const struct json *schema = json_first(rule); schema; schema = json_next(schema)) {
            if (!check(run, schema, value, place)) {
                return false;
            }
        }
        return true;
    }
    if (str_eq(keyword, STR("anyOf"))) {
        return count_conforming(run, rule, value, place, 1) == 1 || fail(run, place, "has none of the allowed forms");
    }
    if (str_eq(keyword, STR("oneOf"))) {
        size_t count = count_conforming(run, rule, value, place, 2);
        return count == 1 || fail(run, place, count ? "has more than one of the allowed forms" : "has none of the allowed forms");
    }
    return !str_eq(keyword, STR("not")) || !conforms(run, rule, value, place) || fail(run, place, "has a form that is not allowed");
}

static bool check_condition(struct run *run, const struct json *schema, const struct json *value, const struct place *place)
{
    const struct json *condition = json_get(schema, "if");
    if (!condition) {
        return true;
    }
    const struct json *rule = json_get(schema, conforms(run, condition, value, place) ? "then" : "else");
    return !rule || check(run, rule, value, place);
}

static bool check_keyword(struct run *run, const struct json *rule, const struct json *value, const struct place *place)
{
    struct str keyword = json_key(rule);
    if (str_eq(keyword, STR("type"))) {
        return check_type(run, rule, value, place);
    }
    if (str_eq(keyword, STR("enum"))) {
        return check_enum(run, rule, value, place);
    }
    if (str_eq(keyword, STR("const"))) {
        return json_eq(rule, value) || fail(run, place, "is not the value that is required");
    }
    if (json_is_number(value) && !check_number(run, keyword, rule, json_number(value), place)) {
        return false;
    }
    if (json_is_string(value) && !check_string(run, keyword, rule, json_string(value), place)) {
        return false;
    }
    return check_combined(run, keyword, rule, value, place);
}

/* Walking to a part costs as much as looking at the members that are passed (field). */
static const struct json *follow(struct run *run, struct str reference)
{
    size_t most = (size_t)(STEPS_MAX - run->steps) * 8, budget = most;
    const struct json *target = json_schema_resolve(run->root, reference, &budget);
    if (budget == 0) {
        run->gave_up = true;
        return NULL;
    }
    return spend(run, (most - budget) / 8) ? target : NULL;
}

static bool check_all(struct run *run, const struct json *schema, const struct json *value, const struct place *place)
{
    const struct json *reference = json_get(schema, "$ref");
    if (json_is_string(reference)) { /* what stands beside it does not count */
        const struct json *target = follow(run, json_string(reference));
        return run->gave_up ? false : !target || check(run, target, value, place);
    }
    for (const struct json *rule = json_first(schema); rule; rule = json_next(rule)) {
        if (!spend(run, 1) || !check_keyword(run, rule, value, place)) {
            return false;
        }
    }
    return (!json_is_array(value) || check_array(run, schema, value, place)) &&
           (!json_is_object(value) || check_object(run, schema, value, place)) && check_condition(run, schema, value, place);
}

static bool check(struct run *run, const struct json *schema, const struct json *value, const struct place *place)
{
    if (json_is_bool(schema)) {
        return json_bool(schema) || fail(run, place, "is not allowed");
    }
    if (run->gave_up || !spend(run, 4)) {
        return false;
    }
    if (run->depth == DEPTH_MAX) {
        run->gave_up = true;
        return false;
    }
    run->depth++;
    bool result = check_all(run, schema, value, place);
    run->depth--;
    return result && !run->gave_up;
}

bool json_schema_check(const struct json *schema, const struct json *value, struct buf *path, struct buf *reason)
{
    struct run run = {.root = schema, .path = path, .reason = reason};
    bool result = check(&run, schema, value, &(struct place){0});
    for (size_t i = 0; i < run.pattern_count; i++) {
        json_pattern_free(run.patterns[i].pattern);
    }
    if (run.gave_up) {
        buf_clear(path);
        buf_clear(reason);
        buf_append_cstr(reason, "takes too long to check");
    }
    return result && !run.gave_up;
}
