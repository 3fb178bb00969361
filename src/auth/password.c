/* argon2id with the parameters that OWASP recommends first among the small ones: 19 MiB, two passes, one lane. About
 * 30 ms on one core; two workers at once stay within 40 MiB. */
#include "model/ports/password.h"

#include <argon2.h>
#include <assert.h>
#include <stdio.h>

#include "base/crypto.h"

#define MEMORY_KIB 19456
#define PASSES 2
#define LANES 1
#define SALT_BYTES 16
#define HASH_BYTES 32

enum err password_hash(struct str password, char ret_encoded[PASSWORD_HASH_BYTES])
{
    if (password.len > PASSWORD_BYTES_MAX) {
        return ERR_INVALID;
    }
    uint8_t salt[SALT_BYTES];
    random_bytes(salt, sizeof salt);
    int result = argon2id_hash_encoded(PASSES, MEMORY_KIB, LANES, password.ptr, password.len, salt, sizeof salt,
                                       HASH_BYTES, ret_encoded, PASSWORD_HASH_BYTES);
    return result == ARGON2_OK ? ERR_OK : ERR_INTERNAL;
}

/* The work of a verification with nothing to compare. */
static void compute_for_nothing(struct str password)
{
    static const uint8_t salt[SALT_BYTES] = "no such account";
    uint8_t hash[HASH_BYTES];
    if (argon2id_hash_raw(PASSES, MEMORY_KIB, LANES, password.ptr, password.len, salt, sizeof salt, hash,
                          sizeof hash) == ARGON2_OK) {
        secret_wipe(hash, sizeof hash);
    }
}

bool password_verify(struct str encoded, struct str password)
{
    if (password.len > PASSWORD_BYTES_MAX) {
        password.len = PASSWORD_BYTES_MAX; /* longer ones were never accepted; the answer is false all the same */
        encoded.len = 0;
    }
    char text[PASSWORD_HASH_BYTES];
    if (encoded.len == 0 || encoded.len >= sizeof text) {
        compute_for_nothing(password);
        return false;
    }
    memcpy(text, encoded.ptr, encoded.len);
    text[encoded.len] = '\0';
    return argon2id_verify(text, password.ptr, password.len) == ARGON2_OK;
}

bool password_is_outdated(struct str encoded)
{
    char prefix[64];
    int len = snprintf(prefix, sizeof prefix, "$argon2id$v=%d$m=%d,t=%d,p=%d$", ARGON2_VERSION_NUMBER, MEMORY_KIB,
                       PASSES, LANES);
    assert(len > 0 && (size_t)len < sizeof prefix);
    return encoded.len > 0 && !str_starts_with(encoded, (struct str){prefix, (size_t)len});
}
