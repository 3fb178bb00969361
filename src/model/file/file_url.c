#include "model/file/file_url.h"

#include "model/domain.h"
#include "model/ports/device_store.h"

#define VALID_MS (INT64_C(48) * 3600 * 1000) /* at least 24 h, also of one that was handed out a day ago */
#define MAC_BYTES 12
#define URL_BYTES_MAX 4096

struct token {
    uint8_t id[16];
    uint8_t until_s[4]; /* unix, big endian */
    uint8_t mac[MAC_BYTES];
};

static void sign(struct domain *domain, const struct token *token, uint8_t ret_mac[MAC_BYTES])
{
    static const char purpose[] = "file content";
    char text[sizeof purpose + offsetof(struct token, mac)];
    uint8_t hash[SHA256_BYTES];
    memcpy(text, purpose, sizeof purpose);
    memcpy(text + sizeof purpose, token, offsetof(struct token, mac));
    domain_key_hash(domain, str_from(text, sizeof text), hash);
    memcpy(ret_mac, hash, MAC_BYTES);
}

static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c != '\0' && strchr("-._~", c));
}

struct str file_url_make(struct domain *domain, struct arena *arena, struct str base, const struct file_row *row)
{
    struct token token;
    struct buf url;
    uint32_t until_s = (uint32_t)((domain->now_unix_ms() + VALID_MS) / 1000);
    memcpy(token.id, row->id.bytes, sizeof token.id);
    for (int i = 0; i < 4; i++) {
        token.until_s[i] = (uint8_t)(until_s >> (24 - 8 * i));
    }
    sign(domain, &token, token.mac);
    buf_init(&url, URL_BYTES_MAX);
    buf_append_str(&url, base);
    buf_append_cstr(&url, "/f/");
    base64url_encode(&url, &token, sizeof token);
    buf_append_u8(&url, '/');
    for (size_t i = 0; i < row->filename.len; i++) {
        if (is_plain(row->filename.ptr[i])) {
            buf_append_u8(&url, (uint8_t)row->filename.ptr[i]);
        } else {
            buf_printf(&url, "%%%02X", (unsigned)(uint8_t)row->filename.ptr[i]);
        }
    }
    struct str made = arena_str(arena, buf_str(&url));
    buf_deinit(&url);
    return made;
}

static bool decode(struct str text, struct token *ret_token)
{
    struct buf standard, bytes;
    buf_init(&standard, 64);
    buf_init(&bytes, 64);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        buf_append_u8(&standard, c == '-' ? '+' : c == '_' ? '/' : (uint8_t)c);
    }
    while (standard.len % 4 != 0 && !standard.failed) {
        buf_append_u8(&standard, '=');
    }
    bool ok = !standard.failed && base64_decode(buf_str(&standard), &bytes) && bytes.len == sizeof *ret_token;
    if (ok) {
        memcpy(ret_token, bytes.data, sizeof *ret_token);
    }
    buf_deinit(&standard);
    buf_deinit(&bytes);
    return ok;
}

bool file_token_read(struct domain *domain, struct str text, struct uuid *ret_id)
{
    struct token token;
    uint8_t mac[MAC_BYTES];
    uint32_t until_s = 0;
    if (!decode(text, &token)) {
        return false;
    }
    sign(domain, &token, mac);
    for (int i = 0; i < 4; i++) {
        until_s = until_s << 8 | token.until_s[i];
    }
    if (!bytes_eq_constant_time(mac, token.mac, MAC_BYTES) || (int64_t)until_s * 1000 < domain->now_unix_ms()) {
        return false;
    }
    memcpy(ret_id->bytes, token.id, sizeof token.id);
    return true;
}

struct str file_base_for_people(struct domain *domain, struct arena *arena, const char *local_host)
{
    struct buf base;
    buf_init(&base, URL_BYTES_MAX);
    if (domain->urls) {
        domain->urls->hub_url(domain->urls, local_host, &base);
    }
    struct str made = arena_str(arena, buf_str(&base));
    buf_deinit(&base);
    return made;
}

struct str file_base_for_device(struct domain *domain, struct store_tx *tx, struct arena *arena, int64_t device_no)
{
    struct device_row row;
    if (domain_settings(domain)->server_public_url[0] == '\0' &&
        device_store_row(tx, device_no, arena, &row) == ERR_OK && row.hub_url.len > 0) {
        return row.hub_url;
    }
    return file_base_for_people(domain, arena, NULL);
}
