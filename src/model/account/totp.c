#include "model/account/totp.h"

#include <stdio.h>
#include <string.h>

void base32_append(struct buf *out, const uint8_t *data, size_t len)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned bits = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | data[i];
        for (count += 8; count >= 5; count -= 5) {
            buf_append_str(out, str_from(&letters[bits >> (count - 5) & 31], 1));
        }
        bits &= (1u << count) - 1;
    }
    if (count) {
        buf_append_str(out, str_from(&letters[bits << (5 - count) & 31], 1));
    }
}

void totp_code(struct str secret, int64_t step, char ret_code[TOTP_DIGITS + 1])
{
    uint8_t counter[8], hash[SHA1_BYTES];
    for (int i = 0; i < 8; i++) {
        counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
    }
    hmac_sha1((const uint8_t *)secret.ptr, secret.len, counter, sizeof counter, hash);
    unsigned at = hash[SHA1_BYTES - 1] & 15u;
    uint32_t value = (uint32_t)(hash[at] & 0x7f) << 24 | (uint32_t)hash[at + 1] << 16 | (uint32_t)hash[at + 2] << 8 |
                     hash[at + 3];
    snprintf(ret_code, TOTP_DIGITS + 1, "%06u", (unsigned)(value % 1000000));
    secret_wipe(hash, sizeof hash);
}

static bool digits_of(struct str code, char ret_digits[TOTP_DIGITS])
{
    size_t count = 0;
    for (size_t i = 0; i < code.len; i++) {
        char c = code.ptr[i];
        if (c == ' ') {
            continue;
        }
        if (c < '0' || c > '9' || count == TOTP_DIGITS) {
            return false;
        }
        ret_digits[count++] = c;
    }
    return count == TOTP_DIGITS;
}

int64_t totp_step_of(struct str secret, int64_t now_unix_ms, int64_t last_step, struct str code)
{
    char given[TOTP_DIGITS], expected[TOTP_DIGITS + 1];
    int64_t now = now_unix_ms / TOTP_STEP_MS, found = 0;
    if (!digits_of(code, given)) {
        return 0;
    }
    for (int64_t step = now - 1; step <= now + 1; step++) {
        totp_code(secret, step, expected);
        if (bytes_eq_constant_time(given, expected, TOTP_DIGITS) && step > last_step && !found) {
            found = step;
        }
    }
    secret_wipe(expected, sizeof expected);
    return found;
}
