/* Optional texts in JSON. */
#ifndef MUSTER_MODEL_FIELD_TEXT_H
#define MUSTER_MODEL_FIELD_TEXT_H

#include "codec/json/json.h"

/* ptr NULL: null. */
static inline void field_text(struct json_writer *w, const char *name, struct str text)
{
    if (text.ptr) {
        json_field_str(w, name, text);
    } else {
        json_field_null(w, name);
    }
}

#endif
