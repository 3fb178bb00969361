/* Files of models and of organizations (management-api.md 5.6, 6.2), and what devices see of them (device-api.md 8.1).
 * Contents are immutable and on the disk before their row is written. */
#ifndef MUSTER_MODEL_FILE_FILE_H
#define MUSTER_MODEL_FILE_FILE_H

#include "codec/json/json.h"
#include "model/device/device_change.h"
#include "model/file/upload.h"
#include "model/management/admin.h"
#include "model/ports/file_store.h"

/* "firmware", "manual", "image", "config", "other". */
const char *file_type_name(enum file_type type);

/* What a management call gives besides. */
struct file_call {
    struct admin *admin;
    struct store_tx *tx;
    struct str base;        /* of the addresses in the reply (file_url.h) */
};

/* `content` NULL: none was sent. `filename` as the sender's program calls it, ptr NULL: it does not. True: 201, and the
 * content is to stay if the transaction is committed. model_id ptr NULL: the principal's own, of an organization. */
bool file_create(const struct file_call *call, struct str model_id, const struct json *fields,
                 const struct upload_content *content, struct str filename);
void file_list(const struct file_call *call, struct str model_id, struct page page); /* likewise */
void file_read(const struct file_call *call, struct str id);
void file_update(const struct file_call *call, struct str id, const struct json *body);
void file_delete(const struct file_call *call, struct str id);
/* The principal's file, for its content. False: the reply is the error. */
bool file_find(struct admin *admin, struct store_tx *tx, struct str id, struct file_row *ret_row);
/* GET /devices/:id/files: what the device sees; a partner sees what is its own of that. */
void file_list_of_device(const struct file_call *call, const struct device_core *device, struct page page);

/* device-api.md 8.1, as an array or, with `id`, one object. The reply is complete unless an error is returned. */
enum err file_write_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena,
                               const struct device_brief *device, struct reply *reply) MUST_CHECK;
enum err file_write_one_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena,
                                   const struct device_brief *device, struct str id, struct reply *reply) MUST_CHECK;

/* A file that a command to this device may name: of its model, or the organization's own. ERR_NOT_FOUND. */
enum err file_find_for_command(struct admin *admin, struct store_tx *tx, const struct device_core *device, struct str id,
                               struct file_row *ret_row) MUST_CHECK;

#endif
