/* What an operation will change in the hot records once its transaction is committed (nobody sees
 * state that was not committed). The operation notes absolute values read from its own transaction; `committed` applies
 * them, in commit order. */
#ifndef MUSTER_MODEL_HOT_CHANGE_H
#define MUSTER_MODEL_HOT_CHANGE_H

#include "base/arena.h"
#include "model/device/device_table.h"

struct domain;
struct hot_change;

enum hot_field {
    HOT_NEW = 1 << 0,     /* the whole record */
    HOT_GONE = 1 << 1,    /* the device was deleted */
    HOT_CONFIG = 1 << 2,  /* config_version, applied_version */
    HOT_INFO = 1 << 3,    /* info_version */
    HOT_OWNER = 1 << 4,   /* organization_no, space_no, space_version, epoch and the owner's suspension */
    HOT_QUEUE = 1 << 5,   /* command_waiting, command_hold_until_ms */
    HOT_KEY = 1 << 6,     /* key_hash */
    HOT_PARENT = 1 << 7,  /* parent_no */
    HOT_INCIDENTS = 1 << 9, /* worst_priority */
    HOT_FIRMWARE = 1 << 10, /* firmware_waiting */
    HOT_LICENSE = 1 << 11, /* license_waiting */
    HOT_RESET = 1 << 8,   /* no state and no samples of a former owner */
};

struct hot_changes {
    struct arena *arena;
    struct hot_change *first, *last;
};

static inline void hot_changes_init(struct hot_changes *changes, struct arena *arena) /* borrows arena */
{
    *changes = (struct hot_changes){.arena = arena};
}
/* Notes that these fields (bits of enum hot_field) of device `value->no` become those of `value`. */
void hot_changes_add(struct hot_changes *changes, unsigned fields, const struct device_brief *value);
/* From an operation's `committed`. */
void hot_changes_apply(const struct hot_changes *changes, struct domain *domain);

#endif
