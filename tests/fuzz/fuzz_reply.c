/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever words go into a reply of the control connection, it is one line with its own code. Input: which
 * reply, which fault, then the words. */
#include "ftps/reply.h"
#include "tests/fuzz/fuzz.h"

static enum fault_code add(struct buf *out, bool more, enum reply reply, ...)
{
    va_list arguments;
    va_start(arguments, reply);
    enum fault_code code = reply_add(out, reply, more, NULL, arguments);
    va_end(arguments);
    return code;
}

static void check_line(const struct buf *out, enum reply reply, bool more)
{
    char code[8];
    snprintf(code, sizeof code, "%d%c", reply_code(reply), more ? '-' : ' ');
    HOLDS(out->used >= 6 && out->used <= REPLY_LINE_MAX && memcmp(out->data, code, 4) == 0);
    HOLDS(memcmp(out->data + out->used - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i + 2 < out->used; i++)
        HOLDS((unsigned char)out->data[i] >= ' ' && out->data[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz in = { data, size };
    enum reply reply = (enum reply)(fuzz_byte(&in) % REPLY_COUNT);
    struct fault fault = { .code = (enum fault_code)(fuzz_byte(&in) % (FAULT_COUNT + 2)) };
    bool more = size % 2 == 1;
    char *words = fuzz_text(&in);
    struct buf out;
    buf_init(&out, 65536);
    HOLDS(reply_code(reply) >= 100 && reply_code(reply) < 600);
    if (strcmp(reply_text(reply), "%s") == 0) {
        HOLDS(add(&out, more, reply, words) == FAULT_OK);
        check_line(&out, reply, more);
    }
    buf_clear(&out);
    HOLDS(add(&out, more, REPLY_PATH, words, words) == FAULT_OK);
    check_line(&out, REPLY_PATH, more);
    buf_clear(&out);
    snprintf(fault.text, sizeof fault.text, "%s", words);
    const char *told;
    reply = reply_of_fault(&fault, &told);
    HOLDS(told == fault.text || told[0] != '\0');
    HOLDS(reply_code(reply) >= 400 && strcmp(reply_text(reply), "%s") == 0);
    /* Nothing of the inside reaches a client. */
    if (fault.code >= FAULT_BUSY || fault.code == FAULT_ABSENT || fault.code == FAULT_OK)
        HOLDS(told != fault.text);
    HOLDS(add(&out, false, reply, told) == FAULT_OK);
    check_line(&out, reply, false);
    buf_fini(&out);
    free(words);
    return 0;
}
