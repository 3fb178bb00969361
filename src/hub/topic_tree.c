/* A node of the wildcard tree is one level of some filter; its children are found in one hash for the whole tree, by
 * (parent, level), but for `+` and `#`, which every match asks for and which therefore are plain pointers. A node
 * lives as long as it has subscriptions or children. */
#include "hub/topic_tree.h"

#include "base/mem.h"
#include "codec/mqtt/topic.h"

struct topic_node {
    struct hashmap_node map;
    struct list subscriptions;
    struct topic_node *parent; /* NULL: an exact filter, or the root */
    struct topic_node *plus;
    struct topic_node *hash;
    size_t children;           /* all, with plus and hash */
    char *filter;              /* whole filter while somebody subscribes to it */
    uint32_t filter_len, level_len;
    bool is_exact;
    char level[];              /* exact: empty, filter is the key */
};

struct level_key {
    const struct topic_node *parent;
    struct str level;
};

static bool exact_eq(const struct hashmap_node *node, const void *key)
{
    const struct topic_node *n = (const struct topic_node *)node;
    return str_eq(str_from(n->filter, n->filter_len), *(const struct str *)key);
}

static bool level_eq(const struct hashmap_node *node, const void *key)
{
    const struct topic_node *n = (const struct topic_node *)node;
    const struct level_key *k = key;
    return n->parent == k->parent && str_eq(str_from(n->level, n->level_len), k->level);
}

static uint64_t level_hash(const struct topic_node *parent, struct str level)
{
    return hash_str(level) ^ hash_u64((uint64_t)(uintptr_t)parent);
}

static struct topic_node *node_new(struct topic_node *parent, struct str level)
{
    struct topic_node *node = mem_calloc(1, sizeof *node + level.len);
    list_init(&node->subscriptions);
    node->parent = parent;
    node->level_len = (uint32_t)level.len;
    if (level.len > 0) {
        memcpy(node->level, level.ptr, level.len);
    }
    if (parent) {
        parent->children++;
    }
    return node;
}

void topic_tree_init(struct topic_tree *tree)
{
    hashmap_init(&tree->exact);
    hashmap_init(&tree->levels);
    tree->root = node_new(NULL, STR(""));
    tree->count = 0;
}

void topic_tree_deinit(struct topic_tree *tree)
{
    mem_free(tree->root);
    hashmap_deinit(&tree->exact);
    hashmap_deinit(&tree->levels);
}

static struct topic_node *child_find(const struct topic_tree *tree, const struct topic_node *parent, struct str level)
{
    struct level_key key = {parent, level};
    return (struct topic_node *)hashmap_find(&tree->levels, level_hash(parent, level), level_eq, &key);
}

static struct topic_node *child_make(struct topic_tree *tree, struct topic_node *parent, struct str level)
{
    struct topic_node **place = str_eq(level, STR("+")) ? &parent->plus : str_eq(level, STR("#")) ? &parent->hash : NULL;
    if (place) {
        if (!*place) {
            *place = node_new(parent, level);
        }
        return *place;
    }
    struct topic_node *node = child_find(tree, parent, level);
    if (!node) {
        node = node_new(parent, level);
        hashmap_insert(&tree->levels, &node->map, level_hash(parent, level));
    }
    return node;
}

static struct topic_node *wildcard_make(struct topic_tree *tree, struct str filter)
{
    struct topic_node *node = tree->root;
    struct str rest = filter, level;
    while (topic_level_next(&rest, &level)) {
        node = child_make(tree, node, level);
    }
    return node;
}

static void node_name(struct topic_node *node, struct str filter)
{
    if (!node->filter) {
        node->filter = mem_dup(filter.ptr, filter.len);
        node->filter_len = (uint32_t)filter.len;
    }
}

static struct topic_node *exact_make(struct topic_tree *tree, struct str filter)
{
    struct topic_node *node = (struct topic_node *)hashmap_find(&tree->exact, hash_str(filter), exact_eq, &filter);
    if (!node) {
        node = node_new(NULL, STR(""));
        node->is_exact = true;
        node_name(node, filter);
        hashmap_insert(&tree->exact, &node->map, hash_str(filter));
    }
    return node;
}

struct topic_subscription *topic_tree_add(struct topic_tree *tree, struct str filter, void *session)
{
    struct topic_node *node = topic_has_wildcard(filter) ? wildcard_make(tree, filter) : exact_make(tree, filter);
    node_name(node, filter);
    struct topic_subscription *s = mem_new(struct topic_subscription);
    s->node = node;
    s->session = session;
    list_append(&node->subscriptions, &s->link);
    tree->count++;
    return s;
}

struct str topic_subscription_filter(const struct topic_subscription *subscription)
{
    return str_from(subscription->node->filter, subscription->node->filter_len);
}

static void node_free(struct topic_node *node)
{
    mem_free(node->filter);
    mem_free(node);
}

static void node_release(struct topic_tree *tree, struct topic_node *node)
{
    while (node != tree->root && node->children == 0 && list_is_empty(&node->subscriptions)) {
        struct topic_node *parent = node->parent;
        if (node == parent->plus) {
            parent->plus = NULL;
        } else if (node == parent->hash) {
            parent->hash = NULL;
        } else {
            hashmap_remove(&tree->levels, &node->map);
        }
        parent->children--;
        node_free(node);
        node = parent;
    }
}

void topic_tree_remove(struct topic_tree *tree, struct topic_subscription *subscription)
{
    struct topic_node *node = subscription->node;
    list_remove(&subscription->link);
    mem_free(subscription);
    tree->count--;
    if (!list_is_empty(&node->subscriptions)) {
        return;
    }
    if (node->is_exact) {
        hashmap_remove(&tree->exact, &node->map);
        node_free(node);
        return;
    }
    mem_free(node->filter);
    node->filter = NULL;
    node_release(tree, node);
}

struct visitor {
    void (*visit)(struct topic_subscription *subscription, void *arg);
    void *arg;
};

static void visit_node(const struct visitor *v, const struct topic_node *node)
{
    if (node) {
        list_each_safe (it, &node->subscriptions) {
            v->visit(list_entry(it, struct topic_subscription, link), v->arg);
        }
    }
}

/* Depth is bounded by the levels of stored filters, which the topic limits bound. */
static void match_below(const struct topic_tree *tree, const struct topic_node *node, struct str rest,
                        bool first_is_system, const struct visitor *v)
{
    if (!first_is_system) {
        visit_node(v, node->hash); /* also the parent level itself [MQTT-4.7.1-2] */
    }
    struct str level;
    if (!topic_level_next(&rest, &level)) {
        visit_node(v, node);
        return;
    }
    struct topic_node *child = child_find(tree, node, level);
    if (child) {
        match_below(tree, child, rest, false, v);
    }
    if (node->plus && !first_is_system) {
        match_below(tree, node->plus, rest, false, v);
    }
}

void topic_tree_match(struct topic_tree *tree, struct str topic,
                      void (*visit)(struct topic_subscription *subscription, void *arg), void *arg)
{
    struct visitor v = {visit, arg};
    struct topic_node *exact = (struct topic_node *)hashmap_find(&tree->exact, hash_str(topic), exact_eq, &topic);
    visit_node(&v, exact);
    if (tree->root->children > 0) {
        match_below(tree, tree->root, topic, topic.len > 0 && topic.ptr[0] == '$', &v);
    }
}
