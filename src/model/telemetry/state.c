#include "model/telemetry/state.h"

#include "base/mem.h"
#include "codec/json/json.h"

struct state *state_ref(struct state *state)
{
    if (state) {
        ref_get(&state->ref);
    }
    return state;
}

void state_unref(struct state *state)
{
    if (state && ref_put(&state->ref)) {
        mem_free(state);
    }
}

struct str state_flat(const struct state *state)
{
    return state ? str_from(state->bytes, state->len) : STR("");
}

#define MERGE_BYTES 2048 /* of the two documents; of larger ones the result is made on the heap first */

/* Both documents side by side: the smaller key goes first, of equal keys the change wins. `out` has room for both. */
static size_t merge_pass(struct str base, struct str changes, char *out, uint32_t *ret_keys)
{
    struct flat_iter old_iter = flat_iter(base);
    struct flat_iter new_iter = flat_iter(changes);
    struct flat_entry old_entry;
    struct flat_entry new_entry;
    bool has_old = flat_next(&old_iter, &old_entry);
    bool has_new = flat_next(&new_iter, &new_entry);
    size_t len = 0;
    uint32_t keys = 0;
    while (has_old || has_new) {
        int order = !has_old ? 1 : !has_new ? -1 : str_cmp(old_entry.key, new_entry.key);
        const struct flat_entry *taken = order < 0 ? &old_entry : &new_entry;
        if (taken->type != FLAT_NULL) {
            memcpy(out + len, taken->bytes.ptr, taken->bytes.len);
            len += taken->bytes.len;
            keys++;
        }
        if (order <= 0) {
            has_old = flat_next(&old_iter, &old_entry);
        }
        if (order >= 0) {
            has_new = flat_next(&new_iter, &new_entry);
        }
    }
    *ret_keys = keys;
    return len;
}

static struct state *state_new(size_t len)
{
    struct state *state = mem_alloc(sizeof *state + len);
    ref_init(&state->ref);
    state->len = (uint32_t)len;
    return state;
}

enum err state_merge(const struct state *base, struct str changes, bool override, const struct state_limits *limits,
                     struct state **ret_state, bool *ret_keys)
{
    struct str below = override ? STR("") : state_flat(base);
    uint32_t keys = 0;
    char stack[MERGE_BYTES];
    char *merged = below.len + changes.len > sizeof stack ? mem_alloc(below.len + changes.len) : stack;
    size_t len = merge_pass(below, changes, merged, &keys);
    uint32_t keys_before = base ? base->key_count : 0;
    bool too_many = limits->keys_max && keys > limits->keys_max && keys > keys_before;
    bool too_long = limits->bytes_max && len > limits->bytes_max && len > state_flat(base).len;
    if (too_many || too_long) {
        *ret_keys = too_many;
    } else {
        struct state *state = state_new(len);
        memcpy(state->bytes, merged, len);
        state->key_count = keys;
        *ret_state = state;
    }
    if (merged != stack) {
        mem_free(merged);
    }
    return too_many || too_long ? ERR_LIMIT : ERR_OK;
}

struct state *state_from_json(struct str text)
{
    static const struct state_limits none = {0, 0};
    static const struct json_limits large = {.bytes_max = (size_t)64 << 20};
    struct json *doc = NULL;
    if (json_parse(text, &large, &doc) != ERR_OK) {
        return NULL;
    }
    struct arena arena;
    arena_init(&arena);
    struct state *state = NULL;
    bool keys = false;
    enum err err = state_merge(NULL, json_is_object(doc) ? flat_from_json(doc, &arena) : STR(""), true, &none, &state, &keys);
    (void)err; /* without limits it cannot fail */
    arena_deinit(&arena);
    json_free(doc);
    if (state->key_count == 0) {
        state_unref(state);
        return NULL;
    }
    return state;
}

void state_write_json(struct buf *out, const struct state *state)
{
    flat_write_json(out, state_flat(state), false, STR(""));
}
