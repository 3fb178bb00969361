/* What rules.c and rule_effect.c share. */
#ifndef MUSTER_MODEL_RULES_INTERNAL_H
#define MUSTER_MODEL_RULES_INTERNAL_H

#include <pthread.h>

#include "base/hashmap.h"
#include "model/domain.h"
#include "model/device/device_change.h"
#include "model/rule/rule_definition.h"
#include "model/rule/rules.h"

#define EFFECTS_MAX 200000     /* waiting: beyond, the next sample of the device decides again */
#define EFFECTS_PER_SLICE 256
#define EFFECTS_PER_FLUSH 1024
#define SWEEP_PER_SLICE 100
#define ERRORS_PER_RULE_MAX 1000

enum effect_kind { EFFECT_OPEN, EFFECT_CLOSE, EFFECT_ERROR };

struct effect {
    struct effect *next;
    enum effect_kind kind;
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
    bool running;
    struct op op;
    struct arena op_arena;     /* the registry lane's, likewise below */
    struct device_change change;
    struct arena flush_arena;
    struct device_change flush_change;
    bool flushing;
    _Atomic bool sweep_wanted, sweep_running;
};

void effect_list_init(struct effect_list *list);
void effects_free(struct effect_list *list);
void effects_init(struct rules *rules);
/* With the lock held: queues what follows from a judgement; starts the operation. */
void effect_add(struct rules *rules, struct effect *effect);
void effects_start(struct rules *rules);

#endif
