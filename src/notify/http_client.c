#include "notify/http_client.h"

#include <curl/curl.h>

#include "base/mem.h"
#include "notify/curl_library.h"

enum { REPLY_BYTES_MAX = 16 * 1024 * 1024, TIMEOUT_MS = 10000 };

struct http_client {
    CURL *curl;
};

struct http_client *http_client_new(void)
{
    curl_library_use();
    struct http_client *client = mem_new(struct http_client);
    client->curl = curl_easy_init();
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(client->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(client->curl, CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (client) {
        curl_easy_cleanup(client->curl);
        mem_free(client);
    }
}

void http_client_trust_any(struct http_client *client)
{
    curl_easy_setopt(client->curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(client->curl, CURLOPT_SSL_VERIFYHOST, 0L);
}

static size_t on_reply(char *data, size_t size, size_t count, void *user)
{
    struct buf *reply = user;
    buf_append(reply, data, size * count);
    return reply->failed ? 0 : size * count;
}

static struct curl_slist *make_headers(const struct http_exchange *exchange)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    if (exchange->authorization) {
        struct buf line;
        buf_init(&line, 4096);
        buf_printf(&line, "Authorization: %s", exchange->authorization);
        buf_append_u8(&line, 0);
        if (!line.failed) {
            headers = curl_slist_append(headers, (const char *)line.data);
        }
        buf_deinit(&line);
    }
    return headers;
}

enum err http_call(struct http_client *client, struct http_exchange *exchange)
{
    CURL *curl = client->curl;
    struct curl_slist *headers = make_headers(exchange);
    buf_init(&exchange->reply, REPLY_BYTES_MAX);
    exchange->status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, exchange->timeout_ms ? exchange->timeout_ms : (long)TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange->reply);
    if (exchange->body.len) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)exchange->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body.ptr);
    } else {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
    }
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    }
    curl_slist_free_all(headers);
    return code == CURLE_OK ? ERR_OK : ERR_IO;
}
