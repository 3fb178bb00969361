/* Appending to a dump takes three lanes: its length is read, the bytes are put behind it on the disk, the new length is
 * committed. Appends to one dump wait for one another; what was written before a crash without its commit lies behind the
 * committed length and is overwritten by the next. */
#include "base/hashmap.h"
#include "base/mem.h"
#include "codec/json/json.h"
#include "model/domain.h"
#include "model/file/dump.h"
#include "model/file/file_desk_internal.h"
#include "model/ports/blob_store.h"

struct dump_append {
    struct op op;
    struct dump_append *next; /* behind it in the queue */
    struct append_queue *queue;
    struct dump_appending asked;
    struct device_brief device;
    struct uuid id;
    bool is_id;
    struct arena arena;
    struct dump_row row;
    struct reply reply; /* the caller's is for the caller's thread */
};

static struct dump_append *append_of(struct op *op)
{
    return container_of(op, struct dump_append, op);
}

static void begin(struct dump_append *append);

static void end_done(struct op *op)
{
    struct dump_append *append = append_of(op);
    struct file_desk *desk = append->asked.domain->file_desk;
    pthread_mutex_lock(&desk->lock);
    struct append_queue *queue = append->queue;
    queue->first = append->next;
    if (!queue->first) {
        queue->last = &queue->first;
    }
    struct dump_append *next = queue->first;
    pthread_mutex_unlock(&desk->lock);
    if (op->err != ERR_OK && append->reply.status == 0) {
        reply_from_err(&append->reply, op->err);
    }
    struct reply empty = *append->asked.reply;
    *append->asked.reply = append->reply;
    append->reply = empty;
    reply_deinit(&append->reply);
    append->asked.done(append->asked.user);
    arena_deinit(&append->arena);
    mem_free(append);
    if (next) {
        begin(next);
    }
}

static void step(struct dump_append *append, enum op_lane lane, void (*run)(struct op *op, struct store_tx *tx),
                 void (*done)(struct op *op))
{
    append->op = (struct op){.home = append->asked.home, .lane = lane, .run = run, .done = done};
    op_submit(append->asked.domain->executor, &append->op);
}

static void commit_run(struct op *op, struct store_tx *tx)
{
    struct dump_append *append = append_of(op);
    struct reply *reply = &append->reply;
    const struct settings *settings = domain_settings(append->asked.domain);
    struct dump_row now;
    struct json_writer w;
    op->err = dump_store_find(tx, &append->id, &append->arena, &now);
    if (op->err == ERR_NOT_FOUND) { /* removed meanwhile */
        reply_error(reply, 404, "Dump not found");
        op->err = ERR_OK;
        return;
    }
    int64_t length = append->row.length + (int64_t)upload_size(append->asked.spool);
    if (op->err == ERR_OK) {
        op->err = dump_store_set_length(tx, now.no, length, append->asked.domain->now_unix_ms());
    }
    if (op->err == ERR_OK) {
        op->err = dump_store_trim(tx, now.device_no, (int64_t)settings->limits_device_dumps,
                                  (int64_t)settings->limits_device_dump_bytes);
    }
    if (op->err == ERR_OK) {
        json_writer_init(&w, &reply->body);
        json_begin_object(&w);
        json_field_int(&w, "length", length);
        json_end_object(&w);
        reply->status = 200;
    }
}

static void commit_done(struct op *op)
{
    struct reply *reply = &append_of(op)->reply;
    if (op->err != ERR_OK && !reply_is_error(reply)) { /* written, but not committed */
        reply_from_err(reply, op->err);
    }
    end_done(op);
}

static void write_run(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct dump_append *append = append_of(op);
    op->err = blob_append(upload_writer(append->asked.spool), &append->id, (uint64_t)append->row.length);
    if (op->err == ERR_NOT_FOUND) {
        reply_error(&append->reply, 404, "Dump not found");
    }
}

static void write_done(struct op *op)
{
    if (op->err != ERR_OK) {
        end_done(op);
    } else {
        step(append_of(op), LANE_REGISTRY, commit_run, commit_done);
    }
}

static void find_run(struct op *op, struct store_tx *tx)
{
    struct dump_append *append = append_of(op);
    struct reply *reply = &append->reply;
    size_t max = domain_settings(append->asked.domain)->limits_dump_size;
    op->err = append->is_id ? dump_store_find(tx, &append->id, &append->arena, &append->row) : ERR_NOT_FOUND;
    if (op->err == ERR_NOT_FOUND || (op->err == ERR_OK && append->row.device_no != append->device.no)) {
        reply_error(reply, 404, "Dump not found");
    } else if (op->err == ERR_OK && !append->asked.spool) {
        reply_error(reply, 422, "Data can't be blank");
    } else if (op->err == ERR_OK && max && (uint64_t)append->row.length + upload_size(append->asked.spool) > max) {
        reply_error(reply, 413, "Payload too large");
    }
}

static void find_done(struct op *op)
{
    struct dump_append *append = append_of(op);
    if (op->err != ERR_OK || append->reply.status != 0) {
        end_done(op);
    } else {
        step(append, LANE_FILE, write_run, write_done);
    }
}

static void begin(struct dump_append *append)
{
    step(append, LANE_READ, find_run, find_done);
}

void dump_append(const struct dump_appending *appending)
{
    struct file_desk *desk = appending->domain->file_desk;
    struct dump_append *append = mem_new(struct dump_append);
    append->asked = *appending;
    append->device = *appending->device;
    append->is_id = uuid_parse(appending->dump_id, &append->id);
    arena_init(&append->arena);
    reply_init(&append->reply);
    pthread_mutex_lock(&desk->lock);
    append->queue = &desk->appends[hash_bytes(append->id.bytes, sizeof append->id.bytes) % APPEND_QUEUES];
    bool is_first = !append->queue->first;
    *append->queue->last = append;
    append->queue->last = &append->next;
    pthread_mutex_unlock(&desk->lock);
    if (is_first) {
        begin(append);
    }
}
