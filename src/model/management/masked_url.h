/* URLs that are secrets themselves, as the audit log may show them (management-api.md 10.3). */
#ifndef MUSTER_MODEL_MASKED_URL_H
#define MUSTER_MODEL_MASKED_URL_H

#include "base/arena.h"
#include "codec/json/json.h"

/* With "*****" for a name and password before the host, and for what follows the path; in the arena. */
struct str masked_url(struct arena *arena, struct str url);
/* A copy of the document in which every URL, at any depth, shows its host only: "https://host*****". The caller frees it. */
struct json *masked_urls(struct arena *arena, const struct json *document);

#endif
