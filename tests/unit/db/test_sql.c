/* SPDX-License-Identifier: Apache-2.0 */
/* The generator db/sql.awk by the awk that the build uses, and what it made of db/sql/. */
#include "shelf.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/wait.h>

struct bench {
    char folder[64], input[96], schema[128], output[96], awk[512];
};

static void bench_begin(struct bench *bench)
{
    const char *source = getenv("CRADLE_SRCDIR");
    *bench = (struct bench){ .folder = "/tmp/cradle-test-XXXXXX" };
    assert_non_null(mkdtemp(bench->folder));
    snprintf(bench->input, sizeof bench->input, "%s/input.sql", bench->folder);
    snprintf(bench->output, sizeof bench->output, "%s/output", bench->folder);
    snprintf(bench->schema, sizeof bench->schema, "%s/schema", bench->folder);
    assert_int_equal(mkdir(bench->schema, 0700), 0);
    snprintf(bench->awk, sizeof bench->awk, "%s/db/sql.awk", source ? source : ".");
}

static void bench_end(struct bench *bench)
{
    nftw(bench->folder, shelf_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static char *get(const char *name)
{
    static char text[65536];
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* What awk said, on either channel, is in bench->output; gives its exit status. */
static int run(struct bench *bench, const char *out, const char *first, const char *second)
{
    const char *awk = getenv("AWK");
    char option[8];
    int status;
    snprintf(option, sizeof option, "out=%s", out);
    awk = awk && *awk ? awk : "awk";
    pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        int fd = open(bench->output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execlp(awk, awk, "-v", option, "-f", bench->awk, first, second, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_good(void **state)
{
    (void)state;
    struct bench bench;
    char step[160];
    bench_begin(&bench);
    snprintf(step, sizeof step, "%s/001.sql", bench.schema);
    put(step, "-- one (not) -> a header\nCREATE TABLE t (x);\n");
    put(bench.input, "-- SPDX\n-- Words (in brackets), no header.\n\n"
                     "-- first (t, i,b) -> (b, i)\nSELECT \"a\\b\",\n  $1;\n-- more words\n\n"
                     "-- second_2 () -> ()\nDELETE FROM t;\n");
    assert_int_equal(run(&bench, "c", step, bench.input), 0);
    const char *text = get(bench.output);
    assert_non_null(strstr(text, "{ \"first\", \"tib\", \"bi\","));
    assert_non_null(strstr(text, "\"SELECT \\\"a\\\\b\\\",\\n\"\n"));
    assert_non_null(strstr(text, "\"  $1;\\n\" },"));
    assert_non_null(strstr(text, "{ \"second_2\", \"\", \"\","));
    assert_non_null(strstr(text, "\"CREATE TABLE t (x);\\n\""));
    assert_null(strstr(text, "more words"));
    assert_int_equal(run(&bench, "h", step, bench.input), 0);
    text = get(bench.output);
    assert_non_null(strstr(text, "    SQL_FIRST,\n    SQL_SECOND_2,\n    SQL_COUNT\n"));
    assert_non_null(strstr(text, "#define SQL_STEPS 1\n"));
    bench_end(&bench);
}

static void test_nothing(void **state)
{
    (void)state;
    struct bench bench;
    bench_begin(&bench);
    put(bench.input, "");
    assert_int_equal(run(&bench, "h", bench.input, NULL), 0);
    assert_non_null(strstr(get(bench.output), "enum db_statement {\n    SQL_COUNT\n};"));
    assert_int_equal(run(&bench, "c", bench.input, NULL), 0);
    assert_non_null(strstr(get(bench.output), "{ NULL, NULL, NULL, NULL }"));
    bench_end(&bench);
}

static void test_bad(void **state)
{
    (void)state;
    const struct {
        const char *text, *says;
    } cases[] = {
        { "SELECT 1;\n", "input.sql:1: text outside" },
        { "-- Upper (t) -> (t)\nSELECT 1;\n", "input.sql:1: a header" },
        { "--close (t) -> (t)\nSELECT 1;\n", "input.sql:1: a header" },
        { "-- close(t) -> (t)\nSELECT 1;\n", "input.sql:1: a header" },
        { "-- letter (x) -> (t)\nSELECT 1;\n", "input.sql:1: a header" },
        { "-- comma (t t) -> ()\nSELECT 1;\n", "a type is" },
        { "-- comma (t,) -> ()\nSELECT 1;\n", "a type is" },
        { "-- a () -> ()\nSELECT 1;\n-- b (i)\nSELECT 2;\n", "input.sql:3: a header" },
        { "-- a () -> ()\nSELECT 1;\n-- b (i) -> i\nSELECT 2;\n", "input.sql:3: a header" },
        { "-- a () -> ()\nSELECT 1;\n-- b (i) -> (i) \nSELECT 2;\n", "input.sql:3: a header" },
        { "-- a () -> ()\nSELECT 1;\n-- a () -> ()\nSELECT 2;\n",
          "input.sql:3: the statement a stands twice" },
        { "-- a () -> ()\n-- b () -> ()\nSELECT 2;\n", "the statement a has no text" },
        { "-- a () -> ()\n", "the statement a has no text" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct bench bench;
        bench_begin(&bench);
        put(bench.input, cases[i].text);
        if (run(&bench, "c", bench.input, NULL) == 0)
            fail_msg("accepted: %s", cases[i].text);
        if (strstr(get(bench.output), cases[i].says) == NULL)
            fail_msg("%s: said %s", cases[i].text, get(bench.output));
        assert_null(strstr(get(bench.output), "#include"));
        bench_end(&bench);
    }
}

static void test_misuse(void **state)
{
    (void)state;
    struct bench bench;
    char second[160];
    bench_begin(&bench);
    put(bench.input, "");
    assert_int_not_equal(run(&bench, "x", bench.input, NULL), 0);
    assert_non_null(strstr(get(bench.output), "out=h"));
    snprintf(second, sizeof second, "%s/002.sql", bench.schema);
    put(second, "CREATE TABLE t (x);\n");
    assert_int_not_equal(run(&bench, "h", second, NULL), 0); /* where is step 1? */
    assert_non_null(strstr(get(bench.output), "without a gap"));
    bench_end(&bench);
}

/* One text for both engines, as far as a look at the words can tell. */
static void test_table(void **state)
{
    (void)state;
    static const char *const avoided[] = { "datetime",      "strftime", "julianday", "rowid",
                                           "autoincrement", "ifnull",   "glob",      "insert or",
                                           "replace into",  "pragma",   "now(",      "?" };
    for (int i = 0; i < SQL_COUNT; i++) {
        const struct sql_statement *sql = &sql_statements[i];
        size_t params = strlen(sql->params);
        char text[4096];
        assert_true(strlen(sql->text) < sizeof text);
        for (size_t k = 0; k <= strlen(sql->text); k++)
            text[k] = (char)tolower((unsigned char)sql->text[k]);
        for (size_t k = 0; k < ARRAY_LENGTH(avoided); k++)
            if (strstr(text, avoided[k]))
                fail_msg("%s says %s", sql->name, avoided[k]);
        for (size_t k = 1; k <= params + 1; k++) {
            char name[24];
            snprintf(name, sizeof name, "$%zu", k);
            const char *at = strstr(text, name);
            while (at && isdigit((unsigned char)at[strlen(name)]))
                at = strstr(at + 1, name);
            if ((at != NULL) != (k <= params))
                fail_msg("%s and its parameter %s", sql->name, name);
        }
        for (int k = 0; k < i; k++)
            assert_string_not_equal(sql->name, sql_statements[k].name);
    }
    assert_true(SQL_STEPS >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),   cmocka_unit_test(test_nothing), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_misuse), cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests_name("sql", tests, NULL, NULL);
}
