#include "codec/json/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/json/json_scan.h"

/* A struct json is a cJSON node by another name; it is never defined. */
static const cJSON *node_of(const struct json *json)
{
    return (const cJSON *)(const void *)json;
}

static cJSON *node_of_mutable(struct json *json)
{
    return (cJSON *)(void *)json;
}

static struct json *json_of(cJSON *node)
{
    return (struct json *)(void *)node;
}

/* Before main: setting cJSON's allocator is not thread-safe, and with ours it never runs out of memory. */
__attribute__((constructor)) static void cjson_hooks_init(void)
{
    cJSON_Hooks hooks = {.malloc_fn = mem_alloc, .free_fn = mem_free};
    cJSON_InitHooks(&hooks);
}

/* An index over an object's keys, for objects where a walk per key would let a peer burn time: open addressing, a power
 * of two of slots, at most half full, keyed hashes. */
#define INDEX_FROM_FIELDS 16

struct key_index {
    cJSON **slots;
    size_t mask;
};

static void index_init(struct key_index *index, size_t keys_max)
{
    size_t slots = 32;
    while (slots < keys_max * 2) {
        slots *= 2;
    }
    index->slots = mem_calloc(slots, sizeof *index->slots);
    index->mask = slots - 1;
}

static void index_deinit(struct key_index *index)
{
    mem_free(index->slots);
}

/* The slot that holds this key, or the free one where it belongs. */
static cJSON **index_slot(const struct key_index *index, const char *key)
{
    size_t at = (size_t)hash_str(str_from_cstr(key)) & index->mask;
    while (index->slots[at] && strcmp(index->slots[at]->string, key) != 0) {
        at = (at + 1) & index->mask;
    }
    return &index->slots[at];
}

static void index_fill(struct key_index *index, const cJSON *object)
{
    for (cJSON *field = object->child; field; field = field->next) {
        *index_slot(index, field->string) = field;
    }
}

static size_t count_fields(const cJSON *container)
{
    size_t count = 0;
    for (const cJSON *item = container->child; item; item = item->next) {
        count++;
    }
    return count;
}

static bool has_key_after(const cJSON *field)
{
    for (const cJSON *later = field->next; later; later = later->next) {
        if (strcmp(later->string, field->string) == 0) {
            return true;
        }
    }
    return false;
}

/* From the last field to the first, what was seen already goes. cJSON keeps the tail in the first node's prev. */
static void drop_duplicates(cJSON *object)
{
    if (!object->child || !object->child->next) {
        return;
    }
    size_t fields = count_fields(object);
    bool indexed = fields >= INDEX_FROM_FIELDS;
    struct key_index index = {NULL, 0};
    if (indexed) {
        index_init(&index, fields);
    }
    cJSON *field = object->child->prev;
    for (size_t left = fields; left > 0; left--) {
        cJSON *previous = field->prev;
        cJSON **slot = indexed ? index_slot(&index, field->string) : NULL;
        if (indexed ? *slot != NULL : has_key_after(field)) {
            cJSON_Delete(cJSON_DetachItemViaPointer(object, field));
        } else if (indexed) {
            *slot = field;
        }
        field = previous;
    }
    if (indexed) {
        index_deinit(&index);
    }
}

/* What the grammar cannot say: equal keys, and numbers too large for a double. Depth is bounded by the scan. */
static bool normalise(cJSON *node)
{
    if (cJSON_IsNumber(node)) {
        return isfinite(node->valuedouble);
    }
    if (cJSON_IsObject(node)) {
        drop_duplicates(node);
    }
    for (cJSON *item = node->child; item; item = item->next) {
        if (!normalise(item)) {
            return false;
        }
    }
    return true;
}

enum err json_parse(struct str text, const struct json_limits *limits, struct json **ret_doc)
{
    static const struct json_limits none;
    limits = limits ? limits : &none;
    size_t bytes_max = limits->bytes_max ? limits->bytes_max : JSON_BYTES_MAX_DEFAULT;
    size_t nodes_max = limits->nodes_max ? limits->nodes_max : JSON_NODES_MAX_DEFAULT;
    unsigned depth_max = limits->depth_max ? limits->depth_max : JSON_DEPTH_MAX_DEFAULT;
    if (text.len > bytes_max) {
        return ERR_LIMIT;
    }
    if (!utf8_is_valid(text)) {
        return ERR_INVALID;
    }
    enum err err = json_scan(text, depth_max, nodes_max);
    if (err != ERR_OK) {
        return err;
    }
    cJSON *doc = cJSON_ParseWithLength(text.ptr, text.len);
    if (!doc || !normalise(doc)) {
        cJSON_Delete(doc);
        return ERR_INVALID;
    }
    *ret_doc = json_of(doc);
    return ERR_OK;
}

void json_free(struct json *doc)
{
    cJSON_Delete(node_of_mutable(doc));
}

bool json_is_object(const struct json *node)
{
    return cJSON_IsObject(node_of(node));
}

bool json_is_array(const struct json *node)
{
    return cJSON_IsArray(node_of(node));
}

bool json_is_string(const struct json *node)
{
    return cJSON_IsString(node_of(node));
}

bool json_is_number(const struct json *node)
{
    return cJSON_IsNumber(node_of(node));
}

bool json_is_bool(const struct json *node)
{
    return cJSON_IsBool(node_of(node));
}

bool json_is_null(const struct json *node)
{
    return cJSON_IsNull(node_of(node));
}

bool json_is_missing(const struct json *node)
{
    return !node || json_is_null(node);
}

static bool is_container(const struct json *node)
{
    return json_is_object(node) || json_is_array(node);
}

static cJSON *find_field(const struct json *object, struct str key)
{
    if (!json_is_object(object)) {
        return NULL;
    }
    for (cJSON *field = node_of(object)->child; field; field = field->next) {
        if (str_eq(str_from_cstr(field->string), key)) {
            return field;
        }
    }
    return NULL;
}

struct json *json_get(const struct json *object, const char *key)
{
    return json_of(find_field(object, str_from_cstr(key)));
}

struct json *json_get_str(const struct json *object, struct str key)
{
    return json_of(find_field(object, key));
}

struct json *json_at(const struct json *array, size_t index)
{
    cJSON *item = json_is_array(array) ? node_of(array)->child : NULL;
    while (item && index > 0) {
        item = item->next;
        index--;
    }
    return json_of(item);
}

size_t json_count(const struct json *container)
{
    return is_container(container) ? count_fields(node_of(container)) : 0;
}

struct json *json_first(const struct json *container)
{
    return is_container(container) ? json_of(node_of(container)->child) : NULL;
}

struct json *json_next(const struct json *node)
{
    return node ? json_of(node_of(node)->next) : NULL;
}

struct str json_key(const struct json *node)
{
    return node ? str_from_cstr(node_of(node)->string) : (struct str){NULL, 0};
}

struct str json_string(const struct json *node)
{
    return json_is_string(node) ? str_from_cstr(node_of(node)->valuestring) : (struct str){NULL, 0};
}

double json_number(const struct json *node)
{
    return json_is_number(node) ? node_of(node)->valuedouble : 0;
}

bool json_bool(const struct json *node)
{
    return cJSON_IsTrue(node_of(node));
}

bool json_int(const struct json *node, int64_t *ret_value)
{
    double value = json_number(node);
    if (!json_is_number(node) || !(fabs(value) <= (double)JSON_INTEGER_MAX) || floor(value) < value) {
        return false;
    }
    *ret_value = (int64_t)value;
    return true;
}

bool json_to_int(const struct json *node, int64_t *ret_value)
{
    return json_is_string(node) ? str_to_i64(json_string(node), ret_value) : json_int(node, ret_value);
}

bool json_to_bool(const struct json *node, bool *ret_value)
{
    bool is_true = json_bool(node) || str_eq(json_string(node), STR("true"));
    if (!is_true && !json_is_bool(node) && !str_eq(json_string(node), STR("false"))) {
        return false;
    }
    *ret_value = is_true;
    return true;
}

bool json_to_text(const struct json *node, struct arena *arena, struct str *ret_text)
{
    if (json_is_string(node)) {
        *ret_text = json_string(node);
        return true;
    }
    if (!json_is_number(node)) {
        return false;
    }
    struct buf text;
    buf_init(&text, JSON_NUMBER_BYTES_MAX);
    json_write(&text, node);
    *ret_text = arena_str(arena, buf_str(&text));
    buf_deinit(&text);
    return true;
}

struct json *json_new_object(void)
{
    return json_of(cJSON_CreateObject());
}

struct json *json_new_array(void)
{
    return json_of(cJSON_CreateArray());
}

struct json *json_new_string(struct str value)
{
    cJSON *node = cJSON_CreateNull();
    node->type = cJSON_String;
    node->valuestring = str_dup(value);
    return json_of(node);
}

struct json *json_new_number(double value)
{
    assert(isfinite(value));
    return json_of(cJSON_CreateNumber(value));
}

struct json *json_new_bool(bool value)
{
    return json_of(cJSON_CreateBool(value));
}

struct json *json_new_null(void)
{
    return json_of(cJSON_CreateNull());
}

static void name_node(cJSON *node, struct str key)
{
    char *name = str_dup(key);
    mem_free(node->string);
    node->string = name;
}


void json_set(struct json *object, struct str key, struct json *value)
{
    assert(json_is_object(object) && value);
    cJSON *node = node_of_mutable(value);
    cJSON *old = find_field(object, key);
    name_node(node, key);
    if (old) {
        cJSON_ReplaceItemViaPointer(node_of_mutable(object), old, node);
    } else {
        cJSON_AddItemToArray(node_of_mutable(object), node); /* also adds to an object: keeps the name */
    }
}

void json_append(struct json *array, struct json *value)
{
    assert(json_is_array(array) && value);
    cJSON_AddItemToArray(node_of_mutable(array), node_of_mutable(value));
}

void json_remove(struct json *object, struct str key)
{
    cJSON *field = find_field(object, key);
    if (field) {
        cJSON_Delete(cJSON_DetachItemViaPointer(node_of_mutable(object), field));
    }
}

void json_merge(struct json *object, struct json *changes)
{
    assert(json_is_object(object) && json_is_object(changes));
    cJSON *into = node_of_mutable(object);
    cJSON *from = node_of_mutable(changes);
    struct key_index index;
    index_init(&index, count_fields(into));
    index_fill(&index, into);
    while (from->child) {
        cJSON *field = cJSON_DetachItemViaPointer(from, from->child);
        cJSON *old = *index_slot(&index, field->string);
        if (old) {
            *index_slot(&index, field->string) = field;
            cJSON_ReplaceItemViaPointer(into, old, field);
        } else {
            cJSON_AddItemToArray(into, field);
        }
    }
    index_deinit(&index);
    json_free(changes);
}

struct json *json_dup(const struct json *node)
{
    return node ? json_of(cJSON_Duplicate(node_of(node), true)) : NULL;
}

static bool node_eq(const cJSON *a, const cJSON *b);

static bool array_eq(const cJSON *a, const cJSON *b)
{
    const cJSON *x = a->child;
    const cJSON *y = b->child;
    while (x && y && node_eq(x, y)) {
        x = x->next;
        y = y->next;
    }
    return !x && !y;
}

/* Same number of fields, all different names: one direction is enough. */
static bool object_eq(const cJSON *a, const cJSON *b)
{
    size_t fields = count_fields(a);
    if (fields != count_fields(b)) {
        return false;
    }
    struct key_index index;
    index_init(&index, fields);
    index_fill(&index, b);
    bool equal = true;
    for (const cJSON *x = a->child; x && equal; x = x->next) {
        const cJSON *y = *index_slot(&index, x->string);
        equal = y && node_eq(x, y);
    }
    index_deinit(&index);
    return equal;
}

static bool number_eq(double a, double b)
{
    return !(a < b) && !(a > b);
}

static bool node_eq(const cJSON *a, const cJSON *b)
{
    if (cJSON_IsObject(a)) {
        return cJSON_IsObject(b) && object_eq(a, b);
    }
    if (cJSON_IsArray(a)) {
        return cJSON_IsArray(b) && array_eq(a, b);
    }
    if (cJSON_IsString(a)) {
        return cJSON_IsString(b) && strcmp(a->valuestring, b->valuestring) == 0;
    }
    if (cJSON_IsNumber(a)) {
        return cJSON_IsNumber(b) && number_eq(a->valuedouble, b->valuedouble);
    }
    return (a->type & 0xff) == (b->type & 0xff);
}

bool json_eq(const struct json *a, const struct json *b)
{
    return a && b ? node_eq(node_of(a), node_of(b)) : a == b;
}
