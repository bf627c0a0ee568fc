/* SPDX-License-Identifier: Apache-2.0 */
/* What can be imported as a stored password is one whole hash of a known kind, never one of the server's own
 * and never the beginning of one; a secret that was stored is verified by itself alone; a MAC in steps is the
 * MAC of the whole. Input: a line that is stored, then what is a password and is hashed. */
#include "base/secret.h"
#include "tests/fuzz/fuzz.h"

static const struct secret_key key = { "0123456789abcdef0123456789abcde" };

static void check_import(const char *stored)
{
    struct fault f = { FAULT_OK, "" };
    if (secret_check_import(stored, &f) != FAULT_OK) {
        HOLDS(f.code == FAULT_INPUT && f.text[0] != '\0');
        return;
    }
    size_t n = strlen(stored);
    HOLDS(f.code == FAULT_OK && n < SECRET_STORED_MAX && stored[0] == '$' && !secret_is_made(stored));
    HOLDS(fuzz_is_clean(stored) && strpbrk(stored, " :;*!\\") == NULL);
    /* Parameters that multiply the work are not among those that are weighed. */
    HOLDS(strncmp(stored, "$y$", 3) != 0 || strcspn(stored + 3, "$") == 3);
    HOLDS(strncmp(stored, "$7$", 3) != 0 || memcmp(stored + 5, "..../....", 9) == 0);
    char other[SECRET_STORED_MAX + 2];
    memcpy(other, stored, n + 1);
    other[n - 1] = '\0';
    HOLDS(secret_check_import(other, NULL) == FAULT_INPUT);
    snprintf(other, sizeof other, "%sa", stored);
    HOLDS(secret_check_import(other, NULL) == FAULT_INPUT);
    other[n] = ':';
    HOLDS(secret_check_import(other, NULL) == FAULT_INPUT);
}

/* Only the kind that costs nothing; what libxcrypt makes of a hash is its own. */
static void check_verify(const char *password, const char *given)
{
    char stored[SECRET_STORED_MAX];
    secret_store_made(&key, password, stored);
    size_t n = strlen(password);
    HOLDS(secret_is_made(stored) && secret_check_import(stored, NULL) == FAULT_INPUT);
    HOLDS(secret_verify(&key, password, stored) == (n > 0 && n <= SECRET_PASSWORD_MAX));
    if (secret_is_made(given))
        HOLDS(secret_verify(&key, password, given) ==
              (strcmp(given, stored) == 0 && n > 0 && n <= SECRET_PASSWORD_MAX));
    stored[strlen(stored) - 1 - n % 64] ^= 1;
    HOLDS(!secret_verify(&key, password, stored));
    stored[strlen(stored) - 1] = '\0';
    HOLDS(!secret_verify(&key, password, stored));
}

static void check_steps(const uint8_t *data, size_t n)
{
    struct secret_digest whole, steps;
    secret_mac(&key, data, n, &whole);
    struct secret_mac_state *state = secret_mac_new(&key);
    HOLDS(state != NULL);
    for (size_t at = 0, step = 1; at < n; at += step, step = step * 3 % 61 + 1) {
        secret_mac_add(state, data + at, step < n - at ? step : n - at);
        secret_mac_peek(state, &steps);
    }
    secret_mac_peek(state, &steps);
    HOLDS(secret_equal(&whole, &steps, sizeof whole));
    secret_mac_free(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    char *stored = fuzz_line(&in);
    if (stored == NULL)
        return 0;
    check_steps(in.at, in.left);
    char *password = fuzz_text(&in);
    check_import(stored);
    check_verify(password, stored);
    free(stored);
    free(password);
    return 0;
}
