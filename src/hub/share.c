#include "hub/share.h"

#include <pthread.h>

#include "base/mem.h"
#include "codec/mqtt/topic.h"
#include "hub/session.h"

/* The shared filters of one tenant. */
struct share_space {
    struct hashmap_node map;
    uint8_t party;
    int64_t tenant_no;
    size_t groups;
    struct topic_tree tree; /* of groups, by inner filter */
};

struct share_group {
    struct hashmap_node map;
    struct ref ref;         /* of members, also of those that left but are still being delivered to */
    struct share_space *space;
    struct list online;     /* members with a connection; whose turn it is comes first */
    struct list offline;    /* the others, the same */
    struct topic_subscription *subscription;
    uint32_t filter_len;
    char filter[];
};

struct shares {
    pthread_mutex_t lock;
    struct hashmap spaces;
    struct hashmap groups;
    _Atomic size_t group_count;
};

struct space_key {
    enum party party;
    int64_t tenant_no;
};

struct group_key {
    const struct share_space *space;
    struct str filter;
};

struct shares *shares_new(void)
{
    struct shares *s = mem_new(struct shares);
    pthread_mutex_init(&s->lock, NULL);
    hashmap_init(&s->spaces);
    hashmap_init(&s->groups);
    return s;
}

void shares_free(struct shares *shares)
{
    hashmap_deinit(&shares->spaces);
    hashmap_deinit(&shares->groups);
    pthread_mutex_destroy(&shares->lock);
    mem_free(shares);
}

bool shares_are_empty(struct shares *shares)
{
    return atomic_load_explicit(&shares->group_count, memory_order_relaxed) == 0;
}

static bool space_eq(const struct hashmap_node *node, const void *arg)
{
    const struct share_space *space = (const struct share_space *)node;
    const struct space_key *key = arg;
    return space->party == key->party && space->tenant_no == key->tenant_no;
}

static uint64_t space_hash(const struct space_key *key)
{
    return hash_u64((uint64_t)key->tenant_no * 4 + (uint64_t)key->party);
}

static struct share_space *space_find(const struct shares *s, const struct space_key *key)
{
    return (struct share_space *)hashmap_find(&s->spaces, space_hash(key), space_eq, key);
}

static struct share_space *space_make(struct shares *s, const struct space_key *key)
{
    struct share_space *space = space_find(s, key);
    if (!space) {
        space = mem_new(struct share_space);
        space->party = (uint8_t)key->party;
        space->tenant_no = key->tenant_no;
        topic_tree_init(&space->tree);
        hashmap_insert(&s->spaces, &space->map, space_hash(key));
    }
    return space;
}

static struct str group_filter(const struct share_group *group)
{
    return str_from(group->filter, group->filter_len);
}

static bool group_eq(const struct hashmap_node *node, const void *arg)
{
    const struct share_group *group = (const struct share_group *)node;
    const struct group_key *key = arg;
    return group->space == key->space && str_eq(group_filter(group), key->filter);
}

static struct share_group *group_make(struct shares *s, struct share_space *space, struct str filter)
{
    struct group_key key = {space, filter};
    uint64_t hash = hash_str(filter) ^ hash_u64((uint64_t)(uintptr_t)space);
    struct hashmap_node *node = hashmap_find(&s->groups, hash, group_eq, &key);
    struct topic_filter parsed = {.filter = filter};
    if (node) {
        return (struct share_group *)node;
    }
    struct share_group *group = mem_calloc(1, sizeof *group + filter.len);
    atomic_init(&group->ref.count, 0);
    group->space = space;
    list_init(&group->online);
    list_init(&group->offline);
    group->filter_len = (uint32_t)filter.len;
    memcpy(group->filter, filter.ptr, filter.len);
    topic_filter_parse(filter, NULL, &parsed);
    group->subscription = topic_tree_add(&space->tree, parsed.filter, group);
    hashmap_insert(&s->groups, &group->map, hash);
    space->groups++;
    atomic_fetch_add(&s->group_count, 1);
    return group;
}

/* The last member left: nobody finds it any more. */
static void group_close(struct shares *s, struct share_group *group)
{
    struct share_space *space = group->space;
    hashmap_remove(&s->groups, &group->map);
    topic_tree_remove(&space->tree, group->subscription);
    atomic_fetch_sub(&s->group_count, 1);
    if (--space->groups == 0) {
        hashmap_remove(&s->spaces, &space->map);
        topic_tree_deinit(&space->tree);
        mem_free(space);
    }
}

/* The list it belongs into. */
static struct list *members_of(const struct share_member *member)
{
    return member->online ? &member->group->online : &member->group->offline;
}

struct share_member *share_join(struct shares *shares, struct session *session, struct str filter)
{
    struct share_member *member = mem_new(struct share_member);
    struct space_key key = {(enum party)session->party, session->owner_no};
    ref_init(&member->ref);
    member->loop = session->loop;
    member->session = session;
    member->online = session->connection != NULL;
    pthread_mutex_lock(&shares->lock);
    member->group = group_make(shares, space_make(shares, &key), filter);
    ref_get(&member->group->ref);
    list_append(members_of(member), &member->node);
    pthread_mutex_unlock(&shares->lock);
    return member;
}

void share_leave(struct shares *shares, struct share_member *member)
{
    struct share_group *group = member->group;
    member->session = NULL;
    pthread_mutex_lock(&shares->lock);
    list_remove(&member->node);
    if (list_is_empty(&group->online) && list_is_empty(&group->offline)) {
        group_close(shares, group);
    }
    pthread_mutex_unlock(&shares->lock);
    share_member_unref(member);
}

struct str share_member_filter(const struct share_member *member)
{
    return group_filter(member->group);
}

void share_member_unref(struct share_member *member)
{
    if (!ref_put(&member->ref)) {
        return;
    }
    if (ref_put(&member->group->ref)) {
        mem_free(member->group);
    }
    mem_free(member);
}

void share_set_online(struct shares *shares, struct share_member *member, bool online)
{
    pthread_mutex_lock(&shares->lock);
    if (member->online != online) {
        member->online = online;
        list_remove(&member->node);
        list_append(members_of(member), &member->node);
    }
    pthread_mutex_unlock(&shares->lock);
}

/* The next in turn with a connection; if nobody has one, the next whose session waits. */
static struct share_member *group_choose(struct share_group *group)
{
    struct list *members = list_is_empty(&group->online) ? &group->offline : &group->online;
    if (list_is_empty(members)) {
        return NULL;
    }
    struct share_member *chosen = list_entry(members->next, struct share_member, node);
    list_remove(&chosen->node);
    list_append(members, &chosen->node);
    ref_get(&chosen->ref);
    return chosen;
}

struct choice {
    void (*visit)(struct share_member *member, void *arg);
    void *arg;
};

static void visit_group(struct topic_subscription *subscription, void *arg)
{
    const struct choice *choice = arg;
    struct share_member *member = group_choose(subscription->session);
    if (member) {
        choice->visit(member, choice->arg);
    }
}

void shares_choose(struct shares *shares, enum party party, int64_t tenant_no, struct str topic,
                   void (*visit)(struct share_member *member, void *arg), void *arg)
{
    struct choice choice = {visit, arg};
    struct space_key key = {party, tenant_no};
    pthread_mutex_lock(&shares->lock);
    struct share_space *space = space_find(shares, &key);
    if (space) {
        topic_tree_match(&space->tree, topic, visit_group, &choice);
    }
    pthread_mutex_unlock(&shares->lock);
}

struct share_member *share_choose_other(struct shares *shares, struct share_member *member)
{
    pthread_mutex_lock(&shares->lock);
    struct share_member *other = group_choose(member->group);
    pthread_mutex_unlock(&shares->lock);
    return other;
}
