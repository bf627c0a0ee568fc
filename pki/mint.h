/* SPDX-License-Identifier: Apache-2.0 */
/* Making one certificate (X.509 v3, RFC 5280): what a profile says, for a public key, signed by a CA. SHA-256
 * (SHA-384 under a P-384 CA), random serial numbers of 127 bits, extensions that say what the certificate is
 * for and nothing else. Writes no file. Floor 1; any thread. */
#ifndef CRADLE_MINT_H
#define CRADLE_MINT_H

#include "base/buf.h"
#include "base/fault.h"
#include "pki/profile.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdint.h>

/* A CA that can sign. */
struct issuer {
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
};
/* Reads both and sees to it that they belong together: a wrong key would sign all the same, and every client
 * would refuse the result. FAULT_ABSENT, FAULT_INPUT; key_load's faults. */
enum fault_code issuer_load(const char *certificate, const char *key, const struct passphrase_source *source,
                            struct issuer *ret_issuer, struct fault *f);
void issuer_fini(struct issuer *issuer); /* takes one that is all zero */

struct mint_order {
    const struct profile *profile;
    const struct profile *role; /* INTERMEDIATE: which role it signs for; otherwise ignored */
    const char *common_name;
    const struct names *names; /* SERVER: further alternative names, or NULL; the CN is always among them */
    int64_t not_before, not_after; /* Unix seconds */
    int path_length;               /* ROOT: how many CAs below it, -1: any number */
};

/* The dates of a certificate that is made now and lives `days` (0: the profile's default) under this issuer
 * (NULL: itself). It begins an hour ago, for clocks that lag. FAULT_INPUT: it would outlive its issuer (the
 * default is cut to the issuer's end instead), or the issuer is over. */
enum fault_code mint_dates(const struct profile *profile, int days, const struct issuer *issuer,
                           int64_t *ret_not_before, int64_t *ret_not_after, struct fault *f);

/* FAULT_INPUT: a name that the profile does not allow; FAULT_CONTENT: a key that R20 does not allow, or an
 * issuer that is constrained to another role. issuer NULL: signed by self, the private half of `key`.
 * Given: gnutls_x509_crt_deinit. */
enum fault_code mint_certificate(const struct mint_order *order, gnutls_pubkey_t key,
                                 const struct issuer *issuer, gnutls_x509_privkey_t self,
                                 gnutls_x509_crt_t *ret_certificate, struct fault *f);

#define MINT_SERIAL_MAX 41 /* 20 bytes in hex, and a NUL */
/* Its serial number in lower-case hex. */
void mint_serial(gnutls_x509_crt_t certificate, char ret_serial[MINT_SERIAL_MAX]);
/* Appends the certificate as PEM. */
enum fault_code mint_export(gnutls_x509_crt_t certificate, struct buf *pem, struct fault *f);
/* The first certificate of a PEM file. FAULT_ABSENT, FAULT_INPUT. Given. */
enum fault_code mint_load(const char *file, gnutls_x509_crt_t *ret_certificate, struct fault *f);
/* The signature algorithm's digest for a CA with this key. */
gnutls_digest_algorithm_t mint_digest(gnutls_x509_privkey_t key);

#endif
