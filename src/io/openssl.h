/* The headers of OpenSSL, whose err.h has a type that is named like a value of base/err.h. */
#ifndef MUSTER_IO_OPENSSL_H
#define MUSTER_IO_OPENSSL_H

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#endif
