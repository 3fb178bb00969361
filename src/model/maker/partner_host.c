#include "model/maker/partner_host.h"

#include "model/domain.h"
#include "model/ports/tenant_store.h"

enum { URL_BYTES_MAX = 2048 };

struct str partner_host_of(struct str url)
{
    for (size_t i = 0; i + 3 <= url.len; i++) {
        if (memcmp(url.ptr + i, "://", 3) == 0) {
            url = str_sub(url, i + 3, url.len);
            break;
        }
    }
    bool in_brackets = url.len && url.ptr[0] == '[';
    size_t len = 0;
    for (; len < url.len && url.ptr[len] != '/' && (in_brackets || url.ptr[len] != ':'); len++) {
        if (in_brackets && url.ptr[len] == ']') {
            len++;
            break;
        }
    }
    return str_sub(url, 0, len && url.ptr[len - 1] == '.' ? len - 1 : len);
}

bool partner_host_eq(struct str url, struct str other)
{
    struct str host = partner_host_of(url);
    return host.len && str_eq_nocase(host, partner_host_of(other));
}

/* --- taken --- */

static bool is_own(struct domain *domain, struct str url, const char *local_host)
{
    struct url_source *urls = domain->urls;
    void (*const appends[])(struct url_source *source, const char *local_host, struct buf *out) = {
        urls->hub_url, urls->static_cert_url, urls->mqtt_url, urls->mqtts_url};
    bool own = false;
    for (size_t i = 0; i < sizeof appends / sizeof appends[0]; i++) {
        struct buf text;
        buf_init(&text, URL_BYTES_MAX);
        if (appends[i]) {
            appends[i](urls, local_host, &text);
        }
        own = own || partner_host_eq(url, buf_str(&text));
        buf_deinit(&text);
    }
    return own;
}

struct holders {
    struct str url;
    int64_t except_no;       /* 0: none */
    int64_t first_no;
    bool first_is_suspended;
    unsigned count;
};

static void count_holder(const struct partner_domains *domains, void *arg)
{
    struct holders *holders = arg;
    if (domains->no != holders->except_no &&
        (partner_host_eq(holders->url, domains->domain) || partner_host_eq(holders->url, domains->mobile_domain))) {
        if (holders->count++ == 0) {
            holders->first_no = domains->no;
            holders->first_is_suspended = domains->suspended;
        }
    }
}

enum err partner_host_is_taken(struct domain *domain, struct store_tx *tx, int64_t partner_no, struct str url,
                               const char *local_host, bool *ret_taken)
{
    struct holders holders = {.url = url, .except_no = partner_no};
    enum err err = partner_store_each_domain(tx, count_holder, &holders);
    *ret_taken = holders.count > 0 || is_own(domain, url, local_host);
    return err;
}

/* --- whose --- */

enum err partner_host_find(struct store_tx *tx, struct str host, int64_t *ret_partner_no)
{
    struct holders holders = {.url = host};
    enum err err = partner_store_each_domain(tx, count_holder, &holders);
    if (err || holders.count > 1 || (holders.count && holders.first_is_suspended)) {
        return err ? err : ERR_NOT_FOUND;
    }
    if (!holders.count) {
        return partner_store_find_only(tx, ret_partner_no);
    }
    *ret_partner_no = holders.first_no;
    return ERR_OK;
}
