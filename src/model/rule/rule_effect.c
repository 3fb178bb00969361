/* What follows from judgements, in their order, in the registry: incidents open and close, errors are logged. An effect
 * stays in memory until it is committed. */
#include "base/log.h"
#include "base/mem.h"
#include "model/incident/incident.h"
#include "model/rule/rules_internal.h"
#include "model/telemetry/telemetry_internal.h"

#define DAY_MS INT64_C(86400000)

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

struct effect *effect_new(const struct known *known, int64_t rule_no, struct sample_position position, enum effect_kind kind,
                          struct str key)
{
    struct effect *effect = mem_alloc(sizeof *effect + key.len);
    *effect = (struct effect){
        .kind = kind,
        .device_no = known->device_no,
        .rule_no = rule_no,
        .epoch = known->epoch,
        .position = position,
        .key_len = key.len,
    };
    if (key.len) {
        memcpy(effect->key, key.ptr, key.len);
    }
    return effect;
}

void effect_add(struct rules *rules, struct effect *effect)
{
    list_push(&rules->waiting, effect);
}

void effects_start(struct rules *rules)
{
    op_submit(rules->domain->executor, &rules->op);
}

static void take(struct rules *rules, struct effect_list *into, size_t max)
{
    pthread_mutex_lock(&rules->lock);
    for (struct effect *effect; into->count < max && (effect = list_pop(&rules->waiting)) != NULL;) {
        list_push(into, effect);
    }
    pthread_mutex_unlock(&rules->lock);
}

/* They wait again, in the order of their samples. */
static void put_back(struct rules *rules, struct effect_list *from)
{
    struct effect_list merged;
    if (!from->first) {
        return;
    }
    effect_list_init(&merged);
    pthread_mutex_lock(&rules->lock);
    while (from->first) {
        bool older = !rules->waiting.first || !sample_position_is_after(from->first->position, rules->waiting.first->position);
        list_push(&merged, list_pop(older ? from : &rules->waiting));
    }
    if (rules->waiting.first) { /* all of the rest are younger */
        *merged.last = rules->waiting.first;
        merged.last = rules->waiting.last;
        merged.count += rules->waiting.count;
    }
    rules->waiting = merged;
    pthread_mutex_unlock(&rules->lock);
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

/* The maker is told once a day. */
static enum err tell_limit(struct device_change *change, const struct effect *effect, uint64_t max, int64_t since)
{
    bool told = false;
    struct rule_error_row row = {
        .rule_no = effect->rule_no,
        .device_no = effect->device_no,
        .expected = arena_printf(change->arena, "at most %llu incidents a day", (unsigned long long)max),
        .found = STR("more"),
        .at = change->now_ms,
    };
    enum err err = rule_store_has_error(change->tx, &row, since, &told);
    return err != ERR_OK || told ? err : rule_store_add_error(change->tx, &row, ERRORS_PER_RULE_MAX);
}

/* A value that goes to and fro would make one incident after the other: after limits.rule_incidents of a UTC day the
 * device gets no more of this rule until the next. */
static enum err has_room(struct device_change *change, struct effect *effect, bool *ret_room)
{
    uint64_t max = domain_settings(change->domain)->limits_rule_incidents;
    int64_t since = change->now_ms - change->now_ms % DAY_MS, count = 0;
    *ret_room = true;
    if (!max) {
        return ERR_OK;
    }
    enum err err = incident_store_count_of_rule(change->tx, effect->device_no, effect->rule_no, since, (int64_t)max, &count);
    if (err == ERR_OK && (uint64_t)count >= max) {
        *ret_room = false;
        effect->unsettled = true;
        effect->limited_until_ms = since + DAY_MS;
        err = tell_limit(change, effect, max, since);
    }
    return err;
}

static enum err open_incident(struct device_change *change, const struct device_core *core, const struct rule_row *rule,
                              struct effect *effect)
{
    char id[UUID_TEXT_BYTES];
    bool room = false;
    uuid_format(&rule->id, id);
    if (!incident_may_open(change, core)) {
        effect->unsettled = !core->incidents_suspended; /* whoever resumes them puts it in doubt */
        return ERR_OK;
    }
    enum err err = has_room(change, effect, &room);
    if (err != ERR_OK || !room) {
        return err;
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
                       struct effect *effect)
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

static enum err apply(struct device_change *change, struct effect *effect)
{
    effect->unsettled = false; /* of a try that failed */
    effect->limited_until_ms = 0;
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

static enum err apply_list(const struct effect_list *list, struct device_change *change)
{
    enum err err = ERR_OK;
    for (struct effect *effect = list->first; effect && err == ERR_OK; effect = effect->next) {
        err = apply(change, effect);
    }
    return err;
}

/* After the commit. */
static void settle(struct rules *rules, struct effect_list *list)
{
    pthread_mutex_lock(&rules->lock);
    for (const struct effect *effect = list->first; effect; effect = effect->next) {
        if (effect->unsettled) {
            known_note_unsettled(rules, effect, effect->limited_until_ms);
        }
    }
    pthread_mutex_unlock(&rules->lock);
    effects_free(list);
}

/* ---- the operation ---- */

/* Something else than the disk refuses what was taken: it is applied one by one then, so that nothing but the one that
 * fails is left out. */
static void search_culprit(struct rules *rules, enum err err)
{
    struct effect *effect = rules->taken.first;
    if (rules->taken.count > 1) {
        rules->singles = rules->taken.count;
    } else if (effect) {
        log_event(LOG_ERROR, "rule_effect_failed", log_s("error", err_name(err)), log_i("device_no", effect->device_no),
                  log_i("rule_no", effect->rule_no));
        effect->unsettled = true;
        effect->limited_until_ms = 0;
        settle(rules, &rules->taken);
    }
}

static void run(struct op *op, struct store_tx *tx)
{
    struct rules *rules = container_of(op, struct rules, op);
    take(rules, &rules->taken, rules->singles ? 1 : EFFECTS_PER_SLICE);
    rules->singles -= rules->singles ? 1 : 0;
    arena_init(&rules->op_arena);
    device_change_init(&rules->change, rules->domain, tx, &rules->op_arena, TRANSPORT_NONE);
    op->err = apply_list(&rules->taken, &rules->change);
    if (op->err != ERR_OK && op->err != ERR_STORAGE && op->err != ERR_BUSY) {
        search_culprit(rules, op->err);
    }
    if (op->err != ERR_OK) { /* at once: a slice of the checkpoint in this transaction must not pass them by */
        put_back(rules, &rules->taken);
    }
}

static void committed(struct op *op)
{
    struct rules *rules = container_of(op, struct rules, op);
    device_change_apply(&rules->change);
    settle(rules, &rules->taken);
}

static void done(struct op *op)
{
    struct rules *rules = container_of(op, struct rules, op);
    arena_deinit(&rules->op_arena);
    rules->op_arena = (struct arena){0};
    if (op->err != ERR_OK) {
        put_back(rules, &rules->taken); /* of a commit that failed */
    }
    bool stays = op->err == ERR_STORAGE || op->err == ERR_BUSY; /* the next tick tries again */
    pthread_mutex_lock(&rules->lock);
    bool more = !stays && rules->waiting.first;
    rules->running = more;
    pthread_mutex_unlock(&rules->lock);
    if (more) {
        effects_start(rules);
    }
}

/* ---- within a slice of the states' checkpoint ---- */

/* With the lock held. */
static void pay_owed(struct rules *rules)
{
    if (rules->owes && rules->waiting.count <= rules->effects_max / 2) {
        known_pay_owed(rules);
    }
}

enum err rules_apply_waiting(struct rules *rules, struct store_tx *tx, bool *ret_more)
{
    take(rules, &rules->flushed, EFFECTS_PER_FLUSH);
    pthread_mutex_lock(&rules->lock);
    pay_owed(rules);
    *ret_more = rules->waiting.first || rules->owes;
    pthread_mutex_unlock(&rules->lock);
    if (!rules->flushed.first) {
        return ERR_OK;
    }
    arena_init(&rules->flush_arena);
    rules->flushing = true;
    device_change_init(&rules->flush_change, rules->domain, tx, &rules->flush_arena, TRANSPORT_NONE);
    return apply_list(&rules->flushed, &rules->flush_change);
}

void rules_waiting_applied(struct rules *rules, bool is_committed)
{
    if (!rules->flushing) {
        return;
    }
    if (is_committed) {
        device_change_apply(&rules->flush_change);
        settle(rules, &rules->flushed);
    } else {
        put_back(rules, &rules->flushed);
    }
    arena_deinit(&rules->flush_arena);
    rules->flushing = false;
}

void rules_stopped(struct rules *rules)
{
    put_back(rules, &rules->taken);
}

/* ---- rules that were switched off or deleted ---- */

static enum err close_swept(struct device_change *change, const struct rule_row *rule, struct incident_row *row)
{
    struct incident_comment_row comment = {
        .incident_no = row->no,
        .text = rule->state == RULE_DELETED ? STR("Closed because the rule was deleted.")
                                            : STR("Closed because the rule was switched off."),
        .created_at = change->now_ms,
    };
    enum err err = incident_store_comment(change->tx, &comment);
    return err == ERR_OK ? incident_close(change, row) : err;
}

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
        err = close_swept(change, &rule, &rows[i]);
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
    pay_owed(rules);
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
    rules->effects_max = EFFECTS_MAX;
    effect_list_init(&rules->waiting);
    effect_list_init(&rules->taken);
    effect_list_init(&rules->flushed);
    rules->op = (struct op){.lane = LANE_REGISTRY, .run = run, .committed = committed, .done = done};
}
