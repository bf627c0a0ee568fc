/* SPDX-License-Identifier: Apache-2.0 */
/* A data channel: what is special about it beside a stream is that it comes from outside to a port that was
 * offered, and must be proved to be the control session's own. It knows no command and no file. Floor 3;
 * belongs to its loop's thread.
 *
 *   OFFERED > SHAKING > OPEN > DRAINING > (drained)          any > BROKEN
 *
 * Bound by a one-shot random port and the peer's address always; by the certificate when the control
 * connection showed one; by TLS resumption as `binding` says: who resumes the control session itself holds a
 * secret of that connection. The ticket key is the control session's own. */
#ifndef CRADLE_DATA_H
#define CRADLE_DATA_H

#include "base/fault.h"
#include "base/loop.h"
#include "base/settings.h"
#include "base/stream.h"
#include "base/tls.h"
#include "base/tls_recall.h"
#include "ftps/address.h"
#include "ftps/port.h"
#include <stdbool.h>
#include <stdint.h>

enum data_state {
    DATA_OFFERED,  /* the port listens, or the peer has come and waits for data_begin: not a byte was read or
                      sent */
    DATA_SHAKING,  /* the TLS handshake runs */
    DATA_OPEN,     /* it is the control session's own: data_stream() can be used */
    DATA_DRAINING, /* data_finish was called: what is queued leaves, close_notify is exchanged */
    DATA_BROKEN    /* data_fault() says why */
};

struct data;
struct data_options {
    struct loop *loop;
    struct port_pool *ports;
    struct port_wait *wait;           /* for data_offer; not kept */
    bool legacy;                      /* old TLS, as on the control connection */
    struct tls_identity *identity;    /* borrowed until the channel is gone */
    struct tls_trust *trust;          /* kept */
    const gnutls_datum_t *ticket_key; /* borrowed until the channel is gone */
    struct tls_recall *recall;        /* likewise */
    gnutls_session_t control;         /* likewise, until the channel is OPEN */
    union address local, peer;        /* of the control connection */
    enum settings_binding binding;
    bool resumed_before; /* a data channel of this control session resumed: later ones must (the ratchet of
                            `prefer`) */
    const char
        *fingerprint;    /* of the control connection's client certificate, "" for none; borrowed likewise */
    int64_t patience_ms; /* for the peer to come, and then for its handshake */
    void (*changed)(void *user); /* anything: came to be open, can be read or written, broke. May call
                                    data_finish or data_drop */
    void (*drained)(void *user,
                    struct data *data); /* after data_finish; the channel is gone when this returns */
    void *user;
};

/* Listens on a passive port. FAULT_BUSY: none is free, and `wait` waits for one. */
enum fault_code data_offer(const struct data_options *options, struct data **ret_data, struct fault *f);
uint16_t data_port(const struct data *data);
/* The reply 150 is on its way: the peer's handshake may begin. */
void data_begin(struct data *data);
enum data_state data_state(const struct data *data);
const struct fault *data_fault(const struct data *data);
/* OPEN only; borrowed. */
struct stream *data_stream(struct data *data);
/* It was OPEN once. */
bool data_was_open(const struct data *data);
bool data_resumed(const struct data *data);
/* The peer ended it by a FIN, not by a reset: only then may a missing close_notify be forgiven. */
bool data_ended_by_fin(const struct data *data);
/* Closes in good order; the channel then lives by itself until `drained`, waits at most wait_ms for the
 * peer's close_notify, and can be ended early by data_drop. */
void data_finish(struct data *data, int64_t wait_ms);
/* Ends it at once, whatever its state; `drained` is not called. Takes NULL. */
void data_drop(struct data *data);

#endif
