/* SPDX-License-Identifier: Apache-2.0 */
/* What a TLS server shows who it is with: protocol version, cipher and chain as it sends them. Verifies
 * nothing and sends nothing but the handshake. Blocking, with deadlines; one thread. */
#ifndef CRADLE_LIVE_H
#define CRADLE_LIVE_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct live_target {
    bool ftps;
    char host[256]; /* a name, or a numeric address without brackets */
    char port[6];
};
/* "https://host[:port]" (443) or "ftps://host[:port]" (990, TLS from the first byte). FAULT_INPUT. */
enum fault_code live_parse(const char *url, struct live_target *ret_target, struct fault *f);

#define LIVE_CERTIFICATES 16
struct live {
    char protocol[16], cipher[32]; /* as GnuTLS names them: "TLS1.3", "AES-128-GCM" */
    size_t count;
    struct live_certificate {
        void *der;
        size_t size;
        char subject[160], issuer[160]; /* as they came: not safe for a terminal */
        int64_t until;                  /* Unix seconds; -1 when it cannot be read */
    } sent[LIVE_CERTIFICATES];
};
/* FAULT_INPUT: the name does not resolve. FAULT_IO: no connection. FAULT_TLS, FAULT_CUT, FAULT_TIMEOUT: no
 * handshake, and why. live_fini what was given. */
enum fault_code live_look(const struct live_target *target, struct live *ret_live, struct fault *f);
void live_fini(struct live *live);

#endif
