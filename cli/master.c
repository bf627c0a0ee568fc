/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/master.h"
#include "base/mem.h"
#include "base/xml.h"
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *at, *end;
};

static bool at_text(const struct scan *s, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(s->end - s->at) >= n && memcmp(s->at, text, n) == 0;
}

/* Moves from `open`, if that is here, to behind the next `close` after it, or to the end. */
static bool skip(struct scan *s, const char *open, const char *close)
{
    if (!at_text(s, open))
        return false;
    s->at += strlen(open);
    size_t n = strlen(close);
    const char *found = memmem(s->at, (size_t)(s->end - s->at), close, n);
    s->at = found != NULL ? found + n : s->end;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The character that the reference at s->at stands for (XML 1.0, 4.1 and 4.6), and moves behind it. What is
 * not ASCII never occurs in a file's name here and becomes '?'. */
static char reference(struct scan *s)
{
    static const struct {
        const char *text;
        char character;
    } named[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' }, { "&apos;", '\'' } };
    for (size_t i = 0; i < ARRAY_LENGTH(named); i++) {
        if (at_text(s, named[i].text)) {
            s->at += strlen(named[i].text);
            return named[i].character;
        }
    }
    char digits[8] = "";
    const char *end = memchr(s->at, ';', (size_t)(s->end - s->at));
    bool number = end != NULL && end - s->at > 2 && s->at[1] == '#';
    bool hex = number && s->at[2] == 'x';
    const char *from = s->at + (hex ? 3 : 2);
    long code = -1;
    if (number && from < end && mem_copy_bytes(digits, sizeof digits, from, (size_t)(end - from)))
        code = strtol(digits, NULL, hex ? 16 : 10);
    s->at = end != NULL ? end + 1 : s->end;
    return code > 0 && code < 128 ? (char)code : '?';
}

/* Reads `name="value"`; false at the tag's end. The value is decoded; what is longer than size - 1 sets
 * *ret_long. */
static bool next_attribute(struct scan *s, const char **ret_name, size_t *ret_n, char *value, size_t size,
                           bool *ret_long)
{
    while (s->at < s->end && (is_blank(*s->at) || *s->at == '/'))
        s->at++;
    const char *name = s->at;
    while (s->at < s->end && *s->at != '=' && *s->at != '>' && !is_blank(*s->at))
        s->at++;
    *ret_name = name;
    *ret_n = (size_t)(s->at - name);
    while (s->at < s->end && (is_blank(*s->at) || *s->at == '='))
        s->at++;
    if (*ret_n == 0 || s->at >= s->end || (*s->at != '"' && *s->at != '\''))
        return false;
    char quote = *s->at++;
    size_t used = 0;
    *ret_long = false;
    while (s->at < s->end && *s->at != quote) {
        char c = *s->at == '&' ? reference(s) : *s->at++;
        if (used + 1 < size)
            value[used++] = is_blank(c) ? ' ' : c;
        else
            *ret_long = true;
    }
    value[used] = '\0';
    if (s->at < s->end)
        s->at++;
    return true;
}

static const struct {
    const char *name;
    enum trace_folder folder;
} folder_names[] = {
    { "LOG_FILE_DIRECTORY", TRACE_LOGS },     { "OVERRIDES_DIRECTORY", TRACE_OVERRIDES },
    { "CONTACTS_DIRECTORY", TRACE_CONTACTS }, { "CALL_LISTS_DIRECTORY", TRACE_CALLS },
    { "LICENSE_DIRECTORY", TRACE_LICENSES },
};

/* Where the value of this attribute is kept, NULL for one that doesn't matter here. */
static char *keeper(struct master *m, const char *name, size_t n)
{
    if (n == strlen("APP_FILE_PATH") && memcmp(name, "APP_FILE_PATH", n) == 0)
        return m->app_file;
    for (size_t i = 0; i < ARRAY_LENGTH(folder_names); i++)
        if (strlen(folder_names[i].name) == n && memcmp(folder_names[i].name, name, n) == 0)
            return m->folders[folder_names[i].folder];
    return NULL;
}

static enum fault_code read_tag(struct scan *s, struct master *m, struct fault *f)
{
    while (s->at < s->end && !is_blank(*s->at) && *s->at != '>' && *s->at != '/')
        s->at++;
    const char *name;
    size_t n;
    char value[MASTER_LIST_LIMIT + 1];
    bool too_long;
    while (next_attribute(s, &name, &n, value, sizeof value, &too_long)) {
        bool list = n == strlen("CONFIG_FILES") && memcmp(name, "CONFIG_FILES", n) == 0;
        char *kept = list ? NULL : keeper(m, name, n);
        if (!list && kept == NULL)
            continue;
        if (list && !too_long)
            (void)mem_copy_text(m->list, sizeof m->list, value);
        else if (list || too_long || !mem_copy_text(kept, MASTER_ENTRY_LIMIT + 1, value))
            return fault_set(f, FAULT_CONTENT, "%.*s is longer than the %d characters that a handset reads",
                             (int)n, name, list ? MASTER_LIST_LIMIT : MASTER_ENTRY_LIMIT);
    }
    return FAULT_OK;
}

static enum fault_code split_list(struct master *m, struct fault *f)
{
    char *at = m->list;
    for (;;) {
        while (*at == ' ' || *at == ',')
            at++;
        if (*at == '\0')
            return FAULT_OK;
        char *end = at + strcspn(at, ",");
        bool last = *end == '\0';
        char *next = last ? end : end + 1;
        while (end > at && end[-1] == ' ')
            end--;
        *end = '\0';
        if (end - at > MASTER_ENTRY_LIMIT)
            return fault_set(f, FAULT_CONTENT,
                             "an entry of CONFIG_FILES is longer than the %d characters that a handset reads",
                             MASTER_ENTRY_LIMIT);
        if (m->count == MASTER_FILES)
            return fault_set(f, FAULT_CONTENT, "CONFIG_FILES names more than %d files", MASTER_FILES);
        m->files[m->count++] = at;
        at = next;
    }
}

/* Moves the folder of APP_FILE_PATH away from the name, to which a handset prepends its part number. */
static void split_app_file(struct master *m)
{
    char *slash = strrchr(m->app_file, '/');
    if (strstr(m->app_file, "://") != NULL) {
        m->app_file[0] = '\0';
    } else if (slash != NULL) {
        *slash = '\0';
        (void)mem_copy_text(m->folders[TRACE_SOFTWARE], sizeof m->folders[TRACE_SOFTWARE], m->app_file);
        memmove(m->app_file, slash + 1, strlen(slash + 1) + 1);
    }
}

static enum fault_code check_form(const char *data, size_t n, struct fault *f)
{
    struct xml_check *check = xml_check_new();
    if (check == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = xml_check_feed(check, data, n, f);
    if (code == FAULT_OK)
        code = xml_check_finish(check, f);
    xml_check_free(check);
    return code;
}

enum fault_code master_parse(const char *data, size_t n, struct master *ret_master, struct fault *f)
{
    enum fault_code code = check_form(data, n, f);
    if (code != FAULT_OK)
        return code;
    struct master *m = ret_master;
    memset(m, 0, sizeof *m);
    struct scan s = { data, data + n };
    while (code == FAULT_OK && s.at < s.end) {
        if (*s.at++ != '<')
            continue;
        if (!skip(&s, "!--", "-->") && !skip(&s, "![CDATA[", "]]>") && !skip(&s, "?", "?>") &&
            !skip(&s, "/", ">") && !skip(&s, "!", ">"))
            code = read_tag(&s, m, f);
    }
    split_app_file(m);
    return code == FAULT_OK ? split_list(m, f) : code;
}
