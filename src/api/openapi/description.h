/* What GET /core/v1/openapi.json tells of each route (management-api.md 1.1): one row per row of the route tables; a test
 * compares the two. Fields are written in the notation of notation.h. */
#ifndef MUSTER_API_OPENAPI_DESCRIPTION_H
#define MUSTER_API_OPENAPI_DESCRIPTION_H

#include <stddef.h>

struct description {
    const char *method, *path; /* as in the route table */
    const char *summary;
    const char *query;         /* fields of the query; NULL: none */
    const char *body;          /* a type; NULL: no body. "bytes": anything, "multipart {fields}": a form with files */
    const char *reply;         /* optional status, then a type; see openapi.c */
};

/* An object that descriptions name. */
struct object_description {
    const char *name;
    const char *fields; /* without the braces */
};

/* Each ended by a row of NULLs. */
extern const struct description device_descriptions[];
extern const struct description fleet_descriptions[];
extern const struct description incident_descriptions[];
extern const struct description license_descriptions[];
extern const struct description partner_descriptions[];
extern const struct description organization_descriptions[];
extern const struct description file_descriptions[];
extern const struct description people_descriptions[];
extern const struct description sign_up_descriptions[];
extern const struct description rollout_descriptions[];
extern const struct description session_descriptions[];
extern const struct description support_descriptions[];
extern const struct object_description object_descriptions[];

extern const struct description *const description_tables[];
extern const unsigned description_table_count;

/* Parameters of every paged list (management-api.md 1.5). */
#define PAGE "page int(0..); per_page int(1..500)"
#define WINDOW "from time; to time"

#endif
