/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong, or worth saying, about certificates: a list of findings, each with a stable word, a
 * severity, plain words, the place, and what to do (table: finding.def). Not how anything is found: check.h,
 * slot.h. Floor 1; a list belongs to one thread. */
#ifndef CRADLE_FINDING_H
#define CRADLE_FINDING_H

#include "base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum finding_severity { FINDING_INFO, FINDING_WARNING, FINDING_FATAL };

enum finding_id {
#define X(id, word, own, bundle, meaning, remedy) FINDING_##id,
#include "pki/finding.def"
#undef X
    FINDING_ID_COUNT
};

struct finding {
    enum finding_id id;
    enum finding_severity severity;
    char source[200];     /* file name, or whence it was sent */
    unsigned certificate; /* its place in the source from 1; 0: the source as a whole */
    char subject[160];    /* of that certificate; "" with certificate 0 */
    char text[200];       /* what is special about this one; may be "" */
};

/* At most FINDINGS_MAX are kept, then one that says so; `worst` counts them all. Texts are safe for a
 * terminal and valid UTF-8, whatever the certificates held. All zero: an empty list. */
#define FINDINGS_MAX 1000
struct findings {
    struct finding *list;
    size_t count, room;
    enum finding_severity worst; /* FINDING_INFO while there is none */
    bool memory_failed;          /* one could not be kept */
};

/* Where something was found. Texts borrowed. */
struct finding_place {
    const char *source;
    unsigned certificate;
    const char *subject; /* NULL with certificate 0 */
    bool bundle;         /* a CA that is trusted, not a chain that is presented: the other severity */
};

/* The format may be NULL: nothing beyond the table's words. */
void finding_add(struct findings *findings, enum finding_id id, const struct finding_place *place,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));
bool finding_has(const struct findings *findings, enum finding_id id);
/* The first one of the worst severity; NULL in an empty list. */
const struct finding *finding_worst(const struct findings *findings);
void findings_fini(struct findings *findings);

const char *finding_word(enum finding_id id);
const char *finding_meaning(enum finding_id id);
const char *finding_remedy(enum finding_id id);
const char *finding_severity_word(enum finding_severity severity); /* "info", "warning", "fatal" */
enum finding_severity finding_severity_of(enum finding_id id, bool bundle);

/* Text as it may be shown: what a terminal would obey as \xHH, cut with "…" where it does not fit. NULL: "".
 */
void finding_clean(char *out, size_t size, const char *text);
/* Three lines for a person: severity and word with the place, what is wrong, what to do. */
void finding_print(FILE *out, const struct finding *finding);
/* What is wrong and what to do, for one line of text, as far as there is room: "FILE: words: text; remedy",
 * the file without its folder. */
void finding_words(const struct finding *finding, char *out, size_t size);

#endif
