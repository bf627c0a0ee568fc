/* SPDX-License-Identifier: Apache-2.0 */
/* What reseal.c (the thread, and contents that are sealed anew) and reseal_keys.c (the keys that they lie
 * under) share. Floor 2, private to the two. */
#ifndef CRADLE_RESEAL_INNER_H
#define CRADLE_RESEAL_INNER_H

#include "fleet/content.h"
#include "fleet/reseal.h"

#include <pthread.h>

#define BATCH_CONTENTS 32 /* as content_older has it */
#define BATCH_CHUNKS   64

struct resealed {
    uint8_t content[SEAL_CONTENT_ID];
    int64_t number;
    size_t n;
    uint8_t *sealed; /* owned */
};
/* One small write. */
struct batch {
    struct db_write write;
    uint32_t key; /* which all of it is under from then on */
    size_t chunks, contents, bytes;
    struct resealed chunk[BATCH_CHUNKS];
    uint8_t whole[BATCH_CONTENTS][SEAL_CONTENT_ID]; /* contents that are through */
};

struct reseal {
    struct fleet *fleet;
    pthread_t thread;
    /* the thread's */
    struct batch batch;
    int64_t skipped; /* contents of this pass that do not open */
    bool again;      /* this pass follows one that left something, which was told then */
    uint8_t plain[CONTENT_CHUNK];
    uint8_t sealed[CONTENT_CHUNK + SEAL_OVERHEAD];
    uint32_t going; /* a key whose row is gone, 0: none */
    uint64_t mark;  /* readers that were lent before may still name it */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t news;
    bool stopping, wanted;
    bool running;
    int64_t done, total, damaged;
};

enum left {
    LEFT_NOTHING,
    LEFT_IN_USE, /* an older key is needed by an upload under way or an old snapshot: it takes time only */
    LEFT_NEEDED, /* ... by a content */
};

/* Destroys the older keys that nothing needs any more, from the oldest on; tells what is left when it ends.
 * The thread. */
enum fault_code reseal_retire(struct reseal *r, enum left *ret_left, struct fault *f);

#endif
