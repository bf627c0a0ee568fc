/* SPDX-License-Identifier: Apache-2.0 */
/* A CA's word, not older than it says itself, that our certificate is not revoked (OCSP, RFC 6960), fetched
 * by somebody else into a file and stapled to the handshake. A bad one is worse than none: clients that look
 * at it would turn away. GnuTLS stops serving it by itself when its time is over. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include "base/tls_inner.h"
#include <gnutls/ocsp.h>
#include <stdio.h>

#define STAPLE_CLOCK_SKEW 300 /* seconds that the CA's clock may be ahead of ours */

/* NULL when it is what it should be, or what is wrong. */
static const char *staple_objection(gnutls_ocsp_resp_t response, const gnutls_x509_crt_t *chain,
                                    unsigned n_chain)
{
    if (gnutls_ocsp_resp_get_status(response) != GNUTLS_OCSP_RESP_SUCCESSFUL)
        return "is the CA's refusal to answer: ask it again";
    unsigned which = 0, status = 0, verify = 0;
    time_t from = -1, until = -1;
    for (;; which++) {
        if (gnutls_ocsp_resp_get_single(response, which, NULL, NULL, NULL, NULL, &status, &from, &until, NULL,
                                        NULL) < 0)
            return "is about another certificate: fetch the one of this certificate";
        if (gnutls_ocsp_resp_check_crt(response, which, chain[0]) >= 0)
            break;
    }
    time_t now = (time_t)(clock_wall_ms() / 1000);
    if (from == (time_t)-1 || from > now + STAPLE_CLOCK_SKEW)
        return "is not valid yet: look at the clock";
    if (until == (time_t)-1)
        return "does not say how long it holds";
    if (until <= now)
        return "is stale: fetch a new one";
    if (status == GNUTLS_OCSP_CERT_REVOKED)
        return "says that the certificate is REVOKED: replace the certificate";
    if (status != GNUTLS_OCSP_CERT_GOOD)
        return "says that the CA does not know the certificate";
    if (n_chain < 2)
        return "cannot be verified: the chain's file lacks the issuer";
    if (gnutls_ocsp_resp_verify_direct(response, chain[1], &verify, 0) < 0 || verify != 0)
        return "is not signed by the certificate's issuer, or by whom it appointed";
    return NULL;
}

void tls_staple(gnutls_certificate_credentials_t credentials, unsigned index, const char *file,
                const gnutls_x509_crt_t *chain, unsigned n_chain, char *ret_note, size_t size)
{
    struct fault f;
    struct buf der;
    gnutls_ocsp_resp_t response = NULL;
    buf_init(&der, TLS_FILE_LIMIT);
    if (tls_file_read(file, &der, &f) != FAULT_OK) {
        (void)mem_copy_text(ret_note, size, f.text);
        buf_fini(&der);
        return;
    }
    const gnutls_datum_t datum = { .data = (unsigned char *)der.data, .size = (unsigned)der.used };
    const char *why = NULL;
    if (gnutls_ocsp_resp_init(&response) < 0 ||
        gnutls_ocsp_resp_import2(response, &datum, GNUTLS_X509_FMT_DER) < 0)
        why = "is no OCSP response in DER";
    else
        why = staple_objection(response, chain, n_chain);
    if (why == NULL &&
        gnutls_certificate_set_ocsp_status_request_mem(credentials, &datum, index, GNUTLS_X509_FMT_DER) < 0)
        why = "cannot be used";
    if (why != NULL)
        snprintf(ret_note, size, "the OCSP response %s", why);
    if (response != NULL)
        gnutls_ocsp_resp_deinit(response);
    buf_fini(&der);
}
