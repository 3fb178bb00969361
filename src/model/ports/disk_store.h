/* Port: the disk below the data folder (management-api.md 10.2). */
#ifndef MUSTER_MODEL_PORTS_DISK_STORE_H
#define MUSTER_MODEL_PORTS_DISK_STORE_H

#include "base/err.h"
#include <stdint.h>

struct domain;
struct store_tx;

struct disk_usage {
    int64_t total, free;  /* of its file system; free: for us */
    int64_t registry;     /* muster.db and its log */
    int64_t telemetry;    /* all segments */
    int64_t telemetry_segments;
    int64_t files;        /* contents of files and dumps */
};
/* On LANE_READ. ERR_IO: the folder cannot be read. */
enum err disk_store_usage(struct domain *domain, struct store_tx *tx, struct disk_usage *ret_usage) MUST_CHECK;

#endif
