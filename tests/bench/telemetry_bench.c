/* Durable samples per second through the telemetry lane: JSON text in, acknowledgement after the commit. Two threads stand
 * for event loops; each keeps a window of unacknowledged samples, as publishers at QoS 1 do.
 *
 *   telemetry_bench [samples] [devices] [window]
 */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "codec/json/json.h"
#include "model/maker/catalog.h"
#include "model/account/credentials.h"
#include "model/device/devices.h"
#include "model/domain.h"
#include "model/device/presence.h"
#include "model/telemetry/telemetry.h"
#include "store/sqlite/tx.h"
#include "store/store.h"

#define LOOPS 2

struct loop {
    struct mailbox mailbox;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *first, **last;
    pthread_t thread;
    struct domain *domain;
    unsigned number;
    unsigned to_send, in_flight, window, devices;
    unsigned failed;
};

struct report {
    struct op op;
    struct loop *loop;
    struct device_brief device;
    struct arena arena;
    struct telemetry_sample sample;
    struct reply reply;
};

static void post(struct mailbox *mailbox, struct task *task)
{
    struct loop *loop = container_of(mailbox, struct loop, mailbox);
    pthread_mutex_lock(&loop->lock);
    task->next = NULL;
    *loop->last = task;
    loop->last = &task->next;
    pthread_cond_signal(&loop->wake);
    pthread_mutex_unlock(&loop->lock);
}

static void run(struct op *op, struct store_tx *tx)
{
    struct report *r = container_of(op, struct report, op);
    op->err = telemetry_append(r->loop->domain, tx, r->device.no, &r->sample, &r->reply);
}

static void done(struct op *op)
{
    struct report *r = container_of(op, struct report, op);
    r->loop->in_flight--;
    r->loop->failed += op->err != ERR_OK;
    arena_deinit(&r->arena);
    reply_deinit(&r->reply);
    mem_free(r);
}

static void send_one(struct loop *loop)
{
    struct report *r = mem_new(struct report);
    char body[256];
    unsigned n = loop->to_send--;
    int len = snprintf(body, sizeof body,
                       "{\"status\":\"online\",\"telemetries\":{\"temperature\":%u.5,\"humidity\":%u,\"power\":%u.25,\"on\":%s,"
                       "\"mode\":\"auto\",\"uptime\":%u,\"rssi\":-%u,\"fan\":%u}}",
                       n % 40, n % 100, n % 1000, n % 2 ? "true" : "false", n, n % 90, n % 5);
    struct json *doc = NULL;
    arena_init(&r->arena);
    reply_init(&r->reply);
    r->loop = loop;
    int64_t no = 1 + (n * LOOPS + loop->number) % loop->devices;
    presence_contact(loop->domain, no);
    if (!device_table_find_no(loop->domain->devices, no, &r->device) ||
        json_parse(str_from(body, (size_t)len), NULL, &doc) != ERR_OK ||
        telemetry_parse(loop->domain, doc, (uint32_t)len, TRANSPORT_MQTT, &r->arena, &r->sample, &r->reply) != ERR_OK) {
        abort();
    }
    json_free(doc);
    r->op.lane = LANE_TELEMETRY;
    r->op.home = &loop->mailbox;
    r->op.run = run;
    r->op.done = done;
    loop->in_flight++;
    op_submit(loop->domain->executor, &r->op);
}

static void *loop_main(void *arg)
{
    struct loop *loop = arg;
    while (loop->to_send > 0 || loop->in_flight > 0) {
        while (loop->to_send > 0 && loop->in_flight < loop->window) {
            send_one(loop);
        }
        pthread_mutex_lock(&loop->lock);
        while (!loop->first) {
            pthread_cond_wait(&loop->wake, &loop->lock);
        }
        struct task *task = loop->first;
        loop->first = NULL;
        loop->last = &loop->first;
        pthread_mutex_unlock(&loop->lock);
        while (task) {
            struct task *next = task->next;
            task->run(task);
            task = next;
        }
    }
    return NULL;
}

static void rows_run(struct op *op, struct store_tx *tx)
{
    static const char *const statements[] = {
        "INSERT INTO partner (no, id, name, short_code, created_at) VALUES (1, x'01', 'P', 'PP', 0)",
        "INSERT INTO model (no, id, partner_no, name, auth_cloud_id, protocol, device_type, api_version, enabled_tabs,"
        " offline_threshold_minutes, created_at, updated_at) VALUES (1, x'03', 1, 'M', 0, 2, 1, 7, '[]', 5, 0, 0)",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO device (no, id,"
        " model_no, partner_no, key_hash, key_issued_at, name, firmware_version, created_at) SELECT i, randomblob(16), 1, 1,"
        " randomblob(32), 0, 'D', '1.0.0', 0 FROM n",
    };
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        struct query q;
        query_begin_dynamic(&q, tx, str_from_cstr(statements[i]));
        op->err = query_finish(&q);
        assert(op->err == ERR_OK);
    }
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void domain_start(struct domain *domain, struct settings *settings, struct store *store)
{
    memset(domain, 0, sizeof *domain);
    event_bus_init(&domain->events);
    domain->devices = device_table_new();
    domain->catalog = catalog_new();
    domain->credentials = credentials_new();
    domain->settings = settings;
    domain->now_unix_ms = clock_unix_ms;
    domain->started_at_ms = clock_unix_ms();
    domain->telemetry = telemetry_new(domain);
    store_bind(store, domain);
}

static _Atomic bool stopping;

static void *ticker_main(void *arg)
{
    struct domain *domain = arg;
    while (!stopping) {
        usleep(1000000);
        presence_tick(domain);
        telemetry_tick(domain);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned samples = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 400000;
    unsigned devices = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
    unsigned window = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 2000;
    char dir[] = "./muster-bench-XXXXXX";
    if (!mkdtemp(dir)) {
        return 1;
    }
    log_setup(LOG_WARN, LOG_LOGFMT, 2);
    struct settings settings;
    struct domain domain;
    struct store *store = NULL;
    settings_init(&settings);
    enum err err = store_open(&(struct store_config){.data_dir = dir}, &store);
    struct op rows = {.run = rows_run};
    err = err == ERR_OK ? store_run_now(store, &rows) : err;
    if (err != ERR_OK) {
        return 1;
    }
    domain_start(&domain, &settings, store);
    uint64_t load_from = clock_monotonic_us();
    if (store_load(store, &domain) != ERR_OK || store_start(store) != ERR_OK) {
        return 1;
    }
    printf("start with 100000 devices: %.0f ms\n", (double)(clock_monotonic_us() - load_from) / 1000);

    pthread_t ticker;
    pthread_create(&ticker, NULL, ticker_main, &domain);
    struct loop loops[LOOPS];
    uint64_t from = clock_monotonic_us();
    double cpu_from = cpu_seconds();
    int64_t commits_from = metric_get(METRIC_STORE_COMMITS);
    for (unsigned i = 0; i < LOOPS; i++) {
        loops[i] = (struct loop){.mailbox = {post}, .domain = &domain, .number = i, .to_send = samples / LOOPS, .window = window, .devices = devices};
        loops[i].last = &loops[i].first;
        pthread_mutex_init(&loops[i].lock, NULL);
        pthread_cond_init(&loops[i].wake, NULL);
        pthread_create(&loops[i].thread, NULL, loop_main, &loops[i]);
    }
    unsigned failed = 0;
    for (unsigned i = 0; i < LOOPS; i++) {
        pthread_join(loops[i].thread, NULL);
        failed += loops[i].failed;
    }
    double seconds = (double)(clock_monotonic_us() - from) / 1e6;
    double cpu = cpu_seconds() - cpu_from;
    int64_t commits = metric_get(METRIC_STORE_COMMITS) - commits_from;
    printf("samples %u devices %u window %u: %.0f/s, %.2f us of CPU each, %lld commits, %u failed\n", samples, devices,
           window * LOOPS, samples / seconds, cpu * 1e6 / samples, (long long)commits, failed);
    stopping = true;
    pthread_join(ticker, NULL);
    uint64_t stop_from = clock_monotonic_us();
    store_stop(store);
    store_close(store);
    printf("stop, with all states written: %.0f ms\n", (double)(clock_monotonic_us() - stop_from) / 1000);
    devices_unload(&domain);
    telemetry_free(domain.telemetry);
    credentials_free(domain.credentials);
    catalog_free(domain.catalog);
    device_table_free(domain.devices);
    settings_deinit(&settings);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) != 0;
}
