/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include "base/buf.h"
#include "base/disk.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/intake.h"
#include "cli/prompt.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_LIMIT    ((size_t)64 << 20)
#define CONNECT_SECONDS 20L
#define STALLED_SECONDS 120L  /* without a byte */
#define COPYING_SECONDS 3600L /* the same for a file: the server may first copy a large catalog */

struct client {
    const struct client_options *options;
    char *base, *password;
    CURL *easy;
    char words[CURL_ERROR_SIZE];
};

/* One request, and where its answer goes. */
struct call {
    struct client *client;
    const char *method, *path, *body;
    struct buf answer; /* unless it goes to fd, and what says why it was refused */
    int fd;            /* -1: none */
    int error;         /* errno of a failed write */
    client_progress *progress;
    void *user;
    long status;
};

/* --- opening --- */

static enum fault_code ask_password(const char *user, char **ret_password, struct fault *f)
{
    char prompt[160], typed[SECRET_PASSWORD_MAX + 1];
    (void)snprintf(prompt, sizeof prompt, "Password of %s", user);
    enum fault_code code = prompt_secret(prompt, "give --password-file FILE", typed, sizeof typed, f);
    if (code != FAULT_OK)
        return code;
    *ret_password = strdup(typed);
    mem_wipe(typed, sizeof typed);
    return *ret_password != NULL ? FAULT_OK : fault_set(f, FAULT_MEMORY, "out of memory");
}

static enum fault_code take_password(struct client *client, struct fault *f)
{
    const struct client_options *o = client->options;
    if (o->user == NULL)
        return FAULT_OK;
    if (o->password_file != NULL)
        return intake_password(o->password_file, &client->password, f);
    if (o->password == NULL)
        return o->cert != NULL ? FAULT_OK : ask_password(o->user, &client->password, f);
    client->password = strdup(o->password);
    return client->password != NULL ? FAULT_OK : fault_set(f, FAULT_MEMORY, "out of memory");
}

enum fault_code client_open(const struct client_options *options, struct client **ret_client, struct fault *f)
{
    if (options->server == NULL || strncmp(options->server, "https://", 8) != 0)
        return fault_set(f, FAULT_INPUT, "%s: give --server https://HOST[:PORT], or set CRADLE_URL",
                         options->server == NULL ? "no server" : "the server's URL must begin with https://");
    if (options->user == NULL && options->cert == NULL)
        return fault_set(f, FAULT_INPUT, "nobody to log in as: give --user NAME, or --cert FILE");
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    client->options = options;
    client->base = strdup(options->server);
    client->easy = curl_easy_init();
    enum fault_code code = client->base != NULL && client->easy != NULL
                               ? take_password(client, f)
                               : fault_set(f, FAULT_MEMORY, "out of memory");
    if (code != FAULT_OK) {
        client_close(client);
        return code;
    }
    for (size_t n = strlen(client->base); n > 0 && client->base[n - 1] == '/'; n--)
        client->base[n - 1] = '\0';
    *ret_client = client;
    return FAULT_OK;
}

void client_close(struct client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->easy);
    if (client->password != NULL)
        mem_wipe_free(client->password, strlen(client->password));
    free(client->base);
    free(client);
}

/* --- requests --- */

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t n = size * count;
    long status = 0;
    (void)curl_easy_getinfo(call->client->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->fd >= 0 && status == 200) {
        if (!disk_write(call->fd, data, n)) {
            call->error = errno;
            return 0;
        }
        return n;
    }
    return buf_add(&call->answer, data, n, NULL) == FAULT_OK ? n : 0;
}

static int on_progress(void *context, curl_off_t total, curl_off_t done, curl_off_t up_total, curl_off_t up)
{
    struct call *call = context;
    (void)up_total, (void)up;
    call->progress(call->user, done, total);
    return 0;
}

static void set_up(struct call *call, const char *url, struct curl_slist *lines)
{
    struct client *client = call->client;
    const struct client_options *o = client->options;
    CURL *easy = client->easy;
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, call->fd >= 0 ? COPYING_SECONDS : STALLED_SECONDS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "cradlectl");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, client->words);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    if (o->ca != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (o->cert != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, o->cert);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, o->key != NULL ? o->key : o->cert);
    }
    if (client->password != NULL) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, o->user);
        curl_easy_setopt(easy, CURLOPT_PASSWORD, client->password);
    }
    if (call->body != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    if (call->progress != NULL) {
        curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, call);
    }
}

/* The server's own words (RFC 9457), and what they mean to a program. */
static enum fault_code refused(const struct call *call, struct fault *f)
{
    static const struct {
        long status;
        enum fault_code code;
    } table[] = {
        { 400, FAULT_INPUT },        { 401, FAULT_UNAUTHENTICATED }, { 403, FAULT_FORBIDDEN },
        { 404, FAULT_ABSENT },       { 408, FAULT_TIMEOUT },         { 409, FAULT_CONFLICT },
        { 412, FAULT_PRECONDITION }, { 413, FAULT_TOO_LARGE },       { 422, FAULT_CONTENT },
        { 503, FAULT_BUSY },         { 507, FAULT_QUOTA },
    };
    enum fault_code code = FAULT_IO;
    for (size_t i = 0; i < ARRAY_LENGTH(table); i++)
        if (table[i].status == call->status)
            code = table[i].code;
    json_t *root = call->answer.used > 0 ? json_loadb(call->answer.data, call->answer.used, 0, NULL) : NULL;
    const char *detail = json_string_value(json_object_get(root, "detail"));
    if (call->status == 401)
        fault_set(f, code, "the server refuses these credentials: check --user, --password-file, --cert");
    else
        fault_set(f, code, "%s (status %ld)", detail != NULL ? detail : "the server gives no reason",
                  call->status);
    json_decref(root);
    return code;
}

static enum fault_code perform(struct call *call, struct fault *f)
{
    struct client *client = call->client;
    AUTO_FREE char *url = NULL;
    if (asprintf(&url, "%s/api/v1%s", client->base, call->path) < 0) {
        url = NULL;
        return fault_set(f, FAULT_MEMORY, "out of memory");
    }
    struct curl_slist *lines = curl_slist_append(NULL, "Content-Type: application/json");
    if (lines == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    set_up(call, url, lines);
    client->words[0] = '\0';
    CURLcode result = curl_easy_perform(client->easy);
    (void)curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE, &call->status);
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(lines);
    if (call->error != 0)
        return fault_set(f, FAULT_IO, "cannot write what the server sends: %s", strerror(call->error));
    if (result != CURLE_OK)
        return fault_set(f, FAULT_IO, "%s: %s", client->base,
                         client->words[0] != '\0' ? client->words : curl_easy_strerror(result));
    return call->status >= 200 && call->status < 300 ? FAULT_OK : refused(call, f);
}

enum fault_code client_call(struct client *client, const char *method, const char *path, json_t *body,
                            json_t **ret_answer, struct fault *f)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    bool lost = body != NULL && text == NULL;
    json_decref(body);
    if (lost)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    struct call call = { .client = client, .method = method, .path = path, .body = text, .fd = -1 };
    buf_init(&call.answer, ANSWER_LIMIT);
    enum fault_code code = perform(&call, f);
    json_t *answer = NULL;
    if (code == FAULT_OK && call.answer.used > 0) {
        answer = json_loadb(call.answer.data, call.answer.used, 0, NULL);
        if (answer == NULL)
            code =
                fault_set(f, FAULT_IO, "%s does not answer in JSON: is that a Cradle server?", client->base);
    }
    if (code == FAULT_OK && ret_answer != NULL)
        *ret_answer = answer;
    else
        json_decref(answer);
    buf_wipe(&call.answer);
    if (text != NULL)
        mem_wipe_free(text, strlen(text));
    return code;
}

enum fault_code client_download(struct client *client, const char *path, int fd, client_progress *progress,
                                void *user, struct fault *f)
{
    struct call call = {
        .client = client, .method = "GET", .path = path, .fd = fd, .progress = progress, .user = user
    };
    buf_init(&call.answer, ANSWER_LIMIT);
    enum fault_code code = perform(&call, f);
    buf_fini(&call.answer);
    return code;
}

char *client_escape(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    char *out = malloc(3 * strlen(text) + 1);
    size_t n = 0;
    for (; out != NULL && *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (strchr(plain, c) != NULL) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    if (out != NULL)
        out[n] = '\0';
    return out;
}
