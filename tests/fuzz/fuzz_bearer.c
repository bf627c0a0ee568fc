/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a file bears a private key does not depend on the pieces it comes in, and what stands there plainly
 * is found; envelopes of a master key are taken apart within their bounds. */
#include "base/seal_source.h"
#include "fleet/bearer.h"
#include "tests/fuzz/fuzz.h"

static size_t keys_of(const char *data, size_t n, size_t piece)
{
    struct bearer bearer = { 0 };
    for (size_t at = 0; at < n; at += piece)
        bearer_feed(&bearer, data + at, n - at < piece ? n - at : piece);
    return bearer.keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "-----BEGIN PRIVATE KEY-----";
    char *text = fuzz_copy(data, size), *plain = fuzz_copy(data, size), root[BEARER_ROOT];
    size_t keys = keys_of(text, size, size > 0 ? size : 1);
    for (size_t piece = 1; piece < 64; piece = piece * 3 + 1)
        HOLDS(keys_of(text, size, piece) == keys);
    HOLDS(keys > 0 || memmem(text, size, mark, sizeof mark - 1) == NULL);
    size_t n = bearer_plain(text, size, plain);
    HOLDS(n <= size);
    bearer_root(plain, n, root);
    HOLDS(memchr(root, '\0', sizeof root) != NULL);
    const uint8_t *id = NULL, *sealed = NULL;
    size_t sealed_n = 0;
    if (seal_envelope_parse(data, size, &id, &sealed, &sealed_n, NULL) == FAULT_OK)
        HOLDS(id > data && sealed == id + SEAL_ENVELOPE_KEY_ID + 2 && sealed + sealed_n == data + size &&
              sealed_n > 0);
    free(plain);
    free(text);
    return 0;
}
