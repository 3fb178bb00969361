/* One operation that changes devices, while its transaction runs: where rows are written, what the hot records will say
 * after the commit, and the events it makes. Values come from the transaction itself, never from the hot records, which
 * do not know yet what ran before in the same batch. */
#ifndef MUSTER_MODEL_DEVICE_CHANGE_H
#define MUSTER_MODEL_DEVICE_CHANGE_H

#include "model/management/admin.h"
#include "model/event.h"
#include "model/device/hot_change.h"
#include "model/ports/device_store.h"

struct device_change {
    struct domain *domain;
    struct store_tx *tx;
    struct arena *arena;
    struct hot_changes hot;
    enum transport transport; /* of the device that asked; TRANSPORT_NONE: a person or a key */
    int64_t now_ms;           /* unix */
    int64_t doubted_no;       /* a device whose rules have to decide anew (model/rule/rules.h); 0: none */
    int64_t new_space_no, new_space_parent_no; /* a space that it made; 0: none */
    unsigned commands_sent;   /* for the metric */
};

void device_change_init(struct device_change *change, struct domain *domain, struct store_tx *tx, struct arena *arena,
                        enum transport transport);
/* For a management call: applied by itself after its commit. */
struct device_change *device_change_of_admin(struct admin *admin, struct store_tx *tx);
/* From `committed`: hot records, then what else keeps something about these devices. */
void device_change_apply(const struct device_change *change);

/* The hot record's view of a row: numbers, versions and what the catalogue knows. */
void device_brief_of_core(struct domain *domain, const struct device_core *core, struct device_brief *ret_brief);
/* Notes hot fields with the values of `core`. */
void device_change_core(struct device_change *change, unsigned fields, const struct device_core *core);
/* An event about this device now; push: enum push_mask bits. */
struct event *device_change_event(struct device_change *change, enum event_type type, const struct device_core *core,
                                  uint32_t push);
/* The same, sent off with the commit; `payload` may be empty. */
void device_change_emit(struct device_change *change, enum event_type type, const struct device_core *core, uint32_t push,
                        struct str payload);

/* A line in the audit log about the device (management-api.md 10.3). `detail`: JSON; ptr NULL: none. */
void device_audit(struct admin *admin, struct store_tx *tx, const char *action, const struct device_core *device,
                  struct str detail);

#endif
