/* SPDX-License-Identifier: Apache-2.0 */
/* An archive opens to its end as it was written, or not at all; in whatever pieces it comes.
 * Input: what to do to an archive (a byte), where (4 bytes), then plain bytes, repeated to fill some frames;
 * the same bytes are also taken for an archive themselves. */
#include "base/archive.h"
#include "tests/fuzz/fuzz.h"

#define PLAIN_MAX (2 * ARCHIVE_CHUNK + 100)

static const struct secret_key master = { "0123456789abcdef0123456789abcde" };

struct sunk {
    uint8_t data[PLAIN_MAX];
    size_t n;
};
static struct sunk first, second;

static enum fault_code sink(void *user, const void *plain, size_t n, struct fault *f)
{
    struct sunk *sunk = user;
    (void)f;
    HOLDS(n > 0 && n <= sizeof sunk->data - sunk->n);
    memcpy(sunk->data + sunk->n, plain, n);
    sunk->n += n;
    return FAULT_OK;
}

/* Gives the verdict; key: NULL for the shape alone. */
static enum fault_code read_it(const struct secret_key *key, const uint8_t *data, size_t n, size_t step,
                               struct sunk *sunk)
{
    struct archive_reader *reader = NULL;
    struct fault f = { FAULT_OK, "" };
    sunk->n = 0;
    HOLDS(archive_reader_new(key, sink, sunk, &reader, NULL) == FAULT_OK);
    enum fault_code code = FAULT_OK;
    for (size_t at = 0; code == FAULT_OK && at < n; at += step) {
        size_t take = n - at < step ? n - at : step;
        uint8_t *exact = (uint8_t *)fuzz_copy(data + at, take);
        code = archive_read(reader, exact, take, &f);
        free(exact);
    }
    if (code == FAULT_OK)
        code = archive_reader_end(reader, &f);
    HOLDS(code == f.code && (code == FAULT_OK) == (f.text[0] == '\0'));
    archive_reader_free(reader);
    return code;
}

/* The same verdict and the same bytes however it comes; what opens has the right shape. */
static enum fault_code check(const uint8_t *data, size_t n, size_t step)
{
    enum fault_code whole = read_it(&master, data, n, n > 0 ? n : 1, &first);
    HOLDS(read_it(&master, data, n, step, &second) == whole);
    HOLDS(first.n == second.n && memcmp(first.data, second.data, first.n) == 0);
    HOLDS(whole != FAULT_OK || read_it(NULL, data, n, step, &second) == FAULT_OK);
    return whole;
}

static size_t write_it(const uint8_t *plain, size_t n, uint8_t *out)
{
    const struct archive_about about = { .created = 1795570200000,
                                         .schema = 4,
                                         .catalog = "catalog 1234567" };
    struct archive_writer *writer = NULL;
    HOLDS(archive_writer_new(&master, &about, &writer, NULL) == FAULT_OK);
    memcpy(out, archive_writer_header(writer), ARCHIVE_HEADER);
    size_t used = ARCHIVE_HEADER, got = 0;
    for (size_t at = 0; at < n; at += ARCHIVE_CHUNK, used += got)
        HOLDS(archive_write(writer, plain + at, n - at < ARCHIVE_CHUNK ? n - at : ARCHIVE_CHUNK, out + used,
                            &got, NULL) == FAULT_OK);
    HOLDS(archive_write_end(writer, out + used, &got, NULL) == FAULT_OK);
    archive_writer_free(writer);
    return used + got;
}

/* Damages an archive of n bytes; gives its new length. */
static size_t spoil(uint8_t *data, size_t n, uint8_t how, size_t where)
{
    size_t at = where % n;
    switch (how % 4) {
    case 0:
        data[at] ^= (uint8_t)(1u << where % 8);
        return n;
    case 1:
        return at;
    case 2:
        memmove(data + at, data + at + 1, n - at - 1);
        return n - 1;
    default:
        data[n] = (uint8_t)where;
        return n + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t plain[PLAIN_MAX], archive[PLAIN_MAX + ARCHIVE_HEADER + 4 * ARCHIVE_FRAME];
    struct fuzz in = { data, size };
    uint8_t how = fuzz_byte(&in);
    size_t where = (size_t)fuzz_number(&in, 4);
    if (in.left <= PLAIN_MAX)
        check(in.at, in.left, 1 + where % 300);
    size_t n = in.left == 0 ? 0 : (how & 0x80) ? PLAIN_MAX - where % 200 : in.left % PLAIN_MAX;
    for (size_t i = 0; i < n; i++)
        plain[i] = in.at[i % in.left];
    size_t n_archive = write_it(plain, n, archive);
    HOLDS((int64_t)n_archive == archive_size((int64_t)n));
    HOLDS(check(archive, n_archive, 1 + where % 70000) == FAULT_OK);
    HOLDS(first.n == n && memcmp(first.data, plain, n) == 0);
    n_archive = spoil(archive, n_archive, how, where);
    HOLDS(check(archive, n_archive, 1 + where % 70000) != FAULT_OK);
    return 0;
}
