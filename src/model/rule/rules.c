/* Sets and judgements. */
#include "model/rule/rules.h"

#include "base/log.h"
#include "base/mem.h"
#include "model/ports/incident_store.h"
#include "model/rule/rules_internal.h"
#include "model/telemetry/telemetry_internal.h"

#define INDEX_MIN 64

/* The newest sample that decided on an incident: none up to it decides again (only while rows are replayed). */
struct mark {
    struct hashmap_node by_key;
    int64_t device_no;
    int64_t rule_no;
    struct sample_position position;
};

/* ---- sets ---- */

static struct rule_index *index_new(size_t count)
{
    struct rule_index *index = mem_calloc(1, sizeof *index + count * sizeof index->sets[0]);
    index->count = count;
    return index;
}

static void set_free(struct rule_set *set)
{
    if (set) {
        arena_deinit(&set->arena);
        mem_free(set);
    }
}

static struct rule_set *set_compile(int64_t model_no, const struct rule_row *rows, size_t count)
{
    if (count == 0) {
        return NULL;
    }
    struct rule_set *set = mem_calloc(1, sizeof *set + count * sizeof set->rules[0]);
    set->model_no = model_no;
    arena_init(&set->arena);
    for (size_t i = 0; i < count; i++) {
        struct json *json = NULL;
        struct buf reason;
        struct compiled_rule *rule = &set->rules[set->count];
        buf_init(&reason, 1024);
        bool valid = json_parse(rows[i].definition, &(struct json_limits){.bytes_max = SIZE_MAX}, &json) == ERR_OK &&
                     rule_definition_parse(json, &set->arena, &rule->definition, &reason);
        if (valid) {
            rule->no = rows[i].no;
            rule->slot = rows[i].slot;
            rule->auto_close = rows[i].auto_close;
            rule->since = rows[i].since;
            set->slots |= rule_bit(rule->slot);
            set->count++;
        } else { /* it was checked when it was written */
            log_event(LOG_ERROR, "rule_definition_broken", log_i("rule_no", rows[i].no));
        }
        buf_deinit(&reason);
        json_free(json);
    }
    return set;
}

/* With the lock held. */
static void index_reserve(struct rules *rules, int64_t model_no)
{
    struct rule_index *old = atomic_load(&rules->front.index);
    if ((size_t)model_no < old->count) {
        return;
    }
    size_t count = old->count ? old->count : INDEX_MIN;
    while (count <= (size_t)model_no) {
        count *= 2;
    }
    struct rule_index *index = index_new(count);
    for (size_t i = 0; i < old->count; i++) {
        atomic_store(&index->sets[i], atomic_load(&old->sets[i]));
    }
    atomic_store(&rules->front.index, index);
    old->retired_next = rules->retired_indexes;
    rules->retired_indexes = old;
    atomic_store(&rules->has_retired, true);
}

void rules_replace(struct domain *domain, int64_t model_no, const struct rule_row *rows, size_t count,
                   const struct rule_incident *active, size_t active_count)
{
    struct rules *rules = domain->telemetry->rules;
    struct rule_set *set = set_compile(model_no, rows, count);
    pthread_mutex_lock(&rules->lock);
    index_reserve(rules, model_no);
    struct rule_index *index = atomic_load(&rules->front.index);
    struct rule_set *old = atomic_exchange(&index->sets[model_no], set);
    if (old) {
        old->retired_next = rules->retired_sets;
        rules->retired_sets = old;
        atomic_store(&rules->has_retired, true);
    }
    known_judged_by(rules, model_no, set);
    for (size_t i = 0; i < active_count; i++) {
        known_note_active(rules, &active[i]);
    }
    pthread_mutex_unlock(&rules->lock);
}

static void free_retired(struct rules *rules)
{
    pthread_mutex_lock(&rules->lock);
    atomic_store(&rules->has_retired, false);
    for (struct rule_set *set = rules->retired_sets, *next; set; set = next) {
        next = set->retired_next;
        set_free(set);
    }
    for (struct rule_index *index = rules->retired_indexes, *next; index; index = next) {
        next = index->retired_next;
        mem_free(index);
    }
    rules->retired_sets = NULL;
    rules->retired_indexes = NULL;
    pthread_mutex_unlock(&rules->lock);
}

/* ---- life ---- */

struct rules *rules_new(struct domain *domain)
{
    struct rules *rules = mem_new(struct rules);
    rules->domain = domain;
    atomic_init(&rules->front.index, index_new(0));
    pthread_mutex_init(&rules->lock, NULL);
    hashmap_init(&rules->known);
    hashmap_init(&rules->marks);
    effects_init(rules);
    return rules;
}

static void free_marks(struct rules *rules)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&rules->marks, &iter)) != NULL;) {
        hashmap_remove(&rules->marks, node);
        mem_free(container_of(node, struct mark, by_key));
    }
}

void rules_free(struct rules *rules)
{
    if (!rules) {
        return;
    }
    known_free_all(rules);
    free_marks(rules);
    free_retired(rules);
    struct rule_index *index = atomic_load(&rules->front.index);
    for (size_t i = 0; i < index->count; i++) {
        set_free(atomic_load(&index->sets[i]));
    }
    mem_free(index);
    hashmap_deinit(&rules->marks);
    effects_free(&rules->waiting);
    effects_free(&rules->taken);
    effects_free(&rules->flushed);
    mem_free(rules->judgements);
    mem_free(rules->mismatches);
    rule_subject_deinit(&rules->state);
    pthread_mutex_destroy(&rules->lock);
    mem_free(rules);
}

/* ---- judging ---- */

void rules_batch_begin(struct rules *rules)
{
    if (atomic_load_explicit(&rules->has_retired, memory_order_relaxed)) {
        free_retired(rules);
    }
}

static void keep_mismatch(struct rules *rules, const struct rule_mismatch *mismatch)
{
    if (rules->mismatch_count == rules->mismatch_room) {
        rules->mismatch_room = rules->mismatch_room ? rules->mismatch_room * 2 : 16;
        rules->mismatches = mem_realloc(rules->mismatches, rules->mismatch_room * sizeof *rules->mismatches);
    }
    rules->mismatches[rules->mismatch_count++] = *mismatch;
}

void rules_judge(struct rules *rules, const struct rule_set *set, const struct device_brief *device,
                 struct sample_position position, struct str state)
{
    struct judgement judgement = {
        .set = set,
        .device_no = device->no,
        .epoch = device->epoch,
        .position = position,
        .mismatches_from = rules->mismatch_count,
    };
    rule_subject_set(&rules->state, state);
    for (size_t i = 0; i < set->count; i++) { /* in order of slots */
        struct rule_mismatch mismatch;
        uint64_t bit = rule_bit(set->rules[i].slot);
        judgement.matches |= rule_definition_matches(&set->rules[i].definition, &rules->state, &mismatch) ? bit : 0;
        if (mismatch.key.ptr) {
            judgement.wrong |= bit;
            keep_mismatch(rules, &mismatch);
        }
    }
    if (rules->judgement_count == rules->judgement_room) {
        rules->judgement_room = rules->judgement_room ? rules->judgement_room * 2 : 64;
        rules->judgements = mem_realloc(rules->judgements, rules->judgement_room * sizeof *rules->judgements);
    }
    rules->judgements[rules->judgement_count++] = judgement;
}

/* ---- from judgements to effects; with the lock held ---- */

static bool mark_eq(const struct hashmap_node *node, const void *key)
{
    const struct mark *a = container_of_const(node, struct mark, by_key), *b = key;
    return a->device_no == b->device_no && a->rule_no == b->rule_no;
}

static uint64_t mark_hash(const struct mark *mark)
{
    const int64_t key[2] = {mark->device_no, mark->rule_no};
    return hash_bytes(key, sizeof key);
}

static struct mark *mark_find(struct rules *rules, int64_t device_no, int64_t rule_no)
{
    struct mark key = {.device_no = device_no, .rule_no = rule_no};
    struct hashmap_node *node = hashmap_find(&rules->marks, mark_hash(&key), mark_eq, &key);
    return node ? container_of(node, struct mark, by_key) : NULL;
}

/* A replayed sample that this rule did not see, or on which something newer was decided already. */
static bool is_past(struct rules *rules, const struct judgement *judgement, const struct compiled_rule *rule)
{
    const struct mark *mark = mark_find(rules, judgement->device_no, rule->no);
    return !sample_position_is_after(judgement->position, rule->since) ||
           (mark && !sample_position_is_after(judgement->position, mark->position));
}

/* False: no more effects are taken now; it is made up for when there is room again. */
static bool decide(struct rules *rules, struct known *known, const struct judgement *judgement, const struct compiled_rule *rule)
{
    uint64_t bit = rule_bit(rule->slot);
    bool matches = (judgement->matches & bit) != 0;
    bool news = matches != ((known->open & bit) != 0) || ((known->unsure | known->owed) & bit);
    if (!news || (known->limited & bit) || (!matches && !rule->auto_close) ||
        (rules->replaying && is_past(rules, judgement, rule))) {
        return true;
    }
    bool room = rules->waiting.count < rules->effects_max;
    if (room) {
        effect_add(rules, effect_new(known, rule->no, judgement->position, matches ? EFFECT_OPEN : EFFECT_CLOSE, STR("")));
    }
    known->open = matches ? known->open | bit : known->open & ~bit;
    known->unsure &= ~bit;
    known->owed = room ? known->owed & ~bit : known->owed | bit;
    known->owed_since = room ? known->owed_since : judgement->position;
    rules->owes |= !room;
    return room;
}

static void complain(struct rules *rules, const struct known *known, const struct judgement *judgement,
                     const struct compiled_rule *rule, const struct rule_mismatch *mismatch)
{
    if ((known->failing & rule_bit(rule->slot)) || rules->replaying || rules->waiting.count >= rules->effects_max) {
        return; /* told when it began */
    }
    struct effect *effect = effect_new(known, rule->no, judgement->position, EFFECT_ERROR, mismatch->key);
    effect->expected = mismatch->expected;
    effect->found = mismatch->found;
    effect_add(rules, effect);
}

/* Deleted since the sample was taken: nobody would free what is known of it. */
static bool is_gone(struct rules *rules, int64_t device_no)
{
    struct device_brief device;
    return !device_table_find_no(rules->domain->devices, device_no, &device);
}

static void conclude(struct rules *rules, const struct judgement *judgement)
{
    const struct rule_set *set = judgement->set;
    struct known *known = known_find(rules, judgement->device_no);
    if (!known && ((!judgement->matches && !judgement->wrong) || is_gone(rules, judgement->device_no))) {
        return;
    }
    known = known_make(rules, judgement->device_no, set->model_no, judgement->epoch);
    known_end_limit(rules, known);
    if (known->open == judgement->matches && !(known->unsure | known->owed) && known->failing == judgement->wrong) {
        return;
    }
    const struct rule_mismatch *mismatch = &rules->mismatches[judgement->mismatches_from];
    bool room = true;
    for (size_t i = 0; i < set->count; i++) {
        const struct compiled_rule *rule = &set->rules[i];
        room &= decide(rules, known, judgement, rule);
        if (judgement->wrong & rule_bit(rule->slot)) {
            complain(rules, known, judgement, rule, mismatch++);
        }
    }
    known->failing = judgement->wrong;
    known_drop_if_empty(rules, known);
    if (!room) {
        log_event(LOG_WARN, "rule_effects_put_off", log_i("device_no", judgement->device_no));
    }
}

void rules_batch_end(struct rules *rules, bool committed)
{
    if (rules->judgement_count == 0) {
        return;
    }
    if (committed) {
        pthread_mutex_lock(&rules->lock);
        for (size_t i = 0; i < rules->judgement_count; i++) {
            conclude(rules, &rules->judgements[i]);
        }
        bool start = !rules->running && !rules->replaying && rules->waiting.first;
        rules->running |= start;
        pthread_mutex_unlock(&rules->lock);
        if (start) {
            effects_start(rules);
        }
    }
    rules->judgement_count = 0;
    rules->mismatch_count = 0;
}

/* ---- the start ---- */

struct loader {
    struct rules *rules;
    struct arena arena;
    struct rule_row rows[RULES_OF_MODEL_MAX];
    size_t count;
    struct sample_position checkpoint;
};

static void load_set(struct loader *loader)
{
    if (loader->count) {
        rules_replace(loader->rules->domain, loader->rows[0].model_no, loader->rows, loader->count, NULL, 0);
    }
    loader->count = 0;
    arena_reset(&loader->arena);
}

static void load_rule(const struct rule_row *row, void *arg)
{
    struct loader *loader = arg;
    if (loader->count == RULES_OF_MODEL_MAX || (loader->count && loader->rows[0].model_no != row->model_no)) {
        load_set(loader);
    }
    loader->rows[loader->count] = *row;
    loader->rows[loader->count++].definition = arena_str(&loader->arena, row->definition);
}

static void load_mark(struct rules *rules, int64_t device_no, int64_t rule_no, struct sample_position position)
{
    struct mark *mark = mark_find(rules, device_no, rule_no);
    if (!mark) {
        mark = mem_new(struct mark);
        mark->device_no = device_no;
        mark->rule_no = rule_no;
        hashmap_insert(&rules->marks, &mark->by_key, mark_hash(mark));
    }
    if (sample_position_is_after(position, mark->position)) {
        mark->position = position;
    }
}

static void load_incident(int64_t device_no, int64_t rule_no, bool active, struct sample_position position, void *arg)
{
    struct loader *loader = arg;
    struct rules *rules = loader->rules;
    struct device_brief device;
    if (!device_table_find_no(rules->domain->devices, device_no, &device)) {
        return;
    }
    const struct compiled_rule *rule = rule_of_set(rules_of_model(rules, device.model_no), rule_no);
    if (rule && active) {
        known_make(rules, device_no, device.model_no, device.epoch)->open |= rule_bit(rule->slot);
    }
    if (sample_position_is_after(position, loader->checkpoint)) {
        load_mark(rules, device_no, rule_no, position);
    }
}

enum err rules_load(struct rules *rules, struct store_tx *tx, struct sample_position checkpoint)
{
    struct loader *loader = mem_new(struct loader);
    loader->rules = rules;
    loader->checkpoint = checkpoint;
    arena_init(&loader->arena);
    rules->replaying = true;
    enum err err = rule_store_each_active(tx, 0, load_rule, loader);
    load_set(loader);
    if (err == ERR_OK) {
        err = incident_store_each_of_rules(tx, checkpoint, load_incident, loader);
    }
    atomic_store(&rules->sweep_wanted, true); /* one that a stop interrupted goes on */
    arena_deinit(&loader->arena);
    mem_free(loader);
    return err;
}

void rules_replayed(struct rules *rules)
{
    rules->replaying = false;
    free_marks(rules);
    if (rules->waiting.first) { /* before anything that people ask for */
        rules->running = true;
        effects_start(rules);
    }
}
