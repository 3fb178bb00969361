/* Whether a document is a JSON Schema that json_schema.c enforces in full. */
#include <stdio.h>

#include "base/utf8.h"
#include "codec/json/json_pattern.h"
#include "codec/json/json_schema.h"

#define DEPTH_MAX 32

/* What a keyword's value must be. */
enum form {
    ANY,           /* describes, or compares: any value */
    TEXT,
    BOOLEAN,
    NUMBER,
    POSITIVE,      /* number above 0 */
    COUNT,         /* whole number from 0 on */
    PATTERN,
    TEXTS,         /* array of different texts */
    VALUES,        /* array, not empty */
    TYPE,          /* a type's name, or an array of them */
    SCHEMA,
    SCHEMAS,       /* array of schemas, not empty */
    SCHEMA_OR_MANY,
    SCHEMA_MAP,    /* object of schemas */
    PATTERN_MAP,   /* object of schemas whose keys are patterns */
    DEPENDENCIES,  /* object of schemas and arrays of texts */
    REFERENCE,
    ROOT_TEXT,     /* text, only in the root */
    DRAFT,         /* the schema's draft, only in the root */
    UNSUPPORTED,
};

static const struct {
    struct str name;
    enum form form;
} keywords[] = {
    {STR_INIT("$schema"), DRAFT}, {STR_INIT("$id"), ROOT_TEXT}, {STR_INIT("$ref"), REFERENCE},
    {STR_INIT("$comment"), TEXT}, {STR_INIT("title"), TEXT}, {STR_INIT("description"), TEXT},
    {STR_INIT("default"), ANY}, {STR_INIT("examples"), ANY}, {STR_INIT("readOnly"), BOOLEAN},
    {STR_INIT("writeOnly"), BOOLEAN}, {STR_INIT("format"), TEXT}, {STR_INIT("contentMediaType"), TEXT},
    {STR_INIT("contentEncoding"), TEXT}, {STR_INIT("type"), TYPE}, {STR_INIT("enum"), VALUES},
    {STR_INIT("const"), ANY}, {STR_INIT("multipleOf"), POSITIVE}, {STR_INIT("maximum"), NUMBER},
    {STR_INIT("exclusiveMaximum"), NUMBER}, {STR_INIT("minimum"), NUMBER}, {STR_INIT("exclusiveMinimum"), NUMBER},
    {STR_INIT("maxLength"), COUNT}, {STR_INIT("minLength"), COUNT}, {STR_INIT("pattern"), PATTERN},
    {STR_INIT("items"), SCHEMA_OR_MANY}, {STR_INIT("additionalItems"), SCHEMA}, {STR_INIT("maxItems"), COUNT},
    {STR_INIT("minItems"), COUNT}, {STR_INIT("uniqueItems"), BOOLEAN}, {STR_INIT("contains"), SCHEMA},
    {STR_INIT("maxProperties"), COUNT}, {STR_INIT("minProperties"), COUNT}, {STR_INIT("required"), TEXTS},
    {STR_INIT("properties"), SCHEMA_MAP}, {STR_INIT("patternProperties"), PATTERN_MAP},
    {STR_INIT("additionalProperties"), SCHEMA}, {STR_INIT("dependencies"), DEPENDENCIES},
    {STR_INIT("propertyNames"), SCHEMA}, {STR_INIT("if"), SCHEMA}, {STR_INIT("then"), SCHEMA},
    {STR_INIT("else"), SCHEMA}, {STR_INIT("allOf"), SCHEMAS}, {STR_INIT("anyOf"), SCHEMAS},
    {STR_INIT("oneOf"), SCHEMAS}, {STR_INIT("not"), SCHEMA}, {STR_INIT("definitions"), SCHEMA_MAP},
    /* of drafts 3 and 4 */
    {STR_INIT("id"), UNSUPPORTED}, {STR_INIT("extends"), UNSUPPORTED}, {STR_INIT("disallow"), UNSUPPORTED},
    {STR_INIT("divisibleBy"), UNSUPPORTED},
    /* of 2019-09 and 2020-12 */
    {STR_INIT("$anchor"), UNSUPPORTED}, {STR_INIT("$dynamicAnchor"), UNSUPPORTED}, {STR_INIT("$dynamicRef"), UNSUPPORTED},
    {STR_INIT("$recursiveAnchor"), UNSUPPORTED}, {STR_INIT("$recursiveRef"), UNSUPPORTED},
    {STR_INIT("$vocabulary"), UNSUPPORTED}, {STR_INIT("dependentRequired"), UNSUPPORTED},
    {STR_INIT("dependentSchemas"), UNSUPPORTED}, {STR_INIT("maxContains"), UNSUPPORTED},
    {STR_INIT("minContains"), UNSUPPORTED}, {STR_INIT("prefixItems"), UNSUPPORTED},
    {STR_INIT("unevaluatedItems"), UNSUPPORTED}, {STR_INIT("unevaluatedProperties"), UNSUPPORTED},
};

/* Where the walk is, for the message. */
struct place {
    const struct place *above;
    struct str name;
    unsigned depth;
};

struct check {
    const struct json *root;
    struct buf *why;
    size_t *budget; /* for following references */
};

static void write_place(struct buf *why, const struct place *place)
{
    if (place->above && place->above->name.ptr) {
        write_place(why, place->above);
        buf_append_cstr(why, ".");
    }
    buf_append_str(why, place->name.ptr ? utf8_prefix(place->name, 128) : STR("schema"));
}

static bool refuse(const struct check *check, const struct place *place, const char *text)
{
    write_place(check->why, place);
    buf_append_cstr(check->why, text);
    return false;
}

static bool check_schema(const struct check *check, const struct json *schema, const struct place *place);

static bool is_type_name(const struct json *value)
{
    static const struct str names[] = {STR_INIT("null"),   STR_INIT("boolean"), STR_INIT("object"), STR_INIT("array"),
                                       STR_INIT("number"), STR_INIT("string"),  STR_INIT("integer")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (json_is_string(value) && str_eq(json_string(value), names[i])) {
            return true;
        }
    }
    return false;
}

static bool is_type(const struct json *value)
{
    if (!json_is_array(value)) {
        return is_type_name(value);
    }
    for (const struct json *item = json_first(value); item; item = json_next(item)) {
        if (!is_type_name(item)) {
            return false;
        }
    }
    return json_first(value) != NULL;
}

static bool is_texts(const struct json *value)
{
    for (const struct json *item = json_first(value); item; item = json_next(item)) {
        if (!json_is_string(item)) {
            return false;
        }
    }
    return json_is_array(value);
}

static bool is_pattern(struct str text)
{
    struct json_pattern *pattern = json_pattern_new(text);
    json_pattern_free(pattern);
    return pattern != NULL;
}

static bool is_count(const struct json *value)
{
    int64_t count;
    return json_int(value, &count) && count >= 0;
}

static bool check_each(const struct check *check, const struct json *container, bool named, const struct place *place)
{
    unsigned index = 0;
    for (const struct json *item = json_first(container); item; item = json_next(item), index++) {
        char number[16];
        snprintf(number, sizeof number, "%u", index);
        struct place at = {place, named ? json_key(item) : str_from_cstr(number), place->depth};
        if (!check_schema(check, item, &at)) {
            return false;
        }
    }
    return true;
}

static bool check_dependencies(const struct check *check, const struct json *value, const struct place *place)
{
    for (const struct json *item = json_first(value); item; item = json_next(item)) {
        struct place at = {place, json_key(item), place->depth};
        if (json_is_array(item) ? !is_texts(item) && !refuse(check, &at, " is invalid") : !check_schema(check, item, &at)) {
            return false;
        }
    }
    return true;
}

static bool check_patterns(const struct check *check, const struct json *value, const struct place *place)
{
    for (const struct json *item = json_first(value); item; item = json_next(item)) {
        if (!is_pattern(json_key(item))) {
            return refuse(check, &(struct place){place, json_key(item), 0}, " is not a regular expression");
        }
    }
    return true;
}

static bool check_reference(const struct check *check, const struct json *value, const struct place *place)
{
    struct str text = json_string(value);
    if (!json_is_string(value) || !str_starts_with(text, STR("#"))) {
        return refuse(check, place, json_is_string(value) ? " is not supported outside of this document" : " is invalid");
    }
    const struct json *target = json_schema_resolve(check->root, text, check->budget);
    if (*check->budget == 0) {
        return refuse(check, place, " takes too long to follow");
    }
    return json_is_object(target) || json_is_bool(target) || refuse(check, place, " leads nowhere");
}

static bool is_draft(struct str text)
{
    static const struct str names[] = {STR_INIT("http://json-schema.org/draft-06/schema"),
                                       STR_INIT("http://json-schema.org/draft-07/schema"),
                                       STR_INIT("https://json-schema.org/draft-06/schema"),
                                       STR_INIT("https://json-schema.org/draft-07/schema")};
    if (str_ends_with(text, STR("#"))) {
        text = str_sub(text, 0, text.len - 1);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_eq(text, names[i])) {
            return true;
        }
    }
    return false;
}

static bool value_fits(enum form form, const struct json *value)
{
    switch (form) {
    case TEXT: return json_is_string(value);
    case BOOLEAN: return json_is_bool(value);
    case NUMBER: return json_is_number(value);
    case POSITIVE: return json_is_number(value) && json_number(value) > 0;
    case COUNT: return is_count(value);
    case TEXTS: return is_texts(value);
    case VALUES: return json_is_array(value) && json_first(value);
    case TYPE: return is_type(value);
    case SCHEMAS: return json_is_array(value) && json_first(value);
    case SCHEMA_MAP:
    case PATTERN_MAP:
    case DEPENDENCIES: return json_is_object(value);
    case ANY:
    case PATTERN:
    case SCHEMA:
    case SCHEMA_OR_MANY:
    case REFERENCE:
    case ROOT_TEXT:
    case DRAFT:
    case UNSUPPORTED: break;
    }
    return true;
}

static bool check_keyword(const struct check *check, enum form form, const struct json *value, const struct place *place)
{
    bool in_root = !place->above->name.ptr;
    if (!value_fits(form, value)) {
        return refuse(check, place, " is invalid");
    }
    switch (form) {
    case PATTERN:
        return (json_is_string(value) && is_pattern(json_string(value))) ||
               refuse(check, place, " is not a regular expression");
    case SCHEMA: return check_schema(check, value, place);
    case SCHEMAS: return check_each(check, value, false, place);
    case SCHEMA_OR_MANY:
        return json_is_array(value) ? check_each(check, value, false, place) : check_schema(check, value, place);
    case PATTERN_MAP: return check_patterns(check, value, place) && check_each(check, value, true, place);
    case SCHEMA_MAP: return check_each(check, value, true, place);
    case DEPENDENCIES: return check_dependencies(check, value, place);
    case REFERENCE: return check_reference(check, value, place);
    case ROOT_TEXT:
        return (in_root && json_is_string(value)) || refuse(check, place, in_root ? " is invalid" : " is not supported here");
    case DRAFT:
        return (in_root && is_draft(json_string(value))) || refuse(check, place, " must be draft 6 or 7");
    case UNSUPPORTED: return refuse(check, place, " is not supported");
    case ANY:
    case TEXT:
    case BOOLEAN:
    case NUMBER:
    case POSITIVE:
    case COUNT:
    case TEXTS:
    case VALUES:
    case TYPE: break;
    }
    return true;
}

static bool check_schema(const struct check *check, const struct json *schema, const struct place *place)
{
    if (json_is_bool(schema)) {
        return true;
    }
    if (!json_is_object(schema)) {
        return refuse(check, place, " is invalid");
    }
    if (place->depth >= DEPTH_MAX) {
        return refuse(check, place, " is nested too deeply");
    }
    for (const struct json *value = json_first(schema); value; value = json_next(value)) {
        struct place at = {place, json_key(value), place->depth + 1};
        for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
            if (str_eq(keywords[i].name, at.name) && !check_keyword(check, keywords[i].form, value, &at)) {
                return false;
            }
        }
    }
    return true;
}

bool json_schema_is_valid(const struct json *schema, struct buf *why)
{
    size_t budget = JSON_SCHEMA_WALK_MAX;
    struct check check = {schema, why, &budget};
    return check_schema(&check, schema, &(struct place){0});
}
