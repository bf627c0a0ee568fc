/* SPDX-License-Identifier: Apache-2.0 */
/* Putting certificates into the order a handset needs (R5): the leaf first, each followed by its issuer, up
 * to and including the root. Floor 1; any thread. */
#ifndef CRADLE_ORDER_H
#define CRADLE_ORDER_H

#include "base/buf.h"
#include "base/fault.h"

#include <stdbool.h>
#include <stddef.h>

#define ORDER_MAX 64 /* certificates that are looked at */

/* Appends the chain of the PEM texts (several certificates each, text between them is dropped) as PEM, and to
 * `notes` what a person should know, one thing a line: who is in the chain, what is missing, what did not
 * belong. *ret_whole: it reaches a root. Whatever is missing, the rest is there. without_root: the root is
 * left out, if there is one. FAULT_INPUT: no certificate, too many of them, one that cannot be read, or
 * several that could be the leaf. */
enum fault_code order_chain(const struct buf *texts, size_t count, bool without_root, struct buf *pem,
                            struct buf *notes, bool *ret_whole, struct fault *f);

#endif
