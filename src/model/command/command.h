/* Commands: one FIFO queue per device (device-api.md 4, management-api.md 3.3). The head is the oldest pending or
 * in_progress command; scheduled ones enter the queue at their time. A command never lives only in memory. */
#ifndef MUSTER_MODEL_COMMAND_H
#define MUSTER_MODEL_COMMAND_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/device/device_change.h"
#include "model/ports/command_store.h"

const char *command_status_name(enum command_status status);
/* "pending" ...; false: no such state. */
bool command_status_parse(struct str text, enum command_status *ret_status);

/* ---- by the owner (management-api.md 3.3); on LANE_REGISTRY; `device` is the principal's ---- */

/* Validates `body` (name or friendly_name, extra_params, file_id, scheduled_at) against the model's definitions and
 * queues it; the reply is the Command, or the error. */
void command_send(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body);
/* The same without the Command as reply: true, and *ret_row is what was queued; false: the reply holds the error, and after a
 * 4xx nothing was written. Audited. */
bool command_make(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body,
                  struct command_row *ret_row);
/* What can be said before there is a device: of `device` only the model and the owner count. Writes nothing; *ret_row has
 * what the body and the definition say. False: the reply holds the error. Any lane with a store. */
bool command_check(struct admin *admin, struct store_tx *tx, const struct device_core *device, const struct json *body,
                   struct command_row *ret_row);
/* Aborts an open command; the reply is the Command, or the error. */
void command_cancel(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str command_id);
/* Aborts everything open of a device that leaves its owner; one event each. */
enum err command_abort_all(struct device_change *change, const struct device_core *device) MUST_CHECK;

/* GET .../commands and .../commands/:id, in the envelope of the principal's tenant; status 0: any. On LANE_READ. */
void command_list(struct admin *admin, struct store_tx *tx, const struct device_core *device, int status, bool ascending,
                  struct page page);
void command_get(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str command_id);

/* The parent hears that the heads of its family's queues are others now (mqtt.md 5.1); a parent of another owner does not.
 * parent_no 0: none. */
enum err command_tell_parent(struct device_change *change, int64_t parent_no, const struct device_core *child) MUST_CHECK;

/* ---- by the device (device-api.md 4.1, 4.3) ---- */

/* The head of the queue or {}. Being fetched is being delivered, which starts the timeout: on LANE_REGISTRY when
 * something waits (brief.command_waiting), else on LANE_READ, where nothing is written. */
enum err command_fetch(struct device_change *change, const struct device_brief *device, bool may_write, struct reply *reply) MUST_CHECK;
/* The head of the device's queue and of each child's of the same owner, as an array (device-api.md 4.2). On LANE_READ the
 * reply is left empty when a command in it is not delivered yet: that takes LANE_REGISTRY. */
enum err command_fetch_family(struct device_change *change, const struct device_brief *device, bool may_write,
                              struct reply *reply) MUST_CHECK;
/* Sets in_progress, done or failed. `correlation`: MQTT Correlation Data, used in place of a missing id; empty: none.
 * Ids of the device's children are accepted over MQTT (mqtt.md 3.2). On LANE_REGISTRY. */
enum err command_report(struct device_change *change, const struct device_brief *device, const struct json *body,
                        struct str correlation, struct reply *reply) MUST_CHECK;
/* One such body, or an array of them (mqtt.md 3.2, command/children/update). Those of an array are independent: its reply is
 * the array of theirs, and if none of them took effect the error of the first. */
enum err command_report_many(struct device_change *change, const struct device_brief *device, const struct json *body,
                             struct str correlation, struct reply *reply) MUST_CHECK;

/* Validates extra_params against custom_fields (a JSON array, management-api.md 2 and 3.3). True: *ret_parameters is the
 * object for the device, every field by its name, empty ones null; ptr NULL when the command has no fields. False: the
 * reply holds the error. *ret_secret_names: the fields of type password as a JSON array; ptr NULL: none. */
bool command_fields_check(struct str custom_fields, const struct json *extra_params, struct arena *arena,
                          struct str *ret_parameters, struct str *ret_secret_names, struct reply *reply);

/* The Command object of management-api.md 2. Masked, values of type password read "*****": whoever did not send the
 * command itself does not read them. */
void command_write(struct json_writer *w, const struct uuid *device_id, const struct command_row *command, bool masked);
/* The command as the device sees it (device-api.md 4.1), with a fresh address of its file. Any lane with a store. */
enum err command_write_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena, struct json_writer *w,
                                  const struct device_brief *device, const struct command_row *command) MUST_CHECK;

/* Once a second: scheduled commands that are due enter their queue, delivered ones past their timeout fail. Any thread. */
void commands_tick(struct domain *domain);

#endif
