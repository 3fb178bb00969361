/* Commands: one FIFO queue per device (device-api.md 4, management-api.md 3.3). The head is the oldest pending or
 * in_progress command; scheduled ones enter the queue at their time. A command never lives only in memory. */
#ifndef MUSTER_MODEL_COMMAND_H
#define MUSTER_MODEL_COMMAND_H

#include "base/arena.h"
#include "codec/json/json.h"
#include "model/device_table.h"
#include "model/hot_change.h"
#include "model/ports/command_store.h"
#include "model/reply.h"

struct domain;
struct store_tx;

const char *command_status_name(enum command_status status);
/* "pending" ...; false: no such state. */
bool command_status_parse(struct str text, enum command_status *ret_status);

/* Who sends a command. */
struct command_sender {
    int64_t organization_no; /* the owner that asks */
    bool lab;                /* a lab organization may send inactive commands */
    struct str name;         /* created_by; ptr NULL: an API key, with no user */
};

/* Validates `body` (name or friendly_name, extra_params, file_id, scheduled_at) against the model's command definitions
 * and queues it; the reply is the Command or the error of management-api.md 3.3. On LANE_REGISTRY. */
enum err command_send(struct domain *domain, struct store_tx *tx, int64_t device_no, const struct command_sender *sender,
                      const struct json *body, struct arena *arena, struct hot_changes *hot, struct reply *reply) MUST_CHECK;
/* Aborts an open command (management-api.md 3.3): the reply is the Command or the error. On LANE_REGISTRY. */
enum err command_cancel(struct domain *domain, struct store_tx *tx, int64_t device_no, int64_t organization_no,
                        struct str command_id, struct arena *arena, struct hot_changes *hot, struct reply *reply) MUST_CHECK;
/* Aborts everything open of a device that changes hands; one event each. On LANE_REGISTRY. */
enum err command_abort_all(struct domain *domain, struct store_tx *tx, int64_t device_no, struct hot_changes *hot) MUST_CHECK;

/* The Command object of management-api.md 2. */
void command_write(struct json_writer *w, const struct uuid *device_id, const struct command_row *command);
/* The command as the device sees it (device-api.md 4.1). */
void command_write_for_device(struct json_writer *w, const struct device_brief *device, const struct command_row *command);

/* Once a second: scheduled commands that are due enter their queue, delivered ones past their timeout fail. Any thread. */
void commands_tick(struct domain *domain);

#endif
