/* SPDX-License-Identifier: Apache-2.0 */
/* What was acknowledged is there: after kill -9, on a full disk, beside another process. */
#include "shelf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* --- kill -9 --- */

enum { WRITES = 4000, IN_FLIGHT = 20 };

struct told {
    struct db_write write;
    struct db *db;
    int32_t id;
    int pipe;
};

/* Ids go to several rows, so that half a write would show. */
static enum fault_code told_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    struct told *told = CONTAINER_OF(write, struct told, write);
    enum fault_code code = FAULT_OK;
    for (int part = 0; part < 3 && code == FAULT_OK; part++)
        code = shelf_add(conn, (int64_t)told->id * 3 + part, 500, f);
    return code;
}

/* Tells the parent what is acknowledged, and goes on with another. */
static void told_done(struct db_write *done, const struct fault *result)
{
    struct told *told = CONTAINER_OF(done, struct told, write);
    if (result->code != FAULT_OK || write(told->pipe, &told->id, sizeof told->id) != sizeof told->id)
        _exit(3);
    told->id += IN_FLIGHT;
    if (told->id < WRITES)
        db_submit(told->db, &told->write);
}

static void child_writes(struct shelf *shelf, int pipe)
{
    struct told told[IN_FLIGHT];
    if (db_open(&shelf->options, &shelf->db, NULL, NULL) != FAULT_OK)
        _exit(2);
    for (int i = 0; i < IN_FLIGHT; i++) {
        told[i] = (struct told){ { .run = told_run, .done = told_done }, shelf->db, i, pipe };
        db_submit(shelf->db, &told[i].write);
    }
    for (;;)
        pause();
}

static void kill_after(int acknowledged)
{
    struct shelf shelf;
    int ends[2], status;
    int32_t id;
    char *acked = calloc(WRITES, 1), *present = calloc(WRITES, 3);
    assert_true(acked && present);
    shelf_folder(&shelf);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0)
        child_writes(&shelf, ends[1]);
    close(ends[1]);
    for (int n = 0; n < acknowledged; n++) {
        assert_int_equal(read(ends[0], &id, sizeof id), sizeof id);
        acked[id] = 1;
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    while (read(ends[0], &id, sizeof id) == sizeof id)
        acked[id] = 1;
    close(ends[0]);

    struct db_conn *conn = NULL;
    shelf_open(&shelf);
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    shelf_rows(conn, present, WRITES * 3);
    db_read_end(shelf.db, conn);
    for (int i = 0; i < WRITES; i++) {
        int parts = present[i * 3] + present[i * 3 + 1] + present[i * 3 + 2];
        if (acked[i] ? parts != 3 : parts != 0 && parts != 3)
            fail_msg("write %d, %sacknowledged, has %d of 3 rows", i, acked[i] ? "" : "not ", parts);
    }
    SHELF_OK(shelf_write(&shelf, WRITES * 3, 32, why));
    shelf_end(&shelf);
    free(acked);
    free(present);
}

static void test_kill(void **state)
{
    (void)state;
    const int moments[] = { 1, 37, 500, 2500 };
    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
        kill_after(moments[i]);
}

/* What was destroyed before the kill leaves the write-ahead log with the next start. */

static const char mark[] = "a key that is destroyed, with its bytes in the write-ahead log";

static enum fault_code mark_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    (void)write;
    return db_run(conn, SQL_KEY_ADD,
                  DB_ARGS(db_int(7), db_text("chunk"), db_blob(mark, sizeof mark), db_int(1)), NULL, f);
}

static enum fault_code destroy_run(struct db_conn *conn, struct db_write *write, struct fault *f)
{
    (void)write;
    db_scrub(conn);
    return db_run(conn, SQL_KEY_RETIRE, DB_ARGS(db_int(7)), NULL, f);
}

/* Its reader keeps the write-ahead log from being emptied. */
static void child_destroys(struct shelf *shelf)
{
    struct db_conn *conn;
    struct db_write add = { .run = mark_run }, destroy = { .run = destroy_run };
    if (db_open(&shelf->options, &shelf->db, NULL, NULL) != FAULT_OK ||
        db_write_wait(shelf->db, &add, NULL) != FAULT_OK ||
        db_read_begin(shelf->db, &conn, NULL) != FAULT_OK || shelf_rows(conn, NULL, 0) == 0 ||
        db_write_wait(shelf->db, &destroy, NULL) != FAULT_OK)
        _exit(2);
    raise(SIGKILL);
}

static bool is_marked(const struct shelf *shelf, const char *suffix)
{
    char path[128];
    static char bytes[1 << 20];
    snprintf(path, sizeof path, "%s%s", shelf->file, suffix);
    FILE *in = fopen(path, "re");
    size_t n = in ? fread(bytes, 1, sizeof bytes, in) : 0;
    assert_true(n < sizeof bytes);
    if (in)
        fclose(in);
    return n > 0 && memmem(bytes, n, mark, sizeof mark) != NULL;
}

static void test_kill_after_a_destruction(void **state)
{
    (void)state;
    struct shelf shelf;
    int status;
    shelf_folder(&shelf);
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0)
        child_destroys(&shelf);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_true(is_marked(&shelf, "-wal"));
    shelf_open(&shelf);
    assert_false(is_marked(&shelf, "-wal"));
    assert_false(is_marked(&shelf, ""));
    assert_int_equal(shelf_count(&shelf), 0);
    shelf_end(&shelf);
}

/* --- a full disk --- */

/* No file of ours may grow beyond `bytes`: to SQLite that is a disk that refuses. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_full(void **state)
{
    (void)state;
    enum { BIG = 65536, FAILURES = 5 };
    struct shelf shelf;
    struct fault f = { 0 };
    int64_t id = 0, kept = 0;
    signal(SIGXFSZ, SIG_IGN);
    shelf_begin(&shelf);
    SHELF_OK(shelf_write(&shelf, id++, BIG, why));
    kept++;
    limit_files(1 << 20);
    for (int failures = 0; failures < FAILURES && id < 200; id++) {
        enum fault_code code = shelf_write(&shelf, id, BIG, &f);
        if (code == FAULT_OK) {
            kept++;
        } else {
            assert_int_equal(code, FAULT_QUOTA);
            assert_string_equal(f.text, "the disk is full");
            failures++;
        }
        assert_int_equal(shelf_count(&shelf), kept); /* readers go on */
    }
    assert_true(kept > 5 && id < 200);
    limit_files(RLIM_INFINITY);
    SHELF_OK(shelf_write(&shelf, id, BIG, why));
    assert_int_equal(shelf_count(&shelf), ++kept);
    shelf_close(&shelf);
    shelf_open(&shelf);
    assert_int_equal(shelf_count(&shelf), kept);
    shelf_end(&shelf);
    signal(SIGXFSZ, SIG_DFL);
}

/* One in the middle takes more than there is, so much that the engine gives up before the commit. */
static void test_full_in_a_group(void **state)
{
    (void)state;
    enum { COUNT = 6, HUGE = 40 << 20 };
    struct shelf shelf;
    struct gate gate;
    struct adding adding[COUNT];
    sem_t told;
    size_t kept = 0;
    sem_init(&told, 0, 0);
    signal(SIGXFSZ, SIG_IGN);
    shelf_begin(&shelf);
    gate_close(&gate, shelf.db);
    for (int i = 0; i < COUNT; i++) {
        adding_init(&adding[i], i, &told);
        adding[i].size = i == 2 ? HUGE : 100;
        db_submit(shelf.db, &adding[i].write);
    }
    limit_files(1 << 20);
    gate_open(&gate);
    for (int i = 0; i < COUNT; i++)
        sem_wait(&told);
    limit_files(RLIM_INFINITY);
    char present[COUNT] = { 0 };
    struct db_conn *conn = NULL;
    SHELF_OK(db_read_begin(shelf.db, &conn, why));
    shelf_rows(conn, present, sizeof present);
    db_read_end(shelf.db, conn);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(present[i], adding[i].result.code == FAULT_OK);
        if (adding[i].result.code != FAULT_OK)
            assert_int_equal(adding[i].result.code, FAULT_QUOTA);
        kept += (size_t)present[i];
    }
    assert_int_equal(present[2], 0);
    SHELF_OK(shelf_write(&shelf, COUNT, 32, why));
    assert_int_equal(shelf_count(&shelf), kept + 1);
    shelf_end(&shelf);
    signal(SIGXFSZ, SIG_DFL);
    sem_destroy(&told);
}

/* --- two processes --- */

static void add_range(struct shelf *shelf, int64_t from, int64_t to)
{
    for (int64_t id = from; id < to; id++)
        SHELF_OK(shelf_write(shelf, id, 200, why));
}

static void test_two_processes(void **state)
{
    (void)state;
    enum { EACH = 200 };
    struct shelf shelf;
    int status;
    shelf_folder(&shelf);
    pid_t child = fork(); /* before either has a thread or the file: both make it */
    assert_int_not_equal(child, -1);
    if (child == 0) {
        struct fault f;
        int rc = db_open(&shelf.options, &shelf.db, NULL, &f) == FAULT_OK ? 0 : 1;
        for (int64_t id = EACH; rc == 0 && id < 2 * EACH; id++)
            rc = shelf_write(&shelf, id, 200, &f) == FAULT_OK ? 0 : 2;
        if (rc)
            print_error("%s\n", f.text);
        db_close(shelf.db);
        _exit(rc);
    }
    shelf_open(&shelf);
    add_range(&shelf, 0, EACH);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(shelf_count(&shelf), 2 * EACH);
    shelf_end(&shelf);
}

static void test_locked_by_another(void **state)
{
    (void)state;
    struct shelf shelf;
    struct gate gate;
    struct fault f = { 0 };
    struct db *other = NULL;
    shelf_begin(&shelf);
    shelf.options.busy_ms = 20;
    SHELF_OK(db_open(&shelf.options, &other, NULL, why));
    gate_close(&gate, shelf.db); /* holds the lock */
    struct adding adding;
    adding_init(&adding, 1, NULL);
    assert_int_equal(db_write_wait(other, &adding.write, &f), FAULT_BUSY);
    gate_open(&gate);
    adding_init(&adding, 1, NULL);
    SHELF_OK(db_write_wait(other, &adding.write, why));
    assert_int_equal(shelf_count(&shelf), 1);
    db_close(other);
    shelf_end(&shelf);
}

/* --- files that go away while they are open --- */

/* Nothing may be acknowledged that a start would not find: not while the file is away, not with another one
 * in its place; once it is back all goes on. */
static void take_away(struct shelf *shelf, const char *file, int64_t id)
{
    struct fault f = { 0 };
    char away[sizeof shelf->file + 16];
    snprintf(away, sizeof away, "%s.away", file);
    size_t before = shelf_count(shelf);
    assert_int_equal(rename(file, away), 0);
    assert_int_equal(shelf_write(shelf, id, 200, &f), FAULT_DAMAGED);
    assert_non_null(strstr(f.text, file));
    FILE *other = fopen(file, "wbx");
    assert_non_null(other);
    fclose(other);
    assert_int_equal(shelf_write(shelf, id, 200, &f), FAULT_DAMAGED);
    assert_int_equal(shelf_count(shelf), before); /* what is there is read on */
    assert_int_equal(rename(away, file), 0);
    SHELF_OK(shelf_write(shelf, id, 200, why));
    assert_int_equal(shelf_count(shelf), before + 1);
}

static void test_taken_away(void **state)
{
    (void)state;
    struct shelf shelf;
    char log[sizeof shelf.file + 8];
    shelf_begin(&shelf);
    snprintf(log, sizeof log, "%s-wal", shelf.file);
    take_away(&shelf, shelf.file, 1);
    take_away(&shelf, log, 2);
    shelf_close(&shelf);
    shelf_open(&shelf);
    assert_int_equal(shelf_count(&shelf), 2);
    shelf_end(&shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill),          cmocka_unit_test(test_kill_after_a_destruction),
        cmocka_unit_test(test_full),          cmocka_unit_test(test_full_in_a_group),
        cmocka_unit_test(test_two_processes), cmocka_unit_test(test_locked_by_another),
        cmocka_unit_test(test_taken_away),
    };
    return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
