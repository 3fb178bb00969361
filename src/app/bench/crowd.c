#include "app/bench/crowd.h"

#include <stdio.h>
#include <sys/resource.h>

#include "app/bench/credentials.h"
#include "base/mem.h"

enum { PATIENCE_MS = 30000 };

static void identify(struct bench_client *client, const struct bench_credential *credential)
{
    memcpy(client->id, credential->id, sizeof client->id);
    client->key = credential->key;
}

static void on_keep_alive(struct timer *timer, uint64_t now_ms)
{
    struct crowd *crowd = container_of(timer, struct crowd, keep_alive);
    for (unsigned i = 0; i < crowd->count; i++) {
        bench_client_ping(&crowd->clients[i]);
    }
    timer_set(loop_timers(crowd->loop), timer, now_ms + (uint64_t)crowd->options->keep_alive_s * 500);
}

/* Nobody answers: whoever has no verdict yet has failed. */
static void on_patience_over(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct crowd *crowd = container_of(timer, struct crowd, patience);
    if (crowd->up + crowd->failed < crowd->count) {
        crowd->failed = crowd->count - crowd->up;
        crowd->opened = crowd->count;
        for (unsigned i = 0; i < crowd->count; i++) {
            crowd->clients[i].is_tallied = true;
        }
        crowd->on_all_tried(crowd);
    }
}

static void be_patient(struct crowd *crowd)
{
    timer_set(loop_timers(crowd->loop), &crowd->patience, loop_now_ms(crowd->loop) + PATIENCE_MS);
}

static void raise_descriptor_limit(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

bool crowd_init(struct crowd *crowd, const struct bench_options *options, void *run,
                const struct bench_client_ops *publisher_ops, const struct bench_client_ops *subscriber_ops,
                struct loop *loop, unsigned publishers, unsigned subscribers)
{
    *crowd = (struct crowd){.options = options, .count = publishers + subscribers, .publishers = publishers,
                            .keep_alive = {.on_due = on_keep_alive}, .patience = {.on_due = on_patience_over}};
    if ((options->credentials && !bench_credentials_read(options->credentials, crowd->count, &crowd->credentials,
                                                   &crowd->credential_count)) ||
        (options->subscriber_credentials &&
         !bench_credentials_read(options->subscriber_credentials, crowd->count, &crowd->subscriber_credentials,
                           &crowd->subscriber_credential_count))) {
        return false;
    }
    raise_descriptor_limit();
    crowd->owns_loop = !loop;
    crowd->loop = loop ? loop : loop_new(0);
    if (options->has_tls) {
        crowd->tls = tls_client_new(NULL);
        if (options->resume) {
            tls_client_resume(crowd->tls);
        }
    }
    crowd->clients = mem_calloc(crowd->count, sizeof *crowd->clients);
    for (unsigned i = 0; i < crowd->count; i++) {
        bool is_publisher = i < publishers;
        struct bench_client *client = &crowd->clients[i];
        bench_client_init(client, is_publisher ? publisher_ops : subscriber_ops, options, crowd->loop, crowd->tls,
                          is_publisher ? 'p' : 's', is_publisher ? i : i - publishers);
        client->run = run;
        if (!is_publisher && crowd->subscriber_credential_count) {
            identify(client, &crowd->subscriber_credentials[(i - publishers) % crowd->subscriber_credential_count]);
        } else if (i < crowd->credential_count) {
            identify(client, &crowd->credentials[i]);
        }
    }
    return true;
}

void crowd_deinit(struct crowd *crowd)
{
    if (crowd->owns_loop) {
        loop_free(crowd->loop);
    }
    for (unsigned i = 0; crowd->clients && i < crowd->count; i++) {
        bench_client_deinit(&crowd->clients[i]);
    }
    mem_free(crowd->clients);
    mem_free(crowd->credentials);
    mem_free(crowd->subscriber_credentials);
    tls_client_free(crowd->tls);
}

static void open_more(struct crowd *crowd)
{
    unsigned tried = crowd->up + crowd->failed;
    while (crowd->opened < crowd->count && crowd->opened < tried + crowd->options->concurrency) {
        bench_client_start(&crowd->clients[crowd->count - ++crowd->opened]); /* subscribers first */
        tried = crowd->up + crowd->failed;
    }
}

void crowd_open(struct crowd *crowd)
{
    if (crowd->options->keep_alive_s) {
        timer_set(loop_timers(crowd->loop), &crowd->keep_alive,
                  loop_now_ms(crowd->loop) + (uint64_t)crowd->options->keep_alive_s * 500);
    }
    be_patient(crowd);
    open_more(crowd);
}

void crowd_tally(struct crowd *crowd, struct bench_client *client, bool is_up)
{
    if (client->is_tallied) {
        return;
    }
    client->is_tallied = true;
    if (is_up) {
        crowd->up++;
    } else {
        crowd->failed++;
        crowd->failed_connack = client->connack ? client->connack : crowd->failed_connack;
    }
    if (crowd->up + crowd->failed == crowd->count) {
        timer_cancel(loop_timers(crowd->loop), &crowd->patience);
        crowd->on_all_tried(crowd);
    } else {
        be_patient(crowd);
        open_more(crowd);
    }
}

struct bench_client *crowd_subscriber(const struct crowd *crowd, unsigned index)
{
    return &crowd->clients[crowd->publishers + index];
}

unsigned crowd_subscribers(const struct crowd *crowd)
{
    return crowd->count - crowd->publishers;
}
