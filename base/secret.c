/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "base/mem.h"
#include <crypt.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_MADE_MARK   "$made$"
#define SECRET_MADE_STORED (sizeof SECRET_MADE_MARK - 1 + 2 * SECRET_DIGEST_SIZE)

_Static_assert(SECRET_STORED_MAX >= CRYPT_OUTPUT_SIZE, "a crypt(3) hash fits");

/* Keys, nonces and verdicts would be worthless from here on; no caller could do better than stop. */
static void secret_must(bool worked, const char *what)
{
    if (worked)
        return;
    fprintf(stderr, "error: %s failed\n", what);
    abort();
}

void secret_random(void *out, size_t n)
{
    if (n > 0)
        secret_must(gnutls_rnd(GNUTLS_RND_KEY, out, n) == 0, "the random number generator");
}

uint32_t secret_random_below(uint32_t bound)
{
    /* Values below `unfair` would make the first remainders likelier than the rest: draw again. */
    uint32_t unfair = -bound % bound, value;
    do
        secret_random(&value, sizeof value);
    while (value < unfair);
    return value % bound;
}

bool secret_equal(const void *a, const void *b, size_t n)
{
    return n == 0 || gnutls_memcmp(a, b, n) == 0;
}

void secret_hex(const void *data, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

void secret_mac(const struct secret_key *key, const void *data, size_t n, struct secret_digest *ret_digest)
{
    secret_must(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key->bytes, sizeof key->bytes, n > 0 ? data : "", n,
                                 ret_digest->bytes) == 0,
                "HMAC-SHA-256");
}

struct secret_mac_state {
    gnutls_hmac_hd_t handle;
};

struct secret_mac_state *secret_mac_new(const struct secret_key *key)
{
    struct secret_mac_state *state = malloc(sizeof *state);
    if (state == NULL)
        return NULL;
    if (gnutls_hmac_init(&state->handle, GNUTLS_MAC_SHA256, key->bytes, sizeof key->bytes) < 0) {
        free(state);
        return NULL;
    }
    return state;
}

void secret_mac_add(struct secret_mac_state *state, const void *data, size_t n)
{
    if (n > 0)
        secret_must(gnutls_hmac(state->handle, data, n) == 0, "HMAC-SHA-256");
}

void secret_mac_peek(const struct secret_mac_state *state, struct secret_digest *ret_digest)
{
    /* On a copy: taking the digest resets the handle. */
    gnutls_hmac_hd_t copy = gnutls_hmac_copy(state->handle);
    secret_must(copy != NULL, "HMAC-SHA-256");
    gnutls_hmac_deinit(copy, ret_digest->bytes);
}

void secret_mac_free(struct secret_mac_state *state)
{
    if (state == NULL)
        return;
    struct secret_digest unused;
    gnutls_hmac_deinit(state->handle, unused.bytes);
    mem_wipe(&unused, sizeof unused);
    free(state);
}

void secret_derive(const struct secret_key *from, const char *purpose, struct secret_key *ret_key)
{
    struct secret_key middle;
    gnutls_datum_t input = { (unsigned char *)(uintptr_t)from->bytes, sizeof from->bytes };
    gnutls_datum_t extracted = { middle.bytes, sizeof middle.bytes };
    gnutls_datum_t info = { (unsigned char *)(uintptr_t)purpose, (unsigned)strlen(purpose) };
    gnutls_datum_t no_salt = { NULL, 0 };
    bool worked =
        gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &input, &no_salt, middle.bytes) == 0 &&
        gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &extracted, &info, ret_key->bytes, sizeof ret_key->bytes) == 0;
    mem_wipe(&middle, sizeof middle);
    secret_must(worked, "HKDF-SHA-256");
}

void secret_make(char out[SECRET_MADE_LENGTH + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t random[SECRET_MADE_LENGTH];
    secret_random(random, sizeof random);
    for (size_t i = 0; i < SECRET_MADE_LENGTH; i++)
        out[i] = alphabet[random[i] & 31];
    out[SECRET_MADE_LENGTH] = '\0';
    mem_wipe(random, sizeof random);
}

void secret_store_made(const struct secret_key *key, const char *made, char *stored)
{
    struct secret_digest digest;
    secret_mac(key, made, strlen(made), &digest);
    memcpy(stored, SECRET_MADE_MARK, sizeof SECRET_MADE_MARK);
    secret_hex(digest.bytes, sizeof digest.bytes, stored + sizeof SECRET_MADE_MARK - 1);
}

bool secret_is_made(const char *stored)
{
    return strncmp(stored, SECRET_MADE_MARK, sizeof SECRET_MADE_MARK - 1) == 0;
}

/* crypt(3) of password under `setting` into `out` (CRYPT_OUTPUT_SIZE bytes); false when libxcrypt refuses. */
static bool secret_crypt(const char *password, const char *setting, char *out)
{
    /* 32 KiB, too large for a worker's stack, and full of the password afterwards. */
    struct crypt_data *data = calloc(1, sizeof *data);
    if (data == NULL)
        return false;
    const char *hash = crypt_rn(password, setting, data, (int)sizeof *data);
    bool worked = hash != NULL && hash[0] != '*' && mem_copy_text(out, CRYPT_OUTPUT_SIZE, hash);
    mem_wipe_free(data, sizeof *data);
    return worked;
}

static bool secret_default_setting(char setting[CRYPT_GENSALT_OUTPUT_SIZE])
{
    return crypt_gensalt_rn("$y$", 0, NULL, 0, setting, CRYPT_GENSALT_OUTPUT_SIZE) != NULL;
}

enum fault_code secret_store_chosen(const char *password, char *stored, struct fault *f)
{
    size_t n = strlen(password);
    if (n == 0)
        return fault_set(f, FAULT_INPUT, "the password is empty; choose one");
    if (n > SECRET_PASSWORD_MAX)
        return fault_set(f, FAULT_INPUT, "the password is longer than %d bytes; choose a shorter one",
                         SECRET_PASSWORD_MAX);
    for (size_t i = 0; i < n; i++) {
        if ((uint8_t)password[i] < 0x20 || password[i] == 0x7f)
            return fault_set(f, FAULT_INPUT,
                             "the password has a control character in it; choose another one");
    }
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], hash[CRYPT_OUTPUT_SIZE];
    if (!secret_default_setting(setting) || !secret_crypt(password, setting, hash))
        return fault_set(f, FAULT_INTERNAL, "the password cannot be hashed");
    mem_copy_text(stored, SECRET_STORED_MAX, hash);
    mem_wipe(hash, sizeof hash);
    return FAULT_OK;
}

/* The cost of a crypt(5) setting (text after its prefix): the base-2 logarithm of the work, in its method's
 * own unit. */
typedef int secret_cost(const char *parameters);

static int cost_none(const char *parameters)
{
    (void)parameters;
    return 0;
}

static int cost_logarithm(const char *parameters)
{
    return (int)strtol(parameters, NULL, 10);
}

static int cost_rounds(const char *parameters)
{
    const char *digits = strncmp(parameters, "rounds=", 7) == 0 ? parameters + 7 : parameters;
    unsigned long rounds = strtoul(digits, NULL, 10);
    int cost = 0;
    while (rounds >>= 1)
        cost++;
    return cost;
}

static const char secret_alphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static int cost_letter(const char *parameters)
{
    const char *at = parameters[0] != '\0' ? strchr(secret_alphabet, parameters[0]) : NULL;
    return at != NULL ? (int)(at - secret_alphabet) : 64;
}

/* yescrypt: flavour, N, r, a character each, as crypt_gensalt(3) writes them. Longer ones hold parameters
 * that multiply the work beyond what N tells. */
static int cost_yescrypt(const char *parameters)
{
    return strcspn(parameters, "$") == 3 ? cost_letter(parameters + 1) : 64;
}

/* scrypt: N, then r and p with the least significant of their five characters first. Only a p of 1 and an r
 * of one character are ever written by crypt_gensalt(3). */
static int cost_scrypt(const char *parameters)
{
    bool usual = strnlen(parameters, 11) == 11 && memcmp(parameters + 2, "..../....", 9) == 0;
    return usual ? cost_letter(parameters) : 64;
}

/* Which hashes can be imported: how long the part is that makes a setting a hash, and the highest cost that
 * one login may burn on a worker (a second or two). What is not here is unsalted (NT), cut to eight
 * characters (DES) or nothing. */
static const struct {
    const char *prefix;
    size_t hash_length;
    secret_cost *cost;
    int most;
} secret_methods[] = {
    { "$y$", 43, cost_yescrypt, 16 },   { "$gy$", 43, cost_yescrypt, 16 },
    { "$7$", 43, cost_scrypt, 19 },     { "$2b$", 53, cost_logarithm, 14 },
    { "$2a$", 53, cost_logarithm, 14 }, { "$2y$", 53, cost_logarithm, 14 },
    { "$6$", 86, cost_rounds, 21 },     { "$5$", 43, cost_rounds, 21 },
    { "$sha1$", 28, cost_rounds, 21 },  { "$1$", 22, cost_none, 0 },
};

enum fault_code secret_check_import(const char *stored, struct fault *f)
{
    if (strlen(stored) >= CRYPT_OUTPUT_SIZE)
        return fault_set(f, FAULT_INPUT, "this is too long for a crypt(3) hash");
    for (size_t i = 0; i < ARRAY_LENGTH(secret_methods); i++) {
        size_t n = strlen(secret_methods[i].prefix);
        if (strncmp(stored, secret_methods[i].prefix, n) != 0)
            continue;
        const char *hash = strrchr(stored, '$') + 1;
        int verdict = crypt_checksalt(stored);
        if ((verdict != CRYPT_SALT_OK && verdict != CRYPT_SALT_METHOD_LEGACY) ||
            strspn(hash, secret_alphabet) != secret_methods[i].hash_length ||
            strlen(hash) != secret_methods[i].hash_length)
            return fault_set(f, FAULT_INPUT, "this is not a whole %s… hash; copy all of it",
                             secret_methods[i].prefix);
        if (secret_methods[i].cost(stored + n) > secret_methods[i].most)
            return fault_set(f, FAULT_INPUT,
                             "this hash is too expensive to check at each login; make one of lower cost");
        return FAULT_OK;
    }
    return fault_set(f, FAULT_INPUT,
                     "this is no crypt(3) hash that can be imported; make one with 'mkpasswd -m yescrypt'");
}

static bool secret_verify_made(const struct secret_key *key, const char *password, const char *stored)
{
    char expected[SECRET_STORED_MAX];
    secret_store_made(key, password, expected);
    bool same = strlen(stored) == SECRET_MADE_STORED && secret_equal(stored, expected, SECRET_MADE_STORED);
    mem_wipe(expected, sizeof expected);
    return same;
}

bool secret_verify(const struct secret_key *key, const char *password, const char *stored)
{
    size_t n = password != NULL ? strnlen(password, SECRET_PASSWORD_MAX + 1) : 0;
    if (n == 0 || n > SECRET_PASSWORD_MAX)
        return false;
    if (stored != NULL && secret_is_made(stored))
        return secret_verify_made(key, password, stored);
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], hash[CRYPT_OUTPUT_SIZE];
    if (stored == NULL && !secret_default_setting(setting))
        return false;
    bool same = false;
    if (secret_crypt(password, stored != NULL ? stored : setting, hash))
        same = stored != NULL && strlen(stored) == strlen(hash) && secret_equal(stored, hash, strlen(hash));
    mem_wipe(hash, sizeof hash);
    return same;
}
