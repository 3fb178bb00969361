/* TLS over a stream. OpenSSL reads and writes through a BIO of ours: it reads from the ciphertext that the loop has just
 * received and writes to a buffer that is flushed with everything else. So a connection needs no socket calls inside
 * OpenSSL, no read-ahead of its own and, when idle, no buffers.
 *
 * A handshake costs about a millisecond. Only a few steps are taken per turn of the loop, so that a fleet that comes
 * back does not hold up those that are already served; the rest stays in the sockets, where epoll reports it again. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/slab.h"
#include "io/stream_internal.h"
#include "io/tls_internal.h"

#define HANDSHAKE_STEPS_PER_TURN 8
#define READ_ROUNDS 1
#define CIPHER_WAITING_BYTES (64 * 1024)
#define CIPHER_WAITING_BYTES_MAX (1024 * 1024)

struct stream_tls {
    SSL *ssl;
    struct stream_context *context; /* of the loop it is on */
    const uint8_t *in; /* ciphertext to read, in the loop's buffer; only while it is being read */
    size_t in_len;
    struct stream_out *out; /* ciphertext to send; NULL: none */
    bool broken; /* nothing can be said on it any more */
};

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static int bio_read(BIO *bio, char *data, int len)
{
    struct stream_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (tls->in_len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t count = (size_t)len < tls->in_len ? (size_t)len : tls->in_len;
    memcpy(data, tls->in, count);
    tls->in += count;
    tls->in_len -= count;
    return (int)count;
}

static int bio_write(BIO *bio, const char *data, int len)
{
    struct stream_tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    struct buf *out = stream_out_take(tls->context, &tls->out, CIPHER_WAITING_BYTES_MAX);
    buf_append(out, data, (size_t)len);
    return out->failed ? -1 : len;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    assert(method);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
}

static struct stream_tls *tls_new(struct stream *stream)
{
    pthread_once(&method_once, make_method);
    const struct stream_wait *wait = stream->wait;
    SSL *ssl = stream->is_client ? tls_client_connection(wait->tls_client) : tls_server_connection(wait->tls_server);
    BIO *bio = BIO_new(method);
    if (!ssl || !bio) {
        SSL_free(ssl);
        BIO_free(bio);
        return NULL;
    }
    struct stream_tls *tls = slab_new(struct stream_tls);
    tls->ssl = ssl;
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return tls;
}

void stream_tls_free(struct stream_tls *tls)
{
    if (tls) {
        SSL_free(tls->ssl);
        stream_out_free(tls->out);
        slab_free(tls);
    }
}

size_t stream_tls_output_bytes(const struct stream_tls *tls)
{
    return stream_out_bytes(tls->out);
}

struct stream_out **stream_tls_output(struct stream *stream)
{
    return &stream->tls->out;
}

/* --- failing --- */

/* OpenSSL has written an alert for the peer, which goes out before the stream ends. */
static void fail(struct stream *stream)
{
    ERR_clear_error();
    stream->tls->broken = true;
    stream->phase = PHASE_CLOSING;
    stream->end = STREAM_FAILED;
    stream->said_goodbye = true;
    stream_mark_dirty(stream);
    stream_arm(stream);
}

static void give(struct stream *stream, const uint8_t *cipher, size_t len)
{
    stream->tls->context = stream->loop->streams;
    stream->tls->in = cipher;
    stream->tls->in_len = len;
}

/* --- reading --- */

/* Decrypts all that was received, in portions that fit the receive buffer. When the stream was paused or moved on the
 * way the rest is kept as plain text: the ciphertext's buffer belongs to the loop. */
static void decrypt(struct stream *stream)
{
    struct stream_tls *tls = stream->tls;
    int got = 1;
    while (got > 0 && stream->phase == PHASE_OPEN) {
        uint8_t *at;
        size_t space;
        stream_input_room(stream, &at, &space);
        size_t filled = 0;
        while (filled < space) {
            ERR_clear_error();
            got = SSL_read(tls->ssl, at + filled, (int)(space - filled));
            if (got <= 0) {
                break;
            }
            filled += (size_t)got;
        }
        int result = got <= 0 ? SSL_get_error(tls->ssl, got) : SSL_ERROR_NONE;
        if (filled > 0) {
            stream_input_added(stream, filled);
        }
        if (stream->phase != PHASE_OPEN || result == SSL_ERROR_NONE) {
            continue;
        }
        if (result == SSL_ERROR_ZERO_RETURN) {
            stream_input_ended(stream);
        } else if (result != SSL_ERROR_WANT_READ) {
            fail(stream);
        }
    }
    tls->in_len = 0;
    if (tls->out) { /* key updates and alerts */
        stream_mark_dirty(stream);
    }
}

/* Bytes received, 0: none now (or the stream has ended). */
static size_t receive(struct stream *stream)
{
    ssize_t got = recv(stream->watch.fd, stream->loop->streams->cipher, CIPHER_BYTES, 0);
    if (got > 0) {
        metric_add(METRIC_BYTES_RECEIVED, got);
        return (size_t)got;
    }
    if (got == 0) {
        stream_input_ended(stream);
    } else if (errno != EAGAIN && errno != EINTR) {
        stream_finish(stream, STREAM_FAILED);
    }
    return 0;
}

void stream_tls_read_ready(struct stream *stream)
{
    for (int round = 0; round < READ_ROUNDS && stream_may_deliver(stream); round++) {
        size_t got = receive(stream);
        if (got == 0) {
            return;
        }
        give(stream, stream->loop->streams->cipher, got);
        decrypt(stream);
        if (got < CIPHER_BYTES) {
            return;
        }
    }
}

/* --- handshake --- */

static void handshake(struct stream *stream)
{
    struct stream_tls *tls = stream->tls;
    ERR_clear_error();
    int done = SSL_do_handshake(tls->ssl);
    stream_mark_dirty(stream);
    if (done == 1) {
        metric_add(METRIC_TLS_HANDSHAKES, 1);
        stream_opened(stream);
        if (stream->phase == PHASE_OPEN) {
            decrypt(stream);
        }
    } else if (SSL_get_error(tls->ssl, done) != SSL_ERROR_WANT_READ) {
        fail(stream);
    }
    tls->in_len = 0;
}

static bool may_step(struct stream *stream)
{
    struct stream_context *context = stream->loop->streams;
    if (context->handshake_turn != stream->loop->turn) {
        context->handshake_turn = stream->loop->turn;
        context->handshakes = 0;
    }
    stream->postponed = context->handshakes >= HANDSHAKE_STEPS_PER_TURN;
    if (!stream->postponed) {
        context->handshakes++;
    }
    return !stream->postponed;
}

void stream_tls_handshake_ready(struct stream *stream)
{
    if (!stream->is_client && !may_step(stream)) {
        return;
    }
    size_t got = receive(stream);
    if (got == 0) {
        return;
    }
    if (!stream->tls) {
        stream->tls = tls_new(stream);
        if (!stream->tls) {
            stream_finish(stream, STREAM_FAILED);
            return;
        }
    }
    give(stream, stream->loop->streams->cipher, got);
    handshake(stream);
}

void stream_tls_start(struct stream *stream)
{
    stream->tls = tls_new(stream);
    if (!stream->tls) {
        stream_finish(stream, STREAM_FAILED);
        return;
    }
    give(stream, NULL, 0);
    handshake(stream);
}

/* --- writing --- */

size_t stream_tls_encrypt(struct stream *stream, const uint8_t *plain, size_t len)
{
    struct stream_tls *tls = stream->tls;
    size_t taken = 0;
    tls->context = stream->loop->streams;
    while (taken < len && !tls->broken && stream_tls_output_bytes(tls) < CIPHER_WAITING_BYTES) {
        size_t part = len - taken > CIPHER_WAITING_BYTES ? CIPHER_WAITING_BYTES : len - taken;
        ERR_clear_error();
        int put = SSL_write(tls->ssl, plain + taken, (int)part);
        if (put <= 0) {
            tls->broken = true;
            break;
        }
        taken += (size_t)put;
    }
    return tls->broken ? len : taken; /* what can never be sent is dropped */
}

void stream_tls_say_goodbye(struct stream *stream)
{
    struct stream_tls *tls = stream->tls;
    if (!tls->broken) {
        tls->context = stream->loop->streams;
        ERR_clear_error();
        SSL_shutdown(tls->ssl);
        tls->broken = true;
    }
    /* Nothing is read or written through it any more, and while the stream lingers it would hold 30 KiB. */
    SSL_free(tls->ssl);
    tls->ssl = NULL;
}
