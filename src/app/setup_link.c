#include "app/setup_link.h"

#include <stdio.h>

#include "base/log.h"
#include "model/account/setup.h"
#include "store/store.h"

bool setup_link_make(struct store *store, struct domain *domain, char *ret_token, size_t token_bytes)
{
    if (!setup_is_needed(domain)) {
        return false;
    }
    struct setup_link link;
    setup_link_prepare(&link, domain);
    enum err err = store_run_now(store, &link.op);
    if (err || link.op.err) {
        log_event(LOG_ERROR, "setup_link_failed", log_s("error", err_name(err ? err : link.op.err)));
        return false;
    }
    snprintf(ret_token, token_bytes, "%s", link.token);
    secret_wipe(&link, sizeof link);
    return true;
}

void setup_link_print(const char *base_url, const char *token)
{
    printf("Set-up link (valid 24 hours, one use): %s/setup/%s\n", base_url, token);
}
