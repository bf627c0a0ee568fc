/* SPDX-License-Identifier: Apache-2.0 */
/* What a handset asks for at a boot, as tables: one row a file, in the order of the traced handsets. A row's
 * name is a template over the handset's own values. What CONFIG_FILES of the master names is not in a table:
 * it follows the master. No socket; any thread. */
#ifndef CRADLE_TRACE_H
#define CRADLE_TRACE_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>

#define TRACE_NAME_LIMIT 1023

enum trace_protocol { TRACE_HTTPS, TRACE_FTPS };

enum trace_verb {
    TRACE_GET,     /* GET, RETR */
    TRACE_SIZE,    /* HEAD, SIZE */
    TRACE_REPLACE, /* PUT, STOR */
    TRACE_APPEND,  /* APPE; over HTTPS there is none */
    TRACE_QUIT,    /* QUIT */
};

enum trace_rule {
    TRACE_MASTER,   /* must be there, or the default master must */
    TRACE_DEFAULT,  /* the default master: asked for only when the handset has none of its own */
    TRACE_REQUIRED, /* a file that the master names */
    TRACE_OPTIONAL, /* absence is the normal case */
    TRACE_FIRMWARE, /* only its first bytes are read; played on demand */
    TRACE_LOG,      /* what is sent, or the size of what was sent */
    TRACE_END,
};

/* In which folder the master puts a file; the root until a master was read. */
enum trace_folder {
    TRACE_ROOT,
    TRACE_SOFTWARE,
    TRACE_LOGS,
    TRACE_OVERRIDES,
    TRACE_CONTACTS,
    TRACE_CALLS,
    TRACE_LICENSES,
    TRACE_FOLDERS
};

struct trace_step {
    enum trace_verb verb;
    enum trace_rule rule;
    enum trace_folder folder;
    const char *name;
};

struct trace {
    const char *name;
    enum trace_protocol protocol;
    const char *summary;
    const struct trace_step *steps;
    size_t count;
};

/* What stands for a variable in a name. */
struct trace_values {
    const char *mac, *part, *model, *app_file;
};

/* Every trace; *ret_count of them. */
const struct trace *trace_list(size_t *ret_count);
/* NULL for an unknown name. */
const struct trace *trace_find(const char *name);
/* "GET", "APPE": the word that the protocol has for it. */
const char *trace_word(enum trace_protocol protocol, enum trace_verb verb);

/* Fills the variables of a name in ([MAC], [PHONE_MAC_ADDRESS] …); an unknown one stays as it is. False when
 * the result does not fit in `size` bytes. */
bool trace_expand(const char *name, const struct trace_values *values, char *out, size_t size);
/* The path, relative to the root, of a name in a folder; slashes at either end of a folder don't count. */
bool trace_place(const char *folder, const char *name, char *out, size_t size);

#endif
