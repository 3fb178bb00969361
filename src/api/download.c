#include "api/download.h"

#include "api/api_internal.h"
#include "base/mem.h"
#include "codec/http1/byte_range.h"
#include "model/ports/blob_store.h"

#define PORTION_BYTES ((size_t)128 * 1024)

struct download {
    struct op op;
    struct domain *domain;
    struct http_connection *connection; /* NULL: dropped */
    struct blob_reader *reader;
    uint64_t at, end, length;
    uint8_t *portion;
    size_t portion_len;
    bool busy, is_closing;
};

/* ---- the reply's head ---- */

static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c != '\0' && strchr("-._~", c));
}

/* A name for old programs in ASCII, and the real one (RFC 6266). */
static void disposition(struct call *call, struct str filename)
{
    struct buf ascii, real;
    buf_init(&ascii, filename.len + 1);
    buf_init(&real, filename.len * 3 + 1);
    for (size_t i = 0; i < filename.len; i++) {
        char c = filename.ptr[i];
        buf_append_u8(&ascii, is_plain(c) || c == ' ' ? (uint8_t)c : '_');
        if (is_plain(c)) {
            buf_append_u8(&real, (uint8_t)c);
        } else {
            buf_printf(&real, "%%%02X", (unsigned)(uint8_t)c);
        }
    }
    call_header(call, "Content-Disposition", "attachment; filename=\"%.*s\"; filename*=UTF-8''%.*s", STR_ARG(buf_str(&ascii)),
                STR_ARG(buf_str(&real)));
    buf_deinit(&ascii);
    buf_deinit(&real);
}

static bool open_content(struct call *call, const struct download_content *content, uint64_t from, uint64_t length)
{
    struct blob_reader *reader = NULL;
    enum err err = blob_open(call->domain->blobs, &content->id, content->size, &reader);
    if (err != ERR_OK) {
        reply_from_err(&call->reply, err == ERR_NOT_FOUND ? ERR_INTERNAL : err);
        return false;
    }
    struct download *download = mem_new(struct download);
    download->domain = call->domain;
    download->reader = reader;
    download->at = from;
    download->end = from + length;
    download->length = length;
    call->download = download;
    return true;
}

void call_send_content(struct call *call, const struct download_content *content)
{
    uint64_t from = 0, length = content->size;
    struct str range = call->range;
    if (call->if_range.ptr && !str_eq(call->if_range, content->etag)) { /* what it has is of another content */
        range = (struct str){NULL, 0};
    }
    call_header(call, "ETag", "%.*s", STR_ARG(content->etag));
    call_header(call, "Cache-Control", "private, no-cache");
    if (etag_list_has(call->if_none_match, content->etag)) {
        call->reply.status = 304;
        return;
    }
    enum byte_range_result asked = byte_range_parse(range, content->size, &from, &length);
    call_header(call, "Accept-Ranges", "bytes");
    if (asked == BYTE_RANGE_UNSATISFIABLE) {
        call_header(call, "Content-Range", "bytes */%llu", (unsigned long long)content->size);
        reply_error(&call->reply, 416, "Range not satisfiable");
        return;
    }
    if (!open_content(call, content, from, length)) {
        return;
    }
    if (asked == BYTE_RANGE_PART) {
        call_header(call, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)from,
                    (unsigned long long)(from + length - 1), (unsigned long long)content->size);
    }
    disposition(call, content->filename);
    call_header(call, "Content-Security-Policy", "sandbox; default-src 'none'");
    call->content_type = STR("application/octet-stream");
    call->reply.status = asked == BYTE_RANGE_PART ? 206 : 200;
}

uint64_t download_length(const struct download *download)
{
    return download->length;
}

/* ---- sending ---- */

static void close_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct download *download = container_of(op, struct download, op);
    blob_close(download->reader); /* the last descriptor of a removed file frees its blocks: not on a loop */
    download->reader = NULL;
}

static void close_done(struct op *op)
{
    struct download *download = container_of(op, struct download, op);
    if (download->reader) { /* the lane has stopped: the program ends */
        close_run(op, NULL);
    }
    mem_free(download->portion);
    mem_free(download);
}

void download_drop(struct download *download, struct domain *domain)
{
    if (!download) {
        return;
    }
    download->connection = NULL;
    if (!download->busy) {
        download->op = (struct op){.lane = LANE_FILE, .run = close_run, .done = close_done};
        op_submit(domain->executor, &download->op);
    }
}

static void read_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct download *download = container_of(op, struct download, op);
    uint64_t left = download->end - download->at;
    download->portion_len = left < PORTION_BYTES ? (size_t)left : PORTION_BYTES;
    if (!download->portion) {
        download->portion = mem_alloc(PORTION_BYTES);
    }
    op->err = blob_read(download->reader, download->at, download->portion, download->portion_len);
}

static void go_on(struct download *download);

static void read_done(struct op *op)
{
    struct download *download = container_of(op, struct download, op);
    struct http_connection *connection = download->connection;
    download->busy = false;
    if (!connection) {
        download_drop(download, download->domain);
        return;
    }
    if (op->err != ERR_OK) { /* the head promised more: only the end of the connection tells */
        stream_abort(connection->stream);
        return;
    }
    download->at += download->portion_len;
    stream_write(connection->stream, download->portion, download->portion_len);
    go_on(download);
}

static void go_on(struct download *download)
{
    struct http_connection *connection = download->connection;
    if (download->busy || stream_is_congested(connection->stream)) {
        return;
    }
    if (download->at == download->end) {
        connection->download = NULL;
        download_drop(download, download->domain);
        http_connection_sent(connection);
        return;
    }
    download->busy = true;
    download->op = (struct op){.home = loop_mailbox(connection->home->loop), .lane = LANE_FILE, .run = read_run, .done = read_done};
    op_submit(download->domain->executor, &download->op);
}

void download_start(struct download *download, struct http_connection *connection)
{
    download->connection = connection;
    go_on(download);
}

void download_drained(struct download *download)
{
    go_on(download);
}
