/* SPDX-License-Identifier: Apache-2.0 */
/* What upload.c (bytes that come, and the life of an upload) and upload_commit.c (the transaction that makes
 * it visible) share. Floor 2, private to the two. */
#ifndef CRADLE_UPLOAD_INNER_H
#define CRADLE_UPLOAD_INNER_H

#include "fleet/bearer.h"
#include "fleet/content.h"
#include "fleet/inspect.h"
#include "fleet/put.h"
#include "fleet/upload.h"

#include <pthread.h>
#include <stdatomic.h>

/* A sealed chunk on its way to the catalog. */
struct chunk {
    struct db_write write;
    struct upload *upload;
    int64_t index;
    size_t n;
    uint8_t sealed[];
};

struct upload {
    struct fleet *fleet;
    struct put_target target;
    bool append, unchecked;
    char *if_match, *if_none_match;
    uint64_t sender;
    void (*progress)(void *user);
    void *user;

    /* the owner's thread */
    struct content content; /* id; size so far; digest once committed */
    struct secret_mac_state *mac;
    struct inspect *inspect; /* NULL: nothing to check */
    struct fault flaw;       /* what the check found, when unchecked */
    struct bearer bearer;    /* private keys of what administrators store (R20) */
    uint8_t *plain;          /* the chunk that is being filled */
    size_t used, room;
    int64_t index; /* of that chunk */
    uint32_t key;  /* vault_enter */
    bool committing;

    /* the writer's thread */
    struct db_write commit, cleanup;
    struct chunk *last;
    bool stage_failed; /* a chunk was not stored: the later ones must not be, nothing would find them again */
    struct upload_outcome committed;

    pthread_mutex_t lock;
    int refs;
    int in_flight;
    bool waiting;         /* progress was promised */
    bool left;            /* by the owner */
    struct fault failure; /* the first one of a staging write */
    struct fault result;  /* of the commit */
    struct upload_outcome outcome;
    atomic_bool ended;
};

/* upload.commit.run */
enum fault_code upload_commit_run(struct db_conn *conn, struct db_write *write, struct fault *f);

#endif
