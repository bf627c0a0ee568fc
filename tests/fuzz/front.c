/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/front.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/tls.h"
#include "fleet/account.h"
#include "fleet/census.h"
#include "fleet/handset.h"
#include "fleet/reader.h"
#include "fleet/throttle.h"
#include "fleet/tree.h"
#include "ftps/ftps.h"
#include "server/field.h"
#include "server/https.h"
#include "tests/fuzz/fuzz.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <gnutls/x509.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 20

static const struct thing {
    const char *path, *bytes, *mac; /* whose log it is; NULL: an administrator's file */
} things[] = {
    { "/site.cfg", "<site shared=\"1\"/>\n", NULL },
    { "/000000000000.cfg", "<fallback/>\n", NULL },
    { "/firmware/sip.ld", "0123456789abcdefghijklmnopqrstuvwxyz", NULL },
    { "/" FRONT_MAC ".cfg", "<own/>\n", NULL },
    { "/" FRONT_MAC "-app.log", "a first line\n", FRONT_MAC },
    { "/" FRONT_FOREIGN ".cfg", "<foreign>" FRONT_SECRET "</foreign>\n", NULL },
    { "/" FRONT_FOREIGN "-app.log", FRONT_SECRET "\n", FRONT_FOREIGN },
};

static char folder[64];
static struct settings *settings;
static struct fleet *fleet;
static struct tls_identity *identity;
static struct ftps *ftps;
static struct https *https;
static gnutls_certificate_credentials_t credentials;
static unsigned long tried;

static void must(enum fault_code code, const struct fault *f)
{
    if (code == FAULT_OK)
        return;
    fprintf(stderr, "the front ends cannot be made: %s\n", f->text);
    abort();
}

/* --- the catalog --- */

static struct principal owner(const struct thing *thing)
{
    struct principal who = { .role = thing->mac ? ROLE_HANDSET : ROLE_ADMINISTRATOR };
    if (thing->mac)
        HOLDS(mac_parse(thing->mac, strlen(thing->mac), &who.mac));
    else
        (void)mem_copy_text(who.account, sizeof who.account, "admin");
    (void)mem_copy_text(who.address, sizeof who.address, "192.0.2.1");
    return who;
}

static void told(void *user)
{
    sem_post(user);
}

static void store(const struct thing *thing)
{
    sem_t news;
    struct fault f;
    struct path path;
    struct upload *upload = NULL;
    struct upload_outcome outcome;
    const struct principal who = owner(thing);
    size_t taken = 0, n = strlen(thing->bytes);
    sem_init(&news, 0, 0);
    const struct upload_options options = {
        .append = thing->mac != NULL, .size = (int64_t)n, .progress = told, .user = &news
    };
    must(path_parse(thing->path, strlen(thing->path), &path, &f), &f);
    must(tree_put(fleet, &who, &path, &options, &upload, &f), &f);
    must(upload_write(upload, thing->bytes, n, &taken, &f), &f);
    upload_commit(upload);
    while (!upload_ended(upload))
        sem_wait(&news);
    must(upload_result(upload, &outcome, &f), &f);
    upload_free(upload);
    sem_destroy(&news);
}

static void check_thing(const struct thing *thing)
{
    struct fault f;
    struct path path;
    struct tree_entry entry;
    struct reader *reader;
    size_t n = 0;
    const struct principal who = owner(thing);
    must(path_parse(thing->path, strlen(thing->path), &path, &f), &f);
    must(tree_open(fleet, &who, &path, NULL, &reader, &entry, &f), &f);
    const void *bytes = reader_at(reader, 0, &n);
    HOLDS(n == strlen(thing->bytes) && memcmp(bytes, thing->bytes, n) == 0);
    reader_free(reader);
}

void front_check(void)
{
    throttle_forgive(fleet, NULL, NULL);
    census_forgive(fleet, NULL);
    if (tried++ % 64 == 0)
        for (size_t i = 0; i < ARRAY_LENGTH(things); i++)
            if (strstr(things[i].path, FRONT_FOREIGN) || things[i].mac == NULL)
                check_thing(&things[i]);
}

static void add_account(const char *name, enum role role, const char *mac, const char *password)
{
    struct fault f;
    char made[SECRET_MADE_LENGTH + 1];
    struct account account = { .role = role, .enabled = true };
    const struct account_change change = { .password = PASSWORD_CHOSEN, .text = password };
    (void)mem_copy_text(account.name, sizeof account.name, name);
    if (mac != NULL)
        HOLDS(mac_parse(mac, strlen(mac), &account.mac));
    must(account_add(fleet, NULL, &account, &change, made, &f), &f);
}

/* --- the front ends --- */

static void write_pem(const char *name, const gnutls_datum_t *pem)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    HOLDS(file != NULL && fwrite(pem->data, pem->size, 1, file) == 1 && fclose(file) == 0);
}

static void make_identity(void)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t crt;
    gnutls_datum_t pem;
    struct fault f;
    char chain[96], keys[96];
    HOLDS(gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&crt) == 0);
    HOLDS(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                       0) == 0);
    gnutls_x509_crt_set_version(crt, 3);
    gnutls_x509_crt_set_serial(crt, "\1", 1);
    gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400 * 365);
    gnutls_x509_crt_set_dn(crt, "CN=fuzz.example", NULL);
    gnutls_x509_crt_set_key(crt, key);
    HOLDS(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) == 0);
    HOLDS(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0);
    write_pem("chain.pem", &pem);
    gnutls_free(pem.data);
    HOLDS(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem) == 0);
    write_pem("key.pem", &pem);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(key);
    snprintf(chain, sizeof chain, "%s/chain.pem", folder);
    snprintf(keys, sizeof keys, "%s/key.pem", folder);
    const struct tls_identity_files files = { .chain = { chain }, .key = { keys } };
    must(tls_identity_load(&files, &identity, &f), &f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void front_close(void)
{
    https_stop(https);
    ftps_stop(ftps);
    fleet_close(fleet);
    settings_free(settings);
    tls_identity_unref(identity);
    gnutls_certificate_free_credentials(credentials);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const struct fleet *front_open(void)
{
    struct fault f;
    char state[96];
    const char *const overrides[] = { state,
                                      "workers=2",
                                      "hash_workers=1",
                                      "https_listen=127.0.0.1:0",
                                      "ftps_listen=127.0.0.1:0",
                                      "refusal_delay=0ms",
                                      "throttle_max=0ms",
                                      "data_binding=address",
                                      "log_quota=1M",
                                      "log_rotate=64K",
                                      "max_log=64K",
                                      "file_versions=0" };
    if (fleet != NULL)
        return fleet;
    signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof folder, "%s/cradle-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    HOLDS(mkdtemp(folder) != NULL);
    snprintf(state, sizeof state, "state=%s/state", folder);
    log_threshold(LOG_LEVEL_ERROR);
    must(tls_init(&f), &f);
    field_init();
    must(settings_load(NULL, overrides, ARRAY_LENGTH(overrides), &settings, &f), &f);
    must(fleet_init(settings, &f), &f);
    must(fleet_open(settings, &fleet, &f), &f);
    make_identity();
    static const char *const macs[] = { FRONT_MAC, FRONT_FOREIGN };
    for (size_t i = 0; i < ARRAY_LENGTH(macs); i++) {
        struct mac mac;
        HOLDS(mac_parse(macs[i], strlen(macs[i]), &mac));
        must(handset_add(fleet, NULL, &mac, NULL, &f), &f);
    }
    add_account(FRONT_MAC, ROLE_HANDSET, FRONT_MAC, FRONT_PASSWORD);
    add_account("admin", ROLE_ADMINISTRATOR, NULL, "jw8-chief-91x");
    add_account(FRONT_OPERATOR, ROLE_OPERATOR, NULL, FRONT_READS);
    for (size_t i = 0; i < ARRAY_LENGTH(things); i++)
        store(&things[i]);
    must(ftps_start(fleet, identity, &ftps, &f), &f);
    must(https_start(fleet, identity, &https, &f), &f);
    HOLDS(gnutls_certificate_allocate_credentials(&credentials) == 0);
    atexit(front_close);
    return fleet;
}

uint16_t front_port(bool is_ftps)
{
    const struct settings_listen *bound = is_ftps ? ftps_bound(ftps) : https_bound(https);
    HOLDS(bound->count > 0);
    return bound->at[0].port;
}

/* --- a client --- */

static char client_why[128]; /* it was not let in */

/* libFuzzer's alarm interrupts a connect, which then goes on by itself. */
static bool client_connect(int fd, const struct sockaddr_in *address)
{
    struct pollfd ready = { .fd = fd, .events = POLLOUT };
    int error = 0;
    socklen_t size = sizeof error;
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return true;
    error = errno;
    if (error == EINTR) {
        while (poll(&ready, 1, PATIENCE_S * 1000) < 0)
            HOLDS(errno == EINTR);
        HOLDS(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    }
    if (error != 0)
        snprintf(client_why, sizeof client_why, "no connection: %s", strerror(error));
    return error == 0;
}

bool client_open(struct client *client, uint16_t port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons(port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    int rc;
    *client = (struct client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    HOLDS(client->fd >= 0);
    const int on = 1;
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!client_connect(client->fd, &address)) {
        client_close(client);
        return false;
    }
    HOLDS(gnutls_init(&client->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS) == 0);
    HOLDS(gnutls_set_default_priority(client->tls) == 0);
    HOLDS(gnutls_credentials_set(client->tls, GNUTLS_CRD_CERTIFICATE, credentials) == 0);
    gnutls_transport_set_int(client->tls, client->fd);
    do
        rc = gnutls_handshake(client->tls);
    while (rc == GNUTLS_E_INTERRUPTED);
    if (rc < 0) {
        snprintf(client_why, sizeof client_why, "no handshake: %s", gnutls_strerror(rc));
        client_close(client);
    }
    return rc >= 0;
}

void client_must_open(struct client *client, uint16_t port)
{
    bool is_open = client_open(client, port);
    if (!is_open)
        fprintf(stderr, "%s\n", client_why);
    HOLDS(is_open);
}

void client_send(struct client *client, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t rc = gnutls_record_send(client->tls, bytes, n);
        if (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_AGAIN)
            continue;
        if (rc < 0)
            return; /* it is gone; reading tells */
        bytes += rc;
        n -= (size_t)rc;
    }
}

size_t client_read(struct client *client, char *out, size_t n)
{
    for (int64_t begun = clock_steady_ms();;) {
        ssize_t rc = gnutls_record_recv(client->tls, out, n);
        HOLDS(clock_steady_ms() - begun < PATIENCE_S * 1000); /* the server owes an answer, or the end */
        if (rc < 0 && !gnutls_error_is_fatal((int)rc))
            continue; /* also after a ticket */
        return rc > 0 ? (size_t)rc : 0;
    }
}

void client_end(struct client *client)
{
    gnutls_bye(client->tls, GNUTLS_SHUT_WR);
    shutdown(client->fd, SHUT_WR);
}

void client_close(struct client *client)
{
    if (client->tls != NULL)
        gnutls_deinit(client->tls);
    /* Hundreds of connections a second: none may leave its port behind for a minute. */
    const struct linger at_once = { .l_onoff = 1 };
    if (client->fd >= 0) {
        setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(client->fd);
    }
    *client = (struct client){ .fd = -1 };
}
