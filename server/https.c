/* SPDX-License-Identifier: Apache-2.0 */
#include "server/https.h"

#include "base/mem.h"
#include "server/connection.h"
#include "server/exchange.h"
#include "server/field.h"
#include "server/gate.h"
#include "server/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DAEMONS_MAX 16 /* for one address */
#define BACKLOG     4096

/* What a daemon's callbacks need to know about where its connections come from. */
struct door {
    struct gate *gate;
    enum serves serves;
};

struct https {
    struct gate *gate;
    struct door handsets, management, legacy;
    struct settings_listen bound;
    size_t count;
    struct MHD_Daemon *daemon[3 * SETTINGS_LISTEN_MAX * DAEMONS_MAX];
};

/* --- sockets --- */

static socklen_t make_address(const char *host, uint16_t port, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret_address;
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return sizeof *v6;
    }
    if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
        return 0;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
}

/* A bound and listening socket; -1 with errno. shared: beside others of the same port. */
static int listen_on(const struct sockaddr_storage *address, socklen_t length, bool shared)
{
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if ((shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        bind(fd, (const struct sockaddr *)(const void *)address, length) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)(void *)&address, &length) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                               : ((struct sockaddr_in *)(void *)&address)->sin_port);
}

/* --- daemons --- */

static void notify(void *cls, struct MHD_Connection *mhd, void **context,
                   enum MHD_ConnectionNotificationCode what)
{
    const struct door *door = cls;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        connection_free(*context);
        *context = NULL;
        return;
    }
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *address =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    gnutls_session_t session = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    struct connection *connection = connection_new(door->gate, door->serves, fd, address, session);
    if (connection == NULL)
        shutdown(fd, SHUT_RDWR);
    else
        connection->mhd = mhd;
    *context = connection;
}

/* Decoding is path.c's and query.c's, once; the library would cut at %00. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls, (void)mhd;
    return strlen(text);
}

/* Takes fd. NULL when it does not start. */
static struct MHD_Daemon *start_daemon(struct door *door, int fd)
{
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
        NULL, exchange_handle, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_CERT_CALLBACK,
        connection_no_certificate(), MHD_OPTION_TLS_NO_ALPN, 1, MHD_OPTION_NOTIFY_CONNECTION, notify, door,
        MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK, exchange_uri,
        NULL, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)door->gate->fleet->settings->max_connections, MHD_OPTION_END);
    if (daemon == NULL)
        close(fd);
    return daemon;
}

static enum fault_code open_one(struct https *https, struct door *door, const char *host, uint16_t port,
                                struct fault *f)
{
    struct sockaddr_storage address;
    socklen_t length = make_address(host, port, &address);
    if (length == 0)
        return fault_set(f, FAULT_INPUT, "'%s' is no numeric address", host);
    /* Sockets that share a port would also join another daemon's without a word: look alone first. */
    int fd = port == 0 ? 0 : listen_on(&address, length, false);
    if (fd < 0)
        return fault_set(f, FAULT_IO, "cannot listen on %s port %u: %s", host, (unsigned)port,
                         strerror(errno));
    if (port != 0)
        close(fd);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    for (long i = 0; i < processors && i < DAEMONS_MAX; i++) {
        fd = listen_on(&address, length, true);
        if (fd < 0)
            return fault_set(f, FAULT_IO, "cannot listen on %s port %u: %s", host, (unsigned)port,
                             strerror(errno));
        if (i == 0) {
            port = port_of(fd);
            make_address(host, port, &address);
        }
        struct MHD_Daemon *daemon = start_daemon(door, fd);
        if (daemon == NULL)
            return fault_set(f, FAULT_IO, "the HTTP library does not start on %s port %u", host,
                             (unsigned)port);
        https->daemon[https->count++] = daemon;
    }
    struct settings_listen *bound = &https->bound;
    if (bound->count < SETTINGS_LISTEN_MAX) {
        mem_copy_text(bound->at[bound->count].host, sizeof bound->at[0].host, host);
        bound->at[bound->count++].port = port;
    }
    return FAULT_OK;
}

static enum fault_code open_all(struct https *https, struct door *door, const struct settings_listen *listen,
                                struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < listen->count; i++)
        code = open_one(https, door, listen->at[i].host, listen->at[i].port, f);
    return code;
}

enum fault_code https_start(struct fleet *fleet, struct tls_identity *identity, struct https **ret_https,
                            struct fault *f)
{
    size_t routes;
    const struct route *table = route_table(&routes);
    enum fault_code code = route_check(table, routes, f);
    if (code != FAULT_OK)
        return code;
    field_init();
    struct https *https = calloc(1, sizeof *https);
    if (https == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    const struct settings *settings = fleet->settings;
    code = gate_new(fleet, identity, &https->gate, f);
    https->handsets =
        (struct door){ https->gate, settings->management_listen.count ? SERVES_HANDSETS : SERVES_ALL };
    https->management = (struct door){ https->gate, SERVES_MANAGEMENT };
    if (code == FAULT_OK)
        code = open_all(https, &https->handsets, &settings->https_listen, f);
    if (code == FAULT_OK)
        code = open_all(https, &https->management, &settings->management_listen, f);
    https->legacy = (struct door){ https->gate, SERVES_LEGACY };
    if (code == FAULT_OK)
        code = open_all(https, &https->legacy, &settings->legacy_https_listen, f);
    if (code == FAULT_OK)
        *ret_https = https;
    else
        https_stop(https);
    return code;
}

void https_renew(struct https *https, struct tls_identity *identity)
{
    gate_renew(https->gate, identity);
}

const struct settings_listen *https_bound(const struct https *https)
{
    return &https->bound;
}

void https_stop(struct https *https)
{
    if (https == NULL)
        return;
    if (https->gate != NULL)
        gate_close(https->gate);
    for (size_t i = 0; i < https->count; i++)
        MHD_stop_daemon(https->daemon[i]);
    gate_free(https->gate);
    free(https);
}
