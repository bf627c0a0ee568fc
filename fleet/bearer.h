/* SPDX-License-Identifier: Apache-2.0 */
/* Does a file bear a private key: "-----BEGIN … PRIVATE KEY-----", plain or in the text or an attribute of
 * XML, where characters may be written as references (&#45;)? NULs are passed over, so that UTF-16 is seen
 * through. PKCS#12 and files that are encrypted for a handset are not looked into. Fed in pieces of any size.
 * Floor 2; pure. */
#ifndef CRADLE_BEARER_H
#define CRADLE_BEARER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEARER_LABEL 40 /* longest label between "BEGIN " and "-----" that is looked at */
#define BEARER_ROOT  64

struct bearer {
    size_t keys; /* found so far */
    /* bearer.c's own */
    char reference[12], label[BEARER_LABEL];
    size_t n_reference, n_label, dashes, matched;
    bool in_reference, in_label;
};
/* Begins with all zero. */
void bearer_feed(struct bearer *bearer, const void *data, size_t n);

/* Writes the text with references resolved and NULs left out into out (n bytes); gives its length. */
size_t bearer_plain(const char *text, size_t n, char *out);
/* The name of the root element of well-formed XML; "" when there is none that fits. */
void bearer_root(const char *plain, size_t n, char root[BEARER_ROOT]);

#endif
