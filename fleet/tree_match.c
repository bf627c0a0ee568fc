/* SPDX-License-Identifier: Apache-2.0 */
/* Entity tags and preconditions (RFC 9110, 8.8.3 and 13.1). */
#include "fleet/tree.h"

#include <string.h>

/* One tag of a list: its text with the quotes. False at the end and where the list is malformed. */
static bool next_tag(const char **at, bool *ret_weak, const char **ret_tag, size_t *ret_n)
{
    const char *p = *at + strspn(*at, " \t,");
    bool weak = strncmp(p, "W/", 2) == 0;
    if (weak)
        p += 2;
    if (*p != '"')
        return false;
    const char *end = strchr(p + 1, '"');
    if (end == NULL)
        return false;
    *ret_weak = weak;
    *ret_tag = p;
    *ret_n = (size_t)(end + 1 - p);
    *at = end + 1;
    return true;
}

static bool is_star(const char *list)
{
    list += strspn(list, " \t");
    return list[0] == '*' && list[1 + strspn(list + 1, " \t")] == '\0';
}

bool tree_etag_matches(const char *list, const char *etag, bool weak)
{
    if (etag == NULL || etag[0] == '\0')
        return false;
    if (is_star(list))
        return true;
    /* Ours are strong; a weak one would only ever match weakly. */
    bool ours_weak = strncmp(etag, "W/", 2) == 0;
    const char *ours = ours_weak ? etag + 2 : etag, *tag;
    size_t n;
    bool theirs_weak;
    while (next_tag(&list, &theirs_weak, &tag, &n))
        if ((weak || (!ours_weak && !theirs_weak)) && n == strlen(ours) && memcmp(tag, ours, n) == 0)
            return true;
    return false;
}

enum fault_code tree_precondition(const char *etag, const char *if_match, const char *if_none_match,
                                  struct fault *f)
{
    if (if_match && !tree_etag_matches(if_match, etag, false))
        return fault_set(f, FAULT_PRECONDITION,
                         etag && etag[0]
                             ? "the file is not the one that If-Match names: it was changed meanwhile"
                             : "If-Match was given and there is no such file");
    if (if_none_match && tree_etag_matches(if_none_match, etag, true))
        return fault_set(f, FAULT_PRECONDITION,
                         "the file is there already, and If-None-Match forbids to change it");
    return FAULT_OK;
}
