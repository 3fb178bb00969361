/* The session cookie and what guards the calls that set it (management-api.md 10.1). */
#ifndef MUSTER_API_WEB_COOKIE_H
#define MUSTER_API_WEB_COOKIE_H

#include "api/call.h"

/* Sign-in needs TLS or loopback, and an Origin (if one is sent) that is this server's. False: 403 is answered, saying
 * why. */
bool web_cookie_is_allowed(struct call *call);
void web_cookie_set(struct call *call, const char *token);
void web_cookie_clear(struct call *call);

#endif
