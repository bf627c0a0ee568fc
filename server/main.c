/* SPDX-License-Identifier: Apache-2.0 */
/* cradled: the command line. */
#include "config.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/tls.h"
#include "fleet/fleet.h"
#include "server/command.h"
#include "server/load.h"
#include "server/preflight.h"
#include "server/route.h"
#include "server/serve.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define OVERRIDES_MAX 64
#define DEFAULT_FILE  "/etc/cradle/cradled.conf"

struct options {
    const char *command;
    const char *settings_file;
    const char *overrides[OVERRIDES_MAX];
    size_t n_overrides;
    const char *welcome;
    const char *administrator;
    const char *password_file;
    const char *audit_key_file;
    const char *from;
    bool with_damage;
    const char *samples;
    const char *folder;
};

static void usage(FILE *out)
{
    fputs("Usage: cradled serve [--config FILE] [--set NAME=VALUE]… [--welcome FILE]\n"
          "       cradled init  [--config FILE] [--set NAME=VALUE]… --administrator NAME [--password-file "
          "FILE]\n"
          "                                                          [--audit-key-file FILE]\n"
          "       cradled audit-key [--config FILE] [--set NAME=VALUE]… [--audit-key-file FILE]\n"
          "       cradled check [--config FILE] [--set NAME=VALUE]…\n"
          "       cradled restore [--config FILE] [--set NAME=VALUE]… --from FILE [--with-damage]\n"
          "       cradled verify [--config FILE] [--set NAME=VALUE]… [--from FILE]\n"
          "       cradled demo  --folder DIR [--samples DIR]\n"
          "       cradled --list-settings | --list-routes | --list-events | --version | --help\n"
          "\n"
          "serve   run the daemon in the foreground; prints `ready` when all listeners accept\n"
          "init    make the state folder, the master key, the catalog and the first administrator, whose "
          "password is\n"
          "        the first line of FILE or of standard input\n"
          "audit-key  begin a new chain of the audit trail and hand out its verification key, in FILE or "
          "printed\n"
          "check   read the settings and certificates, and say what is wrong with them\n"
          "restore put a backup into the catalog's place; what the present one denies stays denied\n"
          "verify  look at everything in a backup, or in the catalog while no daemon runs\n"
          "demo    make a demo site with its own CA, accounts and sample files\n"
          "\n"
          "The settings file is " DEFAULT_FILE " unless --config names another. See cradled(8).\n",
          out);
}

static void list_events(void)
{
    for (int event = 0; event < LOG_EVENT_COUNT; event++)
        printf("%s\t%s\n", log_event_name((enum log_event)event), log_event_meaning((enum log_event)event));
}

int command_failed(const struct fault *f)
{
    fprintf(stderr, "cradled: %s\n", f->text);
    return COMMAND_FAILED;
}

/* Many sessions are many descriptors; core files would hold secrets. */
static void prepare_process(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    const struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, not the end */
}

/* Every finding, then what only the attempt to use the files can show. */
static int check(const struct settings *settings)
{
    struct fault f;
    struct findings findings = { 0 };
    struct tls_identity *identity = NULL;
    struct tls_trust *trust = NULL;
    enum fault_code code = preflight_look(settings, &findings, &f);
    for (size_t i = 0; i < findings.count; i++)
        finding_print(stdout, &findings.list[i]);
    fflush(stdout); /* before what is said on standard error */
    bool fatal = findings.worst == FINDING_FATAL;
    if (code == FAULT_OK && fatal)
        code = fault_set(&f, FAULT_INPUT, "the daemon will not start: see what is fatal above");
    if (code == FAULT_OK)
        code = load_identity(settings, &identity, &f);
    if (code == FAULT_OK)
        load_print_staples(identity);
    if (code == FAULT_OK)
        code = fleet_trust_load(settings, &trust, &f);
    tls_trust_unref(trust);
    tls_identity_unref(identity);
    findings_fini(&findings);
    if (code != FAULT_OK)
        return command_failed(&f);
    puts("the settings, the certificates and the CA bundles can be used");
    return COMMAND_OK;
}

static int restore(const struct settings *settings, const struct options *options)
{
    if (options->from != NULL)
        return command_restore(settings, options->from, options->with_damage);
    fputs("cradled: restore needs --from FILE\n", stderr);
    return COMMAND_USAGE;
}

static int run_with_settings(const struct options *options)
{
    const struct load_source source = { options->settings_file, options->overrides, options->n_overrides };
    if (strcmp(options->command, "serve") == 0)
        return serve(&source, options->welcome);
    struct fault f;
    struct settings *settings = NULL;
    if (settings_load(options->settings_file, options->overrides, options->n_overrides, &settings, &f) !=
        FAULT_OK)
        return command_failed(&f);
    int status = COMMAND_USAGE;
    if (strcmp(options->command, "check") == 0)
        status = check(settings);
    else if (strcmp(options->command, "audit-key") == 0)
        status = command_audit_key(settings, options->audit_key_file);
    else if (strcmp(options->command, "verify") == 0)
        status = command_verify(settings, options->from);
    else if (strcmp(options->command, "restore") == 0)
        status = restore(settings, options);
    else if (options->administrator != NULL)
        status =
            command_init(settings, options->administrator, options->password_file, options->audit_key_file);
    else
        fputs("cradled: init needs --administrator NAME\n", stderr);
    settings_free(settings);
    return status;
}

enum {
    OPTION_CONFIG = 1,
    OPTION_SET,
    OPTION_WELCOME,
    OPTION_ADMINISTRATOR,
    OPTION_PASSWORD,
    OPTION_AUDIT_KEY,
    OPTION_SAMPLES,
    OPTION_FOLDER,
    OPTION_FROM,
    OPTION_WITH_DAMAGE,
    OPTION_LIST_SETTINGS,
    OPTION_LIST_ROUTES,
    OPTION_LIST_EVENTS,
    OPTION_VERSION,
    OPTION_HELP
};

static const struct option long_options[] = {
    { "config", required_argument, NULL, OPTION_CONFIG },
    { "set", required_argument, NULL, OPTION_SET },
    { "welcome", required_argument, NULL, OPTION_WELCOME },
    { "administrator", required_argument, NULL, OPTION_ADMINISTRATOR },
    { "password-file", required_argument, NULL, OPTION_PASSWORD },
    { "audit-key-file", required_argument, NULL, OPTION_AUDIT_KEY },
    { "samples", required_argument, NULL, OPTION_SAMPLES },
    { "folder", required_argument, NULL, OPTION_FOLDER },
    { "from", required_argument, NULL, OPTION_FROM },
    { "with-damage", no_argument, NULL, OPTION_WITH_DAMAGE },
    { "list-settings", no_argument, NULL, OPTION_LIST_SETTINGS },
    { "list-routes", no_argument, NULL, OPTION_LIST_ROUTES },
    { "list-events", no_argument, NULL, OPTION_LIST_EVENTS },
    { "version", no_argument, NULL, OPTION_VERSION },
    { "help", no_argument, NULL, OPTION_HELP },
    { NULL, 0, NULL, 0 },
};

/* Options that answer at once. Gives the exit status, or -1 for all others. */
static int answer_at_once(int option)
{
    switch (option) {
    case OPTION_LIST_SETTINGS:
        settings_print(stdout);
        return COMMAND_OK;
    case OPTION_LIST_ROUTES:
        route_print(stdout);
        return COMMAND_OK;
    case OPTION_LIST_EVENTS:
        list_events();
        return COMMAND_OK;
    case OPTION_VERSION:
        puts("cradled " PACKAGE_VERSION);
        return COMMAND_OK;
    case OPTION_HELP:
        usage(stdout);
        return COMMAND_OK;
    default:
        return -1;
    }
}

/* Reads the command line; -1 to go on, or an exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        int status = answer_at_once(option);
        if (status >= 0)
            return status;
        switch (option) {
        case OPTION_CONFIG:
            options->settings_file = optarg;
            break;
        case OPTION_SET:
            if (options->n_overrides == OVERRIDES_MAX) {
                fputs("cradled: too many --set options\n", stderr);
                return COMMAND_USAGE;
            }
            options->overrides[options->n_overrides++] = optarg;
            break;
        case OPTION_WELCOME:
            options->welcome = optarg;
            break;
        case OPTION_ADMINISTRATOR:
            options->administrator = optarg;
            break;
        case OPTION_PASSWORD:
            options->password_file = optarg;
            break;
        case OPTION_AUDIT_KEY:
            options->audit_key_file = optarg;
            break;
        case OPTION_SAMPLES:
            options->samples = optarg;
            break;
        case OPTION_FOLDER:
            options->folder = optarg;
            break;
        case OPTION_FROM:
            options->from = optarg;
            break;
        case OPTION_WITH_DAMAGE:
            options->with_damage = true;
            break;
        default:
            usage(stderr);
            return COMMAND_USAGE;
        }
    }
    static const char *const commands[] = {
        "serve", "init", "check", "demo", "audit-key", "restore", "verify"
    };
    for (size_t i = 0; optind + 1 == argc && i < ARRAY_LENGTH(commands); i++)
        if (strcmp(argv[optind], commands[i]) == 0)
            options->command = commands[i];
    if (options->command != NULL)
        return -1;
    usage(stderr);
    return COMMAND_USAGE;
}

int main(int argc, char **argv)
{
    struct options options = { .settings_file = DEFAULT_FILE, .samples = DEMO_SAMPLES };
    int status = read_options(argc, argv, &options);
    if (status >= 0)
        return status;
    prepare_process();
    struct fault f;
    if (tls_init(&f) != FAULT_OK)
        return command_failed(&f);
    if (strcmp(options.command, "demo") != 0)
        return run_with_settings(&options);
    if (options.folder == NULL) {
        fputs("cradled: demo needs --folder DIR\n", stderr);
        return COMMAND_USAGE;
    }
    return command_demo(options.folder, options.samples);
}
