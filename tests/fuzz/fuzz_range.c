/* SPDX-License-Identifier: Apache-2.0 */
/* A Range header never reaches outside of the content, and the range that was found, asked for by its
 * numbers, is the same. Input: a byte that says how many more are the size, then the header's text. */
#include "server/range.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    int64_t whole =
        (int64_t)(fuzz_number(&in, fuzz_byte(&in) % 9) & (INT64_MAX >> 1)); /* beyond, numbers are held */
    char *text = fuzz_text(&in), again[64];
    int64_t first = -1, length = -1, first2, length2;
    switch (range_parse(text, whole, &first, &length)) {
    case RANGE_NONE:
        HOLDS(first == -1 && length == -1);
        break;
    case RANGE_ONE:
        HOLDS(first >= 0 && length > 0 && first < whole && length <= whole - first);
        snprintf(again, sizeof again, "Bytes=%" PRId64 "-%" PRId64, first, first + (length - 1));
        HOLDS(range_parse(again, whole, &first2, &length2) == RANGE_ONE && first2 == first &&
              length2 == length);
        HOLDS(range_parse(again, first, &first2, &length2) == RANGE_UNSATISFIABLE);
        break;
    case RANGE_UNSATISFIABLE:
        HOLDS(first == -1 && length == -1 && strncasecmp(text, "bytes=", 6) == 0);
        break;
    }
    HOLDS(range_parse(NULL, whole, &first, &length) == RANGE_NONE);
    free(text);
    return 0;
}
