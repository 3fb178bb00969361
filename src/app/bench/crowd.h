/* The connections of a run: opened a few at a time, so that no listen queue overflows, and kept alive. One loop. */
#ifndef MUSTER_APP_BENCH_CROWD_H
#define MUSTER_APP_BENCH_CROWD_H

#include "app/bench/client.h"

struct crowd {
    const struct bench_options *options;
    struct loop *loop;
    struct tls_client *tls;
    struct bench_client *clients; /* publishers, then subscribers */
    bool owns_loop;
    unsigned count, publishers;
    unsigned opened, up, failed;
    uint8_t failed_connack;       /* reason of the last refusal; 0: none was said */
    void (*on_all_tried)(struct crowd *crowd); /* up + failed == count; called once */
    struct timer keep_alive, patience;
    struct bench_credential *credentials, *subscriber_credentials;
    unsigned credential_count, subscriber_credential_count;
};

/* Makes the clients and reads their credentials; on a mistake prints one line and returns false. Borrows all; `run`
 * goes into each client. loop NULL: a loop of its own. crowd_deinit is due in either case. */
bool crowd_init(struct crowd *crowd, const struct bench_options *options, void *run,
                const struct bench_client_ops *publisher_ops, const struct bench_client_ops *subscriber_ops,
                struct loop *loop, unsigned publishers, unsigned subscribers);
void crowd_deinit(struct crowd *crowd);
/* Opens the first ones. When none comes up or fails for half a minute the rest counts as failed. */
void crowd_open(struct crowd *crowd);
/* To be called from on_ready and on_closed: counts the client once, opens the next. */
void crowd_tally(struct crowd *crowd, struct bench_client *client, bool is_up);
struct bench_client *crowd_subscriber(const struct crowd *crowd, unsigned index);
unsigned crowd_subscribers(const struct crowd *crowd);

#endif
