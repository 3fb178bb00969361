#include "app/system_info.h"

#include "base/mem.h"

static void slow_consumers(struct system_source *source, struct slow_ask *ask)
{
    hub_slow_consumers(container_of(source, struct system_info, source)->hub, ask);
}

static bool certificate(struct system_source *source, struct system_certificate *ret_certificate)
{
    const struct system_info *info = container_of(source, struct system_info, source);
    if (!info->tls) {
        return false;
    }
    ret_certificate->expires_at = tls_server_expires_at_ms(info->tls);
    ret_certificate->is_self_made = !domain_settings(info->desk->domain)->tls_certificate[0]; /* a reload may bring one */
    tls_server_fingerprint(info->tls, ret_certificate->fingerprint);
    return true;
}

static void write_settings(struct system_source *source, struct json_writer *w)
{
    settings_desk_write(container_of(source, struct system_info, source)->desk, w);
}

static bool check_setting(struct system_source *source, struct setting_change *change, const struct json *value, struct buf *why)
{
    return settings_desk_check(container_of(source, struct system_info, source)->desk, change, value, why);
}

static void apply_settings(struct system_source *source, const struct setting_change *changes, size_t count)
{
    settings_desk_apply(container_of(source, struct system_info, source)->desk, changes, count);
}

void system_info_init(struct system_info *info, struct hub *hub, const struct tls_server *tls, struct settings_desk *desk)
{
    *info = (struct system_info){
        .source = {.slow_consumers = slow_consumers, .certificate = certificate, .settings_write = write_settings,
                   .setting_check = check_setting, .settings_apply = apply_settings},
        .hub = hub,
        .tls = tls,
        .desk = desk,
    };
}
