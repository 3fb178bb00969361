/* Port: what runs the devices that the server simulates (management-api.md 5.7, portal.md 8.2). It reaches the server as
 * any device does, over connections to its listeners; app/ has the client. */
#ifndef MUSTER_MODEL_PORTS_SIMULATOR_H
#define MUSTER_MODEL_PORTS_SIMULATOR_H

#include <pthread.h>
#include <stdbool.h>

#include "base/crypto.h"
#include "base/uuid.h"
#include "model/device/device_table.h"

struct simulator;
struct reply;

/* Keys that have been handed to the simulator and are good for one registration each (model/virtual). */
enum { VIRTUAL_TICKETS_MAX = 4 };
struct virtual_tickets {
    pthread_mutex_t lock;
    struct virtual_ticket {
        bool is_open;
        uint8_t key_hash[SHA256_BYTES];
        int64_t model_no;
    } list[VIRTUAL_TICKETS_MAX];
};

/* A device that is to register, and to be simulated from then on. */
struct virtual_launch {
    enum protocol protocol;
    char key[UUID_TEXT_BYTES];   /* its hardware key */
    char sn[32], mac[18], cloud_id[24];
    int64_t started_at;          /* unix ms */
    struct uuid device_id;       /* result */
};

/* A simulation that goes on after a restart. */
struct simulation {
    struct uuid device_id;
    enum protocol protocol;
    int64_t started_at;          /* unix ms */
    char access_key[40];
};

struct simulator {
    /* Whether the listeners are open that a device of this protocol needs. Any thread. */
    bool (*has_doors)(struct simulator *simulator, enum protocol protocol);
    /* Registers over the server's own listener and begins. Blocks (LANE_WORK). False: what the registration was refused
     * for stands in *reply. */
    bool (*launch)(struct simulator *simulator, struct virtual_launch *launch, struct reply *reply);
    struct virtual_tickets tickets;
};

#endif
