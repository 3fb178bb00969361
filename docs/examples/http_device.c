/* A complete device over HTTP: registers once, reports, executes commands, applies configurations, updates its firmware.
 *
 * cc http_device.c -o http_device -lcurl -lcjson -lcrypto
 * ./http_device http://127.0.0.1:8080 HARDWARE_KEY IDENTITY_FILE [SECONDS]
 * With the self-signed certificate of a trial: SSL_CERT_FILE=/var/lib/muster/tls-certificate.pem */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_MAX = 256 * 1024, FIRMWARE_MAX = 16 * 1024 * 1024, URL_MAX = 1024 };

struct reply {
    long status; /* 0: there was none */
    char *data;
    size_t len, max;
};

static cJSON *me; /* what survives a restart: the reply to the registration, and what this device has applied */
static const char *file;

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(field) ? field->valuestring : "";
}

static int number_of(const cJSON *object, const char *name)
{
    const cJSON *field = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(field) ? field->valueint : 0;
}

static void set_text(cJSON *object, const char *name, const char *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON_AddStringToObject(object, name, value);
}

static int store_file(const char *path, const void *data, size_t len)
{
    FILE *out = fopen(path, "wb");
    size_t written = out ? fwrite(data, 1, len, out) : 0;
    return out && fclose(out) == 0 && written == len;
}

/* Never half: a device without its identity has to be registered again. */
static void keep(void)
{
    char new_file[URL_MAX];
    snprintf(new_file, sizeof new_file, "%s.new", file);
    char *text = cJSON_PrintUnformatted(me);
    if (!store_file(new_file, text, strlen(text)) || rename(new_file, file) != 0) {
        perror(file);
    }
    free(text);
}

static cJSON *load(void)
{
    static char text[REPLY_MAX];
    FILE *in = fopen(file, "rb");
    size_t len = in ? fread(text, 1, sizeof text, in) : 0;
    if (in) {
        fclose(in);
    }
    return cJSON_ParseWithLength(text, len);
}

/* ---- HTTP ---- */

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    struct reply *reply = user;
    size_t len = size * count;
    if (len > reply->max - reply->len) {
        return 0;
    }
    char *larger = realloc(reply->data, reply->len + len + 1);
    if (!larger) {
        return 0;
    }
    memcpy(larger + reply->len, data, len);
    reply->data = larger;
    reply->len += len;
    reply->data[reply->len] = 0;
    return len;
}

/* One connection is kept from call to call. `body` NULL: none. The caller frees reply.data. */
static struct reply request(const char *method, const char *url, const char *key, const char *body, size_t max)
{
    static CURL *curl;
    struct reply reply = {.max = max};
    struct curl_slist *headers = NULL;
    char authorization[128];
    curl = curl ? curl : curl_easy_init();
    curl_easy_reset(curl);
    if (key) {
        snprintf(authorization, sizeof authorization, "Authorization: %s", key);
        headers = curl_slist_append(headers, authorization);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    if (getenv("SSL_CERT_FILE")) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 15L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    } else {
        fprintf(stderr, "%s %s: %s\n", method, url, curl_easy_strerror(code));
    }
    curl_slist_free_all(headers);
    return reply;
}

/* A call of this device; takes the body. NULL: it failed, and the next round tries again. */
static cJSON *call(const char *method, const char *path, cJSON *body)
{
    char url[URL_MAX];
    char *text = body ? cJSON_PrintUnformatted(body) : NULL;
    if (!me) {
        free(text);
        cJSON_Delete(body);
        return NULL;
    }
    snprintf(url, sizeof url, "%s/v1/devices/%s%s", text_of(me, "hub_url"), text_of(me, "id"), path);
    struct reply reply = request(method, url, text_of(me, "access_key"), text, REPLY_MAX);
    cJSON *json = reply.status >= 200 && reply.status < 300 ? cJSON_ParseWithLength(reply.data, reply.len) : NULL;
    if (reply.status == 401) { /* deleted: and only then it forgets who it is */
        remove(file);
        cJSON_Delete(me);
        me = NULL;
    } else if (!json && reply.status) {
        fprintf(stderr, "%s %s: %ld %s\n", method, path, reply.status, reply.data ? reply.data : "");
    }
    free(reply.data);
    free(text);
    cJSON_Delete(body);
    return json;
}

/* ---- what a device does ---- */

static void register_device(const char *server, const char *hardware_key)
{
    char url[URL_MAX], body[400];
    unsigned serial = (unsigned)time(NULL) ^ (unsigned)getpid() << 16;
    snprintf(url, sizeof url, "%s/v1/devices", server);
    snprintf(body, sizeof body,
             "{\"hardware_key\":\"%s\",\"firmware_version\":\"1.0.0\",\"cloud_id\":\"demo%016x\",\"sn\":\"C-%u\","
             "\"mac\":\"02:00:00:00:00:06\"}",
             hardware_key, serial, serial);
    struct reply reply = request("POST", url, NULL, body, REPLY_MAX);
    if (reply.status == 201) {
        me = cJSON_ParseWithLength(reply.data, reply.len);
        set_text(me, "firmware_version", "1.0.0");
        keep();
        printf("registered as %s\n", text_of(me, "id"));
    } else if (reply.status) {
        fprintf(stderr, "registration: %ld %s\n", reply.status, reply.data ? reply.data : "");
    }
    free(reply.data);
}

static void answer_command(const char *id, const char *status)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddStringToObject(body, "id", id);
    cJSON_AddStringToObject(body, "status", status);
    cJSON_Delete(call("POST", "/command", body));
}

static void execute(void)
{
    cJSON *command = call("GET", "/command", NULL);
    const char *id = text_of(command, "id");
    if (id[0]) {
        printf("command %s\n", text_of(command, "name"));
        /* One that is in progress already is what this device was doing when it restarted. */
        if (strcmp(text_of(command, "status"), "pending") == 0) {
            answer_command(id, "in_progress");
        }
        answer_command(id, "done");
    }
    cJSON_Delete(command);
}

static void configure(void)
{
    cJSON *document = call("GET", "/config", NULL);
    if (document) {
        char *config = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(document, "config"));
        int version = number_of(document, "version");
        printf("configuration %s\n", config);
        free(config);
        cJSON *applied = call("POST", "/config", document);
        if (applied) {
            cJSON_DeleteItemFromObjectCaseSensitive(me, "config_version");
            cJSON_AddNumberToObject(me, "config_version", version);
            keep();
        }
        cJSON_Delete(applied);
    }
}

static int has_sha256(const struct reply *content, const char *wanted)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    EVP_Digest(content->data, content->len, digest, &len, EVP_sha256(), NULL);
    for (unsigned i = 0; i < len; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    return strcmp(hex, wanted) == 0;
}

static void update(const char *file_id, const char *version)
{
    char path[URL_MAX];
    snprintf(path, sizeof path, "/files/%s", file_id);
    cJSON *about = call("GET", path, NULL);
    struct reply content = {0};
    if (about) {
        content = request("GET", text_of(about, "url"), NULL, NULL, FIRMWARE_MAX);
    }
    snprintf(path, sizeof path, "%s.firmware", file);
    if (content.status == 200 && !has_sha256(&content, text_of(about, "checksum"))) {
        fprintf(stderr, "firmware: wrong checksum\n");
    } else if (content.status == 200 && store_file(path, content.data, content.len)) {
        /* a real device checks the signature, writes its other slot, restarts */
        set_text(me, "firmware_version", version);
        keep();
        cJSON *body = cJSON_CreateObject();
        cJSON_AddStringToObject(body, "firmware_version", version);
        cJSON_Delete(call("PUT", "", body));
        printf("firmware %s, %zu bytes\n", version, content.len);
    }
    free(content.data);
    cJSON_Delete(about);
}

static void report(void)
{
    cJSON *body = cJSON_CreateObject();
    cJSON_AddNumberToObject(cJSON_AddObjectToObject(body, "telemetries"), "temp", 20 + (rand() % 50) / 10.0);
    cJSON *levels = call("POST", "/telemetry", body);
    if (levels) {
        printf("stored\n");
        if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(levels, "command"))) {
            execute();
        }
        if (number_of(levels, "config_version") != number_of(me, "config_version")) {
            configure();
        }
        if (text_of(levels, "latest_fw_file_id")[0]) {
            update(text_of(levels, "latest_fw_file_id"), text_of(levels, "latest_fw_version"));
        }
    }
    cJSON_Delete(levels);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 4) {
        fprintf(stderr, "usage: %s SERVER HARDWARE_KEY IDENTITY_FILE [SECONDS]\n", argv[0]);
        return 2;
    }
    double seconds = argc > 4 ? atof(argv[4]) : 5;
    file = argv[3];
    me = load();
    for (;;) {
        if (!me) {
            register_device(argv[1], argv[2]);
        }
        if (me) {
            report();
        }
        usleep((useconds_t)(seconds * 1e6));
    }
}
