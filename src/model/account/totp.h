/* One-time codes computed from a shared secret and the time (RFC 6238: SHA-1, 30 s, 6 digits). Any thread. */
#ifndef MUSTER_MODEL_TOTP_H
#define MUSTER_MODEL_TOTP_H

#include "base/buf.h"
#include "base/crypto.h"

#define TOTP_SECRET_BYTES SHA1_BYTES
#define TOTP_STEP_MS 30000
#define TOTP_DIGITS 6

/* RFC 4648 base 32 without padding: how authenticator programs take a secret. */
void base32_append(struct buf *out, const uint8_t *data, size_t len);
/* The code of one step (the number of 30 s periods since 1970). */
void totp_code(struct str secret, int64_t step, char ret_code[TOTP_DIGITS + 1]);
/* The step whose code this is: the present one or a neighbour (a clock may be one step off), later than `last_step`, as a
 * code is used once. 0: none. Blanks within the code are ignored. */
int64_t totp_step_of(struct str secret, int64_t now_unix_ms, int64_t last_step, struct str code);

#endif
