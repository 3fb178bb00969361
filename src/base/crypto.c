#include "base/crypto.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"

#define GCM_NONCE_BYTES 12
#define GCM_TAG_BYTES 16
#define HMAC_BLOCK_BYTES 64
#define RSA_KEY_BITS 3072

/* Where libcrypto fails, memory or the installation is broken: carrying on would mean unprotected data. */
static _Noreturn void crypto_broken(const char *what)
{
    log_event(LOG_ERROR, "crypto_broken", log_s("what", what));
    abort();
}

static void must(bool done, const char *what)
{
    if (!done) {
        crypto_broken(what);
    }
}

void random_bytes(void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        must(got > 0, "getrandom");
        at += got;
        len -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

/* Looking an algorithm up costs more than hashing a key, and so does a fresh context: algorithms are fetched once,
 * and each thread keeps one context. */
static struct {
    EVP_MD *sha1;
    EVP_MD *sha256;
    EVP_CIPHER *aes_256_gcm;
    pthread_key_t thread_context;
} algorithms;
static pthread_once_t algorithms_once = PTHREAD_ONCE_INIT;
static _Thread_local EVP_MD_CTX *thread_context;

static void thread_context_free(void *context)
{
    EVP_MD_CTX_free(context);
}

static void algorithms_init(void)
{
    algorithms.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algorithms.aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    must(algorithms.sha1 && algorithms.sha256 && algorithms.aes_256_gcm, "fetch");
    must(pthread_key_create(&algorithms.thread_context, thread_context_free) == 0, "pthread_key_create");
}

static EVP_MD_CTX *context_get(void)
{
    if (!thread_context) {
        pthread_once(&algorithms_once, algorithms_init);
        thread_context = EVP_MD_CTX_new();
        must(thread_context && pthread_setspecific(algorithms.thread_context, thread_context) == 0, "context");
    }
    return thread_context;
}

static void digest(const EVP_MD *md, EVP_MD_CTX *context, struct str first, struct str second, uint8_t *ret_hash)
{
    must(EVP_DigestInit_ex(context, md, NULL) == 1 && EVP_DigestUpdate(context, first.ptr, first.len) == 1 &&
             EVP_DigestUpdate(context, second.ptr, second.len) == 1 && EVP_DigestFinal_ex(context, ret_hash, NULL) == 1,
         "digest");
}

void sha1(const void *data, size_t len, uint8_t ret_hash[SHA1_BYTES])
{
    EVP_MD_CTX *context = context_get();
    digest(algorithms.sha1, context, str_from(data, len), str_from(NULL, 0), ret_hash);
}

void sha256(const void *data, size_t len, uint8_t ret_hash[SHA256_BYTES])
{
    EVP_MD_CTX *context = context_get();
    digest(algorithms.sha256, context, str_from(data, len), str_from(NULL, 0), ret_hash);
}

struct sha256_stream *sha256_stream_new(void)
{
    context_get(); /* the algorithms are there then */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(context && EVP_DigestInit_ex(context, algorithms.sha256, NULL) == 1, "sha256");
    return (struct sha256_stream *)context;
}

static EVP_MD_CTX *context_of(struct sha256_stream *stream)
{
    return (EVP_MD_CTX *)stream;
}

void sha256_stream_add(struct sha256_stream *stream, const void *data, size_t len)
{
    must(EVP_DigestUpdate(context_of(stream), data, len) == 1, "sha256");
}

void sha256_stream_end(struct sha256_stream *stream, uint8_t ret_hash[SHA256_BYTES])
{
    must(EVP_DigestFinal_ex(context_of(stream), ret_hash, NULL) == 1, "sha256");
}

void sha256_stream_free(struct sha256_stream *stream)
{
    EVP_MD_CTX_free(context_of(stream));
}

/* RFC 2104; both hashes work on blocks of 64 bytes. `key_len` at most a block. */
static void hmac(const EVP_MD *md, size_t hash_len, const uint8_t *key, size_t key_len, struct str data, uint8_t *ret_hash)
{
    uint8_t pad[HMAC_BLOCK_BYTES] = {0};
    uint8_t inner[SHA256_BYTES];
    EVP_MD_CTX *context = context_get();
    if (key_len > 0) {
        memcpy(pad, key, key_len);
    }
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36;
    }
    digest(md, context, str_from(pad, sizeof pad), data, inner);
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    digest(md, context, str_from(pad, sizeof pad), str_from(inner, hash_len), ret_hash);
    secret_wipe(pad, sizeof pad);
}

void hmac_sha1(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t ret_hash[SHA1_BYTES])
{
    uint8_t hashed[SHA1_BYTES];
    if (key_len > HMAC_BLOCK_BYTES) {
        sha1(key, key_len, hashed);
        key = hashed;
        key_len = sizeof hashed;
    }
    context_get(); /* fetches the algorithms */
    hmac(algorithms.sha1, SHA1_BYTES, key, key_len, str_from(data, len), ret_hash);
    secret_wipe(hashed, sizeof hashed);
}

void hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t ret_hash[SHA256_BYTES])
{
    uint8_t hashed[SHA256_BYTES];
    if (key_len > HMAC_BLOCK_BYTES) {
        sha256(key, key_len, hashed);
        key = hashed;
        key_len = sizeof hashed;
    }
    context_get(); /* fetches the algorithms */
    hmac(algorithms.sha256, SHA256_BYTES, key, key_len, str_from(data, len), ret_hash);
    secret_wipe(hashed, sizeof hashed);
}

bool bytes_eq_constant_time(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void secret_wipe(void *ptr, size_t len)
{
    OPENSSL_cleanse(ptr, len);
}

void seal(const uint8_t key[32], struct str plain, struct buf *out)
{
    assert(plain.len <= INT32_MAX);
    if (!buf_reserve(out, plain.len + SEAL_OVERHEAD_BYTES)) {
        return;
    }
    pthread_once(&algorithms_once, algorithms_init);
    uint8_t *nonce = out->data + out->len;
    uint8_t *text = nonce + GCM_NONCE_BYTES;
    uint8_t *tag = text + plain.len;
    int written = 0;
    int rest = 0;
    random_bytes(nonce, GCM_NONCE_BYTES);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    must(context && EVP_EncryptInit_ex2(context, algorithms.aes_256_gcm, key, nonce, NULL) == 1 &&
             (plain.len == 0 ||
              EVP_EncryptUpdate(context, text, &written, (const uint8_t *)plain.ptr, (int)plain.len) == 1) &&
             EVP_EncryptFinal_ex(context, text + written, &rest) == 1 &&
             EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_BYTES, tag) == 1,
         "seal");
    EVP_CIPHER_CTX_free(context);
    out->len += plain.len + SEAL_OVERHEAD_BYTES;
}

bool seal_open(const uint8_t key[32], struct str sealed, struct buf *out)
{
    if (sealed.len < SEAL_OVERHEAD_BYTES || sealed.len > INT32_MAX) {
        return false;
    }
    size_t plain_len = sealed.len - SEAL_OVERHEAD_BYTES;
    if (!buf_reserve(out, plain_len)) {
        return false;
    }
    pthread_once(&algorithms_once, algorithms_init);
    const uint8_t *nonce = (const uint8_t *)sealed.ptr;
    const uint8_t *text = nonce + GCM_NONCE_BYTES;
    uint8_t tag[GCM_TAG_BYTES];
    memcpy(tag, text + plain_len, sizeof tag);
    uint8_t *plain = plain_len ? out->data + out->len : NULL;
    uint8_t none[16]; /* GCM has nothing left at the end */
    int written = 0;
    int rest = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    must(context && EVP_DecryptInit_ex2(context, algorithms.aes_256_gcm, key, nonce, NULL) == 1, "seal_open");
    bool ok = (plain_len == 0 || EVP_DecryptUpdate(context, plain, &written, text, (int)plain_len) == 1) &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof tag, tag) == 1 &&
              EVP_DecryptFinal_ex(context, none, &rest) == 1;
    EVP_CIPHER_CTX_free(context);
    if (ok) {
        out->len += plain_len;
    } else if (plain_len) {
        secret_wipe(plain, plain_len);
    }
    return ok;
}

void hex_encode(const void *data, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct str text, void *ret_data, size_t len)
{
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (hex_digit(text.ptr[i]) < 0) {
            return false;
        }
    }
    uint8_t *bytes = ret_data;
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)(hex_digit(text.ptr[2 * i]) << 4 | hex_digit(text.ptr[2 * i + 1]));
    }
    return true;
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode64(struct buf *out, const uint8_t *bytes, size_t len, const char *alphabet, bool padded)
{
    for (size_t i = 0; i < len; i += 3) {
        size_t group = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16 | (group > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (group > 2 ? (uint32_t)bytes[i + 2] : 0);
        char text[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63], alphabet[bits >> 6 & 63], alphabet[bits & 63]};
        buf_append(out, text, group + 1);
        if (padded) {
            buf_append(out, "==", 3 - group);
        }
    }
}

void base64_encode(struct buf *out, const void *data, size_t len)
{
    encode64(out, data, len, base64_alphabet, true);
}

void base64url_encode(struct buf *out, const void *data, size_t len)
{
    encode64(out, data, len, base64url_alphabet, false);
}

static bool decode64_group(const char *text, size_t chars, struct buf *out)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *at = i < chars && text[i] ? strchr(base64_alphabet, text[i]) : base64_alphabet;
        if (!at || (i < chars && !text[i])) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(at - base64_alphabet);
    }
    uint8_t bytes[] = {(uint8_t)(bits >> 16), (uint8_t)(bits >> 8), (uint8_t)bits};
    for (size_t i = chars - 1; i < 3; i++) {
        if (bytes[i] != 0) { /* two texts must not mean the same bytes */
            return false;
        }
    }
    buf_append(out, bytes, chars - 1);
    return true;
}

bool base64_decode(struct str text, struct buf *out)
{
    size_t len_before = out->len;
    if (text.len % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += 4) {
        const char *group = text.ptr + i;
        size_t chars = 4;
        if (i + 4 == text.len && group[3] == '=') {
            chars = group[2] == '=' ? 2 : 3;
        }
        if (!decode64_group(group, chars, out)) {
            out->len = len_before;
            return false;
        }
    }
    return !out->failed;
}

void random_base62(char *ret_text, size_t count)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    uint8_t pool[64];
    size_t left = 0;
    for (size_t i = 0; i < count;) {
        if (left == 0) {
            random_bytes(pool, sizeof pool);
            left = sizeof pool;
        }
        uint8_t byte = pool[--left];
        if (byte < 62 * 4) { /* the rest of the range would favour some characters */
            ret_text[i++] = alphabet[byte % 62];
        }
    }
    ret_text[count] = '\0';
    secret_wipe(pool, sizeof pool);
}

static bool bio_to_buf(BIO *bio, struct buf *out)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    if (len <= 0) {
        return false;
    }
    buf_append(out, data, (size_t)len);
    return !out->failed;
}

bool rsa_key_make(struct buf *ret_private_pem, struct buf *ret_public_pem)
{
    EVP_PKEY *key = EVP_RSA_gen(RSA_KEY_BITS);
    BIO *private_pem = BIO_new(BIO_s_secmem());
    BIO *public_pem = BIO_new(BIO_s_mem());
    bool ok = key && private_pem && public_pem &&
              PEM_write_bio_PKCS8PrivateKey(private_pem, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_PUBKEY(public_pem, key) == 1 && bio_to_buf(private_pem, ret_private_pem) &&
              bio_to_buf(public_pem, ret_public_pem);
    BIO_free(public_pem);
    BIO_free(private_pem);
    EVP_PKEY_free(key);
    return ok;
}

bool rsa_sign(struct str private_pem, struct str data, struct buf *ret_signature)
{
    uint8_t signature[RSA_KEY_BITS / 8];
    size_t len = sizeof signature;
    BIO *bio = BIO_new_mem_buf(private_pem.ptr, (int)private_pem.len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = key && context && EVP_PKEY_get_size(key) <= (int)sizeof signature &&
              EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 && /* PKCS #1 v1.5 is an RSA key's default */
              EVP_DigestSign(context, signature, &len, (const unsigned char *)data.ptr, data.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    if (ok) {
        buf_append(ret_signature, signature, len);
    }
    return ok && !ret_signature->failed;
}
