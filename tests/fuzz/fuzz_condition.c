/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional requests in the order of RFC 9110, 13.2.2: a condition that fails wins over one that would
 * spare the body, an entity tag over a date. Input: a byte that says which headers are there, 6 bytes of a
 * time, then a line for each. */
#include "base/clock.h"
#include "fleet/tree.h"
#include "server/condition.h"
#include "tests/fuzz/fuzz.h"

#define ETAG "\"0123abcd-7\""

/* Weaker than the code that it is held against: only what each header alone may do. */
static void check(const struct condition *c, int64_t modified)
{
    enum condition_verdict verdict = condition_read(c, ETAG, modified);
    bool match_fails = c->if_match != NULL && !tree_etag_matches(c->if_match, ETAG, false);
    if (c->if_match != NULL)
        HOLDS((verdict == CONDITION_FAILED) == match_fails);
    if (verdict == CONDITION_FAILED)
        HOLDS(c->if_match != NULL || clock_parse_http_date(c->if_unmodified_since) != -1);
    if (c->if_none_match != NULL && verdict != CONDITION_FAILED)
        HOLDS((verdict == CONDITION_NOT_MODIFIED) == tree_etag_matches(c->if_none_match, ETAG, true));
    if (verdict == CONDITION_NOT_MODIFIED)
        HOLDS(c->if_none_match != NULL || clock_parse_http_date(c->if_modified_since) != -1);
    if (c->if_match == NULL && c->if_none_match == NULL && c->if_modified_since == NULL &&
        c->if_unmodified_since == NULL)
        HOLDS(verdict == CONDITION_GO);
    HOLDS(condition_range(c, ETAG) == (c->if_range == NULL || strcmp(c->if_range, ETAG) == 0));
}

/* The date that the server itself tells is the one from which on nothing changed. */
static void check_dates(int64_t modified)
{
    char now[30], before[30];
    clock_http_date(modified, now, sizeof now);
    clock_http_date(modified - 1000, before, sizeof before);
    struct condition since = { .if_modified_since = now }, unmodified = { .if_unmodified_since = now };
    HOLDS(condition_read(&since, ETAG, modified) == CONDITION_NOT_MODIFIED);
    HOLDS(condition_read(&unmodified, ETAG, modified) == CONDITION_GO);
    since.if_modified_since = unmodified.if_unmodified_since = before;
    HOLDS(condition_read(&since, ETAG, modified) == CONDITION_GO);
    HOLDS(condition_read(&unmodified, ETAG, modified) == CONDITION_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    unsigned which = fuzz_byte(&in);
    int64_t modified = (int64_t)(fuzz_number(&in, 6) % 253402300799000 + 1000);
    char *line[5] = { NULL };
    for (size_t i = 0; i < 5; i++)
        line[i] = which & 1u << i ? fuzz_line(&in) : NULL;
    struct condition condition = { line[0], line[1], line[2], line[3], line[4] };
    check(&condition, modified);
    if (modified < INT64_C(253402300799000))
        check_dates(modified);
    for (size_t i = 0; i < 5; i++)
        free(line[i]);
    return 0;
}
