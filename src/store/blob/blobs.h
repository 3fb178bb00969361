/* The folders of contents: files/<id> holds one each, files/incoming/<id> those that are being written. */
#ifndef MUSTER_STORE_BLOB_BLOBS_H
#define MUSTER_STORE_BLOB_BLOBS_H

#include "model/ports/blob_store.h"

/* Makes the folders in the data folder if they are not there. Logs its failures. */
enum err blobs_open(const char *data_dir, struct blobs **ret_blobs) MUST_CHECK;
void blobs_close(struct blobs *blobs); /* NULL is accepted */

#endif
