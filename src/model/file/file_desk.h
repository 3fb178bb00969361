/* What the domain remembers about contents between calls: whose dump is being appended to, and when removed contents were
 * last looked for. */
#ifndef MUSTER_MODEL_FILE_FILE_DESK_H
#define MUSTER_MODEL_FILE_FILE_DESK_H

#include "base/err.h"

struct domain;
struct store_tx;

/* At start, with the registry's tables loaded: what a crash has left of uploads goes; firmware levels. */
enum err files_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;
void files_unload(struct domain *domain);
/* Once a second: removes contents whose rows are gone, in slices. Any thread. */
void files_tick(struct domain *domain);

#endif
