/* A complete device in C: registers, connects over MQTT v5, reports, executes commands.
 *
 * cc device.c -o device -lpaho-mqtt3cs -lcurl -lcjson
 * ./device http://127.0.0.1:8080 HARDWARE_KEY [COUNT]      (COUNT reports, then it ends) */
#include <MQTTClient.h>
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char id[64], access_key[64], hub_url[256];

struct reply {
    char text[4096];
    size_t len;
};

static size_t on_reply(char *data, size_t size, size_t count, void *user)
{
    struct reply *reply = user;
    size_t len = size * count;
    if (reply->len + len >= sizeof reply->text) {
        return 0;
    }
    memcpy(reply->text + reply->len, data, len);
    reply->len += len;
    reply->text[reply->len] = 0;
    return len;
}

static int copy_field(const cJSON *object, const char *name, char *out, size_t size)
{
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(field) && snprintf(out, size, "%s", field->valuestring) < (int)size;
}

/* A real device keeps the reply in flash and registers only once. */
static int register_device(const char *server, const char *hardware_key)
{
    char url[300], body[400];
    unsigned serial = (unsigned)time(NULL);
    snprintf(url, sizeof url, "%s/v1/devices", server);
    snprintf(body, sizeof body,
             "{\"hardware_key\":\"%s\",\"firmware_version\":\"1.0.0\",\"cloud_id\":\"demo%016x\",\"sn\":\"C-%u\","
             "\"mac\":\"02:00:00:00:00:03\"}",
             hardware_key, serial, serial);
    struct reply reply = {.len = 0};
    long status = 0;
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    cJSON *json = code == CURLE_OK && status == 201 ? cJSON_Parse(reply.text) : NULL;
    int ok = json && copy_field(json, "id", id, sizeof id) && copy_field(json, "access_key", access_key, sizeof access_key) &&
             copy_field(json, "mqtt_hub_url", hub_url, sizeof hub_url);
    cJSON_Delete(json);
    if (!ok) {
        fprintf(stderr, "registration: %ld %s\n", status, reply.text);
    }
    return ok;
}

static int publish(MQTTClient client, const char *topic, const char *body)
{
    MQTTClient_message message = MQTTClient_message_initializer;
    message.payload = (void *)body;
    message.payloadlen = (int)strlen(body);
    message.qos = 1;
    MQTTClient_deliveryToken token = 0;
    MQTTResponse response = MQTTClient_publishMessage5(client, topic, &message, &token);
    int ok = response.reasonCode == MQTTREASONCODE_SUCCESS &&
             MQTTClient_waitForCompletion(client, token, 10000) == MQTTCLIENT_SUCCESS;
    MQTTResponse_free(response);
    return ok;
}

static void answer_command(MQTTClient client, const char *answer_to, const cJSON *command)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(command, "name");
    const cJSON *command_id = cJSON_GetObjectItemCaseSensitive(command, "id");
    if (!cJSON_IsString(name) || !cJSON_IsString(command_id)) {
        return;
    }
    printf("command %s\n", name->valuestring);
    static const char *const states[] = {"in_progress", "done"};
    for (int i = 0; i < 2; i++) {
        char body[200];
        snprintf(body, sizeof body, "{\"id\":\"%s\",\"status\":\"%s\"}", command_id->valuestring, states[i]);
        publish(client, answer_to, body);
    }
}

static void handle_message(MQTTClient client, const char *topic, const MQTTClient_message *message)
{
    char answer_to[256] = "";
    MQTTProperty *property = MQTTProperties_getProperty((MQTTProperties *)&message->properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC);
    if (property) {
        snprintf(answer_to, sizeof answer_to, "%.*s", property->value.data.len, property->value.data.data);
    }
    cJSON *body = cJSON_ParseWithLength(message->payload, (size_t)message->payloadlen);
    size_t len = strlen(topic);
    if (body && answer_to[0] && len > 8 && strcmp(topic + len - 8, "/command") == 0) {
        answer_command(client, answer_to, body);
    } else if (body && answer_to[0]) {
        char *text = cJSON_PrintUnformatted(body);
        printf("configuration %s\n", text);
        publish(client, answer_to, text); /* applied */
        free(text);
    }
    cJSON_Delete(body);
}

static int connect_hub(MQTTClient client)
{
    MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer5;
    MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
    options.username = id;
    options.password = access_key;
    options.keepAliveInterval = 60;
    if (strncmp(hub_url, "mqtts://", 8) == 0) {
        options.ssl = &tls;
    }
    MQTTResponse response = MQTTClient_connect5(client, &options, NULL, NULL);
    int ok = response.reasonCode == MQTTREASONCODE_SUCCESS;
    MQTTResponse_free(response);
    char command[128], config[128];
    snprintf(command, sizeof command, "v1/device/%s/command", id);
    snprintf(config, sizeof config, "v1/device/%s/config", id);
    char *topics[] = {command, config};
    int qos[] = {1, 1};
    response = MQTTClient_subscribeMany5(client, 2, topics, qos, NULL, NULL);
    MQTTResponse_free(response);
    return ok;
}

static void report(MQTTClient client)
{
    char topic[128], body[100];
    snprintf(topic, sizeof topic, "v1/device/%s/telemetry", id);
    snprintf(body, sizeof body, "{\"telemetries\":{\"temp\":%.1f}}", 20 + (rand() % 50) / 10.0);
    printf("%s\n", publish(client, topic, body) ? "stored" : "not stored");
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int count = argc > 3 ? atoi(argv[3]) : 0;
    if (argc < 3 || !register_device(argv[1], argv[2])) {
        return 1;
    }
    printf("registered as %s\n", id);
    /* Paho's synchronous client knows tcp:// and ssl://, ours are called mqtt:// and mqtts://. */
    char url[300];
    int tls = strncmp(hub_url, "mqtts://", 8) == 0;
    snprintf(url, sizeof url, "%s%s", tls ? "ssl://" : "tcp://", hub_url + (tls ? 8 : 7));
    MQTTClient client;
    MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
    create.MQTTVersion = MQTTVERSION_5;
    MQTTClient_createWithOptions(&client, url, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
    if (!connect_hub(client)) {
        fprintf(stderr, "not connected\n");
        return 1;
    }
    for (int reports = 0; count == 0 || reports < count; reports++) {
        report(client);
        char *topic = NULL;
        int topic_len = 0;
        MQTTClient_message *message = NULL;
        while (MQTTClient_receive(client, &topic, &topic_len, &message, count ? 1 : 5000) == MQTTCLIENT_SUCCESS && message) {
            handle_message(client, topic, message);
            MQTTClient_freeMessage(&message);
            MQTTClient_free(topic);
        }
    }
    MQTTClient_disconnect5(client, 1000, MQTTREASONCODE_SUCCESS, NULL);
    MQTTClient_destroy(&client);
    return 0;
}
