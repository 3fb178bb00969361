/* What sse.c and http_connection.c tell each other. On the loop. */
#ifndef MUSTER_API_HTTP_CONNECTION_H
#define MUSTER_API_HTTP_CONNECTION_H

#include "api/sse.h"

void sse_connection_closed(struct sse *sse);  /* the stream has ended: on_closed is due now */
void sse_connection_drained(struct sse *sse);

#endif
