/* TLS 1.2 and 1.3 by OpenSSL, for every door. */
#ifndef MUSTER_IO_TLS_H
#define MUSTER_IO_TLS_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct tls_server; /* certificate and session tickets of one or more listeners; thread-safe */
struct tls_client;

/* What OpenSSL keeps of each connection comes from slabs, packed. Before anything uses OpenSSL; for programs that serve
 * many connections. */
void tls_use_slabs(void);

/* Loads PEM files and tries them in a handshake with itself. On failure logs one line that names the file. */
enum err tls_server_new(const char *certificate_file, const char *key_file, struct tls_server **ret_server) MUST_CHECK;
/* New certificate for connections from now on (SIGHUP); the old one stays on failure. */
enum err tls_server_reload(struct tls_server *server, const char *certificate_file, const char *key_file) MUST_CHECK;
void tls_server_free(struct tls_server *server);
void tls_server_fingerprint(const struct tls_server *server, char ret_text[96]); /* SHA-256, "AB:CD:..." */
int64_t tls_server_expires_at_ms(const struct tls_server *server);

/* Makes a self-signed ECDSA P-256 certificate for localhost, the host name and the given extra name or address, valid
 * ten years, and writes both files (key mode 0600) unless they exist. */
enum err tls_self_signed(const char *certificate_file, const char *key_file, const char *extra_name) MUST_CHECK;

/* For the simulator and the bench. ca_file NULL: the server's certificate is not checked. */
struct tls_client *tls_client_new(const char *ca_file);
void tls_client_free(struct tls_client *client);
/* Connections from now on offer the session of the newest ticket that any of this client's connections was given. One
 * thread uses the client. */
void tls_client_resume(struct tls_client *client);
/* Handshakes that were completed, and how many of them resumed a session. */
void tls_client_handshakes(const struct tls_client *client, uint64_t *ret_all, uint64_t *ret_resumed);

#endif
