/* One device on its way in: what registration_check.c finds out, and registration.c and replacement.c store. For the files
 * of this folder only. */
#ifndef MUSTER_MODEL_REGISTRATION_ATTEMPT_H
#define MUSTER_MODEL_REGISTRATION_ATTEMPT_H

#include "model/maker/catalog.h"
#include "model/domain.h"
#include "model/ports/device_store.h"
#include "model/registration/registration.h"

enum field { FIRMWARE, SN, MAC, CLOUD_ID, PARENT, NAME, SUB_MODEL, HOST_ADDRESS, CUSTOM_PARTNER, CUSTOM_MODEL, FIELD_COUNT };

struct attempt {
    struct registration *registration;
    struct domain *domain;
    struct arena *arena;
    struct store_tx *tx;
    struct reply *reply;
    const struct json *body;
    bool is_virtual;              /* its key was made for a device that the server simulates */
    bool through_parent;          /* Register Child (2.5): `parent` is the caller */
    struct str text[FIELD_COUNT]; /* ptr NULL: missing, null or blank */
    bool wrong_type[FIELD_COUNT];
    struct str details;           /* JSON */
    struct registration_key key;  /* no 0: none, likewise below */
    struct model_info model;
    struct device_core parent;
    struct device_core replaced;  /* the record that waits for this device (2.3.3) */
    int64_t holder_no;            /* who has the identity already */
    int64_t now_ms;
};

/* Runs the checks of 2.1 in their order; false: the reply holds the first one that failed. */
bool attempt_check(struct attempt *attempt);
/* Those of 2.5, for a child of attempt->parent. */
bool attempt_check_child(struct attempt *attempt);
/* Notes a failure of the store as the whole call's. True if err is not ERR_OK. */
bool attempt_failed(struct attempt *attempt, enum err err);

#endif
