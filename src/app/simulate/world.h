/* A scenario under way: the fleet, and the model of what the server must hold. One loop, one thread.
 *
 * What the model promises. Every request and publish is repeated until it is answered (call.h); an answer is a 2xx or 4xx,
 * or a PUBACK. The model changes when the answer comes, never before. A part of an object (a device's state, its
 * configuration, its space, a licence ...) is busy while something about it is not answered, and nothing else is begun on
 * it; so repeating after a kill is all the uncertainty there is, and it is settled like this:
 *   - reports: exactly 1, 2, 3 ... n, in this order, in the telemetry; a number whose answer was lost may stand there again,
 *     once for each lost answer. The state is exactly the merge of 1 ... n.
 *   - commands: sent under an Idempotency-Key, so there is exactly one, with its parameters. Its last state is what was
 *     acknowledged: done or failed by the device, aborted by the owner. Commands of the kind that is never finished end as
 *     failed "Timed out". Only of such a one, where a cancellation's answer was lost and its repetition heard that the
 *     command is final, two ends are allowed; the summary counts these.
 *   - configurations: the owner edits under base_version and the device names the version, so a repetition cannot count
 *     twice; version, content and the version that the device has confirmed are exact. A device without MQTT leaves the
 *     version out: then the answer tells which.
 *   - licences: holder, expiry, state and action are exact.
 *   - incidents: made under an issue of their own; the set, the status and the priority are exact, also the device's
 *     effective status, which follows from them.
 *   - firmware: the version is unique; the files, each device's version and what it knows to be newer are exact.
 *   - space, parent, children, name, serial number and organization are exact.
 * An answer that is none of those allowed is a difference too. */
#ifndef MUSTER_APP_SIMULATE_WORLD_H
#define MUSTER_APP_SIMULATE_WORLD_H

#include "app/client/mqtt_client.h"
#include "app/simulate/expected_state.h"
#include "app/simulate/scenario.h"
#include "base/hashmap.h"
#include "base/uuid.h"

struct server_process;
struct http_pool;

enum { MODELS = 3, MODEL_OF_CHILDREN = 2, FIRMWARES_MAX = 1000, DIFFERENCES_SHOWN = 20, FIRMWARE_BYTES = 4096, LOST_REPORTS_MAX = 64, SERIAL_BYTES = 32, KEY_BYTES = 64 };

/* ---- what there is ---- */

/* Something that has an id. */
struct thing {
    struct hashmap_node node; /* in world.things */
    enum thing_kind { THING_DEVICE, THING_COMMAND, THING_INCIDENT, THING_LICENSE } kind;
    char id[UUID_TEXT_BYTES];
};

enum command_state { COMMAND_OPEN, COMMAND_WAS_DONE, COMMAND_HAS_FAILED, COMMAND_WAS_ABORTED, COMMAND_MAY_BE_ABORTED };

struct sim_command {
    struct thing thing;
    struct sim_device *device;
    struct sim_command *next;     /* of the same device */
    bool is_nap;                  /* is never finished by the device: it times out */
    bool is_sent;                 /* the send was answered; the device may have heard of it before */
    bool is_taken;                /* the device has begun with it */
    bool is_busy;                 /* cancellation under way */
    bool was_denied;              /* the device has heard that there is no such command (any more) */
    bool was_timed_out;           /* seen by asking, while things settle */
    unsigned level;               /* its parameter */
    enum command_state state;
    const char *outcome;          /* what the device is about to report */
    struct timer finish;
};

struct sim_incident {
    struct thing thing;
    struct sim_device *device;
    struct sim_incident *next;    /* of the same device */
    unsigned priority;            /* 1 ... 5 */
    bool is_active, is_busy;
};

enum license_phase { LICENSE_IS_FREE, LICENSE_IS_HELD, LICENSE_IS_LEAVING };

struct sim_license {
    struct thing thing;
    struct sim_device *device;    /* holder; of a free one: nobody */
    enum license_phase phase;
    bool is_busy;                 /* the maker's call is under way */
    unsigned reports;             /* the device's, under way */
    bool is_confirmed;            /* the device has reported since the last action */
    bool was_removed;             /* free because a device reported so; else taken back, or never given */
    unsigned expiry;              /* days from 2090-01-01; 0: never */
};

struct sim_device {
    struct thing thing;
    struct world *world;
    unsigned index;
    enum device_kind kind;
    char serial[SERIAL_BYTES], mac[18], key[KEY_BYTES];
    struct sim_device *parent, *first_child, *next_child; /* oldest first */
    /* the model */
    struct expected_state state;
    struct sample sample;         /* under way */
    bool is_reporting, is_config_busy, is_updating, is_moving;
    struct {
        uint32_t number, times;
    } lost[LOST_REPORTS_MAX];     /* reports whose answer was lost */
    unsigned lost_count;
    int64_t config_version;
    uint64_t config_edit;         /* number of the edit that made the configuration */
    unsigned space;               /* index in world.spaces */
    unsigned firmware, updates;   /* index in world.firmwares; calls of Update Device so far */
    struct sim_command *commands;
    struct sim_incident *incidents;
    unsigned commands_open;
    /* what the device itself knows */
    int64_t config_seen, config_confirmed;
    uint64_t config_edit_seen;
    int64_t space_level_seen;     /* space_data_version, over HTTP */
    unsigned space_seen, firmware_seen; /* index + 1 of the space; 0: nothing heard yet */
    bool is_fetching_command, is_fetching_config, is_fetching_licenses, is_fetching_space;
    struct timer report;
    /* MQTT */
    struct mqtt_client client;
    struct timer reconnect;
    struct net_address hub;
    bool hub_uses_tls;
    char prefix[64];
    struct list waiting, in_flight; /* of struct call */
    bool is_compared;             /* the list has shown it */
    bool is_persistent;           /* its session outlives the connection */
    bool is_ready;                /* connected and subscribed */
    unsigned failures;
};

struct sim_model {
    char id[UUID_TEXT_BYTES], hardware_key[KEY_BYTES];
};

struct sim_space {
    int64_t id;
    char name[32];
};

enum phase { PHASE_FOUND, PHASE_CONNECT, PHASE_RUN, PHASE_SETTLE, PHASE_COMPARE, PHASE_END };

struct counts {
    uint64_t begun[ACTION_COUNT], taken[ACTION_COUNT], refused[ACTION_COUNT];
    uint64_t reports, levels_fetched, connects, pushes, commands_done, commands_failed, calls, lost;
};

struct world {
    struct scenario scenario;
    struct loop *loop;
    struct tls_client *tls;
    struct http_pool *pool;
    struct server_process *server; /* NULL: not ours */
    enum phase phase;
    uint64_t random, started_ms, phase_ms;
    char partner_key[KEY_BYTES], organization_key[KEY_BYTES], organization_id[UUID_TEXT_BYTES];
    char run_name[8];             /* in names and serials, so that two runs in one installation do not meet */
    struct hashmap things;
    struct sim_model models[MODELS]; /* of HTTP devices, of MQTT devices, of children */
    struct sim_device *devices;
    unsigned device_count, ready_count;
    struct sim_space *spaces;
    struct sim_license *licenses;
    struct sim_command **commands; /* all of them, for drawing one */
    struct sim_incident **incidents;
    unsigned command_count, incident_count;
    unsigned firmware_count;      /* versions 1.1.0, 1.2.0 ...; 1.0.0 is what devices come with */
    unsigned uploads_open;
    uint64_t edits, issues;       /* numbers given */
    struct list calls;            /* of struct call: not answered */
    unsigned calls_open;          /* their number */
    unsigned kills, step;
    uint64_t settle_by_ms, synced_ms, progress_ms;
    bool is_synced;               /* everybody has asked for what waits since the run has ended */
    unsigned comparisons;         /* made so far */
    bool is_trying;               /* differences are kept, not printed: there may be another comparison */
    char *kept[DIFFERENCES_SHOWN];
    unsigned trial_differences;
    struct timer tick;            /* of the phase */
    double owed[ACTION_COUNT];    /* fractions of actions not yet begun */
    uint64_t ticked_ms;
    struct counts counts;
    unsigned differences;
    unsigned maybe_aborted;
};

/* ---- helpers of all parts ---- */

uint64_t world_random(struct world *world);
unsigned world_draw(struct world *world, unsigned limit); /* 0 ... limit - 1; limit is above 0 */
struct thing *world_find(const struct world *world, enum thing_kind kind, struct str id);
/* Gives the thing its id, and puts it where it is found. False: it is none, or another has it. */
bool world_enter(struct world *world, struct thing *thing, struct str id);
/* Counts one, and prints it if it is among the first. */
void world_difference(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* From here on differences are kept back, until the end of the try: then they count if `keep`, else they are forgotten. */
void world_try(struct world *world);
unsigned world_try_end(struct world *world, bool keep);
const struct sim_model *world_model_of(const struct world *world, const struct sim_device *device);
bool device_is_mqtt(const struct sim_device *device);
/* "1.3.0" */
void firmware_text(unsigned firmware, char ret_text[16]);
void license_expiry_text(unsigned expiry, char ret_text[32]); /* ISO; expiry is not 0 */

#endif
