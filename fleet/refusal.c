/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/refusal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "fleet/grant.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 64

/* A note on its way into the catalog. In use until its write is done; what comes meanwhile is added to it. */
struct pending {
    struct db_write write;
    struct refusal_board *board;
    struct db *db;
    bool used;
    char address[ADDRESS_LIMIT], protocol[8], words[REFUSAL_WORDS_LIMIT + 1];
    int64_t count, first, last; /* of what is not written yet */
};

struct refusal_board {
    pthread_mutex_t lock;
    struct pending pending[PENDING_MAX];
};

struct refusal_board *refusal_board_new(void)
{
    struct refusal_board *board = calloc(1, sizeof *board);
    if (board != NULL)
        pthread_mutex_init(&board->lock, NULL);
    return board;
}

void refusal_board_free(struct refusal_board *board)
{
    if (board == NULL)
        return;
    pthread_mutex_destroy(&board->lock);
    free(board);
}

/* --- writing --- */

/* The handset that was seen lately at this address, if it is the only one; otherwise the address. */
static enum fault_code find_who(struct db_conn *conn, const char *address, int64_t now,
                                char who[ADDRESS_LIMIT], struct fault *f)
{
    struct db_rows rows;
    char found[ADDRESS_LIMIT] = "";
    int count = 0;
    db_select(conn, SQL_HANDSET_AT_ADDRESS, DB_ARGS(db_text(address), db_int(now - REFUSAL_LATELY_MS)),
              &rows);
    while (db_next(&rows)) {
        mem_copy_text(found, sizeof found, db_row_text(&rows, 0));
        count++;
    }
    enum fault_code code = db_end(&rows, f);
    mem_copy_text(who, ADDRESS_LIMIT, count == 1 ? found : address);
    return code;
}

/* Room for a new row is made by the oldest. */
static enum fault_code trim(struct db_conn *conn, struct fault *f)
{
    struct db_rows rows;
    int64_t count = 0;
    db_select(conn, SQL_REFUSAL_COUNT, DB_NONE, &rows);
    while (db_next(&rows))
        count = db_row_int(&rows, 0);
    enum fault_code code = db_end(&rows, f);
    for (; code == FAULT_OK && count > REFUSAL_ROWS_MAX; count--) {
        struct refusal oldest = { .count = 0 };
        db_select(conn, SQL_REFUSAL_OLDEST, DB_NONE, &rows);
        while (db_next(&rows)) {
            mem_copy_text(oldest.who, sizeof oldest.who, db_row_text(&rows, 0));
            mem_copy_text(oldest.protocol, sizeof oldest.protocol, db_row_text(&rows, 1));
            mem_copy_text(oldest.words, sizeof oldest.words, db_row_text(&rows, 2));
        }
        code = db_end(&rows, f);
        if (code == FAULT_OK)
            code = db_run(conn, SQL_REFUSAL_REMOVE,
                          DB_ARGS(db_text(oldest.who), db_text(oldest.protocol), db_text(oldest.words)), NULL,
                          f);
    }
    return code;
}

static enum fault_code run_note(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct pending *p = CONTAINER_OF(write, struct pending, write);
    char who[ADDRESS_LIMIT];
    pthread_mutex_lock(&p->board->lock);
    int64_t count = p->count, first = p->first, last = p->last;
    p->count = 0;
    pthread_mutex_unlock(&p->board->lock);
    enum fault_code code = find_who(conn, p->address, last, who, f);
    if (code == FAULT_OK)
        code = db_run(conn, SQL_REFUSAL_ADD,
                      DB_ARGS(db_text(who), db_text(p->protocol), db_text(p->words), db_int(count),
                              db_int(first), db_int(last)),
                      NULL, f);
    return code == FAULT_OK ? trim(conn, f) : code;
}

/* A note that was lost is not worth a word: the client will try again. */
static void done_note(struct db_write *write, const struct fault *result)
{
    struct pending *p = CONTAINER_OF(write, struct pending, write);
    pthread_mutex_lock(&p->board->lock);
    bool more = p->count > 0 && result->code == FAULT_OK;
    p->used = more;
    pthread_mutex_unlock(&p->board->lock);
    if (more)
        db_submit_lazy(p->db, &p->write);
}

static struct pending *find_pending(struct refusal_board *board, const char *address, const char *protocol,
                                    const char *words)
{
    struct pending *vacant = NULL;
    for (size_t i = 0; i < PENDING_MAX; i++) {
        struct pending *p = &board->pending[i];
        if (!p->used)
            vacant = vacant ? vacant : p;
        else if (strcmp(p->address, address) == 0 && strcmp(p->protocol, protocol) == 0 &&
                 strcmp(p->words, words) == 0)
            return p;
    }
    return vacant;
}

void refusal_note(struct fleet *fleet, const char *address, const char *protocol, const char *words)
{
    struct refusal_board *board = fleet->refusals;
    bool submit = false;
    int64_t now = clock_wall_ms();
    pthread_mutex_lock(&board->lock);
    struct pending *p = find_pending(board, address, protocol, words);
    if (p != NULL && !p->used) {
        *p = (struct pending){
            .write.run = run_note, .write.done = done_note, .board = board, .db = fleet->db
        };
        submit = p->used = mem_copy_text(p->address, sizeof p->address, address) &&
                           mem_copy_text(p->protocol, sizeof p->protocol, protocol) &&
                           mem_copy_text(p->words, sizeof p->words, words);
    }
    if (p != NULL && p->used) {
        if (p->count++ == 0)
            p->first = now;
        p->last = now;
    }
    pthread_mutex_unlock(&board->lock);
    if (submit)
        db_submit_lazy(fleet->db, &p->write);
}

/* --- reading --- */

enum fault_code refusal_list(struct fleet *fleet, struct refusal **ret_refusals, size_t *ret_count,
                             struct fault *f)
{
    struct db_conn *conn;
    struct db_rows rows;
    size_t count = 0;
    struct refusal *refusals = calloc(REFUSAL_ROWS_MAX, sizeof *refusals);
    if (refusals == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = db_read_begin(fleet->db, &conn, f);
    if (code == FAULT_OK) {
        db_select(conn, SQL_REFUSAL_LIST, DB_NONE, &rows);
        while (db_next(&rows) && count < REFUSAL_ROWS_MAX) {
            struct refusal *r = &refusals[count++];
            mem_copy_text(r->who, sizeof r->who, db_row_text(&rows, 0));
            mem_copy_text(r->protocol, sizeof r->protocol, db_row_text(&rows, 1));
            mem_copy_text(r->words, sizeof r->words, db_row_text(&rows, 2));
            r->count = db_row_int(&rows, 3);
            r->first = db_row_int(&rows, 4);
            r->last = db_row_int(&rows, 5);
        }
        code = db_end(&rows, f);
        db_read_end(fleet->db, conn);
    }
    if (code != FAULT_OK) {
        free(refusals);
        return code;
    }
    *ret_refusals = refusals;
    *ret_count = count;
    return FAULT_OK;
}

struct clear_write {
    struct db_write write;
    const char *who;
};

static enum fault_code run_clear(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct clear_write *w = CONTAINER_OF(write, struct clear_write, write);
    return db_run(conn, SQL_REFUSAL_CLEAR, DB_ARGS(db_text(w->who)), NULL, f);
}

enum fault_code refusal_clear(struct fleet *fleet, const struct principal *actor, const char *who,
                              struct fault *f)
{
    struct clear_write w = { .write.run = run_clear, .who = who ? who : "" };
    enum fault_code code = actor ? grant_role(actor, GRANT_ADMINISTER, f) : FAULT_OK;
    return code == FAULT_OK ? db_write_wait(fleet->db, &w.write, f) : code;
}
