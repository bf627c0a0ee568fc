/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/address.h"
#include "base/buf.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>

static enum fault_code write_addresses(const char *host, const char *port, struct buf *line, struct fault *f)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG }, *all;
    int error = getaddrinfo(host, NULL, &hints, &all);
    if (error == EAI_NONAME || error == EAI_ADDRFAMILY) {
        /* A machine with a loopback interface only has no address that AI_ADDRCONFIG counts. */
        hints.ai_flags = 0;
        error = getaddrinfo(host, NULL, &hints, &all);
    }
    if (error != 0)
        return fault_set(f, FAULT_INPUT, "%s: %s", host, gai_strerror(error));
    enum fault_code code = buf_printf(line, f, "%s:%s", host, port);
    char separator = ':';
    for (const struct addrinfo *one = all; one != NULL && code == FAULT_OK; one = one->ai_next) {
        char text[INET6_ADDRSTRLEN];
        bool six = one->ai_family == AF_INET6;
        if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        code = buf_printf(line, f, six ? "%c[%s]" : "%c%s", separator, text);
        separator = ',';
    }
    freeaddrinfo(all);
    return code;
}

static bool is_numeric(const char *host)
{
    struct in_addr four;
    return host[0] == '[' || inet_pton(AF_INET, host, &four) == 1;
}

enum fault_code address_look_up(const char *url, struct curl_slist **list, struct fault *f)
{
    char *host = NULL, *port = NULL;
    struct buf line;
    buf_init(&line, 4096);
    enum fault_code code = FAULT_OK;
    CURLU *parts = curl_url();
    if (parts == NULL || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        code = fault_set(f, FAULT_INPUT,
                         "%s is no URL: give something like https://host:443 or ftps://host:990", url);
    else if (!is_numeric(host))
        code = write_addresses(host, port, &line, f);
    if (code == FAULT_OK && line.used > 0) {
        struct curl_slist *longer = curl_slist_append(*list, line.data);
        if (longer == NULL)
            code = fault_set(f, FAULT_MEMORY, "out of memory");
        else
            *list = longer;
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    buf_fini(&line);
    return code;
}
