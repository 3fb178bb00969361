/* A label printed from MAC and serial number may spell the MAC differently than the firmware does, so every usual
 * spelling has its code (portal.md 6.3). Rows keep 63 bits of the hash: enough to find the few candidates, short enough
 * for registrations to write six of them; a match is checked in full. */
#include "base/crypto.h"
#include "model/registration/registration.h"

enum { MAC_DIGITS = 12, MAC_TEXT_MAX = 18, SPELLINGS = 6 };

static bool is_separator(char c)
{
    return c == ':' || c == '-' || c == '.';
}

/* The 12 hex digits of a MAC in lower case; false: it is none. */
static bool mac_digits(struct str mac, char ret_digits[MAC_DIGITS])
{
    static const char hex[] = "0123456789abcdef";
    size_t count = 0;
    mac = str_trim(mac);
    for (size_t i = 0; i < mac.len; i++) {
        char c = mac.ptr[i];
        if (is_separator(c)) {
            continue;
        }
        char lower = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
        if (count == MAC_DIGITS || !lower || !strchr(hex, lower)) {
            return false;
        }
        ret_digits[count++] = lower;
    }
    return count == MAC_DIGITS;
}

struct str mac_normalize(struct str mac, struct arena *arena)
{
    char digits[MAC_DIGITS];
    return mac_digits(mac, digits) ? arena_str(arena, str_from(digits, MAC_DIGITS)) : mac;
}

/* Spelling `which` of 6: bare, with colons, with dashes; lower and upper case. */
static struct str spell(const char digits[MAC_DIGITS], unsigned which, char out[MAC_TEXT_MAX])
{
    static const char separators[] = {0, ':', '-'};
    char separator = separators[which / 2];
    size_t len = 0;
    for (size_t i = 0; i < MAC_DIGITS; i++) {
        if (separator && i && i % 2 == 0) {
            out[len++] = separator;
        }
        char c = digits[i];
        out[len++] = (char)(which % 2 && c >= 'a' ? c - 'a' + 'A' : c);
    }
    return str_from(out, len);
}

enum { IDENTITY_BYTES_MAX = 2048 };

static void code_hash(struct str mac, struct str sn, uint8_t ret_hash[SHA256_BYTES])
{
    struct buf text;
    buf_init(&text, IDENTITY_BYTES_MAX + IDENTITY_BYTES_MAX);
    buf_append_str(&text, mac);
    buf_append_str(&text, sn);
    sha256(text.data, text.len, ret_hash);
    buf_deinit(&text);
}

static int64_t first_63_bits(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return (int64_t)(value >> 1);
}

/* Calls `visit` with the hash of every spelling, as registered first, until it returns false. */
static void each_code(struct str mac, struct str sn, bool (*visit)(const uint8_t hash[SHA256_BYTES], void *arg), void *arg)
{
    uint8_t hash[SHA256_BYTES];
    char digits[MAC_DIGITS], text[MAC_TEXT_MAX];
    code_hash(mac, sn, hash);
    if (!visit(hash, arg) || !mac_digits(mac, digits)) {
        return;
    }
    for (unsigned which = 0; which < SPELLINGS; which++) {
        struct str spelling = spell(digits, which, text);
        if (str_eq(spelling, mac)) {
            continue;
        }
        code_hash(spelling, sn, hash);
        if (!visit(hash, arg)) {
            return;
        }
    }
}

struct code_list {
    int64_t *codes;
    size_t count;
};

static bool add_code(const uint8_t hash[SHA256_BYTES], void *arg)
{
    struct code_list *list = arg;
    list->codes[list->count++] = first_63_bits(hash);
    return true;
}

size_t claim_codes_of(struct str mac, struct str sn, int64_t ret_codes[CLAIM_CODE_SPELLINGS_MAX])
{
    struct code_list list = {ret_codes, 0};
    each_code(mac, sn, add_code, &list);
    return list.count;
}

struct code_match {
    uint8_t wanted[CLAIM_CODE_DIGITS / 2];
    bool found;
};

static bool check_code(const uint8_t hash[SHA256_BYTES], void *arg)
{
    struct code_match *match = arg;
    match->found = memcmp(hash, match->wanted, sizeof match->wanted) == 0;
    return !match->found;
}

bool claim_code_matches(struct str digits, struct str mac, struct str sn)
{
    struct code_match match = {.found = false};
    if (!hex_decode(digits, match.wanted, sizeof match.wanted)) {
        return false;
    }
    each_code(mac, sn, check_code, &match);
    return match.found;
}

bool claim_code_number(struct str digits, int64_t *ret_code)
{
    uint8_t bytes[CLAIM_CODE_DIGITS / 2];
    if (!hex_decode(digits, bytes, sizeof bytes)) {
        return false;
    }
    *ret_code = first_63_bits(bytes);
    return true;
}
