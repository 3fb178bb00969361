/* What a rule says of a state (management-api.md 5.5): {"all":[condition],"any":[condition]}, checked when it is written,
 * compiled when it is loaded, evaluated on every telemetry of its model. Pure. */
#ifndef MUSTER_MODEL_RULE_DEFINITION_H
#define MUSTER_MODEL_RULE_DEFINITION_H

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json/json.h"
#include "model/telemetry/flat.h"

#define RULE_CONDITIONS_MAX 32 /* of each list */
#define RULE_TEXTS_MAX 100     /* values of `in` */
#define RULE_KEY_BYTES_MAX 128
#define RULE_TEXT_BYTES_MAX 1000

enum rule_type { RULE_NUMBER, RULE_STRING, RULE_BOOLEAN };
enum rule_operator {
    RULE_EQ, RULE_NE, RULE_GT, RULE_GTE, RULE_LT, RULE_LTE, RULE_BETWEEN,
    RULE_CONTAINS, RULE_STARTS_WITH, RULE_ENDS_WITH, RULE_IN, RULE_EXISTS, RULE_MISSING,
    RULE_OPERATOR_COUNT,
};

struct rule_condition {
    struct str key;
    enum rule_type type;
    enum rule_operator operator;
    double low, high;   /* numbers; `high` of between only */
    bool flag;          /* booleans */
    struct str *texts;  /* strings; several of `in` only */
    size_t text_count;
};
struct rule_definition {
    struct rule_condition *all, *any;
    size_t all_count, any_count;
};

/* Reads a definition; NULL or null is the one that never matches. Everything is in the arena, nothing borrowed. False:
 * `reason` is what is wrong, as "all[0].operator". */
bool rule_definition_parse(const struct json *json, struct arena *arena, struct rule_definition *ret_definition,
                           struct buf *reason);

/* A value whose type is another than the condition's: that condition is false. */
struct rule_mismatch {
    struct str key;          /* of the definition */
    enum rule_type expected;
    enum flat_type found;
};
/* A state taken apart once for the conditions of all rules, which then find their keys in logarithmic time. Zeroed: empty. */
struct rule_subject {
    struct flat_entry *entries; /* in the order of their keys */
    size_t count, room;
};
/* Borrows `flat`; keeps the memory of an earlier call. */
void rule_subject_set(struct rule_subject *state, struct str flat);
void rule_subject_deinit(struct rule_subject *state);
/* Whether it matches the state. *ret_mismatch is the first one, with key.ptr NULL if there is none. */
bool rule_definition_matches(const struct rule_definition *definition, const struct rule_subject *state,
                             struct rule_mismatch *ret_mismatch);

/* "number", "string", "boolean". */
const char *rule_type_name(enum rule_type type);
const char *rule_flat_type_name(enum flat_type type);

#endif
