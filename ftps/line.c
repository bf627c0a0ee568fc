/* SPDX-License-Identifier: Apache-2.0 */
#include "ftps/line.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

/* RFC 854. */
#define TELNET_SE   240
#define TELNET_SB   250
#define TELNET_WILL 251
#define TELNET_DONT 254
#define TELNET_IAC  255

void line_clear(struct line *line)
{
    mem_wipe(line->text, line->used);
    line->used = 0;
    line->text[0] = '\0';
    line->cut = line->nul = false;
    line->at = LINE_PLAIN;
}

static void line_keep(struct line *line, unsigned char c)
{
    if (c == '\0')
        line->nul = true;
    else if (line->used < LINE_LIMIT)
        line->text[line->used++] = (char)c;
    else
        line->cut = true;
}

static bool line_plain(struct line *line, unsigned char c)
{
    if (c == '\n')
        return true;
    if (c == '\r')
        line->at = LINE_CR;
    else if (c == TELNET_IAC)
        line->at = LINE_IAC;
    else
        line_keep(line, c);
    return false;
}

static void line_iac(struct line *line, unsigned char c)
{
    line->at = LINE_PLAIN;
    if (c == TELNET_IAC)
        line_keep(line, c);
    else if (c == TELNET_SB)
        line->at = LINE_SUB;
    else if (c >= TELNET_WILL && c <= TELNET_DONT)
        line->at = LINE_OPTION;
}

/* One byte; true when it completes the line. */
static bool line_byte(struct line *line, unsigned char c)
{
    switch (line->at) {
    case LINE_PLAIN:
        return line_plain(line, c);
    case LINE_CR:
        line->at = LINE_PLAIN;
        if (c == '\n')
            return true;
        /* A CR within the line stays in it, where it is a control character that no name and no verb has; its
         * NUL (RFC 854) is not one of the client's own. */
        line_keep(line, '\r');
        return c != '\0' && line_plain(line, c);
    case LINE_IAC:
        line_iac(line, c);
        return false;
    case LINE_OPTION:
        line->at = LINE_PLAIN;
        return false;
    case LINE_SUB_IAC:
        line->at = c == TELNET_SE ? LINE_PLAIN : LINE_SUB;
        return false;
    case LINE_SUB:
        if (c == TELNET_IAC)
            line->at = LINE_SUB_IAC;
        /* A sub-negotiation never spans lines; without this a stray byte would swallow all that follows. */
        return c == '\n';
    }
    return false;
}

bool line_feed(struct line *line, const char *data, size_t n, size_t *ret_used)
{
    for (size_t i = 0; i < n; i++) {
        if (!line_byte(line, (unsigned char)data[i]))
            continue;
        line->at = LINE_PLAIN;
        line->text[line->used] = '\0';
        *ret_used = i + 1;
        return true;
    }
    *ret_used = n;
    return false;
}

size_t line_verb(const struct line *line, size_t *ret_argument)
{
    size_t n = 0;
    while (n < line->used && line->text[n] != ' ')
        n++;
    *ret_argument = n < line->used ? n + 1 : n;
    return n;
}

bool line_is_http(const struct line *line)
{
    static const char *const methods[] = { "GET",   "HEAD",    "POST",    "PUT",   "DELETE",
                                           "PATCH", "CONNECT", "OPTIONS", "TRACE", "PRI" };
    if (strncasecmp(line->text, "HTTP/", 5) == 0)
        return true;
    size_t argument;
    size_t n = line_verb(line, &argument);
    for (size_t i = 0; i < ARRAY_LENGTH(methods); i++)
        if (n == strlen(methods[i]) && strncasecmp(line->text, methods[i], n) == 0)
            return true;
    return false;
}
