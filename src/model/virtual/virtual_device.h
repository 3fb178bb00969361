/* Virtual devices (management-api.md 5.7, portal.md 8.2): the server simulates a device of a model for a while. It
 * registers through the public door with a hardware key made for this one registration, so that nobody's keys are used
 * up, and neither the provisioning log nor the maker's webhook tells of it. The device keeps its mark when the simulation
 * has ended, and counts for its partner until it is deleted. */
#ifndef MUSTER_MODEL_VIRTUAL_DEVICE_H
#define MUSTER_MODEL_VIRTUAL_DEVICE_H

#include "model/management/admin.h"
#include "model/ports/simulator.h"

/* How long it may take a device whose time has passed to say so; then it ends all the same. */
enum { VIRTUAL_GRACE_MS = 60000 };

struct virtual_order {
    struct virtual_launch launch;
    int64_t model_no;
};

/* POST /models/:m/virtual_devices in three steps; an error reply ends them. LANE_READ, LANE_WORK, LANE_REGISTRY. */
void virtual_device_prepare(struct admin *admin, struct store_tx *tx, struct str model_id, struct virtual_order *order);
void virtual_device_launch(struct admin *admin, struct virtual_order *order);
void virtual_device_answer(struct admin *admin, struct store_tx *tx, const struct virtual_order *order);

/* ---- for registration; LANE_REGISTRY ---- */

/* The model that this hardware key was made for; the key is used up. False: it is no such key. */
bool virtual_ticket_take(struct domain *domain, const uint8_t key_hash[SHA256_BYTES], int64_t *ret_model_no);
/* False: the partner has too many virtual devices, or too many run; the reply says so. */
bool virtual_device_is_allowed(struct domain *domain, struct store_tx *tx, int64_t partner_no, struct reply *reply);
/* In the transaction that made the device. */
enum err virtual_device_registered(struct domain *domain, struct store_tx *tx, int64_t device_no, const char *access_key) MUST_CHECK;

/* ---- for the simulator ---- */

void virtual_tickets_init(struct virtual_tickets *tickets);
/* What was running, the oldest first; what cannot be read with this installation's keys is left out. Any lane. */
enum err simulations_each(struct domain *domain, struct store_tx *tx, void (*visit)(const struct simulation *simulation, void *arg),
                          void *arg) MUST_CHECK;

#endif
