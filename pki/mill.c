/* SPDX-License-Identifier: Apache-2.0 */
#include "pki/mill.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_MAX 64

struct mill {
    const struct mill_order *order;
    bool *there; /* which are done already */
    pthread_mutex_t lock;
    /* Under the lock, as are store and issuer: */
    size_t next, done, made;
    struct fault fault; /* the first one */
};

/* The next one to do; false when there is none, or something failed. */
static bool take(struct mill *mill, size_t *ret_at)
{
    const struct mill_order *order = mill->order;
    pthread_mutex_lock(&mill->lock);
    while (mill->next < order->count && mill->there[mill->next])
        mill->next++;
    bool more = mill->fault.code == FAULT_OK && mill->next < order->count;
    if (more)
        *ret_at = mill->next++;
    pthread_mutex_unlock(&mill->lock);
    return more;
}

static void finish(struct mill *mill, size_t at, gnutls_x509_privkey_t key, gnutls_pubkey_t public,
                   const struct fault *before)
{
    const struct mill_order *order = mill->order;
    struct issue_order one = *order->model;
    struct issue_result result;
    one.name = order->macs[at].text;
    one.base = NULL;
    pthread_mutex_lock(&mill->lock);
    if (mill->fault.code == FAULT_OK && before->code != FAULT_OK)
        mill->fault = *before;
    if (mill->fault.code == FAULT_OK && issue_certificate(order->store, order->issuer, &one, key, public,
                                                          &result, &mill->fault) == FAULT_OK) {
        mill->made++;
        mill->done++;
        if (order->progress != NULL)
            order->progress(order->user, mill->done, order->count);
    }
    pthread_mutex_unlock(&mill->lock);
}

static void *work(void *user)
{
    struct mill *mill = user;
    size_t at;
    while (take(mill, &at)) {
        struct fault f = { .code = FAULT_OK };
        gnutls_x509_privkey_t key = NULL;
        gnutls_pubkey_t public = NULL;
        if (key_generate(mill->order->model->key, &key, &f) == FAULT_OK)
            (void)key_public(key, &public, &f);
        finish(mill, at, key, public, &f);
        gnutls_x509_privkey_deinit(key);
        if (public != NULL)
            gnutls_pubkey_deinit(public);
    }
    return NULL;
}

static enum fault_code look_at_all(struct mill *mill, struct fault *f)
{
    const struct mill_order *order = mill->order;
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < order->count; i++) {
        struct issue_order one = *order->model;
        one.name = order->macs[i].text;
        one.base = NULL;
        code = issue_look(order->store, &one, &mill->there[i], f);
        mill->done += mill->there[i];
    }
    return code;
}

static enum fault_code run_threads(struct mill *mill, struct fault *f)
{
    pthread_t threads[THREADS_MAX];
    long cores = mill->order->threads > 0 ? (long)mill->order->threads : sysconf(_SC_NPROCESSORS_ONLN);
    size_t wanted = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores, started = 0;
    while (started < wanted && pthread_create(&threads[started], NULL, work, mill) == 0)
        started++;
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return started > 0 ? FAULT_OK : fault_set(f, FAULT_MEMORY, "cannot start a thread");
}

enum fault_code mill_run(const struct mill_order *order, size_t *ret_made, size_t *ret_there, struct fault *f)
{
    struct mill mill = { .order = order, .lock = PTHREAD_MUTEX_INITIALIZER };
    mill.there = calloc(order->count + 1, sizeof *mill.there);
    if (mill.there == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    enum fault_code code = look_at_all(&mill, f);
    size_t there = mill.done;
    if (code == FAULT_OK && there < order->count)
        code = run_threads(&mill, f);
    free(mill.there);
    if (code == FAULT_OK && mill.fault.code != FAULT_OK)
        code = fault_set(f, mill.fault.code, "%s", mill.fault.text);
    if (code == FAULT_OK) {
        *ret_made = mill.made;
        *ret_there = there;
    }
    return code;
}
