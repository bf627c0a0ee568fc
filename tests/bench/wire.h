/* SPDX-License-Identifier: Apache-2.0 */
/* The least of an FTPS and an HTTPS client that a benchmark needs, on OpenSSL as handsets have it: blocking,
 * one thread a connection. libcurl is not used: its FTP waits for its own timers (200 ms, 1 s) before a data
 * connection on some versions, and that would be measured. */
#ifndef CRADLE_BENCH_WIRE_H
#define CRADLE_BENCH_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_resume {
    WIRE_DATA, /* data channels resume their control connection, connections are new */
    WIRE_ALL,  /* connections resume former ones too */
    WIRE_NONE
};

struct wire_server {
    struct sockaddr_in *address;
    bool ftp, explicit; /* explicit: AUTH TLS (RFC 4217); otherwise TLS from the first byte */
    enum wire_resume resume;
    const char *user, *password;
    SSL_CTX *context;
};

/* What the bytes that come are held against; NULL: nothing. */
struct wire_expected {
    const char *bytes;
    size_t size;
};

struct wire {
    const struct wire_server *server;
    int fd;
    SSL *ssl;
    SSL_SESSION *ticket; /* the newest of this client; WIRE_ALL keeps it from one connection to the next */
    char in[16384];
    size_t at, used;
    char why[160]; /* of the last failure */
    int64_t read;  /* bytes of bodies */
};

/* Versions and CA; the certificate's name must be 127.0.0.1. NULL when it cannot be. tls: "1.2" or "1.3". */
SSL_CTX *wire_context(const char *ca, const char *tls);

bool wire_open(struct wire *w); /* connects, and logs in over FTPS */
void wire_close(struct wire *w);
bool wire_get(struct wire *w, const char *name, const struct wire_expected *expected);
/* FTPS: APPE; HTTPS: PUT. */
bool wire_append(struct wire *w, const char *name, const char *bytes, size_t n);

#endif
