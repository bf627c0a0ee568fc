/* SPDX-License-Identifier: Apache-2.0 */
#include "server/condition.h"

#include "base/clock.h"
#include "fleet/tree.h"

#include <string.h>

/* HTTP dates have whole seconds. */
static int64_t seconds(int64_t ms)
{
    return ms / 1000;
}

enum condition_verdict condition_read(const struct condition *condition, const char *etag, int64_t modified)
{
    if (condition->if_match != NULL) {
        if (!tree_etag_matches(condition->if_match, etag, false))
            return CONDITION_FAILED;
    } else if (condition->if_unmodified_since != NULL) {
        int64_t date = clock_parse_http_date(condition->if_unmodified_since);
        if (date >= 0 && seconds(modified) > seconds(date))
            return CONDITION_FAILED;
    }
    if (condition->if_none_match != NULL)
        return tree_etag_matches(condition->if_none_match, etag, true) ? CONDITION_NOT_MODIFIED
                                                                       : CONDITION_GO;
    if (condition->if_modified_since != NULL) {
        int64_t date = clock_parse_http_date(condition->if_modified_since);
        if (date >= 0 && seconds(modified) <= seconds(date))
            return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_GO;
}

bool condition_range(const struct condition *condition, const char *etag)
{
    if (condition->if_range == NULL)
        return true;
    return condition->if_range[0] == '"' && strcmp(condition->if_range, etag) == 0;
}
