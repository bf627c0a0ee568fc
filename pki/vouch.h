/* SPDX-License-Identifier: Apache-2.0 */
/* Would a handset that holds these CAs accept that server chain? As an older TLS client decides it: up to a
 * self-signed root that it holds and that is still valid. The chain's own dates and strength are the
 * checker's (check.h), not asked here. Floor 1; one thread. */
#ifndef CRADLE_VOUCH_H
#define CRADLE_VOUCH_H

#include "base/fault.h"
#include <stddef.h>
#include <stdint.h>

struct vouch;

/* A chain, PEM, leaf first. now: Unix seconds. FAULT_INPUT: there is none in the text. */
enum fault_code vouch_new(const char *chain, size_t n, int64_t now, struct vouch **ret_vouch,
                          struct fault *f);
void vouch_free(struct vouch *vouch); /* takes NULL */

enum vouch_answer {
    VOUCH_NOTHING, /* no certificate in the text */
    VOUCH_NO,
    VOUCH_YES
};
#define VOUCH_SUBJECT 160
/* The CAs in a PEM text. Equal texts are judged once. ret_subject: the first one's, safe for a terminal. */
enum vouch_answer vouch_ask(struct vouch *vouch, const char *cas, size_t n, char ret_subject[VOUCH_SUBJECT]);

#endif
