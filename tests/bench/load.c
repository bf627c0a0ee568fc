/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator of the benchmark: the same work against any FTPS or HTTPS server, a thread a client.
 * Checks every byte that it reads, and tells what it cost itself, so that nobody mistakes its limits for the
 * server's. Prints one line of JSON.
 *
 *   bench-load --port PORT [--ftp | --ftp-explicit] --work KIND --user U --password-file F --ca F --files DIR
 *              [--tls 1.2|1.3] [--resume data|all|none] --clients N --units M [--append NAME]
 *
 * A unit of each kind of work:
 *
 *   boot    a new connection, login, the files of DIR one after the other, two appends (HTTPS: PUTs), the end
 *   login   a new connection, login, the end (HTTPS: with one GET of the first file)
 *   append  64 KB appended (HTTPS: PUT), on a connection that stays
 *   get     the first file of DIR, on a connection that stays
 *   idle    logs in, says so on standard output, and stays until standard input ends
 */
#include "wire.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#define FILES_MAX    64
#define CLIENTS_MAX  16384
#define APPEND_BYTES 65536
#define LOG_BYTES    8192

enum work { WORK_BOOT, WORK_LOGIN, WORK_APPEND, WORK_GET, WORK_IDLE };
static const char *const work_names[] = { "boot", "login", "append", "get", "idle", NULL };
static const char *const resume_names[] = { "data", "all", "none", NULL };

struct file {
    char *name;
    struct wire_expected expected;
};

static struct sockaddr_in address;
static struct wire_server server = { .address = &address };
static struct {
    const char *ca, *tls, *append;
    struct file file[FILES_MAX];
    size_t files;
    enum work work;
    long clients, units;
} plan = { .tls = "1.2", .append = "bench", .clients = 1, .units = 1 };

static atomic_long next_unit, errors, appended;
static _Atomic int64_t bytes_read;
static double *latency; /* milliseconds, a unit each; -1: failed */
static char first_error[256];
static pthread_mutex_t error_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_bytes[APPEND_BYTES];
static pthread_barrier_t all_in;

struct client {
    struct wire wire;
    pthread_t thread;
    long number;
};

static void die(const char *format, const char *what)
{
    fprintf(stderr, format, what);
    fputc('\n', stderr);
    exit(2);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void note_error(const struct client *c)
{
    atomic_fetch_add(&errors, 1);
    pthread_mutex_lock(&error_lock);
    if (first_error[0] == '\0')
        (void)snprintf(first_error, sizeof first_error, "%s", c->wire.why);
    pthread_mutex_unlock(&error_lock);
}

/* --- one client --- */

static bool append(struct client *c, size_t n)
{
    char name[256];
    (void)snprintf(name, sizeof name, "%s-%ld.log", plan.append, c->number);
    if (!wire_append(&c->wire, name, log_bytes, n))
        return false;
    atomic_fetch_add(&appended, (long)n);
    return true;
}

static bool get(struct client *c, size_t i)
{
    return wire_get(&c->wire, plan.file[i].name, &plan.file[i].expected);
}

static bool unit(struct client *c)
{
    bool good = true;
    switch (plan.work) {
    case WORK_BOOT:
        good = wire_open(&c->wire);
        for (size_t i = 0; good && i < plan.files; i++)
            good = get(c, i);
        good = good && append(c, LOG_BYTES) && append(c, APPEND_BYTES);
        wire_close(&c->wire);
        return good;
    case WORK_LOGIN:
        good = wire_open(&c->wire) && (server.ftp || get(c, 0));
        wire_close(&c->wire);
        return good;
    case WORK_APPEND:
        return (c->wire.fd >= 0 || wire_open(&c->wire)) && append(c, APPEND_BYTES);
    case WORK_GET:
        return (c->wire.fd >= 0 || wire_open(&c->wire)) && get(c, 0);
    case WORK_IDLE:
        return wire_open(&c->wire);
    }
    return false;
}

static void *run_client(void *context)
{
    struct client *c = context;
    if (plan.work == WORK_IDLE) {
        if (!unit(c))
            note_error(c);
        pthread_barrier_wait(&all_in); /* all are in: main says so and waits for the end */
        pthread_barrier_wait(&all_in);
    }
    for (long i; plan.work != WORK_IDLE && (i = atomic_fetch_add(&next_unit, 1)) < plan.units;) {
        double begin = now_ms();
        bool good = unit(c);
        latency[i] = good ? now_ms() - begin : -1;
        if (!good) {
            note_error(c);
            wire_close(&c->wire);
        }
    }
    wire_close(&c->wire);
    SSL_SESSION_free(c->wire.ticket);
    atomic_fetch_add(&bytes_read, c->wire.read);
    return NULL;
}

/* --- the program --- */

static char *read_whole(const char *path, size_t *ret_size)
{
    FILE *in = fopen(path, "rb");
    struct stat st;
    if (in == NULL || fstat(fileno(in), &st) != 0)
        die("cannot read %s", path);
    char *bytes = malloc((size_t)st.st_size + 1);
    if (bytes == NULL || fread(bytes, 1, (size_t)st.st_size, in) != (size_t)st.st_size)
        die("cannot read %s", path);
    fclose(in);
    bytes[st.st_size] = '\0';
    *ret_size = (size_t)st.st_size;
    return bytes;
}

static void read_files(const char *folder)
{
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    if (n < 0)
        die("cannot list %s", folder);
    for (int i = 0; i < n; i++) {
        char path[4096];
        if (names[i]->d_name[0] != '.' && plan.files < FILES_MAX) {
            struct file *file = &plan.file[plan.files++];
            (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
            file->name = strdup(names[i]->d_name);
            file->expected.bytes = read_whole(path, &file->expected.size);
        }
        free(names[i]);
    }
    free(names);
}

static int word(const char *text, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(text, words[i]) == 0)
            return i;
    die("unknown word %s", text);
    return 0;
}

static void read_password(const char *path)
{
    size_t n;
    char *text = read_whole(path, &n);
    text[strcspn(text, "\r\n")] = '\0';
    server.password = text;
}

static void take_option(int option, const char *value)
{
    switch (option) {
    case 'p':
        address.sin_port = htons((uint16_t)strtoul(value, NULL, 10));
        return;
    case 'f':
        server.ftp = true;
        return;
    case 'e':
        server.ftp = server.explicit = true;
        return;
    case 'w':
        plan.work = (enum work)word(value, work_names);
        return;
    case 'u':
        server.user = value;
        return;
    case 'P':
        read_password(value);
        return;
    case 'c':
        plan.ca = value;
        return;
    case 'd':
        read_files(value);
        return;
    case 't':
        plan.tls = value;
        return;
    case 'r':
        server.resume = (enum wire_resume)word(value, resume_names);
        return;
    case 'n':
        plan.clients = strtol(value, NULL, 10);
        return;
    case 'm':
        plan.units = strtol(value, NULL, 10);
        return;
    case 'a':
        plan.append = value;
        return;
    default:
        exit(2);
    }
}

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        { "port", required_argument, NULL, 'p' },    { "ftp", no_argument, NULL, 'f' },
        { "ftp-explicit", no_argument, NULL, 'e' },  { "work", required_argument, NULL, 'w' },
        { "user", required_argument, NULL, 'u' },    { "password-file", required_argument, NULL, 'P' },
        { "ca", required_argument, NULL, 'c' },      { "files", required_argument, NULL, 'd' },
        { "tls", required_argument, NULL, 't' },     { "resume", required_argument, NULL, 'r' },
        { "clients", required_argument, NULL, 'n' }, { "units", required_argument, NULL, 'm' },
        { "append", required_argument, NULL, 'a' },  { NULL, 0, NULL, 0 },
    };
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        take_option(o, optarg);
    if (address.sin_port == 0 || server.user == NULL || server.password == NULL || plan.ca == NULL ||
        plan.clients < 1 || plan.clients > CLIENTS_MAX || plan.units < 1 ||
        (plan.files == 0 && plan.work != WORK_APPEND))
        die("%s", "something is missing: see the head of tests/bench/load.c");
    server.context = wire_context(plan.ca, plan.tls);
    if (server.context == NULL)
        die("OpenSSL does not take the CA %s", plan.ca);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_result(double wall_ms)
{
    struct rusage own;
    long good = 0;
    getrusage(RUSAGE_SELF, &own);
    double cpu = (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1e3 +
                 (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e3;
    for (long i = 0; i < plan.units; i++)
        if (latency[i] >= 0)
            latency[good++] = latency[i];
    qsort(latency, (size_t)good, sizeof *latency, by_value);
    for (char *c = first_error; *c != '\0'; c++)
        if (*c == '"' || *c == '\\' || (unsigned char)*c < ' ')
            *c = ' ';
    printf("{\"units\": %ld, \"errors\": %ld, \"error\": \"%s\", \"wall_ms\": %.3f, \"client_cpu_ms\": %.3f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"read\": %" PRId64 ", \"appended\": %ld}\n",
           good, atomic_load(&errors), first_error, wall_ms, cpu, good ? latency[good / 2] : 0.0,
           good ? latency[good * 99 / 100] : 0.0, atomic_load(&bytes_read), atomic_load(&appended));
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    read_options(argc, argv);
    for (size_t i = 0; i < sizeof log_bytes; i++)
        log_bytes[i] = i % 64 == 63 ? '\n' : (char)('a' + i * 7 % 26);
    latency = calloc((size_t)plan.units, sizeof *latency);
    struct client *clients = calloc((size_t)plan.clients, sizeof *clients);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 256 * 1024);
    if (latency == NULL || clients == NULL ||
        pthread_barrier_init(&all_in, NULL, (unsigned)plan.clients + 1) != 0)
        die("%s", "out of memory");
    double begin = now_ms();
    for (long i = 0; i < plan.clients; i++) {
        clients[i].number = i;
        clients[i].wire.server = &server;
        clients[i].wire.fd = -1;
        if (pthread_create(&clients[i].thread, &small, run_client, &clients[i]) != 0)
            die("%s", "no thread for a client");
    }
    if (plan.work == WORK_IDLE) {
        pthread_barrier_wait(&all_in);
        puts("idle");
        fflush(stdout);
        while (getchar() != EOF)
            continue;
        pthread_barrier_wait(&all_in);
    }
    for (long i = 0; i < plan.clients; i++)
        pthread_join(clients[i].thread, NULL);
    print_result(now_ms() - begin);
    return atomic_load(&errors) != 0;
}
