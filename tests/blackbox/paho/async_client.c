/* The flows of an MQTT 5 client with Paho's asynchronous library: properties, retained messages, a Will, takeover,
 * persistence while offline, automatic reconnect over a kill of the server. The test starts and kills the server when this
 * program reports that it is time. */
#include <MQTTAsync.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { BUFFERED = 30, IN_FLIGHT = 20, LEFT = 5 };

/* --- waiting for what the library's thread tells -------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct step {
    bool done;
    int code;
};

static void step_end(struct step *step, int code)
{
    pthread_mutex_lock(&lock);
    step->done = true;
    step->code = code;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int step_wait(struct step *step, const char *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    pthread_mutex_lock(&lock);
    while (!step->done) {
        if (pthread_cond_timedwait(&changed, &lock, &until) != 0) {
            fail(what, -1);
        }
    }
    step->done = false;
    int code = step->code;
    pthread_mutex_unlock(&lock);
    return code;
}

static void on_success(void *context, MQTTAsync_successData5 *data)
{
    step_end(context, data->reasonCode);
}

static void on_failure(void *context, MQTTAsync_failureData5 *data)
{
    step_end(context, data->reasonCode ? (int)data->reasonCode : data->code);
}

/* --- a client ------------------------------------------------------------------------------------------------------- */

struct peer {
    MQTTAsync handle;
    struct step connected, lost, told;
};

/* Properties are shown in the text, so that the inbox can compare them. */
static int on_message(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
    (void)context;
    (void)topic_len;
    char text[TEXT_BYTES];
    MQTTProperty *response = MQTTProperties_getProperty(&message->properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC);
    MQTTProperty *data = MQTTProperties_getProperty(&message->properties, MQTTPROPERTY_CODE_CORRELATION_DATA);
    MQTTProperty *user = MQTTProperties_getProperty(&message->properties, MQTTPROPERTY_CODE_USER_PROPERTY);
    int len = snprintf(text, sizeof text, "%.*s", message->payloadlen, (const char *)message->payload);
    if (response && data && user) {
        len = snprintf(text, sizeof text, "%.*s %.*s %.*s %.*s=%.*s", message->payloadlen, (const char *)message->payload,
                       response->value.data.len, response->value.data.data, data->value.data.len, data->value.data.data,
                       user->value.data.len, user->value.data.data, user->value.value.len, user->value.value.data);
    }
    inbox_add(topic, text, (size_t)len, message->retained != 0);
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void on_connected(void *context, char *cause)
{
    (void)cause;
    step_end(&((struct peer *)context)->connected, 0);
}

static void on_lost(void *context, char *cause)
{
    (void)cause;
    step_end(&((struct peer *)context)->lost, 0);
}

static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
    (void)properties;
    step_end(&((struct peer *)context)->told, (int)reason);
}

static void peer_create(struct peer *peer, const struct arguments *a, const struct who *who)
{
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    create.sendWhileDisconnected = 1;
    create.allowDisconnectedSendAtAnyTime = 1;
    *peer = (struct peer){.handle = NULL};
    CHECK(MQTTAsync_createWithOptions(&peer->handle, a->uri, who->id, MQTTCLIENT_PERSISTENCE_DEFAULT, (void *)a->folder, &create));
    CHECK(MQTTAsync_setCallbacks(peer->handle, peer, on_lost, on_message, NULL));
    CHECK(MQTTAsync_setConnected(peer->handle, peer, on_connected));
    CHECK(MQTTAsync_setDisconnected(peer->handle, peer, on_disconnected));
}

/* A kept session; `will` NULL: none. The reason code of CONNACK, or the library's error. */
static int peer_connect(struct peer *peer, const struct arguments *a, const struct who *who, bool clean, const char *will)
{
    struct step step = {false, 0};
    char will_topic[TEXT_BYTES];
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    MQTTAsync_willOptions last = MQTTAsync_willOptions_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty expiry = {.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL, .value.integer4 = 3600};
    CHECK(MQTTProperties_add(&properties, &expiry));
    ssl.trustStore = a->ca;
    ssl.enableServerCertAuth = 1;
    last.topicName = topic_of(will_topic, a, "will");
    last.message = will;
    last.qos = 1;
    options.will = will ? &last : NULL;
    options.ssl = &ssl;
    options.username = who->user;
    options.password = who->password;
    options.cleanstart = clean;
    options.connectProperties = &properties;
    options.automaticReconnect = 1;
    options.minRetryInterval = 1;
    options.maxRetryInterval = 1;
    options.onSuccess5 = on_success;
    options.onFailure5 = on_failure;
    options.context = &step;
    CHECK(MQTTAsync_connect(peer->handle, &options));
    int code = step_wait(&step, "CONNACK");
    MQTTProperties_free(&properties);
    return code;
}

static void peer_leave(struct peer *peer)
{
    struct step step = {false, 0};
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer5;
    options.onSuccess5 = on_success;
    options.onFailure5 = on_failure;
    options.context = &step;
    CHECK(MQTTAsync_disconnect(peer->handle, &options));
    CHECK(step_wait(&step, "DISCONNECT"));
    MQTTAsync_destroy(&peer->handle);
}

static int peer_subscribe(struct peer *peer, const struct arguments *a, const char *filter, int qos)
{
    struct step step = {false, 0};
    char topic[TEXT_BYTES];
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess5 = on_success;
    options.onFailure5 = on_failure;
    options.context = &step;
    CHECK(MQTTAsync_subscribe(peer->handle, topic_of(topic, a, filter), qos, &options));
    return step_wait(&step, "SUBACK");
}

struct outgoing {
    const char *name, *text;
    int qos;
    bool retain;
};

/* Without waiting. */
static void peer_send(struct peer *peer, const struct arguments *a, const struct outgoing *out, MQTTAsync_responseOptions *options)
{
    char topic[TEXT_BYTES];
    CHECK(MQTTAsync_send(peer->handle, topic_of(topic, a, out->name), (int)strlen(out->text), out->text, out->qos, out->retain,
                         options));
}

/* Until it is acknowledged. */
static void peer_publish(struct peer *peer, const struct arguments *a, const struct outgoing *out, const MQTTProperties *properties)
{
    struct step step = {false, 0};
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.onSuccess5 = on_success;
    options.onFailure5 = on_failure;
    options.context = &step;
    if (properties) {
        options.properties = *properties;
    }
    peer_send(peer, a, out, &options);
    CHECK_THAT(step_wait(&step, "acknowledgement") < 0x80);
}

/* --- other processes ------------------------------------------------------------------------------------------------ */

/* This program again, in another part. */
static void run(const struct arguments *a, const char *part, int expected_signal)
{
    pid_t child = fork();
    if (child == 0) {
        execl(a->program, a->program, a->uri, a->base, a->folder, a->ca, a->one.id, "-", "-", a->two.id,
              a->two.user ? a->two.user : "-", a->two.password ? a->two.password : "-", part, (char *)NULL);
        _exit(2);
    }
    int status;
    CHECK_THAT(waitpid(child, &status, 0) == child);
    CHECK_THAT(expected_signal ? WIFSIGNALED(status) && WTERMSIG(status) == expected_signal
                               : WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void part_die(const struct arguments *a)
{
    struct peer peer;
    peer_create(&peer, a, &a->two);
    CHECK(peer_connect(&peer, a, &a->two, true, "gone"));
    raise(SIGKILL);
}

/* Publishes without ever connecting: everything stays in the folder. */
static void part_leave(const struct arguments *a)
{
    struct peer peer;
    peer_create(&peer, a, &a->two);
    for (int i = 0; i < LEFT; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        peer_send(&peer, a, &(struct outgoing){"left", text, 2, false}, NULL);
    }
    _exit(0);
}

static void part_deliver(const struct arguments *a)
{
    struct peer peer;
    peer_create(&peer, a, &a->two);
    CHECK(peer_connect(&peer, a, &a->two, false, NULL));
    peer_publish(&peer, a, &(struct outgoing){"left", "end", 2, false}, NULL);
    peer_leave(&peer);
}

/* --- flows ---------------------------------------------------------------------------------------------------------- */

static void flow_properties(struct peer *peer, const struct arguments *a)
{
    MQTTProperties properties = MQTTProperties_initializer;
    char reply[TEXT_BYTES], expected[2 * TEXT_BYTES];
    topic_of(reply, a, "reply");
    MQTTProperty response = {.identifier = MQTTPROPERTY_CODE_RESPONSE_TOPIC,
                             .value.data = {.data = reply, .len = (int)strlen(reply)}};
    MQTTProperty data = {.identifier = MQTTPROPERTY_CODE_CORRELATION_DATA, .value.data = {.data = "c-1", .len = 3}};
    MQTTProperty user = {.identifier = MQTTPROPERTY_CODE_USER_PROPERTY,
                         .value = {.data = {.data = "colour", .len = 6}, .value = {.data = "blue", .len = 4}}};
    CHECK(MQTTProperties_add(&properties, &response));
    CHECK(MQTTProperties_add(&properties, &data));
    CHECK(MQTTProperties_add(&properties, &user));
    snprintf(expected, sizeof expected, "question %s c-1 colour=blue", reply);
    for (int qos = 0; qos <= 2; qos++) {
        peer_publish(peer, a, &(struct outgoing){"properties", "question", qos, false}, &properties);
        inbox_expect(a, "properties", expected);
    }
    MQTTProperties_free(&properties);
}

static void flow_retained(struct peer *peer, const struct arguments *a)
{
    peer_publish(peer, a, &(struct outgoing){"retained", "kept", 1, true}, NULL);
    CHECK_THAT(!inbox_expect(a, "retained", "kept"));
    CHECK(peer_subscribe(peer, a, "retained", 1) == 1 ? 0 : -1);
    CHECK_THAT(inbox_expect(a, "retained", "kept"));
    peer_publish(peer, a, &(struct outgoing){"retained", "", 1, true}, NULL);
    inbox_expect(a, "retained", "");
}

static void flow_takeover(const struct arguments *a)
{
    struct peer older, newer;
    peer_create(&older, a, &a->two);
    CHECK(peer_connect(&older, a, &a->two, true, NULL));
    peer_create(&newer, a, &a->two);
    CHECK(peer_connect(&newer, a, &a->two, true, NULL));
    CHECK_THAT(step_wait(&older.told, "DISCONNECT of the older connection") == 0x8e);
    MQTTAsync_destroy(&older.handle);
    peer_leave(&newer);
}

static void send_numbered(struct peer *peer, const struct arguments *a, const char *name, int qos, int count)
{
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        peer_send(peer, a, &(struct outgoing){name, text, qos, false}, NULL);
    }
}

static void expect_numbered(const struct arguments *a, const char *name, int count)
{
    for (int i = 0; i < count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        inbox_expect(a, name, text);
    }
}

/* The server is killed with QoS 2 under way, then more is published while it is down. Each arrives once. Over WebSocket the
 * PUBLISH packets have arrived by then: the library (1.3.12, its issue 1592) masks what it sends in place, and
 * leaves topic and payload so when the connection ends amid a write, and sends that again. */
static void flow_reconnect(struct peer *peer, const struct arguments *a)
{
    peer->connected.done = false;
    send_numbered(peer, a, "under-way", 2, IN_FLIGHT);
    if (strncmp(a->uri, "ws", 2) == 0) {
        inbox_await(a, "under-way", IN_FLIGHT);
    }
    report("kill");
    step_wait(&peer->lost, "the end of the connection");
    send_numbered(peer, a, "buffered/1", 1, BUFFERED);
    send_numbered(peer, a, "buffered/2", 2, BUFFERED);
    report("start");
    step_wait(&peer->connected, "the automatic reconnect");
    expect_numbered(a, "under-way", IN_FLIGHT);
    expect_numbered(a, "buffered/1", BUFFERED);
    expect_numbered(a, "buffered/2", BUFFERED);
    peer_publish(peer, a, &(struct outgoing){"end", "", 2, false}, NULL);
    inbox_expect(a, "end", "");
    CHECK_THAT(inbox_count(a, "under-way") == 0 && inbox_count(a, "buffered/1") == 0 && inbox_count(a, "buffered/2") == 0);
}

static void part_flows(const struct arguments *a)
{
    struct peer peer;
    peer_create(&peer, a, &a->one);
    CHECK(peer_connect(&peer, a, &a->one, false, NULL));
    CHECK(peer_subscribe(&peer, a, "#", 2) == 2 ? 0 : -1);
    flow_properties(&peer, a);
    flow_retained(&peer, a);
    run(a, "die", SIGKILL);
    inbox_expect(a, "will", "gone");
    flow_takeover(a);
    run(a, "leave", 0);
    run(a, "deliver", 0);
    expect_numbered(a, "left", LEFT);
    inbox_expect(a, "left", "end");
    flow_reconnect(&peer, a);
    peer_leave(&peer);
    printf("done\n");
}

int main(int argc, char **argv)
{
    struct arguments a = arguments_parse(argc, argv);
    const char *part = argc > 11 ? argv[11] : "flows";
    if (strcmp(part, "die") == 0) {
        part_die(&a);
    } else if (strcmp(part, "leave") == 0) {
        part_leave(&a);
    } else if (strcmp(part, "deliver") == 0) {
        part_deliver(&a);
    } else {
        part_flows(&a);
    }
    return 0;
}
