/* SPDX-License-Identifier: Apache-2.0 */
/* The index of a PKI folder: what was read, written, is what came, but for remarks; a cut text reads as its
 * whole lines; no file's name leaves the folder. */
#include "base/buf.h"
#include "pki/ledger.h"
#include "tests/fuzz/fuzz.h"

/* The lines of the input that are no remarks. */
static void filter(const char *text, size_t n, struct buf *out)
{
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        if (end == NULL)
            return;
        size_t length = (size_t)(end - text) - at + 1;
        if (length > 1 && text[at] != '#')
            HOLDS(buf_add(out, text + at, length, NULL) == FAULT_OK);
        at += length;
    }
}

static void check(const struct ledger *ledger, const char *text, size_t n)
{
    struct buf written, expected;
    buf_init(&written, 1 << 24);
    buf_init(&expected, 1 << 24);
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_line *line = &ledger->all[i];
        HOLDS(ledger_write(line, &written, NULL) == FAULT_OK);
        HOLDS(line->stem[0] != '/' && strstr(line->stem, "..") == NULL &&
              ledger_at(ledger, line->stem) != NULL);
        HOLDS(names_check_common(line->subject, NULL) == FAULT_OK);
    }
    filter(text, n, &expected);
    HOLDS(written.used == expected.used);
    HOLDS(written.used == 0 || memcmp(written.data, expected.data, written.used) == 0);
    buf_fini(&written);
    buf_fini(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct ledger ledger = { 0 };
    struct fault f = { FAULT_OK, "" };
    size_t whole = 0;
    if (ledger_parse(&ledger, text, size, "index", &whole, &f) == FAULT_OK) {
        HOLDS(whole <= size && (whole == 0 || text[whole - 1] == '\n'));
        HOLDS(memchr(text + whole, '\n', size - whole) == NULL);
        check(&ledger, text, size);
    } else {
        HOLDS(f.code == FAULT_DAMAGED && strncmp(f.text, "index, line ", 12) == 0 && fuzz_is_clean(f.text));
    }
    ledger_fini(&ledger);
    free(text);
    return 0;
}
