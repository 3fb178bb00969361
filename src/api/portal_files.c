#include "api/portal_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define FILE_BYTES_MAX (16 * 1024 * 1024)
#define CONTENT_SECURITY \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " \
    "font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

struct portal {
    char *folder; /* NULL: embedded */
};

struct portal *portal_new(const char *folder)
{
    struct portal *portal = mem_new(struct portal);
    portal->folder = folder ? str_dup(str_from_cstr(folder)) : NULL;
    return portal;
}

void portal_free(struct portal *portal)
{
    if (portal) {
        mem_free(portal->folder);
        mem_free(portal);
    }
}

/* --- which paths --- */

static bool is_below(struct str path, struct str root)
{
    return str_starts_with(path, root) && (path.len == root.len || path.ptr[root.len] == '/');
}

/* Views of the portals are all one page, which looks at the address itself. */
static bool is_page(struct str path)
{
    static const struct str roots[] = {STR_INIT("/partners"), STR_INIT("/app"), STR_INIT("/setup"),
                                       STR_INIT("/reset"), STR_INIT("/invitation"), STR_INIT("/signup"),
                                       STR_INIT("/c")};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (is_below(path, roots[i])) {
            return true;
        }
    }
    return false;
}

static const struct portal_file *embedded(struct str path)
{
    for (size_t i = 0; i < portal_embedded_count; i++) {
        if (str_eq(path, str_from_cstr(portal_embedded[i].path))) {
            return &portal_embedded[i];
        }
    }
    return NULL;
}

/* --- answering --- */

static void answer_headers(struct call *call, struct str path, struct str mime)
{
    call->content_type = mime;
    call_header(call, "Content-Security-Policy", "%s", CONTENT_SECURITY);
    call_header(call, "Cache-Control", "%s",
                str_starts_with(path, STR("/assets/")) ? "public, max-age=31536000, immutable" : "no-cache");
}

static bool accepts(const struct call *call, struct str coding)
{
    return str_contains_nocase(call->accept_encoding, coding);
}

static struct str variant_of(struct call *call, const struct portal_file *file)
{
    if (file->brotli || file->gzip) {
        call_header(call, "Vary", "Accept-Encoding");
    }
    if (file->brotli && accepts(call, STR("br"))) {
        call_header(call, "Content-Encoding", "br");
        return str_from(file->brotli, (size_t)(file->brotli_end - file->brotli));
    }
    if (file->gzip && accepts(call, STR("gzip"))) {
        call_header(call, "Content-Encoding", "gzip");
        return str_from(file->gzip, (size_t)(file->gzip_end - file->gzip));
    }
    return str_from(file->data, (size_t)(file->data_end - file->data));
}

static void answer_embedded(struct call *call, const struct portal_file *file)
{
    answer_headers(call, str_from_cstr(file->path), str_from_cstr(file->mime));
    call_header(call, "ETag", "%s", file->etag);
    if (str_contains_nocase(call->if_none_match, str_from_cstr(file->etag))) {
        call->reply.status = 304;
        return;
    }
    call->reply.status = 200;
    call->static_body = variant_of(call, file);
}

static struct str mime_of(struct str path)
{
    static const struct {
        struct str ending, mime;
    } kinds[] = {
        {STR_INIT(".html"), STR_INIT("text/html; charset=utf-8")},
        {STR_INIT(".js"), STR_INIT("text/javascript; charset=utf-8")},
        {STR_INIT(".css"), STR_INIT("text/css; charset=utf-8")},
        {STR_INIT(".svg"), STR_INIT("image/svg+xml")},
        {STR_INIT(".json"), STR_INIT("application/json; charset=utf-8")},
        {STR_INIT(".webmanifest"), STR_INIT("application/manifest+json")},
        {STR_INIT(".png"), STR_INIT("image/png")},
        {STR_INIT(".ico"), STR_INIT("image/x-icon")},
        {STR_INIT(".woff2"), STR_INIT("font/woff2")},
        {STR_INIT(".txt"), STR_INIT("text/plain; charset=utf-8")},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (str_ends_with(path, kinds[i].ending)) {
            return kinds[i].mime;
        }
    }
    return STR("application/octet-stream");
}

static bool is_safe(struct str path)
{
    return path.len > 1 && !str_contains_nocase(path, STR("/.")) && !memchr(path.ptr, '%', path.len) &&
           !memchr(path.ptr, '\\', path.len);
}

static bool read_file(struct call *call, const char *folder, struct str path)
{
    struct str name = arena_printf(&call->arena, "%s%.*s", folder, STR_ARG(path));
    int fd = open(arena_cstr(&call->arena, name), O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0) {
        return false;
    }
    bool ok = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= FILE_BYTES_MAX &&
              buf_reserve(&call->reply.body, (size_t)info.st_size);
    ssize_t got = ok ? read(fd, call->reply.body.data, (size_t)info.st_size) : -1;
    close(fd);
    if (got > 0) {
        call->reply.body.len = (size_t)got;
    }
    return got > 0;
}

static void serve(struct call *call, const struct portal *portal, struct str path)
{
    const struct portal_file *file = portal->folder ? NULL : embedded(path);
    if (file) {
        answer_embedded(call, file);
    } else if (portal->folder && is_safe(path) && read_file(call, portal->folder, path)) {
        answer_headers(call, path, mime_of(path));
        call->reply.status = 200;
    }
}

static void get_file(struct call *call, struct store_tx *tx)
{
    (void)tx;
    serve(call, call_portal(call), call->path);
    if (call->reply.status == 0) {
        reply_error(&call->reply, 404, "Unknown endpoint");
    }
}

static void get_page(struct call *call, struct store_tx *tx)
{
    (void)tx;
    serve(call, call_portal(call), STR("/index.html"));
    if (call->reply.status == 0) {
        call->reply.status = 200;
        call->content_type = STR("text/plain; charset=utf-8");
        call->static_body = STR("The portals are not built into this program. Build portal/ (npm run build) and compile "
                                "again, or start it with --portal-dir.\n");
    }
}

const struct route *portal_route(const struct portal *portal, struct str path)
{
    static const struct route page = {"GET", "/index.html", ACCESS_PROBE, PLACE_LOOP, 0, get_page};
    static const struct route embedded_file = {"GET", "/", ACCESS_PROBE, PLACE_LOOP, 0, get_file};
    static const struct route disk_file = {"GET", "/", ACCESS_PROBE, PLACE_WORK, 0, get_file}; /* disks block */
    static const struct route disk_page = {"GET", "/", ACCESS_PROBE, PLACE_WORK, 0, get_page};
    if (is_page(path)) {
        return portal->folder ? &disk_page : &page;
    }
    if (portal->folder) {
        bool is_api = is_below(path, STR("/v1")) || is_below(path, STR("/core"));
        return is_api || !is_safe(path) ? NULL : &disk_file;
    }
    return embedded(path) ? &embedded_file : NULL;
}
