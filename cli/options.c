/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options.h"
#include "base/mem.h"
#include "cli/diary.h"
#include "cli/roster.h"
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

#define LOG_SMALLEST 200
#define LOG_LARGEST  ((size_t)64 << 20)

enum kind { TEXT, NUMBER, FLAG, SPECIAL };
enum special { TRACE, TLS, CONNECTION, CHALLENGE, LOG_SIZE, TIMEOUT, LIST_TRACES, VERSION, HELP };

/* One row an option: the help is printed from it, in this order. */
static const struct row {
    const char *name, *value, *help;
    enum kind kind;
    size_t where; /* offset in struct options, or an enum special */
} rows[] = {
#define AT(member) offsetof(struct options, member)
    { "url", "URL", "https://host[:port] of the server", TEXT, AT(url) },
    { "ftps", "URL", "ftps://host[:port], implicit TLS", TEXT, AT(ftps) },
    { "ca", "FILE", "PEM file of the CA that the server's certificate comes from (default: the system's)",
      TEXT, AT(ca) },
    { "trace", "NAME", "which boot to play, see --list-traces", SPECIAL, TRACE },
    { "handsets", "N", "how many handsets (default: all that have credentials; 10 with --admin)", NUMBER,
      AT(handsets) },
    { "concurrency", "C", "how many at once (default 100)", NUMBER, AT(concurrency) },
    { "boots", "B", "boots of each (default 1)", NUMBER, AT(boots) },
    { "user", "NAME", "one handset: its account", TEXT, AT(user) },
    { "password-file", "FILE", "and its password, first line; - is standard input", TEXT, AT(password_file) },
    { "mac", "MAC", "and its MAC address, when the account's name is not that", TEXT, AT(mac) },
    { "credentials", "FILE", "many handsets: lines mac,user,password; - is standard input", TEXT,
      AT(credentials) },
    { "cert", "FILE", "one handset's client certificate, PEM", TEXT, AT(cert) },
    { "key", "FILE", "its key, PEM (default: in the same file)", TEXT, AT(key) },
    { "cert-dir", "DIR", "a certificate for each handset: DIR/<mac>.pem, its key there or in DIR/<mac>.key",
      TEXT, AT(cert_dir) },
    { "admin", "NAME", "register simulated handsets as this administrator; with credentials: read logs back",
      TEXT, AT(admin) },
    { "admin-password-file", "FILE", "its password", TEXT, AT(admin_password_file) },
    { "admin-url", "URL", "where administrators and operators are served (default: --url)", TEXT,
      AT(admin_url) },
    { "operator", "NAME", "read the logs back as this operator", TEXT, AT(operator) },
    { "operator-password-file", "FILE", "its password", TEXT, AT(operator_password_file) },
    { "cleanup", NULL, "remove the simulated handsets and sample files afterwards", FLAG, AT(cleanup) },
    { "save-credentials", "FILE",
      "write the simulated handsets' credentials to a new file, for --credentials", TEXT,
      AT(save_credentials) },
    { "expect", "DIR", "a folder with the files that must be served", TEXT, AT(expect) },
    { "tls", "1.2|1.3", "this version only", SPECIAL, TLS },
    { "connection", "keep|per-file", "one connection a boot (default), or one a file", SPECIAL, CONNECTION },
    { "challenge", "on|off", "credentials after a 401 (default), or at once", SPECIAL, CHALLENGE },
    { "firmware", NULL, "read the first bytes of the firmware image too, then drop the connection", FLAG,
      AT(firmware) },
    { "part", "NUMBER", "part number of the simulated model", TEXT, AT(part) },
    { "log-size", "MIN-MAX", "bytes of a log upload (default 200-64K)", SPECIAL, LOG_SIZE },
    { "timeout", "SECONDS", "for one file (default 30)", SPECIAL, TIMEOUT },
    { "progress", NULL, "show progress on standard error even when that is no terminal", FLAG, AT(progress) },
    { "json", NULL, "the report as JSON", FLAG, AT(json) },
    { "list-traces", NULL, "print the boots that can be played", SPECIAL, LIST_TRACES },
    { "version", NULL, "print the version", SPECIAL, VERSION },
    { "help", NULL, "print this", SPECIAL, HELP },
#undef AT
};

static enum options_next wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
static enum options_next wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("cradle-handset: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\nTry cradle-handset --help.\n", stderr);
    return OPTIONS_WRONG;
}

static enum options_next help(void)
{
    puts("Usage: cradle-handset --url URL | --ftps URL [options]\n"
         "Plays the boots of Wi-Fi handsets against a provisioning server and checks every byte.\n");
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        char left[48];
        (void)snprintf(left, sizeof left, "--%s %s", rows[i].name,
                       rows[i].value != NULL ? rows[i].value : "");
        printf("  %-31s %s\n", left, rows[i].help);
    }
    puts("\nExit status: 0 no error, 1 errors were found, 2 wrong use.");
    return OPTIONS_DONE;
}

static enum options_next list_traces(void)
{
    size_t n;
    const struct trace *traces = trace_list(&n);
    for (size_t i = 0; i < n; i++) {
        printf("%-8s %s\n", traces[i].name, traces[i].summary);
        for (size_t j = 0; j < traces[i].count; j++) {
            const struct trace_step *step = &traces[i].steps[j];
            const char *note = step->rule == TRACE_MASTER
                                   ? "  (absent: 000000000000.cfg; then its CONFIG_FILES)"
                               : step->rule == TRACE_FIRMWARE ? "  (with --firmware)"
                                                              : "";
            printf("           %-4s %s%s\n", trace_word(traces[i].protocol, step->verb), step->name, note);
        }
    }
    return OPTIONS_DONE;
}

static bool number(const char *text, size_t most, size_t *ret_number)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value == 0 || value > most)
        return false;
    *ret_number = value;
    return true;
}

static bool size_text(const char *text, const char *stop, size_t *ret_size)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    unsigned shift = 0;
    if (*end == 'K' || *end == 'k')
        shift = 10;
    else if (*end == 'M' || *end == 'm')
        shift = 20;
    if (shift > 0)
        end++;
    if (*text < '0' || *text > '9' || end != stop || errno != 0 || value > LOG_LARGEST >> shift)
        return false;
    *ret_size = value << shift;
    return true;
}

bool options_range(const char *text, size_t *ret_min, size_t *ret_max)
{
    const char *dash = strchr(text, '-');
    const char *end = text + strlen(text);
    size_t min, max;
    if (!size_text(text, dash != NULL ? dash : end, &min) ||
        !size_text(dash != NULL ? dash + 1 : text, end, &max))
        return false;
    if (min < LOG_SMALLEST || max < min)
        return false;
    *ret_min = min;
    *ret_max = max;
    return true;
}

/* Is it `yes` (true), `no` (false), or neither? */
static bool choice(const char *text, const char *yes, const char *no, bool *ret_yes)
{
    if (strcmp(text, yes) != 0 && strcmp(text, no) != 0)
        return false;
    *ret_yes = strcmp(text, yes) == 0;
    return true;
}

static enum options_next take_special(struct options *o, enum special which, const char *value)
{
    bool yes;
    size_t n;
    switch (which) {
    case TRACE:
        o->trace = trace_find(value);
        return o->trace != NULL
                   ? OPTIONS_RUN
                   : wrong("--trace %s: there is no such trace; --list-traces names them", value);
    case TLS:
        if (!choice(value, "1.2", "1.3", &yes))
            return wrong("--tls %s: give 1.2 or 1.3", value);
        o->tls = yes ? OPTIONS_TLS_12 : OPTIONS_TLS_13;
        return OPTIONS_RUN;
    case CONNECTION:
        return choice(value, "keep", "per-file", &o->keep)
                   ? OPTIONS_RUN
                   : wrong("--connection %s: give keep or per-file", value);
    case CHALLENGE:
        return choice(value, "on", "off", &o->challenge) ? OPTIONS_RUN
                                                         : wrong("--challenge %s: give on or off", value);
    case LOG_SIZE:
        return options_range(value, &o->log_min, &o->log_max)
                   ? OPTIONS_RUN
                   : wrong("--log-size %s: give MIN-MAX in bytes, from %d to 64M, such as 200-64K", value,
                           LOG_SMALLEST);
    case TIMEOUT:
        if (!number(value, 86400, &n))
            return wrong("--timeout %s: give seconds, 1 to 86400", value);
        o->timeout_ms = (long)n * 1000;
        return OPTIONS_RUN;
    case LIST_TRACES:
        return list_traces();
    case VERSION:
        puts("cradle-handset " PACKAGE_VERSION);
        return OPTIONS_DONE;
    case HELP:
        return help();
    }
    return OPTIONS_WRONG;
}

static enum options_next take(struct options *o, const struct row *row, const char *value)
{
    void *where = (char *)o + row->where;
    switch (row->kind) {
    case TEXT:
        if (*value == '\0')
            return wrong("--%s: the value is empty", row->name);
        memcpy(where, &value, sizeof value);
        return OPTIONS_RUN;
    case NUMBER:
        return number(value, ROSTER_LIMIT, where)
                   ? OPTIONS_RUN
                   : wrong("--%s %s: give a number, 1 to %d", row->name, value, ROSTER_LIMIT);
    case FLAG:
        if (row->where == offsetof(struct options, progress))
            o->progress = 1;
        else
            *(bool *)where = true;
        return OPTIONS_RUN;
    case SPECIAL:
        return take_special(o, (enum special)row->where, value);
    }
    return OPTIONS_WRONG;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What must and must not come together. */
static enum options_next check_pairs(const struct options *o)
{
    if (o->url == NULL && o->ftps == NULL)
        return wrong("say which server: --url https://host:port or --ftps ftps://host:port");
    if (o->url != NULL && !begins(o->url, "https://"))
        return wrong("--url %s: must begin with https://", o->url);
    if (o->admin_url != NULL && !begins(o->admin_url, "https://"))
        return wrong("--admin-url %s: must begin with https://", o->admin_url);
    if (o->ftps != NULL && !begins(o->ftps, "ftps://"))
        return wrong("--ftps %s: must begin with ftps://", o->ftps);
    if (o->trace->protocol == TRACE_HTTPS && o->url == NULL)
        return wrong("the trace %s goes over HTTPS: give --url", o->trace->name);
    if (o->trace->protocol == TRACE_FTPS && o->ftps == NULL)
        return wrong("the trace %s goes over FTPS: give --ftps", o->trace->name);
    if ((o->admin != NULL || o->operator!= NULL) && o->url == NULL && o->admin_url == NULL)
        return wrong("--admin and --operator need --url or --admin-url: they work over HTTPS");
    return OPTIONS_RUN;
}

static enum options_next check_credentials(const struct options *o)
{
    bool one = o->user != NULL || o->mac != NULL || o->cert != NULL;
    if (one && o->credentials != NULL)
        return wrong(
            "--credentials is for many handsets, --user, --mac and --cert are for one: give one kind only");
    if (!one && o->credentials == NULL && o->admin == NULL)
        return wrong(
            "say who boots: --user with --password-file, --credentials FILE, or --admin to make handsets up");
    if (one && o->user == NULL && o->mac == NULL)
        return wrong("--cert needs --mac, the handset's MAC address, or --user");
    if ((o->user == NULL) != (o->password_file == NULL) && o->cert == NULL)
        return wrong("--user and --password-file come together");
    if ((o->admin == NULL) != (o->admin_password_file == NULL))
        return wrong("--admin and --admin-password-file come together");
    if ((o->operator== NULL) != (o->operator_password_file == NULL))
        return wrong("--operator and --operator-password-file come together");
    if (o->key != NULL && o->cert == NULL)
        return wrong("--key needs --cert");
    if (one && o->handsets > 1)
        return wrong("--handsets %zu: there are credentials for one handset only", o->handsets);
    bool made = o->admin != NULL && !one && o->credentials == NULL;
    if ((o->cleanup || o->save_credentials != NULL) && !made)
        return wrong("--cleanup and --save-credentials are for handsets that --admin makes up");
    const char *files[] = { o->password_file, o->credentials, o->admin_password_file,
                            o->operator_password_file };
    int inputs = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
        inputs += files[i] != NULL && strcmp(files[i], "-") == 0;
    return inputs > 1 ? wrong("only one of the files can be standard input") : OPTIONS_RUN;
}

enum options_next options_read(int argc, char **argv, struct options *ret_options)
{
    struct options o = { .concurrency = 100,
                         .boots = 1,
                         .log_min = LOG_SMALLEST,
                         .log_max = 65536,
                         .timeout_ms = 30000,
                         .keep = true,
                         .challenge = true,
                         .progress = -1,
                         .part = "1725-36720-001" };
    struct option longs[ARRAY_LENGTH(rows) + 1] = { 0 };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        longs[i] =
            (struct option){ rows[i].name, rows[i].value != NULL ? required_argument : no_argument, NULL, 0 };
    enum options_next next = OPTIONS_RUN;
    optind = 1;
    while (next == OPTIONS_RUN) {
        int index = 0;
        int found = getopt_long(argc, argv, "", longs, &index);
        if (found == -1)
            break;
        if (found != 0)
            return wrong("this command line is not understood");
        next = take(&o, &rows[index], optarg);
    }
    if (next == OPTIONS_RUN && optind < argc)
        next = wrong("%s: every argument belongs to an option", argv[optind]);
    if (o.trace == NULL)
        o.trace = trace_find(o.url == NULL && o.ftps != NULL ? "ftps" : "http59");
    if (next == OPTIONS_RUN)
        next = check_pairs(&o);
    if (next == OPTIONS_RUN)
        next = check_credentials(&o);
    *ret_options = o;
    return next;
}
