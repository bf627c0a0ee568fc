/* SPDX-License-Identifier: Apache-2.0 */
/* What the tap hears of a stream of records, however that is cut in pieces, and how it sends. The source is
 * included for the function that is fed. */
#include "base/tls_tap.c"

#include "base/mem.h"
#include "certificates.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int heard(const unsigned char *bytes, size_t n, size_t piece)
{
    struct tls_tap tap = { .fd = -1 };
    for (size_t at = 0; at < n; at += piece)
        tls_tap_hear(&tap, bytes + at, n - at < piece ? n - at : piece);
    return tap.refused;
}

static void test_alerts_whole_and_in_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int alert;
    } rows[] = {
        { "", 0, 0 },
        { "\x15\x03\x03\x00\x02\x02\x30", 7, 48 },
        { "\x15\x03\x01\x00\x02\x02\x2a", 7, 42 },
        { "\x15\x03\x03\x00\x02\x01\x5a", 7, 0 },                      /* a warning */
        { "\x15\x03\x03\x00\x02\x02", 6, 0 },                          /* half of one */
        { "\x15\x03\x03\x00\x03\x02\x30\x00", 8, 0 },                  /* longer: encrypted */
        { "\x15\x03\x03\x01\x02\x02\x30\x00", 8, 0 },                  /* much longer */
        { "\x16\x03\x03\x00\x02\x02\x30", 7, 0 },                      /* no alert */
        { "\x17\x03\x03\x00\x07\x15\x03\x03\x00\x02\x02\x30", 12, 0 }, /* one inside of a record */
        { "\x16\x03\x01\x00\x03zzz\x14\x03\x03\x00\x01\x01\x15\x03\x03\x00\x02\x02\x2d", 21, 45 },
        { "\x17\x03\x03\x00\x00\x15\x03\x03\x00\x02\x02\x46", 12, 70 },         /* behind an empty record */
        { "\x15\x03\x03\x00\x02\x01\x5a\x15\x03\x03\x00\x02\x02\x2e", 14, 46 }, /* behind a warning */
        { "\x15\x03\x03\x00\x02\x02\x30\x17\x03\x03\x00\x01z", 13, 48 },
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27, 0 },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        for (size_t piece = 1; piece <= rows[i].n + 1; piece++) {
            int got = heard((const unsigned char *)rows[i].bytes, rows[i].n, piece);
            if (got != rows[i].alert)
                fail_msg("row %zu in pieces of %zu: %d", i, piece, got);
        }
}

static int version(const unsigned char *bytes, size_t n, size_t piece, const char **ret_words)
{
    struct tls_tap tap = { .fd = -1 };
    for (size_t at = 0; at < n; at += piece)
        tls_tap_hear(&tap, bytes + at, n - at < piece ? n - at : piece);
    *ret_words = tls_tap_too_old(&tap);
    return tap.hello;
}

static void test_the_version_of_a_hello(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        int version;
        bool old;
    } rows[] = {
        { "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x01", 11, 0x0301, true },
        { "\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x02zz", 13, 0x0302, true },
        { "\x16\x03\x01\x00\x08\x01\x00\x00\x04\x03\x03zz", 13, 0x0303, false },
        { "\x16\x03\x01\x00\x08\x02\x00\x00\x04\x03\x01zz", 13, 0, false }, /* another message */
        { "\x16\x03\x01\x00\x05\x01\x00\x00\x02\x03", 10, 0, false }, /* cut in its middle: not looked for */
        { "\x15\x03\x01\x00\x02\x01\x5a\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x01", 18, 0, false },
        { "\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x01", 22,
          0x0303, false }, /* the first one counts */
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        for (size_t piece = 1; piece <= rows[i].n; piece++) {
            const char *words = NULL;
            int got = version((const unsigned char *)rows[i].bytes, rows[i].n, piece, &words);
            if (got != rows[i].version || (words != NULL) != rows[i].old)
                fail_msg("row %zu in pieces of %zu: %x", i, piece, (unsigned)got);
        }
}

/* Any bytes at all: it neither reads nor writes outside of its own, which the sanitizers see. */
static void test_nonsense(void **state)
{
    (void)state;
    static unsigned char bytes[65536];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        x = x * 1664525U + 1013904223U;
        bytes[i] = (unsigned char)(x >> 28 == 0 ? 21 : x >> 24);
    }
    for (size_t piece = 1; piece < 40; piece++)
        for (size_t from = 0; from < 64; from++)
            assert_int_equal(heard(bytes + from, sizeof bytes - from, piece),
                             heard(bytes + from, sizeof bytes - from, sizeof bytes));
}

/* Both ends of a TCP connection on loopback. */
static void connect_both(int ret_fds[2])
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)(void *)&address, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)(void *)&address, &length), 0);
    ret_fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(ret_fds[0], (struct sockaddr *)(void *)&address, length), 0);
    ret_fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(ret_fds[1] >= 0);
    assert_int_equal(setsockopt(ret_fds[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    close(listener);
}

/* Bytes that the kernel has not sent yet. */
static int kept(int fd)
{
    int n = -1;
    assert_int_equal(ioctl(fd, SIOCOUTQNSD, &n), 0);
    return n;
}

static void test_what_is_followed_waits_for_it(void **state)
{
    (void)state;
    const giovec_t header = { .iov_base = "header", .iov_len = 6 },
                   body = { .iov_base = "body", .iov_len = 4 };
    bool waited = false;
    /* The kernel waits 200 ms at most: a machine that is busy may miss that, but not each time. */
    for (int i = 0; i < 20 && !waited; i++) {
        int fds[2];
        char got[16];
        connect_both(fds);
        struct tls_tap tap = { .fd = fds[0], .more = 1 };
        assert_int_equal(tls_tap_push(&tap, &header, 1), 6);
        waited = kept(fds[0]) == 6;
        assert_int_equal(tls_tap_push(&tap, &body, 1), 4);
        assert_int_equal(kept(fds[0]), 0);
        assert_int_equal(recv(fds[1], got, 10, MSG_WAITALL), 10);
        assert_memory_equal(got, "headerbody", 10);
        close(fds[0]);
        close(fds[1]);
    }
    assert_true(waited);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alerts_whole_and_in_pieces),
        cmocka_unit_test(test_the_version_of_a_hello),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_what_is_followed_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
