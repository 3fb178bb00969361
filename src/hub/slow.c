#include "hub/slow.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "hub/connection.h"
#include "hub/outbox.h"
#include "hub/session.h"

enum { BUCKETS_PER_TURN = 1024 };

struct slow_walk {
    struct task task;
    struct hub_core *core;
    struct slow_ask *ask;
};

static enum tenant_kind tenant_kind_of(const struct session *session)
{
    switch ((enum party)session->party) {
    case PARTY_ORGANIZATION:
        return TENANT_ORGANIZATION;
    case PARTY_PARTNER:
        return TENANT_PARTNER;
    case PARTY_DEVICE:
    case PARTY_OPEN:
        break;
    }
    return (enum tenant_kind)0;
}

static void copy_client_id(char ret[SLOW_CLIENT_ID_BYTES], struct str id)
{
    struct str prefix = utf8_prefix(id, SLOW_CLIENT_ID_BYTES - 1);
    if (prefix.len > 0) {
        memcpy(ret, prefix.ptr, prefix.len);
    }
    ret[prefix.len] = '\0';
}

static void offer(struct slow_ask *ask, const struct session *session)
{
    const struct outbox *box = session->outbox;
    const struct connection *c = session->connection;
    size_t unsent = c && c->state == CONNECTION_OPEN ? hub_ports(session->loop)->link->output_bytes(c->link) : 0;
    size_t messages = box ? (size_t)box->in_flight + box->waiting : 0;
    if (messages == 0 && unsent == 0) {
        return;
    }
    struct slow_consumer consumer = {
        .serial = session->serial,
        .is_device = session->party == PARTY_DEVICE,
        .tenant_kind = tenant_kind_of(session),
        .tenant_no = session->owner_no,
        .device_id = session->device_id,
        .is_connected = c != NULL,
        .queued_messages = messages,
        .queued_bytes = (box ? box->bytes : 0) + unsent,
    };
    copy_client_id(consumer.client_id, session_client_id(session));
    slow_ask_offer(ask, &consumer);
}

static void look_on(struct task *task);

static void finish(struct task *task)
{
    struct slow_walk *walk = container_of(task, struct slow_walk, task);
    struct slow_ask *ask = walk->ask;
    mem_free(walk);
    ask->done(ask);
}

/* To the loop that is next, which may be this one again; or home. */
static void go_on(struct slow_walk *walk)
{
    struct slow_ask *ask = walk->ask;
    bool is_over = ask->loop == walk->core->loop_count;
    walk->task.run = is_over ? finish : look_on;
    mailbox_post(is_over ? ask->home : walk->core->loops[ask->loop].mailbox, &walk->task);
}

static void look_on(struct task *task)
{
    struct slow_walk *walk = container_of(task, struct slow_walk, task);
    struct slow_ask *ask = walk->ask;
    struct hub_loop *loop = &walk->core->loops[ask->loop];
    struct hashmap_iter iter = {.bucket = ask->place};
    const size_t end = ask->place + BUCKETS_PER_TURN;
    struct hashmap_node *node = NULL;
    while ((iter.next || iter.bucket < end) && (node = hashmap_next(&loop->sessions, &iter)) != NULL) {
        offer(ask, container_of(node, struct session, map));
    }
    ask->place = iter.bucket;
    if (iter.bucket >= loop->sessions.bucket_count) {
        ask->loop++;
        ask->place = 0;
    }
    go_on(walk);
}

void slow_consumers_find(struct hub_core *core, struct slow_ask *ask)
{
    struct slow_walk *walk = mem_new(struct slow_walk);
    walk->core = core;
    walk->ask = ask;
    ask->loop = 0;
    ask->place = 0;
    go_on(walk);
}
