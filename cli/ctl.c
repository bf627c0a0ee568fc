/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cli/ctl.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/tls.h"
#include "base/value.h"
#include "cli/intake.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_LIMIT 65536

struct ctl {
    const struct ctl_command *command;
    struct client_options options;
    bool json;
    char *settings; /* the text of the settings file; options borrow from it */
    struct client *client;
};

/* --- help --- */

static void print_commands(FILE *out, const struct ctl_command *commands, const char *group)
{
    for (const struct ctl_command *c = commands; c->group != NULL; c++) {
        char left[80];
        if (group != NULL && strcmp(group, c->group) != 0)
            continue;
        (void)snprintf(left, sizeof left, "%s%s%s %s", c->group, c->name ? " " : "", c->name ? c->name : "",
                       c->arguments);
        fprintf(out, "  %s", left);
        for (size_t n = ctl_width(left); n < 39; n++)
            putc(' ', out);
        fprintf(out, "%s\n", c->help);
    }
}

static void usage(FILE *out, const struct ctl_command *commands, const char *group)
{
    fputs("Usage: cradlectl COMMAND [OPTION]…\n\n", out);
    print_commands(out, commands, group);
    fputs("\ncradlectl COMMAND --help tells a command's options. See cradlectl(1).\n", out);
}

static void print_options(const struct ctl_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char left[48];
        (void)snprintf(left, sizeof left, "--%s%s%s", options[i].name, options[i].value ? " " : "",
                       options[i].value ? options[i].value : "");
        printf("  %-28s %s\n", left, options[i].help);
    }
}

/* --- options --- */

#define COMMON 8
static void common_options(struct ctl *ctl, struct ctl_option common[COMMON])
{
    struct client_options *o = &ctl->options;
    const struct ctl_option rows[COMMON] = {
        { "server", "URL", CTL_TEXT, &o->server, "the server: https://HOST[:PORT] (or CRADLE_URL)", 0, 0 },
        { "ca", "FILE", CTL_TEXT, &o->ca, "PEM file of the CA of its certificate (or CRADLE_CA)", 0, 0 },
        { "user", "NAME", CTL_TEXT, &o->user, "the account to log in as (or CRADLE_USER)", 0, 0 },
        { "password-file", "FILE", CTL_TEXT, &o->password_file,
          "its password, first line; - is standard input (or CRADLE_PASSWORD_FILE)", 0, 0 },
        { "cert", "FILE", CTL_TEXT, &o->cert, "a client certificate, PEM (or CRADLE_CERT)", 0, 0 },
        { "key", "FILE", CTL_TEXT, &o->key, "its key, PEM (default: in the same file; or CRADLE_KEY)", 0, 0 },
        { "json", NULL, CTL_FLAG, &ctl->json, "print JSON", 0, 0 },
        { "help", NULL, CTL_FLAG, NULL, "print this", 0, 0 },
    };
    memcpy(common, rows, sizeof rows);
}

static int wrong(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(const struct ctl *ctl, const char *format, ...)
{
    const struct ctl_command *c = ctl->command;
    va_list args;
    va_start(args, format);
    fputs("cradlectl: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nTry cradlectl %s%s%s --help.\n", c->group, c->name ? " " : "", c->name ? c->name : "");
    return CTL_USAGE;
}

static int take_value(const struct ctl *ctl, const struct ctl_option *option, const char *value)
{
    char *end = NULL;
    struct ctl_list *list;
    switch (option->kind) {
    case CTL_FLAG:
        *(bool *)option->where = true;
        return CTL_GO;
    case CTL_TEXT:
        *(const char **)option->where = value;
        return CTL_GO;
    case CTL_LIST:
        list = option->where;
        if (list->count == CTL_LIST_MAX)
            return wrong(ctl, "--%s: at most %d of them", option->name, CTL_LIST_MAX);
        list->item[list->count++] = value;
        return CTL_GO;
    case CTL_NUMBER:
        break;
    }
    errno = 0;
    long number = strtol(value, &end, 10);
    if (*value == '\0' || *end != '\0' || errno != 0 || number < option->min || number > option->max)
        return wrong(ctl, "--%s takes a number from %ld to %ld, not \"%s\"", option->name, option->min,
                     option->max, value);
    *(long *)option->where = number;
    return CTL_GO;
}

static const struct ctl_option *find_option(const struct ctl_option *options, size_t count, const char *name,
                                            size_t n)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == n && memcmp(options[i].name, name, n) == 0)
            return &options[i];
    return NULL;
}

static int help(const struct ctl *ctl, const struct ctl_option *options, size_t count,
                const struct ctl_option *common)
{
    const struct ctl_command *c = ctl->command;
    printf("Usage: cradlectl %s%s%s %s [OPTION]…\n%s.\n\n", c->group, c->name ? " " : "",
           c->name ? c->name : "", c->arguments, c->help);
    print_options(options, count);
    print_options(common, COMMON);
    return CTL_GOOD;
}

int ctl_read(struct ctl *ctl, int argc, char **argv, const struct ctl_option *options, size_t count,
             size_t min_words, size_t max_words, struct ctl_words *ret_words)
{
    struct ctl_option common[COMMON];
    bool only_words = false;
    common_options(ctl, common);
    *ret_words = (struct ctl_words){ 0 };
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        if (only_words || text[0] != '-' || text[1] == '\0') {
            if (ret_words->count == max_words || ret_words->count == CTL_LIST_MAX)
                return wrong(ctl, "\"%s\" is one word too many", text);
            ret_words->word[ret_words->count++] = text;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            only_words = true;
            continue;
        }
        if (strncmp(text, "--", 2) != 0)
            return wrong(ctl, "there is no option %s", text);
        const char *name = text + 2;
        size_t n = strcspn(name, "=");
        const struct ctl_option *option = find_option(options, count, name, n);
        if (option == NULL)
            option = find_option(common, COMMON, name, n);
        if (option == NULL)
            return wrong(ctl, "there is no option --%.*s", (int)n, name);
        if (option->where == NULL)
            return help(ctl, options, count, common);
        const char *value = name[n] == '=' ? name + n + 1 : NULL;
        if (option->kind == CTL_FLAG && value != NULL)
            return wrong(ctl, "--%s takes no value", option->name);
        if (option->kind != CTL_FLAG && value == NULL) {
            if (++i == argc)
                return wrong(ctl, "--%s needs a value: %s", option->name, option->value);
            value = argv[i];
        }
        int status = take_value(ctl, option, value);
        if (status != CTL_GO)
            return status;
    }
    if (ret_words->count < min_words)
        return wrong(ctl, "something is missing: %s", ctl->command->arguments);
    return CTL_GO;
}

bool ctl_json(const struct ctl *ctl)
{
    return ctl->json;
}

/* --- the server --- */

static void from_environment(struct client_options *o)
{
    const struct {
        const char **where, *name;
    } rows[] = {
        { &o->server, "CRADLE_URL" }, { &o->ca, "CRADLE_CA" },
        { &o->user, "CRADLE_USER" },  { &o->password_file, "CRADLE_PASSWORD_FILE" },
        { &o->cert, "CRADLE_CERT" },  { &o->key, "CRADLE_KEY" },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *value = getenv(rows[i].name);
        if (*rows[i].where == NULL && value != NULL && value[0] != '\0')
            *rows[i].where = value;
    }
    /* As ./run writes them for the demo. */
    if (o->user == NULL && o->cert == NULL && o->password_file == NULL) {
        o->user = getenv("CRADLE_ADMIN_USER");
        o->password = getenv("CRADLE_ADMIN_PASSWORD");
    }
}

static enum fault_code settings_line(struct client_options *o, const char *file, int number, char *line,
                                     struct fault *f)
{
    const struct {
        const char **where, *name;
    } rows[] = {
        { &o->server, "server" }, { &o->ca, "ca" },
        { &o->user, "user" },     { &o->password_file, "password_file" },
        { &o->cert, "cert" },     { &o->key, "key" },
    };
    line = value_trim(line);
    if (line[0] == '\0' || line[0] == '#')
        return FAULT_OK;
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return fault_set(f, FAULT_INPUT, "%s line %d: write name = value", file, number);
    *equals = '\0';
    const char *name = value_trim(line), *value = value_trim(equals + 1);
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
        if (strcmp(rows[i].name, name) == 0) {
            if (*rows[i].where == NULL && value[0] != '\0')
                *rows[i].where = value;
            return FAULT_OK;
        }
    return fault_set(
        f, FAULT_INPUT,
        "%s line %d: there is no setting %.40s: server, ca, user, password_file, cert and key are", file,
        number, name);
}

/* What neither an option nor the environment said. */
static enum fault_code from_file(struct ctl *ctl, struct fault *f)
{
    AUTO_FREE char *file = NULL;
    const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    bool own = folder != NULL && folder[0] == '/';
    if (!own && home == NULL)
        return FAULT_OK;
    if (asprintf(&file, "%s%s/cradle/cradlectl.conf", own ? folder : home, own ? "" : "/.config") < 0) {
        file = NULL;
        return fault_set(f, FAULT_MEMORY, "out of memory");
    }
    if (access(file, F_OK) != 0)
        return FAULT_OK;
    struct buf text;
    size_t n;
    buf_init(&text, SETTINGS_LIMIT);
    enum fault_code code = intake_whole(file, &text, f);
    ctl->settings = code == FAULT_OK && text.used > 0 ? buf_take(&text, &n) : NULL;
    buf_fini(&text);
    int number = 0;
    for (char *rest = ctl->settings, *line; code == FAULT_OK && (line = strsep(&rest, "\n")) != NULL;)
        code = settings_line(&ctl->options, file, ++number, line, f);
    return code;
}

enum fault_code ctl_client(struct ctl *ctl, struct client **ret_client, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    if (ctl->client == NULL) {
        from_environment(&ctl->options);
        code = from_file(ctl, f);
        if (code == FAULT_OK)
            code = client_open(&ctl->options, &ctl->client, f);
    }
    if (code == FAULT_OK)
        *ret_client = ctl->client;
    return code;
}

enum fault_code ctl_call(struct ctl *ctl, const char *method, json_t *body, json_t **ret_answer,
                         struct fault *f, const char *format, ...)
{
    AUTO_FREE char *path = NULL;
    struct client *client = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&path, format, args);
    va_end(args);
    if (n < 0)
        path = NULL;
    enum fault_code code = n < 0 ? fault_set(f, FAULT_MEMORY, "out of memory") : ctl_client(ctl, &client, f);
    if (code != FAULT_OK) {
        json_decref(body);
        return code;
    }
    return client_call(client, method, path, body, ret_answer, f);
}

/* --- the program --- */

static const struct ctl_command *find_command(const struct ctl_command *commands, int argc, char **argv,
                                              int *ret_words)
{
    for (const struct ctl_command *c = commands; argc > 1 && c->group != NULL; c++) {
        if (strcmp(c->group, argv[1]) != 0)
            continue;
        if (c->name == NULL || (argc > 2 && strcmp(c->name, argv[2]) == 0)) {
            *ret_words = c->name == NULL ? 1 : 2;
            return c;
        }
    }
    return NULL;
}

static int run(struct ctl *ctl, int argc, char **argv, int words)
{
    struct fault f;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fputs("cradlectl: libcurl does not start\n", stderr);
        return CTL_FAILED;
    }
    int status =
        tls_init(&f) == FAULT_OK ? ctl->command->run(ctl, argc - words, argv + words) : ctl_failed(&f);
    client_close(ctl->client);
    free(ctl->settings);
    curl_global_cleanup();
    if (fflush(stdout) != 0 && status == CTL_GOOD) {
        fprintf(stderr, "cradlectl: cannot write the output: %s\n", strerror(errno));
        status = CTL_FAILED;
    }
    return status;
}

int ctl_main(int argc, char **argv, const struct ctl_command *commands)
{
    struct ctl ctl = { 0 };
    int words = 0;
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--version") == 0) {
        puts("cradlectl " PACKAGE_VERSION);
        return CTL_GOOD;
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "help") == 0) {
        usage(stdout, commands, NULL);
        return CTL_GOOD;
    }
    ctl.command = find_command(commands, argc, argv, &words);
    if (ctl.command != NULL)
        return run(&ctl, argc, argv, words);
    bool known = false;
    for (const struct ctl_command *c = commands; c->group != NULL; c++)
        known = known || strcmp(c->group, first) == 0;
    bool asked = known && argc > 2 && strcmp(argv[2], "--help") == 0;
    usage(asked ? stdout : stderr, commands, known ? first : NULL);
    return asked ? CTL_GOOD : CTL_USAGE;
}
