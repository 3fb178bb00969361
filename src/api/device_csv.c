/* A page of lines is read, sent as a chunk, and the next one read once the connection has taken it. A reader that goes or
 * loses its rights, or a store that fails, ends it: without the last chunk the client knows that it has not got all. */
#include "api/device_csv.h"

#include "api/api_internal.h"
#include "api/sse.h"
#include "base/mem.h"
#include "model/account/standing.h"

#define LINES_PER_PAGE 64
#define PAGE_BYTES_MAX ((size_t)8 << 20) /* texts are bounded: less than that */
#define QUEUE_BYTES_MAX ((size_t)16 << 20)

struct csv_export {
    struct op op;
    struct domain *domain;
    struct arena arena;        /* of the filter's texts */
    struct standing standing;  /* looked at before each page */
    struct device_query query;
    struct buf page, frame;
    struct sse *sse;           /* NULL: the reader has gone */
    bool chunked;              /* else HTTP/1.0: up to the end of the connection */
    bool reading;              /* the operation is under way */
    bool end;                  /* no page after this one */
};

static void export_free(struct csv_export *export)
{
    buf_deinit(&export->page);
    buf_deinit(&export->frame);
    arena_deinit(&export->arena);
    mem_free(export);
}

static void read_page(struct op *op, struct store_tx *tx)
{
    struct csv_export *export = container_of(op, struct csv_export, op);
    struct arena arena;
    struct admin admin;
    struct reply reply;
    arena_init(&arena);
    reply_init(&reply);
    admin_init(&admin, export->domain, &arena, &reply, &export->standing.principal, STR(""));
    op->err = device_csv_write(&admin, tx, &export->query, LINES_PER_PAGE, &export->page, &export->end);
    if (op->err == ERR_OK && export->page.failed) {
        op->err = ERR_INTERNAL;
    }
    reply_deinit(&reply);
    arena_deinit(&arena);
}

static void read_next(struct csv_export *export)
{
    export->reading = true;
    export->op.err = ERR_OK;
    op_submit(export->domain->executor, &export->op);
}

static void frame_page(struct csv_export *export)
{
    buf_clear(&export->frame);
    if (export->chunked && export->page.len > 0) {
        buf_printf(&export->frame, "%zx\r\n", export->page.len);
    }
    buf_append_str(&export->frame, buf_str(&export->page));
    if (export->chunked) {
        buf_append_cstr(&export->frame, export->page.len > 0 ? "\r\n" : "");
        buf_append_cstr(&export->frame, export->end ? "0\r\n\r\n" : "");
    }
    buf_clear(&export->page);
}

static void send_frame(struct csv_export *export)
{
    bool stands = standing_renew(&export->standing, export->domain);
    if (stands && !sse_send(export->sse, buf_str(&export->frame))) {
        return; /* again when it is drained */
    }
    if (export->end || !stands) {
        sse_close(export->sse);
    } else {
        read_next(export);
    }
}

static void page_read(struct op *op)
{
    struct csv_export *export = container_of(op, struct csv_export, op);
    export->reading = false;
    if (!export->sse) {
        export_free(export);
    } else if (op->err != ERR_OK) {
        sse_close(export->sse);
    } else {
        frame_page(export);
        send_frame(export);
    }
}

static void on_drained(struct sse *sse)
{
    send_frame(sse_user(sse));
}

static void on_closed(struct sse *sse)
{
    struct csv_export *export = sse_user(sse);
    export->sse = NULL;
    if (!export->reading) {
        export_free(export);
    }
}

void device_csv_send(struct call *call, const struct device_query *query)
{
    static const struct sse_ops ops = {.on_drained = on_drained, .on_closed = on_closed};
    bool is_head = call->is_head;
    struct csv_export *export = mem_new(struct csv_export);
    export->domain = call->domain;
    standing_init(&export->standing, call->domain, &call->principal, http_call_key(http_call_of(call)), call->cookie,
                  call->is_tls);
    export->query = *query;
    arena_init(&export->arena);
    struct device_filter *filter = &export->query.filter;
    struct str *texts[] = {&filter->sn, &filter->mac_normal, &filter->cloud_id, &filter->search, &filter->name};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = texts[i]->ptr ? arena_str(&export->arena, *texts[i]) : *texts[i];
    }
    buf_init(&export->page, PAGE_BYTES_MAX);
    buf_init(&export->frame, PAGE_BYTES_MAX + 64);
    export->op = (struct op){.home = loop_mailbox(loop_current()), .lane = LANE_READ, .run = read_page, .done = page_read};
    export->chunked = http1_head(&http_call_of(call)->connection->parser)->minor_version > 0;
    device_csv_header(call->principal.tenant_kind, &export->page);
    if (export->chunked) {
        call_header(call, "Transfer-Encoding", "chunked");
    }
    call_header(call, "Content-Disposition", "attachment; filename=\"devices.csv\"");
    export->sse = sse_open_as(call, "text/csv; charset=utf-8", &ops, export, QUEUE_BYTES_MAX);
    if (!is_head) {
        read_next(export);
    }
}
