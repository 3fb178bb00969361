/* What rules.c and rule_effect.c share. */
#ifndef MUSTER_MODEL_RULES_INTERNAL_H
#define MUSTER_MODEL_RULES_INTERNAL_H

#include <pthread.h>

#include "base/hashmap.h"
#include "model/domain.h"
#include "model/device/device_change.h"
#include "model/rule/rule_definition.h"
#include "model/rule/rules.h"

#define EFFECTS_MAX 200000     /* waiting: beyond, only the last decision about each device is kept */
#define EFFECTS_PER_SLICE 256
#define EFFECTS_PER_FLUSH 1024
#define SWEEP_PER_SLICE 100
#define ERRORS_PER_RULE_MAX 1000

enum effect_kind { EFFECT_OPEN, EFFECT_CLOSE, EFFECT_ERROR };

struct effect {
    struct effect *next;
    enum effect_kind kind;
    bool unsettled;           /* it was not done: see known_note_unsettled */
    int64_t limited_until_ms; /* because of limits.rule_incidents; 0: for another reason */
    int64_t device_no, rule_no;
    uint32_t epoch;
    struct sample_position position;
    enum rule_type expected; /* of EFFECT_ERROR, likewise below */
    enum flat_type found;
    size_t key_len;
    char key[];
};
struct effect_list {
    struct effect *first, **last;
    size_t count;
};

struct compiled_rule {
    int64_t no;
    int slot;
    bool auto_close;
    struct sample_position since;
    struct rule_definition definition;
};
struct rule_set {
    struct rule_set *retired_next;
    struct arena arena;
    int64_t model_no;
    uint64_t slots;
    size_t count;
    struct compiled_rule rules[];
};

/* What is known of a device's rules, by slot. */
struct known {
    struct hashmap_node by_no;
    int64_t device_no, model_no;
    uint32_t epoch;
    uint64_t open;    /* has an active incident, or will have when what waits is done */
    uint64_t unsure;  /* another may have closed or kept the incident: the next sample decides anew */
    uint64_t failing; /* a value was of another type */
    uint64_t limited; /* no more incidents until then (limits.rule_incidents) */
    uint64_t owed;    /* decided when no more effects were taken */
    int64_t limited_until_ms;
    struct sample_position owed_since; /* the newest such sample */
};

struct judgement {
    const struct rule_set *set;
    int64_t device_no;
    uint32_t epoch;
    struct sample_position position;
    uint64_t matches, wrong;   /* by slot */
    size_t mismatches_from;    /* one for each bit of `wrong`, lowest first */
};

struct rules {
    struct rules_front front;
    struct domain *domain;
    /* the telemetry lane's thread only */
    struct judgement *judgements;
    size_t judgement_count, judgement_room;
    struct rule_mismatch *mismatches;
    size_t mismatch_count, mismatch_room;
    struct rule_subject state; /* of the sample that is judged */
    pthread_mutex_t lock;      /* of all below */
    struct hashmap known;      /* struct known, of devices about which there is something to know */
    bool replaying;
    struct hashmap marks;      /* struct mark, while replaying */
    struct rule_set *retired_sets;
    struct rule_index *retired_indexes;
    _Atomic bool has_retired;
    struct effect_list waiting, taken; /* `taken`: by the running operation */
    struct effect_list flushed;        /* taken by a slice of the states' checkpoint */
    size_t effects_max;        /* EFFECTS_MAX */
    bool owes;                 /* some device is owed effects: no states are written until it was paid */
    size_t singles;            /* so many are applied one by one, to find the one that fails */
    bool running;
    struct op op;
    struct arena op_arena;     /* the registry lane's, likewise below */
    struct device_change change;
    struct arena flush_arena;
    struct device_change flush_change;
    bool flushing;
    _Atomic bool sweep_wanted, sweep_running;
};

/* rule_known.c; all with the lock held */
uint64_t rule_bit(int slot);
const struct compiled_rule *rule_of_set(const struct rule_set *set, int64_t rule_no); /* NULL: not in it */
struct known *known_find(struct rules *rules, int64_t device_no);
struct known *known_make(struct rules *rules, int64_t device_no, int64_t model_no, uint32_t epoch);
void known_drop_if_empty(struct rules *rules, struct known *known);
void known_free_all(struct rules *rules);
/* The model's rules are these now. */
void known_judged_by(struct rules *rules, int64_t model_no, const struct rule_set *set);
/* A rule that is active again has this one from before. */
void known_note_active(struct rules *rules, const struct rule_incident *incident);
/* An effect was not done: none will be until then, or (0) the next sample decides anew. */
void known_note_unsettled(struct rules *rules, const struct effect *effect, int64_t limited_until_ms);
void known_end_limit(struct rules *rules, struct known *known);
/* There is room again: queues what is owed. */
void known_pay_owed(struct rules *rules);

/* rule_effect.c */
void effect_list_init(struct effect_list *list);
void effects_free(struct effect_list *list);
void effects_init(struct rules *rules);
struct effect *effect_new(const struct known *known, int64_t rule_no, struct sample_position position, enum effect_kind kind,
                          struct str key);
/* With the lock held: queues what follows from a judgement; starts the operation. */
void effect_add(struct rules *rules, struct effect *effect);
void effects_start(struct rules *rules);

#endif
