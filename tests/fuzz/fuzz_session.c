/* SPDX-License-Identifier: Apache-2.0 */
/* A whole FTPS session with the real front end: lines of an input become commands, one or some at a time, and
 * the client does what a client does: it connects when a port is told, and sends or reads what the command
 * moves. Held: each command has one final reply (RFC 959, 4.2), or the session has ended with 421 or 221;
 * data comes only after 150, and that only for who is logged in; what was acknowledged has its size; nothing
 * of another handset's is ever seen, or changes. */
#include "base/mem.h"
#include "tests/fuzz/front.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <strings.h>

enum { LOGGED_IN = 1, PIPELINED = 2 + 4, PAYLOAD_MAX = 70000, LINES_MAX = 40, LINE_MAX_BYTES = 600 };

struct talk {
    struct client control;
    int port; /* where data would go; 0: nowhere */
    bool in;  /* somebody is logged in */
    char got[8192];
    size_t at, n;
    char line[4096];
    char first[4]; /* the verb's letters of the command that is being answered, in capitals */
    size_t size;   /* of the payload that a command would send */
};

static bool read_line(struct talk *talk)
{
    size_t used = 0;
    for (;;) {
        if (talk->at == talk->n) {
            talk->n = client_read(&talk->control, talk->got, sizeof talk->got);
            talk->at = 0;
            if (talk->n == 0) {
                HOLDS(used == 0); /* no half line before the end */
                return false;
            }
        }
        char c = talk->got[talk->at++];
        HOLDS(used < sizeof talk->line - 1);
        talk->line[used++] = c;
        if (c == '\n')
            break;
    }
    HOLDS(used >= 2 && talk->line[used - 2] == '\r');
    talk->line[used - 2] = '\0';
    HOLDS(strstr(talk->line, FRONT_SECRET) == NULL && strlen(talk->line) == used - 2);
    return true;
}

/* The code of a whole reply (RFC 959, 4.2), 0 at the end of the session. */
static int read_reply(struct talk *talk)
{
    if (!read_line(talk))
        return 0;
    char code[4];
    HOLDS(isdigit((unsigned char)talk->line[0]) && isdigit((unsigned char)talk->line[1]) &&
          isdigit((unsigned char)talk->line[2]) && (talk->line[3] == ' ' || talk->line[3] == '-'));
    memcpy(code, talk->line, 3);
    code[3] = '\0';
    bool more = talk->line[3] == '-';
    while (more) {
        HOLDS(read_line(talk)); /* never an end in the middle */
        more = strncmp(talk->line, code, 3) != 0 || talk->line[3] != ' ';
    }
    return (int)strtol(code, NULL, 10);
}

static void learn_port(struct talk *talk, int code)
{
    int a, b, c, d, high, low;
    const char *at = strchr(talk->line, '(');
    HOLDS(at != NULL && talk->in);
    if (code == 229)
        HOLDS(sscanf(at, "(|||%d|)", &talk->port) == 1);
    else {
        HOLDS(sscanf(at, "(%d,%d,%d,%d,%d,%d)", &a, &b, &c, &d, &high, &low) == 6);
        talk->port = high * 256 + low;
    }
    HOLDS(talk->port > 0 && talk->port < 65536);
}

/* Is there a name that begins with the foreign handset's MAC? One of ours may hold it further on. */
static bool shows_foreign(const char *bytes, size_t n)
{
    const char *at = bytes, *end = bytes + n;
    while ((at = memmem(at, (size_t)(end - at), FRONT_FOREIGN, strlen(FRONT_FOREIGN))) != NULL) {
        if (at == bytes || at[-1] == ' ' || at[-1] == '\n' || at[-1] == '/')
            return true;
        at++;
    }
    return false;
}

/* 150 was said. */
static void move_data(struct talk *talk)
{
    static char bytes[PAYLOAD_MAX];
    struct client data;
    HOLDS(talk->in && talk->port != 0);
    bool sends = strcmp(talk->first, "APP") == 0 || strcmp(talk->first, "STO") == 0;
    bool open = client_open(&data, (uint16_t)talk->port);
    talk->port = 0;
    if (!open)
        return;
    if (sends) {
        memset(bytes, 'b', talk->size);
        client_send(&data, bytes, talk->size);
        client_end(&data);
    }
    for (size_t n; (n = client_read(&data, bytes, sizeof bytes - 1)) > 0;) {
        HOLDS(!sends);
        bytes[n] = '\0';
        HOLDS(memmem(bytes, n, FRONT_SECRET, strlen(FRONT_SECRET)) == NULL && !shows_foreign(bytes, n));
    }
    client_close(&data);
}

static void verb_of(struct talk *talk, const char *line, size_t n)
{
    memset(talk->first, 0, sizeof talk->first);
    for (size_t i = 0; i < 3 && i < n; i++)
        talk->first[i] = (char)toupper((unsigned char)line[i]);
}

/* The final reply to one command; 0: the session has ended in good order. */
static int answer(struct talk *talk, const char *line, size_t n)
{
    verb_of(talk, line, n);
    talk->size = n * 97 % PAYLOAD_MAX;
    int code = read_reply(talk), last = 0;
    if (code >= 100 && code < 200) {
        HOLDS(code == 150 || code == 125);
        move_data(talk);
        code = read_reply(talk);
        HOLDS(code != 0 && code >= 200);
    }
    if (code == 227 || code == 229)
        learn_port(talk, code);
    if (code == 230 || code == 232)
        talk->in = true;
    HOLDS(talk->in || code == 0 || code == 221 || code == 421 || code == 331 || code == 530 || code >= 500 ||
          code == 200 || code == 211 || code == 214 || code == 215 || code == 202);
    last = code;
    return last;
}

/* What was acknowledged is there: SIZE of the newest generation is no less. */
static bool check_size(struct talk *talk, const char *line, size_t n)
{
    char ask[LINE_MAX_BYTES + 16];
    long size = -1;
    const char *name = memchr(line, ' ', n);
    if (name == NULL)
        return true;
    int length = snprintf(ask, sizeof ask, "SIZE%.*s\r\n", (int)(n - (size_t)(name - line)), name);
    client_send(&talk->control, ask, (size_t)length);
    size_t stored = talk->size;
    int code = read_reply(talk);
    if (code == 0)
        return false;
    if (code == 213 && sscanf(talk->line, "213 %ld", &size) == 1)
        HOLDS(size >= (long)stored);
    return true;
}

struct lines {
    size_t count;
    const char *at[LINES_MAX];
    size_t n[LINES_MAX];
};

/* A line's bytes but for what would make it two, or no, lines; fuzz_line has those. */
static void cut(char *text, size_t size, struct lines *ret_lines)
{
    *ret_lines = (struct lines){ 0 };
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\r' || text[i] == '\0' || (unsigned char)text[i] == 0xff)
            text[i] = ' ';
    for (char *at = text, *end = text + size; at < end && ret_lines->count < LINES_MAX;) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((stop ? stop : end) - at);
        ret_lines->at[ret_lines->count] = at;
        ret_lines->n[ret_lines->count++] = n < LINE_MAX_BYTES ? n : LINE_MAX_BYTES;
        at += n + 1;
    }
}

static bool is_verb(const char *line, size_t n, const char *verb)
{
    while (n > 0 && *line == ' ')
        line++, n--;
    return n >= 4 && strncasecmp(line, verb, 4) == 0;
}

/* Whoever speaks HTTP here was lured here: the session ends without a word (ALPACA). */
static bool is_http(const char *line, size_t n)
{
    static const char *const methods[] = { "GET",   "HEAD",    "POST",    "PUT",   "DELETE",
                                           "PATCH", "CONNECT", "OPTIONS", "TRACE", "PRI" };
    if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++) {
        size_t length = strlen(methods[i]);
        if (n >= length && strncasecmp(line, methods[i], length) == 0 && (n == length || line[length] == ' '))
            return true;
    }
    return false;
}

static void run(struct talk *talk, const struct lines *lines, size_t together)
{
    for (size_t i = 0, count; i < lines->count; i += count) {
        count = lines->count - i < together ? lines->count - i : together;
        /* These may be answered before what stands before them (RFC 959, 4.1.3). */
        for (size_t k = 1; k < count; k++)
            if (is_verb(lines->at[i + k], lines->n[i + k], "ABOR") ||
                is_verb(lines->at[i + k], lines->n[i + k], "STAT"))
                count = k;
        char batch[4 * (LINE_MAX_BYTES + 2)];
        size_t used = 0;
        for (size_t k = 0; k < count; k++) {
            memcpy(batch + used, lines->at[i + k], lines->n[i + k]);
            used += lines->n[i + k];
            memcpy(batch + used, "\r\n", 2);
            used += 2;
        }
        client_send(&talk->control, batch, used);
        for (size_t k = 0; k < count; k++) {
            int code = answer(talk, lines->at[i + k], lines->n[i + k]);
            if (code == 221 || code == 421) {
                HOLDS(read_reply(talk) == 0);
                return;
            }
            if (code == 0) {
                bool http = false; /* also one that waited for its turn */
                for (size_t m = k; m < count; m++)
                    http = http || is_http(lines->at[i + m], lines->n[i + m]);
                HOLDS(http);
                return;
            }
            bool stored = code == 226 && (strcmp(talk->first, "APP") == 0 || strcmp(talk->first, "STO") == 0);
            if (stored && together == 1 && !check_size(talk, lines->at[i + k], lines->n[i + k]))
                return;
        }
    }
    client_send(&talk->control, "QUIT\r\n", 6);
    int code = read_reply(talk);
    HOLDS(code == 221 || code == 421);
    HOLDS(read_reply(talk) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk talk;
    struct lines lines;
    front_open();
    front_check();
    if (size < 1)
        return 0;
    char *text = fuzz_copy(data + 1, size - 1);
    cut(text, size - 1, &lines);
    talk = (struct talk){ .control.fd = -1 };
    client_must_open(&talk.control, front_port(true));
    HOLDS(read_reply(&talk) == 220);
    if (data[0] & LOGGED_IN) {
        static const char login[] = "USER " FRONT_MAC "\r\nPASS " FRONT_PASSWORD "\r\n";
        client_send(&talk.control, login, sizeof login - 1);
        HOLDS(read_reply(&talk) == 331 && read_reply(&talk) == 230);
        talk.in = true;
    }
    run(&talk, &lines, 1 + (data[0] & PIPELINED) / 2);
    client_close(&talk.control);
    free(text);
    return 0;
}
