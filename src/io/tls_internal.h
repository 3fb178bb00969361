/* Between tls.c (contexts) and stream_tls.c (connections). */
#ifndef MUSTER_IO_TLS_INTERNAL_H
#define MUSTER_IO_TLS_INTERNAL_H

#include "io/openssl.h"

#include "io/tls.h"

SSL *tls_server_connection(struct tls_server *server); /* NULL: out of memory */
SSL *tls_client_connection(struct tls_client *client);

#endif
