/* SPDX-License-Identifier: Apache-2.0 */
#include "base/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct chain_record sample(int64_t number)
{
    struct chain_record r = { .number = number, .at = 1795466251123 + number };
    strncpy(r.event, "log.read", sizeof r.event - 1);
    strncpy(r.who, "operator", sizeof r.who - 1);
    strncpy(r.role, "operator", sizeof r.role - 1);
    strncpy(r.address, "192.0.2.7", sizeof r.address - 1);
    strncpy(r.target, "/@log/00907a0a1b2c/app.log", sizeof r.target - 1);
    strncpy(r.outcome, "ok", sizeof r.outcome - 1);
    return r;
}

static void test_written_and_read(void **state)
{
    (void)state;
    static const uint8_t wanted[] =
        "\x01\0\0\0\0\0\0\0\x05\0\0\x01\xa2\x0a\x20\xcb\x78\0\x08log.read\0\x08operator"
        "\0\x08operator\0\x09"
        "192.0.2.7\0\0\0\x1a/@log/00907a0a1b2c/app.log\0\x02ok\0\0";
    uint8_t bytes[CHAIN_RECORD_MAX];
    size_t n = 0;
    struct fault f;
    struct chain_record r = sample(5), back;
    assert_int_equal(chain_encode(&r, bytes, &n, &f), FAULT_OK);
    assert_int_equal(n, sizeof wanted - 1);
    assert_memory_equal(bytes, wanted, n);
    assert_int_equal(chain_decode(bytes, n, &back, &f), FAULT_OK);
    assert_memory_equal(&back, &r, sizeof r);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(chain_decode(bytes, cut, &back, &f), FAULT_DAMAGED);
    bytes[n] = 0;
    assert_int_equal(chain_decode(bytes, n + 1, &back, &f), FAULT_DAMAGED);
    bytes[0] = 2;
    assert_int_equal(chain_decode(bytes, n, &back, &f), FAULT_DAMAGED);
}

static void test_longest_fits(void **state)
{
    (void)state;
    struct chain_record r, back;
    uint8_t bytes[CHAIN_RECORD_MAX];
    size_t n = 0;
    const char *name;
    struct fault f;
    memset(&r, 'x', sizeof r);
    r.number = r.at = INT64_MAX;
    assert_int_equal(chain_encode(&r, bytes, &n, &f), FAULT_INPUT); /* no text ends */
    char *texts[] = { r.event, r.who, r.role, r.address, r.certificate, r.target, r.outcome, r.detail };
    size_t sizes[] = { sizeof r.event,       sizeof r.who,    sizeof r.role,    sizeof r.address,
                       sizeof r.certificate, sizeof r.target, sizeof r.outcome, sizeof r.detail };
    for (size_t i = 0; i < CHAIN_FIELDS; i++) {
        texts[i][sizes[i] - 1] = '\0';
        assert_ptr_equal(chain_field(&r, i, &name), texts[i]);
    }
    assert_null(chain_field(&r, CHAIN_FIELDS, &name));
    assert_int_equal(chain_encode(&r, bytes, &n, &f), FAULT_OK);
    assert_true(n <= CHAIN_RECORD_MAX);
    assert_int_equal(chain_decode(bytes, n, &back, &f), FAULT_OK);
    r.at = -1;
    assert_int_equal(chain_encode(&r, bytes, &n, &f), FAULT_INPUT);
    r.at = 0, r.number = 0;
    assert_int_equal(chain_encode(&r, bytes, &n, &f), FAULT_INPUT);
}

static void test_texts_are_made_clean(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted; /* into 16 bytes */
    } cases[] = {
        { NULL, "" },
        { "", "" },
        { "Station 3", "Station 3" },
        { "Störung", "Störung" },
        { "a\nb\x1b[0m", "a\\x0ab\\x1b[0m" },
        { "\xff", "\\xff" },
        { "\xc2\x9b", "\\xc2\\x9b" },
        { "123456789012345", "123456789012345" },
        { "1234567890123456", "123456789012…" },
        { "12345678901\xc3\xa4xyz", "12345678901…" },
        { "\x01\x02\x03\x04", "\\x01\\x02\\x03…" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[16];
        chain_text(cases[i].text, out, sizeof out);
        assert_string_equal(out, cases[i].wanted);
        struct chain_record r = sample(1);
        uint8_t bytes[CHAIN_RECORD_MAX];
        size_t n;
        chain_text(cases[i].text, r.role, sizeof r.role - 1);
        assert_int_equal(chain_encode(&r, bytes, &n, NULL), FAULT_OK);
    }
    struct chain_record raw = sample(1);
    uint8_t bytes[CHAIN_RECORD_MAX];
    size_t n;
    strncpy(raw.who, "a\tb", sizeof raw.who - 1);
    assert_int_equal(chain_encode(&raw, bytes, &n, NULL), FAULT_INPUT);
}

/* Whoever reads doc/format.md must come to these. */
static void test_known_answer(void **state)
{
    (void)state;
    struct chain_state at = { .number = 1 };
    struct chain_record r = sample(1);
    uint8_t bytes[CHAIN_RECORD_MAX];
    size_t n = 0;
    struct secret_digest mac;
    char hex[65];
    memset(at.key.bytes, 7, sizeof at.key.bytes);
    struct secret_key skipped = at.key;
    assert_int_equal(chain_encode(&r, bytes, &n, NULL), FAULT_OK);
    chain_step(&at, bytes, n, &mac);
    secret_hex(mac.bytes, 32, hex);
    assert_string_equal(hex, "660a5b1110789d33bc05a0d8dd40974d71eb7988f4892b28175d1ba157f2f16d");
    assert_int_equal(at.number, 2);
    assert_memory_equal(&at.mac, &mac, sizeof mac);
    chain_step(&at, bytes, n, &mac);
    secret_hex(mac.bytes, 32, hex);
    assert_string_equal(hex, "e15254aac1375ec472709da5b2ea6196637f5173fce78f792f4bdd6da7710e00");
    chain_skip(&skipped, 2);
    assert_memory_equal(&skipped, &at.key, sizeof skipped);
    secret_hex(at.key.bytes, 32, hex);
    assert_string_equal(hex, "e0a7a0a1dbedbd287cf59be088eb359f30e508f9365f996acb696550d5c018c3");
}

static void test_key_and_anchor_texts(void **state)
{
    (void)state;
    struct chain_key key = { .first = INT64_MAX }, back;
    struct chain_anchor anchor;
    char text[CHAIN_KEY_TEXT], longer[CHAIN_KEY_TEXT + 8];
    struct fault f;
    secret_random(key.key.bytes, sizeof key.key.bytes);
    chain_key_print(&key, text);
    assert_int_equal(chain_key_parse(text, &back, &f), FAULT_OK);
    assert_int_equal(back.first, key.first);
    assert_memory_equal(&back.key, &key.key, sizeof key.key);
    snprintf(longer, sizeof longer, "%s \r\n", text);
    assert_int_equal(chain_key_parse(longer, &back, &f), FAULT_OK);
    snprintf(longer, sizeof longer, "%s0", text);
    assert_int_equal(chain_key_parse(longer, &back, &f), FAULT_INPUT);
    for (size_t cut = 0; cut < strlen(text); cut++) {
        char part[CHAIN_KEY_TEXT];
        snprintf(part, sizeof part, "%.*s", (int)cut, text);
        assert_int_equal(chain_key_parse(part, &back, &f), FAULT_INPUT);
    }
    assert_int_equal(chain_anchor_parse(strchr(text, ':') + 1, &anchor, &f), FAULT_OK);
    assert_int_equal(anchor.number, INT64_MAX);
    assert_memory_equal(anchor.mac.bytes, key.key.bytes, 32);
    static const char *const wrong[] = { "", ":", "0:00", "-1:", "99999999999999999999:", "12", "1;ab" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(chain_anchor_parse(wrong[i], &anchor, &f), FAULT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),     cmocka_unit_test(test_longest_fits),
        cmocka_unit_test(test_texts_are_made_clean), cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_key_and_anchor_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
