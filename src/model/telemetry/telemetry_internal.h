/* The states in memory and what telemetry*.c and presence.c share. */
#ifndef MUSTER_MODEL_TELEMETRY_INTERNAL_H
#define MUSTER_MODEL_TELEMETRY_INTERNAL_H

#include <pthread.h>

#include "base/hashmap.h"
#include "base/list.h"
#include "model/domain.h"
#include "model/ports/telemetry_store.h"
#include "model/rule/rules.h"
#include "model/telemetry/state.h"
#include "model/telemetry/telemetry.h"

#define STATE_CACHE_BYTES_MAX ((size_t)64 << 20)
#define CONTACTS_PER_SLICE 256

/* What a sample changes in the hot record. */
struct live {
    enum device_status status, reported_status;
    bool swept;
    struct sample_position position;
};

/* A state in memory. It is in exactly one of the lists `clean` (least recently used first), `dirty` and `flushing`. */
struct state_entry {
    struct hashmap_node by_no;
    struct list node;
    int64_t device_no;
    uint32_t epoch;
    bool dirty;                   /* in `dirty` or `flushing` */
    bool held;                    /* by the running batch: it is in its list and must stay */
    bool forgotten;               /* by telemetry_forget, while it is held */
    uint32_t version;             /* of the last publication; not even a new entry of the same device has it again */
    struct state *state;          /* committed; NULL: empty */
    struct live live;             /* committed; of dirty entries only */
    /* the running batch's; the telemetry lane's thread only */
    struct state_entry *next_held;
    bool has_pending;             /* something was appended */
    struct state *pending_state;
    struct live pending_live;
};

/* A history row that waits for the next checkpoint. */
struct history_item {
    struct history_item *next;
    int64_t device_no;
    uint32_t epoch;
    int64_t at;
    enum device_status status;
    struct state *state;
};
struct history_list {
    struct history_item *first, **last;
};

struct flush {
    struct op op;
    struct telemetry *telemetry;
    _Atomic bool running;
    size_t contacts_left;             /* of the round; 0: done with them */
    struct sample_position position;  /* of the round: what was published when it began */
    bool round_ends;                  /* this slice writes the checkpoint */
    bool judged;                      /* what rules made of its states is in the same commit, or was before */
    int64_t next_at_ms, next_contacts_at_ms;
    struct history_list round_history;
    struct history_item *history;     /* taken by the slice under way; kept for the next one if it fails */
    struct device_contact contacts[CONTACTS_PER_SLICE];
    size_t contact_count;
    struct flushed {
        int64_t device_no;
        uint32_t version;
    } *flushed;
    size_t flushed_count;
    struct buf json;
};

struct telemetry {
    struct domain *domain;
    pthread_mutex_t lock;             /* of all to `published` */
    struct hashmap entries;
    struct list clean, dirty, flushing;
    size_t bytes;
    uint32_t versions; /* given out */
    struct history_list history;
    struct sample_position published;
    /* the telemetry lane's thread only */
    struct state_entry *held, **held_last;
    struct history_list batch_history;
    struct sample_position batch_position;
    unsigned batch_samples;
    struct presence *presence;
    struct rules *rules;
    /* the ticker's and the registry lane's, in turn */
    struct flush flush;
    int64_t next_retain_at_ms, next_rotate_at_ms;
};

void history_push(struct history_list *list, struct history_item *item);
void history_append(struct history_list *list, struct history_list *taken); /* empties `taken` */
struct history_item *history_pop(struct history_list *list);
void history_list_init(struct history_list *list);
void history_item_free(struct history_item *item);

/* With the lock held: */
struct state_entry *entry_find(struct telemetry *t, int64_t device_no);
void entry_mark_dirty(struct telemetry *t, struct state_entry *entry);
void entry_mark_clean(struct telemetry *t, struct state_entry *entry);
void entry_free(struct telemetry *t, struct state_entry *entry); /* takes it out of everything */

/* The state of a device for a change: from memory, or from the registry of `tx`. Held until telemetry_batch_end. */
enum err entry_load(struct telemetry *t, struct store_tx *tx, int64_t device_no, uint32_t epoch,
                    struct state_entry **ret_entry) MUST_CHECK;

/* A status that was not reported: the sweep, or the recovery from it (device-api.md 10.2). LANE_TELEMETRY; nothing is
 * written when it does not apply (any more). */
enum err telemetry_record_status(struct domain *domain, struct store_tx *tx, int64_t device_no, enum sample_kind kind) MUST_CHECK;

/* A row behind the checkpoint, at the start; like an appended one from there on. */
enum err telemetry_replay_row(struct domain *domain, struct store_tx *tx, const struct device_brief *device,
                              const struct sample_row *row) MUST_CHECK;

void flush_init(struct telemetry *t);
void flush_deinit(struct telemetry *t);

#endif
