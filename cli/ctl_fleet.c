/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_fleet.h"

#include "base/buf.h"
#include "base/mac.h"
#include "base/mem.h"
#include "base/tls_file.h"
#include "pki/finding.h"
#include "pki/pem.h"

#include <stdio.h>
#include <string.h>

#define PAGE 500 /* handsets a request */

/* The certificates of a file, and nothing else: a key that stands among them stays here. */
static enum fault_code read_chain(const char *file, struct buf *chain, struct fault *f)
{
    struct buf content;
    struct pem pem = { 0 };
    buf_init(&content, TLS_FILE_LIMIT);
    enum fault_code code = tls_file_read(file, &content, f);
    if (code == FAULT_OK)
        code = pem_read(content.used ? content.data : "", content.used, &pem, f);
    for (size_t i = 0; code == FAULT_OK && i < pem.count; i++) {
        if (!pem_is_certificate(&pem.block[i]))
            continue;
        code = buf_add(chain, pem.block[i].at, pem.block[i].size, f);
        if (code == FAULT_OK)
            code = buf_text(chain, "\n", f);
    }
    if (code == FAULT_OK && chain->used == 0)
        code = fault_set(f, FAULT_INPUT, "%s holds no certificate in PEM", file);
    pem_fini(&pem);
    buf_wipe(&content);
    return code;
}

static void add_up(json_t *sum, const json_t *page)
{
    static const char *const counts[] = { "handsets", "accepting", "without_ca", "opaque",
                                          "unreadable_files" };
    static const char *const lists[] = { "refusing", "unsure" };
    for (size_t i = 0; i < ARRAY_LENGTH(counts); i++)
        json_object_set_new(sum, counts[i],
                            json_integer(json_integer_value(json_object_get(sum, counts[i])) +
                                         json_integer_value(json_object_get(page, counts[i]))));
    for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
        if (json_object_get(sum, lists[i]) == NULL)
            json_object_set_new(sum, lists[i], json_array());
        json_array_extend(json_object_get(sum, lists[i]), json_object_get(page, lists[i]));
    }
}

static int judge(const json_t *sum)
{
    if (json_array_size(json_object_get(sum, "refusing")) > 0)
        return CTL_FAILED;
    return json_array_size(json_object_get(sum, "unsure")) > 0 ||
                   json_integer_value(json_object_get(sum, "opaque")) > 0 ||
                   json_integer_value(json_object_get(sum, "unreadable_files")) > 0
               ? CTL_WARNINGS
               : CTL_GOOD;
}

enum fault_code ctl_fleet_ask(struct ctl *ctl, const char *chain_file, json_t *answer, int *ret_status,
                              struct fault *f)
{
    struct buf chain;
    char after[MAC_DIGITS + 1] = "";
    json_t *sum = json_object();
    buf_init(&chain, TLS_FILE_LIMIT);
    enum fault_code code = read_chain(chain_file, &chain, f);
    bool more = true;
    while (code == FAULT_OK && more) {
        json_t *page = NULL;
        json_t *body = json_pack("{s:s, s:i}", "chain", chain.data, "limit", PAGE);
        if (after[0] != '\0')
            json_object_set_new(body, "after", json_string(after));
        code = ctl_call(ctl, "POST", body, &page, f, "/check/chain");
        if (code != FAULT_OK)
            break;
        add_up(sum, page);
        ctl_progress("handsets", json_integer_value(json_object_get(sum, "handsets")), 0);
        const char *next = json_string_value(json_object_get(page, "next"));
        /* Always forwards, whatever the server says. */
        more = next != NULL && strcmp(next, after) > 0 && mem_copy_text(after, sizeof after, next);
        json_decref(page);
    }
    if (code == FAULT_OK) {
        *ret_status = judge(sum);
        json_object_set(answer, "fleet", sum);
    }
    json_decref(sum);
    buf_fini(&chain);
    return code;
}

static void print_handsets(const json_t *list, const char *words)
{
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        char label[400], file[1100], subject[400];
        finding_clean(label, sizeof label, json_string_value(json_object_get(one, "label")));
        finding_clean(file, sizeof file, json_string_value(json_object_get(one, "file")));
        finding_clean(subject, sizeof subject, json_string_value(json_object_get(one, "ca")));
        printf("%s  %s%s%s: it holds %s, of %s%s\n", json_string_value(json_object_get(one, "mac")), label,
               label[0] ? ", " : "", words, subject, file,
               json_is_true(json_object_get(one, "shared")) ? ", which all share" : "");
    }
}

static long long count_of(const json_t *fleet, const char *name)
{
    return json_integer_value(json_object_get(fleet, name));
}

void ctl_fleet_print(const json_t *fleet)
{
    const json_t *refusing = json_object_get(fleet, "refusing"), *unsure = json_object_get(fleet, "unsure");
    print_handsets(refusing, "would refuse the server");
    print_handsets(unsure, "may refuse the server, by which of its files wins");
    printf("%lld handsets: %lld would accept the chain, %zu would refuse it, %zu may; %lld have no CA "
           "configured\n",
           count_of(fleet, "handsets"), count_of(fleet, "accepting"), json_array_size(refusing),
           json_array_size(unsure), count_of(fleet, "without_ca"));
    if (count_of(fleet, "opaque") > 0)
        printf("%lld of those without see encrypted files, into which nobody can look here\n",
               count_of(fleet, "opaque"));
    if (count_of(fleet, "unreadable_files") > 0)
        printf("%lld files could not be looked into: damaged, too large or not well-formed\n",
               count_of(fleet, "unreadable_files"));
}
