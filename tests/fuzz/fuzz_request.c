/* SPDX-License-Identifier: Apache-2.0 */
/* Raw requests to the real HTTPS front end: an input is what a client sends, with the words @H@ and @O@ for
 * the credentials of a handset and of an operator, and @@ for a line end. Held: what comes back is whole
 * responses, one after the other, and nothing else (RFC 9112, 4); without credentials only the health check
 * succeeds; nothing of another handset's is ever seen, or changes; the connection ends. */
#include "tests/fuzz/front.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <gnutls/gnutls.h>
#include <strings.h>

enum { ANSWER_MAX = 4 << 20 };

static size_t credentials_of(const char *name, const char *password, char out[256])
{
    char plain[128];
    gnutls_datum_t text = { .data = (unsigned char *)plain }, coded;
    text.size = (unsigned)snprintf(plain, sizeof plain, "%s:%s", name, password);
    HOLDS(gnutls_base64_encode2(&text, &coded) == 0);
    int n = snprintf(out, 256, "Authorization: Basic %.*s\r\n", (int)coded.size, coded.data);
    gnutls_free(coded.data);
    return (size_t)n;
}

/* Writes the input out, its words replaced; *ret_known: it has credentials. */
static size_t spell(const uint8_t *data, size_t size, char *out, bool *ret_known)
{
    size_t used = 0;
    char word[256];
    *ret_known = false;
    for (size_t i = 0; i < size;) {
        bool three = i + 3 <= size;
        if (three && (memcmp(data + i, "@H@", 3) == 0 || memcmp(data + i, "@O@", 3) == 0)) {
            size_t n = data[i + 1] == 'H' ? credentials_of(FRONT_MAC, FRONT_PASSWORD, word)
                                          : credentials_of(FRONT_OPERATOR, FRONT_READS, word);
            memcpy(out + used, word, n);
            used += n;
            i += 3;
            *ret_known = true;
        } else if (i + 2 <= size && memcmp(data + i, "@@", 2) == 0) {
            memcpy(out + used, "\r\n", 2);
            used += 2;
            i += 2;
        } else
            out[used++] = (char)data[i++];
    }
    return used;
}

/* The value of a header field in the head of a response; -1: there is none. */
static long number_of(const char *head, const char *name)
{
    for (const char *at = strstr(head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, name, strlen(name)) == 0 && at[2 + strlen(name)] == ':')
            return strtol(at + 3 + strlen(name), NULL, 10);
    return -1;
}

/* Walks from response to response. Without a HEAD request each has the body that its head tells of. */
static void check_responses(const char *bytes, size_t n, bool known, bool bodiless)
{
    size_t count = 0;
    for (size_t at = 0; at < n; count++) {
        int status = 0;
        HOLDS(n - at > 12 && memcmp(bytes + at, "HTTP/1.1 ", 9) == 0);
        HOLDS(sscanf(bytes + at + 9, "%3d ", &status) == 1 && status >= 100 && status < 600);
        const char *end = memmem(bytes + at, n - at, "\r\n\r\n", 4);
        HOLDS(end != NULL);
        size_t head = (size_t)(end - (bytes + at)) + 4;
        char *copy = strndup(bytes + at, head);
        HOLDS(copy != NULL && strlen(copy) == head);
        if (status >= 200 && status < 300 && !known)
            HOLDS(strstr(copy, "WWW-Authenticate") == NULL && head < 1024);
        long length = number_of(copy, "Content-Length");
        /* Some refusals of libmicrohttpd 0.9.75's own have their head twice, and end the connection. */
        bool foreign = status >= 400 && strstr(copy, "application/problem+json") == NULL;
        HOLDS(!foreign || strstr(copy, "Connection: close") != NULL);
        bool none = status < 200 || status == 204 || status == 304;
        free(copy);
        at += head;
        if (bodiless || foreign)
            return; /* whether a body follows depends on which request this answers */
        /* A 304 may tell the length of what it does not send (RFC 9110, 8.6). */
        HOLDS(status == 304 || (none ? length <= 0 : length >= 0));
        HOLDS(none || (size_t)length <= n - at);
        at += none ? 0 : (size_t)length;
    }
}

static bool holds_word(const char *text, size_t n, const char *word)
{
    for (size_t i = 0; i + strlen(word) <= n; i++)
        if (strncasecmp(text + i, word, strlen(word)) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[ANSWER_MAX + 1];
    struct client client;
    bool known = false;
    size_t got = 0;
    front_open();
    front_check();
    char *request = malloc(size * 86 + 256); /* @H@ becomes no more */
    HOLDS(request != NULL);
    size_t n = spell(data, size, request, &known);
    request[n] = '\0';
    client_must_open(&client, front_port(false));
    client_send(&client, request, n);
    client_end(&client);
    for (size_t some; got < ANSWER_MAX && (some = client_read(&client, answer + got, ANSWER_MAX - got)) > 0;)
        got += some;
    answer[got] = '\0';
    HOLDS(got < ANSWER_MAX);
    client_close(&client);
    if (!holds_word(request, n, FRONT_SECRET))
        HOLDS(memmem(answer, got, FRONT_SECRET, strlen(FRONT_SECRET)) == NULL ||
              holds_word(request, n, "@log") || holds_word(request, n, "%"));
    check_responses(answer, got, known, holds_word(request, n, "HEAD"));
    free(request);
    return 0;
}
