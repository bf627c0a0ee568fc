/* SPDX-License-Identifier: Apache-2.0 */
/* Attempts at a login in a camp, each waited for. */
#ifndef CRADLE_TEST_ATTEMPT_H
#define CRADLE_TEST_ATTEMPT_H

#include "fleet/login.h"
#include "tests/unit/fleet/camp.h"

#include <semaphore.h>

#define M1   "00907a000001" /* account of its MAC's name, chosen password */
#define PIN  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DEAD "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd" /* revoked in the catalog */

static struct camp camp;
static char made[SECRET_MADE_LENGTH + 1];

struct attempt {
    struct login login;
    sem_t ended;
};

static inline void attempt_done(struct login *login)
{
    sem_post(&CONTAINER_OF(login, struct attempt, login)->ended);
}

static const char *attempt_from = "192.0.2.1";
static enum tls_version attempt_tls = TLS_1_2;

/* cert: "h:CN", "a:CN", "o:CN"; "e:CN" expired, of the handsets' CA, "x:CN" expired, of the administrators';
 * "s:CN" self-signed, with the fingerprint PIN, "t:CN" with another; "d:CN" a handset's with the fingerprint
 * DEAD; "bad", "revoked", or NULL. password NULL: none given. */
static inline void attempt_start(struct attempt *attempt, enum serves serves, const char *user,
                                 const char *password, const char *cert)
{
    struct login *login = &attempt->login;
    memset(login, 0, sizeof *login);
    sem_init(&attempt->ended, 0, 0);
    login->fleet = camp.fleet;
    login->serves = serves;
    login->protocol = "https";
    login->done = attempt_done;
    login->peer.version = attempt_tls;
    mem_copy_text(login->address, sizeof login->address, attempt_from);
    login->user_unfit = !mem_copy_text(login->user, sizeof login->user, user);
    login->has_password = password != NULL;
    if (password)
        login->password_unfit = !mem_copy_text(login->password, sizeof login->password, password);
    if (cert && strcmp(cert, "bad") == 0) {
        login->peer.state = TLS_PEER_UNFIT;
        mem_copy_text(login->peer.reason, sizeof login->peer.reason, "expired");
    } else if (cert && strcmp(cert, "revoked") == 0) {
        login->peer.state = TLS_PEER_REVOKED;
        mem_copy_text(login->peer.common_name, sizeof login->peer.common_name, M1);
        mem_copy_text(login->peer.reason, sizeof login->peer.reason, "revoked by its CA");
    } else if (cert) {
        char kind = cert[0];
        struct tls_peer *peer = &login->peer;
        peer->self_signed = kind == 's' || kind == 't';
        peer->expired = kind == 'e' || kind == 'x';
        peer->state = peer->self_signed || peer->expired ? TLS_PEER_UNFIT : TLS_PEER_VERIFIED;
        peer->bundle = peer->self_signed            ? -1
                       : kind == 'a' || kind == 'x' ? ROLE_ADMINISTRATOR
                       : kind == 'o'                ? ROLE_OPERATOR
                                                    : ROLE_HANDSET;
        mem_copy_text(peer->common_name, sizeof peer->common_name, cert + 2);
        mem_copy_text(peer->fingerprint, sizeof peer->fingerprint,
                      kind == 's'   ? PIN
                      : kind == 'd' ? DEAD
                                    : "f1f2");
    }
    login_start(login);
}

static inline void attempt_wait(struct attempt *attempt)
{
    static const char wiped[sizeof attempt->login.password];
    while (sem_wait(&attempt->ended) != 0)
        continue;
    sem_destroy(&attempt->ended);
    assert_memory_equal(attempt->login.password, wiped, sizeof wiped);
}

static inline int close_camp(void **state)
{
    (void)state;
    camp_close(&camp);
    return 0;
}

#endif
