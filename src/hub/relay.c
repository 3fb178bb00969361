#include "hub/relay.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "hub/deliver.h"
#include "hub/interest.h"
#include "hub/relay_post.h"
#include "hub/retained.h"
#include "hub/session.h"
#include "hub/share.h"

/* --- waiting ------------------------------------------------------------------------------------------------------ */

void relay_begin(struct relay *relay, struct hub_loop *home, void (*done)(struct relay *relay, enum err err))
{
    relay->home = home;
    relay->done = done;
    atomic_init(&relay->left, 1);
    atomic_init(&relay->failed, false);
    relay->stays = false;
}

static void relay_ended(struct relay *relay)
{
    relay->done(relay, atomic_load(&relay->failed) ? ERR_STORAGE : ERR_OK);
}

static void run_relay_ended(struct task *task)
{
    relay_ended(container_of(task, struct relay, task));
}

void relay_release(struct relay *relay, const struct hub_loop *here, enum err err)
{
    if (err != ERR_OK) {
        atomic_store(&relay->failed, true);
    }
    if (atomic_fetch_sub(&relay->left, 1) != 1) {
        return;
    }
    if (here == relay->home) {
        relay_ended(relay);
    } else {
        relay->task.run = run_relay_ended;
        mailbox_post(relay->home->mailbox, &relay->task);
    }
}

void relay_hold(struct relay *relay)
{
    atomic_fetch_add(&relay->left, 1);
}

void relay_let_go(struct relay *relay, const struct hub_loop *here)
{
    relay_release(relay, here, ERR_OK);
}

void relay_finish(struct relay *relay)
{
    relay_release(relay, relay->home, ERR_OK);
}

static void on_home_committed(struct persist_waiter *waiter, enum err err)
{
    struct relay *relay = container_of(waiter, struct relay, waiter);
    relay_release(relay, relay->home, err);
}

/* Waits for the changes of this turn on the home loop too. On that loop. */
static void hold_for_commit(struct relay *relay)
{
    if (relay->waiter.done) {
        return; /* it does already */
    }
    relay->waiter.stays = false;
    relay->waiter.done = on_home_committed;
    atomic_fetch_add(&relay->left, 1);
    persist_wait(relay->home, &relay->waiter);
}

/* --- to all loops ------------------------------------------------------------------------------------------------- */

static void post_to(struct hub_loop *loop, struct hub_loop *target, struct message *message, struct share_member *member,
                    struct relay *relay)
{
    struct post_entry entry = post_entry_of(message, member, relay);
    post_add(loop, target, &entry);
}

/* What a device or its owner left was removed when that ended (hub_loop.c): nobody would ever remove this. */
static bool is_of_former_owner(const struct hub_loop *loop, const struct message *message)
{
    struct device_brief device;
    return message->space == 0 &&
           (!hub_ports(loop)->find_device_no(loop->core->domain, message->device_no, &device) || device.epoch != message->epoch);
}

/* Before anybody hears of it: see retained.h. True: it is kept, in this turn's batch. */
static bool retain(struct hub_loop *loop, struct message *message)
{
    if (!message->retain || is_of_former_owner(loop, message)) {
        return false;
    }
    retained_put(hub_retained(loop->core, message->space), message);
    persist_retained(loop, message->space, message_topic(message));
    return true;
}

/* Whether anybody on that loop may want it. */
static bool is_for_loop(struct hub_loop *loop, struct hub_loop *target, const struct message *message)
{
    bool for_device = message->space == 0 && access_may_receive(PARTY_DEVICE, (enum topic_id)message->topic_id);
    if (for_device && hub_home_of_device(target->core, message->device_no) == target->index) {
        return true;
    }
    if (atomic_load_explicit(deliver_filters(target, message), memory_order_relaxed) <= 0) {
        return false;
    }
    return target == loop || interest_is_possible(message->space == 0 ? target->applications : target->open,
                                                  message_topic(message));
}

void relay_message(struct hub_loop *loop, struct message *message, struct relay *relay)
{
    struct hub_core *core = loop->core;
    /* Publishers that may have to wait do so by now: it is a device's, or a Will. */
    bool stays_here = message->qos == 0 && relay_is_behind(loop, 2);
    if (retain(loop, message) && relay) {
        hold_for_commit(relay);
    }
    for (unsigned i = 0; i < core->loop_count; i++) {
        struct hub_loop *target = &core->loops[i];
        if (!is_for_loop(loop, target, message)) {
            continue;
        }
        if (target == loop) {
            if (deliver_here(loop, message, relay) && relay) {
                hold_for_commit(relay);
            }
        } else if (stays_here) {
            metric_add(METRIC_MQTT_QUEUE_DROPPED, 1);
        } else {
            post_to(loop, target, message, NULL, relay);
        }
    }
    if (!stays_here) {
        relay_to_shares(loop, message, relay);
    }
}

/* --- shared subscriptions ----------------------------------------------------------------------------------------- */

struct counted_visit {
    void (*visit)(struct share_member *member, void *arg);
    void *arg;
    unsigned count;
};

static void visit_counted(struct share_member *member, void *arg)
{
    struct counted_visit *counted = arg;
    counted->count++;
    counted->visit(member, counted->arg);
}

/* A member of each group that is to have the message. Returns how many. */
static unsigned choose_members(struct hub_core *core, const struct message *message,
                               void (*visit)(struct share_member *member, void *arg), void *arg)
{
    struct shares *shares = core->shares;
    struct counted_visit counted = {visit, arg, 0};
    struct device_brief device;
    enum topic_id topic = (enum topic_id)message->topic_id;
    if (shares_are_empty(shares)) {
        return 0;
    }
    if (message->space != 0) {
        shares_choose(shares, PARTY_OPEN, message->space, message_topic(message), visit_counted, &counted);
        return counted.count;
    }
    if (!core->ports->find_device_no(core->domain, message->device_no, &device)) {
        return 0;
    }
    if (deliver_is_still_owned(message, &device) && access_may_receive(PARTY_ORGANIZATION, topic)) {
        shares_choose(shares, PARTY_ORGANIZATION, device.organization_no, message_topic(message), visit_counted, &counted);
    }
    if (access_may_receive(PARTY_PARTNER, topic)) {
        shares_choose(shares, PARTY_PARTNER, device.partner_no, message_topic(message), visit_counted, &counted);
    }
    return counted.count;
}

/* --- exactly once ------------------------------------------------------------------------------------------------- */

/* Between the commit of the packet id and the posts to the others. */
struct once {
    struct persist_waiter waiter;
    struct relay *relay;      /* of the publish; NULL: it failed, and nobody waits any more */
    struct relay shared;      /* of the deliveries to groups */
    struct hub_loop *loop;
    struct message *message;
    struct once_post {
        struct hub_loop *target;
        struct post_entry entry;
    } *posts;
    size_t post_count;
    int64_t shares_no;        /* 0: no group is there */
    bool is_will;             /* counted in loop->wills_to_post */
};

static void once_end(struct once *once, enum err err)
{
    if (once->relay) {
        relay_release(once->relay, once->loop, err);
    }
    message_unref(once->message);
    mem_free(once->posts);
    mem_free(once);
}

static void on_shared(struct relay *shared, enum err err)
{
    struct once *once = container_of(shared, struct once, shared);
    if (err == ERR_OK && once->shares_no != 0) { /* else the next start delivers it */
        persist_no_relay(once->loop, once->shares_no);
    }
    once_end(once, err);
}

/* The publisher hears of the fault now. The others get the message when its rows are on disk: of what they had before, a
 * crash would leave them a second one, for the packet id would not be there. */
static void once_is_late(struct once *once)
{
    for (size_t i = 0; i < once->post_count; i++) {
        struct post_entry *entry = &once->posts[i].entry;
        relay_release(entry->relay, once->loop, ERR_STORAGE);
        entry->relay = NULL;
    }
    struct relay *relay = once->relay;
    once->relay = NULL;
    relay_release(relay, once->loop, ERR_STORAGE);
}

static void once_drop(struct once *once, enum err err)
{
    for (size_t i = 0; i < once->post_count; i++) {
        post_entry_finish(&once->posts[i].entry, once->loop, err);
    }
    once_end(once, err);
}

struct share_choice {
    struct hub_loop *loop;
    struct post_entry first; /* member NULL: there is none yet */
    struct message *message;
    struct relay *relay;
};

/* All but the first are posted at once. */
static void visit_choice(struct share_member *member, void *arg)
{
    struct share_choice *choice = arg;
    if (!choice->first.member) {
        choice->first = post_entry_of(choice->message, member, choice->relay);
    } else {
        post_to(choice->loop, member->loop, choice->message, member, choice->relay);
    }
}

/* The row goes with the transaction that holds the only member's copy: whatever crashes, one member gets the message, once.
 * A message of several groups is delivered to them at least once: the row goes when all have it, and who of a group gets
 * it after a crash need not be who got it before. */
static void once_to_shares(struct once *once)
{
    struct share_choice choice = {.loop = once->loop, .message = once->message, .relay = &once->shared};
    unsigned groups = choose_members(once->loop->core, once->message, visit_choice, &choice);
    if (groups == 1) {
        choice.first.no = once->shares_no;
        once->shares_no = 0;
    }
    if (groups > 0) {
        post_add(once->loop, choice.first.member->loop, &choice.first);
    }
}

static void on_taken(struct persist_waiter *waiter, enum err err)
{
    struct once *once = container_of(waiter, struct once, waiter);
    if (err == ERR_STORAGE) {
        once_is_late(once);
        return;
    }
    once->loop->wills_to_post -= once->is_will;
    if (err == ERR_STATE) {
        once_drop(once, err);
        return;
    }
    if (err != ERR_OK && once->relay) {
        atomic_store(&once->relay->failed, true);
    }
    for (size_t i = 0; i < once->post_count; i++) {
        post_add(once->loop, once->posts[i].target, &once->posts[i].entry);
    }
    if (once->shares_no == 0) {
        once_end(once, err);
        return;
    }
    relay_begin(&once->shared, once->loop, on_shared);
    once->shared.stays = true;
    once_to_shares(once);
    relay_finish(&once->shared);
}

static int64_t put_row(struct once *once, int32_t target, int64_t sender_no)
{
    struct relay_row row = {.no = atomic_fetch_add(&once->loop->core->next_relay_no, 1),
                            .loop = target,
                            .loops = (int32_t)once->loop->core->loop_count,
                            .sender_no = sender_no};
    persist_relay(once->loop, &row, once->message);
    return row.no;
}

void relay_message_once(struct session *session, struct message *message, uint16_t packet_id, struct relay *relay)
{
    struct hub_loop *loop = session->loop;
    struct hub_core *core = loop->core;
    struct once *once = mem_new(struct once);
    once->relay = relay;
    once->loop = loop;
    once->message = message_ref(message);
    once->posts = mem_calloc(core->loop_count, sizeof *once->posts);
    relay_hold(relay);
    if (packet_id != 0) {
        session_save_inbound(session, packet_id);
    }
    retain(loop, message);
    for (unsigned i = 0; i < core->loop_count; i++) {
        struct hub_loop *target = &core->loops[i];
        if (!is_for_loop(loop, target, message)) {
            continue;
        }
        if (target == loop) {
            deliver_here(loop, message, relay);
            continue;
        }
        struct once_post *post = &once->posts[once->post_count++];
        post->target = target;
        post->entry = post_entry_of(message, NULL, relay);
        post->entry.no = put_row(once, (int32_t)i, session->no);
    }
    if (!shares_are_empty(core->shares)) {
        once->shares_no = put_row(once, RELAY_TO_SHARES, session->no);
    }
    once->is_will = packet_id == 0 && (once->post_count > 0 || once->shares_no != 0);
    loop->wills_to_post += once->is_will;
    once->waiter.stays = true;
    once->waiter.done = on_taken;
    persist_wait(loop, &once->waiter);
}

struct share_out {
    struct hub_loop *loop;
    struct message *message;
    struct relay *relay;
};

/* Always by mailbox, also to this loop: the lock of the groups is held here. */
static void visit_member(struct share_member *member, void *arg)
{
    const struct share_out *out = arg;
    post_to(out->loop, member->loop, out->message, member, out->relay);
}

void relay_to_shares(struct hub_loop *loop, struct message *message, struct relay *relay)
{
    struct share_out out = {loop, message, relay};
    choose_members(loop->core, message, visit_member, &out);
}

void relay_to_other(struct hub_loop *loop, struct message *message, struct share_member *member)
{
    struct share_member *other = share_choose_other(loop->core->shares, member);
    if (other) {
        post_to(loop, other->loop, message, other, NULL);
    }
}

bool relay_is_wanted(const struct hub_loop *loop, const struct session *device_session, enum topic_id topic)
{
    struct match match;
    if (atomic_load(&loop->core->application_filters) > 0) {
        return true;
    }
    session_match_rest(device_session, topic_name(topic)->name, true, &match);
    return match.found;
}

/* --- at a start --------------------------------------------------------------------------------------------------- */

struct chosen {
    struct share_member *members[64];
    size_t count;
};

static void visit_chosen(struct share_member *member, void *arg)
{
    struct chosen *chosen = arg;
    if (chosen->count < sizeof chosen->members / sizeof chosen->members[0]) {
        chosen->members[chosen->count++] = member;
    } else {
        share_member_unref(member);
    }
}

/* Groups that are more than that go on without: at a start nobody else would ever get them. */
static void restore_to_shares(struct hub_core *core, struct message *message)
{
    struct chosen chosen = {.count = 0};
    choose_members(core, message, visit_chosen, &chosen);
    for (size_t i = 0; i < chosen.count; i++) {
        deliver_to_member(chosen.members[i], message, NULL);
        share_member_unref(chosen.members[i]);
    }
}

void relay_restore(struct hub_core *core, const struct relay_row *row, struct message *message)
{
    if (row->loop == RELAY_TO_SHARES) {
        restore_to_shares(core, message);
        return;
    }
    for (size_t i = 0; i < core->loop_count; i++) {
        struct hub_loop *loop = &core->loops[i];
        loop->restoring = row;
        deliver_here(loop, message, NULL);
        loop->restoring = NULL;
    }
}
