/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the checker share; for check*.c only. Floor 1. */
#ifndef CRADLE_CHECK_INNER_H
#define CRADLE_CHECK_INNER_H

#include "pki/check.h"

#include <gnutls/x509.h>

#define CHECK_PATH_MAX 16 /* certificates from leaf to root; TLS clients give up earlier */

struct check_item {
    gnutls_x509_crt_t crt;
    unsigned number; /* in its source, from 1 */
    char subject[160];
    bool self_issued;
};

/* The certificates of one source. */
struct check_set {
    const char *source;
    bool bundle;
    struct check_item *item;
    size_t count;
};

struct check_crls {
    const char *source;
    gnutls_x509_crl_t *crl;
    unsigned count;
};

/* From the leaf on upwards; `inside` of them are the set's own, one more may be a CA of the other side. */
struct check_path {
    const struct check_item *item[CHECK_PATH_MAX + 1];
    size_t count, inside;
    bool rooted; /* the last one is self-issued */
};

/* With the clock's time where none is given. */
struct check_terms check_settled(const struct check_terms *terms);

/* Reading (check_set.c). What is wrong with a file as a file is added to the findings. */
enum fault_code check_set_file(struct check_set *set, const char *file, struct findings *findings,
                               struct fault *f);
enum fault_code check_set_sent(struct check_set *set, const struct check_der *sent, size_t n,
                               struct findings *findings, struct fault *f);
/* PEM blocks of certificates, one after the other. */
enum fault_code check_set_text(struct check_set *set, const char *text, size_t n, struct findings *findings,
                               struct fault *f);
void check_set_fini(struct check_set *set);
struct finding_place check_place(const struct check_set *set, const struct check_item *item);
enum fault_code check_crls_file(struct check_crls *crls, const char *file, struct findings *findings,
                                struct fault *f);
void check_crls_fini(struct check_crls *crls);

/* The private key (check_key.c): which of the certificates does it belong to? -1: to none, or it could not be
 * read, which is added. */
enum fault_code check_key(const char *key, const struct check_set *set, struct findings *findings,
                          int *ret_owner, struct fault *f);

/* Single certificates (check_certificate.c). */
void check_certificate(const struct check_set *set, const struct check_item *item,
                       const struct check_terms *terms, struct findings *findings);
void check_issuer(const struct check_set *set, const struct check_item *item, size_t below,
                  const struct check_terms *terms, struct findings *findings);
void check_leaf(const struct check_set *set, const struct check_item *leaf, const struct check_terms *terms,
                struct findings *findings);
const char *check_purpose(const struct check_terms *terms);

/* From leaf to root (check_path.c). `ca` may be empty. */
void check_path(const struct check_set *set, size_t leaf, const struct check_set *ca,
                const struct check_terms *terms, struct check_path *ret_path, struct findings *findings);
bool check_signed_by(const struct check_item *item, const struct check_item *issuer);
bool check_issued_by(const struct check_item *item, const struct check_item *issuer); /* by name */

#endif
