/* What the running program tells system administrators of itself (model/management/system_source.h). */
#ifndef MUSTER_APP_SYSTEM_INFO_H
#define MUSTER_APP_SYSTEM_INFO_H

#include "app/settings_desk.h"
#include "hub/hub.h"
#include "io/tls.h"
#include "model/management/system_source.h"

struct system_info {
    struct system_source source; /* the model sees only this */
    struct hub *hub;
    const struct tls_server *tls; /* NULL: nothing listens with TLS */
    struct settings_desk *desk;
};

void system_info_init(struct system_info *info, struct hub *hub, const struct tls_server *tls, struct settings_desk *desk);

#endif
