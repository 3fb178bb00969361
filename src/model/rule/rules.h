/* Rules on telemetry (management-api.md 5.5): judged on the telemetry lane on each merged state, acted on in the registry.
 *
 * The active rules of a model are compiled into one set; a model without any costs a message the look at one pointer.
 * What a sample's judgement changes against what is known to be open becomes an effect when the sample's batch is
 * committed, and effects are applied in their order by operations on the registry. No state is written to the registry
 * before the effects of its samples, so after a crash the rows that are replayed are judged again; an incident keeps the position of the newest sample that decided on it, and no older one decides again. That makes each
 * incident open exactly once.
 *
 * What is known is memory only: made from the active incidents at the start, put in doubt when something else closes an
 * incident, so that the next sample decides anew. */
#ifndef MUSTER_MODEL_RULES_H
#define MUSTER_MODEL_RULES_H

#include <stdatomic.h>

#include "model/device/device_table.h"
#include "model/ports/rule_store.h"

struct domain;
struct rules;
struct rule_set;

#define RULES_OF_MODEL_MAX 64

struct rules *rules_new(struct domain *domain);
void rules_free(struct rules *rules); /* NULL is accepted */

/* ---- the telemetry lane's thread; at the start, the only one ---- */

struct rule_index {
    size_t count;
    struct rule_index *retired_next;
    struct rule_set *_Atomic sets[]; /* by number of the model */
};
struct rules_front { /* the first member of struct rules */
    struct rule_index *_Atomic index;
};

/* The set of a model; NULL: it has no active rule. Valid until the next rules_batch_begin. */
static inline const struct rule_set *rules_of_model(const struct rules *rules, int64_t model_no)
{
    const struct rules_front *front = (const struct rules_front *)(const void *)rules;
    struct rule_index *index = atomic_load_explicit(&front->index, memory_order_acquire);
    return (size_t)model_no < index->count ? atomic_load_explicit(&index->sets[model_no], memory_order_acquire) : NULL;
}
void rules_batch_begin(struct rules *rules);
/* Judges the state after a sample of a claimed device; `state` is borrowed for the call. */
void rules_judge(struct rules *rules, const struct rule_set *set, const struct device_brief *device,
                 struct sample_position position, struct str state);
/* Before the batch's position is published. */
void rules_batch_end(struct rules *rules, bool committed);

/* ---- the start ---- */

/* Sets, what is open, and which samples have been decided on; before the rows behind the checkpoint are replayed. */
enum err rules_load(struct rules *rules, struct store_tx *tx, struct sample_position checkpoint) MUST_CHECK;
/* All of them are replayed. */
void rules_replayed(struct rules *rules);

/* ---- any thread ---- */

/* Somebody closed an incident of a rule, or incidents may be made again for the device: its next sample decides anew. */
void rules_doubt(struct domain *domain, int64_t device_no);
/* Once a second: effects that could not be applied, and incidents of rules that are gone. */
void rules_tick(struct domain *domain);
/* Applies effects that wait, in a transaction of the caller on the registry; after it rules_waiting_applied says whether
 * it was committed. *ret_more: it was not all of them. LANE_REGISTRY. */
enum err rules_apply_waiting(struct rules *rules, struct store_tx *tx, bool *ret_more) MUST_CHECK;
void rules_waiting_applied(struct rules *rules, bool committed);
/* The lanes are stopped: what an operation had taken waits again. */
void rules_stopped(struct rules *rules);

/* The device was deleted or un-claimed: nothing is known of it any more. */
void rules_forget(struct domain *domain, int64_t device_no);

/* An active incident of a rule. */
struct rule_incident {
    int64_t device_no, rule_no;
};
/* From `committed` on LANE_REGISTRY: the model's active rules are these now; `rows` are borrowed for the call. `active`:
 * incidents of a rule that was not active before; the next samples of their devices decide on them. */
void rules_replace(struct domain *domain, int64_t model_no, const struct rule_row *rows, size_t count,
                   const struct rule_incident *active, size_t active_count);
/* Incidents of a rule with auto_close that was switched off or deleted are to be closed; those of others stay, for people
 * to close. */
void rules_want_sweep(struct domain *domain);

#endif
