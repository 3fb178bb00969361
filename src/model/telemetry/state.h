/* The state of a device: a flat document of its last values (device-api.md 3.2). Immutable and reference-counted once
 * published; NULL is the empty state. */
#ifndef MUSTER_MODEL_STATE_H
#define MUSTER_MODEL_STATE_H

#include "base/ref.h"
#include "model/telemetry/flat.h"

struct state {
    struct ref ref;
    uint32_t key_count;
    uint32_t len;
    char bytes[];
};

struct state_limits { /* 0: none */
    size_t keys_max, bytes_max;
};

struct state *state_ref(struct state *state);
void state_unref(struct state *state);
struct str state_flat(const struct state *state);

/* The state after a message: `changes` over `base`; null removes; with `override` the non-null changes alone. Returns
 * an owned state in *ret_state. ERR_LIMIT: more keys or bytes than allowed; *ret_keys says whether it is the keys. A
 * message that makes a state no larger is never refused. */
enum err state_merge(const struct state *base, struct str changes, bool override, const struct state_limits *limits,
                     struct state **ret_state, bool *ret_keys) MUST_CHECK;
/* From JSON text as the registry keeps it; anything that is no object is the empty state. */
struct state *state_from_json(struct str text);
void state_write_json(struct buf *out, const struct state *state);

#endif
