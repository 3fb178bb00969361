/* Shared subscriptions of applications, `$share/{group}/{filter}` (mqtt.md 10.5; MQTT 5.0 section 4.8.2). Members of a
 * group may live on any loop, so the one that gets a message is chosen where the message is published: members take
 * turns, those with a connection first. Groups are private to their tenant. A device has one session, so its shared
 * filters need no choice and stay with its others (session.h).
 *
 * Any thread, one lock; a member's session belongs to its loop. */
#ifndef MUSTER_HUB_SHARE_H
#define MUSTER_HUB_SHARE_H

#include "base/list.h"
#include "base/ref.h"
#include "hub/access.h"
#include "hub/hub_loop.h"

struct share_group;
struct shares;

struct share_member {
    struct ref ref;
    struct list node;          /* of its group's, while it is in it */
    struct share_group *group; /* held */
    struct hub_loop *loop;
    struct session *session;   /* NULL: it left. On its loop only */
    uint32_t identifier;       /* on its loop only */
    uint8_t options;           /* on its loop only */
    bool online;               /* under the lock */
};

struct shares *shares_new(void);
void shares_free(struct shares *shares); /* all members have left */

/* The session becomes a member of the group that its filter (with `$share/`) names. The reference is the caller's. */
struct share_member *share_join(struct shares *shares, struct session *session, struct str filter);
void share_leave(struct shares *shares, struct share_member *member); /* takes the caller's reference */
/* Its session has a connection, or none any more. */
void share_set_online(struct shares *shares, struct share_member *member, bool online);
struct str share_member_filter(const struct share_member *member);    /* whole; valid as long as the member */
void share_member_unref(struct share_member *member);
bool shares_are_empty(struct shares *shares);

/* Chooses a member of every group of the tenant whose filter matches; `visit` takes a reference to each. */
void shares_choose(struct shares *shares, enum party party, int64_t tenant_no, struct str topic,
                   void (*visit)(struct share_member *member, void *arg), void *arg);
/* Another member of its group, with a reference; NULL: nobody is left. */
struct share_member *share_choose_other(struct shares *shares, struct share_member *member);

#endif
