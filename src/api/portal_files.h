/* The portals' files (portal.md 1.1): built into the program, or read from a folder while they are being developed. */
#ifndef MUSTER_API_PORTAL_FILES_H
#define MUSTER_API_PORTAL_FILES_H

#include "api/call.h"

struct portal;

/* `folder` NULL: the embedded files. */
struct portal *portal_new(const char *folder);
void portal_free(struct portal *portal); /* NULL is accepted */
/* The route of a portal's page or file; NULL: the path is none. Any loop. */
const struct route *portal_route(const struct portal *portal, struct str path);

/* One embedded file; the table is made by the build (src/api/CMakeLists.txt). */
struct portal_file {
    const char *path; /* "/assets/index-4f2a.js" */
    const char *mime;
    const char *etag; /* W/"5d41402abc4b2a76": weak, because the variants share it */
    const unsigned char *data, *data_end;
    const unsigned char *gzip, *gzip_end;     /* NULL: no variant */
    const unsigned char *brotli, *brotli_end;
};
extern const struct portal_file portal_embedded[];
extern const size_t portal_embedded_count;

#endif
