/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/bundle.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define PIECE_LIMIT ((size_t)64 << 20)

static enum fault_code add_file(const struct store *store, enum profile_id ca, const char *end,
                                struct buf *pem, struct fault *f)
{
    char file[FILE_PATH];
    struct buf text;
    buf_init(&text, PIECE_LIMIT);
    enum fault_code code = store_ca(store, ca, end, file, f);
    if (code == FAULT_OK)
        code = file_read(file, &text, f);
    if (code == FAULT_OK)
        code = buf_add(pem, text.data, text.used, f);
    buf_fini(&text);
    return code;
}

static enum fault_code check_list(const struct store *store, enum profile_id ca, int64_t now, struct fault *f)
{
    char file[FILE_PATH];
    struct buf text;
    gnutls_x509_crl_t crl = NULL;
    buf_init(&text, PIECE_LIMIT);
    enum fault_code code = store_ca(store, ca, "-crl.pem", file, f);
    if (code == FAULT_OK)
        code = file_read(file, &text, f);
    const gnutls_datum_t data = { (unsigned char *)text.data, (unsigned)text.used };
    if (code == FAULT_OK && gnutls_x509_crl_init(&crl) < 0)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    if (code == FAULT_OK && (text.used == 0 || gnutls_x509_crl_import(crl, &data, GNUTLS_X509_FMT_PEM) < 0))
        code = fault_set(f, FAULT_INPUT, "%s is no list of revocations", file);
    if (code == FAULT_OK && gnutls_x509_crl_get_next_update(crl) <= now)
        code = fault_set(f, FAULT_INPUT, "%s is over: make it anew with 'cradlectl pki crl %s'", file,
                         profile_get(ca)->word);
    if (crl != NULL)
        gnutls_x509_crl_deinit(crl);
    buf_fini(&text);
    return code;
}

enum fault_code bundle_radius(const struct store *store, int64_t now, struct buf *pem, struct fault *f)
{
    static const enum profile_id cas[] = { PROFILE_ROOT, PROFILE_HANDSET };
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(cas); i++)
        code = check_list(store, cas[i], now, f);
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(cas); i++)
        code = add_file(store, cas[i], ".pem", pem, f);
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(cas); i++)
        code = add_file(store, cas[i], "-crl.pem", pem, f);
    return code;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum fault_code bundle_identities(const struct store *store, int64_t now, struct buf *text, size_t *ret_count,
                                  struct fault *f)
{
    const struct ledger *ledger = &store->ledger;
    size_t count = 0, written = 0;
    AUTO_FREE const char **names = calloc(ledger->count + 1, sizeof *names);
    if (names == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->all[i].profile == PROFILE_HANDSET && ledger_holds(&ledger->all[i], now))
            names[count++] = ledger->all[i].subject;
    qsort(names, count, sizeof *names, by_text);
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < count; i++) {
        if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
            continue;
        code = buf_printf(text, f, "%s\n", names[i]);
        written++;
    }
    if (code == FAULT_OK)
        *ret_count = written;
    return code;
}
