/* SPDX-License-Identifier: Apache-2.0 */
#include "base/settings.h"
#include "base/mem.h"
#include "base/seal_source.h"
#include "base/token.h"
#include "base/value.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct row;

/* Reads a value of one kind into its field. `folder` is what relative paths start from. The fault says what
 * is wrong and what to write instead; who called knows where it stands. */
typedef enum fault_code settings_read(const struct row *row, const char *value, const char *folder,
                                      void *field, struct fault *f);

static settings_read read_PATH, read_KEY, read_MASTER, read_TEXT, read_SIZE, read_TIME, read_NUMBER,
    read_LISTEN, read_PORTS, read_FACTORS, read_BINDING, read_VERSION, read_LEVEL;

static const struct row {
    const char *name, *default_value, *help;
    int64_t min, max;
    size_t offset, size;
    settings_read *read;
    enum { WHEN_RELOAD, WHEN_START } when;
} rows[] = {
#define X(name, kind, default_value, min, max, when, help) \
    { #name,                                               \
      default_value,                                       \
      help,                                                \
      min,                                                 \
      max,                                                 \
      offsetof(struct settings, name),                     \
      sizeof(settings_kind_##kind),                        \
      read_##kind,                                         \
      WHEN_##when },
#include "base/settings.def"
#undef X
};

enum {
#define X(name, kind, default_value, min, max, when, help) ROW_##name,
#include "base/settings.def"
#undef X
    ROW_COUNT
};

/* Where the value of each row came from, for messages. */
struct origin {
    const char *file;    /* short enough to leave room for the rest of a message; "" without a file */
    int line[ROW_COUNT]; /* 0: not in the file */
};

static enum fault_code read_SIZE(const struct row *row, const char *value, const char *folder, void *field,
                                 struct fault *f)
{
    (void)folder;
    return value_size(value, row->min, row->max, field, f);
}

static enum fault_code read_TIME(const struct row *row, const char *value, const char *folder, void *field,
                                 struct fault *f)
{
    (void)folder;
    return value_time(value, row->min, row->max, field, f);
}

static enum fault_code read_NUMBER(const struct row *row, const char *value, const char *folder, void *field,
                                   struct fault *f)
{
    (void)folder;
    return value_number(value, row->min, row->max, field, f);
}

static enum fault_code read_PORTS(const struct row *row, const char *value, const char *folder, void *field,
                                  struct fault *f)
{
    (void)folder;
    return value_ports(value, row->min, row->max, field, f);
}

static enum fault_code read_LISTEN(const struct row *row, const char *value, const char *folder, void *field,
                                   struct fault *f)
{
    (void)row;
    (void)folder;
    return value_listen(value, field, f);
}

static enum fault_code read_TEXT(const struct row *row, const char *value, const char *folder, void *field,
                                 struct fault *f)
{
    (void)row;
    (void)folder;
    memset(field, 0, sizeof(settings_kind_TEXT)); /* equal texts are equal bytes: settings_equal */
    if (!mem_copy_text(field, sizeof(settings_kind_TEXT), value))
        return fault_set(f, FAULT_INPUT, "the value is too long; write at most %zu bytes",
                         sizeof(settings_kind_TEXT) - 1);
    return FAULT_OK;
}

static enum fault_code read_PATH(const struct row *row, const char *value, const char *folder, void *field,
                                 struct fault *f)
{
    (void)row;
    settings_kind_PATH path;
    bool bare = folder == NULL || value[0] == '/' || value[0] == '\0';
    int n = snprintf(path, sizeof path, "%s%s%s", bare ? "" : folder, bare ? "" : "/", value);
    if (n < 0 || (size_t)n >= sizeof path)
        return fault_set(f, FAULT_INPUT, "the path is too long; use one of at most %zu bytes",
                         sizeof path - 1);
    memset(field, 0, sizeof path);
    memcpy(field, path, (size_t)n);
    return FAULT_OK;
}

static enum fault_code read_KEY(const struct row *row, const char *value, const char *folder, void *field,
                                struct fault *f)
{
    return read_PATH(row, value, token_is_uri(value) ? NULL : folder, field, f);
}

static enum fault_code read_MASTER(const struct row *row, const char *value, const char *folder, void *field,
                                   struct fault *f)
{
    return read_PATH(row, value, seal_source_is_named(value) ? NULL : folder, field, f);
}

static enum fault_code read_FACTORS(const struct row *row, const char *value, const char *folder, void *field,
                                    struct fault *f)
{
    static const char *const words[] = { [FACTORS_PASSWORD] = "password",
                                         [FACTORS_CERTIFICATE] = "certificate",
                                         [FACTORS_EITHER] = "either",
                                         [FACTORS_BOTH] = "both",
                                         NULL };
    (void)row;
    (void)folder;
    int index;
    enum fault_code code = value_word(value, words, &index, f);
    if (code == FAULT_OK)
        *(enum settings_factors *)field = (enum settings_factors)index;
    return code;
}

static enum fault_code read_BINDING(const struct row *row, const char *value, const char *folder, void *field,
                                    struct fault *f)
{
    static const char *const words[] = {
        [BINDING_REQUIRE] = "require", [BINDING_PREFER] = "prefer", [BINDING_ADDRESS] = "address", NULL
    };
    (void)row;
    (void)folder;
    int index;
    enum fault_code code = value_word(value, words, &index, f);
    if (code == FAULT_OK)
        *(enum settings_binding *)field = (enum settings_binding)index;
    return code;
}

static enum fault_code read_VERSION(const struct row *row, const char *value, const char *folder, void *field,
                                    struct fault *f)
{
    static const char *const all[] = { "1.0", "1.1", "1.2", "1.3", NULL };
    const char *words[ARRAY_LENGTH(all)] = { NULL };
    (void)folder;
    for (int64_t i = row->min; i <= row->max; i++)
        words[i - row->min] = all[i - 10];
    int index;
    enum fault_code code = value_word(value, words, &index, f);
    if (code == FAULT_OK)
        *(int64_t *)field = row->min + index;
    return code;
}

static enum fault_code read_LEVEL(const struct row *row, const char *value, const char *folder, void *field,
                                  struct fault *f)
{
    static const char *const words[] = {
        [LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
        [LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",     NULL
    };
    (void)row;
    (void)folder;
    int index;
    enum fault_code code = value_word(value, words, &index, f);
    if (code == FAULT_OK)
        *(enum log_level *)field = (enum log_level)index;
    return code;
}

static enum fault_code unknown_name(const char *name, struct fault *f)
{
    const struct row *nearest = NULL;
    int distance = 4;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        int d = value_unlike(name, rows[i].name);
        if (d < distance) {
            distance = d;
            nearest = &rows[i];
        }
    }
    if (nearest != NULL)
        return fault_set(f, FAULT_INPUT, "there is no setting '%.40s'; did you mean %s?", name,
                         nearest->name);
    return fault_set(f, FAULT_INPUT, "there is no setting '%.40s'; 'cradled --list-settings' shows all",
                     name);
}

/* Takes one "name = value" (modified) into the settings; *ret_row is set as soon as the name is known. */
static enum fault_code take_pair(struct settings *s, char *pair, const char *folder, size_t *ret_row,
                                 struct fault *f)
{
    char *equals = strchr(pair, '=');
    if (equals == NULL)
        return fault_set(f, FAULT_INPUT, "'%.40s' has no '='; write name = value", value_trim(pair));
    *equals = '\0';
    const char *name = value_trim(pair), *value = value_trim(equals + 1);
    size_t i = 0;
    while (i < ROW_COUNT && strcmp(rows[i].name, name) != 0)
        i++;
    if (i == ROW_COUNT)
        return unknown_name(name, f);
    *ret_row = i;
    for (const char *at = value; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return fault_set(f, FAULT_INPUT, "%s: the value has a control character in it; remove it", name);
    }
    enum fault_code code = FAULT_OK;
    if (strlen(value) >= VALUE_MAX)
        code = fault_set(f, FAULT_INPUT, "the value is too long; write less than %d bytes", VALUE_MAX);
    if (code == FAULT_OK)
        code = rows[i].read(&rows[i], value, folder, (char *)s + rows[i].offset, f);
    return code == FAULT_OK ? code : fault_prefix(f, "%s", name);
}

/* Takes one line of the file. */
static enum fault_code take_line(struct settings *s, char *line, size_t n, int number, const char *folder,
                                 struct origin *origin, struct fault *f)
{
    if (strlen(line) != n)
        return fault_set(f, FAULT_INPUT, "a NUL is in this line; save the file as plain UTF-8 text");
    char *text = value_trim(line);
    if (number == 1 &&
        strncmp(text, "\xef\xbb\xbf", 3) == 0) /* the mark that some editors begin a file with */
        text = value_trim(text + 3);
    if (text[0] == '\0' || text[0] == '#')
        return FAULT_OK;
    size_t row = ROW_COUNT;
    enum fault_code code = take_pair(s, text, folder, &row, f);
    if (code != FAULT_OK)
        return code;
    if (origin->line[row] != 0)
        return fault_set(f, FAULT_INPUT, "%s is set already in line %d; remove one of them", rows[row].name,
                         origin->line[row]);
    origin->line[row] = number;
    return FAULT_OK;
}

/* The end of a long file name, so that a message keeps room for what to do. */
static const char *short_name(const char *file)
{
    size_t n = strlen(file);
    return n > 60 ? file + n - 60 : file;
}

/* The absolute folder of a file; of the process when file is NULL. Given. NULL: it is gone or out of memory.
 */
static char *folder_of(const char *file)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    int n = slash != NULL ? (int)(slash - file) : 0;
    char *folder = NULL;
    if (slash != NULL && file[0] == '/')
        return asprintf(&folder, "%.*s", n, file) < 0 ? NULL : folder;
    AUTO_FREE char *here = getcwd(NULL, 0);
    if (here == NULL)
        return NULL;
    return asprintf(&folder, "%s%s%.*s", strcmp(here, "/") == 0 ? "" : here, slash != NULL ? "/" : "", n,
                    slash != NULL ? file : "") < 0
               ? NULL
               : folder;
}

static enum fault_code take_file(struct settings *s, const char *file, struct origin *origin, struct fault *f)
{
    FILE *in = fopen(file, "re");
    if (in == NULL && (errno == ENOENT || errno == ENOTDIR))
        return fault_set(f, FAULT_ABSENT,
                         "%s: no such file; 'cradled --list-settings' prints one to begin with",
                         origin->file);
    if (in == NULL)
        return fault_set(f, FAULT_IO, "%s: cannot be read: %s", origin->file, strerror(errno));
    AUTO_FREE char *folder = folder_of(file);
    AUTO_FREE char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int number = 0;
    enum fault_code code = FAULT_OK;
    if (folder == NULL)
        code = fault_set(f, FAULT_IO, "%s: its folder is not known: %s", origin->file, strerror(errno));
    while (code == FAULT_OK && (n = getline(&line, &room, in)) >= 0) {
        code = take_line(s, line, (size_t)n, ++number, folder, origin, f);
        if (code != FAULT_OK)
            fault_prefix(f, "%s:%d", origin->file, number);
    }
    if (code == FAULT_OK && ferror(in))
        code = fault_set(f, FAULT_IO, "%s: cannot be read: %s", origin->file, strerror(errno));
    fclose(in);
    return code;
}

static enum fault_code take_overrides(struct settings *s, const char *const *overrides, size_t n,
                                      struct origin *origin, struct fault *f)
{
    AUTO_FREE char *folder = folder_of(NULL);
    if (folder == NULL)
        return fault_set(f, FAULT_IO, "the working folder is not known: %s", strerror(errno));
    for (size_t i = 0; i < n; i++) {
        AUTO_FREE char *pair = strdup(overrides[i]);
        if (pair == NULL)
            return fault_set(f, FAULT_MEMORY, "out of memory");
        size_t row = ROW_COUNT;
        enum fault_code code = take_pair(s, pair, folder, &row, f);
        if (code != FAULT_OK)
            return fault_prefix(f, "command line");
        origin->line[row] = 0;
    }
    return FAULT_OK;
}

/* An error about the value of one row, after "file:line: name: ". */
static enum fault_code blame(const struct origin *origin, size_t row, const char *words, struct fault *f)
{
    fault_set(f, FAULT_INPUT, "%s: %s", rows[row].name, words);
    if (origin->line[row] > 0)
        fault_prefix(f, "%s:%d", origin->file, origin->line[row]);
    else if (origin->file[0] != '\0')
        fault_prefix(f, "%s", origin->file);
    return FAULT_INPUT;
}

/* Spells the list in lower case without blanks, as its readers compare it. False when it has another shape.
 */
static bool tidy_prefixes(char *list)
{
    char copy[sizeof(settings_kind_TEXT)], *rest = copy, *item, *out = list;
    mem_copy_text(copy, sizeof copy, list);
    while (list[0] != '\0' && (item = value_item(&rest)) != NULL) {
        size_t n = strlen(item);
        if (n < 6 || n > 12 || strspn(item, "0123456789abcdefABCDEF") != n)
            return false;
        if (out != list)
            *out++ = ',';
        for (size_t i = 0; i < n; i++)
            *out++ = item[i] >= 'A' && item[i] <= 'F' ? (char)(item[i] - 'A' + 'a') : item[i];
    }
    *out = '\0';
    return true;
}

static bool same_listener(const struct settings_listen *a, const struct settings_listen *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = a == b ? i + 1 : 0; k < b->count; k++) {
            if (a->at[i].port != 0 && a->at[i].port == b->at[k].port &&
                strcmp(a->at[i].host, b->at[k].host) == 0)
                return true;
        }
    }
    return false;
}

static enum fault_code check_listeners(const struct settings *s, const struct origin *origin, struct fault *f)
{
    static const size_t listeners[] = { ROW_https_listen,        ROW_ftps_listen,
                                        ROW_management_listen,   ROW_management_ftps_listen,
                                        ROW_legacy_https_listen, ROW_legacy_ftps_listen };
    if (s->https_listen.count == 0 && s->ftps_listen.count == 0)
        return blame(origin, ROW_https_listen,
                     "it and ftps_listen are both empty; give one of them an address", f);
    if (s->management_ftps_listen.count > 0 && s->management_listen.count == 0)
        return blame(origin, ROW_management_ftps_listen, "has no effect alone; set management_listen too", f);
    for (size_t i = 0; i < ARRAY_LENGTH(listeners); i++) {
        for (size_t k = 0; k <= i; k++) {
            const void *a = (const char *)s + rows[listeners[i]].offset;
            const void *b = (const char *)s + rows[listeners[k]].offset;
            if (same_listener(a, b))
                return blame(origin, listeners[i], "an address and port is taken twice; choose another port",
                             f);
        }
    }
    return FAULT_OK;
}

/* What only several settings together show, and the shapes of texts. */
static enum fault_code check_all(struct settings *s, const struct origin *origin, struct fault *f)
{
    unsigned char binary[sizeof(struct in_addr)];
    if (s->state[0] == '\0')
        return blame(origin, ROW_state, "is empty; name a folder", f);
    if ((s->certificate[0] == '\0') != (s->certificate_key[0] == '\0'))
        return blame(origin, s->certificate[0] == '\0' ? ROW_certificate_key : ROW_certificate,
                     "certificate and certificate_key belong together; set both or none", f);
    if ((s->certificate2[0] == '\0') != (s->certificate2_key[0] == '\0'))
        return blame(origin, s->certificate2[0] == '\0' ? ROW_certificate2_key : ROW_certificate2,
                     "certificate2 and certificate2_key belong together; set both or none", f);
    if (s->certificate2[0] != '\0' && s->certificate[0] == '\0')
        return blame(origin, ROW_certificate2,
                     "there is no first certificate; use certificate for the only one", f);
    if (s->passive_address[0] != '\0' && inet_pton(AF_INET, s->passive_address, binary) != 1)
        return blame(origin, ROW_passive_address, "is no IPv4 address; write one in digits, or nothing", f);
    if (!tidy_prefixes(s->unclean_close))
        return blame(origin, ROW_unclean_close,
                     "write MAC prefixes of 6 to 12 hex digits, separated by commas", f);
    return check_listeners(s, origin, f);
}

static enum fault_code fill(struct settings *s, const char *file, const char *const *overrides,
                            size_t n_overrides, struct fault *f)
{
    struct origin origin = { .file = file != NULL ? short_name(file) : "" };
    enum fault_code code;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        code = rows[i].read(&rows[i], rows[i].default_value, "", (char *)s + rows[i].offset, f);
        if (code != FAULT_OK)
            return fault_prefix(f, "the default of %s", rows[i].name);
    }
    code = file != NULL ? take_file(s, file, &origin, f) : FAULT_OK;
    if (code == FAULT_OK)
        code = take_overrides(s, overrides, n_overrides, &origin, f);
    if (code == FAULT_OK)
        code = check_all(s, &origin, f);
    if (code != FAULT_OK || s->master_key[0] != '\0')
        return code;
    int n = snprintf(s->master_key, sizeof s->master_key, "%s/master.key", s->state);
    if (n < 0 || (size_t)n >= sizeof s->master_key)
        return blame(&origin, ROW_state, "the path is too long; use a shorter one", f);
    return FAULT_OK;
}

enum fault_code settings_load(const char *file, const char *const *overrides, size_t n_overrides,
                              struct settings **ret_settings, struct fault *f)
{
    struct fault local;
    struct settings *s = calloc(1, sizeof *s);
    if (s == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = fill(s, file, overrides, n_overrides, f != NULL ? f : &local);
    if (code == FAULT_OK)
        *ret_settings = s;
    else
        settings_free(s);
    return code;
}

void settings_free(struct settings *settings)
{
    mem_wipe_free(settings, sizeof *settings); /* a KEY may hold a PIN */
}

bool settings_equal(const struct settings *a, const struct settings *b)
{
    /* Both were zeroed before they were filled, padding and what is behind a text included. */
    return memcmp(a, b, sizeof *a) == 0;
}

size_t settings_keep_started(struct settings *fresh, const struct settings *running, const char **ret_names,
                             size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        void *own = (char *)fresh + rows[i].offset;
        const void *kept = (const char *)running + rows[i].offset;
        if (rows[i].when != WHEN_START || memcmp(own, kept, rows[i].size) == 0)
            continue;
        memcpy(own, kept, rows[i].size);
        if (count < max)
            ret_names[count] = rows[i].name;
        count++;
    }
    return count;
}

size_t settings_files(const struct settings *settings, const char **ret_files, size_t max)
{
    size_t count = 0;
    for (size_t i = 0; i < ROW_COUNT && count < max; i++) {
        const char *file = (const char *)settings + rows[i].offset;
        bool is_file = rows[i].read == read_PATH || (rows[i].read == read_KEY && !token_is_uri(file));
        if (rows[i].when == WHEN_RELOAD && is_file && file[0] != '\0')
            ret_files[count++] = file;
    }
    return count;
}

void settings_print(FILE *out)
{
    fputs("# Settings of cradled. A line is name = value; what is commented out shows the default.\n"
          "# Sizes take K, M or G; times take ms, s, m, h or d and mean seconds without a unit.\n"
          "# Relative paths start from the folder of this file. A changed file takes effect at a reload "
          "(SIGHUP, or\n"
          "# watch_interval), but for what needs a restart.\n",
          out);
    for (size_t i = 0; i < ROW_COUNT; i++)
        fprintf(out, "\n# %s%s\n#%s =%s%s\n", rows[i].help,
                rows[i].when == WHEN_START ? " (needs a restart)" : "", rows[i].name,
                rows[i].default_value[0] != '\0' ? " " : "", rows[i].default_value);
}
