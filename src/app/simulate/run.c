#include "app/simulate/run.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "app/simulate/actions.h"
#include "app/simulate/call.h"
#include "app/simulate/command_side.h"
#include "app/simulate/compare.h"
#include "app/simulate/device_side.h"
#include "app/simulate/found.h"
#include "app/simulate/server_process.h"
#include "app/simulate/summary.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/tls.h"

enum {
    TICK_MS = 50,
    PROGRESS_MS = 30000,
    SYNC_MS = 500,                /* between two times that devices ask for what they wait for */
    BACK_MS = 1000,               /* between two comparisons */
    CALLS_OPEN_MAX = 20000,       /* while the server is away no more is begun */
    GOODBYE_MS = 300,
    START_MS = 120000,            /* for the server to answer at all */
};

/* The first SIGTERM or SIGINT ends the run before its time, what is under way settles, and the comparison follows; the
 * second one ends the program. */
static volatile sig_atomic_t is_told_to_end;

static void on_signal(int number)
{
    (void)number;
    is_told_to_end = 1;
}

static void watch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static uint64_t now(const struct world *world)
{
    return loop_now_ms(world->loop);
}

static void enter(struct world *world, enum phase phase)
{
    static const char *const names[] = {"founding", "connecting", "running", "settling", "comparing", "end"};
    world->phase = phase;
    world->phase_ms = now(world);
    world->step = 0;
    if (phase != PHASE_END) {
        printf("%6.1f s  %s\n", (double)(now(world) - world->started_ms) / 1000, names[phase]);
        fflush(stdout);
    }
}

static void end(struct world *world)
{
    enter(world, PHASE_END);
    for (unsigned i = 0; i < world->device_count; i++) {
        if (device_is_mqtt(&world->devices[i]) && world->devices[i].prefix[0]) {
            device_mqtt_stop(&world->devices[i]);
        }
    }
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

static void on_report_due(struct timer *timer, uint64_t now_ms)
{
    struct sim_device *device = container_of(timer, struct sim_device, report);
    if (device->world->phase == PHASE_RUN) {
        telemetry_begin(device);
        timer_set(loop_timers(device->world->loop), timer, now_ms + device->world->scenario.report_every_ms);
    }
}

static void connect_devices(struct world *world)
{
    enter(world, PHASE_CONNECT);
    for (unsigned i = 0; i < world->device_count; i++) {
        if (device_is_mqtt(&world->devices[i])) {
            device_mqtt_init(&world->devices[i]);
            device_mqtt_start(&world->devices[i]);
        }
    }
}

static void start_running(struct world *world)
{
    enter(world, PHASE_RUN);
    world->ticked_ms = now(world);
    for (unsigned i = 0; i < world->device_count; i++) {
        struct sim_device *device = &world->devices[i];
        device->report.on_due = on_report_due;
        if (!device->parent) {
            timer_set(loop_timers(world->loop), &device->report,
                      now(world) + world_draw(world, (unsigned)world->scenario.report_every_ms + 1));
        }
    }
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void kill_if_due(struct world *world, uint64_t elapsed_ms)
{
    if (world->kills < world->scenario.kills && elapsed_ms >= world->scenario.kill_at_ms[world->kills]) {
        world->kills++;
        if (!server_process_kill_and_restart(world->server)) {
            world_difference(world, "the server had ended by itself");
            end(world);
        }
    }
}

static void run(struct world *world)
{
    double seconds = (double)(now(world) - world->ticked_ms) / 1000;
    world->ticked_ms = now(world);
    for (enum action action = 0; action < ACTION_COUNT && world->calls_open < CALLS_OPEN_MAX; action++) {
        world->owed[action] += world->scenario.rates[action] * seconds;
        for (; world->owed[action] >= 1; world->owed[action]--) {
            action_begin(world, action);
        }
    }
    uint64_t elapsed_ms = now(world) - world->phase_ms;
    kill_if_due(world, elapsed_ms);
    if (world->phase == PHASE_RUN && (elapsed_ms >= world->scenario.duration_ms || is_told_to_end)) {
        enter(world, PHASE_SETTLE);
        world->settle_by_ms = now(world) + world->scenario.settle_ms;
    }
}

/* ---- settling ---------------------------------------------------------------------------------------------------- */

static bool knows_all(const struct sim_device *device)
{
    const struct world *world = device->world;
    return device->config_confirmed == device->config_version && device->space_seen == device->space + 1 &&
           (world->firmware_count <= device->firmware || device->firmware_seen == world->firmware_count) &&
           device->state.number > 0;
}

/* Has it ask for all that waits: reports tell over HTTP, a sync over MQTT. */
static void ask_for_all(struct sim_device *device)
{
    if (device->parent) {
        telemetry_children_now(device->parent);
    } else if (!device_is_mqtt(device) || device->state.number == 0) {
        telemetry_begin(device);
    }
    struct sim_device *speaker = device->parent ? device->parent : device;
    if (device_is_mqtt(speaker)) {
        device_mqtt_sync(speaker);
    }
}

/* Devices that something is not known or not finished of ask again. True: there are none. */
static bool ask_where_needed(struct world *world)
{
    bool settled = true;
    bool *waits = mem_calloc(world->device_count, sizeof *waits);
    for (unsigned i = 0; i < world->device_count; i++) {
        waits[i] = !world->is_synced || !knows_all(&world->devices[i]);
    }
    for (unsigned i = 0; i < world->command_count; i++) {
        struct sim_command *command = world->commands[i];
        if (!command_is_final(command)) {
            waits[command->device->index] = true;
            if (command->is_nap && !command->is_busy) {
                command_ask(command);
            }
        }
    }
    for (unsigned i = 0; i < world->scenario.licenses; i++) {
        const struct sim_license *license = &world->licenses[i];
        if (license->phase == LICENSE_IS_LEAVING || (license->phase == LICENSE_IS_HELD && !license->is_confirmed)) {
            waits[license->device->index] = true;
        }
    }
    for (unsigned i = 0; i < world->device_count; i++) {
        if (waits[i]) {
            settled = false;
            ask_for_all(&world->devices[i]);
        }
    }
    mem_free(waits);
    world->is_synced = true; /* everybody has asked once */
    return settled;
}

static void settle(struct world *world)
{
    bool overdue = now(world) >= world->settle_by_ms;
    if (world->calls_open == 0 && now(world) - world->synced_ms >= SYNC_MS) {
        world->synced_ms = now(world);
        overdue |= ask_where_needed(world);
    }
    if (overdue) {
        enter(world, PHASE_COMPARE);
        world->comparisons++;
        world_try(world);
    }
}

/* Another comparison as long as there is time: what was only on its way has arrived by then, what is wrong stays so. */
static void compare(struct world *world)
{
    if (world->calls_open || compare_next(world)) {
        return;
    }
    bool is_last = now(world) + BACK_MS >= world->settle_by_ms;
    if (world_try_end(world, is_last) && !is_last) {
        enter(world, PHASE_SETTLE);
        world->is_synced = false;
    } else {
        end(world);
    }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void act(struct world *world)
{
    switch (world->phase) {
    case PHASE_FOUND:
        if (world->calls_open ? world->step == 1 && now(world) - world->phase_ms > START_MS : world->differences > 0) {
            world_difference(world, "the fleet could not be made");
            end(world);
        } else if (world->calls_open == 0 && !found_next(world)) {
            connect_devices(world);
        }
        break;
    case PHASE_CONNECT:
        if (world->ready_count == world->scenario.devices[DEVICE_MQTT1] + world->scenario.devices[DEVICE_MQTT2]) {
            start_running(world);
        } else if (now(world) - world->phase_ms > START_MS + world->scenario.settle_ms) {
            world_difference(world, "only %u devices have connected", world->ready_count);
            end(world);
        }
        break;
    case PHASE_RUN:
        run(world);
        break;
    case PHASE_SETTLE:
        settle(world);
        break;
    case PHASE_COMPARE:
        compare(world);
        break;
    case PHASE_END:
        break;
    }
}

static void on_tick(struct timer *timer, uint64_t now_ms)
{
    struct world *world = container_of(timer, struct world, tick);
    if (world->phase == PHASE_END) {
        loop_stop(world->loop);
        return;
    }
    if (world->server && !server_process_is_alive(world->server)) {
        world_difference(world, "the server has ended by itself");
        end(world);
    }
    if (is_told_to_end && world->phase < PHASE_RUN) {
        world_difference(world, "ended before it had begun");
        end(world);
    }
    act(world);
    if (now_ms - world->progress_ms >= PROGRESS_MS) {
        world->progress_ms = now_ms;
        summary_print_progress(world);
    }
    timer_set(loop_timers(world->loop), timer, now_ms + (world->phase == PHASE_END ? GOODBYE_MS : TICK_MS));
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool prepare(struct world *world)
{
    const struct scenario *scenario = &world->scenario;
    if (!found_read_keys(world) || !(world->pool = http_pool_new(world))) {
        return false;
    }
    if (scenario->command[0] && !(world->server = server_process_start(scenario->command, scenario->log))) {
        return false;
    }
    raise_file_limit();
    found_make_devices(world);
    world->tick.on_due = on_tick;
    world->started_ms = world->progress_ms = now(world);
    enter(world, PHASE_FOUND);
    timer_set(loop_timers(world->loop), &world->tick, now(world) + TICK_MS);
    return true;
}

static void world_free(struct world *world)
{
    calls_free(world);
    commands_free(world);
    incidents_free(world);
    hashmap_deinit(&world->things);
    http_pool_free(world->pool);
    tls_client_free(world->tls);
    mem_free(world->devices);
    mem_free(world->spaces);
    mem_free(world->licenses);
    secret_wipe(world, sizeof *world);
    mem_free(world);
}

int scenario_run(const struct scenario *scenario)
{
    struct world *world = mem_new(struct world);
    world->scenario = *scenario;
    world->random = scenario->seed;
    hashmap_init(&world->things);
    list_init(&world->calls);
    random_base62(world->run_name, sizeof world->run_name - 1);
    watch_signals();
    world->loop = loop_new(0);
    world->tls = tls_client_new(NULL);
    bool played = prepare(world);
    if (played) {
        loop_run(world->loop);
    }
    if (!server_process_stop(world->server)) {
        world_difference(world, "the server did not end cleanly");
    }
    if (played) {
        summary_print(world);
    }
    loop_free(world->loop);
    int code = played && world->differences == 0 ? 0 : 1;
    world_free(world);
    return code;
}
