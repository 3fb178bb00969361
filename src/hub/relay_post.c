#include "hub/relay_post.h"

#include "base/pool.h"
#include "hub/deliver.h"
#include "hub/share.h"

enum { POST_ENTRIES_MAX = 29 }; /* a post is of a size that pools keep */
#define POST_BYTES_MAX ((size_t)32 * 1024)
/* What a loop takes of posts in a turn, as packets: less than a client's output may hold, which leaves at the turn's end. */
#define TAKEN_BYTES_MAX ((size_t)128 * 1024)
#define PACKET_BYTES 16u /* beside what the message holds */

struct relay_post {
    struct task task;
    struct relay_post *next_waiting;
    struct persist_waiter waiter;
    struct hub_loop *from, *loop; /* it goes from one to the other */
    size_t bytes;                 /* counted in from->posted_bytes */
    unsigned count;
    struct post_entry entries[POST_ENTRIES_MAX];
};
_Static_assert(sizeof(struct relay_post) <= 1024, "pools keep no more");

void post_entry_finish(const struct post_entry *entry, const struct hub_loop *here, enum err err)
{
    if (entry->relay) {
        relay_release(entry->relay, here, err);
    }
    message_unref(entry->message);
    if (entry->member) {
        share_member_unref(entry->member);
    }
}

static void on_post_committed(struct persist_waiter *waiter, enum err err)
{
    struct relay_post *post = container_of(waiter, struct relay_post, waiter);
    unsigned waiting = 0;
    for (unsigned i = 0; i < post->count; i++) {
        struct post_entry *entry = &post->entries[i];
        bool has_row = entry->no != 0; /* then it is not lost */
        if (err == ERR_STORAGE && entry->relay && entry->relay->stays) {
            post->entries[waiting++] = *entry;
        } else {
            post_entry_finish(entry, post->loop, has_row ? ERR_OK : err);
        }
    }
    post->count = waiting;
    if (err != ERR_STORAGE) {
        pool_free(post, sizeof *post);
    }
}

static void run_post(struct task *task);

static void post_send(struct hub_loop *loop, unsigned target)
{
    struct relay_post *post = loop->posts[target];
    loop->posts[target] = NULL;
    mailbox_post(post->loop->mailbox, &post->task);
}

void post_add(struct hub_loop *loop, struct hub_loop *target, const struct post_entry *entry)
{
    struct relay_post *post = loop->posts[target->index];
    if (!post) {
        post = pool_alloc(sizeof *post);
        post->task.run = run_post;
        post->from = loop;
        post->loop = target;
        post->bytes = 0;
        post->count = 0;
        loop->posts[target->index] = post;
        hub_ports(loop)->flush_later(loop);
    }
    size_t bytes = sizeof *entry->message + message_size(entry->message);
    post->bytes += bytes;
    atomic_fetch_add_explicit(&loop->posted_bytes, bytes, memory_order_relaxed);
    post->entries[post->count++] = *entry;
    if (post->count == POST_ENTRIES_MAX || post->bytes >= POST_BYTES_MAX) {
        post_send(loop, target->index);
    }
}

bool relay_is_behind(const struct hub_loop *loop, unsigned times)
{
    return atomic_load_explicit(&loop->posted_bytes, memory_order_relaxed) > times * loop->core->posted_bytes_max;
}

void relay_flush(struct hub_loop *loop)
{
    loop->taken_bytes = 0;
    for (unsigned i = 0; i < loop->core->loop_count; i++) {
        if (loop->posts[i]) {
            post_send(loop, i);
        }
    }
}

/* The member left on the way: to another one of its group. True: the entry goes on to another loop, or ended. */
static bool choose_again(struct hub_loop *loop, struct post_entry *entry)
{
    while (entry->member && !entry->member->session) {
        struct share_member *other = share_choose_other(loop->core->shares, entry->member);
        share_member_unref(entry->member);
        entry->member = other;
        if (!other) { /* nobody is left */
            if (entry->no != 0) {
                persist_no_relay(loop, entry->no);
            }
            post_entry_finish(entry, loop, ERR_OK);
            return true;
        }
        if (other->loop != loop) {
            post_add(loop, other->loop, entry);
            return true;
        }
    }
    return false;
}

/* True: it waits for the commit of what it has stored. */
static bool run_entry(struct hub_loop *loop, struct post_entry *entry)
{
    bool stored;
    /* One whose row is on disk is in memory until it is delivered, and was taken by a loop that had room. */
    bool has_row = entry->no != 0 || (entry->relay && entry->relay->stays);
    if (!has_row && persist_is_full(loop)) {
        post_entry_finish(entry, loop, ERR_STORAGE);
        return false;
    }
    if (!entry->member) {
        stored = deliver_here(loop, entry->message, entry->relay);
    } else if (choose_again(loop, entry)) {
        return false;
    } else {
        stored = deliver_to_member(entry->member, entry->message, entry->relay);
    }
    if (entry->no != 0) {
        persist_no_relay(loop, entry->no);
        return true;
    }
    if (stored && entry->relay) {
        return true;
    }
    post_entry_finish(entry, loop, ERR_OK);
    return false;
}

static void take_post(struct relay_post *post)
{
    unsigned waiting = 0;
    hub_ports(post->loop)->flush_later(post->loop); /* counting begins anew there */
    for (unsigned i = 0; i < post->count; i++) {
        struct post_entry entry = post->entries[i];
        post->loop->taken_bytes += message_size(entry.message) + PACKET_BYTES;
        if (run_entry(post->loop, &entry)) {
            post->entries[waiting++] = entry;
        }
    }
    atomic_fetch_sub_explicit(&post->from->posted_bytes, post->bytes, memory_order_relaxed);
    if (waiting == 0) {
        pool_free(post, sizeof *post);
        return;
    }
    post->count = waiting;
    post->waiter.stays = true;
    post->waiter.done = on_post_committed;
    persist_wait(post->loop, &post->waiter);
}

static void run_waiting_posts(struct task *task)
{
    struct hub_loop *loop = container_of(task, struct hub_loop, waiting_posts);
    while (loop->first_waiting && loop->taken_bytes < TAKEN_BYTES_MAX) {
        struct relay_post *post = loop->first_waiting;
        loop->first_waiting = post->next_waiting;
        take_post(post);
    }
    if (loop->first_waiting) {
        mailbox_post(loop->mailbox, task);
    }
}

/* In their order, and no more in a turn than leaves time for the loop's own clients. */
static void run_post(struct task *task)
{
    struct relay_post *post = container_of(task, struct relay_post, task);
    struct hub_loop *loop = post->loop;
    if (!loop->first_waiting && loop->taken_bytes < TAKEN_BYTES_MAX) {
        take_post(post);
        return;
    }
    post->next_waiting = NULL;
    if (loop->first_waiting) {
        loop->last_waiting->next_waiting = post;
    } else {
        loop->first_waiting = post;
        loop->waiting_posts.run = run_waiting_posts;
        mailbox_post(loop->mailbox, &loop->waiting_posts);
    }
    loop->last_waiting = post;
}

struct post_entry post_entry_of(struct message *message, struct share_member *member, struct relay *relay)
{
    if (relay) {
        atomic_fetch_add(&relay->left, 1);
    }
    return (struct post_entry){.message = message_ref(message), .member = member, .relay = relay};
}
