/* The subscriptions of one topic space on one loop: exact filters in a hash, wildcards in a tree. Application tenants
 * have one each; device sessions keep their few filters themselves (session.h), since all lie under one prefix.
 * Not thread-safe: it belongs to its loop. */
#ifndef MUSTER_HUB_TOPIC_TREE_H
#define MUSTER_HUB_TOPIC_TREE_H

#include "base/hashmap.h"
#include "base/list.h"
#include "base/str.h"

struct topic_node;
struct topic_tree {
    struct hashmap exact;  /* whole filter -> node */
    struct hashmap levels; /* (parent, level) -> node */
    struct topic_node *root;
    size_t count;          /* subscriptions */
};

struct topic_subscription {
    struct list link;
    struct topic_node *node;
    void *session;
    uint32_t identifier; /* 0: none */
    uint8_t options;     /* the subscription options byte */
};

void topic_tree_init(struct topic_tree *tree);
void topic_tree_deinit(struct topic_tree *tree); /* all subscriptions must have been removed */
/* Adds a valid inner filter; the caller sees to it that a session has each filter once. */
struct topic_subscription *topic_tree_add(struct topic_tree *tree, struct str filter, void *session);
void topic_tree_remove(struct topic_tree *tree, struct topic_subscription *subscription); /* frees it */
struct str topic_subscription_filter(const struct topic_subscription *subscription);      /* valid until removed */
/* Calls `visit` for every subscription whose filter matches the valid topic name. */
void topic_tree_match(struct topic_tree *tree, struct str topic,
                      void (*visit)(struct topic_subscription *subscription, void *arg), void *arg);

#endif
