/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate requests (PKCS #10, RFC 2986): made for a server, read from anyone. Floor 1; any thread. */
#ifndef CRADLE_REQUEST_H
#define CRADLE_REQUEST_H

#include "base/buf.h"
#include "base/fault.h"
#include "pki/key.h"
#include "pki/names.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

/* What a request asks for. Only its key is ever taken unasked. */
struct request {
    gnutls_pubkey_t key;
    char common_name[NAMES_CN_MAX + 1]; /* "": none, or none that can be one */
    struct names names;                 /* the DNS names and addresses */
    unsigned ignored;                   /* alternative names of other kinds, or malformed */
};

/* Reads a PEM or DER file, and sees to it that whoever made it holds the key. FAULT_ABSENT; FAULT_INPUT: no
 * request; FAULT_CONTENT: its own signature is wrong, or its key is none that R20 allows. request_fini it. */
enum fault_code request_load(const char *file, struct request *ret_request, struct fault *f);
void request_fini(struct request *request); /* takes one that is all zero */

/* Appends a PEM request for this common name and, unless names is NULL, these names. */
enum fault_code request_make(gnutls_x509_privkey_t key, const char *common_name, const struct names *names,
                             struct buf *pem, struct fault *f);

/* The same with a new key, which is appended to `key` as PEM: to be wiped. */
enum fault_code request_new(enum key_kind kind, const char *common_name, const struct names *names,
                            struct buf *key, struct buf *pem, struct fault *f);

#endif
