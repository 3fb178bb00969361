/* Port: incidents. Strings of a row that is read live in the given arena; of a row that is visited they are borrowed for
 * the call. Writing on LANE_REGISTRY. */
#ifndef MUSTER_MODEL_PORTS_INCIDENT_STORE_H
#define MUSTER_MODEL_PORTS_INCIDENT_STORE_H

#include "model/ports/row.h"
#include "model/ports/telemetry_store.h"

struct incident_row {
    int64_t no;
    struct uuid id;
    int64_t device_no, organization_no, partner_no;
    int origin, priority; /* enum incident_origin, enum incident_priority */
    struct str title, description, issue; /* description ptr NULL: none */
    struct str acknowledged_by;           /* ptr NULL: by nobody; only when read */
    int64_t created_at, updated_at, closed_at; /* unix ms; TIME_NONE: null */
    int64_t rule_no;                 /* 0: no rule made it */
    struct sample_position position; /* of a rule's: the newest sample that decided on it */
};

enum err incident_store_insert(struct store_tx *tx, struct incident_row *row) MUST_CHECK; /* sets row->no */
enum err incident_store_close(struct store_tx *tx, const struct incident_row *row) MUST_CHECK; /* closed_at, position */
/* The newest one that this rule made for the device, active or not. ERR_NOT_FOUND. */
enum err incident_store_last_of_rule(struct store_tx *tx, int64_t device_no, int64_t rule_no, struct arena *arena,
                                     struct incident_row *ret_row) MUST_CHECK;
/* At most `max` active ones of a rule. */
enum err incident_store_active_of_rule(struct store_tx *tx, int64_t rule_no, int64_t max, struct arena *arena,
                                       struct incident_row **ret_rows, size_t *ret_count) MUST_CHECK;
/* The device of each of them. */
enum err incident_store_each_active_of_rule(struct store_tx *tx, int64_t rule_no, void (*visit)(int64_t device_no, void *arg),
                                            void *arg) MUST_CHECK;
/* How many a rule has made for a device since `since` (unix ms), at most `max`. */
enum err incident_store_count_of_rule(struct store_tx *tx, int64_t device_no, int64_t rule_no, int64_t since, int64_t max,
                                      int64_t *ret_count) MUST_CHECK;
/* Active ones of all rules, and those that a sample behind `after` decided on. */
enum err incident_store_each_of_rules(struct store_tx *tx, struct sample_position after,
                                      void (*visit)(int64_t device_no, int64_t rule_no, bool active,
                                                    struct sample_position position, void *arg),
                                      void *arg) MUST_CHECK;
enum err incident_store_acknowledge(struct store_tx *tx, int64_t no, struct str by, int64_t at) MUST_CHECK;
/* The active one of this device, origin and issue. ERR_NOT_FOUND. */
enum err incident_store_active(struct store_tx *tx, int64_t device_no, int origin, struct str issue, struct arena *arena,
                               struct incident_row *ret_row) MUST_CHECK;
/* By its id, active or not. ERR_NOT_FOUND. */
enum err incident_store_find(struct store_tx *tx, const struct uuid *id, struct arena *arena,
                             struct incident_row *ret_row) MUST_CHECK;
/* All active ones of a device, newest first. */
enum err incident_store_all_active(struct store_tx *tx, int64_t device_no, struct arena *arena,
                                   struct incident_row **ret_rows, size_t *ret_count) MUST_CHECK;
/* Of a device and origin: how many are active, and how many were made since `since`. */
enum err incident_store_count_of_device(struct store_tx *tx, int64_t device_no, int origin, int64_t since,
                                        int64_t *ret_active, int64_t *ret_since) MUST_CHECK;
/* The device of each active one of this origin. */
enum err incident_store_each_active_of_origin(struct store_tx *tx, int origin, void (*visit)(int64_t device_no, void *arg),
                                              void *arg) MUST_CHECK;
/* The most urgent priority among the active ones: *ret_priority, 0 if there is none. That of an offline device does not
 * count: the status tells it, and it ends a moment after the status has changed. */
enum err incident_store_worst(struct store_tx *tx, int64_t device_no, int *ret_priority) MUST_CHECK;
/* The same of every device that has an active one. */
enum err incident_store_each_worst(struct store_tx *tx, void (*visit)(int64_t device_no, int priority, void *arg),
                                   void *arg) MUST_CHECK;
/* Removes at most `rows_max` incidents that were closed before `before` (unix ms). */
enum err incident_store_delete_old(struct store_tx *tx, int64_t before, int64_t rows_max) MUST_CHECK;

/* A list, newest first. Exactly one of partner_no and organization_no is set; a zero or a NULL ptr does not filter. */
struct incident_filter {
    int64_t partner_no, organization_no;
    int64_t device_no, space_no;        /* the space with those below it; -1: matches nothing */
    struct str visible_spaces;          /* JSON array of numbers: of devices in these or below; ptr NULL: all */
    int64_t from, to;                   /* of created_at, both included */
    int status;                         /* 1 active, 2 closed, -1 matches nothing */
    int priority;                       /* as it is read: shifted by the space's factor; -1 matches nothing */
    struct str title, description;      /* substrings */
    struct str issue, device_model, sub_model, partner_name; /* exact */
};
enum err incident_store_list(struct store_tx *tx, const struct incident_filter *filter, struct page page, struct arena *arena,
                             struct incident_row **ret_rows, size_t *ret_count) MUST_CHECK;
enum err incident_store_count(struct store_tx *tx, const struct incident_filter *filter, int64_t *ret_count) MUST_CHECK;

struct incident_comment_row {
    int64_t no, incident_no;
    struct str author; /* ptr NULL: a key */
    struct str text;
    int64_t created_at;
};
enum err incident_store_comment(struct store_tx *tx, struct incident_comment_row *row) MUST_CHECK; /* sets row->no */
enum err incident_store_comment_count(struct store_tx *tx, int64_t incident_no, int64_t *ret_count) MUST_CHECK;
/* Oldest first. */
enum err incident_store_comments(struct store_tx *tx, int64_t incident_no,
                                 void (*visit)(const struct incident_comment_row *row, void *arg), void *arg) MUST_CHECK;

#endif
