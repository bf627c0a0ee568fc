/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/settings.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder of the test's own, and a settings file's name in it. */
static char folder[] = "/tmp/cradle-test-settings-XXXXXX";
static char file[sizeof folder + 16];

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof file, "%s/c.conf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static void put_file(const char *text, size_t n)
{
    FILE *out = fopen(file, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

static struct settings *load_text(const char *text)
{
    struct settings *s = NULL;
    struct fault f = { 0 };
    put_file(text, strlen(text));
    if (settings_load(file, NULL, 0, &s, &f) != FAULT_OK)
        fail_msg("%s", f.text);
    return s;
}

static void test_defaults(void **state)
{
    (void)state;
    struct settings *s = NULL;
    assert_int_equal(settings_load(NULL, NULL, 0, &s, NULL), FAULT_OK);
    assert_string_equal(s->state, "/var/lib/cradle");
    assert_string_equal(s->master_key, "/var/lib/cradle/master.key");
    assert_int_equal(s->https_listen.count, 1);
    assert_string_equal(s->https_listen.at[0].host, "::");
    assert_int_equal(s->https_listen.at[0].port, 443);
    assert_int_equal(s->ftps_listen.at[0].port, 990);
    assert_int_equal(s->management_listen.count, 0);
    assert_int_equal(s->passive_ports.low, 50000);
    assert_int_equal(s->passive_ports.high, 50999);
    assert_int_equal(s->auth_handset, FACTORS_EITHER);
    assert_int_equal(s->auth_operator, FACTORS_PASSWORD);
    assert_int_equal(s->data_binding, BINDING_PREFER);
    assert_int_equal(s->log_rotate, 262144);
    assert_int_equal(s->log_quota, 32 << 20);
    assert_int_equal(s->log_keep_min, 7 * 86400000);
    assert_int_equal(s->resend_window, 600000);
    assert_int_equal(s->log_level, LOG_LEVEL_INFO);
    assert_string_equal(s->certificate, "");
    settings_free(s);
    settings_free(NULL);
}

static void test_a_file(void **state)
{
    (void)state;
    struct settings *s = load_text("\xef\xbb\xbf# comment\n"
                                   "\n"
                                   "  # another = one\r\n"
                                   "state=data\n"
                                   "  https_listen =  localhost:8443, [::1]:8443 \r\n"
                                   "certificate = /etc/tls/chain.pem\n"
                                   "certificate_key = tls/key.pem\n"
                                   "auth_handset = both\n"
                                   "data_binding = require\n"
                                   "log_level = debug\n"
                                   "log_rotate = 16K\n"
                                   "refusal_delay = 250ms\n"
                                   "workers = 7\n"
                                   "passive_ports = 2000-2009\n"
                                   "tls_priority = NORMAL:-VERS-ALL:+VERS-TLS1.2=x # no comment here\n"
                                   "unclean_close = 0004F2, 00907A12\n"
                                   "ftps_listen =\n"
                                   "log_quota = 1M");
    char expected[PATH_MAX];
    snprintf(expected, sizeof expected, "%s/data", folder);
    assert_string_equal(s->state, expected);
    snprintf(expected, sizeof expected, "%s/data/master.key", folder);
    assert_string_equal(s->master_key, expected);
    snprintf(expected, sizeof expected, "%s/tls/key.pem", folder);
    assert_string_equal(s->certificate_key, expected);
    assert_string_equal(s->certificate, "/etc/tls/chain.pem");
    assert_int_equal(s->https_listen.count, 2);
    assert_string_equal(s->https_listen.at[0].host, "127.0.0.1");
    assert_string_equal(s->https_listen.at[1].host, "::1");
    assert_int_equal(s->ftps_listen.count, 0);
    assert_int_equal(s->auth_handset, FACTORS_BOTH);
    assert_int_equal(s->data_binding, BINDING_REQUIRE);
    assert_int_equal(s->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(s->log_rotate, 16384);
    assert_int_equal(s->refusal_delay, 250);
    assert_int_equal(s->workers, 7);
    assert_int_equal(s->passive_ports.high, 2009);
    assert_string_equal(s->tls_priority, "NORMAL:-VERS-ALL:+VERS-TLS1.2=x # no comment here");
    assert_string_equal(s->unclean_close, "0004f2,00907a12");
    assert_int_equal(s->log_quota, 1 << 20);
    settings_free(s);
}

static void test_overrides_win_and_start_from_the_working_folder(void **state)
{
    (void)state;
    static const char *const overrides[] = { "workers=3", "state = here", "workers=5", "master_key=/k" };
    struct settings *s = NULL;
    struct fault f;
    char here[PATH_MAX], expected[PATH_MAX + 10];
    put_file("workers = 2\nstate = /there\n", 27);
    assert_int_equal(settings_load(file, overrides, ARRAY_LENGTH(overrides), &s, &f), FAULT_OK);
    assert_int_equal(s->workers, 5);
    assert_non_null(getcwd(here, sizeof here));
    snprintf(expected, sizeof expected, "%s/here", strcmp(here, "/") == 0 ? "" : here);
    assert_string_equal(s->state, expected);
    assert_string_equal(s->master_key, "/k");
    settings_free(s);
}

static void test_a_relative_file(void **state)
{
    (void)state;
    struct settings *s = NULL;
    char here[PATH_MAX];
    put_file("state = data\n", 13);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    char real[PATH_MAX], expected[PATH_MAX + 10];
    assert_non_null(getcwd(real, sizeof real));
    assert_int_equal(settings_load("c.conf", NULL, 0, &s, NULL), FAULT_OK);
    snprintf(expected, sizeof expected, "%s/data", real);
    assert_string_equal(s->state, expected);
    settings_free(s);
    assert_int_equal(chdir(here), 0);
}

static const struct {
    const char *text, *said; /* what the fault says, after the file's name */
} refused[] = {
    { "workers = 4\nworkers = 5\n", "c.conf:2: workers is set already in line 1; remove one of them" },
    { "workers\n", "c.conf:1: 'workers' has no '='; write name = value" },
    { "\n\nworker = 4\n", "c.conf:3: there is no setting 'worker'; did you mean workers?" },
    { "Workers = 4\n", "c.conf:1: there is no setting 'Workers'; did you mean workers?" },
    { "= 4\n", "c.conf:1: there is no setting ''; 'cradled --list-settings' shows all" },
    { "workers = \n", "c.conf:1: workers: '' is no number; write digits only" },
    { "workers = 4 # four\n", "c.conf:1: workers: '4 # four' is no number; write digits only" },
    { "workers = 0\n", "c.conf:1: workers: '0' is out of range; write 1 to 64" },
    { "log_rotate = 1K\n", "c.conf:1: log_rotate: '1K' is out of range; write 4K to 64M" },
    { "https_listen = :443\n",
      "c.conf:1: https_listen: ':443' has no address; write [::]:443 for all addresses" },
    { "auth_handset = none\n",
      "c.conf:1: auth_handset: 'none' is not possible; write password, certificate, either or both" },
    { "log_level = loud\n",
      "c.conf:1: log_level: 'loud' is not possible; write error, warning, notice, info or debug" },
    { "state = a\x01b\n", "c.conf:1: state: the value has a control character in it; remove it" },
    { "state =\n", "c.conf:1: state: is empty; name a folder" },
    { "certificate = a\n",
      "c.conf:1: certificate: certificate and certificate_key belong together; set both or none" },
    { "certificate_key = a\n",
      "c.conf:1: certificate_key: certificate and certificate_key belong together; set both or none" },
    { "certificate2 = a\n",
      "c.conf:1: certificate2: certificate2 and certificate2_key belong together; set both or none" },
    { "\ncertificate2 = a\ncertificate2_key = b\n",
      "c.conf:2: certificate2: there is no first certificate; use certificate for the only one" },
    { "https_listen =\nftps_listen =\n",
      "c.conf:1: https_listen: it and ftps_listen are both empty; give one of them an address" },
    { "management_ftps_listen = [::]:991\n",
      "c.conf:1: management_ftps_listen: has no effect alone; set management_listen too" },
    { "ftps_listen = [::]:443\n",
      "c.conf:1: ftps_listen: an address and port is taken twice; choose another port" },
    { "https_listen = 1.1.1.1:1, 1.1.1.1:1\n",
      "c.conf:1: https_listen: an address and port is taken twice; choose another port" },
    { "passive_address = ::1\n",
      "c.conf:1: passive_address: is no IPv4 address; write one in digits, or nothing" },
    { "unclean_close = 0004f\n",
      "c.conf:1: unclean_close: write MAC prefixes of 6 to 12 hex digits, separated by commas" },
    { "unclean_close = 0004f2,\n",
      "c.conf:1: unclean_close: write MAC prefixes of 6 to 12 hex digits, separated by commas" },
    { "unclean_close = 0004f2aabbccd\n",
      "c.conf:1: unclean_close: write MAC prefixes of 6 to 12 hex digits, separated by commas" },
    { "unclean_close = 00:04:f2\n",
      "c.conf:1: unclean_close: write MAC prefixes of 6 to 12 hex digits, separated by commas" },
};

static void test_refused_with_place_and_remedy(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
        struct settings *s = NULL;
        struct fault f = { 0 };
        char expected[300];
        put_file(refused[i].text, strlen(refused[i].text));
        assert_int_equal(settings_load(file, NULL, 0, &s, &f), FAULT_INPUT);
        assert_int_equal(settings_load(file, NULL, 0, &s, NULL), FAULT_INPUT);
        assert_null(s);
        snprintf(expected, sizeof expected, "%s/%s", folder, refused[i].said);
        assert_string_equal(f.text, expected);
    }
}

static void test_port_zero_may_be_taken_twice(void **state)
{
    (void)state;
    struct settings *s = load_text("https_listen = localhost:0\nftps_listen = localhost:0\n");
    assert_int_equal(s->ftps_listen.at[0].port, 0);
    settings_free(s);
}

static void test_odd_files(void **state)
{
    (void)state;
    struct settings *s = NULL;
    struct fault f;
    put_file("workers = 4\0\n", 13);
    assert_int_equal(settings_load(file, NULL, 0, &s, &f), FAULT_INPUT);
    assert_non_null(strstr(f.text, "NUL"));
    assert_int_equal(settings_load("/nonexistent/c.conf", NULL, 0, &s, &f), FAULT_ABSENT);
    assert_string_equal(
        f.text, "/nonexistent/c.conf: no such file; 'cradled --list-settings' prints one to begin with");
    assert_int_equal(settings_load(folder, NULL, 0, &s, &f), FAULT_IO);
    char text[3000] = "state = /";
    memset(text + 9, 'x', sizeof text - 10);
    static const size_t lengths[] = { 509, 519, 520, 1200, 2900 };
    for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
        put_file(text, lengths[i]);
        assert_int_equal(settings_load(file, NULL, 0, &s, &f), FAULT_INPUT);
        assert_non_null(strstr(f.text, "too long"));
    }
    put_file(text, 508); /* with "/master.key" behind it, exactly 511 bytes */
    assert_int_equal(settings_load(file, NULL, 0, &s, &f), FAULT_OK);
    settings_free(s);
}

static void test_a_wrong_override_is_named(void **state)
{
    (void)state;
    struct settings *s = NULL;
    struct fault f;
    const char *override = "workers=x";
    assert_int_equal(settings_load(NULL, &override, 1, &s, &f), FAULT_INPUT);
    assert_string_equal(f.text, "command line: workers: 'x' is no number; write digits only");
    override = "unclean_close=xx";
    assert_int_equal(settings_load(NULL, &override, 1, &s, &f), FAULT_INPUT);
    assert_string_equal(f.text,
                        "unclean_close: write MAC prefixes of 6 to 12 hex digits, separated by commas");
}

/* What is printed is a legal file as it stands, and with every comment sign off its settings too. */
static void test_print_is_read_again(void **state)
{
    (void)state;
    AUTO_FREE char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    settings_print(out);
    fclose(out);
    AUTO_FREE char *bare = calloc(1, n + 1);
    size_t used = 0, settings = 0;
    for (size_t i = 0; i < n; i++) {
        bool sign = text[i] == '#' && text[i + 1] != ' ';
        settings += sign;
        if (!sign)
            bare[used++] = text[i];
    }
    size_t rows = 0;
#define X(name, kind, default_value, min, max, when, help) rows++;
#include "base/settings.def"
#undef X
    assert_int_equal(settings, rows);
    settings_free(load_text(text));
    struct settings *s = load_text(bare), *defaults = NULL;
    assert_int_equal(settings_load(NULL, NULL, 0, &defaults, NULL), FAULT_OK);
#define X(name, kind, default_value, min, max, when, help) \
    assert_memory_equal(&s->name, &defaults->name, sizeof s->name);
#include "base/settings.def"
#undef X
    settings_free(s);
    settings_free(defaults);
}

static void test_what_a_reload_may_change(void **state)
{
    (void)state;
    struct settings *running = load_text("max_log = 8K\nworkers = 2\nstate = /s\n");
    struct settings *fresh = load_text("max_log = 16K\nworkers = 3\nstate = /a-longer-one\n");
    const char *names[8] = { NULL };
    /* state, master_key (which follows it) and workers */
    assert_int_equal(settings_keep_started(fresh, running, names, ARRAY_LENGTH(names)), 3);
    assert_string_equal(names[0], "state");
    assert_string_equal(names[1], "master_key");
    assert_string_equal(names[2], "workers");
    assert_string_equal(fresh->state, "/s");
    assert_string_equal(fresh->master_key, "/s/master.key");
    assert_int_equal(fresh->workers, 2);
    assert_int_equal(fresh->max_log, 16384);
    assert_false(settings_equal(fresh, running));
    assert_int_equal(settings_keep_started(fresh, running, names, ARRAY_LENGTH(names)), 0);
    settings_free(fresh);
    /* What was written before a value leaves no trace. */
    struct settings *again = NULL;
    const char *const twice[] = { "passive_address=192.168.100.200", "passive_address=1.2.3.4" };
    struct settings *once = NULL;
    assert_int_equal(settings_load(file, twice, 2, &again, NULL), FAULT_OK);
    assert_int_equal(settings_load(file, twice + 1, 1, &once, NULL), FAULT_OK);
    assert_true(settings_equal(again, once));
    settings_free(again);
    settings_free(once);
    settings_free(running);
}

static void test_files_that_are_read_again(void **state)
{
    (void)state;
    struct settings *s = load_text("certificate = a.pem\ncertificate_key = /b.pem\nca_operator = c.pem\n");
    const char *files[SETTINGS_FILES_MAX];
    size_t n = settings_files(s, files, ARRAY_LENGTH(files));
    assert_int_equal(n, 3); /* not state and master_key */
    assert_ptr_equal(files[0], s->certificate);
    assert_string_equal(files[1], "/b.pem");
    assert_ptr_equal(files[2], s->ca_operator);
    assert_int_equal(settings_files(s, files, 1), 1);
    settings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test_setup_teardown(test_a_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_overrides_win_and_start_from_the_working_folder, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_relative_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_refused_with_place_and_remedy, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_port_zero_may_be_taken_twice, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_odd_files, make_folder, remove_folder),
        cmocka_unit_test(test_a_wrong_override_is_named),
        cmocka_unit_test_setup_teardown(test_print_is_read_again, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_what_a_reload_may_change, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_files_that_are_read_again, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
