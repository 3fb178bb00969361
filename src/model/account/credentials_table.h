/* The inside of `struct credentials`, shared by credentials.c, access.c, web_session.c and housekeeping.c only. */
#ifndef MUSTER_MODEL_CREDENTIALS_TABLE_H
#define MUSTER_MODEL_CREDENTIALS_TABLE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hashmap.h"
#include "model/ports/api_key_store.h"
#include "model/ports/web_session_store.h"

struct api_key_entry {
    struct hashmap_node node; /* by key_hash */
    int64_t no;
    enum tenant_kind tenant_kind;
    int64_t tenant_no;
    enum key_scope scope;
    int64_t expires_at;       /* or TIME_NONE */
    uint8_t key_hash[SHA256_BYTES];
    _Atomic int64_t last_used_at; /* set by whoever looks it up, under the read lock */
    int64_t stored_used_at;       /* what the store knows; housekeeping's */
};

struct session_entry {
    struct hashmap_node node; /* by token_hash */
    struct web_session_row row; /* address is empty, last_used_at is not kept up */
    _Atomic int64_t last_used_at;
    int64_t stored_used_at;
};

struct credentials {
    pthread_rwlock_t lock;
    struct hashmap api_keys;
    struct hashmap sessions;
    struct attempts *signin_attempts;
    struct access_table *access; /* has a lock of its own */
    _Atomic bool has_user; /* false until set-up is finished */
    char public_url[512], mqtt_url[512]; /* chosen at set-up, under the lock; empty: none */
    int64_t housekept_at;  /* when housekeeping last looked; its thread only */
};

/* Copies a URL of at most 511 bytes (longer ones are refused before) into one of the two above. */
static inline void credentials_set_address(char address[512], struct str url)
{
    size_t len = url.len < 511 ? url.len : 0;
    memcpy(address, len ? url.ptr : "", len);
    address[len] = '\0';
}

#endif
