/* SPDX-License-Identifier: Apache-2.0 */
/* cradle-handset: plays the boots of handsets against a server and checks every byte. */
#include "base/mem.h"
#include "base/secret.h"
#include "cli/expect.h"
#include "cli/intake.h"
#include "cli/options.h"
#include "cli/player.h"
#include "cli/report.h"
#include "cli/roster.h"
#include "cli/site.h"
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_GOOD       0
#define STATUS_ERRORS     1
#define STATUS_USAGE      2
#define CREDENTIALS_LIMIT ((size_t)64 << 20)
#define MADE_HANDSETS     10

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

struct run {
    const struct options *options;
    struct roster roster;
    struct expect *expect;
    struct report report;
    struct site *site; /* NULL: nobody who could read logs was named */
    bool made;         /* the handsets are simulated ones of this run */
};

static enum fault_code read_credentials(struct run *r, struct fault *f)
{
    const struct options *o = r->options;
    struct buf text;
    buf_init(&text, CREDENTIALS_LIMIT);
    enum fault_code code = intake_whole(o->credentials, &text, f);
    if (code == FAULT_OK)
        code = roster_parse(&r->roster, text.data != NULL ? text.data : "", text.used, o->credentials, f);
    if (code == FAULT_OK && r->roster.count == 0)
        code =
            fault_set(f, FAULT_INPUT, "%s holds no handset: write lines mac,user,password", o->credentials);
    if (code == FAULT_OK && o->handsets > r->roster.count)
        code = fault_set(f, FAULT_INPUT, "--handsets %zu: %s holds only %zu", o->handsets, o->credentials,
                         r->roster.count);
    buf_wipe(&text);
    return code;
}

static enum fault_code take_one(struct run *r, struct fault *f)
{
    const struct options *o = r->options;
    struct mac mac;
    const char *name = o->mac != NULL ? o->mac : o->user;
    if (!mac_parse(name, strlen(name), &mac))
        return fault_set(f, FAULT_INPUT, "%s is no MAC address: give --mac with the handset's, 12 hex digits",
                         name);
    char *password = NULL;
    enum fault_code code =
        o->password_file != NULL ? intake_password(o->password_file, &password, f) : FAULT_OK;
    struct roster_handset *h = NULL;
    if (code == FAULT_OK) {
        /* Over FTPS a session begins with a name even where the certificate decides. */
        h = roster_add(&r->roster, &mac, o->user != NULL ? o->user : mac.text, password);
        if (h != NULL && o->cert != NULL) {
            h->cert = strdup(o->cert);
            h->key = strdup(o->key != NULL ? o->key : o->cert);
        }
        if (h == NULL || (o->cert != NULL && (h->cert == NULL || h->key == NULL)))
            code = fault_set(f, FAULT_MEMORY, "out of memory");
    }
    if (password != NULL)
        mem_wipe_free(password, strlen(password));
    return code;
}

static enum fault_code open_site(struct run *r, struct fault *f)
{
    const struct options *o = r->options;
    const char *user = o->admin != NULL ? o->admin : o->operator;
    const char *file = o->admin != NULL ? o->admin_password_file : o->operator_password_file;
    if (user == NULL)
        return FAULT_OK;
    char *password;
    enum fault_code code = intake_password(file, &password, f);
    if (code != FAULT_OK)
        return code;
    code = site_open(o, user, password, &r->site, f);
    mem_wipe_free(password, strlen(password));
    return code;
}

/* The file must not exist: nobody's credentials are ever overwritten. */
static enum fault_code save_credentials(const struct run *r, struct fault *f)
{
    const char *path = r->options->save_credentials;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        return fault_set(f, FAULT_IO, "cannot make %s: %s", path, strerror(error));
    }
    fputs("mac,user,password\n", file);
    for (size_t i = 0; i < r->roster.count; i++)
        fprintf(file, "%s,%s,%s\n", r->roster.all[i].mac.text, r->roster.all[i].user,
                r->roster.all[i].password);
    bool failed = ferror(file) != 0;
    failed = fclose(file) != 0 || failed;
    return failed ? fault_set(f, FAULT_IO, "cannot write %s: %s", path, strerror(errno)) : FAULT_OK;
}

static enum fault_code find_handsets(struct run *r, struct fault *f)
{
    const struct options *o = r->options;
    enum fault_code code;
    if (o->credentials != NULL) {
        code = read_credentials(r, f);
    } else if (o->user != NULL || o->mac != NULL) {
        code = take_one(r, f);
    } else {
        r->made = true;
        code = site_set_up(r->site, o->handsets > 0 ? o->handsets : MADE_HANDSETS, &r->roster, r->expect, f);
        if (code == FAULT_OK && o->save_credentials != NULL)
            code = save_credentials(r, f);
    }
    if (code == FAULT_OK && o->handsets > 0)
        roster_trim(&r->roster, o->handsets);
    if (code == FAULT_OK && o->cert_dir != NULL)
        code = roster_certificates(&r->roster, o->cert_dir, f);
    return code;
}

static void begin_diaries(struct run *r)
{
    uint8_t random[DIARY_RUN / 2];
    char name[DIARY_RUN + 1];
    secret_random(random, sizeof random);
    secret_hex(random, sizeof random, name);
    for (size_t i = 0; i < r->roster.count; i++)
        diary_init(&r->roster.all[i].diary, &r->roster.all[i].mac, name, r->made);
}

static void begin_report(struct run *r)
{
    static const char *const versions[] = { "any", "1.2", "1.3" };
    const struct options *o = r->options;
    r->report.trace = o->trace->name;
    r->report.target = o->trace->protocol == TRACE_FTPS ? o->ftps : o->url;
    r->report.tls = versions[o->tls];
    r->report.connection = o->keep ? "one connection a boot" : "one connection a file";
    r->report.handsets = r->roster.count;
    r->report.boots_each = o->boots;
}

static int complain(const struct fault *f)
{
    fprintf(stderr, "cradle-handset: %s\n", f->text);
    return f->code == FAULT_INPUT ? STATUS_USAGE : STATUS_ERRORS;
}

static int work(struct run *r)
{
    struct fault f = { 0 };
    int status = STATUS_GOOD;
    if (open_site(r, &f) != FAULT_OK || find_handsets(r, &f) != FAULT_OK) {
        status = complain(&f);
    } else {
        begin_diaries(r);
        begin_report(r);
        if (player_play(r->options, &r->roster, r->expect, &r->report, &stop, &f) != FAULT_OK)
            status = complain(&f);
        else if (r->site != NULL && site_check_logs(r->site, &r->roster, &r->report, &stop, &f) != FAULT_OK)
            status = complain(&f);
        bool played = r->report.elapsed_us > 0;
        if (played && r->options->json) {
            if (!report_json(&r->report, stdout))
                status = STATUS_ERRORS;
        } else if (played) {
            report_print(&r->report, stdout);
        }
    }
    if (r->made && r->options->cleanup && site_clean_up(r->site, &r->roster, &f) != FAULT_OK)
        status = complain(&f);
    if (stop) {
        fprintf(stderr, "cradle-handset: interrupted\n");
        status = status == STATUS_GOOD ? STATUS_ERRORS : status;
    }
    return status == STATUS_GOOD && r->report.errors > 0 ? STATUS_ERRORS : status;
}

int main(int argc, char **argv)
{
    struct options options;
    switch (options_read(argc, argv, &options)) {
    case OPTIONS_DONE:
        return fflush(stdout) == 0 ? STATUS_GOOD : STATUS_ERRORS;
    case OPTIONS_WRONG:
        return STATUS_USAGE;
    case OPTIONS_RUN:
        break;
    }
    /* A second Ctrl-C ends at once. */
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fprintf(stderr, "cradle-handset: libcurl does not start\n");
        return STATUS_ERRORS;
    }
    struct run run = { .options = &options, .expect = expect_new(options.expect) };
    int status = STATUS_ERRORS;
    if (run.expect == NULL)
        fprintf(stderr, "cradle-handset: out of memory\n");
    else
        status = work(&run);
    site_close(run.site);
    expect_free(run.expect);
    report_fini(&run.report);
    roster_fini(&run.roster);
    curl_global_cleanup();
    return fflush(stdout) == 0 ? status : STATUS_ERRORS;
}
