/* Contexts: one SSL_CTX per certificate that was ever loaded, swapped under a lock and kept alive by the connections
 * that were made from it. Session tickets are stateless, under a key that outlives a reload. */
#include "io/tls_internal.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/slab.h"

#define TICKET_KEY_BYTES 80

struct tls_server {
    pthread_mutex_t lock;
    SSL_CTX *context;
    char fingerprint[96];
    int64_t expires_at_ms;
    uint8_t ticket_keys[TICKET_KEY_BYTES];
};

struct tls_client {
    SSL_CTX *context;
    SSL_SESSION *session; /* of the newest ticket; NULL: none, or it is not asked for */
    uint64_t handshakes, resumed;
};

/* OpenSSL has no alignment of its own and expects malloc's. */
static size_t aligned_bytes(size_t size)
{
    return size > SLAB_BYTES_MAX ? size : (size + 15) & ~(size_t)15;
}

static void *tls_alloc(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return size > 0 ? slab_alloc(aligned_bytes(size)) : NULL;
}

static void tls_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    slab_free(ptr);
}

static void *tls_realloc(void *ptr, size_t size, const char *file, int line)
{
    if (size == 0) {
        tls_free(ptr, file, line);
        return NULL;
    }
    return slab_realloc(ptr, aligned_bytes(size));
}

void tls_use_slabs(void)
{
    CRYPTO_set_mem_functions(tls_alloc, tls_realloc, tls_free);
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context) {
        return NULL;
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    /* AES-128 first: enough, less work for devices without instructions for it, and a connection is smaller. */
    if (SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384") != 1 ||
        SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL") != 1 ||
        SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

static void log_tls_failure(const char *event, const char *file)
{
    char reason[160];
    ERR_error_string_n(ERR_peek_error(), reason, sizeof reason);
    ERR_clear_error();
    log_event(LOG_ERROR, event, log_s("file", file), log_s("reason", reason));
}

#define TRIAL_ROUNDS 8                   /* a handshake takes three */
#define TRIAL_BYTES ((size_t)256 * 1024) /* neither side waits for the other: clients take chains of 100 KiB */

/* One step of both sides; false: a side failed. */
static bool trial_step(SSL *client, SSL *server, bool *ret_done)
{
    SSL *const sides[] = {client, server};
    *ret_done = true;
    for (size_t i = 0; i < 2; i++) {
        int result = SSL_do_handshake(sides[i]);
        if (result != 1 && SSL_get_error(sides[i], result) != SSL_ERROR_WANT_READ) {
            return false;
        }
        *ret_done &= result == 1;
    }
    return true;
}

static bool trial_handshake(SSL *client, SSL *server)
{
    BIO *near = NULL, *far = NULL;
    if (!client || !server || BIO_new_bio_pair(&near, TRIAL_BYTES, &far, TRIAL_BYTES) != 1) {
        return false;
    }
    SSL_set_bio(client, near, near);
    SSL_set_bio(server, far, far);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    bool done = false;
    for (int round = 0; round < TRIAL_ROUNDS && !done; round++) {
        if (!trial_step(client, server, &done)) {
            return false;
        }
    }
    return done;
}

/* A key of a kind that no client can use would fail only with the first of them. And what OpenSSL loads for the first
 * handshake of a process is there before anybody waits for it. */
static bool a_client_can_use(SSL_CTX *context)
{
    SSL_CTX *client_context = SSL_CTX_new(TLS_client_method());
    SSL *client = client_context ? SSL_new(client_context) : NULL;
    SSL *server = SSL_new(context);
    bool works = trial_handshake(client, server);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_context);
    return works;
}

static bool load_files(SSL_CTX *context, const char *certificate_file, const char *key_file)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1) {
        log_tls_failure("tls_load_failed", certificate_file);
        return false;
    }
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(context) != 1) {
        log_tls_failure("tls_load_failed", key_file);
        return false;
    }
    if (!a_client_can_use(context)) {
        log_tls_failure("tls_certificate_unusable", certificate_file);
        return false;
    }
    return true;
}

static void read_certificate(SSL_CTX *context, char ret_fingerprint[96], int64_t *ret_expires_at_ms)
{
    X509 *certificate = SSL_CTX_get0_certificate(context);
    uint8_t hash[SHA256_BYTES];
    unsigned len = sizeof hash;
    X509_digest(certificate, EVP_sha256(), hash, &len);
    for (size_t i = 0; i < sizeof hash; i++) {
        snprintf(ret_fingerprint + i * 3, 4, i + 1 < sizeof hash ? "%02X:" : "%02X", hash[i]);
    }
    struct tm until;
    memset(&until, 0, sizeof until);
    ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &until);
    *ret_expires_at_ms = (int64_t)timegm(&until) * 1000;
}

enum err tls_server_reload(struct tls_server *server, const char *certificate_file, const char *key_file)
{
    SSL_CTX *context = context_new(TLS_server_method());
    if (!context) {
        return ERR_INTERNAL;
    }
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_tlsext_ticket_keys(context, server->ticket_keys, TICKET_KEY_BYTES);
    if (!load_files(context, certificate_file, key_file)) {
        SSL_CTX_free(context);
        return ERR_INVALID;
    }
    char fingerprint[96];
    int64_t expires_at_ms;
    read_certificate(context, fingerprint, &expires_at_ms);
    pthread_mutex_lock(&server->lock);
    SSL_CTX *former = server->context;
    server->context = context;
    memcpy(server->fingerprint, fingerprint, sizeof fingerprint);
    server->expires_at_ms = expires_at_ms;
    pthread_mutex_unlock(&server->lock);
    SSL_CTX_free(former);
    return ERR_OK;
}

enum err tls_server_new(const char *certificate_file, const char *key_file, struct tls_server **ret_server)
{
    struct tls_server *server = mem_new(struct tls_server);
    pthread_mutex_init(&server->lock, NULL);
    random_bytes(server->ticket_keys, sizeof server->ticket_keys);
    enum err err = tls_server_reload(server, certificate_file, key_file);
    if (err != ERR_OK) {
        tls_server_free(server);
        return err;
    }
    *ret_server = server;
    return ERR_OK;
}

void tls_server_free(struct tls_server *server)
{
    if (!server) {
        return;
    }
    SSL_CTX_free(server->context);
    secret_wipe(server->ticket_keys, sizeof server->ticket_keys);
    pthread_mutex_destroy(&server->lock);
    mem_free(server);
}

/* The lock is the server's only changing part, so these take a const server as the header promises. */
static struct tls_server *lock_server(const struct tls_server *server)
{
    union {
        const struct tls_server *in;
        struct tls_server *out;
    } same = {server};
    pthread_mutex_lock(&same.out->lock);
    return same.out;
}

void tls_server_fingerprint(const struct tls_server *server, char ret_text[96])
{
    struct tls_server *locked = lock_server(server);
    memcpy(ret_text, locked->fingerprint, sizeof locked->fingerprint);
    pthread_mutex_unlock(&locked->lock);
}

int64_t tls_server_expires_at_ms(const struct tls_server *server)
{
    struct tls_server *locked = lock_server(server);
    int64_t at_ms = locked->expires_at_ms;
    pthread_mutex_unlock(&locked->lock);
    return at_ms;
}

SSL *tls_server_connection(struct tls_server *server)
{
    pthread_mutex_lock(&server->lock);
    SSL *ssl = SSL_new(server->context);
    pthread_mutex_unlock(&server->lock);
    if (ssl) {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}

static void on_handshake(const SSL *ssl, int where, int value)
{
    (void)value;
    if (where & SSL_CB_HANDSHAKE_DONE) {
        struct tls_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
        client->handshakes++;
        client->resumed += SSL_session_reused(ssl) == 1;
    }
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    SSL_SESSION_free(client->session);
    client->session = SSL_SESSION_dup(session); /* a connection that ends without close_notify spoils its own */
    return 0;
}

void tls_client_resume(struct tls_client *client)
{
    SSL_CTX_set_session_cache_mode(client->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->context, on_ticket);
}

void tls_client_handshakes(const struct tls_client *client, uint64_t *ret_all, uint64_t *ret_resumed)
{
    *ret_all = client->handshakes;
    *ret_resumed = client->resumed;
}

struct tls_client *tls_client_new(const char *ca_file)
{
    struct tls_client *client = mem_new(struct tls_client);
    client->context = context_new(TLS_client_method());
    if (!client->context) {
        mem_free(client);
        return NULL;
    }
    SSL_CTX_set_app_data(client->context, client);
    SSL_CTX_set_info_callback(client->context, on_handshake);
    if (ca_file) {
        SSL_CTX_set_verify(client->context, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_load_verify_locations(client->context, ca_file, NULL) != 1) {
            log_tls_failure("tls_load_failed", ca_file);
            tls_client_free(client);
            return NULL;
        }
    }
    return client;
}

void tls_client_free(struct tls_client *client)
{
    if (client) {
        SSL_SESSION_free(client->session);
        SSL_CTX_free(client->context);
        mem_free(client);
    }
}

SSL *tls_client_connection(struct tls_client *client)
{
    SSL *ssl = SSL_new(client->context);
    if (ssl) {
        SSL_set_connect_state(ssl);
        if (client->session) {
            SSL_set_session(ssl, client->session);
        }
    }
    return ssl;
}
