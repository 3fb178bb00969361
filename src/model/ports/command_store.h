/* Port: commands. Strings of a row that is read live in the given arena. */
#ifndef MUSTER_MODEL_PORTS_COMMAND_STORE_H
#define MUSTER_MODEL_PORTS_COMMAND_STORE_H

#include "model/ports/row.h"

enum command_status {
    COMMAND_SCHEDULED = 1,
    COMMAND_PENDING,
    COMMAND_IN_PROGRESS,
    COMMAND_DONE,
    COMMAND_FAILED,
    COMMAND_ABORTED,
};
static inline bool command_status_is_final(enum command_status status)
{
    return status >= COMMAND_DONE;
}

struct command_row {
    int64_t no;
    struct uuid id;
    int64_t device_no, organization_no;
    struct str name, friendly_name;
    struct str parameters; /* JSON object; ptr NULL: the command has none */
    struct str secret_names; /* JSON array: parameters of type password; ptr NULL: none */
    enum command_status status;
    struct str message;    /* ptr NULL: none */
    struct uuid file_id;   /* nil: none */
    int64_t timeout_seconds; /* 0: none */
    struct str created_by; /* ptr NULL: an API key */
    int64_t created_at, scheduled_at, delivered_at, finished_at; /* unix ms; TIME_NONE: null */
    int64_t queue_no;      /* place in the device's queue; 0: scheduled or final */
    int64_t due_at;        /* when the ticker must look; TIME_NONE: never */
};

enum err command_store_insert(struct store_tx *tx, const struct command_row *row) MUST_CHECK;
/* Status, message, times and place in the queue. */
enum err command_store_update(struct store_tx *tx, const struct command_row *row) MUST_CHECK;
enum err command_store_by_id(struct store_tx *tx, const struct uuid *id, struct arena *arena, struct command_row *ret_row) MUST_CHECK;
/* The head of the queue: the oldest pending or in_progress command. ERR_NOT_FOUND: the queue is empty. */
/* The heads of the queues of a device and of its children with the same owner; the device's first, then by age. */
enum err command_store_family_heads(struct store_tx *tx, int64_t device_no, struct arena *arena, struct command_row **ret_rows,
                                    size_t *ret_count) MUST_CHECK;
enum err command_store_head(struct store_tx *tx, int64_t device_no, struct arena *arena, struct command_row *ret_row) MUST_CHECK;
/* The queue's next free place, and how many commands of the device are open. */
enum err command_store_queue(struct store_tx *tx, int64_t device_no, int64_t *ret_next_no, int64_t *ret_open) MUST_CHECK;
/* Open commands of a device, scheduled ones included. */
enum err command_store_open(struct store_tx *tx, int64_t device_no, struct arena *arena, struct command_row **ret_rows,
                            size_t *ret_count) MUST_CHECK;
/* At most `max` commands of any device whose due_at has come, earliest first. */
enum err command_store_due(struct store_tx *tx, int64_t now_ms, size_t max, struct arena *arena,
                           struct command_row **ret_rows, size_t *ret_count) MUST_CHECK;
/* Newest first. organization_no 0: whoever sent them; status 0: any. */
struct command_filter {
    int64_t device_no, organization_no;
    int status;
    bool ascending; /* oldest first */
};
enum err command_store_list(struct store_tx *tx, const struct command_filter *filter, int64_t limit, int64_t offset,
                            struct arena *arena, struct command_row **ret_rows, size_t *ret_count) MUST_CHECK;
enum err command_store_count(struct store_tx *tx, const struct command_filter *filter, int64_t *ret_count) MUST_CHECK;
/* The heads of all queues, for the hot records at start. */
enum err command_store_each_head(struct store_tx *tx,
                                 void (*visit)(int64_t device_no, enum command_status status, int64_t hold_until_ms,
                                               void *arg),
                                 void *arg) MUST_CHECK;

/* A command definition of a model (management-api.md 5.3). */
struct command_rule {
    struct str name, friendly_name;
    bool active, with_file;
    struct str file_type;     /* which the file has to have; ptr NULL: any */
    int64_t timeout_seconds;
    struct str custom_fields; /* JSON array */
};
/* By its name, or by its friendly name. ERR_NOT_FOUND: none. */
enum err command_rule_by_name(struct store_tx *tx, int64_t model_no, struct str name, struct arena *arena,
                              struct command_rule *ret_rule) MUST_CHECK;
enum err command_rule_by_friendly_name(struct store_tx *tx, int64_t model_no, struct str name, struct arena *arena,
                                       struct command_rule *ret_rule) MUST_CHECK;
/* Removes at most `rows_max` commands that became final before `before` (unix ms). */
enum err command_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

#endif
