/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/pem.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct line {
    const char *at;
    size_t n; /* without its end */
    bool carriage_return;
};

/* The state of a walk over the lines. */
struct walk {
    struct pem pem;
    size_t room;
    struct pem_block *open; /* the block that the line is in; NULL between blocks */
    unsigned line;
    unsigned blank_between; /* a blank line that counts if another block follows */
};

static bool take_line(const char **at, const char *end, struct line *ret_line)
{
    if (*at == end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    const char *next = stop ? stop + 1 : end;
    if (stop == NULL)
        stop = end;
    *ret_line = (struct line){ *at, (size_t)(stop - *at), false };
    if (ret_line->n > 0 && ret_line->at[ret_line->n - 1] == '\r') {
        ret_line->n--;
        ret_line->carriage_return = true;
    }
    *at = next;
    return true;
}

static bool is_blank(const struct line *line)
{
    for (size_t i = 0; i < line->n; i++)
        if (line->at[i] != ' ' && line->at[i] != '\t')
            return false;
    return true;
}

/* "-----BEGIN LABEL-----", and nothing else on its line but blanks at its end. */
static bool is_mark(const struct line *line, const char *lead, const char **ret_label, size_t *ret_n)
{
    size_t n = line->n, leads = strlen(lead);
    while (n > 0 && (line->at[n - 1] == ' ' || line->at[n - 1] == '\t'))
        n--;
    if (n < leads + 5 || memcmp(line->at, lead, leads) != 0 || memcmp(line->at + n - 5, "-----", 5) != 0)
        return false;
    *ret_label = line->at + leads;
    *ret_n = n - leads - 5;
    return true;
}

static enum fault_code open_block(struct walk *w, const struct line *line, const char *label, size_t n,
                                  struct fault *f)
{
    if (w->pem.count == w->room) {
        size_t room = w->room ? 2 * w->room : 8;
        struct pem_block *grown = realloc(w->pem.block, room * sizeof *grown);
        if (grown == NULL)
            return fault_set(f, FAULT_MEMORY, "no memory for a list of PEM blocks");
        w->pem.block = grown;
        w->room = room;
    }
    w->open = &w->pem.block[w->pem.count++];
    *w->open = (struct pem_block){ .at = line->at, .size = line->n, .line = w->line };
    (void)mem_copy_bytes(w->open->label, sizeof w->open->label, label, n);
    if (w->pem.blank_line == 0)
        w->pem.blank_line = w->blank_between;
    w->blank_between = 0;
    return FAULT_OK;
}

static void between(struct walk *w, const struct line *line)
{
    if (!is_blank(line)) {
        if (w->pem.text_line == 0)
            w->pem.text_line = w->line;
    } else if (w->blank_between == 0) {
        w->blank_between = w->line;
    }
}

static enum fault_code walk_line(struct walk *w, const struct line *line, struct fault *f)
{
    const char *label;
    size_t n;
    w->line++;
    if (line->carriage_return && w->pem.return_line == 0)
        w->pem.return_line = w->line;
    if (is_mark(line, "-----BEGIN ", &label, &n))
        return open_block(w, line, label, n, f); /* one that is open stays without its end */
    if (w->open == NULL) {
        between(w, line);
        return FAULT_OK;
    }
    w->open->size = (size_t)(line->at + line->n - w->open->at);
    if (is_mark(line, "-----END ", &label, &n)) {
        w->open->whole = n == strlen(w->open->label) && memcmp(label, w->open->label, n) == 0;
        w->open = NULL;
    } else if (is_blank(line) && !pem_is_key(w->open) && w->pem.blank_line == 0) {
        w->pem.blank_line = w->line;
    }
    return FAULT_OK;
}

enum fault_code pem_read(const char *text, size_t n, struct pem *ret_pem, struct fault *f)
{
    struct walk w = { 0 };
    struct line line;
    const char *at = text, *end = text + n;
    enum fault_code code = FAULT_OK;
    while (code == FAULT_OK && n > 0 && take_line(&at, end, &line))
        code = walk_line(&w, &line, f);
    if (code == FAULT_OK)
        *ret_pem = w.pem;
    else
        pem_fini(&w.pem);
    return code;
}

void pem_fini(struct pem *pem)
{
    free(pem->block);
    *pem = (struct pem){ 0 };
}

bool pem_is_certificate(const struct pem_block *block)
{
    return strcmp(block->label, "CERTIFICATE") == 0 || strcmp(block->label, "X509 CERTIFICATE") == 0;
}

bool pem_is_crl(const struct pem_block *block)
{
    return strcmp(block->label, "X509 CRL") == 0;
}

bool pem_is_key(const struct pem_block *block)
{
    return strstr(block->label, "PRIVATE KEY") != NULL;
}
