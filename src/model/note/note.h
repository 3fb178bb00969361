/* Notes on devices and spaces (management-api.md 3.9). Every function writes admin->reply; `id` is the device's or the
 * space's, which the caller must see. */
#ifndef MUSTER_MODEL_NOTE_H
#define MUSTER_MODEL_NOTE_H

#include "codec/json/json.h"
#include "model/management/admin.h"
#include "model/ports/row.h"

#define NOTE_CHARS_MAX 20000
#define NOTES_MAX 1000 /* on one device or space */

enum note_kind { NOTE_DEVICE, NOTE_SPACE };

/* Of all devices, or of all spaces. */
void note_list_all(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct page page);
void note_list(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, struct page page);
void note_create(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, const struct json *body);
void note_update(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, struct str note_id,
                 const struct json *body);
void note_delete(struct admin *admin, struct store_tx *tx, enum note_kind kind, struct str id, struct str note_id);

#endif
