/* Fields of a request body, checked with the texts of device-api.md 1.5 and management-api.md 1.6. A check that fails
 * writes the error reply and answers false; the first failed check wins. Texts are copied into the call's arena. */
#ifndef MUSTER_MODEL_FORM_H
#define MUSTER_MODEL_FORM_H

#include "codec/json/json.h"
#include "model/management/admin.h"

/* "communication_protocol" -> "Communication protocol", as errors name a field. */
struct str form_label(struct arena *arena, const char *field);

/* Present, and not null: an absent field and null are the same to creations. */
bool form_has(const struct json *body, const char *field);

/* 422 "Parameter <field> is required" when absent, "<Label> can't be blank" when blank, then as form_text. */
bool form_required_text(struct admin *admin, const struct json *body, const char *field, size_t chars_max,
                        struct str *ret_text);
/* Absent or null: *ret_text stays. 422 "<Label> is invalid" (not a text), "<Label> is too long (maximum is <n>
 * characters)". The text is trimmed. */
bool form_text(struct admin *admin, const struct json *body, const char *field, size_t chars_max, struct str *ret_text);
/* Absent or null: *ret_value stays. 422 "<Label> is invalid" outside [min, max] or not a whole number. */
bool form_int(struct admin *admin, const struct json *body, const char *field, int64_t min, int64_t max,
              int64_t *ret_value);
bool form_bool(struct admin *admin, const struct json *body, const char *field, bool *ret_value);

/* A time as device-api.md 1.6.3. Absent, null or blank: *ret_ms stays. 422 "<Label> is invalid". */
bool form_time(struct admin *admin, const struct json *body, const char *field, int64_t *ret_ms);

/* The three texts, for checks of the caller's own. All answer false. */
bool form_invalid(struct admin *admin, const char *field);
bool form_missing(struct admin *admin, const char *field);
bool form_taken(struct admin *admin, const char *field);

/* Something before and after one "@", no blanks. */
bool form_is_email(struct str text);

#endif
