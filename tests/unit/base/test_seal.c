/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/seal.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct secret_key counting_key(void)
{
    struct secret_key key;
    for (size_t i = 0; i < sizeof key.bytes; i++)
        key.bytes[i] = (uint8_t)i;
    return key;
}

static const struct seal_place somewhere = { { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
                                             0x0102030405060708,
                                             true };

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)strtoul((char[]){ hex[2 * i], hex[2 * i + 1], '\0' }, NULL, 16);
    return n;
}

/* Sealed by another implementation (OpenSSL, through Python) from the format's description alone. */
static void test_the_format_is_the_documented_one(void **state)
{
    (void)state;
    struct secret_key key = counting_key(), opened;
    uint8_t sealed[100], plain[100];
    uint32_t id = 0;
    size_t n =
        from_hex("01000000076465666768696a6b6c6d6e6f207eb20a16c76105d8bddb916b2769b3dcdf766efe", sealed);
    assert_int_equal(n, 5 + SEAL_OVERHEAD);
    assert_int_equal(seal_chunk_key(sealed, n, &id, NULL), FAULT_OK);
    assert_int_equal(id, 7);
    assert_int_equal(seal_open_chunk(&key, &somewhere, sealed, n, plain, NULL), FAULT_OK);
    assert_memory_equal(plain, "hello", 5);

    n = from_hex("016465666768696a6b6c6d6e6f683afc455dcc70b9164b75c3f64844d272f33439bf59c5459fe89673c79e9b779"
                 "2c08671348b6897"
                 "54e78d2c20439d3b",
                 sealed);
    assert_int_equal(n, SEAL_WRAPPED_SIZE);
    assert_int_equal(seal_unwrap(&key, 7, "content", sealed, n, &opened, NULL), FAULT_OK);
    for (size_t i = 0; i < sizeof opened.bytes; i++)
        assert_int_equal(opened.bytes[i], 32 + i);
}

static void test_chunks_of_all_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 65536, 65537 };
    struct secret_key key = counting_key();
    for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
        size_t n = sizes[i];
        AUTO_FREE uint8_t *plain = malloc(n + 1), *sealed = malloc(n + SEAL_OVERHEAD), *again = malloc(n + 1);
        secret_random(plain, n);
        assert_int_equal(seal_chunk(&key, 0xfedcba98, &somewhere, plain, n, sealed, NULL), FAULT_OK);
        uint32_t id;
        assert_int_equal(seal_chunk_key(sealed, n + SEAL_OVERHEAD, &id, NULL), FAULT_OK);
        assert_int_equal(id, 0xfedcba98);
        again[n] = 0x5a;
        assert_int_equal(seal_open_chunk(&key, &somewhere, sealed, n + SEAL_OVERHEAD, again, NULL), FAULT_OK);
        assert_memory_equal(plain, again, n);
        assert_int_equal(again[n], 0x5a);
    }
    /* No plain text at all, by a NULL. */
    uint8_t sealed[SEAL_OVERHEAD];
    assert_int_equal(seal_chunk(&key, 1, &somewhere, NULL, 0, sealed, NULL), FAULT_OK);
    assert_int_equal(seal_open_chunk(&key, &somewhere, sealed, sizeof sealed, NULL, NULL), FAULT_OK);
}

static void test_nonces_differ(void **state)
{
    (void)state;
    struct secret_key key = counting_key();
    uint8_t a[5 + SEAL_OVERHEAD], b[5 + SEAL_OVERHEAD];
    seal_chunk(&key, 1, &somewhere, "hello", 5, a, NULL);
    seal_chunk(&key, 1, &somewhere, "hello", 5, b, NULL);
    assert_memory_not_equal(a + 5, b + 5, 12);
    assert_memory_not_equal(a + 17, b + 17, 5);
}

static void test_a_changed_bit_anywhere_breaks_the_seal(void **state)
{
    (void)state;
    struct secret_key key = counting_key();
    uint8_t sealed[5 + SEAL_OVERHEAD], plain[5];
    struct fault f;
    assert_int_equal(seal_chunk(&key, 7, &somewhere, "hello", 5, sealed, NULL), FAULT_OK);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        memset(plain, 'x', sizeof plain);
        assert_int_equal(seal_open_chunk(&key, &somewhere, sealed, sizeof sealed, plain, &f), FAULT_DAMAGED);
        assert_memory_not_equal(plain, "hello", 5); /* what did not authenticate is not handed out */
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t n = 0; n < sizeof sealed; n++)
        assert_int_equal(seal_open_chunk(&key, &somewhere, sealed, n, plain, &f), FAULT_DAMAGED);
    assert_int_equal(seal_open_chunk(&key, &somewhere, sealed, sizeof sealed, plain, &f), FAULT_OK);
}

static void test_a_chunk_opens_at_its_place_only(void **state)
{
    (void)state;
    struct secret_key key = counting_key(), other = key;
    uint8_t sealed[5 + SEAL_OVERHEAD], plain[5];
    assert_int_equal(seal_chunk(&key, 7, &somewhere, "hello", 5, sealed, NULL), FAULT_OK);
    struct seal_place place = somewhere;
    place.index++;
    assert_int_equal(seal_open_chunk(&key, &place, sealed, sizeof sealed, plain, NULL), FAULT_DAMAGED);
    place = somewhere;
    place.last = false;
    assert_int_equal(seal_open_chunk(&key, &place, sealed, sizeof sealed, plain, NULL), FAULT_DAMAGED);
    place = somewhere;
    place.content[15] ^= 1;
    assert_int_equal(seal_open_chunk(&key, &place, sealed, sizeof sealed, plain, NULL), FAULT_DAMAGED);
    other.bytes[31] ^= 1;
    assert_int_equal(seal_open_chunk(&other, &somewhere, sealed, sizeof sealed, plain, NULL), FAULT_DAMAGED);
}

static void test_wrapping(void **state)
{
    (void)state;
    struct secret_key master = counting_key(), key, opened = { { 9 } }, other = { { 0 } };
    uint8_t wrapped[SEAL_WRAPPED_SIZE];
    struct fault f;
    char purpose[100];
    secret_random(key.bytes, sizeof key.bytes);
    assert_int_equal(seal_wrap(&master, 3, "content", &key, wrapped, NULL), FAULT_OK);
    assert_int_equal(seal_unwrap(&master, 4, "content", wrapped, sizeof wrapped, &opened, &f), FAULT_DAMAGED);
    assert_int_equal(seal_unwrap(&master, 3, "contents", wrapped, sizeof wrapped, &opened, &f),
                     FAULT_DAMAGED);
    assert_int_equal(seal_unwrap(&master, 3, "", wrapped, sizeof wrapped, &opened, &f), FAULT_DAMAGED);
    assert_int_equal(seal_unwrap(&other, 3, "content", wrapped, sizeof wrapped, &opened, &f), FAULT_DAMAGED);
    for (size_t n = 0; n < sizeof wrapped; n++)
        assert_int_equal(seal_unwrap(&master, 3, "content", wrapped, n, &opened, &f), FAULT_DAMAGED);
    for (size_t i = 0; i < sizeof wrapped; i++) {
        wrapped[i] ^= 1;
        assert_int_equal(seal_unwrap(&master, 3, "content", wrapped, sizeof wrapped, &opened, &f),
                         FAULT_DAMAGED);
        wrapped[i] ^= 1;
    }
    assert_int_equal(opened.bytes[0], 9);
    assert_int_equal(seal_unwrap(&master, 3, "content", wrapped, sizeof wrapped, &opened, &f), FAULT_OK);
    assert_memory_equal(opened.bytes, key.bytes, sizeof key.bytes);
    memset(purpose, 'p', sizeof purpose);
    purpose[sizeof purpose - 1] = '\0';
    assert_int_equal(seal_wrap(&master, 3, purpose, &key, wrapped, &f), FAULT_INTERNAL);
}

/* A folder of the test's own, and a file's name in it. */
static char folder[] = "/tmp/cradle-test-seal-XXXXXX";
static char file[sizeof folder + 16];

static int make_folder(void **state)
{
    (void)state;
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(file, sizeof file, "%s/master.key", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(file);
    return rmdir(folder);
}

static void put_file(const char *text, mode_t mode)
{
    unlink(file);
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_master_key_file(void **state)
{
    (void)state;
    struct secret_key key, again;
    struct fault f;
    struct stat info;
    assert_int_equal(seal_master_load(file, &key, &f), FAULT_ABSENT);
    assert_non_null(strstr(f.text, file));
    mode_t mask = umask(0);
    assert_int_equal(seal_master_create(file, &f), FAULT_OK);
    umask(mask);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(info.st_size, 65);
    assert_int_equal(seal_master_load(file, &key, &f), FAULT_OK);
    assert_int_equal(seal_master_create(file, &f), FAULT_CONFLICT);
    assert_int_equal(seal_master_load(file, &again, &f), FAULT_OK);
    assert_memory_equal(key.bytes, again.bytes, sizeof key.bytes);
    unlink(file);
    assert_int_equal(seal_master_create(file, &f), FAULT_OK);
    assert_int_equal(seal_master_load(file, &again, &f), FAULT_OK);
    assert_memory_not_equal(key.bytes, again.bytes, sizeof key.bytes);
    assert_int_equal(seal_master_create("/nonexistent/master.key", &f), FAULT_IO);
    assert_int_equal(seal_master_load("/nonexistent/master.key", &key, &f), FAULT_ABSENT);
}

#define DIGITS "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

static const struct {
    const char *text;
    mode_t mode;
    enum fault_code code;
} files[] = {
    { DIGITS "\n", 0600, FAULT_OK },
    { DIGITS, 0400, FAULT_OK },
    { DIGITS "\r\n", 0600, FAULT_OK },
    { DIGITS "\n", 0640, FAULT_FORBIDDEN },
    { DIGITS "\n", 0604, FAULT_FORBIDDEN },
    { DIGITS "\n", 0620, FAULT_FORBIDDEN },
    { "", 0600, FAULT_INPUT },
    { "\n", 0600, FAULT_INPUT },
    { DIGITS "0", 0600, FAULT_INPUT },
    { DIGITS "\n\n", 0600, FAULT_INPUT },
    { DIGITS "\n" DIGITS "\n", 0600, FAULT_INPUT },
    { " " DIGITS, 0600, FAULT_INPUT },
    { "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", 0600, FAULT_INPUT },
    { "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", 0600, FAULT_INPUT },
};

static void test_master_key_files_of_others(void **state)
{
    (void)state;
    struct secret_key expected = counting_key();
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
        struct secret_key key = { { 0x77 } };
        struct fault f = { 0 };
        put_file(files[i].text, files[i].mode);
        assert_int_equal(seal_master_load(file, &key, &f), files[i].code);
        if (files[i].code == FAULT_OK) {
            assert_memory_equal(key.bytes, expected.bytes, sizeof key.bytes);
            continue;
        }
        assert_int_equal(key.bytes[0], 0x77);
        assert_non_null(strstr(f.text, file));
        assert_null(strstr(f.text, "0102030405"));
    }
    if (geteuid() == 0) {
        struct secret_key key;
        put_file(DIGITS "\n", 0600);
        assert_int_equal(chown(file, 12345, (gid_t)-1), 0);
        assert_int_equal(seal_master_load(file, &key, NULL), FAULT_FORBIDDEN);
    }
    struct secret_key key;
    assert_int_equal(seal_master_load(folder, &key, NULL), FAULT_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_format_is_the_documented_one),
        cmocka_unit_test(test_chunks_of_all_sizes),
        cmocka_unit_test(test_nonces_differ),
        cmocka_unit_test(test_a_changed_bit_anywhere_breaks_the_seal),
        cmocka_unit_test(test_a_chunk_opens_at_its_place_only),
        cmocka_unit_test(test_wrapping),
        cmocka_unit_test_setup_teardown(test_master_key_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_master_key_files_of_others, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
