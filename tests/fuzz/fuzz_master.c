/* SPDX-License-Identifier: Apache-2.0 */
/* What the simulator takes from a master file is what an XML parser finds in its attributes, within a
 * handset's limits. */
#include "cli/master.h"
#include "tests/fuzz/fuzz.h"

#include <expat.h>

struct found {
    char list[8192], app[8192], logs[8192];
};

/* What is not ASCII reads as '?', and blanks as one blank: the scanner of master.c does not tell them apart.
 */
static void keep(char out[8192], const char *value)
{
    size_t n = 0;
    for (; *value != '\0' && n < 8191; value++) {
        unsigned char c = (unsigned char)*value;
        if ((c & 0xc0) == 0x80)
            continue;
        char one = c >= 0x80 ? '?' : c == '\n' || c == '\r' || c == '\t' ? ' ' : (char)c;
        if (one != ' ' || n == 0 || out[n - 1] != ' ')
            out[n++] = one;
    }
    out[n] = '\0';
}

static void XMLCALL on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct found *found = user;
    (void)name;
    for (; *attributes != NULL; attributes += 2) {
        if (strcmp(attributes[0], "CONFIG_FILES") == 0)
            keep(found->list, attributes[1]);
        else if (strcmp(attributes[0], "APP_FILE_PATH") == 0)
            keep(found->app, attributes[1]);
        else if (strcmp(attributes[0], "LOG_FILE_DIRECTORY") == 0)
            keep(found->logs, attributes[1]);
    }
}

/* Can the two be compared? The scanner reads ASCII, and numbers of references of ordinary length. */
static bool is_plain(const char *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (data[i] == '\0' || (uint8_t)data[i] >= 0x80)
            return false;
    return memmem(data, n, "encoding", 8) == NULL && memmem(data, n, "&#0", 3) == NULL &&
           memmem(data, n, "&#x0", 4) == NULL;
}

static void check_found(const char *data, size_t n, const struct master *m)
{
    static struct found found;
    static char mine[8192];
    memset(&found, 0, sizeof found);
    XML_Parser parser = XML_ParserCreate(NULL);
    HOLDS(parser != NULL);
    XML_SetUserData(parser, &found);
    XML_SetStartElementHandler(parser, on_start);
    HOLDS(XML_Parse(parser, data, (int)n, 1) == XML_STATUS_OK);
    XML_ParserFree(parser);
    keep(mine, m->folders[TRACE_LOGS]);
    HOLDS(strcmp(mine, found.logs) == 0);
    keep(mine, m->app_file);
    const char *slash = strrchr(found.app, '/');
    HOLDS(strcmp(mine, strstr(found.app, "://") != NULL ? "" : slash != NULL ? slash + 1 : found.app) == 0);
    char *rest = found.list, *item;
    size_t i = 0;
    while ((item = strsep(&rest, ",")) != NULL) {
        item += strspn(item, " ");
        size_t used = strlen(item);
        if (used > 0 && item[used - 1] == ' ')
            item[used - 1] = '\0';
        if (item[0] == '\0')
            continue;
        HOLDS(i < m->count);
        keep(mine, m->files[i++]);
        HOLDS(strcmp(mine, item) == 0);
    }
    HOLDS(i == m->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct master m;
    char *text = fuzz_copy(data, size);
    struct fault f = { FAULT_OK, "" };
    if (master_parse(text, size, &m, &f) != FAULT_OK) {
        HOLDS(f.code == FAULT_CONTENT && f.text[0] != '\0');
    } else {
        HOLDS(m.count <= MASTER_FILES && strlen(m.app_file) <= MASTER_ENTRY_LIMIT &&
              strchr(m.app_file, '/') == NULL);
        for (size_t i = 0; i < m.count; i++) {
            size_t n = strlen(m.files[i]);
            HOLDS(n > 0 && n <= MASTER_ENTRY_LIMIT && strchr(m.files[i], ',') == NULL);
            HOLDS(m.files[i][0] != ' ' && m.files[i][n - 1] != ' ');
            HOLDS(m.files[i] >= m.list && m.files[i] + n < m.list + sizeof m.list);
        }
        if (is_plain(text, size))
            check_found(text, size, &m);
    }
    free(text);
    return 0;
}
