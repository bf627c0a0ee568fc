/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/fragment.h"
#include "tests/unit/pki/place.h"

static void test_slots(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int kind, number; /* number 0: refused */
    } rows[] = {
        { "platform:1", FRAGMENT_PLATFORM, 1 },
        { "platform:2", FRAGMENT_PLATFORM, 2 },
        { "application:1", FRAGMENT_APPLICATION, 1 },
        { "application:6", FRAGMENT_APPLICATION, 6 },
        { "platform:0", 0, 0 },
        { "platform:3", 0, 0 },
        { "application:7", 0, 0 },
        { "platform:", 0, 0 },
        { "platform:1 ", 0, 0 },
        { "platform:11", 0, 0 },
        { "Platform:1", 0, 0 },
        { "1", 0, 0 },
        { "", 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct fragment_slot slot = { .number = 99 };
        struct fault f = { 0 };
        enum fault_code code = fragment_slot(rows[i].text, &slot, &f);
        assert_int_equal(code, rows[i].number > 0 ? FAULT_OK : FAULT_INPUT);
        assert_int_equal(slot.number, rows[i].number > 0 ? rows[i].number : 99);
        if (code == FAULT_OK)
            assert_int_equal(slot.kind, rows[i].kind);
    }
}

static void test_uses(void **state)
{
    (void)state;
    static const char *const uses[2][5] = { { "wifi", "provisioning", "cms", "xmlapi", NULL },
                                            { "sip", "syslog", "ldap", "browser", NULL } };
    for (int kind = 0; kind < 2; kind++)
        for (int other = 0; other < 2; other++)
            for (int i = 0; uses[other][i] != NULL; i++) {
                struct fragment_slot slot = { .kind = (enum fragment_kind)kind, .number = 1 };
                struct fault f = { 0 };
                enum fault_code code = fragment_use(&slot, uses[other][i], &f);
                assert_int_equal(code, kind == other ? FAULT_OK : FAULT_INPUT);
                assert_true(kind == other ? slot.use != NULL
                                          : slot.use == NULL && strstr(f.text, "cannot use") != NULL);
            }
    struct fragment_slot slot = { .kind = FRAGMENT_PLATFORM, .number = 1 };
    assert_int_equal(fragment_use(&slot, "fax", NULL), FAULT_INPUT);
}

static void test_text(void **state)
{
    (void)state;
    struct fragment_slot slot = { .kind = FRAGMENT_PLATFORM, .number = 2, .use = "wifi" };
    struct buf out;
    struct fault f;
    buf_init(&out, 4096);
    place_good(fragment_write(&slot, "own\n", "key\r\n", "c<a&\"\n", &out, &f), &f);
    assert_string_equal(out.data, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
                                  "<handsetConfig>\n"
                                  "    <device device.set=\"1\"\n"
                                  "        device.sec.TLS.customCaCert2.set=\"1\"\n"
                                  "        device.sec.TLS.customCaCert2=\"c&lt;a&amp;&quot;&#10;\"\n"
                                  "        device.sec.TLS.customDeviceCert2.set=\"1\"\n"
                                  "        device.sec.TLS.customDeviceCert2.publicCert=\"own&#10;\"\n"
                                  "        device.sec.TLS.customDeviceCert2.privateKey=\"key&#10;\"\n"
                                  "        device.sec.TLS.profile.caCertList2.set=\"1\"\n"
                                  "        device.sec.TLS.profile.caCertList2=\"Platform2\"\n"
                                  "        device.sec.TLS.profile.deviceCert2.set=\"1\"\n"
                                  "        device.sec.TLS.profile.deviceCert2=\"Platform2\"\n"
                                  "        device.sec.TLS.profileSelection.dot1x.set=\"1\"\n"
                                  "        device.sec.TLS.profileSelection.dot1x=\"PlatformProfile2\"/>\n"
                                  "</handsetConfig>\n");
    buf_clear(&out);
    slot = (struct fragment_slot){ .kind = FRAGMENT_APPLICATION, .number = 6, .use = "ldap" };
    place_good(fragment_write(&slot, "own", "key", "ca", &out, &f), &f);
    assert_null(strstr(out.data, "device."));
    assert_non_null(strstr(out.data, "sec.TLS.customDeviceKey.6=\"key\""));
    assert_non_null(strstr(out.data, "sec.TLS.profileSelection.LDAP=\"ApplicationProfile6\""));
    buf_fini(&out);
    /* Too small a buffer is an error, not half a file. */
    buf_init(&out, 200);
    assert_int_equal(fragment_write(&slot, "own", "key", "ca", &out, &f), FAULT_TOO_LARGE);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests_name("fragment", tests, NULL, NULL);
}
