/* SPDX-License-Identifier: Apache-2.0 */
/* Trails that somebody has been at. */
#include "base/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS_MAX 64

struct row {
    int64_t number;
    size_t n;
    uint8_t record[CHAIN_RECORD_MAX];
    struct secret_digest mac;
};
struct trail {
    struct chain_key key;
    struct chain_state at;
    size_t count;
    struct row row[ROWS_MAX];
};

static void write_record(struct trail *t, const char *event, const char *detail)
{
    struct chain_record r = { .number = t->at.number, .at = 1000 + t->at.number };
    struct row *row = &t->row[t->count++];
    strncpy(r.event, event, sizeof r.event - 1);
    strncpy(r.detail, detail, sizeof r.detail - 1);
    row->number = r.number;
    assert_int_equal(chain_encode(&r, row->record, &row->n, NULL), FAULT_OK);
    chain_step(&t->at, row->record, row->n, &row->mac);
}

/* Records 1 … n of a chain of its own. */
static void make(struct trail *t, size_t n)
{
    *t = (struct trail){ .key.first = 1, .at.number = 1 };
    secret_random(t->key.key.bytes, sizeof t->key.key.bytes);
    t->at.key = t->key.key;
    for (size_t i = 0; i < n; i++)
        write_record(t, i == 0 ? "audit.begin" : "file.stored", "bytes=1");
}

static void remove_rows(struct trail *t, size_t from, size_t n)
{
    memmove(t->row + from, t->row + from + n, (t->count - from - n) * sizeof t->row[0]);
    t->count -= n;
}

struct found {
    struct proof_sum sum;
    char text[512]; /* "changed 5-6; cut 9-9" */
};

static void told(void *user, const struct proof_finding *finding)
{
    struct found *found = user;
    size_t n = strlen(found->text);
    assert_true(finding->words[0] != '\0');
    snprintf(found->text + n, sizeof found->text - n, "%s%s %lld-%lld", n ? "; " : "",
             proof_word(finding->kind), (long long)finding->first, (long long)finding->last);
}

static struct found look(const struct trail *t, const struct chain_key *keys, size_t n_keys,
                         const struct chain_anchor *anchors, size_t n_anchors)
{
    struct found found = { .text = "" };
    struct proof *proof = proof_new(told, &found);
    assert_non_null(proof);
    for (size_t i = 0; i < n_keys; i++)
        assert_int_equal(proof_add_key(proof, &keys[i], NULL), FAULT_OK);
    for (size_t i = 0; i < n_anchors; i++)
        assert_int_equal(proof_add_anchor(proof, &anchors[i], NULL), FAULT_OK);
    for (size_t i = 0; i < t->count; i++)
        proof_record(proof, t->row[i].number, t->row[i].record, t->row[i].n, &t->row[i].mac);
    proof_end(proof, &found.sum);
    proof_free(proof);
    return found;
}

static struct found look_simply(const struct trail *t)
{
    return look(t, &t->key, 1, NULL, 0);
}

static struct chain_anchor anchor_at(const struct trail *t, int64_t number)
{
    struct chain_anchor anchor = { .number = number };
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].number == number)
            anchor.mac = t->row[i].mac;
    return anchor;
}

static void test_whole(void **state)
{
    (void)state;
    struct trail t;
    make(&t, 20);
    struct found found = look_simply(&t);
    assert_string_equal(found.text, "");
    assert_int_equal(found.sum.proved, 20);
    assert_int_equal(found.sum.first, 1);
    assert_int_equal(found.sum.last, 20);
    assert_int_equal(found.sum.wrong, 0);
    proof_free(NULL);
}

static void test_every_byte_counts(void **state)
{
    (void)state;
    struct trail t;
    make(&t, 6);
    for (size_t i = 0; i < t.row[2].n + SECRET_DIGEST_SIZE; i++) {
        struct trail changed = t;
        struct row *row = &changed.row[2];
        uint8_t *byte = i < row->n ? &row->record[i] : &row->mac.bytes[i - row->n];
        *byte ^= 1;
        struct found found = look_simply(&changed);
        assert_string_equal(found.text, "changed 3-3");
        assert_int_equal(found.sum.proved, 5);
    }
    /* The last one has nobody behind it. */
    t.row[5].record[t.row[5].n - 1] ^= 1;
    assert_string_equal(look_simply(&t).text, "changed 6-6");
}

static void test_removed(void **state)
{
    (void)state;
    struct trail t;
    make(&t, 10);
    remove_rows(&t, 3, 2);
    struct found found = look_simply(&t);
    assert_string_equal(found.text, "missing 4-5; unproved 6-6");
    assert_int_equal(found.sum.proved, 7);
    assert_int_equal(found.sum.wrong, 2);
    /* Numbers closed up behind it are no help. */
    for (size_t i = 3; i < t.count; i++)
        t.row[i].number -= 2;
    assert_string_equal(look_simply(&t).text, "changed 4-8");
}

static void test_exchanged(void **state)
{
    (void)state;
    struct trail t;
    make(&t, 10);
    struct row row = t.row[4];
    t.row[4] = t.row[5];
    t.row[5] = row;
    t.row[4].number = 5, t.row[5].number = 6;
    struct found found = look_simply(&t);
    assert_string_equal(found.text, "changed 5-6");
    assert_int_equal(found.sum.proved, 8);
    /* The same one twice. */
    make(&t, 4);
    t.row[3] = t.row[2];
    assert_string_equal(look_simply(&t).text, "changed 3-3");
}

/* Whoever takes the server over has the key of the next record, and no earlier one. */
static void test_rewritten_with_the_present_key(void **state)
{
    (void)state;
    struct trail t;
    make(&t, 10);
    struct chain_state stolen = t.at;
    for (size_t i = 5; i < 10; i++) {
        struct chain_state at = { .number = (int64_t)i + 1, .key = stolen.key, .mac = t.row[i - 1].mac };
        t.row[i].record[t.row[i].n - 1] ^= 1;
        chain_step(&at, t.row[i].record, t.row[i].n, &t.row[i].mac);
    }
    assert_string_equal(look_simply(&t).text, "changed 6-10");
}

static void test_tail_and_former_copy(void **state)
{
    (void)state;
    struct trail t, copy;
    make(&t, 6);
    copy = t;
    for (int i = 0; i < 6; i++)
        write_record(&t, "log.read", "");
    const struct chain_anchor anchors[] = { anchor_at(&t, 12), anchor_at(&t, 3), anchor_at(&t, 9) };
    struct found found = look(&t, &t.key, 1, anchors, 3);
    assert_string_equal(found.text, "");
    assert_int_equal(found.sum.anchors, 3);
    /* Without the journal a cut tail does not show, with it it does. */
    t.count = 10;
    assert_string_equal(look_simply(&t).text, "");
    assert_string_equal(look(&t, &t.key, 1, anchors, 3).text, "cut 11-12");
    assert_string_equal(look(&copy, &t.key, 1, anchors, 3).text, "cut 7-12");
    /* The copy goes on, past the heads that the journal knows. */
    for (int i = 0; i < 10; i++)
        write_record(&copy, "file.stored", "other");
    assert_string_equal(look_simply(&copy).text, "");
    found = look(&copy, &t.key, 1, anchors, 3);
    assert_string_equal(found.text, "other 9-12");
    assert_int_equal(found.sum.anchors, 1);
    copy.count = 0;
    assert_string_equal(look(&copy, &t.key, 1, anchors, 3).text, "cut 1-12");
}

static void test_pruned(void **state)
{
    (void)state;
    struct trail t;
    char hex[65], detail[128];
    make(&t, 8);
    const struct chain_anchor early = anchor_at(&t, 2);
    secret_hex(t.row[4].mac.bytes, 32, hex);
    snprintf(detail, sizeof detail, "through=5:%s", hex);
    write_record(&t, "audit.pruned", detail);
    write_record(&t, "file.stored", "");
    remove_rows(&t, 0, 5);
    struct found found = look(&t, &t.key, 1, &early, 1);
    assert_string_equal(found.text, "");
    assert_int_equal(found.sum.first, 6);
    assert_int_equal(found.sum.proved, 5);
    assert_int_equal(found.sum.passed, 1);
    /* Whoever has the server may prune; but not what the journal told lately. */
    struct chain_anchor dated[2] = { early, early };
    dated[0].at = 5000, dated[1].number = 1, dated[1].at = 4000;
    struct proof *proof = proof_new(told, &found);
    found = (struct found){ .text = "" };
    assert_int_equal(proof_add_key(proof, &t.key, NULL), FAULT_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(proof_add_anchor(proof, &dated[i], NULL), FAULT_OK);
    proof_keep(proof, 5000);
    for (size_t i = 0; i < t.count; i++)
        proof_record(proof, t.row[i].number, t.row[i].record, t.row[i].n, &t.row[i].mac);
    proof_end(proof, &found.sum);
    proof_free(proof);
    assert_string_equal(found.text, "young 2-5");
    struct trail changed = t;
    changed.row[0].record[20] ^= 1;
    assert_string_equal(look_simply(&changed).text, "changed 6-6");
    /* Nobody else may prune. */
    remove_rows(&t, 0, 1);
    assert_string_equal(look_simply(&t).text, "short 6-6");
    make(&t, 8);
    remove_rows(&t, 0, 2);
    found = look_simply(&t);
    assert_string_equal(found.text, "short 1-2");
    assert_int_equal(found.sum.proved, 5);
}

static void test_wrong_key(void **state)
{
    (void)state;
    struct trail t, other;
    make(&t, 5);
    make(&other, 1);
    struct found found = look(&t, &other.key, 1, NULL, 0);
    assert_string_equal(found.text, "changed 1-5");
    assert_int_equal(found.sum.proved, 0);
    found = look(&t, NULL, 0, NULL, 0);
    assert_string_equal(found.text, "unkeyed 1-5");
    assert_int_equal(found.sum.wrong, 0);
    assert_int_equal(found.sum.warnings, 1);
}

static void test_several_chains(void **state)
{
    (void)state;
    struct trail t;
    make(&t, 4);
    write_record(&t, "audit.end", "");
    struct chain_key keys[2] = { t.key, { .first = 6 } };
    secret_random(keys[1].key.bytes, sizeof keys[1].key.bytes);
    t.at.key = keys[1].key;
    write_record(&t, "audit.begin", "");
    write_record(&t, "file.stored", "");
    const struct chain_key backwards[2] = { keys[1], keys[0] };
    assert_string_equal(look(&t, keys, 2, NULL, 0).text, "");
    struct found found = look(&t, backwards, 2, NULL, 0);
    assert_string_equal(found.text, "");
    assert_int_equal(found.sum.proved, 7);
    assert_string_equal(look(&t, keys, 1, NULL, 0).text, "unkeyed 6-7");
    found = look(&t, keys + 1, 1, NULL, 0);
    assert_string_equal(found.text, "unkeyed 1-5");
    assert_int_equal(found.sum.proved, 2);
    /* The link between the two holds as well. */
    remove_rows(&t, 4, 1);
    assert_string_equal(look(&t, keys, 2, NULL, 0).text, "missing 5-5; unproved 6-6");
    struct proof *proof = proof_new(told, &found);
    assert_int_equal(proof_add_key(proof, &keys[0], NULL), FAULT_OK);
    assert_int_equal(proof_add_key(proof, &keys[0], NULL), FAULT_CONFLICT);
    for (int i = 1; i < PROOF_KEYS_MAX; i++)
        assert_int_equal(proof_add_key(proof, &(struct chain_key){ .first = 100 + i }, NULL), FAULT_OK);
    assert_int_equal(proof_add_key(proof, &(struct chain_key){ .first = 1000 }, NULL), FAULT_TOO_LARGE);
    proof_free(proof);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_removed),
        cmocka_unit_test(test_exchanged),
        cmocka_unit_test(test_rewritten_with_the_present_key),
        cmocka_unit_test(test_tail_and_former_copy),
        cmocka_unit_test(test_pruned),
        cmocka_unit_test(test_wrong_key),
        cmocka_unit_test(test_several_chains),
    };
    return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
