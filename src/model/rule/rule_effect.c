/* What follows from judgements, in their order, in the registry: incidents open and close, errors are logged. An effect
 * stays in memory until it is committed; the checkpoint waits for it (rules_pending_until). */
#include "base/log.h"
#include "base/mem.h"
#include "model/incident/incident.h"
#include "model/rule/rules_internal.h"
#include "model/telemetry/telemetry_internal.h"

/* ---- the queue ---- */

void effect_list_init(struct effect_list *list)
{
    *list = (struct effect_list){.last = &list->first};
}

static void list_push(struct effect_list *list, struct effect *effect)
{
    effect->next = NULL;
    *list->last = effect;
    list->last = &effect->next;
    list->count++;
}

static struct effect *list_pop(struct effect_list *list)
{
    struct effect *effect = list->first;
    if (effect) {
        list->first = effect->next;
        list->count--;
        if (!list->first) {
            list->last = &list->first;
        }
    }
    return effect;
}

void effects_free(struct effect_list *list)
{
    for (struct effect *effect; (effect = list_pop(list)) != NULL;) {
        mem_free(effect);
    }
}

void effect_add(struct rules *rules, struct effect *effect)
{
    list_push(&rules->waiting, effect);
}

void effects_start(struct rules *rules)
{
    op_submit(rules->domain->executor, &rules->op);
}

static void take(struct rules *rules, size_t max)
{
    pthread_mutex_lock(&rules->lock);
    for (struct effect *effect; rules->taken.count < max && (effect = list_pop(&rules->waiting)) != NULL;) {
        list_push(&rules->taken, effect);
    }
    pthread_mutex_unlock(&rules->lock);
}

static void put_back(struct rules *rules)
{
    pthread_mutex_lock(&rules->lock);
    for (struct effect *effect; (effect = list_pop(&rules->waiting)) != NULL;) {
        list_push(&rules->taken, effect);
    }
    effect_list_init(&rules->waiting);
    for (struct effect *effect; (effect = list_pop(&rules->taken)) != NULL;) {
        list_push(&rules->waiting, effect);
    }
    pthread_mutex_unlock(&rules->lock);
}

bool rules_pending_until(struct rules *rules, struct sample_position position)
{
    pthread_mutex_lock(&rules->lock);
    const struct effect *first = rules->taken.first ? rules->taken.first : rules->waiting.first;
    bool pending = first && !sample_position_is_after(first->position, position);
    pthread_mutex_unlock(&rules->lock);
    return pending;
}

/* ---- one effect ---- */

static enum err log_error(struct device_change *change, const struct effect *effect)
{
    struct rule_error_row row = {
        .rule_no = effect->rule_no,
        .device_no = effect->device_no,
        .key = str_from(effect->key, effect->key_len),
        .expected = str_from_cstr(rule_type_name(effect->expected)),
        .found = str_from_cstr(rule_flat_type_name(effect->found)),
        .at = change->now_ms,
    };
    return rule_store_add_error(change->tx, &row, ERRORS_PER_RULE_MAX);
}

static enum err open_incident(struct device_change *change, const struct device_core *core, const struct rule_row *rule,
                              const struct effect *effect)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(&rule->id, id);
    if (!incident_may_open(change, core)) {
        return ERR_OK;
    }
    struct incident_row row = {
        .origin = INCIDENT_RULE,
        .priority = rule->priority,
        .title = rule->name,
        .description = rule->description,
        .issue = arena_printf(change->arena, "rule_%s", id),
        .rule_no = rule->no,
        .position = effect->position,
    };
    return incident_open(change, core, &row);
}

/* Opens or closes, unless a sample at least as new has decided, or it is so already. */
static enum err decide(struct device_change *change, const struct device_core *core, const struct rule_row *rule,
                       const struct effect *effect)
{
    struct incident_row last = {.closed_at = 0};
    enum err err = incident_store_last_of_rule(change->tx, core->no, rule->no, change->arena, &last);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    bool active = err == ERR_OK && last.closed_at == TIME_NONE;
    if (err == ERR_OK && !sample_position_is_after(effect->position, last.position)) {
        return ERR_OK;
    }
    if (effect->kind == EFFECT_OPEN) {
        return active ? ERR_OK : open_incident(change, core, rule, effect);
    }
    last.position = effect->position;
    return active ? incident_close(change, &last) : ERR_OK;
}

static enum err apply(struct device_change *change, const struct effect *effect)
{
    struct device_core core;
    struct rule_row rule;
    enum err err = device_store_core(change->tx, effect->device_no, &core);
    if (err == ERR_OK) {
        err = rule_store_find_no(change->tx, effect->rule_no, change->arena, &rule);
    }
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err; /* deleted meanwhile */
    }
    if (core.epoch != effect->epoch || rule.state != RULE_IN_USE || !rule.active) {
        return ERR_OK;
    }
    return effect->kind == EFFECT_ERROR ? log_error(change, effect) : decide(change, &core, &rule, effect);
}

static enum err apply_taken(struct rules *rules, struct device_change *change)
{
    enum err err = ERR_OK;
    for (const struct effect *effect = rules->taken.first; effect && err == ERR_OK; effect = effect->next) {
        err = apply(change, effect);
    }
    return err;
}

/* ---- the operation ---- */

static void run(struct op *op, struct store_tx *tx)
{
    struct rules *rules = container_of(op, struct rules, op);
    take(rules, EFFECTS_PER_SLICE);
    arena_init(&rules->op_arena);
    device_change_init(&rules->change, rules->domain, tx, &rules->op_arena, TRANSPORT_NONE);
    op->err = apply_taken(rules, &rules->change);
}

static void drop_taken(struct rules *rules)
{
    pthread_mutex_lock(&rules->lock);
    effects_free(&rules->taken);
    pthread_mutex_unlock(&rules->lock);
}

static void committed(struct op *op)
{
    struct rules *rules = container_of(op, struct rules, op);
    device_change_apply(&rules->change);
    drop_taken(rules);
}

static void done(struct op *op)
{
    struct rules *rules = container_of(op, struct rules, op);
    arena_deinit(&rules->op_arena);
    rules->op_arena = (struct arena){0};
    if (op->err == ERR_STORAGE || op->err == ERR_BUSY) {
        put_back(rules); /* the next tick tries again */
    } else if (op->err != ERR_OK) {
        log_event(LOG_ERROR, "rule_effects_failed", log_s("error", err_name(op->err)));
        drop_taken(rules);
    }
    pthread_mutex_lock(&rules->lock);
    bool more = op->err == ERR_OK && rules->waiting.first;
    rules->running = more;
    pthread_mutex_unlock(&rules->lock);
    if (more) {
        effects_start(rules);
    }
}

enum err rules_apply_all(struct rules *rules, struct store_tx *tx)
{
    struct arena arena;
    struct device_change change;
    enum err err = ERR_OK;
    put_back(rules); /* of an operation that was stopped */
    do {
        take(rules, EFFECTS_PER_SLICE);
        arena_init(&arena);
        device_change_init(&change, rules->domain, tx, &arena, TRANSPORT_NONE);
        err = apply_taken(rules, &change);
        arena_deinit(&arena);
        if (err == ERR_OK) { /* should the commit fail, the next start judges these samples again */
            drop_taken(rules);
        }
    } while (err == ERR_OK && rules->waiting.first);
    return err;
}

/* ---- rules that were switched off or deleted ---- */

static enum err sweep_one(struct rules *rules, struct device_change *change, bool *ret_more)
{
    struct rule_row rule;
    struct incident_row *rows = NULL;
    size_t count = 0;
    (void)rules;
    enum err err = rule_store_next_sweep(change->tx, change->arena, &rule);
    *ret_more = err == ERR_OK;
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (rule.auto_close) {
        err = incident_store_active_of_rule(change->tx, rule.no, SWEEP_PER_SLICE, change->arena, &rows, &count);
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = incident_close(change, &rows[i]);
    }
    if (err == ERR_OK && count < SWEEP_PER_SLICE) {
        bool gone = rule.state == RULE_DELETED;
        rule.state = RULE_IN_USE;
        err = gone ? rule_store_delete(change->tx, rule.no) : rule_store_update(change->tx, &rule);
    }
    return err;
}

struct sweep {
    struct op op;
    struct rules *rules;
    struct arena arena;
    struct device_change change;
    bool more;
};

static void sweep_run(struct op *op, struct store_tx *tx)
{
    struct sweep *sweep = container_of(op, struct sweep, op);
    device_change_init(&sweep->change, sweep->rules->domain, tx, &sweep->arena, TRANSPORT_NONE);
    op->err = sweep_one(sweep->rules, &sweep->change, &sweep->more);
}

static void sweep_committed(struct op *op)
{
    device_change_apply(&container_of(op, struct sweep, op)->change);
}

static void sweep_done(struct op *op)
{
    struct sweep *sweep = container_of(op, struct sweep, op);
    if (op->err == ERR_OK && sweep->more) {
        arena_reset(&sweep->arena);
        op_submit(sweep->rules->domain->executor, op);
        return;
    }
    if (op->err != ERR_OK) {
        atomic_store(&sweep->rules->sweep_wanted, true);
    }
    atomic_store(&sweep->rules->sweep_running, false);
    arena_deinit(&sweep->arena);
    mem_free(sweep);
}

static void sweep_start(struct rules *rules)
{
    struct sweep *sweep = mem_new(struct sweep);
    sweep->rules = rules;
    arena_init(&sweep->arena);
    sweep->op = (struct op){.lane = LANE_REGISTRY, .run = sweep_run, .committed = sweep_committed, .done = sweep_done};
    op_submit(rules->domain->executor, &sweep->op);
}

void rules_want_sweep(struct domain *domain)
{
    atomic_store(&domain->telemetry->rules->sweep_wanted, true);
}

void rules_tick(struct domain *domain)
{
    struct rules *rules = domain->telemetry->rules;
    pthread_mutex_lock(&rules->lock);
    bool start = !rules->running && rules->waiting.first;
    rules->running |= start;
    pthread_mutex_unlock(&rules->lock);
    if (start) {
        effects_start(rules);
    }
    if (atomic_load(&rules->sweep_wanted) && !atomic_exchange(&rules->sweep_running, true)) {
        atomic_store(&rules->sweep_wanted, false);
        sweep_start(rules);
    }
}

void effects_init(struct rules *rules)
{
    effect_list_init(&rules->waiting);
    effect_list_init(&rules->taken);
    rules->op = (struct op){.lane = LANE_REGISTRY, .run = run, .committed = committed, .done = done};
}
