/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as a change, and when. The source is included: it is the program's, not a library's. */
#include "server/watch.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], conf[96], cert[96];
static struct settings *settings;
static struct watch watch;

static void put(const char *file, const char *text)
{
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    assert_int_equal(fputs(text, out) < 0, 0);
    assert_int_equal(fclose(out), 0);
}

/* Times that differ, however fast the test is. */
static void stamp(const char *file, long seconds, long nanoseconds)
{
    const struct timespec times[2] = { { seconds, nanoseconds }, { seconds, nanoseconds } };
    assert_int_equal(utimensat(AT_FDCWD, file, times, 0), 0);
}

static void read_all(void)
{
    watch_begin(&watch, conf);
    watch_add(&watch, settings);
}

static int begin(void **state)
{
    (void)state;
    struct fault f;
    char pair[160], key[160];
    mem_copy_text(folder, sizeof folder, "/tmp/cradle-test-watch-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(conf, sizeof conf, "%s/c.conf", folder);
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(pair, sizeof pair, "certificate=%s", cert);
    snprintf(key, sizeof key, "certificate_key=pkcs11:token=x");
    const char *const overrides[] = { pair, key };
    assert_int_equal(settings_load(NULL, overrides, 2, &settings, &f), FAULT_OK);
    put(conf, "1");
    put(cert, "1");
    read_all();
    return 0;
}

static int end(void **state)
{
    (void)state;
    settings_free(settings);
    unlink(conf);
    unlink(cert);
    return rmdir(folder);
}

static void test_nothing_changed(void **state)
{
    (void)state;
    assert_int_equal(watch.count, 2); /* a token's key is no file */
    for (int i = 0; i < 5; i++)
        assert_false(watch_look(&watch));
}

static void test_a_change_must_settle(void **state)
{
    (void)state;
    stamp(cert, 1000, 1);
    assert_false(watch_look(&watch)); /* seen */
    stamp(cert, 1000, 2);             /* a nanosecond is a change */
    assert_false(watch_look(&watch)); /* still going on */
    put(conf, "22");
    assert_false(watch_look(&watch)); /* another file is a change of the whole */
    assert_true(watch_look(&watch));  /* settled */
    read_all();
    assert_false(watch_look(&watch));
    assert_false(watch_look(&watch));
}

static void test_files_come_and_go(void **state)
{
    (void)state;
    assert_int_equal(unlink(cert), 0);
    assert_false(watch_look(&watch));
    assert_true(watch_look(&watch));
    read_all(); /* fails, but was read */
    assert_false(watch_look(&watch));
    assert_false(watch_look(&watch));
    put(cert, "back");
    assert_false(watch_look(&watch));
    assert_true(watch_look(&watch));
}

static void test_names_outlive_settings_that_cannot_be_read(void **state)
{
    (void)state;
    struct watch fresh;
    watch_begin(&fresh, conf);
    watch_add_former(&fresh, &watch);
    assert_int_equal(fresh.count, 2);
    assert_string_equal(fresh.file[1], cert);
    stamp(cert, 5, 5);
    assert_false(watch_look(&fresh));
    assert_true(watch_look(&fresh));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_changed, begin, end),
        cmocka_unit_test_setup_teardown(test_a_change_must_settle, begin, end),
        cmocka_unit_test_setup_teardown(test_files_come_and_go, begin, end),
        cmocka_unit_test_setup_teardown(test_names_outlive_settings_that_cannot_be_read, begin, end),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
