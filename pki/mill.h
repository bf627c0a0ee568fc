/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for many handsets at once: keys are made on all cores, since that is what takes the time;
 * signing and writing happen one after the other. May be interrupted at any moment and begun again: what is
 * done is passed over. Floor 1; the caller's thread waits. */
#ifndef CRADLE_MILL_H
#define CRADLE_MILL_H

#include "base/fault.h"
#include "base/mac.h"
#include "pki/issue.h"

#include <stddef.h>

struct mill_order {
    struct store *store;
    const struct issuer *issuer;
    const struct issue_order *model; /* for each; its name is filled in */
    const struct mac *macs;
    size_t count;
    unsigned threads; /* 0: as many as there are cores */
    /* Told after each certificate, by one thread at a time; NULL: nobody watches. */
    void (*progress)(void *user, size_t done, size_t total);
    void *user;
};

/* Looks at all of them before anything is made (issue_look's faults). *ret_made, *ret_there: how many were
 * made, how many were there. On failure what was made stays. */
enum fault_code mill_run(const struct mill_order *order, size_t *ret_made, size_t *ret_there,
                         struct fault *f);

#endif
