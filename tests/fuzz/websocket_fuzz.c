/* The WebSocket reader on any bytes, all at once and in steps: same result, same payload, same replies. The first byte
 * chooses side and limit, the second the step. */
#undef NDEBUG
#include <assert.h>

#include "codec/websocket/websocket.h"

#define BYTES_MAX ((size_t)16 * 1024 * 1024)

struct outcome {
    enum err err;
    bool closed;
    struct buf payload;
    struct buf output;
};

static void run(const struct websocket_config *config, const uint8_t *data, size_t size, size_t step,
                struct outcome *ret_outcome)
{
    struct websocket *ws = websocket_new(config);
    *ret_outcome = (struct outcome){.err = ERR_OK};
    buf_init(&ret_outcome->payload, BYTES_MAX);
    buf_init(&ret_outcome->output, BYTES_MAX);
    for (size_t at = 0; at < size && ret_outcome->err == ERR_OK; at += step) {
        size_t len = size - at < step ? size - at : step;
        ret_outcome->err = websocket_feed(ws, data + at, len, &ret_outcome->payload, &ret_outcome->output);
        assert(ret_outcome->err == ERR_OK || websocket_is_closed(ws));
    }
    ret_outcome->closed = websocket_is_closed(ws);
    assert(!ret_outcome->closed || websocket_is_closing(ws));
    assert(ret_outcome->payload.len <= size);
    websocket_free(ws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct websocket_config config = {.is_client = data[0] & 1, .message_bytes_max = data[0] >> 1};
    struct outcome whole, steps;
    run(&config, data + 2, size - 2, size, &whole);
    run(&config, data + 2, size - 2, (size_t)data[1] + 1, &steps);
    assert(whole.err == steps.err && whole.closed == steps.closed);
    assert(str_eq(buf_str(&whole.payload), buf_str(&steps.payload)));
    if (!config.is_client) { /* a client's masks differ */
        assert(str_eq(buf_str(&whole.output), buf_str(&steps.output)));
    }
    assert(whole.output.len == steps.output.len);
    buf_deinit(&whole.payload);
    buf_deinit(&whole.output);
    buf_deinit(&steps.payload);
    buf_deinit(&steps.output);
    return 0;
}
