/* Port: notes on devices and spaces (management-api.md 3.9). Strings of rows that are found are copied into the arena, those
 * of rows that are visited are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_NOTE_STORE_H
#define MUSTER_MODEL_PORTS_NOTE_STORE_H

#include "model/ports/row.h"

struct note_row {
    int64_t no;
    struct uuid id;
    int64_t organization_no;
    int64_t device_no, space_no; /* one of them is 0 */
    struct uuid device_id;       /* when read, of a device's */
    struct str content;
    struct str created_by;       /* ptr NULL: a key */
    int64_t created_at, updated_at;
};
struct note_filter {
    int64_t organization_no;
    bool of_spaces;            /* else of devices */
    int64_t device_no, space_no; /* 0: any */
    struct str visible_spaces; /* JSON array of numbers: on what lies in these or below; ptr NULL: all */
};
/* Sets row->no. */
enum err note_store_insert(struct store_tx *tx, struct note_row *row) MUST_CHECK;
enum err note_store_set_content(struct store_tx *tx, int64_t no, struct str content, int64_t updated_at) MUST_CHECK;
enum err note_store_delete(struct store_tx *tx, int64_t no) MUST_CHECK;
/* On this device or space; ERR_NOT_FOUND. */
enum err note_store_find(struct store_tx *tx, const struct note_filter *filter, const struct uuid *id, struct arena *arena,
                         struct note_row *ret_row) MUST_CHECK;
/* A page, newest first. */
enum err note_store_list(struct store_tx *tx, const struct note_filter *filter, struct page page,
                         void (*visit)(const struct note_row *row, void *arg), void *arg) MUST_CHECK;
int64_t note_store_count(struct store_tx *tx, const struct note_filter *filter);

#endif
