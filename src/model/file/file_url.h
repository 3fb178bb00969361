/* Addresses of file contents (device-api.md 8.2): /f/{token}/{filename}, where the token is the file's id and the time
 * until which it is valid, signed with the installation's key. Nothing is stored for it. */
#ifndef MUSTER_MODEL_FILE_FILE_URL_H
#define MUSTER_MODEL_FILE_FILE_URL_H

#include "model/device/device_table.h"
#include "model/ports/file_store.h"

struct domain;

/* An address that is valid for two days, in the arena. `base`: "https://host". */
struct str file_url_make(struct domain *domain, struct arena *arena, struct str base, const struct file_row *row);
/* False: no token of this installation, or its time has passed. */
bool file_token_read(struct domain *domain, struct str token, struct uuid *ret_id);

/* "https://host" for people who came in at this local address; ptr NULL: unknown. */
struct str file_base_for_people(struct domain *domain, struct arena *arena, const char *local_host);
/* The one that the device talks to: as it was told at its registration, unless the operator has set another since. */
struct str file_base_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena, int64_t device_no);

#endif
