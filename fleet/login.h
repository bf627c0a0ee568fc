/* SPDX-License-Identifier: Apache-2.0 */
/* Is this client who it says it is? Certificate, password, and what the settings demand for its role.
 *
 * Passwords are checked in two steps: secrets made by the server, and what the credential memory holds of a
 * client that is known (throttle.h), at once (cheap); everything else, unknown and disabled
 * accounts included, costs one password hash on the bounded hash workers, in the lane that throttle.h gives
 * it, so that nothing tells them apart. Whoever refuses waits until refuse_after_ms have passed since the
 * client asked, from a timer; a refusal says the same words whatever the reason (LOGIN_REFUSED_WORDS), which
 * is logged here: of this floor only this module logs, because nobody above learns what happened. Floor 2. */
#ifndef CRADLE_LOGIN_H
#define CRADLE_LOGIN_H

#include "base/fault.h"
#include "base/secret.h"
#include "base/tls.h"
#include "base/work.h"
#include "fleet/account.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/throttle.h"

#define LOGIN_REFUSED_WORDS "user name, password or certificate not accepted"

enum login_result {
    LOGIN_GRANTED,         /* who is filled */
    LOGIN_PASSWORD_NEEDED, /* nothing wrong, nothing proved (no password was given): 331; 401 at once */
    LOGIN_REFUSED,         /* 530, 401; after the delay */
    LOGIN_FORBIDDEN, /* identified, but its role's rules want another factor, or newer TLS: 530, 403; after
                        the delay */
    LOGIN_BUSY       /* queue full or catalog unreadable: 421, 503. Never a refusal */
};

/* One attempt: part of its owner's struct, must live until `done` was called. */
struct login {
    /* in */
    struct fleet *fleet;
    char user[ACCOUNT_NAME_LIMIT + 1];      /* "" none; a longer name from the client: set user_unfit */
    bool user_unfit;                        /* too long, NUL or control characters: can be nobody's */
    char password[SECRET_PASSWORD_MAX + 1]; /* wiped before `done` */
    bool has_password;                      /* false at FTPS USER and for a request without credentials */
    bool password_unfit;                    /* too long or with a NUL: can be nobody's */
    struct tls_peer peer;
    enum serves serves;
    const char *protocol; /* "https" or "ftps"; for the log */
    char address[ADDRESS_LIMIT];
    void (*done)(struct login *login); /* once; on a hash worker, or before login_start returns */
    /* out */
    enum login_result result;
    struct principal who;
    uint64_t since;          /* evict_mark before anything was looked up, for evict_missed */
    int64_t refuse_after_ms; /* REFUSED, FORBIDDEN: when the answer may leave, from when the client asked */
    bool suspect; /* BUSY because of failures before: says nothing about the server, nor about a handset */
    /* internal: login.c's own, nothing to rely on */
    struct work work;
    struct login_case {
        struct account account;         /* what the user name names, when `known` */
        char stored[SECRET_STORED_MAX]; /* its stored password; "" when there is nothing to compare with */
        bool known;     /* it exists, is enabled, has a password, and this listener serves its role */
        bool shown;     /* the certificate verified and names a handset's MAC, or a member as below */
        bool member;    /* … and that is a handset or an account of the fleet that this listener serves */
        bool suffices;  /* … and its role's rule asks for nothing else */
        enum role role; /* shown: what the certificate says */
        struct mac mac;
        char name[ACCOUNT_NAME_LIMIT + 1];
        enum settings_binding binding[2]; /* of the certificate's handset, of the account's */
        /* Why the certificate shuts out whoever shows it, whatever else he shows; or NULL. */
        const char *denied;
        /* Why one that is expired or self-signed is taken all the same; or NULL. */
        const char *exception;
        char note[160];                /* why the certificate counts as absent; for the log */
        const char *reason;            /* why the attempt fails; for the log */
        bool right, wrong;             /* the password was checked, and is that */
        struct throttle_try attempt;   /* begun when there is a password */
        struct throttle_charge charge; /* when it failed */
    } on;
};

/* Looks a few rows of the catalog up, and waits for nothing else: a worker would cost more than they do. A
 * certificate that its CA or the catalog revoked, or of a lost handset, is refused whatever
 * the name and password, and whatever the rules. A verified certificate names a handset by MAC or an account
 * by name, which must be registered, enabled and of the bundle's role; otherwise it counts as absent and is
 * logged. A user name of a MAC's shape that is not the certificate's is refused, registered or not. A right
 * password of another account than the certificate's is refused. With `either` a certificate suffices
 * whatever the name and password; while a suspect's (throttle.h), that password is not looked at. A listener
 * that does not serve the role answers as for an unknown account. */
void login_start(struct login *login);

/* Does what was granted to `who` still hold, now that the certificate beside it is judged so and no longer as
 * then? One that adds nothing to what was proved may become unfit, but never revoked. Pure. */
bool login_holds(const struct principal *who, const struct tls_peer *then, const struct tls_peer *now);

/* Does any role that this listener serves accept certificates? (Then it asks for one in the handshake.) */
bool login_asks_certificate(const struct settings *settings, enum serves serves);

#endif
