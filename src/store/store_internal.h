/* The store's parts, for the files of this folder only. */
#ifndef MUSTER_STORE_STORE_INTERNAL_H
#define MUSTER_STORE_STORE_INTERNAL_H

#include "model/domain.h"
#include "store/sqlite/lane.h"
#include "store/store.h"
#include "store/telemetry/sealer.h"

struct store {
    struct executor executor;
    char *data_dir;
    int lock_fd;
    struct installation_keys keys;
    struct domain *domain;          /* NULL until bound */
    struct write_lane registry;
    struct write_lane telemetry;
    struct segments *segments;      /* of telemetry */
    struct sealer *sealer;
    struct pool readers;
    struct pool workers;
    struct pool movers;             /* of file contents */
    struct blobs *blobs;
    /* Set by store_load: around each batch of the telemetry lane, on its thread. */
    void (*batch_begin)(struct domain *domain);
    void (*batch_end)(struct domain *domain, bool committed);
    /* Set by store_load: brings the registry up to date with the telemetry, after the telemetry lane has ended. */
    void (*flush)(struct store *store);
};

/* store/telemetry/telemetry_lane.c: opens the connections of the telemetry lane. */
enum err telemetry_lane_open(struct write_lane *lane, struct segments *segments, const char *registry_path,
                             unsigned queue_max) MUST_CHECK;
void telemetry_lane_close(struct write_lane *lane);
/* Gives the threads of a pool the telemetry readers they open day files with. */
void telemetry_readers_open(struct store_tx *tx, struct segments *segments);
void telemetry_readers_close(struct store_tx *tx);

/* data_folder.c: the folder, its lock and its key file. Log their failures. */
enum err data_folder_make(const char *data_dir) MUST_CHECK;
enum err data_folder_lock(const char *data_dir, int *ret_fd) MUST_CHECK; /* ERR_BUSY: in use by another process */
enum err data_folder_keys(const char *data_dir, struct installation_keys *ret_keys) MUST_CHECK;

#endif
