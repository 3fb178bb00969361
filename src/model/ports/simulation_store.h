/* Port: the simulations of virtual devices that run (management-api.md 5.7). */
#ifndef MUSTER_MODEL_PORTS_SIMULATION_STORE_H
#define MUSTER_MODEL_PORTS_SIMULATION_STORE_H

#include "model/ports/row.h"

struct simulation_row {
    int64_t device_no;
    struct uuid device_id;       /* only when read, likewise below */
    int64_t model_no;
    int64_t started_at;          /* unix ms */
    struct str access_key_sealed;
};

enum err simulation_store_insert(struct store_tx *tx, const struct simulation_row *row) MUST_CHECK;
/* The simulation has ended; its device stays. Without an effect if there is none. */
enum err simulation_store_remove(struct store_tx *tx, const struct uuid *device_id) MUST_CHECK;
/* The oldest first; strings are borrowed for the call. */
enum err simulation_store_list(struct store_tx *tx, void (*visit)(const struct simulation_row *row, void *arg), void *arg) MUST_CHECK;
/* The virtual devices that the partner has, whether they still run or not, and the simulations in all that began after
 * `begun_after` (unix ms). */
enum err simulation_store_count(struct store_tx *tx, int64_t partner_no, int64_t begun_after, int64_t *ret_devices,
                                int64_t *ret_running) MUST_CHECK;

#endif
