/* Refused registrations on their way into the provisioning log (device-api.md 1.8.5, 2.3.1). */
#ifndef MUSTER_MODEL_REFUSAL_LOG_H
#define MUSTER_MODEL_REFUSAL_LOG_H

#include "codec/json/json.h"
#include "model/ports/registration_store.h"

struct domain;

/* Notes a refusal; its strings are copied. `holder_no`: the device that has the identity already, 0: none. Entries of
 * one (address, identity) are counted together; when too many different ones wait, more are dropped. Any thread. */
void refusal_log_add(struct domain *domain, const struct registration_entry *entry, int64_t holder_no);

/* A row of the provisioning log as management-api.md 5.2 shows it. */
void registration_entry_write(struct json_writer *w, const struct registration_entry *entry);

#endif
