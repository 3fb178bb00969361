/* What waits for a device and is pushed to it over MQTT (mqtt.md 5): read from committed state on a reader thread. */
#ifndef MUSTER_MODEL_PENDING_H
#define MUSTER_MODEL_PENDING_H

#include "model/device/device_table.h"
#include "model/event.h"
#include "model/op.h"

struct domain;

struct pending_item {
    struct pending_item *next;
    enum push_mask kind;         /* exactly one bit */
    int64_t level;               /* configuration version, number of a licence's action ...: a session drops what is equal or
                                  * older */
    int64_t device_no;           /* PUSH_CHILDREN: whose command it is, one item for each; else 0 */
    char id[UUID_TEXT_BYTES];    /* command id or licence id, else "" */
    char correlation[40];        /* Correlation Data: command id, version in decimal, licence id, or "" */
    struct str payload;          /* compact JSON as mqtt.md 3.1, owned by the item */
};

struct pending_read {
    struct op op;                /* done(op) is the caller's */
    struct domain *domain;
    struct device_brief device;
    uint32_t wanted;             /* enum push_mask bits; afterwards without those that could not be read */
    uint32_t unread;             /* result: those of which something could not be read; they are worth another read later */
    struct pending_item *items;  /* result in the order of mqtt.md 5.2.1; owned by this */
    bool has_unfetched;          /* a licence among them was never fetched: that is noted before it is sent */
    void (*caller_done)(struct op *op);
    void *user;                  /* the caller's */
};

/* Of these kinds, by the hot record, something may wait: for the others a read would find nothing. */
uint32_t pending_kinds(const struct device_brief *device);
struct pending_read *pending_read_new(struct domain *domain, const struct device_brief *device, uint32_t wanted);
void pending_read_submit(struct pending_read *read, struct mailbox *home, void (*done)(struct op *op));
void pending_read_free(struct pending_read *read);

/* Tells the domain that a command was sent to the device, which starts its timeout (device-api.md 4.4). Fire and
 * forget; any thread. */
void command_mark_delivered(struct domain *domain, const struct device_brief *device, const char *command_id);

#endif
