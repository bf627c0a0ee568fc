/* SPDX-License-Identifier: Apache-2.0 */
/* A PEM file as a text (RFC 7468): which blocks it has, and what stands around them that a strict reader
 * would trip over. Decodes nothing. Floor 1; pure; any thread. */
#ifndef CRADLE_PEM_H
#define CRADLE_PEM_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>

struct pem_block {
    char label[40]; /* "CERTIFICATE", "PRIVATE KEY"; "" when it is longer */
    const char *at; /* from BEGIN to the end of the END line; into the text that was read */
    size_t size;    /* bytes */
    unsigned line;  /* of its BEGIN, from 1 */
    bool whole;     /* it has its END */
};

/* Line numbers of the first of each kind; 0: none. Blank lines count within and between blocks of
 * certificates and CRLs, not after the last block, and not in a key, whose old form has one. */
struct pem {
    struct pem_block *block;
    size_t count;
    unsigned text_line, blank_line, return_line;
};

/* The text is kept until pem_fini. FAULT_MEMORY. */
enum fault_code pem_read(const char *text, size_t n, struct pem *ret_pem, struct fault *f);
void pem_fini(struct pem *pem);

bool pem_is_certificate(const struct pem_block *block);
bool pem_is_crl(const struct pem_block *block);
bool pem_is_key(const struct pem_block *block); /* a private one, locked or not */

#endif
