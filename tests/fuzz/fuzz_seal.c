/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed chunk opens at its own place and as it is, or not at all, and then nothing of it is given out.
 * Input: a byte that says where to damage it, then bytes that are taken for a chunk, for a wrapped key, and
 * for a plain text. */
#include "base/seal.h"
#include "tests/fuzz/fuzz.h"

static const struct secret_key key = { "0123456789abcdef0123456789abcde" };
static const struct seal_place place = { "content 1234567", 3, true };

static bool all_zero(const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (data[i] != 0)
            return false;
    return true;
}

/* Damaged, and nothing in out. */
static void check_shut(const struct seal_place *where, const uint8_t *sealed, size_t n)
{
    size_t room = n >= SEAL_OVERHEAD ? n - SEAL_OVERHEAD : 0;
    uint8_t *exact = (uint8_t *)fuzz_copy(sealed, n), *out = (uint8_t *)fuzz_copy(sealed, room);
    struct fault f = { FAULT_OK, "" };
    HOLDS(seal_open_chunk(&key, where, exact, n, out, &f) == FAULT_DAMAGED);
    HOLDS(f.code == FAULT_DAMAGED && f.text[0] != '\0');
    HOLDS(n < SEAL_OVERHEAD || exact[0] != 1 || all_zero(out, room));
    free(exact);
    free(out);
}

static void check_elsewhere(const uint8_t *sealed, size_t n)
{
    struct seal_place other = place;
    other.index++;
    check_shut(&other, sealed, n);
    other = place;
    other.last = false;
    check_shut(&other, sealed, n);
    other = place;
    other.content[SEAL_CONTENT_ID - 1] ^= 1;
    check_shut(&other, sealed, n);
}

static void check_round_trip(const uint8_t *plain, size_t n, size_t where)
{
    size_t n_sealed = n + SEAL_OVERHEAD;
    uint8_t *sealed = malloc(n_sealed), *opened = malloc(n > 0 ? n : 1);
    uint32_t id = 0;
    HOLDS(sealed != NULL && opened != NULL);
    HOLDS(seal_chunk(&key, 0x01020304, &place, plain, n, sealed, NULL) == FAULT_OK);
    HOLDS(seal_chunk_key(sealed, n_sealed, &id, NULL) == FAULT_OK && id == 0x01020304);
    HOLDS(seal_open_chunk(&key, &place, sealed, n_sealed, opened, NULL) == FAULT_OK);
    HOLDS(n == 0 || memcmp(plain, opened, n) == 0);
    check_elsewhere(sealed, n_sealed);
    check_shut(&place, sealed, n_sealed - 1);
    check_shut(&place, sealed, where % n_sealed);
    sealed[where % n_sealed] ^= (uint8_t)(1u << where % 8);
    check_shut(&place, sealed, n_sealed);
    free(sealed);
    free(opened);
}

static void check_wrapped(const uint8_t *data, size_t n, size_t where)
{
    struct secret_key inner, opened;
    uint8_t wrapped[SEAL_WRAPPED_SIZE], *exact = (uint8_t *)fuzz_copy(data, n);
    struct fault f = { FAULT_OK, "" };
    enum fault_code code = seal_unwrap(&key, 1, "contents", exact, n, &opened, &f);
    HOLDS(code == f.code && (code == FAULT_DAMAGED || (code == FAULT_OK && n == SEAL_WRAPPED_SIZE)));
    free(exact);
    memset(&inner, 0x5a, sizeof inner);
    memcpy(&inner, data, n < sizeof inner ? n : sizeof inner);
    HOLDS(seal_wrap(&key, 1, "contents", &inner, wrapped, NULL) == FAULT_OK);
    HOLDS(seal_unwrap(&key, 1, "contents", wrapped, sizeof wrapped, &opened, NULL) == FAULT_OK);
    HOLDS(secret_equal(&inner, &opened, sizeof inner));
    HOLDS(seal_unwrap(&key, 2, "contents", wrapped, sizeof wrapped, &opened, NULL) == FAULT_DAMAGED);
    HOLDS(seal_unwrap(&key, 1, "content", wrapped, sizeof wrapped, &opened, NULL) == FAULT_DAMAGED);
    wrapped[where % sizeof wrapped] ^= (uint8_t)(1u << where % 8);
    HOLDS(seal_unwrap(&key, 1, "contents", wrapped, sizeof wrapped, &opened, NULL) == FAULT_DAMAGED);
    HOLDS(secret_equal(&inner, &opened, sizeof inner)); /* a failure leaves what was there */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t where = data[0];
    data++, size--;
    size_t room = size >= SEAL_OVERHEAD ? size - SEAL_OVERHEAD : 0;
    uint8_t *exact = (uint8_t *)fuzz_copy(data, size), *out = (uint8_t *)fuzz_copy(data, room);
    uint32_t id;
    HOLDS(seal_chunk_key(exact, size, &id, NULL) ==
          (size >= SEAL_OVERHEAD && data[0] == 1 ? FAULT_OK : FAULT_DAMAGED));
    if (seal_open_chunk(&key, &place, exact, size, out, NULL) == FAULT_OK)
        check_elsewhere(exact, size);
    else
        check_shut(&place, exact, size);
    free(exact);
    free(out);
    check_round_trip(data, size, where);
    check_wrapped(data, size, where);
    return 0;
}
