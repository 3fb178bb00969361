/* Hashes, keyed hashes, authenticated encryption, randomness and constant-time comparison (OpenSSL libcrypto). Any
 * thread. TLS lives in io/tls.h. */
#ifndef MUSTER_BASE_CRYPTO_H
#define MUSTER_BASE_CRYPTO_H

#include "base/buf.h"
#include "base/str.h"

#define SHA1_BYTES 20
#define SHA256_BYTES 32
#define SEAL_OVERHEAD_BYTES 28 /* 12 nonce + 16 tag */

void random_bytes(void *out, size_t len);  /* getrandom; never fails once the system is up */
uint64_t random_u64(void);
/* Only for Sec-WebSocket-Accept (RFC 6455 section 4.2.2), where it protects nothing. */
void sha1(const void *data, size_t len, uint8_t ret_hash[SHA1_BYTES]);
void sha256(const void *data, size_t len, uint8_t ret_hash[SHA256_BYTES]);
/* The same over bytes that come in parts. One thread at a time. */
struct sha256_stream;
struct sha256_stream *sha256_stream_new(void);
void sha256_stream_add(struct sha256_stream *stream, const void *data, size_t len);
void sha256_stream_end(struct sha256_stream *stream, uint8_t ret_hash[SHA256_BYTES]); /* once; nothing is added then */
void sha256_stream_free(struct sha256_stream *stream); /* NULL is accepted */
/* Only for one-time codes (RFC 6238), which authenticator programs compute with it. */
void hmac_sha1(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t ret_hash[SHA1_BYTES]);
void hmac_sha256(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t ret_hash[SHA256_BYTES]);
bool bytes_eq_constant_time(const void *a, const void *b, size_t len);
void secret_wipe(void *ptr, size_t len);

/* AES-256-GCM. The output is nonce, ciphertext, tag. */
void seal(const uint8_t key[32], struct str plain, struct buf *out);
bool seal_open(const uint8_t key[32], struct str sealed, struct buf *out); /* false: not sealed with this key */

void hex_encode(const void *data, size_t len, char *ret_text);            /* 2*len characters, then NUL; lowercase */
bool hex_decode(struct str text, void *ret_data, size_t len);             /* exactly 2*len characters, any case */
void base64_encode(struct buf *out, const void *data, size_t len);
bool base64_decode(struct str text, struct buf *out);
void base64url_encode(struct buf *out, const void *data, size_t len);     /* no padding */
/* `count` random characters of 0-9A-Za-z, and a NUL. */
void random_base62(char *ret_text, size_t count);
/* An RSA 3072 key pair for licence signatures as PEM text (device-api.md 6). */
bool rsa_key_make(struct buf *ret_private_pem, struct buf *ret_public_pem);
/* RSASSA-PKCS1-v1_5 with SHA-256 over `data`, appended as bytes (device-api.md 6). Takes milliseconds: never on a loop or
 * a writer. False: it is no such key. */
bool rsa_sign(struct str private_pem, struct str data, struct buf *ret_signature);

#endif
