/* SPDX-License-Identifier: Apache-2.0 */
/* What lets a TLS 1.2 client without tickets (curl) resume by session id, and only within one family of
 * connections: the first of them is learnt from, the others may resume it, nothing else ever knows it. On
 * TLS 1.2 the id is the server's, random, and worth nothing without the master secret, so that resuming
 * proves as much as a ticket of that family's own key. TLS 1.3 resumes by tickets alone. Floor 0; all
 * sessions of a family belong to one thread. */
#ifndef CRADLE_TLS_RECALL_H
#define CRADLE_TLS_RECALL_H

#include <gnutls/gnutls.h>

struct tls_recall;
struct tls_recall *tls_recall_new(void);         /* NULL: no memory */
void tls_recall_free(struct tls_recall *recall); /* wipes; takes NULL; after all its sessions */
/* Before the handshake; recall is borrowed until the session is gone. */
void tls_recall_learn(struct tls_recall *recall, gnutls_session_t session);
void tls_recall_allow(struct tls_recall *recall, gnutls_session_t session);

#endif
