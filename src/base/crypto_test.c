#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

static void assert_hex(const void *data, size_t len, const char *expected)
{
    char text[2 * 64 + 1];
    hex_encode(data, len, text);
    assert_string_equal(text, expected);
}

static void test_sha(void **state)
{
    uint8_t hash[SHA256_BYTES];
    (void)state;
    sha256("abc", 3, hash);
    assert_hex(hash, sizeof hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256(NULL, 0, hash);
    assert_hex(hash, sizeof hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha1("abc", 3, hash);
    assert_hex(hash, SHA1_BYTES, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* RFC 4231. */
static void test_hmac(void **state)
{
    uint8_t key[131];
    uint8_t hash[SHA256_BYTES];
    (void)state;
    memset(key, 0x0b, 20);
    hmac_sha256(key, 20, "Hi There", 8, hash);
    assert_hex(hash, sizeof hash, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256((const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28, hash);
    assert_hex(hash, sizeof hash, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
    hmac_sha256(key, sizeof key, text, strlen(text), hash);
    assert_hex(hash, sizeof hash, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_sha256(NULL, 0, NULL, 0, hash);
    assert_hex(hash, sizeof hash, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void *hash_in_thread(void *arg)
{
    uint8_t hash[SHA256_BYTES];
    for (int i = 0; i < 1000; i++) {
        hmac_sha256((const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28, hash);
        if (hash[0] != 0x5b || hash[31] != 0x43) {
            return NULL;
        }
    }
    return arg;
}

/* RFC 2202 section 3. */
static void test_hmac_sha1(void **state)
{
    (void)state;
    uint8_t hash[SHA1_BYTES], key[80];
    memset(key, 0x0b, 20);
    hmac_sha1(key, 20, "Hi There", 8, hash);
    assert_hex(hash, sizeof hash, "b617318655057264e28bc0b6fb378c8ef146be00");
    hmac_sha1((const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28, hash);
    assert_hex(hash, sizeof hash, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    memset(key, 0xaa, sizeof key);
    const char *text = "Test Using Larger Than Block-Size Key - Hash Key First";
    hmac_sha1(key, sizeof key, text, strlen(text), hash);
    assert_hex(hash, sizeof hash, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_in_thread, threads), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_ptr_equal(result, threads);
    }
}

static void test_seal(void **state)
{
    uint8_t key[32] = {1, 2, 3};
    struct buf sealed;
    struct buf again;
    struct buf plain;
    (void)state;
    buf_init(&sealed, 1000);
    buf_init(&again, 1000);
    buf_init(&plain, 1000);
    seal(key, STR("hardware key"), &sealed);
    seal(key, STR("hardware key"), &again);
    assert_int_equal(sealed.len, 12 + SEAL_OVERHEAD_BYTES);
    assert_false(str_eq(buf_str(&sealed), buf_str(&again))); /* a fresh nonce each time */
    assert_true(seal_open(key, buf_str(&sealed), &plain));
    assert_true(str_eq(buf_str(&plain), STR("hardware key")));
    buf_deinit(&plain);
    buf_init(&plain, 12); /* the exact size is enough */
    assert_true(seal_open(key, buf_str(&sealed), &plain));
    for (size_t i = 0; i < sealed.len; i++) { /* every byte is protected */
        buf_clear(&plain);
        sealed.data[i] ^= 1;
        assert_false(seal_open(key, buf_str(&sealed), &plain));
        assert_int_equal(plain.len, 0);
        sealed.data[i] ^= 1;
    }
    key[0] ^= 1;
    assert_false(seal_open(key, buf_str(&sealed), &plain));
    assert_false(seal_open(key, STR("short"), &plain));
    buf_clear(&sealed);
    seal(key, STR(""), &sealed);
    assert_true(seal_open(key, buf_str(&sealed), &plain));
    assert_int_equal(plain.len, 0);
    buf_deinit(&sealed);
    buf_deinit(&again);
    buf_deinit(&plain);
}

static void test_hex(void **state)
{
    uint8_t bytes[3] = {9, 9, 9};
    (void)state;
    assert_true(hex_decode(STR("00aFf9"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xaf\xf9", 3);
    assert_false(hex_decode(STR("00af"), bytes, 3));
    assert_false(hex_decode(STR("00af0g"), bytes, 3));
    assert_false(hex_decode(STR("00af0 "), bytes, 3));
    assert_memory_equal(bytes, "\x00\xaf\xf9", 3);
}

static void assert_base64(struct str plain, struct str text, struct str url)
{
    struct buf out;
    buf_init(&out, 100);
    base64_encode(&out, plain.ptr, plain.len);
    assert_true(str_eq(buf_str(&out), text));
    buf_clear(&out);
    base64url_encode(&out, plain.ptr, plain.len);
    assert_true(str_eq(buf_str(&out), url));
    buf_clear(&out);
    assert_true(base64_decode(text, &out));
    assert_true(str_eq(buf_str(&out), plain));
    buf_deinit(&out);
}

static void test_base64(void **state)
{
    static const struct str bad[] = {STR_INIT("Zg"),   STR_INIT("Zg="),  STR_INIT("Zg==="), STR_INIT("Z==="), STR_INIT("===="),
                                     STR_INIT("Zh=="), STR_INIT("Zm9="), STR_INIT("Zm8=Zm8="), STR_INIT("Zm9v "),
                                     STR_INIT("Zm-_"), STR_INIT("Zm\0v"), STR_INIT("Z=9v"), STR_INIT("Zm=v")};
    struct buf out;
    (void)state;
    assert_base64(STR(""), STR(""), STR(""));
    assert_base64(STR("f"), STR("Zg=="), STR("Zg"));
    assert_base64(STR("fo"), STR("Zm8="), STR("Zm8"));
    assert_base64(STR("foobar"), STR("Zm9vYmFy"), STR("Zm9vYmFy"));
    assert_base64(STR("\xfb\xff\xfe\0"), STR("+//+AA=="), STR("-__-AA"));
    buf_init(&out, 100);
    buf_append_cstr(&out, "x");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(base64_decode(bad[i], &out));
        assert_int_equal(out.len, 1); /* nothing is left behind */
    }
    buf_deinit(&out);
    buf_init(&out, 2);
    assert_false(base64_decode(STR("Zm9v"), &out));
    buf_deinit(&out);
}

static void test_random(void **state)
{
    char text[1001];
    bool seen[128] = {false};
    size_t different = 0;
    (void)state;
    assert_int_not_equal(random_u64(), random_u64());
    random_base62(text, 1000);
    assert_int_equal(strlen(text), 1000);
    for (size_t i = 0; i < 1000; i++) {
        char c = text[i];
        assert_true((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        different += !seen[(unsigned char)c];
        seen[(unsigned char)c] = true;
    }
    assert_true(different > 55); /* of 62: fewer is not random */
}

static void test_compare(void **state)
{
    (void)state;
    assert_true(bytes_eq_constant_time("abc", "abc", 3));
    assert_false(bytes_eq_constant_time("abc", "abd", 3));
    assert_true(bytes_eq_constant_time("a", "b", 0));
    char secret[] = "secret";
    secret_wipe(secret, sizeof secret);
    assert_memory_equal(secret, "\0\0\0\0\0\0\0", sizeof secret);
}

static void test_rsa(void **state)
{
    struct buf private_pem;
    struct buf public_pem;
    (void)state;
    buf_init(&private_pem, 10000);
    buf_init(&public_pem, 10000);
    assert_true(rsa_key_make(&private_pem, &public_pem));
    assert_true(str_starts_with(buf_str(&private_pem), STR("-----BEGIN PRIVATE KEY-----\n")));
    assert_true(str_starts_with(buf_str(&public_pem), STR("-----BEGIN PUBLIC KEY-----\n")));
    /* the padding has no randomness in it: equal data, equal signature */
    struct buf first, second, other;
    buf_init(&first, 1000);
    buf_init(&second, 1000);
    buf_init(&other, 1000);
    assert_true(rsa_sign(buf_str(&private_pem), STR("feature=4k"), &first));
    assert_true(rsa_sign(buf_str(&private_pem), STR("feature=4k"), &second));
    assert_true(rsa_sign(buf_str(&private_pem), STR(""), &other));
    assert_int_equal(first.len, 384);
    assert_true(str_eq(buf_str(&first), buf_str(&second)));
    assert_false(str_eq(buf_str(&first), buf_str(&other)));
    assert_false(rsa_sign(buf_str(&public_pem), STR("feature=4k"), &first));
    assert_false(rsa_sign(STR(""), STR("feature=4k"), &first));
    buf_deinit(&first);
    buf_deinit(&second);
    buf_deinit(&other);
    buf_deinit(&private_pem);
    buf_deinit(&public_pem);
}

static void sha256_in_parts_is_sha256(void **state)
{
    (void)state;
    static const char text[] = "The hash of parts is that of the whole, wherever it is cut.";
    uint8_t whole[SHA256_BYTES], parts[SHA256_BYTES];
    sha256(text, sizeof text, whole);
    for (size_t cut = 0; cut <= sizeof text; cut++) {
        struct sha256_stream *stream = sha256_stream_new();
        sha256_stream_add(stream, text, cut);
        sha256_stream_add(stream, text + cut, sizeof text - cut);
        sha256_stream_end(stream, parts);
        sha256_stream_free(stream);
        assert_memory_equal(parts, whole, sizeof whole);
    }
    sha256_stream_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_in_parts_is_sha256),
        cmocka_unit_test(test_sha),    cmocka_unit_test(test_hmac), cmocka_unit_test(test_hmac_sha1),    cmocka_unit_test(test_threads),
        cmocka_unit_test(test_seal),   cmocka_unit_test(test_hex),     cmocka_unit_test(test_base64),
        cmocka_unit_test(test_random), cmocka_unit_test(test_compare), cmocka_unit_test(test_rsa),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
