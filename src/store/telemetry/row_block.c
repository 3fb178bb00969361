#include "store/telemetry/row_block.h"

#include "store/telemetry/column.h"

enum { FLAG_KIND = 3, FLAG_STATUS_SHIFT = 2, FLAG_OVERRIDE = 1 << 4, FLAG_MESSAGE = 1 << 5, FLAG_TIMESTAMP = 1 << 6, FLAG_PREVIOUS = 1 << 7 };

void row_block_init(struct row_block *block)
{
    *block = (struct row_block){.count = 0};
    buf_init(&block->bytes, ROW_BLOCK_BYTES_MAX);
}

void row_block_deinit(struct row_block *block)
{
    buf_deinit(&block->bytes);
}

void row_block_begin(struct row_block *block, int32_t day, int64_t first_seq)
{
    buf_clear(&block->bytes);
    block->day = day;
    block->first_seq = first_seq;
    block->count = 0;
    block->at_ms = 0;
}

static void put_difference(struct buf *out, int64_t value, int64_t base)
{
    put_varint(out, zigzag((uint64_t)value - (uint64_t)base));
}

static int64_t take_difference(struct cursor *c, int64_t base)
{
    return (int64_t)((uint64_t)base + unzigzag(take_varint(c)));
}

static void put_previous(struct buf *out, const struct sample_row *row)
{
    bool same_day = row->previous.day == row->position.day;
    put_difference(out, row->position.day, row->previous.day);
    put_difference(out, row->previous.seq, same_day ? row->position.seq : 0);
}

static void put_text(struct buf *out, struct str text)
{
    put_varint(out, text.len);
    buf_append_str(out, text);
}

static void put_row(struct row_block *block, const struct sample_row *row)
{
    struct buf *out = &block->bytes;
    unsigned flags = ((unsigned)row->kind & FLAG_KIND) | ((unsigned)row->status & 3u) << FLAG_STATUS_SHIFT |
                     (row->override ? FLAG_OVERRIDE : 0u) | (row->message.ptr ? FLAG_MESSAGE : 0u) |
                     (row->device_timestamp_ms != INT64_MIN ? FLAG_TIMESTAMP : 0u) | (row->previous.seq ? FLAG_PREVIOUS : 0u);
    buf_append_u8(out, (uint8_t)flags);
    put_varint(out, (uint64_t)row->device_no);
    put_varint(out, row->epoch);
    put_difference(out, row->at_ms, block->at_ms);
    put_difference(out, row->received_ms, row->at_ms);
    if (flags & FLAG_TIMESTAMP) {
        put_difference(out, row->device_timestamp_ms, row->at_ms);
    }
    if (flags & FLAG_PREVIOUS) {
        put_previous(out, row);
    }
    if (flags & FLAG_MESSAGE) {
        put_text(out, row->message);
    }
    put_text(out, row->values);
}

bool row_block_add(struct row_block *block, const struct sample_row *row)
{
    size_t before = block->bytes.len;
    put_row(block, row);
    if (block->count > 0 && block->bytes.len > ROW_BLOCK_BYTES) {
        block->bytes.len = before;
        return false;
    }
    block->at_ms = row->at_ms;
    block->count++;
    return true;
}

struct row_block_reader row_block_read(struct str bytes, int32_t day, int64_t first_seq, int64_t count)
{
    return (struct row_block_reader){
        .cursor = cursor_make(bytes.ptr, bytes.len), .day = day, .next_seq = first_seq, .left = count};
}

static void take_previous(struct cursor *c, struct sample_row *row)
{
    row->previous.day = (int32_t)((uint64_t)row->position.day - (uint64_t)take_difference(c, 0));
    row->previous.seq = take_difference(c, row->previous.day == row->position.day ? row->position.seq : 0);
}

static struct str take_text(struct cursor *c)
{
    struct str text = cursor_str(c, take_varint(c));
    return text.ptr ? text : STR("");
}

bool row_block_next(struct row_block_reader *reader, struct sample_row *ret_row)
{
    struct cursor *c = &reader->cursor;
    if (reader->left <= 0 || c->failed) {
        return false;
    }
    unsigned flags = cursor_u8(c);
    *ret_row = (struct sample_row){.position = {reader->day, reader->next_seq},
                                   .kind = (enum sample_kind)(flags & FLAG_KIND),
                                   .status = (enum device_status)(flags >> FLAG_STATUS_SHIFT & 3u),
                                   .override = (flags & FLAG_OVERRIDE) != 0,
                                   .device_timestamp_ms = INT64_MIN};
    ret_row->device_no = (int64_t)take_varint(c);
    ret_row->epoch = (uint32_t)take_varint(c);
    ret_row->at_ms = take_difference(c, reader->at_ms);
    ret_row->received_ms = take_difference(c, ret_row->at_ms);
    if (flags & FLAG_TIMESTAMP) {
        ret_row->device_timestamp_ms = take_difference(c, ret_row->at_ms);
    }
    if (flags & FLAG_PREVIOUS) {
        take_previous(c, ret_row);
    }
    if (flags & FLAG_MESSAGE) {
        ret_row->message = take_text(c);
    }
    ret_row->values = take_text(c);
    reader->at_ms = ret_row->at_ms;
    reader->next_seq++;
    reader->left--;
    return !c->failed;
}
