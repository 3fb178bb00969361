#include "store/telemetry/column.h"

#include <math.h>

#include "base/hashmap.h"
#include "base/mem.h"

#define SCALED_MAX 9007199254740992.0 /* 2^53: below, every integer is a double */

static const double powers[COLUMN_SCALE_MAX + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

/* ---- varints and sections ---- */

void put_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    buf_append(out, bytes, len);
}

uint64_t take_varint(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            return value;
        }
    }
    c->failed = true;
    return 0;
}

void put_section(struct buf *out, const struct buf *section)
{
    put_varint(out, section->len);
    buf_append(out, section->data, section->len);
}

struct cursor take_section(struct cursor *c)
{
    uint64_t len = take_varint(c);
    return cursor_sub(c, len > SIZE_MAX ? SIZE_MAX : (size_t)len);
}

/* ---- numbers ---- */

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double number_of_scaled(int64_t scaled, uint8_t scale)
{
    return (double)scaled / powers[scale];
}

int64_t number_to_scaled(double value, uint8_t scale)
{
    return (int64_t)nearbyint(value * powers[scale]);
}

static bool fits(double value, uint8_t scale)
{
    double scaled = value * powers[scale];
    if (!(scaled > -SCALED_MAX && scaled < SCALED_MAX)) {
        return false;
    }
    return bits_of(number_of_scaled(number_to_scaled(value, scale), scale)) == bits_of(value); /* -0 has no integer */
}

/* One that fits at a scale fits at those above it too, within the range; so the scale only rises. */
uint8_t numbers_scale(const double *values, size_t count)
{
    uint8_t scale = 0;
    for (size_t i = 0; i < count; i++) {
        while (!fits(values[i], scale)) {
            if (scale++ == COLUMN_SCALE_MAX) {
                return COLUMN_XOR;
            }
        }
    }
    for (size_t i = 0; i < count; i++) { /* at the final scale: all */
        if (!fits(values[i], scale)) {
            return COLUMN_XOR;
        }
    }
    return scale;
}

static void put_xor(struct buf *out, const double *values, size_t count)
{
    for (unsigned plane = 0; plane < 64; plane += 8) {
        uint64_t before = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t bits = bits_of(values[i]);
            buf_append_u8(out, (uint8_t)((bits ^ before) >> plane));
            before = bits;
        }
    }
}

void put_numbers(struct buf *out, const double *values, size_t count)
{
    uint8_t scale = numbers_scale(values, count);
    buf_append_u8(out, scale);
    if (scale == COLUMN_XOR) {
        put_xor(out, values, count);
        return;
    }
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t scaled = (uint64_t)number_to_scaled(values[i], scale);
        put_varint(out, zigzag(scaled - before));
        before = scaled;
    }
}

static void take_xor(struct cursor *c, double *ret_values, size_t count)
{
    const uint8_t *planes = count <= SIZE_MAX / 8 ? cursor_bytes(c, 8 * count) : NULL;
    if (!planes) {
        c->failed = true;
        return;
    }
    uint64_t before = 0;
    for (size_t i = 0; i < count; i++) {
        for (unsigned plane = 0; plane < 8; plane++) {
            before ^= (uint64_t)planes[plane * count + i] << (8 * plane);
        }
        ret_values[i] = of_bits(before);
    }
}

enum err take_numbers(struct cursor *c, double *ret_values, size_t count)
{
    uint8_t scale = cursor_u8(c);
    if (scale == COLUMN_XOR) {
        take_xor(c, ret_values, count);
    } else if (scale > COLUMN_SCALE_MAX) {
        return ERR_INVALID;
    } else {
        uint64_t scaled = 0;
        for (size_t i = 0; i < count; i++) {
            scaled += unzigzag(take_varint(c));
            ret_values[i] = number_of_scaled((int64_t)scaled, scale);
        }
    }
    return c->failed || cursor_left(c) > 0 ? ERR_INVALID : ERR_OK;
}

/* ---- strings ---- */

struct dictionary_item {
    struct hashmap_node node;
    struct str text;
    uint64_t number;
};

static bool dictionary_eq(const struct hashmap_node *node, const void *key)
{
    return str_eq(container_of_const(node, struct dictionary_item, node)->text, *(const struct str *)key);
}

void put_strings(struct buf *out, const struct str *values, size_t count)
{
    struct hashmap map;
    struct dictionary_item *items = mem_calloc(count ? count : 1, sizeof *items);
    struct buf numbers;
    size_t different = 0;
    hashmap_init(&map);
    buf_init(&numbers, out->max);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_bytes(values[i].ptr, values[i].len);
        struct hashmap_node *node = hashmap_find(&map, hash, dictionary_eq, &values[i]);
        if (!node) {
            items[different] = (struct dictionary_item){.text = values[i], .number = different};
            node = &items[different++].node;
            hashmap_insert(&map, node, hash);
        }
        put_varint(&numbers, container_of(node, struct dictionary_item, node)->number);
    }
    put_varint(out, different);
    for (size_t i = 0; i < different; i++) {
        put_varint(out, items[i].text.len);
        buf_append_str(out, items[i].text);
    }
    buf_append(out, numbers.data, numbers.len);
    out->failed |= numbers.failed;
    buf_deinit(&numbers);
    hashmap_deinit(&map);
    mem_free(items);
}

enum err take_strings(struct cursor *c, struct str *ret_values, size_t count)
{
    uint64_t different = take_varint(c);
    if (c->failed || different > count) {
        return ERR_INVALID;
    }
    struct str *texts = mem_calloc(different ? (size_t)different : 1, sizeof *texts);
    for (size_t i = 0; i < different; i++) {
        struct cursor text = take_section(c);
        texts[i] = text.failed ? STR("") : str_from(text.ptr, cursor_left(&text));
    }
    for (size_t i = 0; i < count && !c->failed; i++) {
        uint64_t number = take_varint(c);
        if (number >= different) {
            c->failed = true;
        } else {
            ret_values[i] = texts[number];
        }
    }
    mem_free(texts);
    return c->failed || cursor_left(c) > 0 ? ERR_INVALID : ERR_OK;
}
