/* How a rollout moves: slices of work on the registry lane, and what follows from commands and devices. */
#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/account/access.h"
#include "model/command/command.h"
#include "model/device/device_desk.h"
#include "model/domain.h"
#include "model/maker/catalog.h"
#include "model/ports/api_key_store.h"
#include "model/rollout/rollout_internal.h"
#include "model/rollout/rollout_target.h"

enum { SEND_SLICE = 16, LIST_SLICE = 500, FAILED_MAX = 64 };

/* --- steps --- */

enum err rollout_settle(struct store_tx *tx, struct rollout_row *row, int64_t now_ms)
{
    struct rollout_wave_row waves[ROLLOUT_WAVES_MAX];
    size_t count = 0;
    bool changed = false;
    if (row->state != ROLLOUT_RUNNING || row->task != ROLLOUT_TASK_NONE) {
        return ERR_OK;
    }
    enum err err = rollout_store_waves(tx, row->no, waves, ROLLOUT_WAVES_MAX, &count);
    while (err == ERR_OK && row->state == ROLLOUT_RUNNING) {
        enum rollout_step step = rollout_step_of(row, waves, count);
        if (step == ROLLOUT_STAY) {
            break;
        }
        changed = true;
        if (step == ROLLOUT_NEXT_WAVE) {
            row->wave++;
        } else if (step == ROLLOUT_FINISH) {
            row->state = ROLLOUT_DONE;
            row->finished_at = now_ms;
        } else {
            row->state = ROLLOUT_PAUSED;
            row->reason = step == ROLLOUT_PAUSE_ERRORS ? ROLLOUT_REASON_ERRORS : ROLLOUT_REASON_SUCCESS;
        }
    }
    return err == ERR_OK && changed ? rollout_store_update(tx, row) : err;
}

static enum err settle_no(struct store_tx *tx, struct arena *arena, int64_t no, int64_t now_ms)
{
    struct rollout_row row;
    enum err err = rollout_store_by_no(tx, no, arena, &row);
    return err == ERR_NOT_FOUND ? ERR_OK : err ? err : rollout_settle(tx, &row, now_ms);
}

enum err rollout_command_finished(struct device_change *change, const struct command_row *row)
{
    struct rollout_device_row device;
    enum err err = rollout_store_by_command(change->tx, &row->id, change->arena, &device);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err; /* of no rollout: most are not */
    }
    /* Cancelled by a person, it says nothing about the command. */
    device.state = row->status == COMMAND_DONE     ? ROLLOUT_SUCCESS
                   : row->status == COMMAND_FAILED ? ROLLOUT_FAILED
                                                   : ROLLOUT_SKIPPED;
    device.reason = row->status == COMMAND_DONE      ? (struct str){NULL, 0}
                    : row->status == COMMAND_ABORTED ? STR("Command was cancelled")
                                                     : row->message;
    device.updated_at = change->now_ms;
    err = rollout_store_set_device(change->tx, &device);
    return err ? err : settle_no(change->tx, change->arena, device.rollout_no, change->now_ms);
}

enum err rollout_device_gone(struct device_change *change, int64_t device_no, const char *reason)
{
    int64_t *nos = NULL;
    size_t count = 0;
    enum err err = rollout_store_device_gone(change->tx, device_no, str_from_cstr(reason), change->now_ms, change->arena, &nos,
                                             &count);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = settle_no(change->tx, change->arena, nos[i], change->now_ms);
    }
    return err;
}

/* --- slices --- */

struct slice {
    struct op op;
    struct domain *domain;
    struct arena arena;
    int64_t after_no;     /* the rollout that had the last slice */
    bool has_more;        /* that one has more to do at once */
    bool is_more;         /* one of this round has */
    bool has_ended;
    int64_t failed[FAILED_MAX]; /* rollouts left to the next tick */
    size_t failed_count;
    struct admin admins[SEND_SLICE];
    struct reply replies[SEND_SLICE];
    size_t admin_count;
};

/* Who let it run, with what it may do now. *ret_may false: nothing any more. A key that has only expired was meant to be used
 * no longer, not to undo what it began: it counts. */
static enum err find_actor(struct domain *domain, struct store_tx *tx, const struct rollout_row *row,
                           struct principal *ret_actor, bool *ret_may)
{
    struct organization_info organization = {0};
    catalog_organization(domain->catalog, row->organization_no, &organization);
    *ret_actor = (struct principal){
        .kind = row->actor_no ? PRINCIPAL_USER : PRINCIPAL_API_KEY,
        .scope = SCOPE_FULL,
        .tenant_kind = TENANT_ORGANIZATION,
        .partner_no = organization.partner_no,
        .organization_no = organization.no,
        .api_key_no = row->actor_key_no,
        .user_no = row->actor_no,
        .needs = PERMISSION_EDIT,
    };
    if (!row->actor_no) {
        return api_key_store_stands(tx, row->actor_key_no, ret_may);
    }
    *ret_may = access_role(domain, row->actor_no, TENANT_ORGANIZATION, row->organization_no, &ret_actor->role);
    return ERR_OK;
}

static struct admin *next_admin(struct slice *slice, const struct principal *actor)
{
    struct admin *admin = &slice->admins[slice->admin_count];
    struct reply *reply = &slice->replies[slice->admin_count++];
    reply_init(reply);
    admin_init(admin, slice->domain, &slice->arena, reply, actor, STR(""));
    return admin;
}

/* What reply_from_err said. */
static enum err err_of_reply(const struct reply *reply)
{
    return reply->status == 503 ? ERR_STORAGE : ERR_INTERNAL;
}

struct filling {
    struct slice *slice;
    struct store_tx *tx;
    struct rollout_row *row;
    const struct principal *actor;
    size_t looked_at;
    enum err err;
};

static bool list_device(int64_t no, void *arg)
{
    struct filling *filling = arg;
    struct rollout_row *row = filling->row;
    struct device_core device;
    filling->looked_at++;
    row->filled_to = no;
    filling->err = device_store_core(filling->tx, no, &device);
    if (filling->err == ERR_OK && access_in_space(filling->slice->domain, filling->actor, device.space_no) == ERR_OK) {
        filling->err = rollout_store_add_device(filling->tx, &(struct rollout_device_row){
            .rollout_no = row->no, .seq = ++row->devices, .device_no = no, .device_id = device.id, .state = ROLLOUT_WAITING,
            .attempt = row->attempt, .updated_at = filling->slice->domain->now_unix_ms()});
    }
    return filling->err == ERR_OK;
}

static enum err make_waves(struct store_tx *tx, const struct rollout_row *row)
{
    int64_t percents[ROLLOUT_WAVES_MAX], last_seqs[ROLLOUT_WAVES_MAX];
    size_t count = rollout_percents(row, percents);
    enum err err = ERR_OK;
    rollout_spread(row->devices, percents, count, last_seqs);
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = rollout_store_add_wave(tx, row->no, (int64_t)i + 1, i ? last_seqs[i - 1] + 1 : 1, last_seqs[i]);
    }
    return err;
}

/* Lists some of the devices; the first wave begins when all are. */
static enum err fill(struct slice *slice, struct store_tx *tx, struct rollout_row *row, const struct principal *actor)
{
    struct filling filling = {.slice = slice, .tx = tx, .row = row, .actor = actor};
    struct device_filter filter;
    struct json *target = NULL;
    struct admin *admin = next_admin(slice, actor);
    enum err err = json_parse(row->target, NULL, &target);
    /* The space or the model that the target names may be gone since: then it has no devices. */
    if (err == ERR_OK && rollout_target_read(admin, tx, target, ROLLOUT_TARGET_LEFT, &filter)) {
        filter.after_no = row->filled_to;
        err = device_store_list(tx, &filter, LIST_SLICE, 0, list_device, &filling);
        err = err ? err : filling.err;
    } else if (err == ERR_OK && admin->reply->status >= 500) {
        err = err_of_reply(admin->reply);
    }
    json_free(target);
    if (err == ERR_OK && filling.looked_at < LIST_SLICE) {
        row->task = ROLLOUT_TASK_NONE;
        row->wave = 1;
        err = make_waves(tx, row);
    }
    return err;
}

static enum err retry(struct slice *slice, struct store_tx *tx, struct rollout_row *row)
{
    int64_t count = 0;
    enum err err = rollout_store_retry(tx, row->no, row->attempt, LIST_SLICE, slice->domain->now_unix_ms(), &count);
    if (err == ERR_OK && count < LIST_SLICE) {
        row->task = ROLLOUT_TASK_NONE;
    }
    return err;
}

/* Why the device gets no command; NULL: it may. */
static const char *refusal(struct slice *slice, const struct rollout_row *row, const struct principal *actor,
                           const struct device_core *device)
{
    if (device->organization_no != row->organization_no) {
        return "Device was unclaimed";
    }
    return access_in_space(slice->domain, actor, device->space_no) == ERR_OK ? NULL : "No access to the device's space";
}

/* What is a password may have changed since the rollout was made. */
static enum err learn_secrets(struct slice *slice, struct store_tx *tx, struct rollout_row *row, const struct command_row *sent)
{
    bool added = false;
    enum err err = rollout_add_secrets(row, sent->secret_names, &slice->arena, &added);
    return err == ERR_OK && added ? rollout_store_set_secret_names(tx, row->no, row->secret_names) : err;
}

/* The command and the row that says so, in this transaction. */
static enum err send(struct slice *slice, struct store_tx *tx, struct rollout_row *row, const struct principal *actor,
                     const struct json *command, struct rollout_device_row *device_row)
{
    struct device_core device;
    struct command_row sent;
    enum err err = device_store_core(tx, device_row->device_no, &device);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    const char *why = err == ERR_NOT_FOUND ? "Device was deleted" : refusal(slice, row, actor, &device);
    device_row->updated_at = slice->domain->now_unix_ms();
    device_row->attempt = row->attempt;
    if (why) {
        device_row->state = ROLLOUT_SKIPPED;
        device_row->reason = str_from_cstr(why);
        return rollout_store_set_device(tx, device_row);
    }
    struct admin *admin = next_admin(slice, actor);
    if (command_make(admin, tx, &device, command, &sent)) {
        device_row->state = ROLLOUT_SENT;
        device_row->command_id = sent.id;
        device_row->reason = (struct str){NULL, 0};
    } else if (admin->reply->status >= 500) {
        return err_of_reply(admin->reply);
    } else {
        device_row->state = ROLLOUT_FAILED;
        device_row->reason = reply_error_text(admin->reply);
    }
    err = learn_secrets(slice, tx, row, &sent);
    return err ? err : rollout_store_set_device(tx, device_row);
}

static enum err send_some(struct slice *slice, struct store_tx *tx, struct rollout_row *row, const struct principal *actor,
                          bool *ret_sent)
{
    struct rollout_wave_row waves[ROLLOUT_WAVES_MAX];
    struct rollout_device_row *devices = NULL;
    struct json *command = NULL;
    size_t wave_count = 0, count = 0;
    enum err err = rollout_store_waves(tx, row->no, waves, ROLLOUT_WAVES_MAX, &wave_count);
    if (err == ERR_OK && row->wave >= 1 && row->wave <= (int64_t)wave_count) {
        err = rollout_store_waiting(tx, row->no, waves[row->wave - 1].last_seq, SEND_SLICE, &slice->arena, &devices, &count);
    }
    if (err == ERR_OK && count) {
        err = json_parse(row->command, NULL, &command);
    }
    for (size_t i = 0; i < count && err == ERR_OK; i++) {
        err = send(slice, tx, row, actor, command, &devices[i]);
    }
    json_free(command);
    *ret_sent = count > 0;
    return err;
}

/* One slice of one rollout. *ret_more: it has more to do at once. */
static enum err work(struct slice *slice, struct store_tx *tx, int64_t no, bool *ret_more)
{
    struct rollout_row row;
    struct principal actor;
    *ret_more = false;
    enum err err = rollout_store_by_no(tx, no, &slice->arena, &row);
    if (err != ERR_OK || !catalog_organization_is_active(slice->domain->catalog, row.organization_no)) {
        return err;
    }
    bool may = false;
    err = find_actor(slice->domain, tx, &row, &actor, &may);
    if (err != ERR_OK) {
        return err;
    }
    if (!may) {
        row.state = ROLLOUT_PAUSED;
        row.reason = ROLLOUT_REASON_RIGHTS;
        return rollout_store_update(tx, &row);
    }
    if (row.task != ROLLOUT_TASK_NONE) {
        *ret_more = true;
        err = row.task == ROLLOUT_TASK_FILL ? fill(slice, tx, &row, &actor) : retry(slice, tx, &row);
        if (err == ERR_OK) {
            err = rollout_store_update(tx, &row);
        }
    } else {
        err = send_some(slice, tx, &row, &actor, ret_more);
    }
    int64_t wave = row.wave;
    if (err == ERR_OK) {
        err = rollout_settle(tx, &row, slice->domain->now_unix_ms());
    }
    *ret_more = row.state == ROLLOUT_RUNNING && (*ret_more || row.wave != wave);
    return err;
}

static bool has_failed(const struct slice *slice, int64_t no)
{
    for (size_t i = 0; i < slice->failed_count; i++) {
        if (slice->failed[i] == no) {
            return true;
        }
    }
    return false;
}

static enum err next_running(const struct slice *slice, struct store_tx *tx, int64_t after_no, int64_t *ret_no)
{
    enum err err;
    *ret_no = after_no;
    do {
        err = rollout_store_next_running(tx, *ret_no, ret_no);
    } while (err == ERR_OK && *ret_no && has_failed(slice, *ret_no));
    return err;
}

static void slice_run(struct op *op, struct store_tx *tx)
{
    struct slice *slice = container_of(op, struct slice, op);
    int64_t no = 0;
    op->err = next_running(slice, tx, slice->after_no, &no);
    if (op->err == ERR_OK && no == 0 && slice->is_more && slice->after_no) { /* once more round */
        slice->is_more = false;
        op->err = next_running(slice, tx, 0, &no);
    }
    slice->after_no = no;
    slice->has_ended = op->err != ERR_OK || no == 0;
    slice->has_more = false;
    if (!slice->has_ended) {
        op->err = work(slice, tx, no, &slice->has_more);
    }
}

static void slice_committed(struct op *op)
{
    struct slice *slice = container_of(op, struct slice, op);
    for (size_t i = 0; i < slice->admin_count; i++) {
        admin_committed(&slice->admins[i]);
    }
}

static void submit(struct slice *slice);

/* A slice that failed is undone as a whole, and the next tick tries it again. When it is not the store that fails, the
 * rollouts behind it have their turn. */
static bool goes_on(struct slice *slice)
{
    enum err err = slice->op.err;
    if (err != ERR_OK) {
        log_event(LOG_WARN, "rollout_slice_failed", log_i("rollout", slice->after_no), log_s("error", err_name(err)));
    }
    if (slice->has_ended || err == ERR_STORAGE || err == ERR_BUSY) {
        return false;
    }
    if (err == ERR_OK) {
        slice->is_more |= slice->has_more;
        return true;
    }
    if (slice->failed_count == FAILED_MAX) {
        return false;
    }
    slice->failed[slice->failed_count++] = slice->after_no;
    return true;
}

static void slice_done(struct op *op)
{
    struct slice *slice = container_of(op, struct slice, op);
    for (size_t i = 0; i < slice->admin_count; i++) {
        reply_deinit(&slice->replies[i]);
    }
    slice->admin_count = 0;
    arena_reset(&slice->arena);
    if (goes_on(slice)) {
        submit(slice);
        return;
    }
    atomic_store(&slice->domain->device_desk->rollouts_under_way, false);
    arena_deinit(&slice->arena);
    mem_free(slice);
}

static void submit(struct slice *slice)
{
    slice->op = (struct op){.lane = LANE_REGISTRY, .run = slice_run, .committed = slice_committed, .done = slice_done};
    op_submit(slice->domain->executor, &slice->op);
}

void rollouts_tick(struct domain *domain)
{
    if (atomic_exchange(&domain->device_desk->rollouts_under_way, true)) {
        return;
    }
    struct slice *slice = mem_new(struct slice);
    slice->domain = domain;
    arena_init(&slice->arena);
    submit(slice);
}
