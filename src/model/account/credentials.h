/* API keys and portal sessions in memory, looked up on every request without touching the disk. Written after commits
 * by the registry writer's thread, read by any thread; lookups copy. Device keys are in the device table. */
#ifndef MUSTER_MODEL_CREDENTIALS_H
#define MUSTER_MODEL_CREDENTIALS_H

#include "base/crypto.h"
#include "base/err.h"
#include "base/str.h"
#include "model/account/principal.h"

struct credentials;
struct device_brief;
struct domain;
struct store_tx;
struct api_key_row;

enum credential_result {
    CREDENTIAL_OK,
    CREDENTIAL_UNKNOWN,   /* no such key, expired or revoked */
    CREDENTIAL_SUSPENDED, /* right, but its tenant is suspended */
};

/* An organization or partner key, "mo_..." or "mp_..." (management-api.md 1.2). */
enum credential_result credentials_check_api_key(struct domain *domain, struct str key, struct principal *ret_principal);
/* The same by what is stored of a key. */
enum credential_result credentials_check_key_hash(struct domain *domain, const uint8_t key_hash[SHA256_BYTES],
                                                  struct principal *ret_principal);
/* A device's id and access key; constant time in the key. The device is found by id (any case). */
enum credential_result credentials_check_device(struct domain *domain, struct str id, struct str access_key,
                                                struct device_brief *ret_device);

struct credentials *credentials_new(void);
void credentials_free(struct credentials *credentials); /* NULL is accepted */
/* Fills domain->credentials at start, after the catalogue: API keys, portal sessions, whether there is a user. */
enum err credentials_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;

/* Registry writer's thread, after the commit. */
void credentials_put_api_key(struct credentials *credentials, const struct api_key_row *row);
void credentials_remove_api_key(struct credentials *credentials, const uint8_t key_hash[SHA256_BYTES]);

#endif
