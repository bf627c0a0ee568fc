/* SPDX-License-Identifier: Apache-2.0 */
#include "base/tls_recall.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define RECALL_SECONDS 86400
#define RECALL_ID_MAX  32
#define RECALL_MAX     32768 /* packed sessions hold the client's certificate chain */

struct tls_recall {
    unsigned char id[RECALL_ID_MAX];
    size_t n_id;
    unsigned char *packed;
    size_t n_packed;
};

struct tls_recall *tls_recall_new(void)
{
    return calloc(1, sizeof(struct tls_recall));
}

static void recall_forget(struct tls_recall *recall)
{
    mem_wipe_free(recall->packed, recall->n_packed);
    *recall = (struct tls_recall){ 0 };
}

void tls_recall_free(struct tls_recall *recall)
{
    if (recall == NULL)
        return;
    recall_forget(recall);
    free(recall);
}

static int recall_store(void *user, gnutls_datum_t key, gnutls_datum_t data)
{
    struct tls_recall *recall = user;
    if (key.size > RECALL_ID_MAX || data.size == 0 || data.size > RECALL_MAX)
        return GNUTLS_E_DB_ERROR;
    recall_forget(recall);
    recall->packed = malloc(data.size);
    if (recall->packed == NULL)
        return GNUTLS_E_DB_ERROR;
    memcpy(recall->packed, data.data, data.size);
    recall->n_packed = data.size;
    memcpy(recall->id, key.data, key.size);
    recall->n_id = key.size;
    return 0;
}

/* The others of the family are not learnt from: only what was shown on the first connection counts. */
static int recall_ignore(void *user, gnutls_datum_t key, gnutls_datum_t data)
{
    (void)user;
    (void)key;
    (void)data;
    return 0;
}

static int recall_remove(void *user, gnutls_datum_t key)
{
    (void)user;
    (void)key;
    return 0;
}

static gnutls_datum_t recall_find(void *user, gnutls_datum_t key)
{
    const struct tls_recall *recall = user;
    gnutls_datum_t found = { NULL, 0 };
    if (recall->packed == NULL || key.size != recall->n_id || memcmp(key.data, recall->id, key.size) != 0)
        return found;
    found.data = gnutls_malloc(recall->n_packed); /* GnuTLS frees it */
    if (found.data == NULL)
        return found;
    memcpy(found.data, recall->packed, recall->n_packed);
    found.size = (unsigned)recall->n_packed;
    return found;
}

static gnutls_datum_t recall_nothing(void *user, gnutls_datum_t key)
{
    (void)user;
    (void)key;
    return (gnutls_datum_t){ NULL, 0 };
}

static void recall_attach(struct tls_recall *recall, gnutls_session_t session, gnutls_db_store_func store,
                          gnutls_db_retr_func find)
{
    gnutls_db_set_cache_expiration(session, RECALL_SECONDS);
    gnutls_db_set_ptr(session, recall);
    gnutls_db_set_store_function(session, store);
    gnutls_db_set_retrieve_function(session, find);
    gnutls_db_set_remove_function(session, recall_remove);
}

void tls_recall_learn(struct tls_recall *recall, gnutls_session_t session)
{
    recall_attach(recall, session, recall_store, recall_nothing);
}

void tls_recall_allow(struct tls_recall *recall, gnutls_session_t session)
{
    recall_attach(recall, session, recall_ignore, recall_find);
}
