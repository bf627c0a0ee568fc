/* SPDX-License-Identifier: Apache-2.0 */
/* A list of handsets: what was read without a complaint, written as strict CSV (RFC 4180), reads the same;
 * every complaint names its line. */
#include "base/buf.h"
#include "pki/batch.h"
#include "tests/fuzz/fuzz.h"

static void check_again(const struct batch *batch)
{
    struct buf out, problems;
    struct batch again = { 0 };
    size_t wrong = 0;
    buf_init(&out, 1 << 24);
    buf_init(&problems, 4096);
    HOLDS(buf_text(&out, "\xef\xbb\xbfMAC,Label\r\n# a remark\r\n \t\r\n", NULL) == FAULT_OK);
    for (size_t i = 0; i < batch->count; i++)
        HOLDS(buf_printf(&out, NULL, "\"%s\",\"a \"\"b\"\",\r\nc\"\r\n", batch->macs[i].text) == FAULT_OK);
    HOLDS(batch_parse(&again, out.data, out.used, &problems, &wrong, NULL) == FAULT_OK && wrong == 0);
    HOLDS(again.count == batch->count);
    for (size_t i = 0; i < again.count; i++)
        HOLDS(mac_equal(&again.macs[i], &batch->macs[i]) && again.lines[i] == 4 + 2 * i);
    batch_fini(&again);
    buf_fini(&out);
    buf_fini(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    struct batch batch = { 0 };
    struct buf problems;
    size_t wrong = 0, lines = 1;
    buf_init(&problems, 1 << 20);
    HOLDS(batch_parse(&batch, text, size, &problems, &wrong, NULL) == FAULT_OK);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    for (size_t i = 0; i < batch.count; i++) {
        HOLDS(strlen(batch.macs[i].text) == MAC_DIGITS && batch.lines[i] >= 1 && batch.lines[i] <= lines);
        HOLDS(i == 0 || batch.lines[i] > batch.lines[i - 1]);
    }
    size_t told = 0;
    for (const char *at = problems.used > 0 ? problems.data : ""; *at != '\0';
         at = strchr(at, '\n') + 1, told++) {
        unsigned line = 0;
        HOLDS(sscanf(at, "line %u: ", &line) == 1 && line >= 1 && line <= lines);
    }
    HOLDS(told == wrong);
    if (wrong == 0)
        check_again(&batch);
    batch_fini(&batch);
    buf_fini(&problems);
    free(text);
    return 0;
}
