#include "model/maker/semver.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_number(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i])) {
            return false;
        }
    }
    return text.len > 0 && (text.len == 1 || text.ptr[0] != '0');
}

/* A dot-separated part of a pre-release or build. A pre-release that is all digits has no leading zero. */
static bool is_identifier(struct str text, bool is_pre_release)
{
    bool digits = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_digit(c)) {
            digits = false;
            if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '-') {
                return false;
            }
        }
    }
    return text.len > 0 && (!is_pre_release || !digits || is_number(text));
}

static bool are_identifiers(struct str text, bool is_pre_release)
{
    do {
        if (!is_identifier(str_split(&text, '.'), is_pre_release)) {
            return false;
        }
    } while (text.ptr);
    return true;
}

bool semver_is_valid(struct str text)
{
    struct str build = text;
    struct str pre_release = str_split(&build, '+');
    if (build.ptr && !are_identifiers(build, false)) {
        return false;
    }
    struct str core = str_split(&pre_release, '-');
    if (pre_release.ptr && !are_identifiers(pre_release, true)) {
        return false;
    }
    struct str major = str_split(&core, '.');
    struct str minor = str_split(&core, '.');
    return is_number(major) && is_number(minor) && is_number(core);
}

/* Numbers of any length, without leading zeroes. */
static int compare_numbers(struct str a, struct str b)
{
    return a.len != b.len ? (a.len < b.len ? -1 : 1) : str_cmp(a, b);
}

static int compare_identifiers(struct str a, struct str b)
{
    bool a_is_number = is_number(a), b_is_number = is_number(b);
    if (a_is_number && b_is_number) {
        return compare_numbers(a, b);
    }
    return a_is_number ? -1 : b_is_number ? 1 : str_cmp(a, b);
}

/* A release comes after its pre-releases. */
static int compare_pre_releases(struct str a, struct str b)
{
    if (!a.ptr || !b.ptr) {
        return a.ptr ? -1 : b.ptr ? 1 : 0;
    }
    while (a.ptr && b.ptr) {
        int order = compare_identifiers(str_split(&a, '.'), str_split(&b, '.'));
        if (order != 0) {
            return order;
        }
    }
    return a.ptr ? 1 : b.ptr ? -1 : 0;
}

int semver_compare(struct str a, struct str b)
{
    a = str_split(&a, '+');
    b = str_split(&b, '+');
    struct str a_core = str_split(&a, '-'), b_core = str_split(&b, '-');
    for (int i = 0; i < 3; i++) {
        int order = compare_numbers(str_split(&a_core, '.'), str_split(&b_core, '.'));
        if (order != 0) {
            return order;
        }
    }
    return compare_pre_releases(a, b);
}
