#include "notify/transfer.h"

#include <curl/curl.h>
#include <unistd.h>

#include "notify/address_policy.h"
#include "notify/curl_library.h"

enum { REPLY_BYTES_MAX = 65536, MAIL_TIMEOUT_MS = 60000, CONNECT_TIMEOUT_MS = 10000, IDLE_CONNECTIONS_MAX = 32 };

struct transfer {
    struct list link;
    struct errand *errand;
    CURL *curl;
    struct curl_slist *headers, *recipients;
    const struct settings *settings;
    size_t sent_bytes, reply_bytes;
    bool was_refused;      /* an address was not allowed */
    bool reply_is_too_long;
};

struct transfers {
    CURLM *multi;
    struct list running;
    size_t count;
};

struct transfers *transfers_new(void)
{
    curl_library_use();
    struct transfers *transfers = mem_new(struct transfers);
    list_init(&transfers->running);
    transfers->multi = curl_multi_init();
    curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
    return transfers;
}

/* --- what libcurl calls back --- */

/* The address it is about to connect to, after any name was resolved. */
static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = user;
    struct net_address peer = {.any = {.sa_family = AF_UNSPEC}};
    if (purpose == CURLSOCKTYPE_IPCXN && address->addrlen <= sizeof peer) {
        memcpy(&peer, &address->addr, address->addrlen);
    }
    if (!address_is_allowed(&peer, transfer->settings->notify_allowed_networks)) {
        transfer->was_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Nobody reads what a server answers; one that never ends is cut off. */
static size_t on_reply(char *data, size_t size, size_t count, void *user)
{
    (void)data;
    struct transfer *transfer = user;
    transfer->reply_bytes += size * count;
    transfer->reply_is_too_long = transfer->reply_bytes > REPLY_BYTES_MAX;
    return transfer->reply_is_too_long ? 0 : size * count;
}

static size_t on_mail_wanted(char *data, size_t size, size_t count, void *user)
{
    struct transfer *transfer = user;
    struct str rest = str_sub(transfer->errand->body, transfer->sent_bytes, size * count);
    memcpy(data, rest.ptr, rest.len);
    transfer->sent_bytes += rest.len;
    return rest.len;
}

/* --- options --- */

static void set_common(struct transfer *transfer)
{
    CURL *curl = transfer->curl;
    curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* a name server that does not answer holds up nobody else's calls */
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* a proxy would connect to what we refuse */
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_reply);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (transfer->settings->notify_ca_file[0]) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, transfer->settings->notify_ca_file);
    }
}

static long timeout_ms(const struct settings *settings)
{
    enum { TIMEOUT_MS_MAX = 600000 };
    uint64_t timeout = settings->notify_timeout;
    return timeout && timeout < TIMEOUT_MS_MAX ? (long)timeout : TIMEOUT_MS_MAX;
}

static void set_call(struct transfer *transfer)
{
    CURL *curl = transfer->curl;
    const struct errand *errand = transfer->errand;
    transfer->headers = curl_slist_append(NULL, "Content-Type: application/json");
    transfer->headers = curl_slist_append(transfer->headers, "Expect:");
    if (errand->signature) {
        char line[128];
        snprintf(line, sizeof line, "X-Muster-Signature: %s", errand->signature);
        transfer->headers = curl_slist_append(transfer->headers, line);
    }
    curl_easy_setopt(curl, CURLOPT_URL, errand->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "muster/" MUSTER_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)errand->body.len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, errand->body.ptr);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms(transfer->settings));
}

/* The relay is the operator's own choice: it may be anywhere. */
static void set_mail(struct transfer *transfer)
{
    CURL *curl = transfer->curl;
    const struct errand *errand = transfer->errand;
    transfer->recipients = curl_slist_append(NULL, errand->to);
    curl_easy_setopt(curl, CURLOPT_URL, errand->relay_url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, errand->needs_starttls ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_NONE);
    if (errand->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, errand->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, errand->password);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, errand->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, transfer->recipients);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_mail_wanted);
    curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)MAIL_TIMEOUT_MS);
}

void transfer_start(struct transfers *transfers, struct errand *errand, const struct settings *settings)
{
    struct transfer *transfer = mem_new(struct transfer);
    transfer->errand = errand;
    transfer->settings = settings;
    transfer->curl = curl_easy_init();
    set_common(transfer);
    if (errand->kind == ERRAND_CALL) {
        set_call(transfer);
    } else {
        set_mail(transfer);
    }
    list_append(&transfers->running, &transfer->link);
    transfers->count++;
    curl_multi_add_handle(transfers->multi, transfer->curl);
}

/* --- results --- */

/* In words that say what to look at and nothing about the inside of this network. */
static const char *error_text(CURLcode code)
{
    static const struct {
        CURLcode code;
        const char *text;
    } texts[] = {
        {CURLE_URL_MALFORMAT, "The URL is malformed"},
        {CURLE_UNSUPPORTED_PROTOCOL, "The URL's scheme is not supported"},
        {CURLE_COULDNT_RESOLVE_HOST, "The host name was not found"},
        {CURLE_COULDNT_CONNECT, "No connection"},
        {CURLE_OPERATION_TIMEDOUT, "It took too long"},
        {CURLE_PEER_FAILED_VERIFICATION, "The server's certificate is not trusted"},
        {CURLE_SSL_CONNECT_ERROR, "The TLS handshake failed"},
        {CURLE_SSL_CACERT_BADFILE, "The file with trusted certificates cannot be read"},
        {CURLE_USE_SSL_FAILED, "The relay does not offer STARTTLS"},
        {CURLE_LOGIN_DENIED, "The relay refused the sign-in"},
        {CURLE_GOT_NOTHING, "The server sent no reply"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i].code == code) {
            return texts[i].text;
        }
    }
    return "The exchange failed";
}

static void set_result(struct transfer *transfer, CURLcode code)
{
    struct errand *errand = transfer->errand;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    errand->status = status;
    if (code == CURLE_WRITE_ERROR && transfer->reply_is_too_long) {
        code = CURLE_OK; /* the status is known, which is all that counts */
    }
    if (errand->kind == ERRAND_MAIL) {
        bool says_no = code != CURLE_OK && status >= 500 && status < 600; /* 4xx: it may take it later */
        errand->is_final = says_no;
        errand->error = says_no && code != CURLE_LOGIN_DENIED ? arena_cstr(&errand->arena, arena_printf(&errand->arena, "The relay refused it with code %ld",
                                                                          status))
                        : code  ? error_text(code)
                                : NULL;
    } else if (code == CURLE_OK) {
        bool delivered = status >= 200 && status < 300;
        errand->error = delivered ? NULL : arena_cstr(&errand->arena, arena_printf(&errand->arena, "HTTP status %ld", status));
    } else {
        errand->status = 0;
        errand->error = transfer->was_refused && code == CURLE_COULDNT_CONNECT ? "The address is not allowed" : error_text(code);
    }
}

static struct errand *transfer_end(struct transfers *transfers, struct transfer *transfer)
{
    struct errand *errand = transfer->errand;
    curl_multi_remove_handle(transfers->multi, transfer->curl);
    curl_easy_cleanup(transfer->curl);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->recipients);
    list_remove(&transfer->link);
    transfers->count--;
    mem_free(transfer);
    return errand;
}

void transfers_run(struct transfers *transfers, int timeout_ms)
{
    int running = 0;
    curl_multi_perform(transfers->multi, &running);
    if ((size_t)running < transfers->count) { /* one ended: its result comes first */
        return;
    }
    curl_multi_poll(transfers->multi, NULL, 0, timeout_ms, NULL);
    curl_multi_perform(transfers->multi, &running);
}

void transfers_wake(struct transfers *transfers)
{
    curl_multi_wakeup(transfers->multi);
}

struct errand *transfers_next(struct transfers *transfers)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(transfers->multi, &left));) {
        if (message->msg == CURLMSG_DONE) {
            struct transfer *transfer = NULL;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
            set_result(transfer, message->data.result);
            return transfer_end(transfers, transfer);
        }
    }
    return NULL;
}

struct errand *transfers_abandon(struct transfers *transfers)
{
    if (list_is_empty(&transfers->running)) {
        return NULL;
    }
    return transfer_end(transfers, container_of(transfers->running.next, struct transfer, link));
}

void transfers_free(struct transfers *transfers)
{
    while (transfers_abandon(transfers)) {
        continue;
    }
    curl_multi_cleanup(transfers->multi);
    mem_free(transfers);
}
