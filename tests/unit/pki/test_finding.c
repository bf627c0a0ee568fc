/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/utf.h"
#include "pki/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct finding_place own = { "/etc/cradle/server.pem", 1, "CN=a", false };
static const struct finding_place trusted = { "ca.pem", 2, "CN=b", true };

static void test_words_are_unique_and_complete(void **state)
{
    (void)state;
    for (int a = 0; a < FINDING_ID_COUNT; a++) {
        assert_true(finding_meaning((enum finding_id)a)[0] && finding_remedy((enum finding_id)a)[0]);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(finding_word((enum finding_id)a), finding_word((enum finding_id)b));
    }
}

static void test_the_worst_counts(void **state)
{
    (void)state;
    struct findings found = { 0 };
    assert_null(finding_worst(&found));
    finding_add(&found, FINDING_ROOT_INCLUDED, &own, NULL);
    assert_int_equal(found.worst, FINDING_INFO);
    finding_add(&found, FINDING_EXPIRED, &trusted, "on %s", "Monday"); /* of a bundle: a warning */
    assert_int_equal(found.worst, FINDING_WARNING);
    finding_add(&found, FINDING_EXPIRED, &own, NULL);
    finding_add(&found, FINDING_KEY_MISMATCH, &own, NULL);
    assert_int_equal(found.worst, FINDING_FATAL);
    assert_int_equal(finding_worst(&found)->id, FINDING_EXPIRED); /* the first of them */
    assert_int_equal(finding_worst(&found)->certificate, 1);
    assert_true(finding_has(&found, FINDING_KEY_MISMATCH));
    assert_false(finding_has(&found, FINDING_NO_CERTIFICATE));
    findings_fini(&found);
    assert_int_equal(found.count, 0);
}

static void test_the_list_is_bounded(void **state)
{
    (void)state;
    struct findings found = { 0 };
    for (int i = 0; i < FINDINGS_MAX + 100; i++)
        finding_add(&found, FINDING_ROOT_INCLUDED, &own, NULL);
    finding_add(&found, FINDING_EXPIRED, &own, NULL);
    assert_int_equal(found.count, FINDINGS_MAX + 1);
    assert_int_equal(found.list[FINDINGS_MAX].id, FINDING_TOO_MANY);
    assert_int_equal(found.list[FINDINGS_MAX - 1].id, FINDING_ROOT_INCLUDED);
    assert_int_equal(found.worst, FINDING_FATAL); /* what is not kept counts */
    findings_fini(&found);
}

/* A certificate decides what its subject is. */
static void test_hostile_texts(void **state)
{
    (void)state;
    static const char *const texts[] = { "CN=\x1b[2J", "CN=a\nfatal b", "CN=\xff\xfe",
                                         ("CN=\xe2\x80\xae"
                                          "txt"),
                                         "CN=quote\"'\\" };
    for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
        struct findings found = { 0 };
        const struct finding_place place = { texts[i], 1, texts[i], false };
        finding_add(&found, FINDING_NAME_MISMATCH, &place, "%s", texts[i]);
        const char *const kept[] = { found.list[0].source, found.list[0].subject, found.list[0].text };
        for (size_t k = 0; k < ARRAY_LENGTH(kept); k++) {
            size_t n = strlen(kept[k]);
            assert_true(n > 0 && kept[k][0] != '"');
            for (size_t at = 0, length; at < n; at += length) {
                uint32_t point = 0;
                length = utf_next(kept[k] + at, n - at, &point);
                assert_true(length > 0 && !utf_is_control(point) && point != 0x202e);
            }
        }
        findings_fini(&found);
    }
}

static void test_one_line(void **state)
{
    (void)state;
    struct findings found = { 0 };
    char words[400];
    finding_add(&found, FINDING_EXPIRED, &own, "on %s", "2026-01-01");
    finding_words(&found.list[0], words, sizeof words);
    assert_string_equal(words,
                        "server.pem: the certificate has expired: on 2026-01-01; renew it: cradlectl pki "
                        "renew, or its CA");
    findings_fini(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_unique_and_complete),
        cmocka_unit_test(test_the_worst_counts),
        cmocka_unit_test(test_the_list_is_bounded),
        cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
