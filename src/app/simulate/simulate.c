/* muster simulate: a fleet of devices that uses the public doors only. One loop for all MQTT connections, a few threads
 * for the registrations (blocking HTTP). */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/client/device.h"
#include "app/commands.h"
#include "app/simulate/run.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/mem.h"
#include "io/tls.h"
#include "notify/http_client.h"

enum { REGISTER_THREADS_MAX = 8, RETRY_S = 2, GOODBYE_MS = 3000, SUMMARY_MS = 10000 };

struct simulation {
    struct fleet fleet;
    struct device *devices;
    unsigned count;
    bool quiet;
    struct loop_watch signals;
    struct timer goodbye, summary;
    /* registration queue, shared with the registering threads */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct device *waiting, **waiting_tail;
    bool stopping;
};

static void want_registration(struct fleet *fleet, struct device *device)
{
    struct simulation *sim = container_of(fleet, struct simulation, fleet);
    pthread_mutex_lock(&sim->lock);
    device->next = NULL;
    *sim->waiting_tail = device;
    sim->waiting_tail = &device->next;
    pthread_cond_signal(&sim->wake);
    pthread_mutex_unlock(&sim->lock);
}

/* The next device that wants an identity; NULL: the program ends. Waits. */
static struct device *next_waiting(struct simulation *sim)
{
    pthread_mutex_lock(&sim->lock);
    while (!sim->waiting && !sim->stopping) {
        pthread_cond_wait(&sim->wake, &sim->lock);
    }
    struct device *device = sim->stopping ? NULL : sim->waiting;
    if (device) {
        sim->waiting = device->next;
        if (!sim->waiting) {
            sim->waiting_tail = &sim->waiting;
        }
    }
    pthread_mutex_unlock(&sim->lock);
    return device;
}

/* Firmware tries again from every 5 s on (device-api.md 2.3); a simulator may be a little quicker. False: ending. */
static bool pause_before_retry(struct simulation *sim)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RETRY_S;
    pthread_mutex_lock(&sim->lock);
    while (!sim->stopping && pthread_cond_timedwait(&sim->wake, &sim->lock, &until) != ETIMEDOUT) {
    }
    bool go_on = !sim->stopping;
    pthread_mutex_unlock(&sim->lock);
    return go_on;
}

static void on_registered(struct task *task)
{
    struct device *device = container_of(task, struct device, registered);
    if (!device->fleet->stopping) {
        device_connect(device);
    }
}

static void *register_thread(void *arg)
{
    struct simulation *sim = arg;
    struct http_client *http = http_client_new();
    http_client_trust_any(http);
    struct device *device;
    while ((device = next_waiting(sim)) != NULL) {
        if (device_register(device, http)) {
            atomic_fetch_add(&sim->fleet.registered, 1);
            device->registered.run = on_registered;
            mailbox_post(loop_mailbox(sim->fleet.loop), &device->registered);
        } else if (pause_before_retry(sim)) {
            want_registration(&sim->fleet, device);
        }
    }
    http_client_free(http);
    return NULL;
}

static void on_goodbye_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct simulation *sim = container_of(timer, struct simulation, goodbye);
    loop_stop(sim->fleet.loop);
}

static void on_summary_due(struct timer *timer, uint64_t now_ms)
{
    struct simulation *sim = container_of(timer, struct simulation, summary);
    printf("devices=%u registered=%u connected=%u samples=%llu commands=%llu\n", sim->count,
           atomic_load(&sim->fleet.registered), atomic_load(&sim->fleet.connected),
           (unsigned long long)atomic_load(&sim->fleet.samples), (unsigned long long)atomic_load(&sim->fleet.commands));
    fflush(stdout);
    timer_set(loop_timers(sim->fleet.loop), timer, now_ms + SUMMARY_MS);
}

static void on_signal(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct simulation *sim = container_of(watch, struct simulation, signals);
    struct signalfd_siginfo info;
    if (read(watch->fd, &info, sizeof info) != (ssize_t)sizeof info || sim->fleet.stopping) {
        return;
    }
    sim->fleet.stopping = true;
    unsigned open = 0;
    for (unsigned i = 0; i < sim->count; i++) {
        open += sim->devices[i].client.stream != NULL;
        device_stop(&sim->devices[i]);
    }
    timer_set(loop_timers(sim->fleet.loop), &sim->goodbye,
              loop_now_ms(sim->fleet.loop) + (open ? GOODBYE_MS / 10 : 0));
}

static void watch_signals(struct simulation *sim)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    sim->signals = (struct loop_watch){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .on_ready = on_signal};
    loop_watch_add(sim->fleet.loop, &sim->signals, EPOLLIN);
}

static void run_simulation(struct simulation *sim)
{
    sim->fleet.loop = loop_new(0);
    sim->fleet.tls = tls_client_new(NULL);
    sim->fleet.want_registration = want_registration;
    pthread_mutex_init(&sim->lock, NULL);
    pthread_cond_init(&sim->wake, NULL);
    sim->waiting_tail = &sim->waiting;
    watch_signals(sim);
    sim->devices = mem_calloc(sim->count, sizeof *sim->devices);
    for (unsigned i = 0; i < sim->count; i++) {
        device_init(&sim->devices[i], &sim->fleet, i);
        want_registration(&sim->fleet, &sim->devices[i]);
    }
    sim->goodbye.on_due = on_goodbye_due;
    sim->summary.on_due = on_summary_due;
    if (!sim->quiet) {
        timer_set(loop_timers(sim->fleet.loop), &sim->summary, loop_now_ms(sim->fleet.loop) + 1000);
    }
    pthread_t threads[REGISTER_THREADS_MAX];
    unsigned thread_count = sim->count < REGISTER_THREADS_MAX ? sim->count : REGISTER_THREADS_MAX;
    for (unsigned i = 0; i < thread_count; i++) {
        pthread_create(&threads[i], NULL, register_thread, sim);
    }
    loop_run(sim->fleet.loop);
    pthread_mutex_lock(&sim->lock);
    sim->stopping = true;
    pthread_cond_broadcast(&sim->wake);
    pthread_mutex_unlock(&sim->lock);
    for (unsigned i = 0; i < thread_count; i++) {
        pthread_join(threads[i], NULL);
    }
    loop_free(sim->fleet.loop);
    tls_client_free(sim->fleet.tls);
    close(sim->signals.fd);
    mem_free(sim->devices);
}

static const struct cli_option options[] = {
    {"http", "URL", "where to register, e.g. http://127.0.0.1:8080"},
    {"hardware-key", "KEY", "the model's hardware key"},
    {"devices", "N", "how many devices; default 1"},
    {"interval", "S", "seconds between two reports of one device; default 5"},
    {"short-code", "CODE", "prefix of the Cloud IDs; default 'sim0'"},
    {"quiet", NULL, "print no summary"},
    {"scenario", "FILE", "play what the file says, and compare the server with the model of it; no other options"},
    {NULL, NULL, NULL},
};

static int play(const char *path)
{
    struct scenario scenario;
    scenario_init(&scenario);
    return scenario_read_file(&scenario, path, stderr) ? scenario_run(&scenario) : EXIT_USAGE;
}

static int simulate_run(const struct cli_command *command, const struct cli_values *values)
{
    const char *path = cli_value(command, values, "scenario");
    if (path) {
        return play(path);
    }
    struct simulation sim = {.quiet = cli_value(command, values, "quiet") != NULL};
    const char *url = cli_value(command, values, "http");
    const char *key = cli_value(command, values, "hardware-key");
    long count, interval_s;
    if (!url || !key) {
        fprintf(stderr, "muster simulate: option --%s is required\n", url ? "hardware-key" : "http");
        return EXIT_USAGE;
    }
    if (!cli_number(command, values, "devices", 1, 1, 1000000, &count) ||
        !cli_number(command, values, "interval", 5, 1, 86400, &interval_s)) {
        return EXIT_USAGE;
    }
    char base[400], run_name[7];
    struct str trimmed = str_from_cstr(url);
    while (trimmed.len && trimmed.ptr[trimmed.len - 1] == '/') {
        trimmed.len--;
    }
    snprintf(base, sizeof base, "%.*s", STR_ARG(trimmed));
    random_base62(run_name, 6);
    const char *code = cli_value(command, values, "short-code");
    sim.fleet.http_url = base;
    sim.fleet.hardware_key = key;
    sim.fleet.short_code = code ? code : "sim0";
    sim.fleet.run_name = run_name;
    sim.fleet.interval_ms = (uint64_t)interval_s * 1000;
    sim.count = (unsigned)count;
    run_simulation(&sim);
    return 0;
}

static void print_scenario_help(FILE *out)
{
    fprintf(out,
            "\nA scenario starts the server itself, founds a fleet of devices and children on HTTP and MQTT, lets everything\n"
            "flow, kills the server and starts it again, and in the end compares what the management APIs tell with its model\n"
            "of what must be. Exit code 0: no difference. The file (docs/scenarios.md):\n\n");
    scenario_print_keys(out);
}

const struct cli_command command_simulate = {
    .name = "simulate",
    .usage = "--http URL --hardware-key KEY [--devices N] [--interval S] | --scenario FILE",
    .summary = "Simulate devices that register, connect, report and execute commands.",
    .details = "Each device registers over HTTP(S), connects to the mqtt_hub_url it gets back, subscribes to its topics,\n"
               "reports telemetry, answers commands (in_progress, then done) and confirms configurations. It comes back\n"
               "with a jittered back-off. The server's certificate is not checked. SIGTERM ends it cleanly.",
    .options = options,
    .print_more = print_scenario_help,
    .run = simulate_run,
};
