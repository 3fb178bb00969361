/* For the files of this folder only. */
#ifndef MUSTER_APP_VIRTUAL_INTERNAL_H
#define MUSTER_APP_VIRTUAL_INTERNAL_H

#include <pthread.h>

#include "app/client/device.h"
#include "app/virtual/virtual_devices.h"
#include "base/list.h"
#include "model/ports/simulator.h"
#include "model/virtual/virtual_device.h"

enum { VIRTUAL_CALL_MS = 5000 };

struct virtual_devices {
    struct simulator port;       /* what the domain sees */
    struct domain *domain;
    const struct listener_urls *urls;
    struct fleet fleet;          /* of the MQTT devices; its loop is the loop's thread's */
    struct list connected;       /* MQTT devices; the loop's */
    struct timer tick;           /* set while there is one */
    struct task stop;
    pthread_t loop_thread, poll_thread;
    bool is_started;
    /* of the polling thread's list */
    pthread_mutex_t lock;
    pthread_cond_t wake;         /* by the monotonic clock */
    struct list polled;
    bool is_stopping;
};

struct virtual_device {
    struct list link;
    struct virtual_devices *virtuals;
    struct device device;        /* what it says and does; its connection, with MQTT */
    struct uuid id;
    enum protocol protocol;
    int64_t started_at;          /* unix ms */
    struct task arrival;         /* to the loop */
    struct op end;
    uint16_t farewell_id;        /* packet that says it is offline */
    bool is_gone;                /* its key is dead: the device was deleted */
    bool resumes;                /* it ran before the program started */
    uint64_t due_ms;             /* of polling, monotonic */
    int64_t config_version;      /* that it has applied; of polling */
};

/* Between two reports. */
uint64_t virtual_interval_ms(const struct virtual_devices *virtuals);
/* Its time has passed: it says that it is offline, and ends. */
bool virtual_device_is_over(const struct virtual_device *device);
/* It could not say so for too long. */
bool virtual_device_is_overdue(const struct virtual_device *device);
/* The simulation ends in the store as well. Takes the device. Any thread. */
void virtual_device_end(struct virtual_device *device);
void virtual_device_free(struct virtual_device *device);
/* To the loop: it connects. Takes the device. Any thread. */
void virtual_device_connect(struct virtual_device *device);
/* To the polling thread. Takes the device. Any thread. */
void virtual_device_poll(struct virtual_device *device);
void *virtual_poll_main(void *virtuals);
/* "http://127.0.0.1:8080": where this program listens. Appends nothing if it does not. */
void virtual_base_url(const struct virtual_devices *virtuals, struct buf *out);
void virtual_write_farewell(struct buf *out); /* the telemetry message that it is offline */

#endif
