/* A content on its way from a connection to the disk (device-api.md 8.2, management-api.md 5.6): its bytes are gathered on
 * a loop and written on LANE_FILE, a portion at a time, hashed on the way. What the disk has not taken yet is two portions
 * at most: the caller stops reading when it is told that the upload is full. All calls on the home's thread. */
#ifndef MUSTER_MODEL_FILE_UPLOAD_H
#define MUSTER_MODEL_FILE_UPLOAD_H

#include "base/crypto.h"
#include "base/err.h"
#include "base/task.h"
#include "base/uuid.h"

struct domain;
struct upload;
struct blob_writer;

struct upload_ops {
    void (*on_room)(void *user);             /* after UPLOAD_FULL: more may come */
    void (*on_end)(void *user, enum err err); /* after upload_end; or before, when the disk has failed (err not ERR_OK) */
};

enum upload_result { UPLOAD_OK, UPLOAD_FULL /* taken, but wait for on_room */, UPLOAD_TOO_LONG /* above bytes_max */ };

struct upload_content {
    struct uuid id;
    uint64_t size;
    uint8_t sha256[SHA256_BYTES];
};

struct upload *upload_new(struct domain *domain, struct mailbox *home, uint64_t bytes_max, const struct upload_ops *ops,
                          void *user);
enum upload_result upload_add(struct upload *upload, const void *data, size_t len); /* copies */
/* The last byte has been added. As a content of its own, it is on the disk at on_end; else it is only to be copied from. */
void upload_end(struct upload *upload, bool is_content);
uint64_t upload_size(const struct upload *upload);
void upload_content(const struct upload *upload, struct upload_content *ret_content); /* after on_end of a content */
struct blob_writer *upload_writer(const struct upload *upload); /* after on_end; for blob_append. Borrowed */
/* Ends it, at any time; no callback comes any more. `keep`: the row of the content is committed, otherwise nothing of it
 * stays. Takes upload. */
void upload_free(struct upload *upload, bool keep);

#endif
