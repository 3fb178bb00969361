#include "model/account/attempts.h"

#include <arpa/inet.h>
#include <pthread.h>

#include "base/hashmap.h"
#include "base/mem.h"

#define WINDOW_MS 60000
#define ENTRIES_MAX 50000

/* Entries are known by a 64-bit keyed hash only: a collision counts two guessers together, for a minute. */
struct attempt_entry {
    struct hashmap_node node;
    uint64_t count;
};

struct attempts {
    pthread_mutex_t lock;
    struct hashmap entries;
    int64_t window; /* number of the minute that `entries` counts */
};

struct attempts *attempts_new(void)
{
    struct attempts *attempts = mem_new(struct attempts);
    pthread_mutex_init(&attempts->lock, NULL);
    hashmap_init(&attempts->entries);
    return attempts;
}

static void entries_clear(struct attempts *attempts)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&attempts->entries, &iter));) {
        mem_free(container_of(node, struct attempt_entry, node));
    }
    hashmap_deinit(&attempts->entries);
}

void attempts_free(struct attempts *attempts)
{
    if (attempts) {
        entries_clear(attempts);
        pthread_mutex_destroy(&attempts->lock);
        mem_free(attempts);
    }
}

static void window_enter(struct attempts *attempts, int64_t now)
{
    if (attempts->window != now / WINDOW_MS) {
        attempts->window = now / WINDOW_MS;
        entries_clear(attempts);
    }
}

/* Of an IPv6 address the network's half: a /64 is one guesser, who may use any address of it. */
static uint64_t address_hash(struct str address)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr binary;
    if (address.len < sizeof text) {
        memcpy(text, address.ptr, address.len);
        text[address.len] = '\0';
        if (inet_pton(AF_INET6, text, &binary) == 1) {
            return hash_bytes(&binary, 8);
        }
    }
    return hash_str(address);
}

static uint64_t account_hash(struct str address, struct str account)
{
    char lower[256];
    size_t len = account.len < sizeof lower ? account.len : sizeof lower;
    for (size_t i = 0; i < len; i++) {
        char c = account.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    uint64_t pair[2] = {address_hash(address), hash_bytes(lower, len)};
    return hash_bytes(pair, sizeof pair);
}

static bool any_key(const struct hashmap_node *node, const void *key)
{
    (void)node;
    (void)key;
    return true; /* the hash itself was compared already */
}

static uint64_t count_of(struct attempts *attempts, uint64_t hash)
{
    struct hashmap_node *node = hashmap_find(&attempts->entries, hash, any_key, NULL);
    return node ? container_of(node, struct attempt_entry, node)->count : 0;
}

static void count_one(struct attempts *attempts, uint64_t hash, size_t entries_max)
{
    struct hashmap_node *node = hashmap_find(&attempts->entries, hash, any_key, NULL);
    if (node) {
        container_of(node, struct attempt_entry, node)->count++;
    } else if (attempts->entries.count < entries_max) {
        struct attempt_entry *entry = mem_new(struct attempt_entry);
        entry->count = 1;
        hashmap_insert(&attempts->entries, &entry->node, hash);
    }
}

bool attempts_take(struct attempts *attempts, int64_t now, struct str address, struct str account,
                   struct attempts_limits limits, unsigned *ret_retry_after_s)
{
    uint64_t of_address = address_hash(address), of_account = account_hash(address, account);
    pthread_mutex_lock(&attempts->lock);
    window_enter(attempts, now);
    bool over = (limits.address_max && count_of(attempts, of_address) >= limits.address_max) ||
                (limits.account_max && count_of(attempts, of_account) >= limits.account_max);
    if (!over) {
        count_one(attempts, of_address, ENTRIES_MAX);
        count_one(attempts, of_account, ENTRIES_MAX / 2);
    }
    pthread_mutex_unlock(&attempts->lock);
    if (over) {
        *ret_retry_after_s = (unsigned)((WINDOW_MS - now % WINDOW_MS + 999) / 1000);
    }
    return !over;
}

static void uncount_one(struct attempts *attempts, uint64_t hash)
{
    struct hashmap_node *node = hashmap_find(&attempts->entries, hash, any_key, NULL);
    if (node && container_of(node, struct attempt_entry, node)->count > 0) {
        container_of(node, struct attempt_entry, node)->count--;
    }
}

void attempts_give_back(struct attempts *attempts, int64_t now, struct str address, struct str account)
{
    pthread_mutex_lock(&attempts->lock);
    window_enter(attempts, now);
    uncount_one(attempts, address_hash(address));
    uncount_one(attempts, account_hash(address, account));
    pthread_mutex_unlock(&attempts->lock);
}
