/* The domain's context: everything an operation needs besides its own arguments. One per process, made by app/, alive
 * until the last thread ended. */
#ifndef MUSTER_MODEL_DOMAIN_H
#define MUSTER_MODEL_DOMAIN_H

#include "base/buf.h"
#include "model/event.h"
#include "model/op.h"
#include "model/settings.h"

struct store_tx;

struct device_table;
struct catalog;
struct credentials;
struct telemetry;
struct device_desk;
struct live;
struct trace;
struct blobs;
struct file_desk;
struct simulator;
struct talkers;
struct message_rates;
struct system_source;

/* Keys of the installation, read from the key file beside the database. */
struct installation_keys {
    uint8_t hash_key[32]; /* keyed hashes of access, API and hardware keys */
    uint8_t seal_key[32]; /* what must be readable again */
};

/* What registration replies say about addresses: from the settings, or from the listeners that really listen
 * (device-api.md 1.1.3, mqtt.md 1.2). `local_host` is the local address of the registering connection; NULL: the
 * listener's. Appends the URL. */
struct url_source {
    void (*hub_url)(struct url_source *source, const char *local_host, struct buf *out);
    void (*static_cert_url)(struct url_source *source, const char *local_host, struct buf *out);
    void (*mqtt_url)(struct url_source *source, const char *local_host, struct buf *out);
    /* Only for the set-up page (portal.md 2.2); NULL, or nothing appended: there is none. */
    void (*mqtts_url)(struct url_source *source, const char *local_host, struct buf *out);
    void (*certificate_fingerprint)(struct url_source *source, const char *local_host, struct buf *out);
};

struct domain {
    struct executor *executor;
    struct event_bus events;
    struct device_table *devices;
    struct catalog *catalog;
    struct credentials *credentials;
    struct telemetry *telemetry;
    struct device_desk *device_desk; /* model/device/devices.h; made by devices_load, freed by devices_unload */
    struct live *live;
    struct trace *trace;             /* model/live/trace.h; NULL: nothing can be armed */
    struct blobs *blobs;             /* ports/blob_store.h; the store's */
    struct file_desk *file_desk;     /* model/file/file_desk.h; made by files_load, freed by files_unload */
    struct simulator *simulator;     /* ports/simulator.h; NULL: no virtual devices */
    struct talkers *talkers;         /* model/device/talkers.h; NULL: nobody counts */
    struct message_rates *rates;     /* model/management/message_rates.h; NULL: none */
    struct system_source *system;    /* model/management/system_source.h; of a server */
    struct url_source *urls;
    struct installation_keys keys;
    int64_t started_at_ms;          /* unix; presence counts from here at the earliest (device-api.md 10.2.6) */
    /* Settings may be replaced by SIGHUP; take the pointer once per use. Old ones live until the program ends. */
    const struct settings *_Atomic settings;
    int64_t (*now_unix_ms)(void);   /* clock_unix_ms, or a test's virtual clock */
};

static inline const struct settings *domain_settings(const struct domain *domain)
{
    return domain->settings;
}

/* Keyed hash of an access, API or hardware key as it is stored: HMAC-SHA-256 under the installation's key. */
void domain_key_hash(const struct domain *domain, struct str key, uint8_t ret_hash[32]);

/* Fills the hot records, the catalogue, the credentials and the states from the store; called by store_load before the
 * threads start. */
enum err domain_load(struct domain *domain, struct store_tx *tx) MUST_CHECK;
/* Once a second, from one thread: due commands, presence, checkpoints of states, housekeeping. Never blocks. */
void domain_tick(struct domain *domain);

#endif
