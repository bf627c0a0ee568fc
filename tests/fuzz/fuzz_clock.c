/* SPDX-License-Identifier: Apache-2.0 */
/* A date that is understood is a whole second and reads the same after it was written; every time can be
 * written and read. Input: 8 bytes of a time, then a header's text. */
#include "base/clock.h"
#include "tests/fuzz/fuzz.h"

#define FIRST_MS INT64_C(-62167219200000) /* the years 0 to 9999, which have four digits */
#define LAST_MS  INT64_C(253402300799000)

static void check_written(int64_t ms)
{
    char http[30], rfc3339[25], ftp[19];
    clock_http_date(ms, http, sizeof http);
    clock_rfc3339(ms, rfc3339, sizeof rfc3339);
    clock_ftp_time(ms, ftp, sizeof ftp);
    HOLDS(strlen(http) == 29 && strlen(rfc3339) == 24 && strlen(ftp) == 18);
    int64_t held = ms < FIRST_MS ? FIRST_MS : ms > LAST_MS ? LAST_MS : ms;
    int64_t second = (held % 1000 + 1000) % 1000;
    HOLDS(clock_parse_http_date(http) == held - second);
    HOLDS(memcmp(rfc3339, ftp, 4) == 0 && memcmp(rfc3339 + 11, http + 17, 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    clock_freeze(INT64_C(1795466251123), 1000); /* two-digit years depend on today */
    check_written((int64_t)fuzz_number(&in, 8));
    char *text = fuzz_text(&in);
    int64_t ms = clock_parse_http_date(text);
    if (ms != -1) {
        HOLDS(ms % 1000 == 0 && ms >= FIRST_MS && ms <= LAST_MS + 1000 /* a leap second */);
        if (ms <= LAST_MS)
            check_written(ms);
        /* The preferred form is written as it was read, but for a wrong day of the week and leap seconds. */
        char written[30];
        clock_http_date(ms, written, sizeof written);
        HOLDS(strlen(text) != 29 || text[3] != ',' || strstr(text, ":60 ") != NULL ||
              strcmp(text + 3, written + 3) == 0);
        HOLDS(strlen(text) >= 24);
    }
    free(text);
    clock_thaw();
    return 0;
}
