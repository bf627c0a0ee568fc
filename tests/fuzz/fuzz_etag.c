/* SPDX-License-Identifier: Apache-2.0 */
/* Entity tags: what stands in a list matches, what does not stand there does not. Input: a line that is a
 * header's list; then a tag without its quotes. */
#include "fleet/tree.h"
#include "tests/fuzz/fuzz.h"

static void check_list(const char *list, const char *etag)
{
    bool strong = tree_etag_matches(list, etag, false), weak = tree_etag_matches(list, etag, true);
    HOLDS(!strong || weak);
    HOLDS(!weak || strstr(list, etag) != NULL || strchr(list, '*') != NULL);
    HOLDS(!tree_etag_matches(list, "", true) && !tree_etag_matches(list, NULL, true));
    struct fault f = { FAULT_OK, "" };
    HOLDS((tree_precondition(etag, list, NULL, NULL) == FAULT_OK) == strong);
    HOLDS((tree_precondition(etag, NULL, list, NULL) == FAULT_OK) == !weak);
    HOLDS(tree_precondition(NULL, list, NULL, &f) == FAULT_PRECONDITION && f.code == FAULT_PRECONDITION &&
          f.text[0] != '\0');
    HOLDS(tree_precondition("", NULL, list, NULL) == FAULT_OK);
    HOLDS(tree_precondition(etag, NULL, NULL, NULL) == FAULT_OK);
}

/* A list that was made of the tag. */
static void check_member(const char *etag)
{
    size_t room = 2 * strlen(etag) + 64;
    char *list = malloc(room);
    HOLDS(list != NULL);
    snprintf(list, room, "\"other, %s", etag + 1);
    HOLDS(!tree_etag_matches(list, etag, true)); /* one tag with a comma in it */
    snprintf(list, room, "W/\"first\" ,, %s, \"last\"", etag);
    HOLDS(tree_etag_matches(list, etag, false) && tree_etag_matches(list, etag, true));
    snprintf(list, room, "\"first\",W/%s", etag);
    HOLDS(tree_etag_matches(list, etag, false) == (strcmp(etag, "\"first\"") == 0) &&
          tree_etag_matches(list, etag, true));
    snprintf(list, room, "\"%s\"", "*");
    HOLDS(tree_etag_matches(list, etag, true) == (strcmp(etag, "\"*\"") == 0));
    HOLDS(tree_etag_matches(" * ", etag, false));
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    char *list = fuzz_line(&in), *tag = list != NULL ? fuzz_line(&in) : NULL;
    if (tag != NULL) {
        /* Ours hold no quotation mark and no control character (tree.h). */
        for (char *c = tag; *c != '\0'; c++)
            if (*c == '"' || (unsigned char)*c <= ' ')
                *c = '-';
        size_t room = strlen(tag) + 3;
        char *etag = malloc(room);
        HOLDS(etag != NULL);
        snprintf(etag, room, "\"%s\"", tag);
        check_list(list, etag);
        check_member(etag);
        free(etag);
    }
    free(list);
    free(tag);
    return 0;
}
