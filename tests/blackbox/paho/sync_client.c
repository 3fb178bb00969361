/* The flows of an MQTT 3.1.1 client with Paho's synchronous library, without a thread of its own: messages are received
 * when the program asks for them. */
#include <MQTTClient.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { AWAY = 10, UNACKNOWLEDGED = 20 };

/* `ret_present` NULL: not asked for. */
static int client_connect(MQTTClient client, const struct arguments *a, const struct who *who, bool clean, const char *will,
                          bool *ret_present)
{
    char will_topic[TEXT_BYTES];
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
    MQTTClient_SSLOptions ssl = MQTTClient_SSLOptions_initializer;
    MQTTClient_willOptions last = MQTTClient_willOptions_initializer;
    ssl.trustStore = a->ca;
    ssl.enableServerCertAuth = 1;
    last.topicName = topic_of(will_topic, a, "will");
    last.message = will;
    last.qos = 1;
    options.will = will ? &last : NULL;
    options.ssl = &ssl;
    options.username = who->user;
    options.password = who->password;
    options.cleansession = clean;
    options.reliable = 0; /* several messages in flight */
    options.MQTTVersion = MQTTVERSION_3_1_1;
    int code = MQTTClient_connect(client, &options);
    if (ret_present) {
        *ret_present = options.returned.sessionPresent != 0;
    }
    return code;
}

static MQTTClient client_new(const struct arguments *a, const struct who *who)
{
    MQTTClient client;
    CHECK(MQTTClient_create(&client, a->uri, who->id, MQTTCLIENT_PERSISTENCE_DEFAULT, (void *)a->folder));
    return client;
}

static MQTTClient_deliveryToken client_publish(MQTTClient client, const struct arguments *a, const char *name, const char *text,
                                               int qos, bool retain)
{
    char topic[TEXT_BYTES];
    MQTTClient_deliveryToken token;
    CHECK(MQTTClient_publish(client, topic_of(topic, a, name), (int)strlen(text), text, qos, retain, &token));
    return token;
}

static void client_publish_wait(MQTTClient client, const struct arguments *a, const char *name, const char *text, int qos, bool retain)
{
    MQTTClient_deliveryToken token = client_publish(client, a, name, text, qos, retain);
    if (qos > 0) {
        CHECK(MQTTClient_waitForCompletion(client, token, WAIT_MS));
    }
}

/* Receives until the inbox has as many messages of that topic. */
static void client_receive(MQTTClient client, const struct arguments *a, const char *name, unsigned count)
{
    while (inbox_count(a, name) < count) {
        char *topic = NULL;
        int len;
        MQTTClient_message *message = NULL;
        int code = MQTTClient_receive(client, &topic, &len, &message, WAIT_MS);
        if ((code != MQTTCLIENT_SUCCESS && code != MQTTCLIENT_TOPICNAME_TRUNCATED) || !message) {
            fail(name, code);
        }
        inbox_add(topic, message->payload, (size_t)message->payloadlen, message->retained != 0);
        MQTTClient_freeMessage(&message);
        MQTTClient_free(topic);
    }
}

static bool client_expect(MQTTClient client, const struct arguments *a, const char *name, const char *text)
{
    client_receive(client, a, name, 1);
    return inbox_expect(a, name, text);
}

static void client_leave(MQTTClient *client)
{
    CHECK(MQTTClient_disconnect(*client, WAIT_MS));
    MQTTClient_destroy(client);
}

static void part_die(const struct arguments *a)
{
    MQTTClient client = client_new(a, &a->two);
    CHECK(client_connect(client, a, &a->two, true, "gone", NULL));
    raise(SIGKILL);
}

static void part_publish(const struct arguments *a)
{
    MQTTClient client = client_new(a, &a->two);
    CHECK(client_connect(client, a, &a->two, true, NULL, NULL));
    for (int i = 0; i < AWAY; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        client_publish_wait(client, a, "away", text, 2, false);
    }
    client_leave(&client);
}

/* A part in a process of its own: the library has one network layer for all its clients. */
static void run(const struct arguments *a, void part(const struct arguments *), int expected_signal)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl(a->program, a->program, a->uri, a->base, a->folder, a->ca, "-", "-", "-", a->two.id, a->two.user ? a->two.user : "-",
              a->two.password ? a->two.password : "-", part == part_die ? "die" : "publish", (char *)NULL);
        _exit(2);
    }
    int status;
    CHECK_THAT(waitpid(child, &status, 0) == child);
    CHECK_THAT(expected_signal ? WIFSIGNALED(status) && WTERMSIG(status) == expected_signal
                               : WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Everything that was published and not acknowledged is sent again by the library, QoS 2 arrives once. */
static void flow_restart(MQTTClient client, const struct arguments *a)
{
    bool present;
    MQTTClient_deliveryToken last = 0;
    for (int i = 0; i < UNACKNOWLEDGED; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        last = client_publish(client, a, "under-way", text, 2, false);
    }
    report("kill");
    while (MQTTClient_isConnected(client)) {
        MQTTClient_yield();
    }
    report("start");
    CHECK(client_connect(client, a, &a->one, false, NULL, &present));
    CHECK_THAT(present);
    CHECK(MQTTClient_waitForCompletion(client, last, WAIT_MS));
    client_receive(client, a, "under-way", UNACKNOWLEDGED);
    for (int i = 0; i < UNACKNOWLEDGED; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        inbox_expect(a, "under-way", text);
    }
    client_publish_wait(client, a, "end", "", 2, false);
    client_expect(client, a, "end", "");
    CHECK_THAT(inbox_count(a, "under-way") == 0);
}

static void part_flows(const struct arguments *a)
{
    char topic[TEXT_BYTES];
    bool present;
    MQTTClient client = client_new(a, &a->one);
    CHECK(client_connect(client, a, &a->one, false, NULL, &present));
    CHECK_THAT(!present);
    CHECK(MQTTClient_subscribe(client, topic_of(topic, a, "#"), 2));
    for (int qos = 0; qos <= 2; qos++) {
        client_publish_wait(client, a, "simple", "hello", qos, false);
        client_expect(client, a, "simple", "hello");
    }
    client_publish_wait(client, a, "retained", "kept", 1, true);
    CHECK_THAT(!client_expect(client, a, "retained", "kept"));
    CHECK(MQTTClient_subscribe(client, topic_of(topic, a, "retained"), 1));
    CHECK_THAT(client_expect(client, a, "retained", "kept"));
    CHECK(MQTTClient_unsubscribe(client, topic));
    client_publish_wait(client, a, "retained", "", 1, true);
    client_expect(client, a, "retained", "");
    run(a, part_die, SIGKILL);
    client_expect(client, a, "will", "gone");

    CHECK(MQTTClient_disconnect(client, WAIT_MS));
    run(a, part_publish, 0);
    CHECK(client_connect(client, a, &a->one, false, NULL, &present));
    CHECK_THAT(present);
    client_receive(client, a, "away", AWAY);
    for (int i = 0; i < AWAY; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        inbox_expect(a, "away", text);
    }
    flow_restart(client, a);
    client_leave(&client);
    printf("done\n");
}

int main(int argc, char **argv)
{
    struct arguments a = arguments_parse(argc, argv);
    const char *part = argc > 11 ? argv[11] : "flows";
    if (strcmp(part, "die") == 0) {
        part_die(&a);
    } else if (strcmp(part, "publish") == 0) {
        part_publish(&a);
    } else {
        part_flows(&a);
    }
    return 0;
}
