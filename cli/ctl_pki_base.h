/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of `cradlectl pki` share: which folder, whose passphrase, which forms. One thread. */
#ifndef CRADLE_CTL_PKI_BASE_H
#define CRADLE_CTL_PKI_BASE_H

#include "cli/ctl.h"
#include "pki/issue.h"
#include "pki/key.h"
#include "pki/store.h"

#include <stdbool.h>

/* The folder and the passphrases that open its keys. */
struct pki_base {
    const char *folder, *root; /* --pki, --root; NULL: the defaults */
    const char *passphrase_file, *root_passphrase_file;
    struct passphrase given[2]; /* what was read or typed: the intermediates', the root's */
    bool known[2];
    struct passphrase_source source; /* pki_open sets it up */
    struct store store;
    bool opened;
    json_t *results; /* of pki_result; NULL: none */
};
/* The rows of an option table for it. */
#define PKI_BASE_OPTIONS(base)                                                                                  \
    { "pki", "DIR", CTL_TEXT, &(base).folder, "the PKI folder (default ./pki, or CRADLE_PKI)", 0, 0 },          \
        { "root", "DIR", CTL_TEXT, &(base).root, "the root's folder (default: root in the PKI folder)", 0, 0 }, \
        { "passphrase-file",                                                                                    \
          "FILE",                                                                                               \
          CTL_TEXT,                                                                                             \
          &(base).passphrase_file,                                                                              \
          "the passphrase of the intermediates' keys (default: asked for)",                                     \
          0,                                                                                                    \
          0 },                                                                                                  \
    {                                                                                                           \
        "root-passphrase-file", "FILE", CTL_TEXT, &(base).root_passphrase_file,                                 \
            "the passphrase of the root's key (default: asked for)", 0, 0                                       \
    }

const char *pki_folder(const struct pki_base *base);
/* Opens the store, for changing or for reading. pki_close it, opened or not: it wipes. */
enum fault_code pki_open(struct pki_base *base, bool change, struct fault *f);
void pki_close(struct pki_base *base);
/* A passphrase for something new: the first line of the file, or (file NULL) typed twice on the terminal. */
enum fault_code pki_new_passphrase(const char *file, const char *what, struct passphrase *ret_passphrase,
                                   struct fault *f);
/* One that opens something: the same, typed once. */
enum fault_code pki_ask_passphrase(const char *file, const char *what, struct passphrase *ret_passphrase,
                                   struct fault *f);

/* How a certificate is to be delivered. */
struct pki_forms {
    struct ctl_list format;
    const char *slot, *use, *p12_passphrase_file;
    struct passphrase p12; /* filled in by pki_forms_read; mem_wipe it */
};
#define PKI_FORMS_OPTIONS(forms)                                                                              \
    { "format",                                                                                               \
      "FORM",                                                                                                 \
      CTL_LIST,                                                                                               \
      &(forms).format,                                                                                        \
      "pem (default), p12 or fragment; may be given several times",                                           \
      0,                                                                                                      \
      0 },                                                                                                    \
        { "p12-passphrase-file",                                                                              \
          "FILE",                                                                                             \
          CTL_TEXT,                                                                                           \
          &(forms).p12_passphrase_file,                                                                       \
          "the passphrase of PKCS #12 files (default: asked for)",                                            \
          0,                                                                                                  \
          0 },                                                                                                \
        { "slot", "SLOT", CTL_TEXT, &(forms).slot, "for fragment: platform:1 … 2, application:1 … 6", 0, 0 }, \
    {                                                                                                         \
        "use", "USE", CTL_TEXT, &(forms).use,                                                                 \
            "for fragment: wifi, provisioning, cms, xmlapi; sip, syslog, ldap, browser", 0, 0                 \
    }
/* Fills forms, p12 and slot of the order in. none: what no --format at all means. */
enum fault_code pki_forms_read(struct pki_forms *forms, unsigned none, struct issue_order *order,
                               struct fault *f);

/* Host names and addresses of a list of options. */
enum fault_code pki_names_read(const struct ctl_list *list, struct names *names, struct fault *f);
/* An administrator's or operator's certificate is for an account that the server has, with that role; others
 * pass. */
enum fault_code pki_check_account(struct ctl *ctl, const struct profile *profile, const char *name,
                                  struct fault *f);
/* Remembers what was made, and prints all of it: a line each, or a JSON array. */
void pki_result(struct pki_base *base, const struct issue_result *result);
void pki_print_results(const struct ctl *ctl, const struct pki_base *base);

#endif
