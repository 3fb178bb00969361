/* Blocks of telemetry rows from any bytes; what decodes is encoded again and must come back. */
#undef NDEBUG
#include <assert.h>

#include "store/telemetry/row_block.h"

#define DAY 20513

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct row_block block;
    struct sample_row row, again;
    row_block_init(&block);
    row_block_begin(&block, DAY, 7);
    struct row_block_reader reader = row_block_read(str_from(data, size), DAY, 7, 1000);
    while (row_block_next(&reader, &row) && row_block_add(&block, &row)) {
    }
    struct row_block_reader first = row_block_read(str_from(data, size), DAY, 7, block.count);
    struct row_block_reader second = row_block_read(buf_str(&block.bytes), DAY, 7, block.count);
    for (unsigned i = 0; i < block.count; i++) {
        assert(row_block_next(&first, &row) && row_block_next(&second, &again));
        assert(row.device_no == again.device_no && row.epoch == again.epoch && row.at_ms == again.at_ms);
        assert(row.received_ms == again.received_ms && row.device_timestamp_ms == again.device_timestamp_ms);
        assert(row.kind == again.kind && row.status == again.status && row.override == again.override);
        assert(row.previous.seq == again.previous.seq);
        assert(row.previous.seq == 0 || row.previous.day == again.previous.day); /* 0: there is none, of whatever day */
        assert(str_eq(row.message, again.message) && str_eq(row.values, again.values));
    }
    row_block_deinit(&block);
    return 0;
}
