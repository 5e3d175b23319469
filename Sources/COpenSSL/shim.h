#pragma once
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

// BIO_get_mem_data is a macro around BIO_ctrl, which Swift does not import.
static inline long groundswell_BIO_get_mem_data(BIO *bio, char **data) {
  return BIO_get_mem_data(bio, data);
}

// TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

// Macros in OpenSSL 3.0, so wrapped: floor of TLS 1.2 without renegotiation (RFC 9325 section 3).
static inline int tls_context_harden(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
}

// SSL_set_mode and SSL_clear_mode are macros: buffers are kept during a bulk transfer only.
static inline void tls_session_keep_buffers(SSL *session, int keep) {
  if (keep) {
    SSL_clear_mode(session, SSL_MODE_RELEASE_BUFFERS);
  } else {
    SSL_set_mode(session, SSL_MODE_RELEASE_BUFFERS);
  }
}

// SSL_set_tlsext_host_name is a macro with a cast.
static inline int tls_session_set_server_name(SSL *session, const char *name) {
  return SSL_set_tlsext_host_name(session, name) == 1;
}

// Keys and certificates of devices
#include <openssl/ec.h>
#include <openssl/x509v3.h>
