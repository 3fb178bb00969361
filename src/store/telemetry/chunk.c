#include "store/telemetry/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "model/telemetry/flat.h"
#include "store/telemetry/column.h"

#define VERSION 1
#define LEVEL 9
#define FLAG_OVERRIDE 0x10u
#define FLAG_MESSAGE 0x20u
#define FLAG_TIMESTAMP 0x40u
#define SUM_SCALED_MAX (INT64_C(1) << 50) /* times CHUNK_ROWS_MAX is within 64 bits */

enum entry_type { ENTRY_NULL, ENTRY_BOOL, ENTRY_NUMBER, ENTRY_STRING };

/* ---- packing ---- */

static enum err pack(struct buf *out, const struct buf *raw)
{
    size_t room = ZSTD_compressBound(raw->len);
    if (raw->failed || raw->len > CHUNK_BYTES_MAX || !buf_reserve(out, room)) {
        return ERR_LIMIT;
    }
    size_t len = ZSTD_compress(out->data + out->len, room, raw->data, raw->len, LEVEL);
    if (ZSTD_isError(len)) {
        return ERR_INTERNAL;
    }
    out->len += len;
    return ERR_OK;
}

/* The caller frees it. */
static enum err unpack(struct str packed, uint64_t raw_len, uint8_t **ret_raw)
{
    if (raw_len == 0 || raw_len > CHUNK_BYTES_MAX || ZSTD_getFrameContentSize(packed.ptr, packed.len) != raw_len) {
        return ERR_INVALID;
    }
    uint8_t *raw = mem_alloc((size_t)raw_len);
    if (ZSTD_decompress(raw, (size_t)raw_len, packed.ptr, packed.len) != raw_len) {
        mem_free(raw);
        return ERR_INVALID;
    }
    *ret_raw = raw;
    return ERR_OK;
}

/* ---- encoding: the columns of keys ---- */

struct key_number {
    double value;
    uint32_t row;
    uint32_t rank; /* of the row, by sample time; see rollups_put */
};

struct key_column {
    struct hashmap_node node;
    struct str key;
    uint64_t id;
    struct key_column *next; /* in order of first appearance */
    struct key_number *numbers;
    size_t number_count, number_room;
    struct str *strings;
    size_t string_count, string_room;
    struct buf bools;
    size_t bool_count;
};

struct shape {
    struct hashmap_node node;
    struct buf bytes;
    uint64_t id;
    struct shape *next;
};

struct encoder {
    const struct sample_row *rows;
    size_t count;
    struct hashmap keys, shapes;
    struct key_column *first_key, **last_key;
    struct shape *first_shape, **last_shape;
    uint64_t key_count, shape_count;
    struct buf shape_ids;
    struct buf section; /* scratch */
    struct buf rollups, body;
};

static bool key_eq(const struct hashmap_node *node, const void *key)
{
    return str_eq(container_of_const(node, struct key_column, node)->key, *(const struct str *)key);
}

static bool shape_eq(const struct hashmap_node *node, const void *key)
{
    return str_eq(buf_str(&container_of_const(node, struct shape, node)->bytes), *(const struct str *)key);
}

static struct key_column *column_of(struct encoder *e, struct str key)
{
    uint64_t hash = hash_str(key);
    struct hashmap_node *node = hashmap_find(&e->keys, hash, key_eq, &key);
    if (node) {
        return container_of(node, struct key_column, node);
    }
    struct key_column *column = mem_new(struct key_column);
    column->key = key;
    column->id = e->key_count++;
    buf_init(&column->bools, CHUNK_ROWS_MAX);
    hashmap_insert(&e->keys, &column->node, hash);
    *e->last_key = column;
    e->last_key = &column->next;
    return column;
}

static uint64_t shape_id(struct encoder *e, const struct buf *bytes)
{
    struct str key = buf_str(bytes);
    uint64_t hash = hash_str(key);
    struct hashmap_node *node = hashmap_find(&e->shapes, hash, shape_eq, &key);
    if (node) {
        return container_of(node, struct shape, node)->id;
    }
    struct shape *shape = mem_new(struct shape);
    shape->id = e->shape_count++;
    buf_init(&shape->bytes, CHUNK_BYTES_MAX);
    buf_append_str(&shape->bytes, key);
    hashmap_insert(&e->shapes, &shape->node, hash);
    *e->last_shape = shape;
    e->last_shape = &shape->next;
    return shape->id;
}

static void *grown(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return items;
    }
    *room = *room ? *room * 2 : 64;
    return mem_realloc(items, *room * size);
}

static enum entry_type add_value(struct key_column *column, const struct flat_entry *entry, uint32_t row)
{
    switch (entry->type) {
    case FLAT_NULL:
        return ENTRY_NULL;
    case FLAT_FALSE:
    case FLAT_TRUE:
        if (column->bool_count % 8 == 0) {
            buf_append_u8(&column->bools, 0);
        }
        column->bools.data[column->bool_count / 8] |=
            (uint8_t)((entry->type == FLAT_TRUE ? 1u : 0u) << column->bool_count % 8);
        column->bool_count++;
        return ENTRY_BOOL;
    case FLAT_NUMBER:
        column->numbers = grown(column->numbers, column->number_count, &column->number_room, sizeof *column->numbers);
        column->numbers[column->number_count++] = (struct key_number){.value = entry->number, .row = row};
        return ENTRY_NUMBER;
    case FLAT_STRING:
        column->strings = grown(column->strings, column->string_count, &column->string_room, sizeof *column->strings);
        column->strings[column->string_count++] = entry->text;
        return ENTRY_STRING;
    }
    return ENTRY_NULL;
}

static void add_rows(struct encoder *e)
{
    for (size_t i = 0; i < e->count; i++) {
        struct flat_iter iter = flat_iter(e->rows[i].values);
        struct flat_entry entry;
        buf_clear(&e->section);
        while (flat_next(&iter, &entry)) {
            struct key_column *column = column_of(e, entry.key);
            put_varint(&e->section, column->id << 2 | (uint64_t)add_value(column, &entry, (uint32_t)i));
        }
        put_varint(&e->shape_ids, shape_id(e, &e->section));
    }
    buf_clear(&e->section);
}

static void encoder_init(struct encoder *e, const struct sample_row *rows, size_t count)
{
    *e = (struct encoder){.rows = rows, .count = count};
    hashmap_init(&e->keys);
    hashmap_init(&e->shapes);
    e->last_key = &e->first_key;
    e->last_shape = &e->first_shape;
    buf_init(&e->shape_ids, CHUNK_BYTES_MAX);
    buf_init(&e->section, CHUNK_BYTES_MAX);
    buf_init(&e->rollups, CHUNK_BYTES_MAX);
    buf_init(&e->body, CHUNK_BYTES_MAX);
}

static void encoder_deinit(struct encoder *e)
{
    while (e->first_key) {
        struct key_column *column = e->first_key;
        e->first_key = column->next;
        mem_free(column->numbers);
        mem_free(column->strings);
        buf_deinit(&column->bools);
        mem_free(column);
    }
    while (e->first_shape) {
        struct shape *shape = e->first_shape;
        e->first_shape = shape->next;
        buf_deinit(&shape->bytes);
        mem_free(shape);
    }
    hashmap_deinit(&e->keys);
    hashmap_deinit(&e->shapes);
    buf_deinit(&e->shape_ids);
    buf_deinit(&e->section);
    buf_deinit(&e->rollups);
    buf_deinit(&e->body);
}

/* ---- encoding: the sections of the rows ---- */

static void flush_section(struct encoder *e)
{
    put_section(&e->body, &e->section);
    e->body.failed |= e->section.failed;
    buf_clear(&e->section);
}

static void put_times(struct encoder *e)
{
    uint64_t step = 0;
    for (size_t i = 1; i < e->count; i++) {
        uint64_t now = (uint64_t)e->rows[i].position.seq - (uint64_t)e->rows[i - 1].position.seq;
        put_varint(&e->section, zigzag(now - step));
        step = now;
    }
    flush_section(e);
    uint64_t before = 0;
    step = 0;
    for (size_t i = 0; i < e->count; i++) {
        uint64_t at = (uint64_t)e->rows[i].at_ms;
        put_varint(&e->section, zigzag(at - before - step));
        step = i > 0 ? at - before : 0;
        before = at;
    }
    flush_section(e);
    before = 0;
    for (size_t i = 0; i < e->count; i++) {
        uint64_t delay = (uint64_t)e->rows[i].received_ms - (uint64_t)e->rows[i].at_ms;
        put_varint(&e->section, zigzag(delay - before));
        before = delay;
    }
    flush_section(e);
}

static void put_flags(struct encoder *e)
{
    struct str *messages = mem_calloc(e->count, sizeof *messages);
    size_t message_count = 0;
    for (size_t i = 0; i < e->count; i++) {
        const struct sample_row *row = &e->rows[i];
        unsigned flags = (unsigned)row->kind | (unsigned)row->status << 2 | (row->override ? FLAG_OVERRIDE : 0) |
                         (row->message.ptr ? FLAG_MESSAGE : 0) |
                         (row->device_timestamp_ms != INT64_MIN ? FLAG_TIMESTAMP : 0);
        buf_append_u8(&e->section, (uint8_t)flags);
        if (row->message.ptr) {
            messages[message_count++] = row->message;
        }
    }
    flush_section(e);
    for (size_t i = 0; i < e->count; i++) {
        if (e->rows[i].device_timestamp_ms != INT64_MIN) {
            put_varint(&e->section, zigzag((uint64_t)e->rows[i].device_timestamp_ms - (uint64_t)e->rows[i].at_ms));
        }
    }
    flush_section(e);
    put_strings(&e->section, messages, message_count);
    flush_section(e);
    mem_free(messages);
}

static void put_shapes(struct encoder *e)
{
    put_varint(&e->section, e->key_count);
    for (const struct key_column *column = e->first_key; column; column = column->next) {
        put_varint(&e->section, column->key.len);
        buf_append_str(&e->section, column->key);
    }
    flush_section(e);
    put_varint(&e->section, e->shape_count);
    for (const struct shape *shape = e->first_shape; shape; shape = shape->next) {
        put_section(&e->section, &shape->bytes);
    }
    flush_section(e);
    put_section(&e->body, &e->shape_ids);
}

static void put_columns(struct encoder *e)
{
    for (struct key_column *column = e->first_key; column; column = column->next) {
        put_section(&e->body, &column->bools);
        double *values = mem_calloc(column->number_count + 1, sizeof *values);
        for (size_t i = 0; i < column->number_count; i++) {
            values[i] = column->numbers[i].value;
        }
        put_numbers(&e->section, values, column->number_count);
        mem_free(values);
        flush_section(e);
        put_strings(&e->section, column->strings, column->string_count);
        flush_section(e);
    }
}

/* ---- encoding: roll-ups ---- */

struct rollup_columns {
    struct buf buckets, counts;
    double *min, *max, *sum, *last;
    size_t count;
    int64_t before;
};

static int64_t bucket_of(int64_t at_ms)
{
    return at_ms >= 0 ? at_ms / CHUNK_ROLLUP_MS : -1 - (-1 - at_ms) / CHUNK_ROLLUP_MS;
}

static int by_rank(const void *a, const void *b)
{
    uint32_t x = ((const struct key_number *)a)->rank;
    uint32_t y = ((const struct key_number *)b)->rank;
    return x < y ? -1 : x > y;
}

struct ranked {
    int64_t at_ms;
    uint32_t row;
};

static int by_time(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    return x->at_ms != y->at_ms ? (x->at_ms < y->at_ms ? -1 : 1) : x->row < y->row ? -1 : x->row > y->row;
}

/* The place of each row in order of sample time; rows of the same time in order of arrival. */
static uint32_t *ranks_of(const struct encoder *e)
{
    struct ranked *order = mem_calloc(e->count, sizeof *order);
    uint32_t *ranks = mem_calloc(e->count, sizeof *ranks);
    for (size_t i = 0; i < e->count; i++) {
        order[i] = (struct ranked){e->rows[i].at_ms, (uint32_t)i};
    }
    qsort(order, e->count, sizeof *order, by_time);
    for (size_t i = 0; i < e->count; i++) {
        ranks[order[i].row] = (uint32_t)i;
    }
    mem_free(order);
    return ranks;
}

/* Of decimal fractions the sum is exact while their integers are summed. */
static double sum_of(const struct key_number *numbers, size_t count, uint8_t scale)
{
    int64_t scaled_sum = 0;
    double sum = 0;
    bool exact = scale != COLUMN_XOR;
    for (size_t i = 0; i < count; i++) {
        sum += numbers[i].value;
        int64_t scaled = exact ? number_to_scaled(numbers[i].value, scale) : 0;
        exact = exact && scaled > -SUM_SCALED_MAX && scaled < SUM_SCALED_MAX;
        scaled_sum += exact ? scaled : 0;
    }
    return exact ? number_of_scaled(scaled_sum, scale) : sum;
}

static void rollup_add(struct rollup_columns *r, int64_t bucket, const struct key_number *numbers, size_t count)
{
    double *values = mem_calloc(count, sizeof *values);
    double min = numbers[0].value;
    double max = numbers[0].value;
    for (size_t i = 0; i < count; i++) {
        values[i] = numbers[i].value;
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    put_varint(&r->buckets, zigzag((uint64_t)bucket - (uint64_t)r->before));
    put_varint(&r->counts, count);
    r->before = bucket;
    r->min[r->count] = min;
    r->max[r->count] = max;
    r->sum[r->count] = sum_of(numbers, count, numbers_scale(values, count));
    r->last[r->count++] = numbers[count - 1].value;
    mem_free(values);
}

static void rollup_column_put(struct buf *out, const double *values, size_t count)
{
    struct buf section;
    buf_init(&section, CHUNK_BYTES_MAX);
    put_numbers(&section, values, count);
    put_section(out, &section);
    buf_deinit(&section);
}

static void rollup_key_put(struct encoder *e, struct key_column *column)
{
    struct rollup_columns r = {.before = 0};
    double *values = mem_calloc(4 * column->number_count, sizeof *values);
    r.min = values;
    r.max = values + column->number_count;
    r.sum = values + 2 * column->number_count;
    r.last = values + 3 * column->number_count;
    buf_init(&r.buckets, CHUNK_BYTES_MAX);
    buf_init(&r.counts, CHUNK_BYTES_MAX);
    for (size_t from = 0; from < column->number_count;) {
        int64_t bucket = bucket_of(e->rows[column->numbers[from].row].at_ms);
        size_t to = from + 1;
        while (to < column->number_count && bucket_of(e->rows[column->numbers[to].row].at_ms) == bucket) {
            to++;
        }
        rollup_add(&r, bucket, &column->numbers[from], to - from);
        from = to;
    }
    put_varint(&e->rollups, column->key.len);
    buf_append_str(&e->rollups, column->key);
    put_varint(&e->rollups, r.count);
    buf_append(&e->rollups, r.buckets.data, r.buckets.len);
    buf_append(&e->rollups, r.counts.data, r.counts.len);
    rollup_column_put(&e->rollups, r.min, r.count);
    rollup_column_put(&e->rollups, r.max, r.count);
    rollup_column_put(&e->rollups, r.sum, r.count);
    rollup_column_put(&e->rollups, r.last, r.count);
    buf_deinit(&r.buckets);
    buf_deinit(&r.counts);
    mem_free(values);
}

/* After the columns: it puts the numbers into another order. A version byte makes the roll-ups of a chunk without numbers
 * differ from none. */
static void rollups_put(struct encoder *e)
{
    if (e->count < CHUNK_ROLLUP_ROWS_MIN) {
        return;
    }
    uint32_t *ranks = ranks_of(e);
    buf_append_u8(&e->rollups, VERSION);
    for (struct key_column *column = e->first_key; column; column = column->next) {
        if (column->number_count == 0) {
            continue;
        }
        for (size_t i = 0; i < column->number_count; i++) {
            column->numbers[i].rank = ranks[column->numbers[i].row];
        }
        qsort(column->numbers, column->number_count, sizeof *column->numbers, by_rank);
        rollup_key_put(e, column);
    }
    mem_free(ranks);
}

/* ---- the whole ---- */

static void head_put(struct buf *out, const struct sample_row *rows, size_t count)
{
    const struct sample_row *first = &rows[0];
    int64_t at_min = first->at_ms;
    int64_t at_max = first->at_ms;
    int64_t received_max = first->received_ms;
    for (size_t i = 1; i < count; i++) {
        at_min = rows[i].at_ms < at_min ? rows[i].at_ms : at_min;
        at_max = rows[i].at_ms > at_max ? rows[i].at_ms : at_max;
        received_max = rows[i].received_ms > received_max ? rows[i].received_ms : received_max;
    }
    buf_append_u8(out, VERSION);
    put_varint(out, zigzag((uint64_t)first->device_no));
    put_varint(out, first->epoch);
    put_varint(out, count);
    put_varint(out, zigzag((uint64_t)first->position.seq));
    put_varint(out, (uint64_t)rows[count - 1].position.seq - (uint64_t)first->position.seq);
    put_varint(out, zigzag((uint64_t)first->previous.seq));
    put_varint(out, zigzag(first->previous.seq ? (uint64_t)first->position.day - (uint64_t)first->previous.day : 0));
    put_varint(out, zigzag((uint64_t)at_min));
    put_varint(out, (uint64_t)at_max - (uint64_t)at_min);
    put_varint(out, zigzag((uint64_t)received_max - (uint64_t)at_max));
}

static enum err assemble(struct encoder *e, struct buf *out)
{
    struct buf packed_rollups;
    struct buf packed_body;
    buf_init(&packed_rollups, 2 * CHUNK_BYTES_MAX);
    buf_init(&packed_body, 2 * CHUNK_BYTES_MAX);
    enum err err = e->rollups.len > 0 ? pack(&packed_rollups, &e->rollups) : ERR_OK;
    if (err == ERR_OK) {
        err = pack(&packed_body, &e->body);
    }
    if (err == ERR_OK) {
        head_put(out, e->rows, e->count);
        put_varint(out, e->rollups.len);
        put_varint(out, packed_rollups.len);
        put_varint(out, e->body.len);
        put_varint(out, packed_body.len);
        buf_append(out, packed_rollups.data, packed_rollups.len);
        buf_append(out, packed_body.data, packed_body.len);
        err = out->failed ? ERR_LIMIT : ERR_OK;
    }
    buf_deinit(&packed_rollups);
    buf_deinit(&packed_body);
    return err;
}

static bool same_text(struct str a, struct str b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && str_eq(a, b);
}

static bool same_row(const struct sample_row *a, const struct sample_row *b)
{
    return a->position.day == b->position.day && a->position.seq == b->position.seq &&
           a->previous.day == b->previous.day && a->previous.seq == b->previous.seq && a->device_no == b->device_no &&
           a->epoch == b->epoch && a->kind == b->kind && a->status == b->status && a->override == b->override &&
           a->at_ms == b->at_ms && a->received_ms == b->received_ms &&
           a->device_timestamp_ms == b->device_timestamp_ms && same_text(a->message, b->message) &&
           str_eq(a->values, b->values);
}

/* What is about to replace the rows must give them back. */
static enum err verify(struct str chunk, const struct sample_row *rows, size_t count)
{
    struct chunk_rows decoded;
    if (chunk_decode(chunk, rows[0].position.day, &decoded) != ERR_OK) {
        return ERR_INTERNAL;
    }
    bool same = decoded.count == count;
    for (size_t i = 0; same && i < count; i++) {
        same = same_row(&decoded.rows[i], &rows[i]);
    }
    chunk_rows_deinit(&decoded);
    return same ? ERR_OK : ERR_INTERNAL;
}

enum err chunk_encode(const struct sample_row *rows, size_t count, struct buf *out)
{
    assert(count > 0 && count <= CHUNK_ROWS_MAX);
    struct encoder e;
    size_t start = out->len;
    encoder_init(&e, rows, count);
    add_rows(&e);
    put_times(&e);
    put_flags(&e);
    put_shapes(&e);
    put_columns(&e);
    rollups_put(&e);
    enum err err = assemble(&e, out);
    encoder_deinit(&e);
    return err == ERR_OK ? verify(str_from(out->data + start, out->len - start), rows, count) : err;
}

/* ---- decoding: the head ---- */

struct head {
    struct sample_run run;
    uint64_t rollups_len, body_len; /* unpacked */
    struct str rollups, body;       /* packed */
};

static struct str take_bytes(struct cursor *c, uint64_t len)
{
    return cursor_str(c, len > SIZE_MAX ? SIZE_MAX : (size_t)len);
}

static enum err head_take(struct str chunk, int32_t day, struct head *ret_head)
{
    struct cursor c = cursor_make(chunk.ptr, chunk.len);
    struct sample_run *run = &ret_head->run;
    uint8_t version = cursor_u8(&c);
    run->device_no = (int64_t)unzigzag(take_varint(&c));
    uint64_t epoch = take_varint(&c);
    uint64_t rows = take_varint(&c);
    run->first_seq = (int64_t)unzigzag(take_varint(&c));
    run->last_seq = (int64_t)((uint64_t)run->first_seq + take_varint(&c));
    run->previous.seq = (int64_t)unzigzag(take_varint(&c));
    run->previous.day = (int32_t)((uint32_t)day - (uint32_t)unzigzag(take_varint(&c)));
    run->at_min_ms = (int64_t)unzigzag(take_varint(&c));
    run->at_max_ms = (int64_t)((uint64_t)run->at_min_ms + take_varint(&c));
    run->received_max_ms = (int64_t)((uint64_t)run->at_max_ms + unzigzag(take_varint(&c)));
    ret_head->rollups_len = take_varint(&c);
    uint64_t rollups_packed = take_varint(&c);
    ret_head->body_len = take_varint(&c);
    uint64_t body_packed = take_varint(&c);
    ret_head->rollups = take_bytes(&c, rollups_packed);
    ret_head->body = take_bytes(&c, body_packed);
    if (c.failed || cursor_left(&c) > 0 || version != VERSION || rows == 0 || rows > CHUNK_ROWS_MAX || epoch > UINT32_MAX ||
        run->at_max_ms < run->at_min_ms || run->last_seq < run->first_seq) {
        return ERR_INVALID;
    }
    if (run->previous.seq == 0) {
        run->previous.day = 0;
    }
    run->epoch = (uint32_t)epoch;
    run->rows = (uint32_t)rows;
    return ERR_OK;
}

enum err chunk_run(struct str chunk, int32_t day, struct sample_run *ret_run)
{
    struct head head;
    enum err err = head_take(chunk, day, &head);
    if (err == ERR_OK) {
        *ret_run = head.run;
    }
    return err;
}

/* ---- decoding: rows ---- */

struct shape_entry {
    uint32_t key;
    enum entry_type type;
};
struct shape_view {
    struct shape_entry *entries; /* within `entries` of the decoder */
    size_t count;
};
struct value_column {
    struct str key;
    uint64_t counts[4]; /* by entry_type */
    uint64_t taken[4];
    struct cursor bools;
    double *numbers;
    struct str *strings;
};

struct decoder {
    struct chunk_rows *out;
    uint8_t *body;
    size_t *values_at;       /* of each row, in out->text */
    uint32_t *shape_of_row;
    struct value_column *columns;
    size_t column_count;
    struct shape_entry *entries;
    struct shape_view *shapes;
    size_t shape_count;
};

static enum err take_times(struct cursor *body, const struct head *head, int32_t day, struct sample_row *rows)
{
    size_t count = head->run.rows;
    struct cursor c = take_section(body);
    uint64_t seq = (uint64_t)head->run.first_seq;
    uint64_t step = 0;
    rows[0].position = (struct sample_position){day, (int64_t)seq};
    rows[0].previous = head->run.previous;
    for (size_t i = 1; i < count; i++) {
        step += unzigzag(take_varint(&c));
        seq += step;
        rows[i].position = (struct sample_position){day, (int64_t)seq};
        rows[i].previous = rows[i - 1].position;
        c.failed |= rows[i].position.seq <= rows[i - 1].position.seq;
    }
    if (c.failed || cursor_left(&c) > 0 || rows[count - 1].position.seq != head->run.last_seq) {
        return ERR_INVALID;
    }
    c = take_section(body);
    uint64_t before = 0;
    step = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = before + step + unzigzag(take_varint(&c));
        step = i > 0 ? at - before : 0;
        before = at;
        rows[i].at_ms = (int64_t)at;
    }
    if (c.failed || cursor_left(&c) > 0) {
        return ERR_INVALID;
    }
    c = take_section(body);
    uint64_t delay = 0;
    for (size_t i = 0; i < count; i++) {
        delay += unzigzag(take_varint(&c));
        rows[i].received_ms = (int64_t)((uint64_t)rows[i].at_ms + delay);
    }
    return c.failed || cursor_left(&c) > 0 ? ERR_INVALID : ERR_OK;
}

static enum err take_messages(struct cursor *body, const uint8_t *flags, struct sample_row *rows, size_t count)
{
    struct cursor c = take_section(body);
    struct str *messages = mem_calloc(count, sizeof *messages);
    size_t message_count = 0;
    for (size_t i = 0; i < count; i++) {
        message_count += (flags[i] & FLAG_MESSAGE) != 0;
    }
    enum err err = take_strings(&c, messages, message_count);
    size_t taken = 0;
    for (size_t i = 0; err == ERR_OK && i < count; i++) {
        rows[i].message = flags[i] & FLAG_MESSAGE ? messages[taken++] : (struct str){NULL, 0};
    }
    mem_free(messages);
    return err;
}

static enum err take_flags(struct cursor *body, const struct head *head, struct sample_row *rows)
{
    size_t count = head->run.rows;
    struct cursor c = take_section(body);
    const uint8_t *flags = cursor_bytes(&c, count);
    if (!flags || cursor_left(&c) > 0) {
        return ERR_INVALID;
    }
    c = take_section(body);
    for (size_t i = 0; i < count; i++) {
        unsigned kind = flags[i] & 3u;
        if (kind > SAMPLE_RECOVERED || flags[i] & 0x80u) {
            return ERR_INVALID;
        }
        rows[i].device_no = head->run.device_no;
        rows[i].epoch = head->run.epoch;
        rows[i].kind = (enum sample_kind)kind;
        rows[i].status = (enum device_status)(flags[i] >> 2 & 3u);
        rows[i].override = (flags[i] & FLAG_OVERRIDE) != 0;
        rows[i].device_timestamp_ms =
            flags[i] & FLAG_TIMESTAMP ? (int64_t)((uint64_t)rows[i].at_ms + unzigzag(take_varint(&c))) : INT64_MIN;
    }
    return c.failed || cursor_left(&c) > 0 ? ERR_INVALID : take_messages(body, flags, rows, count);
}

static enum err take_keys(struct decoder *d, struct cursor *body)
{
    struct cursor c = take_section(body);
    uint64_t count = take_varint(&c);
    if (c.failed || count > cursor_left(&c)) { /* each takes a byte at least */
        return ERR_INVALID;
    }
    d->column_count = (size_t)count;
    d->columns = mem_calloc(d->column_count + 1, sizeof *d->columns);
    for (size_t i = 0; i < d->column_count; i++) {
        struct cursor key = take_section(&c);
        if (key.failed || cursor_left(&key) > UINT16_MAX) {
            return ERR_INVALID;
        }
        d->columns[i].key = str_from(key.ptr, cursor_left(&key));
    }
    return cursor_left(&c) > 0 ? ERR_INVALID : ERR_OK;
}

static enum err take_shapes(struct decoder *d, struct cursor *body)
{
    struct cursor c = take_section(body);
    uint64_t count = take_varint(&c);
    size_t used = 0;
    if (c.failed || count > cursor_left(&c)) {
        return ERR_INVALID;
    }
    d->shape_count = (size_t)count;
    d->shapes = mem_calloc(d->shape_count + 1, sizeof *d->shapes);
    d->entries = mem_calloc(cursor_left(&c) + 1, sizeof *d->entries); /* each takes a byte at least */
    for (size_t i = 0; i < d->shape_count; i++) {
        struct cursor shape = take_section(&c);
        d->shapes[i].entries = &d->entries[used];
        while (cursor_left(&shape) > 0) {
            uint64_t entry = take_varint(&shape);
            if (shape.failed || entry >> 2 >= d->column_count) {
                return ERR_INVALID;
            }
            d->entries[used++] = (struct shape_entry){(uint32_t)(entry >> 2), (enum entry_type)(entry & 3)};
            d->shapes[i].count++;
        }
        if (shape.failed) {
            return ERR_INVALID;
        }
    }
    return cursor_left(&c) > 0 ? ERR_INVALID : ERR_OK;
}

/* Counts what the columns must hold, and refuses what would become too large, before anything is allocated for it. */
static enum err take_row_shapes(struct decoder *d, struct cursor *body, size_t count)
{
    struct cursor c = take_section(body);
    size_t bytes = 0;
    d->shape_of_row = mem_calloc(count, sizeof *d->shape_of_row);
    for (size_t i = 0; i < count; i++) {
        uint64_t shape = take_varint(&c);
        if (c.failed || shape >= d->shape_count) {
            return ERR_INVALID;
        }
        d->shape_of_row[i] = (uint32_t)shape;
        for (size_t n = 0; n < d->shapes[shape].count; n++) {
            const struct shape_entry *entry = &d->shapes[shape].entries[n];
            d->columns[entry->key].counts[entry->type]++;
            bytes += 3 + d->columns[entry->key].key.len;
        }
        if (bytes > CHUNK_BYTES_MAX) {
            return ERR_INVALID;
        }
    }
    return cursor_left(&c) > 0 ? ERR_INVALID : ERR_OK;
}

static enum err take_column(struct value_column *column, struct cursor *body)
{
    column->bools = take_section(body);
    struct cursor numbers = take_section(body);
    struct cursor strings = take_section(body);
    uint64_t number_count = column->counts[ENTRY_NUMBER];
    uint64_t string_count = column->counts[ENTRY_STRING];
    if (body->failed || cursor_left(&column->bools) != (column->counts[ENTRY_BOOL] + 7) / 8 ||
        number_count >= cursor_left(&numbers) || string_count >= cursor_left(&strings)) {
        return ERR_INVALID; /* a value takes a byte at least, and so does what precedes them */
    }
    column->numbers = mem_calloc((size_t)number_count + 1, sizeof *column->numbers);
    column->strings = mem_calloc((size_t)string_count + 1, sizeof *column->strings);
    enum err err = take_numbers(&numbers, column->numbers, (size_t)number_count);
    return err == ERR_OK ? take_strings(&strings, column->strings, (size_t)string_count) : err;
}

static void entry_put(struct buf *out, struct value_column *column, enum entry_type type)
{
    uint64_t at = column->taken[type]++;
    uint16_t key_len = (uint16_t)column->key.len;
    enum flat_type flat = FLAT_NULL;
    if (type == ENTRY_BOOL) {
        flat = column->bools.ptr[at / 8] >> at % 8 & 1 ? FLAT_TRUE : FLAT_FALSE;
    } else if (type != ENTRY_NULL) {
        flat = type == ENTRY_NUMBER ? FLAT_NUMBER : FLAT_STRING;
    }
    buf_append(out, &key_len, sizeof key_len);
    buf_append_u8(out, (uint8_t)flat);
    buf_append_str(out, column->key);
    if (type == ENTRY_NUMBER) {
        buf_append(out, &column->numbers[at], sizeof column->numbers[at]);
    } else if (type == ENTRY_STRING) {
        uint32_t len = (uint32_t)column->strings[at].len;
        buf_append(out, &len, sizeof len);
        buf_append_str(out, column->strings[at]);
    }
}

/* The texts move while the buffer grows: their places first, their addresses at the end. */
static enum err texts_put(struct decoder *d, size_t count)
{
    struct buf *text = &d->out->text;
    d->values_at = mem_calloc(2 * count, sizeof *d->values_at);
    for (size_t i = 0; i < count; i++) {
        const struct shape_view *shape = &d->shapes[d->shape_of_row[i]];
        d->values_at[2 * i] = text->len;
        buf_append_str(text, d->out->rows[i].message);
        d->values_at[2 * i + 1] = text->len;
        for (size_t n = 0; n < shape->count && !text->failed; n++) {
            entry_put(text, &d->columns[shape->entries[n].key], shape->entries[n].type);
        }
        d->out->rows[i].values.len = text->len - d->values_at[2 * i + 1];
    }
    buf_append_u8(text, 0); /* so that there are addresses */
    if (text->failed) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < count; i++) {
        struct sample_row *row = &d->out->rows[i];
        row->message.ptr = row->message.ptr ? (const char *)text->data + d->values_at[2 * i] : NULL;
        row->values.ptr = (const char *)text->data + d->values_at[2 * i + 1];
    }
    return ERR_OK;
}

static enum err take_rows(struct decoder *d, const struct head *head, int32_t day)
{
    struct cursor body = cursor_make(d->body, (size_t)head->body_len);
    size_t count = head->run.rows;
    enum err err = take_times(&body, head, day, d->out->rows);
    err = err == ERR_OK ? take_flags(&body, head, d->out->rows) : err;
    err = err == ERR_OK ? take_keys(d, &body) : err;
    err = err == ERR_OK ? take_shapes(d, &body) : err;
    err = err == ERR_OK ? take_row_shapes(d, &body, count) : err;
    for (size_t i = 0; err == ERR_OK && i < d->column_count; i++) {
        err = take_column(&d->columns[i], &body);
    }
    if (err != ERR_OK || body.failed || cursor_left(&body) > 0) {
        return ERR_INVALID;
    }
    return texts_put(d, count);
}

enum err chunk_decode(struct str chunk, int32_t day, struct chunk_rows *ret_rows)
{
    struct head head;
    struct chunk_rows out = {.rows = NULL};
    struct decoder d = {.out = &out};
    enum err err = head_take(chunk, day, &head);
    err = err == ERR_OK ? unpack(head.body, head.body_len, &d.body) : err;
    if (err != ERR_OK) {
        return ERR_INVALID;
    }
    out.count = head.run.rows;
    out.rows = mem_calloc(out.count, sizeof *out.rows);
    buf_init(&out.text, CHUNK_BYTES_MAX);
    err = take_rows(&d, &head, day);
    for (size_t i = 0; d.columns && i < d.column_count; i++) {
        mem_free(d.columns[i].numbers);
        mem_free(d.columns[i].strings);
    }
    mem_free(d.columns);
    mem_free(d.entries);
    mem_free(d.shapes);
    mem_free(d.shape_of_row);
    mem_free(d.values_at);
    mem_free(d.body);
    if (err != ERR_OK) {
        chunk_rows_deinit(&out);
        return ERR_INVALID;
    }
    *ret_rows = out;
    return ERR_OK;
}

void chunk_rows_deinit(struct chunk_rows *rows)
{
    mem_free(rows->rows);
    buf_deinit(&rows->text);
    *rows = (struct chunk_rows){.rows = NULL};
}

/* ---- decoding: roll-ups ---- */

struct rollup_view {
    struct cursor buckets, counts; /* varints */
    struct cursor columns[4];      /* minima, maxima, sums, last values */
    size_t count;
};

static void skip_varints(struct cursor *c, uint64_t count)
{
    for (uint64_t i = 0; i < count && !c->failed; i++) {
        take_varint(c);
    }
}

static enum err rollup_key_take(struct cursor *c, struct str *ret_key, struct rollup_view *view)
{
    struct cursor key = take_section(c);
    uint64_t count = take_varint(c);
    if (c->failed || count > CHUNK_ROWS_MAX) {
        return ERR_INVALID;
    }
    *ret_key = str_from(key.ptr, cursor_left(&key));
    view->count = (size_t)count;
    view->buckets = *c;
    skip_varints(c, count);
    view->counts = *c;
    skip_varints(c, count);
    for (unsigned i = 0; i < 4; i++) {
        view->columns[i] = take_section(c);
    }
    return c->failed ? ERR_INVALID : ERR_OK;
}

static enum err rollups_visit(struct rollup_view *view, bool (*visit)(const struct sample_rollup *rollup, void *arg),
                              void *arg)
{
    double *values = mem_calloc(4 * view->count + 1, sizeof *values);
    enum err err = ERR_OK;
    for (unsigned i = 0; err == ERR_OK && i < 4; i++) {
        err = take_numbers(&view->columns[i], values + i * view->count, view->count);
    }
    uint64_t bucket = 0;
    for (size_t i = 0; err == ERR_OK && i < view->count; i++) {
        bucket += unzigzag(take_varint(&view->buckets));
        struct sample_rollup rollup = {
            .from_ms = (int64_t)(bucket * (uint64_t)CHUNK_ROLLUP_MS),
            .count = take_varint(&view->counts),
            .min = values[i],
            .max = values[view->count + i],
            .sum = values[2 * view->count + i],
            .last = values[3 * view->count + i],
        };
        rollup.to_ms = (int64_t)((uint64_t)rollup.from_ms + (uint64_t)CHUNK_ROLLUP_MS - 1);
        if (!visit(&rollup, arg)) {
            break;
        }
    }
    mem_free(values);
    return err;
}

enum err chunk_rollups(struct str chunk, struct str key, bool (*visit)(const struct sample_rollup *rollup, void *arg),
                       void *arg)
{
    struct head head;
    uint8_t *raw = NULL;
    enum err err = head_take(chunk, 0, &head);
    if (err == ERR_OK && head.rollups_len == 0) {
        return ERR_NOT_FOUND;
    }
    err = err == ERR_OK ? unpack(head.rollups, head.rollups_len, &raw) : err;
    if (err != ERR_OK) {
        return err;
    }
    struct cursor c = cursor_make(raw, (size_t)head.rollups_len);
    err = cursor_u8(&c) == VERSION ? ERR_OK : ERR_INVALID;
    while (err == ERR_OK && cursor_left(&c) > 0) {
        struct rollup_view view;
        struct str found;
        err = rollup_key_take(&c, &found, &view);
        if (err == ERR_OK && str_eq(found, key)) {
            err = rollups_visit(&view, visit, arg);
            break;
        }
    }
    mem_free(raw);
    return err;
}
