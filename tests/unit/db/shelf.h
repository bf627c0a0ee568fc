/* SPDX-License-Identifier: Apache-2.0 */
/* A catalog in a temporary folder, and writes that add a row to its table of keys: the smallest that it has.
 */
#ifndef CRADLE_TEST_SHELF_H
#define CRADLE_TEST_SHELF_H

#include "base/mem.h"
#include "db/db.h"

#include <ftw.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct shelf {
    char folder[64], file[96];
    struct db_options options;
    struct db *db;
};

/* Fails the test with the fault's own words; the call passes `why` as its last argument. */
#define SHELF_OK(call)                                         \
    do {                                                       \
        struct fault shelf_fault = { 0 }, *why = &shelf_fault; \
        if ((call) != FAULT_OK)                                \
            fail_msg("%s: %s", #call, shelf_fault.text);       \
    } while (0)

static inline void shelf_open(struct shelf *shelf)
{
    SHELF_OK(db_open(&shelf->options, &shelf->db, NULL, why));
}

static inline void shelf_close(struct shelf *shelf)
{
    db_close(shelf->db);
    shelf->db = NULL;
}

static inline void shelf_folder(struct shelf *shelf)
{
    *shelf = (struct shelf){ .folder = "/tmp/cradle-test-XXXXXX" };
    assert_non_null(mkdtemp(shelf->folder));
    snprintf(shelf->file, sizeof shelf->file, "%s/catalog", shelf->folder);
    shelf->options =
        (struct db_options){ .file = shelf->file, .readers = 4, .create = true, .busy_ms = 10000 };
}

static inline void shelf_begin(struct shelf *shelf)
{
    shelf_folder(shelf);
    shelf_open(shelf);
}

static inline int shelf_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void shelf_end(struct shelf *shelf)
{
    db_close(shelf->db);
    nftw(shelf->folder, shelf_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline enum fault_code shelf_add(struct db_conn *conn, int64_t id, size_t size, struct fault *f)
{
    AUTO_FREE void *bytes = calloc(1, size + 1);
    assert_non_null(bytes);
    return db_run(conn, SQL_KEY_ADD, DB_ARGS(db_int(id), db_text("chunk"), db_blob(bytes, size), db_int(1)),
                  NULL, f);
}

/* A write of one row. */
struct adding {
    struct db_write write;
    int64_t id;
    size_t size;
    enum fault_code spoil; /* what run returns after it has added the row */
    sem_t *told;           /* may be NULL */
    struct fault result;
};

static inline enum fault_code adding_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct adding *adding = CONTAINER_OF(write, struct adding, write);
    enum fault_code code = shelf_add(conn, adding->id, adding->size, f);
    return code == FAULT_OK && adding->spoil ? fault_set(f, adding->spoil, "spoilt") : code;
}

static inline void adding_done(struct db_write *write, const struct fault *result)
{
    struct adding *adding = CONTAINER_OF(write, struct adding, write);
    adding->result = *result;
    if (adding->told)
        sem_post(adding->told);
}

static inline void adding_init(struct adding *adding, int64_t id, sem_t *told)
{
    *adding = (struct adding){
        .write = { .run = adding_run, .done = adding_done }, .id = id, .size = 32, .told = told
    };
}

static inline enum fault_code shelf_write(struct shelf *shelf, int64_t id, size_t size, struct fault *f)
{
    struct adding adding;
    adding_init(&adding, id, NULL);
    adding.size = size;
    return db_write_wait(shelf->db, &adding.write, f);
}

/* How many rows there are, as this connection sees them; *ret_present (may be NULL) gets a 1 at each id below
 * n. */
static inline size_t shelf_rows(struct db_conn *conn, char *ret_present, size_t n)
{
    struct db_rows rows;
    size_t count = 0;
    db_select(conn, SQL_KEY_LIST, DB_NONE, &rows);
    for (; db_next(&rows); count++) {
        int64_t id = db_row_int(&rows, 0);
        if (ret_present && id >= 0 && (size_t)id < n)
            ret_present[id] = 1;
    }
    SHELF_OK(db_end(&rows, why));
    return count;
}

static inline size_t shelf_count(struct shelf *shelf)
{
    struct db_conn *conn = NULL;
    SHELF_OK(db_read_begin(shelf->db, &conn, why));
    size_t count = shelf_rows(conn, NULL, 0);
    db_read_end(shelf->db, conn);
    return count;
}

/* A write that keeps the writer busy until the test lets it go: what is queued meanwhile is one group. */
struct gate {
    struct db_write write;
    sem_t entered, leave, told;
};

static inline enum fault_code gate_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct gate *gate = CONTAINER_OF(write, struct gate, write);
    (void)conn, (void)f;
    sem_post(&gate->entered);
    sem_wait(&gate->leave);
    return FAULT_OK;
}

static inline void gate_done(struct db_write *write, const struct fault *result)
{
    struct gate *gate = CONTAINER_OF(write, struct gate, write);
    (void)result;
    sem_post(&gate->told);
}

static inline void gate_close(struct gate *gate, struct db *db)
{
    gate->write = (struct db_write){ .run = gate_run, .done = gate_done };
    sem_init(&gate->entered, 0, 0);
    sem_init(&gate->leave, 0, 0);
    sem_init(&gate->told, 0, 0);
    db_submit(db, &gate->write);
    sem_wait(&gate->entered);
}

static inline void gate_open(struct gate *gate)
{
    sem_post(&gate->leave);
    sem_wait(&gate->told);
    sem_destroy(&gate->entered);
    sem_destroy(&gate->leave);
    sem_destroy(&gate->told);
}

#endif
