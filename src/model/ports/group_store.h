/* Port: groups of people in a tenant (management-api.md 3.8). Strings of rows that are found are copied into the arena,
 * those of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_GROUP_STORE_H
#define MUSTER_MODEL_PORTS_GROUP_STORE_H

#include "model/ports/access_store.h"
#include "model/ports/row.h"

struct group_row {
    int64_t no;
    struct uuid id;
    enum tenant_kind tenant_kind;
    int64_t tenant_no;
    enum group_kind kind;
    struct str name;
    struct str permissions; /* of a partner's: JSON object (permission.h) */
    int64_t created_at;
};

/* Sets row->no. ERR_EXISTS: the name is taken (in any case). */
enum err group_store_insert(struct store_tx *tx, struct group_row *row) MUST_CHECK;
/* Name and permissions. ERR_EXISTS likewise. */
enum err group_store_update(struct store_tx *tx, const struct group_row *row) MUST_CHECK;
/* With its members' links and what spaces grant it. */
enum err group_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;
/* Of this tenant; ERR_NOT_FOUND. */
enum err group_store_find(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, const struct uuid *id,
                          struct arena *arena, struct group_row *ret_row) MUST_CHECK;
/* The built-in one; ERR_NOT_FOUND. */
enum err group_store_find_kind(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, enum group_kind group,
                               int64_t *ret_no) MUST_CHECK;
/* A page, oldest first. */
enum err group_store_list(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, struct page page,
                          void (*visit)(const struct group_row *row, void *arg), void *arg) MUST_CHECK;
int64_t group_store_count(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no);

/* Nothing happens if it is so already. */
enum err group_store_add(struct store_tx *tx, int64_t group_no, int64_t user_no) MUST_CHECK;
enum err group_store_remove(struct store_tx *tx, int64_t group_no, int64_t user_no) MUST_CHECK;
/* From all groups of the tenant. */
enum err group_store_remove_from_all(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no) MUST_CHECK;
/* The groups of the tenant that the person is in, also if it is no active member. */
enum err group_store_of_user(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t user_no,
                             void (*visit)(const struct group_row *row, void *arg), void *arg) MUST_CHECK;
/* Active members in it, oldest first. */
struct group_user {
    int64_t no;
    struct uuid id;
    struct str name, email;
    bool pending; /* has not consented to be in the tenant yet */
};
enum err group_store_users(struct store_tx *tx, int64_t group_no, void (*visit)(const struct group_user *user, void *arg),
                           void *arg) MUST_CHECK;
/* How many active members of the tenant are administrators. */
enum err group_store_administrators(struct store_tx *tx, enum tenant_kind kind, int64_t tenant_no, int64_t *ret_count) MUST_CHECK;

#endif
