/* An opened data folder with its domain, before or without a server: what serve, setup and demo start from. */
#ifndef MUSTER_APP_INSTALLATION_H
#define MUSTER_APP_INSTALLATION_H

#include "base/err.h"
#include "model/domain.h"

struct store;

struct installation {
    struct store *store;
    struct domain domain;
};

/* Opens and loads; no thread runs yet. `settings` and `urls` must outlive it. On failure one line is logged and nothing
 * stays open; ERR_BUSY: another process has the folder. */
enum err installation_open(struct installation *installation, const char *data_dir, const struct settings *settings,
                           struct url_source *urls) MUST_CHECK;
/* After the store was stopped, or when it never started. */
void installation_close(struct installation *installation);

#endif
