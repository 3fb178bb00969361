/* The decoder of telemetry chunks on any bytes. The first byte chooses: the rest is a whole chunk, or the unpacked rows or
 * roll-ups of one (which no mutation would reach through zstd). What decodes is encoded again and must come back. */
#undef NDEBUG
#include <assert.h>
#include <zstd.h>

#include "base/mem.h"
#include "store/telemetry/chunk.h"
#include "store/telemetry/column.h"

#define DAY 20513

static bool visit(const struct sample_rollup *rollup, void *arg)
{
    unsigned *left = arg;
    assert(rollup->to_ms - rollup->from_ms == CHUNK_ROLLUP_MS - 1 || rollup->to_ms < rollup->from_ms);
    return --*left > 0;
}

static void check_rollups(struct str chunk)
{
    static const struct str keys[] = {STR_INIT("temp"), STR_INIT("n"), STR_INIT("")};
    for (unsigned i = 0; i < 3; i++) {
        unsigned left = 100;
        enum err err = chunk_rollups(chunk, keys[i], visit, &left);
        assert(err == ERR_OK || err == ERR_INVALID || err == ERR_NOT_FOUND);
    }
}

static void check(struct str chunk)
{
    struct chunk_rows rows;
    struct sample_run run;
    check_rollups(chunk);
    if (chunk_decode(chunk, DAY, &rows) != ERR_OK) {
        return;
    }
    assert(chunk_run(chunk, DAY, &run) == ERR_OK && run.rows == rows.count && rows.count <= CHUNK_ROWS_MAX);
    struct buf again;
    buf_init(&again, SIZE_MAX);
    enum err err = chunk_encode(rows.rows, rows.count, &again);
    assert(err == ERR_OK || err == ERR_LIMIT);
    if (err == ERR_OK) {
        check_rollups(buf_str(&again));
    }
    buf_deinit(&again);
    chunk_rows_deinit(&rows);
}

static void put_packed(struct buf *out, const uint8_t *data, size_t len)
{
    size_t room = ZSTD_compressBound(len);
    if (len > 0 && buf_reserve(out, room)) {
        out->len += ZSTD_compress(out->data + out->len, room, data, len, 1);
    }
}

/* A head around unpacked bytes. */
static void check_unpacked(const uint8_t *data, size_t size, bool rollups)
{
    struct buf chunk, packed;
    struct cursor c = cursor_make(data, size);
    uint8_t rows = cursor_u8(&c);
    uint64_t span = take_varint(&c); /* of the rows' numbers */
    size_t left = cursor_left(&c);
    buf_init(&chunk, SIZE_MAX);
    buf_init(&packed, SIZE_MAX);
    put_packed(&packed, c.ptr, left);
    const uint8_t head[] = {1, 2, 0, rows & 0x7f, 4};
    const uint8_t rest[] = {0, 0, 2, 100, 0};
    buf_append(&chunk, head, sizeof head);
    put_varint(&chunk, span);
    buf_append(&chunk, rest, sizeof rest);
    put_varint(&chunk, rollups ? left : 0);
    put_varint(&chunk, rollups ? packed.len : 0);
    put_varint(&chunk, rollups ? 0 : left);
    put_varint(&chunk, rollups ? 0 : packed.len);
    buf_append(&chunk, packed.data, packed.len);
    check(buf_str(&chunk));
    buf_deinit(&packed);
    buf_deinit(&chunk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    if (data[0] % 3 == 0) {
        check(str_from(data + 1, size - 1));
    } else {
        check_unpacked(data + 1, size - 1, data[0] % 3 == 2);
    }
    return 0;
}
