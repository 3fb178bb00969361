/* Port: rollouts, their waves and their devices (management-api.md 6.2). Strings of a row that is read live in the given
 * arena, or are borrowed for a visit. */
#ifndef MUSTER_MODEL_PORTS_ROLLOUT_STORE_H
#define MUSTER_MODEL_PORTS_ROLLOUT_STORE_H

#include "model/ports/row.h"

/* These numbers are stored. */
enum rollout_state { ROLLOUT_DRAFT = 1, ROLLOUT_RUNNING = 2, ROLLOUT_PAUSED = 3, ROLLOUT_DONE = 4, ROLLOUT_ABORTED = 5 };
enum rollout_reason { ROLLOUT_REASON_NONE, ROLLOUT_REASON_ERRORS, ROLLOUT_REASON_SUCCESS, ROLLOUT_REASON_RIGHTS };
enum rollout_task { ROLLOUT_TASK_NONE, ROLLOUT_TASK_FILL, ROLLOUT_TASK_RETRY };
enum rollout_device_state {
    ROLLOUT_WAITING = 1,
    ROLLOUT_SENT,    /* its command is open */
    ROLLOUT_SUCCESS,
    ROLLOUT_FAILED,
    ROLLOUT_SKIPPED, /* it never got the command, or lost it; counts for neither */
};

struct rollout_row {
    int64_t no;
    struct uuid id;
    int64_t organization_no;
    struct str name;
    struct str target, command; /* JSON objects */
    struct str secret_names;    /* JSON array; ptr NULL: none */
    struct str waves;           /* JSON array */
    int64_t success_percent, error_percent;
    enum rollout_state state;
    enum rollout_reason reason;
    enum rollout_task task;
    int64_t filled_to, devices;
    int64_t wave, forgiven, attempt;
    int64_t owner_no;                /* 0: a key */
    int64_t actor_no, actor_key_no;  /* one of them, once it was started */
    struct str created_by;           /* ptr NULL: a key */
    int64_t created_at, started_at, finished_at; /* unix ms or TIME_NONE */
};

/* Sets row->no. */
enum err rollout_store_insert(struct store_tx *tx, struct rollout_row *row) MUST_CHECK;
/* Apart from rollout_store_update: it changes when a command's definition does. */
enum err rollout_store_set_secret_names(struct store_tx *tx, int64_t no, struct str names) MUST_CHECK;
/* All else that changes after creation: state to attempt, the actor, the times. */
enum err rollout_store_update(struct store_tx *tx, const struct rollout_row *row) MUST_CHECK;
enum err rollout_store_find(struct store_tx *tx, int64_t organization_no, const struct uuid *id, struct arena *arena,
                            struct rollout_row *ret_row) MUST_CHECK; /* ERR_NOT_FOUND */
enum err rollout_store_by_no(struct store_tx *tx, int64_t no, struct arena *arena, struct rollout_row *ret_row) MUST_CHECK;

struct rollout_filter {
    int64_t organization_no;
    int64_t owner_no;  /* 0: whoever's */
    int state;         /* enum rollout_state; 0: any */
};
/* Newest first. */
enum err rollout_store_list(struct store_tx *tx, const struct rollout_filter *filter, struct page page, struct arena *arena,
                            struct rollout_row **ret_rows, size_t *ret_count) MUST_CHECK;
enum err rollout_store_count(struct store_tx *tx, const struct rollout_filter *filter, int64_t *ret_count) MUST_CHECK;
/* Those of the organization that are neither done nor aborted. */
enum err rollout_store_count_open(struct store_tx *tx, int64_t organization_no, int64_t *ret_count) MUST_CHECK;
/* The next running one behind `after_no` that has something to list or to send; 0: none. */
enum err rollout_store_next_running(struct store_tx *tx, int64_t after_no, int64_t *ret_no) MUST_CHECK;
/* Removes what was finished before `before` (unix ms): at most `rows_max` rows. */
enum err rollout_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

struct rollout_wave_row {
    int64_t wave, last_seq;
    int64_t waiting, sent, done, failed, skipped;
};
/* Adds a wave behind the others, up to the device last_seq, and counts its devices. */
enum err rollout_store_add_wave(struct store_tx *tx, int64_t rollout_no, int64_t wave, int64_t first_seq, int64_t last_seq) MUST_CHECK;
/* In their order, at most `max`. */
enum err rollout_store_waves(struct store_tx *tx, int64_t rollout_no, struct rollout_wave_row *ret_waves, size_t max,
                             size_t *ret_count) MUST_CHECK;

struct rollout_device_row {
    int64_t rollout_no, seq;
    int64_t device_no;        /* 0: deleted */
    struct uuid device_id;
    enum rollout_device_state state;
    int64_t attempt;
    struct uuid command_id;   /* nil: none yet */
    struct str reason;        /* ptr NULL: none */
    int64_t updated_at;
    struct str name;          /* of the device, only in lists; ptr NULL: deleted */
    int64_t wave;             /* only in lists; 0: not known yet */
};
enum err rollout_store_add_device(struct store_tx *tx, const struct rollout_device_row *row) MUST_CHECK;
/* State, attempt, command, reason and time. */
enum err rollout_store_set_device(struct store_tx *tx, const struct rollout_device_row *row) MUST_CHECK;
/* Those that wait, up to the device last_seq, in their order, at most `max`. */
enum err rollout_store_waiting(struct store_tx *tx, int64_t rollout_no, int64_t last_seq, size_t max, struct arena *arena,
                               struct rollout_device_row **ret_rows, size_t *ret_count) MUST_CHECK;
/* The device for which this command was made and is open. ERR_NOT_FOUND. */
enum err rollout_store_by_command(struct store_tx *tx, const struct uuid *command_id, struct arena *arena,
                                  struct rollout_device_row *ret_row) MUST_CHECK;
/* Wherever this device waits or has an open command it is skipped now; the running rollouts concerned, in the arena. */
enum err rollout_store_device_gone(struct store_tx *tx, int64_t device_no, struct str reason, int64_t now_ms, struct arena *arena,
                                   int64_t **ret_nos, size_t *ret_count) MUST_CHECK;
/* Failed ones of earlier attempts wait again, at most `max`; *ret_count: how many. */
enum err rollout_store_retry(struct store_tx *tx, int64_t rollout_no, int64_t attempt, int64_t max, int64_t now_ms,
                             int64_t *ret_count) MUST_CHECK;

struct rollout_device_filter {
    int64_t rollout_no;
    int state;                   /* 0: any */
    struct str visible_spaces;   /* JSON array of space numbers: only devices in these or below; ptr NULL: all */
};
enum err rollout_store_devices(struct store_tx *tx, const struct rollout_device_filter *filter, struct page page,
                               void (*visit)(const struct rollout_device_row *row, void *arg), void *arg) MUST_CHECK;
enum err rollout_store_count_devices(struct store_tx *tx, const struct rollout_device_filter *filter, int64_t *ret_count) MUST_CHECK;

#endif
