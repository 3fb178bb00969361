/* The certificate that the first start makes, so that TLS works before anybody has bought one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/net.h"
#include "io/openssl.h"
#include "io/tls.h"

#define VALID_SECONDS (10L * 365 * 24 * 3600)
#define CLOCK_SLACK_SECONDS (24L * 3600) /* devices whose clock is behind */

static void append_name(struct buf *names, struct str name)
{
    struct net_address address;
    if (str_is_empty(name) || memchr(name.ptr, ',', name.len)) {
        return;
    }
    bool numeric = !str_eq_nocase(name, STR("localhost")) && net_address_parse(name, 0, &address);
    buf_printf(names, "%s%s:%.*s", names->len > 0 ? "," : "", numeric ? "IP" : "DNS", STR_ARG(name));
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_names(X509 *certificate, const char *extra_name)
{
    char host[256] = "";
    struct buf names;
    buf_init(&names, 2048);
    append_name(&names, STR("localhost"));
    append_name(&names, STR("127.0.0.1"));
    append_name(&names, STR("::1"));
    if (gethostname(host, sizeof host - 1) == 0 && strcmp(host, "localhost") != 0) {
        append_name(&names, str_from_cstr(host));
    }
    append_name(&names, str_from_cstr(extra_name));
    buf_append_u8(&names, '\0');
    bool ok = !names.failed && add_extension(certificate, NID_subject_alt_name, (const char *)names.data);
    buf_deinit(&names);
    return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *extra_name)
{
    X509 *certificate = X509_new();
    uint64_t serial = random_u64() >> 1;
    X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
    bool ok = certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
              ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1 &&
              X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCK_SLACK_SECONDS) &&
              X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_SECONDS) &&
              X509_set_pubkey(certificate, key) == 1 &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Muster", -1, -1, 0) == 1 &&
              X509_set_issuer_name(certificate, name) == 1 &&
              add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
              add_extension(certificate, NID_subject_key_identifier, "hash") && add_names(certificate, extra_name) &&
              X509_sign(certificate, key, EVP_sha256()) > 0;
    if (!ok) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

static bool sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) + 1 : 1;
    snprintf(folder, sizeof folder, "%.*s", len, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return ok;
}

static bool write_and_rename(const char *temporary, const char *path, BIO *content, mode_t mode)
{
    char *data;
    long len = BIO_get_mem_data(content, &data);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) {
        return false;
    }
    bool ok = write(fd, data, (size_t)len) == len && fsync(fd) == 0;
    return close(fd) == 0 && ok && rename(temporary, path) == 0 && sync_folder_of(path);
}

/* Under another name first: a start that is cut short must not leave half a file, which every later one would refuse. */
static enum err write_file(const char *path, BIO *content, mode_t mode)
{
    char temporary[PATH_MAX];
    int len = snprintf(temporary, sizeof temporary, "%s.new", path);
    bool fits = len > 0 && (size_t)len < sizeof temporary;
    if (!fits || !write_and_rename(temporary, path, content, mode)) {
        log_event(LOG_ERROR, "tls_write_failed", log_s("file", path), log_i("errno", errno));
        if (fits) {
            unlink(temporary);
        }
        return ERR_IO;
    }
    return ERR_OK;
}

static EVP_PKEY *read_key(const char *key_file)
{
    BIO *in = BIO_new_file(key_file, "r");
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return key;
}

static enum err write_key(const char *key_file, EVP_PKEY *key)
{
    BIO *text = BIO_new(BIO_s_secmem());
    enum err err = ERR_INTERNAL;
    if (text && PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1) {
        err = write_file(key_file, text, 0600);
    }
    BIO_free(text);
    return err;
}

static enum err write_certificate(const char *certificate_file, EVP_PKEY *key, const char *extra_name)
{
    X509 *certificate = make_certificate(key, extra_name);
    BIO *text = BIO_new(BIO_s_mem());
    enum err err = ERR_INTERNAL;
    if (certificate && text && PEM_write_bio_X509(text, certificate) == 1) {
        err = write_file(certificate_file, text, 0644);
    }
    BIO_free(text);
    X509_free(certificate);
    return err;
}

/* The key is written first: when the certificate could not be, the next start makes one for the key that is there. */
enum err tls_self_signed(const char *certificate_file, const char *key_file, const char *extra_name)
{
    bool has_certificate = access(certificate_file, F_OK) == 0;
    bool has_key = access(key_file, F_OK) == 0;
    if (has_certificate) {
        if (!has_key) {
            log_event(LOG_ERROR, "tls_key_missing", log_s("file", key_file));
        }
        return has_key ? ERR_OK : ERR_STATE;
    }
    EVP_PKEY *key = has_key ? read_key(key_file) : EVP_EC_gen("P-256");
    enum err err = key ? ERR_OK : ERR_INVALID;
    if (!key) {
        log_event(LOG_ERROR, "tls_load_failed", log_s("file", key_file));
    }
    if (err == ERR_OK && !has_key) {
        err = write_key(key_file, key);
    }
    if (err == ERR_OK) {
        err = write_certificate(certificate_file, key, extra_name);
    }
    EVP_PKEY_free(key);
    return err;
}
