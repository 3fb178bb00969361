/* The memory-hard hash of people's passwords (management-api.md 10.1). Declared here for the domain, kept by
 * auth/password.c. Both calls take tens of milliseconds of CPU and 19 MiB: only on LANE_WORK, or before threads start. */
#ifndef MUSTER_MODEL_PORTS_PASSWORD_H
#define MUSTER_MODEL_PORTS_PASSWORD_H

#include "base/err.h"
#include "base/str.h"

#define PASSWORD_CHARS_MIN 12
#define PASSWORD_BYTES_MAX 1024
#define PASSWORD_HASH_BYTES 128 /* encoded form and its NUL */

/* Hashes with a fresh salt. Writes the encoded form ("$argon2id$v=19$m=...") and a NUL. ERR_INVALID: longer than
 * PASSWORD_BYTES_MAX; ERR_INTERNAL: no memory for it. */
enum err password_hash(struct str password, char ret_encoded[PASSWORD_HASH_BYTES]) MUST_CHECK;
/* True: the password is the one of `encoded`. With an empty `encoded` (no such account, or none set) it computes as
 * long and answers false, so that the time tells nothing about who has an account. */
bool password_verify(struct str encoded, struct str password) MUST_CHECK;
/* True: `encoded` was made with weaker parameters than today's and should be replaced at the next sign-in. */
bool password_is_outdated(struct str encoded);

#endif
