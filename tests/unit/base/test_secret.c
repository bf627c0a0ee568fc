/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/secret.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* 00 01 02 … 1f; what is expected under it was computed with Python's hmac. */
static struct secret_key counting_key(void)
{
    struct secret_key key;
    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)i;
    return key;
}

static void assert_hex(const void *bytes, const char *expected)
{
    char hex[2 * SECRET_DIGEST_SIZE + 1];
    secret_hex(bytes, SECRET_DIGEST_SIZE, hex);
    assert_string_equal(hex, expected);
}

static const char mac_of_nothing[] = "d38b42096d80f45f826b44a9d5607de72496a415d3f4a1a8c88e3bb9da8dc1cb";
static const char mac_of_words[] = "099805f4ac310786968565c098db515cc50862b420ae31e20238312344bed36a";
static const char words[] = "what do ya want for nothing?";

static void test_mac(void **state)
{
    (void)state;
    struct secret_key key = counting_key();
    struct secret_digest digest;
    secret_mac(&key, NULL, 0, &digest);
    assert_hex(digest.bytes, mac_of_nothing);
    secret_mac(&key, words, strlen(words), &digest);
    assert_hex(digest.bytes, mac_of_words);
}

static void test_mac_in_steps(void **state)
{
    (void)state;
    struct secret_key key = counting_key();
    struct secret_digest digest, whole;
    struct secret_mac_state *mac = secret_mac_new(&key);
    assert_non_null(mac);
    secret_mac_peek(mac, &digest);
    assert_hex(digest.bytes, mac_of_nothing);
    for (size_t i = 0; i < strlen(words); i++) {
        secret_mac_add(mac, words + i, 1);
        secret_mac_peek(mac, &digest);
        secret_mac(&key, words, i + 1, &whole);
        assert_memory_equal(digest.bytes, whole.bytes, sizeof whole.bytes);
    }
    secret_mac_add(mac, NULL, 0);
    secret_mac_peek(mac, &digest);
    assert_hex(digest.bytes, mac_of_words);
    secret_mac_free(mac);
    secret_mac_free(NULL);
}

static void test_derive(void **state)
{
    (void)state;
    struct secret_key key = counting_key(), derived;
    secret_derive(&key, "cradle resend", &derived);
    assert_hex(derived.bytes, "e4ff78600cdf8fc525059ab52eef51e1653613d2f77507be101843cb7460990e");
    secret_derive(&key, "", &derived);
    assert_hex(derived.bytes, "37ad29109f43265287804b674e2653d0a513718907f97fca97c95bded8104bbf");
}

static void test_random(void **state)
{
    (void)state;
    uint8_t a[32] = { 0 }, b[32] = { 0 };
    secret_random(a, sizeof a);
    secret_random(b, sizeof b);
    secret_random(NULL, 0);
    assert_memory_not_equal(a, b, sizeof a);
    int seen[7] = { 0 };
    for (int i = 0; i < 7000; i++) {
        uint32_t value = secret_random_below(7);
        assert_in_range(value, 0, 6);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200); /* 1000 expected; six standard deviations are 176 */
    assert_int_equal(secret_random_below(1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(secret_random_below(0x80000001) <= 0x80000000);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(secret_equal("abc", "abc", 3));
    assert_false(secret_equal("abc", "abd", 3));
    assert_false(secret_equal("xbc", "abc", 3));
    assert_true(secret_equal("x", "y", 0));
}

static void test_made(void **state)
{
    (void)state;
    struct secret_key key = counting_key(), other = { { 1 } };
    char made[SECRET_MADE_LENGTH + 1], again[SECRET_MADE_LENGTH + 1], stored[SECRET_STORED_MAX];
    secret_make(made);
    secret_make(again);
    assert_int_equal(strlen(made), SECRET_MADE_LENGTH);
    assert_int_equal(strspn(made, "abcdefghijklmnopqrstuvwxyz234567"), SECRET_MADE_LENGTH);
    assert_string_not_equal(made, again);

    secret_store_made(&key, "abcdefghijklmnopqrstuvwxyz", stored);
    assert_string_equal(stored, "$made$e3a58c238b9ab37246fead54d883f9d73f4742ff51dc0c6f2172cc228e5ccc07");
    assert_true(secret_is_made(stored));
    assert_true(secret_verify(&key, "abcdefghijklmnopqrstuvwxyz", stored));
    assert_false(secret_verify(&key, "abcdefghijklmnopqrstuvwxyy", stored));
    assert_false(secret_verify(&key, "", stored));
    assert_false(secret_verify(&other, "abcdefghijklmnopqrstuvwxyz", stored));
    stored[strlen(stored) - 1] = '\0';
    assert_false(secret_verify(&key, "abcdefghijklmnopqrstuvwxyz", stored));
    assert_false(secret_verify(&key, "abcdefghijklmnopqrstuvwxyz", "$made$"));
}

static void test_chosen(void **state)
{
    (void)state;
    struct secret_key key = counting_key();
    char stored[SECRET_STORED_MAX] = "untouched", again[SECRET_STORED_MAX], longest[SECRET_PASSWORD_MAX + 2];
    struct fault f;
    memset(longest, 'x', sizeof longest);
    longest[SECRET_PASSWORD_MAX + 1] = '\0';
    static const char *const refused[] = { "", "a\nb", "\x1b", "a\x7f" };
    for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
        assert_int_equal(secret_store_chosen(refused[i], stored, &f), FAULT_INPUT);
    assert_int_equal(secret_store_chosen(longest, stored, &f), FAULT_INPUT);
    assert_string_equal(stored, "untouched");

    assert_int_equal(secret_store_chosen("Grüße 8440", stored, &f), FAULT_OK);
    assert_int_equal(secret_store_chosen("Grüße 8440", again, &f), FAULT_OK);
    assert_string_not_equal(stored, again);
    assert_memory_equal(stored, "$y$", 3);
    assert_false(secret_is_made(stored));
    assert_int_equal(secret_check_import(stored, &f), FAULT_OK);
    assert_true(secret_verify(&key, "Grüße 8440", stored));
    assert_false(secret_verify(&key, "Grüße 8441", stored));

    longest[SECRET_PASSWORD_MAX] = '\0';
    assert_int_equal(secret_store_chosen(longest, stored, &f), FAULT_OK);
    assert_true(secret_verify(&key, longest, stored));
    longest[SECRET_PASSWORD_MAX] = 'x';
    assert_false(secret_verify(&key, longest, stored));
}

/* Each is the hash of "cradle". */
static const char *const imported[] = {
    "$6$saltsalt$HxMQ19NBQdlxjCTRCRfTSjaD5apnpkGXKPs52DI0e8QmPzRkplgGXy1tsig1OfInGG.9jgCWQ1W9MUlgc4PK01",
    ("$6$rounds=5000$saltsalt$HxMQ19NBQdlxjCTRCRfTSjaD5apnpkGXKPs52DI0e8QmPzRkplgGXy1tsig1OfInGG."
     "9jgCWQ1W9MUlgc4PK01"),
    "$5$saltsalt$MYuEkLbTWCJP4tyWJWueRwtcMy6B2wHcbanjWFX5me3",
    "$1$saltsalt$KaFnPiozEpYyGjrw9YhMs0",
    "$2b$05$abcdefghijklmnopqrstuuknFmSPmXNPrP.00L9Q04mI30m/VfeAq",
    "$2a$05$abcdefghijklmnopqrstuuknFmSPmXNPrP.00L9Q04mI30m/VfeAq",
    "$y$j9T$saltsaltsalt$StbVi94iNClEDF9/fHTUod/AJYfs.j6j6rWP4zbWX64",
    "$gy$j9T$saltsalt$RVay.DNZ0O7TbGOHNsakomVJBb2y7Y.lLEQ7P06sun6",
    "$7$CU..../....saltsalt$5jbDZfnCb.JBBuhC2uDkPgGbrvepQy0jg3znB.isr66",
    "$sha1$40000$saltsalt$ceiSK3ftFvusIgTLJbVOC/zTuVrA",
};

static void test_import(void **state)
{
    (void)state;
    struct secret_key key = counting_key();
    for (size_t i = 0; i < ARRAY_LENGTH(imported); i++) {
        struct fault f = { 0 };
        assert_int_equal(secret_check_import(imported[i], &f), FAULT_OK);
        assert_true(secret_verify(&key, "cradle", imported[i]));
        assert_false(secret_verify(&key, "craddle", imported[i]));
        char cut[SECRET_STORED_MAX];
        mem_copy_text(cut, sizeof cut, imported[i]);
        cut[strlen(cut) - 1] = '\0';
        assert_int_equal(secret_check_import(cut, &f), FAULT_INPUT);
        assert_false(secret_verify(&key, "cradle", cut));
    }
}

static const char *const not_imported[] = {
    "",
    "*",
    "!",
    "*0",
    "x",
    "cradle",
    "$",
    "$$",
    "$6$",
    "$6$saltsalt",
    "$6$saltsalt$",
    "$y$",
    "$y$j9T$saltsaltsalt$",
    "$2b$",
    "$2b$05$short",
    "$made$e3a58c238b9ab37246fead54d883f9d73f4742ff51dc0c6f2172cc228e5ccc07",
    "$unknown$x$MYuEkLbTWCJP4tyWJWueRwtcMy6B2wHcbanjWFX5me3",
    "abDenj0vD2cTw",                        /* DES */
    "_J9..abcdQZnh.Hp8qMA",                 /* BSDi */
    "$3$$c55757d53e0b9f06c73f7f1f336b9f43", /* NT */
    "$5$saltsalt$MYuEkLbTWCJP4tyWJWueRwtcMy6B2wHcbanjWFX5me3 ",
    "$5$saltsalt$MYuEkLbTWCJP4tyWJWueRwtcMy6B2wHcbanjWFX5me!",
    "$5$salt:alt$MYuEkLbTWCJP4tyWJWueRwtcMy6B2wHcbanjWFX5me3",
    "$5$rounds=999999999$saltsalt$MYuEkLbTWCJP4tyWJWueRwtcMy6B2wHcbanjWFX5me3",
    "$2b$31$abcdefghijklmnopqrstuuknFmSPmXNPrP.00L9Q04mI30m/VfeAq",
    "$y$jJT$saltsaltsalt$StbVi94iNClEDF9/fHTUod/AJYfs.j6j6rWP4zbWX64",
    /* the same cost by r, by t, and by p of scrypt */
    "$y$j9szz$saltsaltsalt$StbVi94iNClEDF9/fHTUod/AJYfs.j6j6rWP4zbWX64",
    "$y$j9T/szz$saltsaltsalt$StbVi94iNClEDF9/fHTUod/AJYfs.j6j6rWP4zbWX64",
    "$7$CU....zz...saltsalt$5jbDZfnCb.JBBuhC2uDkPgGbrvepQy0jg3znB.isr66",
    "$7$C/$5jbDZfnCb.JBBuhC2uDkPgGbrvepQy0jg3znB.isr66",
};

static void test_not_imported(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LENGTH(not_imported); i++) {
        struct fault f = { 0 };
        if (secret_check_import(not_imported[i], &f) != FAULT_INPUT)
            fail_msg("imported: %s", not_imported[i]);
        assert_true(strlen(f.text) > 0);
    }
    char big[2 * SECRET_STORED_MAX];
    memset(big, 'a', sizeof big);
    memcpy(big, "$6$", 3);
    big[sizeof big - 1] = '\0';
    assert_int_equal(secret_check_import(big, NULL), FAULT_INPUT);
}

static void test_what_never_matches(void **state)
{
    (void)state;
    struct secret_key key = counting_key();
    static const char *const stored[] = { "", "*", "*0", "x", "cradle", "$6$saltsalt$", "$y$" };
    for (size_t i = 0; i < ARRAY_LENGTH(stored); i++) {
        assert_false(secret_verify(&key, "cradle", stored[i]));
        assert_false(secret_verify(&key, stored[i], stored[i]));
    }
    assert_false(secret_verify(&key, "cradle", NULL));
    assert_false(secret_verify(&key, "", NULL));
    assert_false(secret_verify(&key, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mac),          cmocka_unit_test(test_mac_in_steps),
        cmocka_unit_test(test_derive),       cmocka_unit_test(test_random),
        cmocka_unit_test(test_equal),        cmocka_unit_test(test_made),
        cmocka_unit_test(test_chosen),       cmocka_unit_test(test_import),
        cmocka_unit_test(test_not_imported), cmocka_unit_test(test_what_never_matches),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
