#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/json/json.h"

#define UNIX_START_MS INT64_C(1700000000000)
#define CLIENT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define CONGESTED_BYTES ((size_t)256 * 1024) /* as for a stream */
#define PAST_TIMERS_MAX 100u
#define BRIEF_KEY_NO 105

static struct world *the_world; /* ports get a struct domain; there is one world at a time */

/* --- loops -------------------------------------------------------------------------------------------------------- */

static void post(struct mailbox *mailbox, struct task *task)
{
    struct world_mailbox *m = container_of(mailbox, struct world_mailbox, mailbox);
    task->next = NULL;
    *m->last = task;
    m->last = &task->next;
}

static bool run_tasks(struct world_mailbox *m)
{
    struct task *task = m->first;
    m->first = NULL;
    m->last = &m->first;
    bool any = task != NULL;
    while (task) {
        struct task *next = task->next;
        task->run(task);
        task = next;
    }
    return any;
}

static uint64_t now_ms(const struct hub_loop *loop)
{
    return ((const struct world *)loop->user)->now_ms;
}

static int64_t unix_ms(const struct hub_loop *loop)
{
    const struct world *w = loop->user;
    return UNIX_START_MS + w->clock_ahead_ms + (int64_t)w->now_ms;
}

static int64_t domain_unix_ms(void)
{
    return UNIX_START_MS + the_world->clock_ahead_ms + (int64_t)the_world->now_ms;
}

static void flush_later(struct hub_loop *loop)
{
    (void)loop; /* world_settle() flushes every loop */
}

/* --- operations --------------------------------------------------------------------------------------------------- */

static void done_task(struct task *task)
{
    struct op *op = container_of(task, struct op, task);
    op->done(op);
}

static void submit(struct executor *executor, struct op *op)
{
    struct world *w = container_of(executor, struct world, executor);
    if (w->full && op->home) {
        op->err = ERR_BUSY;
        op->task.run = done_task;
        mailbox_post(op->home, &op->task);
        return;
    }
    op->task.next = NULL;
    *w->last_waiting = op;
    w->last_waiting = (struct op **)&op->task.next;
}

static void op_execute(struct world *w, struct op *op)
{
    if (w->fail || w->dead) {
        op->err = ERR_STORAGE;
        if (op->rolled_back) {
            op->rolled_back(op);
        }
    } else {
        op->err = ERR_OK;
        op->run(op, NULL);
    }
    if (op->home) {
        op->task.run = done_task;
        mailbox_post(op->home, &op->task);
    } else {
        op->done(op);
    }
}

static struct op *op_take(struct world *w, enum op_lane lane)
{
    struct op **place = &w->waiting;
    while (*place && lane != LANE_COUNT && (*place)->lane != lane) {
        place = (struct op **)&(*place)->task.next;
    }
    struct op *op = *place;
    if (op) {
        *place = (struct op *)op->task.next;
        if (!*place) {
            w->last_waiting = place;
        }
    }
    return op;
}

void world_release(struct world *w, enum op_lane lane, unsigned count)
{
    struct op *op;
    while (count-- > 0 && (op = op_take(w, lane)) != NULL) {
        op_execute(w, op);
    }
    world_settle(w);
}

/* --- recording, for the fuzz target's seeds ------------------------------------------------------------------------ */

void world_record(struct world *w, enum world_step step, const struct world_client *c, unsigned amount)
{
    if (w->record) {
        buf_append_u8(w->record, (uint8_t)((unsigned)step << 2 | (c ? (unsigned)(c - w->clients) & 3 : 0)));
        buf_append_u8(w->record, (uint8_t)amount);
    }
}

static const struct {
    const char *name;
    size_t offset;
    uint64_t value;
} limits[] = {
#define LIMIT(field, value) {#field, offsetof(struct settings, field), value}
    LIMIT(mqtt_open_queue, 4),           LIMIT(mqtt_device_queue, 2),       LIMIT(mqtt_application_queue, 2),
    LIMIT(mqtt_receive_maximum, 2),      LIMIT(mqtt_device_retained, 1),    LIMIT(mqtt_open_retained, 2),
    LIMIT(mqtt_topic_aliases, 2),        LIMIT(mqtt_device_publishes, 2),   LIMIT(mqtt_application_publishes, 2),
    LIMIT(mqtt_device_subscribes, 2),    LIMIT(mqtt_device_filters, 2),     LIMIT(mqtt_open_filters, 2),
    LIMIT(mqtt_application_sessions, 2), LIMIT(mqtt_packet_max, 300),       LIMIT(mqtt_failed_connects, 2),
    LIMIT(mqtt_device_queue_bytes, 200), LIMIT(mqtt_open_retained_bytes, 20),
};
#define LIMITS (sizeof limits / sizeof limits[0])

void world_limit(struct world *w, unsigned which)
{
    memcpy((char *)&w->settings + limits[which % LIMITS].offset, &limits[which % LIMITS].value, sizeof(uint64_t));
}

void world_record_limit(struct world *w, struct str name)
{
    for (unsigned i = 0; i < LIMITS; i++) {
        if (str_eq(name, str_from_cstr(limits[i].name))) {
            world_record(w, WORLD_LIMIT, NULL, i);
        }
    }
}

static void record_bytes(struct world *w, const struct world_client *c, const uint8_t *data, size_t len)
{
    for (size_t at = 0, part; w->record && at < len; at += part) {
        part = len - at < 255 ? len - at : 255;
        world_record(w, WORLD_SEND, c, (unsigned)part);
        buf_append(w->record, data + at, part);
    }
}

/* --- links -------------------------------------------------------------------------------------------------------- */

static struct buf *link_output(void *link)
{
    return &((struct world_client *)link)->output;
}

static size_t link_output_bytes(void *link)
{
    const struct world_client *c = link;
    size_t of_turn = c->output.len > c->turn_began ? c->output.len - c->turn_began : 0;
    return c->output_blocked + of_turn;
}

static void link_commit(void *link)
{
    struct world_client *c = link;
    c->congested |= link_output_bytes(link) >= CONGESTED_BYTES;
}

static void link_pause(void *link)
{
    ((struct world_client *)link)->paused = true;
}

static void link_resume(void *link)
{
    ((struct world_client *)link)->paused = false;
    ((struct world_client *)link)->wants_data = true;
}

static void link_again(void *link)
{
    ((struct world_client *)link)->wants_data = true;
}

static void link_close(void *link)
{
    ((struct world_client *)link)->closing = true;
}

static void link_move(void *link, unsigned loop_index)
{
    ((struct world_client *)link)->moving = true;
    ((struct world_client *)link)->move_to = loop_index;
}

static const struct link_ops link = {.output = link_output,
                                     .commit = link_commit,
                                     .output_bytes = link_output_bytes,
                                     .pause = link_pause,
                                     .resume = link_resume,
                                     .again = link_again,
                                     .close = link_close,
                                     .leave = link_close,
                                     .move = link_move};

static bool client_step(struct world_client *c)
{
    if (!c->connection) {
        return false;
    }
    if (c->closing) {
        connection_closed(c->connection);
        c->connection = NULL;
        buf_clear(&c->input);
        return true;
    }
    if (c->moving) {
        c->moving = false;
        c->loop = c->move_to;
        connection_arrived(c->connection, &c->world->core.loops[c->loop]);
        return true;
    }
    if (c->paused || !c->wants_data || c->input.len == 0) {
        return false;
    }
    c->wants_data = false;
    size_t used = connection_data(c->connection, c->input.data, c->input.len);
    buf_consume(&c->input, used < c->input.len ? used : c->input.len);
    if (c->connection->version != MQTT_VERSION_NONE) {
        c->version = (enum mqtt_version)c->connection->version;
    }
    return true;
}

struct world_client *world_client(struct world *w, const char *name)
{
    for (size_t i = 0; i < w->client_count; i++) {
        if (strcmp(w->clients[i].name, name) == 0) {
            return &w->clients[i];
        }
    }
    if (w->client_count == WORLD_CLIENTS_MAX) {
        return NULL;
    }
    struct world_client *c = &w->clients[w->client_count++];
    *c = (struct world_client){.world = w};
    snprintf(c->name, sizeof c->name, "%s", name);
    buf_init(&c->input, CLIENT_BYTES_MAX);
    buf_init(&c->output, CLIENT_BYTES_MAX);
    return c;
}

void world_open(struct world_client *c, const char *peer, bool exempt)
{
    struct world *w = c->world;
    if (c->connection) {
        world_close(c);
    }
    c->paused = c->closing = c->moving = c->wants_data = false;
    c->output_blocked = 0;
    c->version = MQTT_VERSION_NONE;
    c->loop = w->next_link_loop++ % w->loop_count;
    c->connection = connection_new(&w->core.loops[c->loop], c, hash_str(str_from_cstr(peer)), exempt);
}

void world_send(struct world_client *c, const uint8_t *data, size_t len)
{
    record_bytes(c->world, c, data, len);
    buf_append(&c->input, data, len);
    c->wants_data = true;
    world_settle(c->world);
}

void world_close(struct world_client *c)
{
    world_record(c->world, WORLD_CLOSE, c, 0);
    c->closing = true;
    world_settle(c->world);
}

/* What the turn wrote leaves. True: somebody was told. */
static bool flush_outputs(struct world *w)
{
    bool any = false;
    for (size_t i = 0; i < w->client_count; i++) {
        struct world_client *c = &w->clients[i];
        bool has_drained = c->congested && c->output_blocked == 0;
        c->turn_began = c->output.len;
        if (has_drained) {
            c->congested = false;
        }
        if (has_drained && c->connection && !c->closing) {
            connection_drained(c->connection);
            any = true;
        }
    }
    return any;
}

void world_settle(struct world *w)
{
    bool busy = true;
    flush_outputs(w); /* what was looked at since is gone from them */
    while (busy) {
        busy = false;
        for (size_t i = 0; i < w->client_count; i++) {
            busy |= client_step(&w->clients[i]);
        }
        for (unsigned i = 0; i < w->loop_count; i++) {
            busy |= run_tasks(&w->mailboxes[i]);
            hub_loop_flush(&w->core.loops[i]);
        }
        busy |= flush_outputs(w);
        for (unsigned i = 0; i < w->loop_count; i++) {
            busy |= w->mailboxes[i].first != NULL; /* posted at the end of a turn */
        }
        struct op *op = w->hold ? NULL : op_take(w, LANE_COUNT);
        if (op) {
            op_execute(w, op);
            busy = true;
        }
    }
}

void world_drain(struct world *w)
{
    atomic_store(&w->core.draining, true);
    for (unsigned i = 0; i < w->loop_count; i++) {
        hub_loop_drain(&w->core.loops[i]);
    }
    world_settle(w);
}

/* Time passes in steps short enough that what a timer causes is settled before the next one fires. */
void world_advance(struct world *w, uint64_t ms)
{
    uint64_t until = w->now_ms + ms;
    unsigned amount = 0;
    while (amount < 255 && (uint64_t)amount * amount * 10 < ms) {
        amount++;
    }
    world_record(w, WORLD_ADVANCE, NULL, amount);
    for (unsigned past = 0; w->now_ms < until;) {
        uint64_t next = until;
        for (unsigned i = 0; i < w->loop_count; i++) {
            uint64_t due = timer_wheel_next_ms(&w->wheels[i]);
            next = due < next ? due : next;
        }
        past = next > w->now_ms ? 0 : past + 1;
        if (past > PAST_TIMERS_MAX) { /* a loop that waits for events would not wait any more */
            fputs("timers are set for the past again and again\n", stderr);
            abort();
        }
        w->now_ms = next > w->now_ms ? next : w->now_ms + 1;
        for (unsigned i = 0; i < w->loop_count; i++) {
            timer_wheel_advance(&w->wheels[i], w->now_ms);
        }
        world_settle(w);
    }
}

/* --- the domain --------------------------------------------------------------------------------------------------- */

struct world_device *world_device(struct world *w, struct str name)
{
    for (size_t i = 0; i < w->device_count; i++) {
        if (str_eq(str_from_cstr(w->devices[i].name), name)) {
            return &w->devices[i];
        }
    }
    return NULL;
}

struct event world_event_about(const struct world_device *d, enum event_type type)
{
    return (struct event){.type = type,
                          .device_no = d->brief.no,
                          .device_id = d->brief.id,
                          .partner_no = d->brief.partner_no,
                          .organization_no = d->brief.organization_no,
                          .hears_itself = d->brief.hears_itself};
}

static struct world_device *device_by_no(int64_t no)
{
    for (size_t i = 0; i < the_world->device_count; i++) {
        if (the_world->devices[i].brief.no == no && !the_world->devices[i].deleted) {
            return &the_world->devices[i];
        }
    }
    return NULL;
}

static bool find_device_no(struct domain *domain, int64_t no, struct device_brief *ret_device)
{
    (void)domain;
    const struct world_device *d = device_by_no(no);
    if (d) {
        *ret_device = d->brief;
    }
    return d != NULL;
}

static bool find_device(struct domain *domain, const struct uuid *id, struct device_brief *ret_device)
{
    (void)domain;
    for (size_t i = 0; i < the_world->device_count; i++) {
        if (uuid_eq(&the_world->devices[i].brief.id, id) && !the_world->devices[i].deleted) {
            *ret_device = the_world->devices[i].brief;
            return true;
        }
    }
    return false;
}

static enum credential_result check_device(struct domain *domain, struct str id, struct str access_key,
                                           struct device_brief *ret_device)
{
    struct uuid uuid;
    if (!uuid_parse(id, &uuid) || !find_device(domain, &uuid, ret_device) ||
        !str_eq(access_key, str_from_cstr(device_by_no(ret_device->no)->key))) {
        return CREDENTIAL_UNKNOWN;
    }
    return ret_device->suspended ? CREDENTIAL_SUSPENDED : CREDENTIAL_OK;
}

static enum credential_result check_api_key(struct domain *domain, struct str key, struct principal *ret_principal)
{
    static const struct {
        const char *key;
        enum tenant_kind kind;
        int64_t no, tenant_no;
        enum key_scope scope;
        int64_t lives_ms; /* 0: for ever */
    } keys[] = {{"org1", TENANT_ORGANIZATION, 101, 1, SCOPE_FULL, 0},
                {"org1-read", TENANT_ORGANIZATION, 102, 1, SCOPE_READ, 0},
                {"org2", TENANT_ORGANIZATION, 103, 2, SCOPE_FULL, 0},
                {"partner1", TENANT_PARTNER, 104, 1, SCOPE_FULL, 0},
                {"org1-brief", TENANT_ORGANIZATION, BRIEF_KEY_NO, 1, SCOPE_FULL, INT64_C(60000)}};
    (void)domain;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (str_eq(key, str_from_cstr(keys[i].key))) {
            bool organization = keys[i].kind == TENANT_ORGANIZATION;
            *ret_principal = (struct principal){.kind = PRINCIPAL_API_KEY,
                                                .scope = keys[i].scope,
                                                .tenant_kind = keys[i].kind,
                                                .partner_no = 1,
                                                .organization_no = organization ? keys[i].tenant_no : 0,
                                                .api_key_no = keys[i].no,
                                                .expires_at = keys[i].lives_ms ? domain_unix_ms() + keys[i].lives_ms : 0};
            the_world->brief_key_ends_ms = keys[i].lives_ms ? ret_principal->expires_at : the_world->brief_key_ends_ms;
            return CREDENTIAL_OK;
        }
    }
    return CREDENTIAL_UNKNOWN;
}

static bool key_stands(struct store_tx *tx, int64_t api_key_no, int64_t *ret_expires_at_ms)
{
    (void)tx;
    *ret_expires_at_ms = api_key_no == BRIEF_KEY_NO ? the_world->brief_key_ends_ms : 0;
    return api_key_no != the_world->gone_key_no;
}

static bool key_matches(struct domain *domain, const struct device_brief *device, struct str access_key)
{
    (void)domain;
    return str_eq(access_key, str_from_cstr(device_by_no(device->no)->key));
}

/* A body {"refuse":<status>,"text":"..."} is answered with that status. */
static void run_call(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct device_call *call = container_of(op, struct device_call, op);
    struct world_device *d = device_by_no(call->device.no);
    int64_t status;
    if (json_int(json_get(call->body, "refuse"), &status)) {
        struct str text = json_string(json_get(call->body, "text"));
        reply_error(&call->reply, (unsigned)status, "%.*s", STR_ARG(text));
        return;
    }
    if (!d) {
        reply_error(&call->reply, 401, "Not authorized");
        return;
    }
    if (call->action == DEVICE_TELEMETRY) {
        d->telemetry_effects++;
        d->brief.sample_seq++;
        call->reply.status = 201;
    } else if (call->action == DEVICE_CONFIG_SET) {
        d->config_effects++;
        d->brief.config_version++;
        session_store_carried_out(tx, &call->intent);
        call->reply.status = 200;
    } else {
        d->command_effects++;
        world_rows_event(call->action == DEVICE_EVENT_ADD ? call->intent.intent_no : 0);
        call->reply.status = 200;
    }
    buf_append_str(&call->reply.body, STR("{\"success\":true}"));
}

static struct device_call *call_new(struct domain *domain, enum device_action action, const struct device_brief *device,
                                    enum transport transport)
{
    struct device_call *call = mem_new(struct device_call);
    call->domain = domain;
    call->action = action;
    call->device = *device;
    call->transport = transport;
    arena_init(&call->arena);
    reply_init(&call->reply);
    return call;
}

static void call_free(struct device_call *call)
{
    json_free(call->body);
    reply_deinit(&call->reply);
    arena_deinit(&call->arena);
    mem_free(call);
}

static void call_submit(struct device_call *call, struct mailbox *home, void (*done)(struct op *op))
{
    call->op.home = home;
    call->op.lane = call->action == DEVICE_TELEMETRY ? LANE_TELEMETRY : LANE_REGISTRY;
    call->op.run = run_call;
    call->op.done = done;
    op_submit(call->domain->executor, &call->op);
}

static void run_sample(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct sample_post *post = container_of(op, struct sample_post, op);
    struct world_device *d = device_by_no(post->device_no);
    if (!d) {
        reply_error(&post->reply, 401, "Not authorized");
        return;
    }
    d->telemetry_effects++;
    d->brief.sample_seq++;
    post->reply.status = 201;
}

static void sample_submit(struct sample_post *post, struct mailbox *home, void (*done)(struct op *op))
{
    post->op.home = home;
    post->op.lane = LANE_TELEMETRY;
    post->op.run = run_sample;
    post->op.done = done;
    op_submit(post->domain->executor, &post->op);
}

static void run_pending(struct op *op, struct store_tx *tx)
{
    (void)tx;
    struct pending_read *read = container_of(op, struct pending_read, op);
    const struct world_device *d = device_by_no(read->device.no);
    struct pending_item **last = &read->items;
    for (uint32_t kind = 1; d && kind & PUSH_ALL; kind <<= 1) {
        for (const struct world_pending *p = d->pending; p; p = p->next) {
            if ((uint32_t)p->kind != kind || !(read->wanted & kind)) {
                continue;
            }
            struct pending_item *item = mem_new(struct pending_item);
            item->kind = p->kind;
            item->level = p->level;
            item->device_no = p->device_no;
            memcpy(item->id, p->id, sizeof item->id);
            memcpy(item->correlation, p->correlation, sizeof item->correlation);
            item->payload = str_from_cstr(str_dup(str_from_cstr(p->payload)));
            *last = item;
            last = &item->next;
        }
    }
}

/* What the real record tells by levels. */
static uint32_t kinds_waiting(const struct device_brief *device)
{
    uint32_t kinds = 0;
    for (const struct world_pending *p = device_by_no(device->no)->pending; p; p = p->next) {
        kinds |= (uint32_t)p->kind;
    }
    return kinds;
}

static struct pending_read *pending_new(struct domain *domain, const struct device_brief *device, uint32_t wanted)
{
    struct pending_read *read = mem_new(struct pending_read);
    read->domain = domain;
    read->device = *device;
    read->wanted = wanted;
    return read;
}

static void pending_free(struct pending_read *read)
{
    for (struct pending_item *item = read->items, *next; item; item = next) {
        next = item->next;
        mem_free((char *)(uintptr_t)item->payload.ptr);
        mem_free(item);
    }
    mem_free(read);
}

static void pending_submit(struct pending_read *read, struct mailbox *home, void (*done)(struct op *op))
{
    read->op.home = home;
    read->op.lane = LANE_READ;
    read->op.run = run_pending;
    read->op.done = done;
    op_submit(read->domain->executor, &read->op);
}

void world_unpend(struct world_device *device, uint32_t kinds)
{
    for (struct world_pending **place = &device->pending; *place;) {
        struct world_pending *p = *place;
        if ((uint32_t)p->kind & kinds) {
            *place = p->next;
            mem_free(p->payload);
            mem_free(p);
        } else {
            place = &p->next;
        }
    }
}

void world_pend(struct world_device *device, enum push_mask kind, int64_t level, struct str id, struct str payload,
                int64_t device_no)
{
    if (kind != PUSH_LICENSE && kind != PUSH_CHILDREN) {
        world_unpend(device, (uint32_t)kind);
    }
    struct world_pending *p = mem_new(struct world_pending);
    p->kind = kind;
    p->level = level;
    p->device_no = device_no;
    snprintf(p->id, sizeof p->id, "%.*s", STR_ARG(id));
    if (kind == PUSH_CONFIG) {
        snprintf(p->correlation, sizeof p->correlation, "%lld", (long long)level);
    } else {
        snprintf(p->correlation, sizeof p->correlation, "%.*s", STR_ARG(id));
    }
    p->payload = str_dup(payload);
    struct world_pending **last = &device->pending;
    while (*last) {
        last = &(*last)->next;
    }
    *last = p;
}

static void mark_delivered(struct domain *domain, const struct device_brief *device, const char *command_id)
{
    (void)domain;
    (void)command_id;
    device_by_no(device->no)->delivered++;
}

static void contact(struct domain *domain, int64_t device_no)
{
    (void)domain;
    struct world_device *d = device_by_no(device_no);
    if (d) {
        d->contacts++;
    }
}

static void set_connected(int64_t device_no, bool connected)
{
    struct world_device *d = device_by_no(device_no);
    if (d) {
        d->brief.connected = connected;
    }
}

static void connected(struct domain *domain, int64_t device_no)
{
    (void)domain;
    set_connected(device_no, true);
}

static void disconnected(struct domain *domain, int64_t device_no)
{
    (void)domain;
    set_connected(device_no, false);
}

static void refused(struct domain *domain, const struct device_brief *device, const struct refusal *refusal)
{
    (void)domain;
    (void)device;
    (void)refusal;
    the_world->refused++;
}

static void want_messages(struct domain *domain, int change)
{
    atomic_fetch_add(&domain->events.wants_messages, change);
}

/* Every look is a turn of the loop. */
static enum device_next next_device(struct domain *domain, struct device_cursor *cursor,
                                    const struct device_owner *owner, struct device_brief *ret_device)
{
    (void)domain;
    if (cursor->slot == the_world->device_count) {
        return DEVICE_NEXT_END;
    }
    const struct world_device *d = &the_world->devices[cursor->slot++];
    bool is_one = !d->deleted && (owner->organization_no == 0 || owner->organization_no == d->brief.organization_no) &&
                  (owner->partner_no == 0 || owner->partner_no == d->brief.partner_no);
    if (is_one) {
        *ret_device = d->brief;
    }
    return is_one ? DEVICE_NEXT_FOUND : DEVICE_NEXT_LATER;
}

static bool presence(struct domain *domain, const struct device_brief *device, struct buf *out)
{
    (void)domain;
    const struct world_device *d = device_by_no(device->no);
    buf_append_cstr(out, d->presence);
    return d->presence[0] != 0;
}

static bool is_healthy(const struct hub_loop *loop)
{
    return !((const struct world *)loop->user)->sick;
}

static void hears_itself(struct domain *domain, int64_t device_no, bool hears)
{
    (void)domain;
    struct world_device *d = device_by_no(device_no);
    if (d) {
        d->brief.hears_itself = hears;
    }
}

static const struct hub_ports ports = {.link = &link,
                                       .find_device = find_device,
                                       .find_device_no = find_device_no,
                                       .check_device = check_device,
                                       .check_api_key = check_api_key,
                                       .key_matches = key_matches,
                                       .key_stands = key_stands,
                                       .call_new = call_new,
                                       .call_free = call_free,
                                       .call_submit = call_submit,
                                       .sample_submit = sample_submit,
                                       .pending_kinds = kinds_waiting,
                                       .pending_new = pending_new,
                                       .pending_free = pending_free,
                                       .pending_submit = pending_submit,
                                       .mark_delivered = mark_delivered,
                                       .contact = contact,
                                       .connected = connected,
                                       .disconnected = disconnected,
                                       .hears_itself = hears_itself,
                                       .refused = refused,
                                       .next_device = next_device,
                                       .presence = presence,
                                       .want_messages = want_messages,
                                       .is_healthy = is_healthy,
                                       .flush_later = flush_later};

void world_event(struct world *w, const struct event *event)
{
    struct world_device *device = event->type == EVENT_STATUS ? device_by_no(event->device_no) : NULL;
    if (device && event->payload.len < sizeof device->presence) {
        memcpy(device->presence, event->payload.ptr, event->payload.len);
        device->presence[event->payload.len] = 0;
    }
    world_late_event(w, event);
}

void world_late_event(struct world *w, const struct event *event)
{
    hub_event_visit(&w->core, event, hub_loop_event);
    world_settle(w);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void add_device(struct world *w, const char *name, int64_t organization_no)
{
    struct world_device *d = &w->devices[w->device_count++];
    snprintf(d->name, sizeof d->name, "%s", name);
    snprintf(d->key, sizeof d->key, "key-%s", name);
    d->brief.no = (int64_t)w->device_count;
    memset(d->brief.id.bytes, 0xa0 + (int)w->device_count, sizeof d->brief.id.bytes);
    d->brief.partner_no = 1;
    d->brief.organization_no = organization_no;
    d->brief.protocol = PROTOCOL_MQTT;
}

static void start_core(struct world *w)
{
    hub_core_init(&w->core, &w->domain, &ports, w->loop_count);
    for (unsigned i = 0; i < w->loop_count; i++) {
        w->mailboxes[i].mailbox.post = post;
        w->mailboxes[i].first = NULL;
        w->mailboxes[i].last = &w->mailboxes[i].first;
        timer_wheel_init(&w->wheels[i], w->now_ms);
        w->core.loops[i].user = w;
        w->core.loops[i].now_ms = now_ms;
        w->core.loops[i].unix_ms = unix_ms;
        hub_loop_start(&w->core.loops[i], &w->wheels[i], &w->mailboxes[i].mailbox);
    }
}

static void stop_core(struct world *w)
{
    w->dead = true;
    w->hold = false;
    world_settle(w);
    for (size_t i = 0; i < w->client_count; i++) {
        w->clients[i].closing = true;
    }
    world_settle(w);
    hub_core_abandon(&w->core);
    world_settle(w);
    hub_core_deinit(&w->core);
    w->dead = false;
}

void world_restart(struct world *w)
{
    stop_core(w);
    for (size_t i = 0; i < w->client_count; i++) {
        buf_clear(&w->clients[i].output); /* the killed server said nothing any more */
    }
    for (size_t i = 0; i < w->device_count; i++) {
        w->devices[i].brief.connected = false;
    }
    start_core(w);
    struct hub_restore restore;
    hub_restore_init(&restore, &w->core);
    restore.op.run(&restore.op, NULL);
}

struct world *world_new(unsigned loop_count)
{
    struct world *w = mem_new(struct world);
    the_world = w;
    w->loop_count = loop_count;
    w->now_ms = 3000000; /* the beginning of a 30 s window */
    w->last_waiting = &w->waiting;
    w->executor.submit = submit;
    settings_init(&w->settings);
    w->domain.executor = &w->executor;
    w->domain.settings = &w->settings;
    w->domain.now_unix_ms = domain_unix_ms;
    w->rows = world_rows_new();
    world_rows_use(w->rows);
    add_device(w, "dev1", 1);
    add_device(w, "dev2", 1);
    add_device(w, "dev3", 2);
    add_device(w, "dev4", 0);
    add_device(w, "web1", 1);
    w->devices[4].brief.protocol = PROTOCOL_HTTPS;
    add_device(w, "susp1", 1);
    w->devices[5].brief.suspended = true;
    start_core(w);
    return w;
}

void world_free(struct world *w)
{
    stop_core(w);
    for (size_t i = 0; i < w->client_count; i++) {
        buf_deinit(&w->clients[i].input);
        buf_deinit(&w->clients[i].output);
    }
    for (size_t i = 0; i < w->device_count; i++) {
        world_unpend(&w->devices[i], PUSH_ALL);
    }
    world_rows_free(w->rows);
    settings_deinit(&w->settings);
    mem_free(w);
    the_world = NULL;
}
