/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "ftps/command.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every command of the RFCs, with what the product's behaviour says of it. */
static const char
    *const done[] = {
        "USER", "PASS", "CWD",  "CDUP", "QUIT", "PASV", "TYPE", "STRU", "MODE",
        "RETR", "STOR", "APPE", "ALLO", "REST", "ABOR", "DELE", "RMD",  "MKD",
        "PWD",  "LIST", "NLST", "SYST", "STAT", "HELP", "NOOP", /* RFC 959 */
        "XCWD", "XCUP", "XMKD", "XRMD", "XPWD",                 /* RFC 775 */
        "PROT", "PBSZ",                                         /* RFC 2228, 4217 */
        "FEAT", "OPTS",                                         /* RFC 2389 */
        "EPSV",                                                 /* RFC 2428 */
        "MDTM", "SIZE", "MLST", "MLSD",                         /* RFC 3659 */
    };
static const char *const refused[] = {
    "ACCT", "SMNT", "REIN", "PORT", "STOU", "RNFR", "RNTO", "SITE", /* RFC 959 */
    "AUTH", "ADAT", "CCC",  "MIC",  "CONF", "ENC",                  /* RFC 2228, 4217 */
    "EPRT",                                                         /* RFC 2428 */
    "LANG",                                                         /* RFC 2640 */
    "HOST",                                                         /* RFC 7151 */
};

static const struct command *row(const char *verb)
{
    const struct command *c = command_find(verb, strlen(verb));
    assert_non_null(c);
    assert_string_equal(c->verb, verb);
    return c;
}

static void test_every_command_has_its_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(done); i++)
        assert_true(row(done[i])->legal != 0);
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
        assert_true(row(refused[i])->legal == 0);
}

static void test_rows_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];
        /* The first row of a verb is the one that is found: a second would never be reached. */
        assert_ptr_equal(command_find(c->verb, strlen(c->verb)), c);
        for (const char *v = c->verb; *v; v++)
            assert_true(isupper((unsigned char)*v));
        assert_true(strlen(c->verb) >= 3 && strlen(c->verb) <= 4);
        assert_non_null(c->syntax);
        assert_true(c->help && c->help[0]);
        assert_int_equal(c->legal != 0, c->handler != NULL);
        if (c->legal == 0)
            assert_true(c->refusal < REPLY_COUNT && reply_code(c->refusal) >= 500);
        else
            assert_int_equal(c->refusal, REPLY_COUNT);
    }
}

static void test_what_is_legal_before_the_login_names_no_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++)
        if (command_table[i].argument == A_PATH || command_table[i].argument == A_PATH_OPTIONAL)
            assert_int_equal(command_table[i].legal, IN_READY);
}

static void test_find(void **state)
{
    (void)state;
    static const char *const unknown[] = { "", "US", "USERS", "GET", "RANGE", "TVFS", "\xff" };
    assert_ptr_equal(command_find("retr", 4), row("RETR"));
    assert_ptr_equal(command_find("ReTrX", 4), row("RETR"));
    for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++)
        assert_null(command_find(unknown[i], strlen(unknown[i])));
}

static void test_passwords_are_hidden(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &command_table[i];
        bool secret = strcmp(c->verb, "USER") == 0 || strcmp(c->verb, "PASS") == 0;
        assert_int_equal((c->properties & HIDE_ARGUMENT) != 0, secret);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_has_its_row),
        cmocka_unit_test(test_rows_are_whole),
        cmocka_unit_test(test_what_is_legal_before_the_login_names_no_file),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_passwords_are_hidden),
    };
    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
