#include "model/registration/registration_flags.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

/* Our choice: a production line has few networks, and a steady rate. */
enum { NETWORKS_USUAL = 20, RATE_NOTED = 50, RATE_FACTOR = 10, WEEK_HOURS = 168 };

enum flag { COUNT_ABOVE_EXPECTED = 1 << 0, MANY_NETWORKS = 1 << 1, SUDDEN_RATE = 1 << 2 };

/* More in the last hour than ten times the hours before it had. */
static bool is_sudden(const struct registration_figures *figures)
{
    return figures->hour >= RATE_NOTED && figures->hour * (WEEK_HOURS - 1) > RATE_FACTOR * (figures->week - figures->hour);
}

static unsigned flags_of(const struct registration_entry *entry, const struct registration_figures *figures, int64_t now_ms)
{
    bool made = entry->result == REGISTRATION_CREATED;
    unsigned flags = 0;
    if (made && figures->expected > 0 && figures->used > figures->expected) {
        flags |= COUNT_ABOVE_EXPECTED;
    }
    if (entry->at >= now_ms - DAY_MS && figures->networks > NETWORKS_USUAL) {
        flags |= MANY_NETWORKS;
    }
    if (made && entry->at >= now_ms - HOUR_MS && is_sudden(figures)) {
        flags |= SUDDEN_RATE;
    }
    return flags;
}

/* An entry before this one with the same key; count: none. */
static size_t same_key(const struct registration_entry *entries, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (entries[i].hardware_key_no == entries[at].hardware_key_no) {
            return i;
        }
    }
    return at;
}

enum err registration_flags_set(struct store_tx *tx, int64_t now_ms, struct registration_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct registration_figures figures = {0};
        if (!entries[i].hardware_key_no || same_key(entries, i) < i) {
            continue;
        }
        enum err err = registration_store_figures(tx, entries[i].hardware_key_no, now_ms, &figures);
        if (err != ERR_OK) {
            return err;
        }
        for (size_t k = i; k < count; k++) {
            if (entries[k].hardware_key_no == entries[i].hardware_key_no) {
                entries[k].flags = flags_of(&entries[k], &figures, now_ms);
            }
        }
    }
    return ERR_OK;
}

void registration_flags_write(struct json_writer *w, const struct registration_entry *entry)
{
    json_begin_array(w);
    if (entry->flags & COUNT_ABOVE_EXPECTED) {
        json_put_cstr(w, "count_above_expected");
    }
    if (entry->result == REGISTRATION_REFUSED && str_ends_with(entry->error, STR("has already been taken"))) {
        json_put_cstr(w, "duplicate_identity");
    }
    if (entry->flags & MANY_NETWORKS) {
        json_put_cstr(w, "many_networks");
    }
    if (entry->flags & SUDDEN_RATE) {
        json_put_cstr(w, "sudden_rate");
    }
    json_end_array(w);
}
