/* The set-up without a browser, for `muster setup` and the demo. */
#ifndef MUSTER_APP_SETUP_H
#define MUSTER_APP_SETUP_H

#include <stdbool.h>

#include "model/account/setup.h"

struct setup_result {
    char partner_id[UUID_TEXT_BYTES], organization_id[UUID_TEXT_BYTES];
    char partner_key[API_KEY_CHARS + 1], organization_key[API_KEY_CHARS + 1];
};

/* Runs it on a data folder that no server uses. False: why is on stderr. */
bool setup_data_folder(const char *data_dir, const char *partner, const char *email, struct str password,
                       struct setup_result *ret_result);

#endif
