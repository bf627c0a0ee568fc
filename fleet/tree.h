/* SPDX-License-Identifier: Apache-2.0 */
/* The name space that a client sees: one tree over shared files, handsets' own layers and logs; the same for
 * both protocols.
 *
 *   handset         /PATH              its own layer, then the shared one; *.log of its own: the newest
 * generation of that log administrator   /PATH              shared; a path with a registered handset's MAC
 * prefix: that handset's layer or log
 *                   /@handset/MAC/PATH that handset's layer;   /@log/MAC/PATH[@N]  logs (reading only)
 *   operator        /@log/…            logs only
 *
 * Folders are only names: one exists while something is in it, and any well-formed one can be entered. Every
 * function judges `who` by grant.c first; a handset gets FAULT_ABSENT for what is absent and for what is
 * another's, alike. FAULT_ABSENT is proven absence; anything else that stops a read is FAULT_BUSY,
 * FAULT_DAMAGED, FAULT_IO or FAULT_MEMORY, and after one of these on a handset's own file its reads of
 * `000000000000*` are FAULT_BUSY for 60 s (hostile input: a phone that falls back loses its registration).
 * Floor 2; blocking (worker). */
#ifndef CRADLE_TREE_H
#define CRADLE_TREE_H

#include "base/fault.h"
#include "base/path.h"
#include "fleet/fleet.h"
#include "fleet/principal.h"
#include "fleet/upload.h"
#include <stdint.h>
#include <time.h>

struct tree_entry {
    bool folder;
    char name[PATH_COMPONENT_LIMIT + 24]; /* last component; "app.log@3" for a closed generation */
    int64_t size;                         /* bytes; 0 for folders */
    int64_t modified;                     /* Unix ms; for a folder the newest below it */
    char etag[80];                        /* strong, with its quotes; "" for folders */
    int64_t repeats;                      /* log generations: resends recognised in it */
};
struct tree_list {
    size_t count;
    struct tree_entry *entry; /* sorted by name (bytes) */
};
void tree_list_free(struct tree_list *list); /* the entries, not the struct */

/* May `who` enter this folder? By shape alone, no look-up (CWD). FAULT_FORBIDDEN for a handset and a foreign
 * MAC. */
enum fault_code tree_enter(const struct principal *who, const struct path *path, struct fault *f);
enum fault_code tree_stat(struct fleet *fleet, const struct principal *who, const struct path *path,
                          struct tree_entry *ret_entry, struct fault *f);
/* What is directly in a folder. A well-formed folder with nothing in it gives an empty list; a file's path
 * FAULT_ABSENT. */
enum fault_code tree_list(struct fleet *fleet, const struct principal *who, const struct path *path,
                          struct tree_list *ret_list, struct fault *f);

struct tree_open {
    int64_t version; /* administrators: a former version of a file; 0: the current one */
    bool rescue; /* logs, for administrators and operators: a line in the place of each segment that does not
                    open */
    bool all;    /* logs: every generation, one after the other, oldest first */
    bool hot;    /* a file that lies in memory as a whole, or else FAULT_OK and no reader; this does not block
                    beyond looking names up */
};
/* Opens for reading. *ret_reader is given (reader_free). options may be NULL. */
struct reader;
enum fault_code tree_open(struct fleet *fleet, const struct principal *who, const struct path *path,
                          const struct tree_open *options, struct reader **ret_reader,
                          struct tree_entry *ret_entry, struct fault *f);

/* Begins an upload (upload.h). Decides everything that can be decided before the body: grant, shape, size,
 * quota, preconditions, whether the MAC is registered (FAULT_CONTENT naming the nearest). *ret_upload is
 * given. */
enum fault_code tree_put(struct fleet *fleet, const struct principal *who, const struct path *path,
                         const struct upload_options *options, struct upload **ret_upload, struct fault *f);

/* Administrators: removes a file, keeping it as a former version. Handsets, their own log: ends its newest
 * generation, destroys nothing. if_match, if_none_match: the headers' texts or NULL. */
enum fault_code tree_remove(struct fleet *fleet, const struct principal *who, const struct path *path,
                            const char *if_match, const char *if_none_match, struct fault *f);

/* Former versions of a file, newest first (administrators). The current one is not among them. */
struct tree_version {
    int64_t version, size, modified, replaced; /* replaced: when it ceased to be the current one */
    char author[ACCOUNT_NAME_LIMIT + 1], replaced_by[ACCOUNT_NAME_LIMIT + 1];
    bool unchecked;
};
enum fault_code tree_versions(struct fleet *fleet, const struct principal *who, const struct path *path,
                              struct tree_version **ret_versions, size_t *ret_count, struct fault *f);

/* Evaluates If-Match / If-None-Match (RFC 9110, 13.1) for a change: FAULT_PRECONDITION. etag NULL or "": the
 * target does not exist. Either header may be NULL. Pure. */
enum fault_code tree_precondition(const char *etag, const char *if_match, const char *if_none_match,
                                  struct fault *f);
/* Does a list of entity tags (or "*") contain etag? `weak`: by weak comparison. Pure. */
bool tree_etag_matches(const char *list, const char *etag, bool weak);

#endif
