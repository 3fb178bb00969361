/* What is known to be open. All with the lock held. */
#include "base/mem.h"
#include "model/rule/rules_internal.h"
#include "model/telemetry/telemetry_internal.h"

#define DAY_MS INT64_C(86400000)

uint64_t rule_bit(int slot)
{
    return UINT64_C(1) << slot;
}

const struct compiled_rule *rule_of_set(const struct rule_set *set, int64_t rule_no)
{
    for (size_t i = 0; set && i < set->count; i++) {
        if (set->rules[i].no == rule_no) {
            return &set->rules[i];
        }
    }
    return NULL;
}

static bool known_eq(const struct hashmap_node *node, const void *key)
{
    return container_of_const(node, struct known, by_no)->device_no == *(const int64_t *)key;
}

struct known *known_find(struct rules *rules, int64_t device_no)
{
    struct hashmap_node *node = hashmap_find(&rules->known, hash_u64((uint64_t)device_no), known_eq, &device_no);
    return node ? container_of(node, struct known, by_no) : NULL;
}

struct known *known_make(struct rules *rules, int64_t device_no, int64_t model_no, uint32_t epoch)
{
    struct known *known = known_find(rules, device_no);
    if (!known) {
        known = mem_new(struct known);
        known->device_no = device_no;
        hashmap_insert(&rules->known, &known->by_no, hash_u64((uint64_t)device_no));
    }
    if (known->epoch != epoch || known->model_no != model_no) { /* another owner's */
        known->open = known->unsure = known->owed = known->failing = known->limited = 0;
    }
    known->epoch = epoch;
    known->model_no = model_no;
    return known;
}

static void known_free(struct rules *rules, struct known *known)
{
    hashmap_remove(&rules->known, &known->by_no);
    mem_free(known);
}

void known_drop_if_empty(struct rules *rules, struct known *known)
{
    if ((known->open | known->unsure | known->owed | known->failing | known->limited) == 0) {
        known_free(rules, known);
    }
}

void known_free_all(struct rules *rules)
{
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&rules->known, &iter)) != NULL;) {
        known_free(rules, container_of(node, struct known, by_no));
    }
    hashmap_deinit(&rules->known);
}

void known_judged_by(struct rules *rules, int64_t model_no, const struct rule_set *set)
{
    uint64_t slots = set ? set->slots : 0;
    struct hashmap_iter iter = {0};
    for (struct hashmap_node *node; (node = hashmap_next(&rules->known, &iter)) != NULL;) {
        struct known *known = container_of(node, struct known, by_no);
        if (known->model_no != model_no) {
            continue;
        }
        known->open &= slots;
        known->owed &= slots;
        known->unsure = known->open | (known->limited & slots);
        known->failing = known->limited = 0;
        known_drop_if_empty(rules, known);
    }
}

void known_note_active(struct rules *rules, const struct rule_incident *incident)
{
    struct device_brief device;
    if (!device_table_find_no(rules->domain->devices, incident->device_no, &device)) {
        return;
    }
    const struct compiled_rule *rule = rule_of_set(rules_of_model(rules, device.model_no), incident->rule_no);
    if (rule) {
        struct known *known = known_make(rules, device.no, device.model_no, device.epoch);
        known->open |= rule_bit(rule->slot);
        known->unsure |= rule_bit(rule->slot);
    }
}

void known_note_unsettled(struct rules *rules, const struct effect *effect, int64_t limited_until_ms)
{
    struct known *known = known_find(rules, effect->device_no);
    const struct compiled_rule *rule = known ? rule_of_set(rules_of_model(rules, known->model_no), effect->rule_no) : NULL;
    if (!rule || known->epoch != effect->epoch) {
        return;
    }
    if (limited_until_ms) {
        known->limited |= rule_bit(rule->slot);
        known->limited_until_ms = limited_until_ms;
    } else {
        known->unsure |= rule_bit(rule->slot);
    }
}

void known_end_limit(struct rules *rules, struct known *known)
{
    if (!known->limited) {
        return;
    }
    int64_t left = known->limited_until_ms - rules->domain->now_unix_ms();
    if (left <= 0 || left > DAY_MS) { /* or the clock was set back */
        known->unsure |= known->limited;
        known->limited = 0;
    }
}

/* The effects that one device was owed. */
static void pay(struct rules *rules, struct known *known)
{
    const struct rule_set *set = rules_of_model(rules, known->model_no);
    for (size_t i = 0; set && i < set->count; i++) {
        uint64_t bit = rule_bit(set->rules[i].slot);
        if (known->owed & bit) {
            enum effect_kind kind = known->open & bit ? EFFECT_OPEN : EFFECT_CLOSE;
            effect_add(rules, effect_new(known, set->rules[i].no, known->owed_since, kind, STR("")));
        }
    }
    known->owed = 0;
    known_drop_if_empty(rules, known);
}

void known_pay_owed(struct rules *rules)
{
    struct hashmap_iter iter = {0};
    rules->owes = false;
    for (struct hashmap_node *node; (node = hashmap_next(&rules->known, &iter)) != NULL;) {
        struct known *known = container_of(node, struct known, by_no);
        if (known->owed && rules->waiting.count >= rules->effects_max) {
            rules->owes = true;
            return;
        }
        if (known->owed) {
            pay(rules, known);
        }
    }
}

/* ---- any thread ---- */

void rules_doubt(struct domain *domain, int64_t device_no)
{
    struct rules *rules = domain->telemetry->rules;
    pthread_mutex_lock(&rules->lock);
    struct known *known = known_find(rules, device_no);
    if (known) {
        known->unsure |= known->open;
    }
    pthread_mutex_unlock(&rules->lock);
}

void rules_forget(struct domain *domain, int64_t device_no)
{
    struct rules *rules = domain->telemetry->rules;
    pthread_mutex_lock(&rules->lock);
    struct known *known = known_find(rules, device_no);
    if (known) {
        known_free(rules, known);
    }
    pthread_mutex_unlock(&rules->lock);
}
