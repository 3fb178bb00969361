/* Claiming from a table (management-api.md 6.1, portal.md 6.1): a header names the columns (cloud_id, or mac and sn;
 * space_id; name), each row is a claim of its own. */
#ifndef MUSTER_MODEL_CLAIM_CSV_H
#define MUSTER_MODEL_CLAIM_CSV_H

#include "codec/json/json.h"
#include "model/management/batch.h"

struct claim_csv {
    struct batch batch;
    struct json **rows; /* the claim of each row */
    /* Whether one more claim may be tried (management-api.md 1.7), and that one succeeded. Registry lane. */
    bool (*may_try)(struct claim_csv *csv);
    void (*give_back)(struct claim_csv *csv);
    void *user;
};

/* Reads the table; rows without a space get `space_id` if that is not empty. False: the reply of `admin` holds the error.
 * The caller sets batch.on_done and the rest, starts the batch, and frees with claim_csv_deinit. Any thread. */
bool claim_csv_init(struct claim_csv *csv, struct admin *admin, struct str text, struct str space_id);
/* {"results":[{"row":2,"success":true,"device_id":"..."},{"row":3,"success":false,"error":"..."}]}: rows as counted from the header,
 * which is row 1, without empty ones. */
void claim_csv_write(const struct claim_csv *csv, struct reply *reply);
void claim_csv_deinit(struct claim_csv *csv);

#endif
