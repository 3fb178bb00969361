/* The Incident object (management-api.md 2), and the priority that is read. */
#ifndef MUSTER_MODEL_INCIDENT_VIEW_H
#define MUSTER_MODEL_INCIDENT_VIEW_H

#include "codec/json/json.h"
#include "model/maker/catalog.h"
#include "model/ports/device_store.h"
#include "model/ports/incident_store.h"

struct domain;

/* The priority factor in force in a space (-1, 0, 1): its own, else what it inherits (management-api.md 2). 1 makes
 * incidents one step more urgent, -1 less. Any lane with a store. */
enum err priority_factor_of_space(struct store_tx *tx, int64_t space_no, struct arena *arena, int *ret_factor) MUST_CHECK;
/* The priority as it is read: shifted by the factor, within 1..5. 0 stays 0. */
int priority_shifted(int priority, int factor);

/* What the objects of one device have in common. */
struct incident_view {
    struct domain *domain;
    struct store_tx *tx;
    struct arena *arena;
    struct device_row device;
    struct device_space space; /* no 0: none */
    struct model_info model;
    struct partner_info partner;
    int factor;
};
void incident_view_init(struct incident_view *view, struct domain *domain, struct store_tx *tx, struct arena *arena);
/* Reads the device, unless it is the one already there. ERR_NOT_FOUND: deleted. */
enum err incident_view_load(struct incident_view *view, int64_t device_no) MUST_CHECK;
/* The object; between these two the caller may add fields. */
void incident_view_begin(struct json_writer *w, const struct incident_view *view, const struct incident_row *row);
static inline void incident_view_end(struct json_writer *w)
{
    json_end_object(w);
}

#endif
