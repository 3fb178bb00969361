/* Rollouts (management-api.md 6.2, portal.md 5.5): one command to many devices, in waves. A rollout only creates ordinary
 * commands: the row that says which device got one and the command are made in one transaction, so no device gets it twice,
 * whatever happens in between. A wave's progress is decided in the transaction that finishes a command. What takes long
 * (listing the devices, sending, waiting again) goes in slices, one transaction each.
 *
 * Commands are sent with the rights of who let the rollout run last: people who have lost theirs send nothing. */
#ifndef MUSTER_MODEL_ROLLOUT_H
#define MUSTER_MODEL_ROLLOUT_H

#include "codec/json/json.h"
#include "model/device/device_change.h"
#include "model/management/admin.h"
#include "model/ports/command_store.h"
#include "model/ports/rollout_store.h"

enum { ROLLOUTS_OPEN_MAX = 100 };

/* ---- by people and keys; the reply is complete ---- */

/* POST /rollouts in two steps, for the target may be large: LANE_READ, then LANE_REGISTRY. */
struct rollout_draft {
    struct rollout_row row;
};
void rollout_prepare(struct admin *admin, struct store_tx *tx, const struct json *body, struct rollout_draft *draft);
void rollout_create(struct admin *admin, struct store_tx *tx, struct rollout_draft *draft);
/* POST /rollouts/preview: the target's devices by firmware version. LANE_READ, likewise below. */
void rollout_preview(struct admin *admin, struct store_tx *tx, const struct json *body);
/* state: enum rollout_state; 0: any. Who may not see all of the organization sees its own. */
void rollout_list(struct admin *admin, struct store_tx *tx, int state, struct page page);
void rollout_read(struct admin *admin, struct store_tx *tx, struct str id);
/* state: enum rollout_device_state; 0: any. */
void rollout_devices(struct admin *admin, struct store_tx *tx, struct str id, int state, struct page page);
bool rollout_state_parse(struct str text, int *ret_state);
bool rollout_device_state_parse(struct str text, int *ret_state);

/* POST /rollouts/:id/...; on LANE_REGISTRY. */
void rollout_start(struct admin *admin, struct store_tx *tx, struct str id);
void rollout_pause(struct admin *admin, struct store_tx *tx, struct str id);
void rollout_resume(struct admin *admin, struct store_tx *tx, struct str id);
/* Nothing more is sent; commands that were sent stay what they are. */
void rollout_abort(struct admin *admin, struct store_tx *tx, struct str id);
void rollout_retry_failed(struct admin *admin, struct store_tx *tx, struct str id);

/* ---- by what happens to commands and devices; in that transaction ---- */

/* `row` has become final. */
enum err rollout_command_finished(struct device_change *change, const struct command_row *row) MUST_CHECK;
/* The device leaves its owner, or is deleted: before its commands go. */
enum err rollout_device_gone(struct device_change *change, int64_t device_no, const char *reason) MUST_CHECK;

/* ---- by the clock ---- */

/* Once a second, and when one begins to run: sends what is to be sent, unless that is under way. Any thread. */
void rollouts_tick(struct domain *domain);

#endif
