/* Where the incidents of a space are told (management-api.md 8.3): `config.events` of the space,
 *
 *     {"tree":{"incidents":{"email":…,"gchat":…,"slack":…,"msteams":…}},"inherit_tree":bool,"inherit_incidents":{"email":bool}}
 *
 * A channel is a switch (true, false), an address or URL, for `email` also a list of addresses, or an object with "enabled",
 * and "url", "emails" or "email". A channel that the space does not set is that of the space above, unless inherit_tree or
 * inherit_incidents.<channel> is false. `email` without addresses, or set nowhere, means the organization's
 * notification_emails. */
#ifndef MUSTER_MODEL_OUTBOX_SPACE_CHANNELS_H
#define MUSTER_MODEL_OUTBOX_SPACE_CHANNELS_H

#include "codec/json/json.h"
#include "model/ports/delivery_store.h"

#define CHANNEL_EMAILS_MAX 20

struct space_channels {
    struct json *emails;                      /* array of valid addresses, at most CHANNEL_EMAILS_MAX; the caller frees it */
    struct str url[CHANNEL_MSTEAMS + 1];      /* by enum delivery_channel; empty: off; in the arena */
};

/* Any lane with a store. space_no 0: what holds without a space. */
enum err space_channels_find(struct store_tx *tx, int64_t organization_no, int64_t space_no, struct arena *arena,
                             struct space_channels *ret_channels) MUST_CHECK;

#endif
