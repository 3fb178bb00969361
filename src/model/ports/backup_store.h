/* Port: copies of the whole data folder while the program runs (management-api.md 10.2). */
#ifndef MUSTER_MODEL_PORTS_BACKUP_STORE_H
#define MUSTER_MODEL_PORTS_BACKUP_STORE_H

#include "base/err.h"
#include "base/str.h"

struct domain;

#define BACKUP_NAME_BYTES 40

/* Makes backups/<name> in the data folder: a folder that the program starts on as it is. It holds every change that was
 * acknowledged before the call. Of all backups the newest `keep` stay (0: all). Takes as long as copying the database
 * does: on LANE_WORK. ERR_STATE: another one is being made. Failures are logged. */
enum err backup_store_make(struct domain *domain, struct str name, uint64_t keep) MUST_CHECK;

#endif
