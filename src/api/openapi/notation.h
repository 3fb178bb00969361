/* A short notation of JSON shapes, and the JSON Schema it stands for.
 *
 *     fields  name type; name! type; ...         "!": required
 *     type    text, text<=255, email, uuid, time, int, int(0..9), number, number(1..5), bool, object, any, bytes,
 *             space (an integer or its digits), enum(a|b), {fields}, [type], [type]<=500, Name (an object description)
 *             and any of them with "?": or null
 */
#ifndef MUSTER_API_OPENAPI_NOTATION_H
#define MUSTER_API_OPENAPI_NOTATION_H

#include "base/str.h"
#include "codec/json/json.h"

/* Writes the schema of a type. False: it is not in the notation, and what was written is of no use. */
bool notation_type(struct json_writer *w, struct str type);
/* Writes the schema of an object with these fields. */
bool notation_object(struct json_writer *w, struct str fields);

/* Takes the next field off the front of *fields; false at the end, or when the rest is not in the notation (*fields is
 * then not empty). */
struct notation_field {
    struct str name, type;
    bool required;
};
bool notation_next(struct str *fields, struct notation_field *ret_field);

#endif
