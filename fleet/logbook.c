/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/logbook.h"

#include "base/mem.h"
#include "base/secret.h"

#include <pthread.h>
#include <stdlib.h>

#define LOGBOOK_SHARDS  16
#define LOGBOOK_BUCKETS 512 /* a shard: some 20,000 sessions then wait in chains of two or three */

struct sender {
    uint64_t number;
    bool unseen; /* a segment of it is on disk whose reply it may not have seen */
    bool heard; /* it saw that reply, and the catalog could not be told: stays here although it may be gone */
    struct sender *chained;
};
struct shard {
    pthread_mutex_t lock;
    struct sender *bucket[LOGBOOK_BUCKETS];
};
struct logbook {
    struct shard shard[LOGBOOK_SHARDS];
    /* A sender could not be remembered: then it is not known who is gone, and nothing is taken for a resend
     * any more. Bytes that are kept twice are the smaller evil. */
    bool blind;
};

struct logbook *logbook_new(void)
{
    struct logbook *logbook = calloc(1, sizeof *logbook);
    for (size_t i = 0; logbook && i < LOGBOOK_SHARDS; i++)
        pthread_mutex_init(&logbook->shard[i].lock, NULL);
    return logbook;
}

void logbook_free(struct logbook *logbook)
{
    if (logbook == NULL)
        return;
    for (size_t i = 0; i < LOGBOOK_SHARDS; i++) {
        struct shard *shard = &logbook->shard[i];
        for (size_t b = 0; b < LOGBOOK_BUCKETS; b++)
            for (struct sender *s = shard->bucket[b], *next; s; s = next) {
                next = s->chained;
                free(s);
            }
        pthread_mutex_destroy(&shard->lock);
    }
    free(logbook);
}

/* Locks the sender's shard and gives the link that holds it, or the empty one at the end. */
static struct sender **logbook_lock(struct logbook *logbook, uint64_t number, struct shard **ret_shard)
{
    struct shard *shard = &logbook->shard[number % LOGBOOK_SHARDS];
    pthread_mutex_lock(&shard->lock);
    struct sender **link = &shard->bucket[number / LOGBOOK_SHARDS % LOGBOOK_BUCKETS];
    while (*link && (*link)->number != number)
        link = &(*link)->chained;
    *ret_shard = shard;
    return link;
}

uint64_t logbook_sender_new(struct fleet *fleet)
{
    struct logbook *logbook = fleet->logbook;
    struct sender *sender = calloc(1, sizeof *sender);
    uint64_t number;
    if (sender == NULL)
        __atomic_store_n(&logbook->blind, true, __ATOMIC_RELAXED);
    for (;;) {
        struct shard *shard;
        secret_random(&number, sizeof number);
        struct sender **link = logbook_lock(logbook, number, &shard);
        bool fresh = number != 0 && *link == NULL;
        if (fresh && sender) {
            sender->number = number;
            *link = sender;
        }
        pthread_mutex_unlock(&shard->lock);
        if (fresh)
            return number;
    }
}

struct said {
    struct db_write write;
    struct fleet *fleet;
    uint64_t sender;
};

static enum fault_code said_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct said *said = (struct said *)(void *)write;
    return db_run(conn, SQL_LOG_SEGMENT_SEEN, DB_ARGS(db_int((int64_t)said->sender)), NULL, f);
}

/* The next word tries again, if one comes. If none does, the sender is never taken for one that went without
 * a word: the bytes that its handset sends later would be lost. */
static void said_done(struct db_write *write, const struct fault *result)
{
    struct said *said = (struct said *)(void *)write;
    struct logbook *logbook = said->fleet->logbook;
    struct shard *shard;
    struct sender **link = logbook_lock(logbook, said->sender, &shard);
    if (result->code && *link == NULL) {
        *link = calloc(1, sizeof **link);
        if (*link)
            (*link)->number = said->sender;
        else
            __atomic_store_n(&logbook->blind, true, __ATOMIC_RELAXED);
    }
    if (*link) {
        (*link)->heard = result->code != FAULT_OK;
        (*link)->unseen = (*link)->unseen || result->code;
    }
    pthread_mutex_unlock(&shard->lock);
    free(said);
}

void logbook_sender_said(struct fleet *fleet, uint64_t sender)
{
    struct shard *shard;
    struct said *said = NULL;
    struct sender *s = *logbook_lock(fleet->logbook, sender, &shard);
    /* Without memory the mark stays: the next word tries again. */
    if (s && s->unseen && (said = calloc(1, sizeof *said)) != NULL)
        s->unseen = false;
    pthread_mutex_unlock(&shard->lock);
    if (said == NULL)
        return;
    *said =
        (struct said){ .write = { .run = said_run, .done = said_done }, .fleet = fleet, .sender = sender };
    db_submit_lazy(fleet->db, &said->write);
}

void logbook_sender_stored(struct fleet *fleet, uint64_t sender)
{
    struct shard *shard;
    struct sender *s = *logbook_lock(fleet->logbook, sender, &shard);
    if (s)
        s->unseen = true;
    pthread_mutex_unlock(&shard->lock);
}

void logbook_sender_gone(struct fleet *fleet, uint64_t sender)
{
    struct shard *shard;
    struct sender **link = logbook_lock(fleet->logbook, sender, &shard);
    struct sender *s = *link;
    if (s && s->heard)
        s = NULL;
    if (s)
        *link = s->chained;
    pthread_mutex_unlock(&shard->lock);
    free(s);
}

bool logbook_sender_alive(struct fleet *fleet, uint64_t sender)
{
    struct shard *shard;
    bool alive = *logbook_lock(fleet->logbook, sender, &shard) != NULL;
    pthread_mutex_unlock(&shard->lock);
    return alive || __atomic_load_n(&fleet->logbook->blind, __ATOMIC_RELAXED);
}

/* --- for the API --- */

/* Room for one element more in an array of `count`; its size doubles at powers of two. NULL: no memory, the
 * old one stays. */
static void *logbook_grow(void *array, size_t count, size_t element)
{
    return count & (count - 1) ? array : realloc(array, (count ? 2 * count : 1) * element);
}

static enum fault_code logbook_no_memory(struct fault *f)
{
    return fault_set(f, FAULT_MEMORY, "out of memory for a list of logs");
}

enum fault_code logbook_list(struct fleet *fleet, const struct mac *mac,
                             struct logbook_generation **ret_generations, size_t *ret_count, struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    AUTO_FREE struct logbook_generation *list = NULL;
    size_t count = 0;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_LOG_LIST, DB_ARGS(db_text(mac->text)), &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct logbook_generation *grown = logbook_grow(list, count, sizeof *list);
        if (grown == NULL) {
            code = logbook_no_memory(f);
            break;
        }
        list = grown;
        struct logbook_generation *g = &list[count++];
        *g = (struct logbook_generation){ .generation = db_row_int(&rows, 1),
                                          .size = db_row_int(&rows, 2),
                                          .started = db_row_int(&rows, 3),
                                          .modified = db_row_int(&rows, 4),
                                          .closed = db_row_int(&rows, 5),
                                          .segments = db_row_int(&rows, 6),
                                          .repeats = db_row_int(&rows, 7) };
        (void)mem_copy_text(g->path, sizeof g->path, db_row_text(&rows, 0));
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    db_read_end(fleet->db, conn);
    if (code || ended)
        return code ? code : ended;
    *ret_generations = list;
    *ret_count = count;
    list = NULL;
    return FAULT_OK;
}

enum fault_code logbook_segments(struct fleet *fleet, const struct mac *mac, const char *path,
                                 int64_t generation, struct logbook_segment **ret_segments, size_t *ret_count,
                                 struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    AUTO_FREE struct logbook_segment *list = NULL;
    size_t count = 0;
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code)
        return code;
    db_select(conn, SQL_LOG_SEGMENT_LIST, DB_ARGS(db_text(mac->text), db_text(path), db_int(generation)),
              &rows);
    while (code == FAULT_OK && db_next(&rows)) {
        struct logbook_segment *grown = logbook_grow(list, count, sizeof *list);
        if (grown == NULL) {
            code = logbook_no_memory(f);
            break;
        }
        list = grown;
        struct logbook_segment *s = &list[count++];
        *s = (struct logbook_segment){ .segment = db_row_int(&rows, 0),
                                       .size = db_row_int(&rows, 1),
                                       .of = db_row_int(&rows, 2),
                                       .repeat = db_row_int(&rows, 2) != 0,
                                       .received = db_row_int(&rows, 3),
                                       .seen = db_row_int(&rows, 4) != 0 };
        (void)mem_copy_text(s->author, sizeof s->author, db_row_text(&rows, 5));
    }
    enum fault_code ended = db_end(&rows, code ? NULL : f);
    db_read_end(fleet->db, conn);
    if (code || ended)
        return code ? code : ended;
    if (count == 0)
        return fault_set(f, FAULT_ABSENT, "there is no such generation");
    *ret_segments = list;
    *ret_count = count;
    list = NULL;
    return FAULT_OK;
}
