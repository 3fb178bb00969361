/* Who may subscribe, publish and receive what (mqtt.md 10): decisions from the table of topic_name.h and hot records.
 * Default: deny. Pure but for the device look-up that is passed in; any thread. */
#ifndef MUSTER_HUB_ACCESS_H
#define MUSTER_HUB_ACCESS_H

#include "hub/topic_name.h"
#include "model/device/device_table.h"
#include "model/account/principal.h"

enum party { PARTY_DEVICE = 1, PARTY_ORGANIZATION = 2, PARTY_PARTNER = 3, PARTY_OPEN = 4 };
/* PARTY_OPEN: an anonymous client of an open listener (mqtt.md 2.4). It is asked nothing here: in its own space, which
 * these topics do not reach, all is allowed. */

/* Whether an authenticated device's filter is allowed: it must lie inside its own prefix and not name a topic that a
 * device cannot read. *ret_rest is the part behind the prefix. */
bool access_device_filter(const struct uuid *own, struct str filter, struct str *ret_rest);
/* An application's whole filter: can it match a visible topic? When it names one device, *ret_names_device is true and
 * *ret_device is its id: the caller then checks that it is the tenant's. */
bool access_application_filter(enum party party, struct str filter, bool *ret_names_device, struct uuid *ret_device);
/* Whether the device is this tenant's: of the organization that owns it, of the partner that makes it. Nobody else is one. */
bool access_is_tenants(enum party party, int64_t tenant_no, const struct device_brief *device);
bool access_may_receive(enum party party, enum topic_id topic);
bool access_may_publish(enum party party, enum topic_id topic);

#endif
