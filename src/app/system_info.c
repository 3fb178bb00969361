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
    ret_certificate->is_self_made = info->certificate_is_self_made;
    tls_server_fingerprint(info->tls, ret_certificate->fingerprint);
    return true;
}

void system_info_init(struct system_info *info, struct hub *hub, const struct tls_server *tls, bool certificate_is_self_made)
{
    *info = (struct system_info){
        .source = {.slow_consumers = slow_consumers, .certificate = certificate},
        .hub = hub,
        .tls = tls,
        .certificate_is_self_made = certificate_is_self_made,
    };
}
