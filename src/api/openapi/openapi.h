/* GET /core/v1/openapi.json: the description of every route (management-api.md 1.1), OpenAPI 3.1. */
#ifndef MUSTER_API_OPENAPI_H
#define MUSTER_API_OPENAPI_H

#include "api/call.h"

extern const struct route openapi_routes[];

/* Writes the document. False: a description is not in the notation. Any thread. */
bool openapi_write(struct buf *out);

#endif
