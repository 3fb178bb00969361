#include "hub/unsaved.h"

#include "base/mem.h"
#include "hub/persist.h"
#include "hub/retained_read.h"

#define RETRY_MS 1000

struct unsaved_topic {
    struct hashmap_node map;
    int64_t space;
    struct str topic; /* owned */
};

struct removal {
    int64_t device_no;
    uint32_t epoch;
};

struct unsaved {
    struct hub_loop *loop;
    struct timer timer;
    struct session **sessions; /* held; those with store_failed */
    int64_t *ended;
    int64_t *relays;
    struct removal *removals;
    size_t session_count, session_room, ended_count, ended_room, relay_count, relay_room, removal_count, removal_room;
    struct hashmap topics;
};

static bool is_empty(const struct unsaved *u)
{
    struct hashmap_iter iter = {0};
    return u->session_count == 0 && u->ended_count == 0 && u->relay_count == 0 && u->removal_count == 0 &&
           !hashmap_next(&u->topics, &iter);
}

static void on_retry(struct timer *timer, uint64_t now_ms)
{
    struct unsaved *u = container_of(timer, struct unsaved, timer);
    if (hub_ports(u->loop)->is_healthy(u->loop)) {
        persist_nothing(u->loop); /* the batch takes along what is here */
    }
    timer_set(u->loop->timers, timer, now_ms + RETRY_MS);
}

static struct unsaved *unsaved_of(struct hub_loop *loop)
{
    if (!loop->unsaved) {
        struct unsaved *u = mem_new(struct unsaved);
        u->loop = loop;
        u->timer.on_due = on_retry;
        hashmap_init(&u->topics);
        timer_set(loop->timers, &u->timer, hub_now_ms(loop) + RETRY_MS);
        atomic_fetch_add(&loop->core->unsaved_loops, 1);
        loop->unsaved = u;
    }
    return loop->unsaved;
}

/* Room for one more; the new memory. */
static void *grown(void *items, size_t item_size, size_t count, size_t *room)
{
    if (count < *room) {
        return items;
    }
    *room = *room ? *room * 2 : 16;
    return mem_realloc(items, *room * item_size);
}

void unsaved_session(struct session *session)
{
    if (session->store_failed || session->is_dead || !session_is_stored(session)) {
        return;
    }
    struct unsaved *u = unsaved_of(session->loop);
    u->sessions = grown(u->sessions, sizeof(struct session *), u->session_count, &u->session_room);
    u->sessions[u->session_count++] = session;
    session_ref(session);
    session->store_failed = true;
}

void unsaved_end(struct hub_loop *loop, int64_t session_no)
{
    struct unsaved *u = unsaved_of(loop);
    u->ended = grown(u->ended, sizeof *u->ended, u->ended_count, &u->ended_room);
    u->ended[u->ended_count++] = session_no;
}

void unsaved_relay(struct hub_loop *loop, int64_t no)
{
    struct unsaved *u = unsaved_of(loop);
    u->relays = grown(u->relays, sizeof *u->relays, u->relay_count, &u->relay_room);
    u->relays[u->relay_count++] = no;
}

static bool topic_eq(const struct hashmap_node *node, const void *key)
{
    const struct unsaved_topic *a = container_of_const(node, struct unsaved_topic, map);
    const struct unsaved_topic *b = key;
    return a->space == b->space && str_eq(a->topic, b->topic);
}

void unsaved_retained(struct hub_loop *loop, int64_t space, struct str topic)
{
    struct unsaved *u = unsaved_of(loop);
    struct unsaved_topic wanted = {.space = space, .topic = topic};
    uint64_t hash = hash_str(topic);
    if (hashmap_find(&u->topics, hash, topic_eq, &wanted)) {
        return;
    }
    struct unsaved_topic *t = mem_new(struct unsaved_topic);
    t->space = space;
    t->topic = str_from(str_dup(topic), topic.len);
    hashmap_insert(&u->topics, &t->map, hash);
}

void unsaved_removal(struct hub_loop *loop, int64_t device_no, uint32_t epoch)
{
    struct unsaved *u = unsaved_of(loop);
    u->removals = grown(u->removals, sizeof *u->removals, u->removal_count, &u->removal_room);
    u->removals[u->removal_count++] = (struct removal){device_no, epoch};
}

static void topics_each(struct unsaved *u, bool write)
{
    struct hashmap_iter iter = {0};
    struct hashmap_node *node = hashmap_next(&u->topics, &iter);
    while (node) {
        struct unsaved_topic *t = container_of(node, struct unsaved_topic, map);
        node = hashmap_next(&u->topics, &iter);
        if (write) {
            persist_retained(u->loop, t->space, t->topic);
        }
        mem_free((char *)(uintptr_t)t->topic.ptr);
        mem_free(t);
    }
    hashmap_deinit(&u->topics);
    hashmap_init(&u->topics);
}

/* Sessions that end keep their reference until here. */
static void write_sessions(struct unsaved *u)
{
    size_t kept = 0;
    for (size_t i = 0; i < u->session_count; i++) {
        struct session *session = u->sessions[i];
        bool is_due = session->store_failed && !session->is_dead && session_is_stored(session);
        if (is_due && session->uplinks_running > 0) {
            u->sessions[kept++] = session; /* their intents are rows that memory does not have */
            continue;
        }
        if (is_due) {
            session_save_all(session);
        }
        session->store_failed = false;
        session_unref(session);
    }
    u->session_count = kept;
}

/* Some stay for later: see write_sessions(). */
static bool sessions_wait(const struct unsaved *u)
{
    for (size_t i = 0; i < u->session_count; i++) {
        const struct session *s = u->sessions[i];
        if (s->store_failed && !s->is_dead && session_is_stored(s) && s->uplinks_running > 0) {
            return true;
        }
    }
    return false;
}

bool unsaved_write(struct hub_loop *loop)
{
    struct unsaved *u = loop->unsaved;
    for (size_t i = 0; i < u->ended_count; i++) {
        persist_end(loop, u->ended[i]);
    }
    for (size_t i = 0; i < u->removal_count; i++) {
        if (u->removals[i].epoch == 0) {
            persist_no_retained_device(loop, u->removals[i].device_no);
        } else {
            persist_no_retained_stale(loop, u->removals[i].device_no, u->removals[i].epoch);
        }
    }
    for (size_t i = 0; i < u->relay_count && !sessions_wait(u); i++) { /* not before what it brought is written */
        persist_no_relay(loop, u->relays[i]);
    }
    u->relay_count = sessions_wait(u) ? u->relay_count : 0;
    u->ended_count = u->removal_count = 0;
    topics_each(u, true);
    write_sessions(u);
    if (!is_empty(u)) {
        return false;
    }
    unsaved_free(loop);
    return true;
}

void unsaved_saved(struct hub_loop *loop)
{
    atomic_fetch_sub(&loop->core->unsaved_loops, 1);
}

void unsaved_free(struct hub_loop *loop)
{
    struct unsaved *u = loop->unsaved;
    if (!u) {
        return;
    }
    timer_cancel(loop->timers, &u->timer);
    topics_each(u, false);
    for (size_t i = 0; i < u->session_count; i++) {
        session_unref(u->sessions[i]);
    }
    hashmap_deinit(&u->topics);
    mem_free(u->sessions);
    mem_free(u->ended);
    mem_free(u->relays);
    mem_free(u->removals);
    mem_free(u);
    loop->unsaved = NULL;
}

bool unsaved_anywhere(const struct hub_core *core)
{
    return atomic_load_explicit(&core->unsaved_loops, memory_order_relaxed) > 0;
}
