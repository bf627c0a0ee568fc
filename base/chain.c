/* SPDX-License-Identifier: Apache-2.0 */
#include "base/chain.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/utf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_VERSION 1
#define CHAIN_HEAD    17 /* version, number, time */
#define CHAIN_STEP    "cradle audit step"

static const char chain_label[] = "cradle audit"; /* with its NUL: no label begins another one */

#define FIELD(name)                                                                          \
    {                                                                                        \
#name, offsetof(struct chain_record, name), sizeof(((struct chain_record *)0)->name) \
    }
static const struct {
    const char *name;
    size_t offset, size;
} chain_fields[CHAIN_FIELDS] = { FIELD(event),       FIELD(who),    FIELD(role),    FIELD(address),
                                 FIELD(certificate), FIELD(target), FIELD(outcome), FIELD(detail) };

_Static_assert(CHAIN_RECORD_MAX >= CHAIN_HEAD + CHAIN_FIELDS * 2 + 32 + 128 + 16 + 46 + 64 + 1024 + 32 + 512,
               "the longest record fits");

/* --- texts --- */

static char *field_at(struct chain_record *record, size_t field)
{
    return (char *)record + chain_fields[field].offset;
}

const char *chain_field(const struct chain_record *record, size_t field, const char **ret_name)
{
    if (field >= CHAIN_FIELDS)
        return NULL;
    *ret_name = chain_fields[field].name;
    return (const char *)record + chain_fields[field].offset;
}

/* The bytes of the next character when it can stand in a record; 0: its first byte cannot. */
static size_t clean_next(const char *text, size_t n)
{
    uint32_t point;
    size_t length = utf_next(text, n, &point);
    return length > 0 && !utf_is_control(point) ? length : 0;
}

static bool is_clean(const char *text, size_t n)
{
    for (size_t i = 0, length; i < n; i += length) {
        length = clean_next(text + i, n - i);
        if (length == 0)
            return false;
    }
    return true;
}

void chain_text(const char *text, char *out, size_t size)
{
    static const char ellipsis[] = "…";
    size_t n = text ? strlen(text) : 0, used = 0, safe = 0;
    for (size_t i = 0; i < n;) {
        char escaped[5];
        size_t length = clean_next(text + i, n - i);
        const char *from = text + i;
        size_t shown = length;
        if (length == 0) {
            snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned char)text[i]);
            from = escaped;
            shown = 4;
            length = 1;
        }
        if (used + shown >= size) {
            memcpy(out + safe, ellipsis, sizeof ellipsis - 1);
            used = safe + sizeof ellipsis - 1;
            break;
        }
        memcpy(out + used, from, shown);
        used += shown;
        i += length;
        if (used + sizeof ellipsis - 1 < size)
            safe = used;
    }
    out[used] = '\0';
}

/* --- bytes --- */

enum fault_code chain_encode(const struct chain_record *record, uint8_t out[CHAIN_RECORD_MAX], size_t *ret_n,
                             struct fault *f)
{
    if (record->number < 1 || record->at < 0)
        return fault_set(f, FAULT_INPUT, "an audit record needs a number from 1 on and a time");
    uint8_t *at = out;
    *at++ = CHAIN_VERSION;
    at = bytes_put_be(at, (uint64_t)record->number, 8);
    at = bytes_put_be(at, (uint64_t)record->at, 8);
    for (size_t i = 0; i < CHAIN_FIELDS; i++) {
        const char *text = (const char *)record + chain_fields[i].offset;
        size_t n = strnlen(text, chain_fields[i].size);
        if (n == chain_fields[i].size || !is_clean(text, n))
            return fault_set(f, FAULT_INPUT, "an audit record's %s is no clean text", chain_fields[i].name);
        at = bytes_put_be(at, n, 2);
        memcpy(at, text, n);
        at += n;
    }
    *ret_n = (size_t)(at - out);
    return FAULT_OK;
}

enum fault_code chain_decode(const uint8_t *data, size_t n, struct chain_record *ret_record, struct fault *f)
{
    struct chain_record record = { 0 };
    if (n < CHAIN_HEAD || data[0] != CHAIN_VERSION)
        return fault_set(f, FAULT_DAMAGED, "an audit record is not of the known format");
    uint64_t number = bytes_get_be(data + 1, 8), when = bytes_get_be(data + 9, 8);
    if (number < 1 || number > INT64_MAX || when > INT64_MAX)
        return fault_set(f, FAULT_DAMAGED, "an audit record's number or time is impossible");
    record.number = (int64_t)number;
    record.at = (int64_t)when;
    size_t used = CHAIN_HEAD;
    for (size_t i = 0; i < CHAIN_FIELDS; i++) {
        size_t length = n - used >= 2 ? (size_t)bytes_get_be(data + used, 2) : SIZE_MAX;
        if (length >= chain_fields[i].size || length > n - used - 2)
            return fault_set(f, FAULT_DAMAGED, "an audit record's %s is cut or too long",
                             chain_fields[i].name);
        const char *text = (const char *)data + used + 2;
        if (!is_clean(text, length))
            return fault_set(f, FAULT_DAMAGED, "an audit record's %s is no clean text", chain_fields[i].name);
        memcpy(field_at(&record, i), text, length);
        used += 2 + length;
    }
    if (used != n)
        return fault_set(f, FAULT_DAMAGED, "an audit record has bytes behind its end");
    *ret_record = record;
    return FAULT_OK;
}

/* --- the chain --- */

void chain_skip(struct secret_key *key, int64_t steps)
{
    struct secret_key next;
    for (int64_t i = 0; i < steps; i++) {
        secret_derive(key, CHAIN_STEP, &next);
        *key = next;
    }
    mem_wipe(&next, sizeof next);
}

void chain_step(struct chain_state *state, const void *record, size_t n, struct secret_digest *ret_mac)
{
    uint8_t data[sizeof chain_label + 1 + SECRET_DIGEST_SIZE + CHAIN_RECORD_MAX];
    uint8_t *at = data;
    struct secret_digest mac = { { 0 } };
    memcpy(at, chain_label, sizeof chain_label);
    at += sizeof chain_label;
    *at++ = CHAIN_VERSION;
    memcpy(at, state->mac.bytes, SECRET_DIGEST_SIZE);
    at += SECRET_DIGEST_SIZE;
    /* What is longer is no record: its mac is one that no record has. */
    size_t take = n <= CHAIN_RECORD_MAX ? n : 0;
    if (take > 0)
        memcpy(at, record, take);
    at += take;
    secret_mac(&state->key, data, (size_t)(at - data), &mac);
    chain_skip(&state->key, 1);
    state->number++;
    state->mac = mac;
    *ret_mac = mac;
}

/* --- texts for people --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "NUMBER:64 hex digits", then nothing but blanks and line ends. */
static bool parse_pair(const char *text, int64_t *ret_number, uint8_t bytes[32])
{
    char *end = NULL;
    if (text[0] < '1' || text[0] > '9')
        return false;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || *end != ':')
        return false;
    const char *hex = end + 1;
    for (size_t i = 0; i < 32; i++) {
        int high = hex_digit(hex[2 * i]), low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);
        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret_number = number;
    return hex[64 + strspn(hex + 64, " \t\r\n")] == '\0';
}

#define KEY_MARK "cradle-audit-1:"

void chain_key_print(const struct chain_key *key, char out[CHAIN_KEY_TEXT])
{
    int n = snprintf(out, CHAIN_KEY_TEXT, KEY_MARK "%" PRId64 ":", key->first);
    secret_hex(key->key.bytes, sizeof key->key.bytes, out + n);
}

_Static_assert(CHAIN_KEY_TEXT >= sizeof KEY_MARK + 20 + 2 * SECRET_KEY_SIZE, "the longest key fits");

enum fault_code chain_key_parse(const char *text, struct chain_key *ret_key, struct fault *f)
{
    struct chain_key key = { 0 };
    bool worked = strncmp(text, KEY_MARK, sizeof KEY_MARK - 1) == 0 &&
                  parse_pair(text + sizeof KEY_MARK - 1, &key.first, key.key.bytes);
    if (worked)
        *ret_key = key;
    mem_wipe(&key, sizeof key);
    return worked
               ? FAULT_OK
               : fault_set(f, FAULT_INPUT,
                           "that is no audit verification key: one line, " KEY_MARK "NUMBER:64 hex digits");
}

enum fault_code chain_anchor_parse(const char *text, struct chain_anchor *ret_anchor, struct fault *f)
{
    struct chain_anchor anchor = { 0 };
    if (!parse_pair(text, &anchor.number, anchor.mac.bytes))
        return fault_set(f, FAULT_INPUT,
                         "an anchor is NUMBER:64 hex digits, as audit.head in the journal tells them");
    *ret_anchor = anchor;
    return FAULT_OK;
}
