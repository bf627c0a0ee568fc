/* SPDX-License-Identifier: Apache-2.0 */
/* A list of credentials: every MAC once, and what was read, written as strict CSV (RFC 4180), reads the same.
 */
#include "base/buf.h"
#include "cli/roster.h"
#include "tests/fuzz/fuzz.h"

static void quote(struct buf *out, const char *text, const char *end)
{
    HOLDS(buf_text(out, "\"", NULL) == FAULT_OK);
    for (; *text != '\0'; text++)
        HOLDS(buf_add(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1, NULL) == FAULT_OK);
    HOLDS(buf_text(out, end, NULL) == FAULT_OK);
}

static void check_again(const struct roster *r)
{
    struct buf out;
    struct roster again = { 0 };
    buf_init(&out, 1 << 24);
    HOLDS(buf_text(&out, "\xef\xbb\xbfMAC,User,Password\r\n# a remark\r\n \t\r\n", NULL) == FAULT_OK);
    for (size_t i = 0; i < r->count; i++) {
        const struct roster_handset *h = &r->all[i];
        HOLDS(strlen(h->mac.text) == MAC_DIGITS && h->user != NULL && h->user[0] != '\0');
        HOLDS(h->password == NULL || h->password[0] != '\0');
        quote(&out, h->mac.text, "\",");
        quote(&out, h->user, "\",");
        quote(&out, h->password != NULL ? h->password : "", i + 1 < r->count ? "\"\r\n" : "\"");
    }
    HOLDS(roster_parse(&again, out.data, out.used, "again", NULL) == FAULT_OK && again.count == r->count);
    for (size_t i = 0; i < r->count; i++) {
        const struct roster_handset *h = &r->all[i], *a = &again.all[i];
        HOLDS(mac_equal(&h->mac, &a->mac) && strcmp(h->user, a->user) == 0);
        HOLDS((h->password == NULL) == (a->password == NULL));
        HOLDS(h->password == NULL || strcmp(h->password, a->password) == 0);
        for (size_t j = 0; j < i && i < 64; j++)
            HOLDS(!mac_equal(&h->mac, &r->all[j].mac));
    }
    roster_fini(&again);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct roster r = { 0 };
    struct fault f = { FAULT_OK, "" };
    if (roster_parse(&r, text, size, "list.csv", &f) != FAULT_OK)
        HOLDS(f.code == FAULT_INPUT && strncmp(f.text, "list.csv, line ", 15) == 0);
    else if (memchr(text, '\r', size) == NULL)
        check_again(&r);
    roster_fini(&r);
    free(text);
    return 0;
}
