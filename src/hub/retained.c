#include "hub/retained.h"

#include <pthread.h>

#include "base/hashmap.h"
#include "base/mem.h"
#include "codec/mqtt/topic.h"

/* A long look through many messages gives others a turn at the lock, and at the loop. */
#define SCAN_MAX 256

struct retained_entry {
    struct hashmap_node map;
    struct retained_link all, own;
    struct retained_owner *owner;
    struct message *message;
    uint64_t seq; /* number of the put */
};

/* A device. */
struct retained_owner {
    struct hashmap_node map;
    int64_t device_no;
    struct list entries; /* and places of cursors */
};

struct retained {
    pthread_mutex_t lock;
    struct hashmap topics;
    struct hashmap owners;
    struct list all;
    size_t bytes;
    uint64_t next_seq;
};

struct retained *retained_new(void)
{
    struct retained *r = mem_new(struct retained);
    pthread_mutex_init(&r->lock, NULL);
    hashmap_init(&r->topics);
    hashmap_init(&r->owners);
    list_init(&r->all);
    return r;
}

static bool entry_eq(const struct hashmap_node *node, const void *key)
{
    return str_eq(message_topic(((const struct retained_entry *)node)->message), *(const struct str *)key);
}

static bool owner_eq(const struct hashmap_node *node, const void *key)
{
    return ((const struct retained_owner *)node)->device_no == *(const int64_t *)key;
}

static struct retained_entry *entry_find(const struct retained *r, struct str topic)
{
    return (struct retained_entry *)hashmap_find(&r->topics, hash_str(topic), entry_eq, &topic);
}

static struct retained_owner *owner_find(const struct retained *r, int64_t device_no)
{
    return (struct retained_owner *)hashmap_find(&r->owners, hash_u64((uint64_t)device_no), owner_eq, &device_no);
}

static struct retained_owner *owner_make(struct retained *r, int64_t device_no)
{
    struct retained_owner *owner = owner_find(r, device_no);
    if (!owner) {
        owner = mem_new(struct retained_owner);
        owner->device_no = device_no;
        list_init(&owner->entries);
        hashmap_insert(&r->owners, &owner->map, hash_u64((uint64_t)device_no));
    }
    return owner;
}

static void owner_leave(struct retained *r, struct retained_owner *owner)
{
    if (owner && list_is_empty(&owner->entries)) {
        hashmap_remove(&r->owners, &owner->map);
        mem_free(owner);
    }
}

static void entry_remove(struct retained *r, struct retained_entry *entry)
{
    hashmap_remove(&r->topics, &entry->map);
    list_remove(&entry->all.node);
    list_remove(&entry->own.node);
    owner_leave(r, entry->owner);
    r->bytes -= message_size(entry->message);
    message_unref(entry->message);
    mem_free(entry);
}

void retained_free(struct retained *r)
{
    list_each_safe (it, &r->all) {
        entry_remove(r, list_entry(it, struct retained_link, node)->entry); /* no cursor is left */
    }
    hashmap_deinit(&r->topics);
    hashmap_deinit(&r->owners);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

bool retained_has_room(struct retained *r, const struct message *message, const struct retained_limit *limit)
{
    uint64_t count = 1;
    size_t bytes = message_size(message);
    pthread_mutex_lock(&r->lock);
    const struct retained_owner *owner = owner_find(r, message->device_no);
    if (owner) {
        list_each (it, &owner->entries) {
            const struct retained_entry *entry = list_entry(it, struct retained_link, node)->entry;
            if (entry && entry->message->epoch == message->epoch &&
                !str_eq(message_topic(entry->message), message_topic(message))) {
                count++;
                bytes += message_size(entry->message);
            }
        }
    }
    pthread_mutex_unlock(&r->lock);
    return (limit->count_max == 0 || count <= limit->count_max) && (limit->bytes_max == 0 || bytes <= limit->bytes_max);
}

bool retained_has_room_in_all(struct retained *r, const struct message *message, const struct retained_limit *limit)
{
    pthread_mutex_lock(&r->lock);
    const struct retained_entry *old = entry_find(r, message_topic(message));
    uint64_t count = r->topics.count + (old ? 0 : 1);
    size_t bytes = r->bytes + message_size(message) - (old ? message_size(old->message) : 0);
    pthread_mutex_unlock(&r->lock);
    return (limit->count_max == 0 || count <= limit->count_max) && (limit->bytes_max == 0 || bytes <= limit->bytes_max);
}

static void entry_add(struct retained *r, struct message *message)
{
    struct retained_entry *entry = mem_new(struct retained_entry);
    entry->message = message_ref(message);
    r->bytes += message_size(message);
    entry->seq = ++r->next_seq;
    entry->all.entry = entry->own.entry = entry;
    entry->owner = owner_make(r, message->device_no);
    list_append(&r->all, &entry->all.node);
    list_append(&entry->owner->entries, &entry->own.node);
    hashmap_insert(&r->topics, &entry->map, hash_str(message_topic(message)));
}

void retained_put(struct retained *r, struct message *message)
{
    pthread_mutex_lock(&r->lock);
    struct retained_entry *entry = entry_find(r, message_topic(message));
    if (entry && (message->payload_len == 0 || entry->message->device_no != message->device_no)) {
        entry_remove(r, entry);
        entry = NULL;
    }
    if (entry) {
        r->bytes += message_size(message) - message_size(entry->message);
        message_ref(message);
        message_unref(entry->message);
        entry->message = message;
        entry->seq = ++r->next_seq;
    } else if (message->payload_len > 0) {
        entry_add(r, message);
    }
    pthread_mutex_unlock(&r->lock);
}

struct message *retained_get(struct retained *r, struct str topic)
{
    pthread_mutex_lock(&r->lock);
    const struct retained_entry *entry = entry_find(r, topic);
    struct message *message = entry ? message_ref(entry->message) : NULL;
    pthread_mutex_unlock(&r->lock);
    return message;
}

/* Removes those of a device whose epoch is another one; all if `any`. */
static bool remove_of_device(struct retained *r, int64_t device_no, bool any, uint32_t epoch)
{
    bool removed = false;
    pthread_mutex_lock(&r->lock);
    struct retained_owner *owner = owner_find(r, device_no);
    struct list hold = {0};
    if (owner) {
        list_append(&owner->entries, &hold); /* keeps the owner while its entries go */
        for (struct list *it = owner->entries.next, *next; it != &hold; it = next) {
            next = it->next;
            struct retained_entry *entry = list_entry(it, struct retained_link, node)->entry;
            if (entry && (any || entry->message->epoch != epoch)) {
                entry_remove(r, entry);
                removed = true;
            }
        }
        list_remove(&hold);
        owner_leave(r, owner);
    }
    pthread_mutex_unlock(&r->lock);
    return removed;
}

void retained_remove_device(struct retained *r, int64_t device_no)
{
    remove_of_device(r, device_no, true, 0);
}

bool retained_remove_stale(struct retained *r, int64_t device_no, uint32_t epoch)
{
    return remove_of_device(r, device_no, false, epoch);
}

bool retained_expire(struct retained *r, struct retained_sweep *sweep, uint64_t now_ms)
{
    struct list *place = &sweep->link.node;
    pthread_mutex_lock(&r->lock);
    if (!list_is_linked(place)) {
        list_prepend(&r->all, place);
    }
    for (unsigned i = 0; i < SCAN_MAX && place->next != &r->all; i++) {
        struct list *next = place->next;
        struct retained_entry *entry = list_entry(next, struct retained_link, node)->entry;
        list_remove(place);
        list_insert_before(next->next, place);
        if (entry && message_is_expired(entry->message, now_ms)) {
            sweep->on_expired(sweep, message_topic(entry->message));
            entry_remove(r, entry);
        }
    }
    bool more = place->next != &r->all;
    if (!more) {
        list_remove(place);
    }
    pthread_mutex_unlock(&r->lock);
    return more;
}

size_t retained_count(struct retained *r)
{
    pthread_mutex_lock(&r->lock);
    size_t count = r->topics.count;
    pthread_mutex_unlock(&r->lock);
    return count;
}

bool retained_may_match(struct retained *r, struct str filter, int64_t device_no)
{
    pthread_mutex_lock(&r->lock);
    bool may = !topic_has_wildcard(filter) ? entry_find(r, filter) != NULL
               : device_no != 0            ? owner_find(r, device_no) != NULL
                                           : r->topics.count > 0;
    pthread_mutex_unlock(&r->lock);
    return may;
}

/* --- cursors ------------------------------------------------------------------------------------------------------ */

void retained_cursor_begin(struct retained *r, struct retained_cursor *cursor, struct str filter, int64_t device_no)
{
    *cursor = (struct retained_cursor){.is_one_topic = !topic_has_wildcard(filter)};
    pthread_mutex_lock(&r->lock);
    cursor->until = r->next_seq;
    if (!cursor->is_one_topic) {
        cursor->owner = device_no != 0 ? owner_make(r, device_no) : NULL;
        list_prepend(cursor->owner ? &cursor->owner->entries : &r->all, &cursor->link.node);
    }
    pthread_mutex_unlock(&r->lock);
}

static struct message *take_one_topic(const struct retained *r, const struct retained_cursor *cursor, struct str topic)
{
    const struct retained_entry *entry = entry_find(r, topic);
    return entry && entry->seq <= cursor->until ? message_ref(entry->message) : NULL;
}

/* Moves on to the next match, by at most SCAN_MAX places. */
static enum retained_next scan(struct retained *r, struct retained_cursor *cursor, struct str filter,
                               struct message **ret_message)
{
    struct list *head = cursor->owner ? &cursor->owner->entries : &r->all;
    for (unsigned i = 0; i < SCAN_MAX; i++) {
        struct list *next = cursor->link.node.next;
        if (next == head) {
            return RETAINED_END;
        }
        const struct retained_entry *entry = list_entry(next, struct retained_link, node)->entry;
        list_remove(&cursor->link.node);
        list_insert_before(next->next, &cursor->link.node);
        if (entry && entry->seq <= cursor->until && topic_matches(filter, message_topic(entry->message))) {
            *ret_message = message_ref(entry->message);
            return RETAINED_FOUND;
        }
    }
    return RETAINED_LATER;
}

enum retained_next retained_cursor_next(struct retained *r, struct retained_cursor *cursor, struct str filter,
                                        struct message **ret_message)
{
    enum retained_next next = RETAINED_END;
    *ret_message = NULL;
    pthread_mutex_lock(&r->lock);
    if (!cursor->is_one_topic) {
        next = scan(r, cursor, filter, ret_message);
    } else if (!cursor->is_done) {
        cursor->is_done = true;
        *ret_message = take_one_topic(r, cursor, filter);
        next = *ret_message ? RETAINED_FOUND : RETAINED_END;
    }
    pthread_mutex_unlock(&r->lock);
    return next;
}

void retained_cursor_end(struct retained *r, struct retained_cursor *cursor)
{
    pthread_mutex_lock(&r->lock);
    list_remove(&cursor->link.node);
    owner_leave(r, cursor->owner);
    pthread_mutex_unlock(&r->lock);
}
