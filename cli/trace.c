/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trace.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

/* UCS 5.9 over HTTP. */
static const struct trace_step http59[] = {
    /* verb          rule            folder           name */
    { TRACE_REPLACE, TRACE_LOG, TRACE_LOGS, "[MAC]-boot.log" },
    { TRACE_GET, TRACE_MASTER, TRACE_ROOT, "[MAC].cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_SOFTWARE, "[PART].[APP_FILE]" },
    { TRACE_GET, TRACE_FIRMWARE, TRACE_SOFTWARE, "[APP_FILE]" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_OVERRIDES, "[MAC]-phone.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_OVERRIDES, "[MAC]-web.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_LICENSES, "000000000000-license.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_LICENSES, "[MAC]-license.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_CALLS, "[MAC]-calls.xml" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_CONTACTS, "[MAC]-directory.xml" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_CONTACTS, "000000000000-directory.xml" },
    { TRACE_SIZE, TRACE_LOG, TRACE_LOGS, "[MAC]-app.log" },
};

/* UCS 4.0 over HTTPS. */
static const struct trace_step https40[] = {
    { TRACE_GET, TRACE_MASTER, TRACE_ROOT, "[MAC].cfg" },
    { TRACE_GET, TRACE_FIRMWARE, TRACE_SOFTWARE, "[APP_FILE]" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_OVERRIDES, "[MAC]-phone.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_OVERRIDES, "[MAC]-web.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_LICENSES, "[MAC]-license.cfg" },
    { TRACE_REPLACE, TRACE_LOG, TRACE_LOGS, "[MAC]-app.log" },
};

/* The same boot over FTPS, where logs are appended. */
static const struct trace_step ftps[] = {
    { TRACE_APPEND, TRACE_LOG, TRACE_LOGS, "[MAC]-boot.log" },
    { TRACE_GET, TRACE_MASTER, TRACE_ROOT, "[MAC].cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_SOFTWARE, "[PART].[APP_FILE]" },
    { TRACE_GET, TRACE_FIRMWARE, TRACE_SOFTWARE, "[APP_FILE]" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_OVERRIDES, "[MAC]-phone.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_OVERRIDES, "[MAC]-web.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_LICENSES, "000000000000-license.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_LICENSES, "[MAC]-license.cfg" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_CALLS, "[MAC]-calls.xml" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_CONTACTS, "[MAC]-directory.xml" },
    { TRACE_GET, TRACE_OPTIONAL, TRACE_CONTACTS, "000000000000-directory.xml" },
    { TRACE_SIZE, TRACE_LOG, TRACE_LOGS, "[MAC]-app.log" },
    { TRACE_APPEND, TRACE_LOG, TRACE_LOGS, "[MAC]-app.log" },
    { TRACE_QUIT, TRACE_END, TRACE_ROOT, "" },
};

static const struct trace traces[] = {
    { "http59", TRACE_HTTPS, "as UCS 5.9 boots: its boot log put, all its files, its log's size", http59,
      ARRAY_LENGTH(http59) },
    { "https40", TRACE_HTTPS, "as UCS 4.0 boots: its files, then its log put", https40,
      ARRAY_LENGTH(https40) },
    { "ftps", TRACE_FTPS, "its files over FTPS, its logs appended", ftps, ARRAY_LENGTH(ftps) },
};

const struct trace *trace_list(size_t *ret_count)
{
    *ret_count = ARRAY_LENGTH(traces);
    return traces;
}

const struct trace *trace_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LENGTH(traces); i++)
        if (strcmp(traces[i].name, name) == 0)
            return &traces[i];
    return NULL;
}

const char *trace_word(enum trace_protocol protocol, enum trace_verb verb)
{
    static const char *const words[][2] = {
        [TRACE_GET] = { "GET", "RETR" },     [TRACE_SIZE] = { "HEAD", "SIZE" },
        [TRACE_REPLACE] = { "PUT", "STOR" }, [TRACE_APPEND] = { "APPE", "APPE" },
        [TRACE_QUIT] = { "QUIT", "QUIT" },
    };
    return words[verb][protocol == TRACE_FTPS];
}

static const char *value_of(const char *variable, size_t n, const struct trace_values *values)
{
    const struct {
        const char *name, *value;
    } variables[] = {
        { "MAC", values->mac },
        { "PHONE_MAC_ADDRESS", values->mac },
        { "MACADDRESS", values->mac },
        { "PART", values->part },
        { "PHONE_PART_NUMBER", values->part },
        { "PHONE_MODEL", values->model },
        { "APP_FILE", values->app_file },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
        if (strlen(variables[i].name) == n && memcmp(variables[i].name, variable, n) == 0)
            return variables[i].value;
    return NULL;
}

bool trace_expand(const char *name, const struct trace_values *values, char *out, size_t size)
{
    size_t used = 0;
    if (size == 0)
        return false;
    while (*name != '\0') {
        const char *piece = name;
        size_t n = 1, taken = 1;
        const char *end = *name == '[' ? strchr(name, ']') : NULL;
        const char *value = end != NULL ? value_of(name + 1, (size_t)(end - name) - 1, values) : NULL;
        if (value != NULL) {
            piece = value;
            n = strlen(value);
            taken = (size_t)(end - name) + 1;
        }
        if (n >= size - used)
            return false;
        memcpy(out + used, piece, n);
        used += n;
        name += taken;
    }
    out[used] = '\0';
    return true;
}

bool trace_place(const char *folder, const char *name, char *out, size_t size)
{
    while (*folder == '/')
        folder++;
    while (*name == '/')
        name++;
    size_t n = strlen(folder);
    while (n > 0 && folder[n - 1] == '/')
        n--;
    int length = snprintf(out, size, "%.*s%s%s", (int)n, folder, n > 0 ? "/" : "", name);
    return length >= 0 && (size_t)length < size;
}
