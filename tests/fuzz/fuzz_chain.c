/* SPDX-License-Identifier: Apache-2.0 */
/* An audit record that was read is canonical: written again it gives the same bytes, and nothing in it moves
 * a cursor. Whatever text an event brings can be written after chain_text. Keys and heads read as they are
 * printed. Input: bytes that are taken for a record; then the same bytes as texts. */
#include "base/chain.h"
#include "base/proof.h"
#include "tests/fuzz/fuzz.h"

static void check_record(const uint8_t *data, size_t size)
{
    struct chain_record record, again;
    uint8_t bytes[CHAIN_RECORD_MAX], *exact = (uint8_t *)fuzz_copy(data, size);
    size_t n = 0;
    const char *name, *text;
    struct fault f = { FAULT_OK, "" };
    enum fault_code code = chain_decode(exact, size, &record, &f);
    HOLDS(code == f.code && (code == FAULT_OK || code == FAULT_DAMAGED));
    if (code == FAULT_OK) {
        HOLDS(chain_encode(&record, bytes, &n, NULL) == FAULT_OK);
        HOLDS(n == size && memcmp(bytes, exact, n) == 0);
        for (size_t i = 0; (text = chain_field(&record, i, &name)) != NULL; i++)
            HOLDS(fuzz_is_clean(text));
        HOLDS(chain_decode(exact, size - 1, &again, NULL) == FAULT_DAMAGED);
    }
    free(exact);
}

static void check_text(const char *text)
{
    struct chain_record record = { .number = 1 }, back;
    uint8_t bytes[CHAIN_RECORD_MAX];
    size_t n = 0;
    chain_text(text, record.event, sizeof record.event);
    chain_text(text, record.target, sizeof record.target);
    chain_text(text, record.role, sizeof record.role);
    HOLDS(chain_encode(&record, bytes, &n, NULL) == FAULT_OK);
    HOLDS(chain_decode(bytes, n, &back, NULL) == FAULT_OK);
    const char *name, *mine, *other;
    for (size_t i = 0; (mine = chain_field(&record, i, &name)) != NULL; i++)
        HOLDS((other = chain_field(&back, i, &name)) != NULL && strcmp(mine, other) == 0);
}

static void check_pairs(const char *text)
{
    struct chain_key key, same;
    struct chain_anchor anchor;
    char printed[CHAIN_KEY_TEXT];
    if (chain_key_parse(text, &key, NULL) == FAULT_OK) {
        chain_key_print(&key, printed);
        HOLDS(strncasecmp(printed, text, strlen(printed)) == 0);
        HOLDS(chain_key_parse(printed, &same, NULL) == FAULT_OK && same.first == key.first);
    }
    if (chain_anchor_parse(text, &anchor, NULL) == FAULT_OK)
        HOLDS(anchor.number > 0);
}

static void count(void *user, const struct proof_finding *finding)
{
    HOLDS(finding->first >= 1 && finding->last >= finding->first && fuzz_is_clean(finding->words));
    ++*(size_t *)user;
}

/* No row that was not made with the key is proved, and each is found. */
static void check_proof(const uint8_t *data, size_t size)
{
    const struct chain_key key = { .first = 1, .key = { "0123456789abcdef0123456789abcde" } };
    struct secret_digest mac = { { 0 } };
    struct proof_sum sum;
    size_t findings = 0;
    struct proof *proof = proof_new(count, &findings);
    HOLDS(proof != NULL && proof_add_key(proof, &key, NULL) == FAULT_OK);
    for (int64_t number = 1; number <= 3; number++)
        proof_record(proof, number * (size > 3 ? data[3] % 3 + 1 : 1), data, size, &mac);
    proof_end(proof, &sum);
    HOLDS(sum.proved == 0 && findings > 0 && sum.wrong == findings);
    proof_free(proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    check_record(data, size);
    check_proof(data, size);
    char *text = fuzz_text(&in);
    check_text(text);
    check_pairs(text);
    free(text);
    return 0;
}
