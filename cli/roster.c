/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/roster.h"
#include "base/mem.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FIELDS      3
#define FIELD_LIMIT 512

static void forget(struct roster_handset *h)
{
    if (h->password != NULL)
        mem_wipe_free(h->password, strlen(h->password));
    free(h->user);
    free(h->cert);
    free(h->key);
    diary_fini(&h->diary);
}

struct roster_handset *roster_add(struct roster *r, const struct mac *mac, const char *user,
                                  const char *password)
{
    if (r->count == r->room) {
        size_t room = r->room == 0 ? 16 : r->room * 2;
        struct roster_handset *all = reallocarray(r->all, room, sizeof *all);
        if (all == NULL)
            return NULL;
        r->all = all;
        r->room = room;
    }
    struct roster_handset *h = &r->all[r->count];
    bool secret = password != NULL && *password != '\0';
    *h = (struct roster_handset){ .mac = *mac,
                                  .user = user != NULL ? strdup(user) : NULL,
                                  .password = secret ? strdup(password) : NULL };
    if ((user != NULL && h->user == NULL) || (secret && h->password == NULL)) {
        forget(h);
        return NULL;
    }
    r->count++;
    return h;
}

void roster_trim(struct roster *r, size_t count)
{
    while (r->count > count)
        forget(&r->all[--r->count]);
}

void roster_fini(struct roster *r)
{
    roster_trim(r, 0);
    free(r->all);
    memset(r, 0, sizeof *r);
}

struct roster_handset *roster_find(struct roster *r, const struct mac *mac)
{
    for (size_t i = 0; i < r->count; i++)
        if (mac_equal(&r->all[i].mac, mac))
            return &r->all[i];
    return NULL;
}

struct csv {
    const char *at, *end;
    unsigned line;
    const char *source;
};

static enum fault_code csv_fault(const struct csv *c, struct fault *f, const char *what)
{
    return fault_set(f, FAULT_INPUT, "%s, line %u: %s", c->source, c->line, what);
}

/* One field up to its comma or line's end, which stays. */
static enum fault_code csv_field(struct csv *c, char *out, struct fault *f)
{
    size_t used = 0;
    bool quoted = c->at < c->end && *c->at == '"';
    if (quoted)
        c->at++;
    for (;; c->at++) {
        if (c->at == c->end || (quoted && *c->at == '\n')) {
            if (quoted)
                return csv_fault(c, f, "a quotation mark is not closed");
            break;
        }
        if (quoted && *c->at == '"') {
            if (c->at + 1 < c->end && c->at[1] == '"') {
                c->at++;
            } else {
                c->at++;
                break;
            }
        } else if (!quoted && (*c->at == ',' || *c->at == '\n' || *c->at == '\r')) {
            break;
        }
        if (*c->at == '\0' || used + 1 == FIELD_LIMIT)
            return csv_fault(c, f, "a field is too long, or holds a NUL");
        out[used++] = *c->at;
    }
    out[used] = '\0';
    if (c->at < c->end && *c->at != ',' && *c->at != '\n' && *c->at != '\r')
        return csv_fault(c, f, "text after a closing quotation mark");
    return FAULT_OK;
}

/* The text ends without a NUL. */
static bool is_blank(const char *line, size_t n)
{
    size_t i = 0;
    while (i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
        i++;
    return i == n;
}

static void csv_skip_line(struct csv *c)
{
    while (c->at < c->end && *c->at != '\n')
        c->at++;
}

static enum fault_code csv_row(struct csv *c, char fields[FIELDS][FIELD_LIMIT], struct fault *f)
{
    for (int i = 0; i < FIELDS; i++) {
        enum fault_code code = csv_field(c, fields[i], f);
        if (code != FAULT_OK)
            return code;
        bool more = c->at < c->end && *c->at == ',';
        if (more != (i + 1 < FIELDS))
            return csv_fault(c, f, "three fields are needed: mac,user,password");
        if (more)
            c->at++;
    }
    while (c->at < c->end && *c->at == '\r')
        c->at++;
    return c->at == c->end || *c->at == '\n' ? FAULT_OK
                                             : csv_fault(c, f, "a carriage return within the line");
}

static enum fault_code take_row(struct roster *r, const struct csv *c, char fields[FIELDS][FIELD_LIMIT],
                                struct fault *f)
{
    struct mac mac;
    if (!mac_parse(fields[0], strlen(fields[0]), &mac))
        return csv_fault(c, f, "the first field is no MAC address (12 hex digits, not all zero)");
    if (roster_find(r, &mac) != NULL)
        return csv_fault(c, f, "this MAC address is there a second time");
    if (r->count == ROSTER_LIMIT)
        return csv_fault(c, f, "too many handsets");
    if (roster_add(r, &mac, *fields[1] != '\0' ? fields[1] : mac.text, fields[2]) == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    return FAULT_OK;
}

enum fault_code roster_parse(struct roster *r, const char *text, size_t n, const char *source,
                             struct fault *f)
{
    struct csv c = { text, text + n, 1, source };
    char fields[FIELDS][FIELD_LIMIT];
    enum fault_code code = FAULT_OK;
    bool heading = true;
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        c.at += 3;
    for (; c.at < c.end && code == FAULT_OK; c.at++, c.line++) {
        const char *end = memchr(c.at, '\n', (size_t)(c.end - c.at));
        size_t length = (size_t)((end != NULL ? end : c.end) - c.at);
        if (*c.at == '#' || is_blank(c.at, length)) {
            csv_skip_line(&c);
        } else {
            code = csv_row(&c, fields, f);
            bool title = heading && code == FAULT_OK && strcasecmp(fields[0], "mac") == 0;
            if (code == FAULT_OK && !title)
                code = take_row(r, &c, fields, f);
            heading = false;
        }
        if (c.at == c.end)
            break;
    }
    mem_wipe(fields, sizeof fields);
    return code;
}

enum fault_code roster_certificates(struct roster *r, const char *folder, struct fault *f)
{
    for (size_t i = 0; i < r->count; i++) {
        struct roster_handset *h = &r->all[i];
        if (asprintf(&h->cert, "%s/%s.pem", folder, h->mac.text) < 0) {
            h->cert = NULL;
            return fault_set(f, FAULT_MEMORY, "out of memory");
        }
        if (asprintf(&h->key, "%s/%s.key", folder, h->mac.text) < 0) {
            h->key = NULL;
            return fault_set(f, FAULT_MEMORY, "out of memory");
        }
        if (access(h->key, R_OK) != 0) {
            free(h->key);
            h->key = strdup(h->cert);
        }
        if (h->key == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory");
        if (access(h->cert, R_OK) != 0)
            return fault_set(f, FAULT_INPUT, "cannot read %s: %s (each handset needs its certificate there)",
                             h->cert, strerror(errno));
    }
    return FAULT_OK;
}
