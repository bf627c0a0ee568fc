/* SPDX-License-Identifier: Apache-2.0 */
/* Requests are cut up in place here as the library does it, so that the gaps that guard.c looks at are real.
 */
#include "server/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Ends the line at `at` and gives where the next one begins. */
static char *end_line(char *at, const char *end)
{
    char *lf = memchr(at, '\n', (size_t)(end - at));
    assert_non_null(lf);
    if (lf > at && lf[-1] == '\r')
        lf[-1] = '\0';
    *lf = '\0';
    return lf + 1;
}

/* What the library would hand out for a request of n bytes; buffer is changed. Continued lines go to a copy.
 */
static void cut(char *buffer, size_t n, struct guard *guard, char *folded)
{
    const char *end = buffer + n;
    char *line = buffer, *next = end_line(buffer, end);
    *guard = (struct guard){ .in_place = true };
    /* The library knows the line's length, and looks for the last blank from its end. */
    char *line_end = next - 1;
    while (line_end > line && line_end[-1] == '\0')
        line_end--;
    char *blank = memchr(line, ' ', (size_t)(line_end - line)), *last = line_end - 1;
    assert_non_null(blank);
    *blank++ = '\0';
    while (*blank == ' ')
        blank++;
    while (*last != ' ')
        last--;
    *last = '\0';
    guard->method = line;
    guard->target = blank;
    guard->target_length = strlen(blank);
    guard->version = last + 1;
    for (line = next; line < end && *line != '\r' && *line != '\n'; line = next) {
        next = end_line(line, end);
        struct guard_header *header = &guard->header[guard->count];
        if (*line == ' ' || *line == '\t') { /* appended to the name, of all things */
            header--;
            line += strspn(line, " \t");
            snprintf(folded, 256, "%s%s", header->name, line);
            header->name = folded;
            header->name_length = strlen(folded);
            continue;
        }
        char *colon = strchr(line, ':');
        assert_non_null(colon);
        *colon++ = '\0';
        colon += strspn(colon, " \t");
        *header = (struct guard_header){ line, colon, strlen(line), strlen(colon) };
        guard->count++;
    }
    (void)end_line(line, end);
}

struct row {
    const char *request;
    size_t n; /* 0: strlen */
    int status;
    int64_t length;
    bool chunked;
};

static int judge(const struct row *row, bool in_place, struct guard_verdict *verdict)
{
    size_t n = row->n ? row->n : strlen(row->request);
    /* The library's buffer goes on behind the header. */
    char *buffer = calloc(1, n + 64), folded[256];
    struct guard guard;
    memcpy(buffer, row->request, n);
    memset(buffer + n, 'B', 64);
    cut(buffer, n, &guard, folded);
    guard.in_place = in_place;
    if (!in_place)
        guard.target = NULL;
    guard_check(&guard, verdict);
    free(buffer);
    return verdict->status;
}

static const struct row rows[] = {
    { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 0, 0, false },
    { "GET /a?b HTTP/1.1\r\nHost:x\r\nAccept:\t */*\r\n\r\n", 0, 0, 0, false },
    { "GET / HTTP/1.0\r\n\r\n", 0, 0, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n", 0, 0, 10, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 0, 0, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 0, -1, true },
    { "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n", 0, 0, -1, true },
    { "GET / HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n\r\n", 0, 0, 0, false },
    /* framing */
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400, 0,
      false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400,
      0, false },
    { "PUT / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 0, 501, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", 0, 501, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked \r\n\r\n", 0, 501, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n", 0, 501, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x10\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 0, 400, 0, false },
    /* names, values, hosts, methods */
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length : 1\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length\t: 1\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nTwo Words: a\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nX\x80: a\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nX: a\x01\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nX: y\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nhost: x\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", 0, 400, 0, false },
    { "get / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 400, 0, false },
    { "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 400, 0, false },
};

/* What only the gaps show. */
static const struct row gaps[] = {
    { "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 0, 400, 0, false },
    { "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n", 30, 400, 0, false },
    { "GET / HTTP/1.1\nHost: x\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\n\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\nY: z\r\n\r\n", 41, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n", 35, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 0, 400, 0, false },
    { "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\nY: c\r\n\r\n", 0, 400, 0, false },
    { "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n 0\r\n\r\n", 0, 400, 0, false },
};

static void texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int in_place = 0; in_place < 2; in_place++) {
            struct guard_verdict verdict;
            if (judge(&rows[i], in_place, &verdict) != rows[i].status)
                fail_msg("row %zu, in place %d: %d %s", i, in_place, verdict.status,
                         verdict.why ? verdict.why : "");
            if (verdict.status != 0) {
                assert_non_null(verdict.why);
                continue;
            }
            assert_int_equal(verdict.length, rows[i].length);
            assert_int_equal(verdict.chunked, rows[i].chunked);
            assert_int_equal(verdict.has_body, rows[i].length != 0);
        }
}

static void places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof gaps / sizeof gaps[0]; i++) {
        struct guard_verdict verdict;
        if (judge(&gaps[i], true, &verdict) != gaps[i].status)
            fail_msg("row %zu: %d", i, verdict.status);
    }
}

static void too_many_headers(void **state)
{
    (void)state;
    struct guard guard = { .method = "GET", .version = "HTTP/1.1", .count = GUARD_HEADERS_MAX + 1 };
    struct guard_verdict verdict;
    guard_check(&guard, &verdict);
    assert_int_equal(verdict.status, 431);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(texts), cmocka_unit_test(places),
                                        cmocka_unit_test(too_many_headers) };
    return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
