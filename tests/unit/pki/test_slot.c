/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "pki/slot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool slot;
        enum slot_kind kind;
        enum slot_part part;
        unsigned number;
    } rows[] = {
        { "device.sec.TLS.customCaCert1", true, SLOT_PLATFORM, SLOT_CA, 1 },
        { "device.sec.TLS.customCaCert2", true, SLOT_PLATFORM, SLOT_CA, 2 },
        { "sec.TLS.customCaCert.6", true, SLOT_APPLICATION, SLOT_CA, 6 },
        { "sec.TLS.customCaCert6", true, SLOT_APPLICATION, SLOT_CA, 6 },
        { "device.sec.TLS.customDeviceCert1", true, SLOT_PLATFORM, SLOT_DEVICE, 1 },
        { "device.sec.TLS.customDeviceCert1.publicCert", true, SLOT_PLATFORM, SLOT_DEVICE, 1 },
        { "device.sec.TLS.customDeviceCert1.privateKey", true, SLOT_PLATFORM, SLOT_KEY, 1 },
        { "sec.TLS.customDeviceCert.2", true, SLOT_APPLICATION, SLOT_DEVICE, 2 },
        { "sec.TLS.customDeviceKey.2", true, SLOT_APPLICATION, SLOT_KEY, 2 },
        { "device.sec.TLS.customCaCert1.set", false, 0, 0, 0 },
        { "device.sec.TLS.customDeviceCert1.set", false, 0, 0, 0 },
        { "device.sec.TLS.customCaCert3", false, 0, 0, 0 }, /* there are two */
        { "sec.TLS.customCaCert.7", false, 0, 0, 0 },
        { "sec.TLS.customCaCert.0", false, 0, 0, 0 },
        { "sec.TLS.customCaCert.10", false, 0, 0, 0 },
        { "sec.TLS.customCaCert", false, 0, 0, 0 },
        { "sec.TLS.customCaCert.", false, 0, 0, 0 },
        { "sec.TLS.customCaCert.1.publicCert", false, 0, 0, 0 },
        { "xsec.TLS.customCaCert.1", false, 0, 0, 0 },
        { "device.", false, 0, 0, 0 },
        { "", false, 0, 0, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct slot slot = { SLOT_APPLICATION, SLOT_KEY, 99 };
        if (slot_parse(rows[i].name, &slot) != rows[i].slot)
            fail_msg("%s", rows[i].name);
        if (rows[i].slot &&
            (slot.kind != rows[i].kind || slot.part != rows[i].part || slot.number != rows[i].number))
            fail_msg("%s: %d %d %u", rows[i].name, slot.kind, slot.part, slot.number);
        if (!rows[i].slot)
            assert_int_equal(slot.number, 99); /* untouched */
    }
}

static void test_uses(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        bool wrong;
    } rows[] = {
        { "device.sec.TLS.profileSelection.dot1x", "PlatformProfile1", false },
        { "device.sec.TLS.profileSelection.dot1x", "ApplicationProfile1", true },
        { "device.sec.TLS.profileSelection.provisioning", "ApplicationProfile2", true },
        { "sec.TLS.profileSelection.SIP", "ApplicationProfile1", false },
        { "sec.TLS.profileSelection.SIP", "PlatformProfile1", true },
        { "sec.TLS.profileSelection.LDAP", "platformprofile2", true },
        { "sec.TLS.profileSelection.browser", "PlatformProfile2", true },
        { "sec.TLS.profileSelection.syslog", "PlatformProfile2", true },
        { "sec.TLS.profileSelection.XMLAPI", "ApplicationProfile1", true },
        { "sec.TLS.profileSelection.XMLAPI", "PlatformProfile1", false },
        { "sec.TLS.profileSelection.unheard", "PlatformProfile1", false },
        { "sec.TLS.profileSelection.SIP", "", false },
        { "sec.TLS.profileSelection.SIP.set", "PlatformProfile1", false },
        { "sec.TLS.profile.SIP", "PlatformProfile1", false },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (slot_misused(rows[i].name, rows[i].value) != rows[i].wrong)
            fail_msg("%s=%s", rows[i].name, rows[i].value);
}

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"
#define L16   "ABCDabcd0123+/=="
#define L64   L16 L16 L16 L16

static void test_values(void **state)
{
    (void)state;
    static const char one[] = BEGIN "\n" L64 "\nAA==\n" END "\n";
    static const struct {
        const char *value;
        size_t count;
        const char *out;
    } rows[] = {
        { one, 1, one },
        { BEGIN " " L64 " AA== " END, 1, one }, /* line ends that became blanks */
        { BEGIN L64 "AA==" END, 1, one },       /* left out */
        { BEGIN "\r\n" L64 "\r\n\tAA==\r\n" END "\r\n", 1, one },
        { "Bag\nAttributes\n" BEGIN L64 "AA==" END " trailing", 1, one },
        { BEGIN " " L64 " " END BEGIN "AA==" END, 2, BEGIN "\n" L64 "\n" END "\n" BEGIN "\nAA==\n" END "\n" },
        { "", 0, "" },
        { "0", 0, "" },
        { BEGIN, 0, "" },
        { BEGIN L64, 0, "" },
        { BEGIN END, 0, "" },
        { BEGIN " \n " END, 0, "" },
        { BEGIN "A<A=" END, 0, "" },
        { BEGIN "AA==" END BEGIN "A*" END, 0, "" }, /* half of a value is none */
        { END BEGIN, 0, "" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        struct buf out;
        size_t count = 99;
        struct fault f;
        buf_init(&out, SLOT_PEM_LIMIT);
        assert_int_equal(buf_text(&out, "kept", &f), FAULT_OK);
        assert_int_equal(slot_certificates(rows[i].value, &out, &count, &f), FAULT_OK);
        if (count != rows[i].count || strcmp(out.data + 4, rows[i].out) != 0 || out.used != strlen(out.data))
            fail_msg("row %zu: %zu, %s", i, count, out.data);
        buf_fini(&out);
    }
}

static void test_a_value_has_a_limit(void **state)
{
    (void)state;
    static char value[SLOT_PEM_LIMIT + 1000];
    struct buf out;
    struct fault f;
    size_t count = 99;
    memset(value, 'A', sizeof value - 1);
    memcpy(value, BEGIN, strlen(BEGIN));
    memcpy(value + sizeof value - 1 - strlen(END), END, strlen(END));
    buf_init(&out, SLOT_PEM_LIMIT);
    assert_int_equal(slot_certificates(value, &out, &count, &f), FAULT_TOO_LARGE);
    assert_int_equal(count, 99);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_a_value_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
