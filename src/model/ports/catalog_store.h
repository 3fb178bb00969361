/* Port: what the catalogue (model/maker/catalog.h) holds, row by row. The strings of a row are borrowed for the call. */
#ifndef MUSTER_MODEL_PORTS_CATALOG_STORE_H
#define MUSTER_MODEL_PORTS_CATALOG_STORE_H

#include "base/err.h"
#include "model/maker/catalog.h"

struct store_tx;

enum err catalog_store_partners(struct store_tx *tx, void (*visit)(const struct partner_info *partner, void *arg),
                                void *arg) MUST_CHECK;
enum err catalog_store_organizations(struct store_tx *tx,
                                     void (*visit)(const struct organization_info *organization, void *arg),
                                     void *arg) MUST_CHECK;
enum err catalog_store_models(struct store_tx *tx, void (*visit)(const struct model_info *model, void *arg),
                              void *arg) MUST_CHECK;
/* parent_no 0: a root. */
enum err catalog_store_spaces(struct store_tx *tx, void (*visit)(int64_t no, int64_t parent_no, void *arg),
                              void *arg) MUST_CHECK;

#endif
