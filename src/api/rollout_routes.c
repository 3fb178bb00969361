/* Rollouts of organizations (management-api.md 6.2). */
#include "api/admin_call.h"
#include "model/rollout/rollout.h"

/* A value that names nothing matches nothing. */
static int state_filter(struct call *call, bool (*parse)(struct str text, int *ret_state))
{
    enum { NOTHING = -1 };
    struct str text;
    int state;
    return !call_query(call, "state", &text) ? 0 : parse(text, &state) ? state : NOTHING;
}

static void list(struct call *call, struct store_tx *tx)
{
    rollout_list(call_admin(call), tx, state_filter(call, rollout_state_parse), call_page(call));
}

static void create(struct call *call, struct store_tx *tx)
{
    struct admin *admin = call_admin(call);
    switch (call->step) {
    case STEP_READ:
        call->carried = arena_new(&call->arena, struct rollout_draft);
        rollout_prepare(admin, tx, call->body, call->carried);
        break;
    case STEP_WORK:
        break;
    case STEP_WRITE:
        rollout_create(admin, tx, call->carried);
        break;
    }
}

static void preview(struct call *call, struct store_tx *tx)
{
    rollout_preview(call_admin(call), tx, call->body);
}

static void read_one(struct call *call, struct store_tx *tx)
{
    rollout_read(call_admin(call), tx, call->params[0]);
}

static void devices(struct call *call, struct store_tx *tx)
{
    rollout_devices(call_admin(call), tx, call->params[0], state_filter(call, rollout_device_state_parse), call_page(call));
}

static void start(struct call *call, struct store_tx *tx)
{
    rollout_start(call_admin(call), tx, call->params[0]);
}

static void pause_it(struct call *call, struct store_tx *tx)
{
    rollout_pause(call_admin(call), tx, call->params[0]);
}

static void resume(struct call *call, struct store_tx *tx)
{
    rollout_resume(call_admin(call), tx, call->params[0]);
}

static void abort_it(struct call *call, struct store_tx *tx)
{
    rollout_abort(call_admin(call), tx, call->params[0]);
}

static void retry_failed(struct call *call, struct store_tx *tx)
{
    rollout_retry_failed(call_admin(call), tx, call->params[0]);
}

#define ROLLOUTS(path) "/core/v1/organization/rollouts" path

const struct route rollout_routes[] = {
    {"GET", ROLLOUTS(""), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(EDIT_OR_VIEWER), list},
    {"POST", ROLLOUTS(""), ACCESS_ORGANIZATION, PLACE_STEPS, ROUTE_WRITE | ROUTE_IDEMPOTENT_KEY | NEEDS(EDIT), create},
    {"POST", ROLLOUTS("/preview"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(EDIT), preview},
    {"GET", ROLLOUTS("/:id"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(EDIT_OR_VIEWER), read_one},
    {"GET", ROLLOUTS("/:id/devices"), ACCESS_ORGANIZATION, PLACE_READ, NEEDS(EDIT_OR_VIEWER), devices},
    {"POST", ROLLOUTS("/:id/start"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), start},
    {"POST", ROLLOUTS("/:id/pause"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), pause_it},
    {"POST", ROLLOUTS("/:id/resume"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), resume},
    {"POST", ROLLOUTS("/:id/abort"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), abort_it},
    {"POST", ROLLOUTS("/:id/retry_failed"), ACCESS_ORGANIZATION, PLACE_REGISTRY, ROUTE_WRITE | NEEDS(EDIT), retry_failed},
    {0},
};
