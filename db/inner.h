/* SPDX-License-Identifier: Apache-2.0 */
/* What db.c (statements, readers, opening) and writer.c (the queue and its groups) share. Floor 1, private to
 * db/. */
#ifndef CRADLE_DB_INNER_H
#define CRADLE_DB_INNER_H

#include "db/db.h"
#include "db/engine.h"

#include <pthread.h>
#include <stdatomic.h>

#define DB_GROUP_MAX 256

static const struct engine *const engine = &engine_sqlite;

struct db_conn {
    struct engine_conn *engine;
    struct db_conn *next;        /* in the list of idle readers, or of those that are lent */
    uint64_t lent;               /* its number among all that ever were */
    bool has_snapshot;           /* a reader: its transaction is open */
    uint64_t newest;             /* the commit that it sees, or a former one; 0: unknown */
    bool scrub;                  /* the writer: db_scrub was called in this group */
    bool running[SQL_COUNT + 1]; /* between db_select and db_end */
    struct fault trouble;        /* the engine's latest */
};

struct db {
    struct db_options options;
    char file[512];

    pthread_mutex_t readers_lock;
    pthread_cond_t reader_idle;
    struct db_conn *idle, *lent;
    uint64_t lends;      /* ever */
    size_t readers;      /* made so far */
    atomic_bool writing; /* changed under the lock */

    pthread_mutex_t lock; /* what follows, but for what stands below `thread`, which is the writer's */
    pthread_cond_t work, settled;
    struct db_write *first, **last;
    size_t eager;        /* queued writes that somebody waits for */
    int64_t lazy_since;  /* steady ms; when the oldest lazy one came */
    int64_t awake_until; /* steady ms; until then the idle writer wakes by itself */
    bool asleep;         /* it does not */
    uint64_t submitted, completed;
    uint64_t flush; /* commit at least up to this one now */
    bool stopping;
    bool scrub_due; /* the write-ahead log holds what was destroyed */

    pthread_t thread;
    struct db_conn writer;
    int64_t scrub_at; /* steady ms; the next attempt to empty the write-ahead log */
    struct fault results[DB_GROUP_MAX];
};

/* The writer, around whatever wants the write-ahead log: no idle reader keeps a snapshot meanwhile. */
void db_write_begins(struct db *db);
void db_write_ends(struct db *db);
/* Ends the statements that a user of the connection left open. */
void db_end_running(struct db_conn *conn);
/* The writer's thread: user is the struct db; ends when `stopping` is set and nothing is queued. */
void *db_writer(void *user);

#endif
