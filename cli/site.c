/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/site.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/secret.h"
#include "cli/address.h"
#include "cli/transfer.h"
#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_LIMIT ((size_t)64 << 20) /* a file that is there already */
#define MAC_TRIES    16
#define OWN_MASTER   4 /* every so manieth handset has a master file of its own */

/* Files that all handsets share. */
static const struct sample {
    const char *path, *text;
} samples[] = {
    { "000000000000.cfg",
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<MASTER_CONFIG>\n"
      "  <SOFTWARE APP_FILE_PATH=\"sip.ld\"/>\n"
      "  <CONFIGURATION CONFIG_FILES=\"[PHONE_MAC_ADDRESS]-ext.cfg, site.cfg\"/>\n"
      "  <DIRECTORIES LOG_FILE_DIRECTORY=\"\" OVERRIDES_DIRECTORY=\"\" CONTACTS_DIRECTORY=\"\"/>\n"
      "</MASTER_CONFIG>\n" },
    { "site.cfg",
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<handsetConfig>\n"
      "  <server voIpProt.server.1.address=\"sip.example\" voIpProt.server.1.transport=\"TLS\"/>\n"
      "</handsetConfig>\n" },
    { "000000000000-directory.xml",
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<directory><item_list><item><fn>Ward</fn><ct>100</ct></item></item_list></directory>\n" },
};

static const char own_master[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<APPLICATION APP_FILE_PATH=\"sip.ld\" CONFIG_FILES=\"[PHONE_MAC_ADDRESS]-ext.cfg, site.cfg\"\n"
    "  LOG_FILE_DIRECTORY=\"logs\"/>\n";

struct site {
    const struct options *options;
    char *base, *user, *password;
    CURL *easy;
    struct curl_slist *resolve;
    bool made[ARRAY_LENGTH(samples)]; /* stored by this run, and not there before */
    char words[CURL_ERROR_SIZE];
};

enum fault_code site_open(const struct options *options, const char *user, const char *password,
                          struct site **ret_site, struct fault *f)
{
    struct site *site = calloc(1, sizeof *site);
    if (site == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    const char *base = options->admin_url != NULL ? options->admin_url : options->url;
    site->options = options;
    site->base = strdup(base);
    site->user = strdup(user);
    site->password = strdup(password);
    site->easy = curl_easy_init();
    enum fault_code code = FAULT_OK;
    if (site->base == NULL || site->user == NULL || site->password == NULL || site->easy == NULL)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    if (code == FAULT_OK)
        code = address_look_up(base, &site->resolve, f);
    if (code != FAULT_OK) {
        site_close(site);
        return code;
    }
    *ret_site = site;
    return FAULT_OK;
}

void site_close(struct site *site)
{
    if (site == NULL)
        return;
    curl_easy_cleanup(site->easy);
    curl_slist_free_all(site->resolve);
    if (site->password != NULL)
        mem_wipe_free(site->password, strlen(site->password));
    free(site->user);
    free(site->base);
    free(site);
}

/* One request and where its answer goes: a buf, or a check of a log. */
struct call {
    const char *method, *path, *query, *header; /* query and header may be NULL */
    const void *body;
    size_t n;
    struct buf *answer;
    struct diary_check *check;
    CURL *easy;
    long status;
};

static size_t on_answer(char *data, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t n = size * count;
    long status = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (call->check != NULL && status == 200)
        diary_check_feed(call->check, data, n);
    else if (call->answer != NULL && buf_add(call->answer, data, n, NULL) != FAULT_OK)
        return 0;
    return n;
}

/* FAULT_OK for every status; FAULT_IO when no answer came. */
static enum fault_code request(struct site *site, struct call *call, struct fault *f)
{
    AUTO_FREE char *url = transfer_url(site->base, call->path);
    AUTO_FREE char *full = NULL;
    if (url == NULL || asprintf(&full, "%s%s", url, call->query != NULL ? call->query : "") < 0) {
        full = NULL;
        return fault_set(f, FAULT_MEMORY, "out of memory");
    }
    CURL *easy = site->easy;
    call->easy = easy;
    curl_easy_reset(easy);
    transfer_secure(easy, site->options, NULL, NULL);
    curl_easy_setopt(easy, CURLOPT_URL, full);
    curl_easy_setopt(easy, CURLOPT_RESOLVE, site->resolve);
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    curl_easy_setopt(easy, CURLOPT_USERNAME, site->user);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, site->password);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "cradle-handset");
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, site->words);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    if (call->body != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    struct curl_slist *lines = call->header != NULL ? curl_slist_append(NULL, call->header) : NULL;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines);
    site->words[0] = '\0';
    CURLcode result = curl_easy_perform(easy);
    curl_slist_free_all(lines);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    if (result != CURLE_OK)
        return fault_set(f, FAULT_IO, "%s %s: %s", call->method, url,
                         site->words[0] != '\0' ? site->words : curl_easy_strerror(result));
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &call->status);
    if (call->status == 401)
        return fault_set(f, FAULT_UNAUTHENTICATED,
                         "the server refuses the credentials of %s: check its name and password file",
                         site->user);
    return FAULT_OK;
}

/* The words of a problem+json answer (RFC 9457), for a message. */
static enum fault_code refused(const struct call *call, struct fault *f)
{
    struct buf *answer = call->answer;
    json_t *root =
        answer != NULL && answer->used > 0 ? json_loadb(answer->data, answer->used, 0, NULL) : NULL;
    const char *detail = json_string_value(json_object_get(root, "detail"));
    if (detail == NULL)
        detail = json_string_value(json_object_get(root, "title"));
    enum fault_code code = fault_set(f, FAULT_CONTENT, "%s /%s: status %ld%s%s", call->method, call->path,
                                     call->status, detail != NULL ? ": " : "", detail != NULL ? detail : "");
    json_decref(root);
    return code;
}

static enum fault_code post(struct site *site, const char *path, json_t *body, struct buf *answer,
                            long *ret_status, struct fault *f)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (text == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory");
    buf_wipe(answer);
    struct call call = { .method = "POST",
                         .path = path,
                         .header = "Content-Type: application/json",
                         .body = text,
                         .n = strlen(text),
                         .answer = answer };
    enum fault_code code = request(site, &call, f);
    free(text);
    *ret_status = call.status;
    /* A conflict is for the caller to judge. */
    if (code == FAULT_OK && call.status != 201 && call.status != 409)
        code = refused(&call, f);
    return code;
}

/* Registers a locally administered address (its first digits say so: no handset is sold with it) that is
 * free. */
static enum fault_code register_mac(struct site *site, struct buf *answer, struct mac *ret_mac,
                                    struct fault *f)
{
    for (int i = 0; i < MAC_TRIES; i++) {
        struct mac mac;
        long status = 0;
        (void)snprintf(mac.text, sizeof mac.text, "02907a%06x", secret_random_below(1u << 24));
        enum fault_code code =
            post(site, "api/v1/handsets", json_pack("{s:s, s:s}", "mac", mac.text, "label", "simulated"),
                 answer, &status, f);
        if (code != FAULT_OK)
            return code;
        if (status == 201) {
            *ret_mac = mac;
            return FAULT_OK;
        }
    }
    return fault_set(f, FAULT_CONFLICT,
                     "no free MAC address found: remove simulated handsets (02907a…) of former runs");
}

static enum fault_code delete_path(struct site *site, const char *path, struct fault *f)
{
    struct buf answer;
    buf_init(&answer, ANSWER_LIMIT);
    struct call call = { .method = "DELETE", .path = path, .answer = &answer };
    enum fault_code code = request(site, &call, f);
    if (code == FAULT_OK && call.status != 200 && call.status != 204 && call.status != 404)
        code = refused(&call, f);
    buf_fini(&answer);
    return code;
}

static enum fault_code add_account(struct site *site, const struct mac *mac, struct roster *roster,
                                   struct buf *answer, struct fault *f)
{
    long status = 0;
    enum fault_code code =
        post(site, "api/v1/accounts",
             json_pack("{s:s, s:s, s:s}", "name", mac->text, "role", "handset", "mac", mac->text), answer,
             &status, f);
    if (code != FAULT_OK)
        return code;
    if (status != 201)
        return fault_set(f, FAULT_CONFLICT, "there is an account %s already", mac->text);
    json_t *root = json_loadb(answer->data != NULL ? answer->data : "", answer->used, 0, NULL);
    const char *password = json_string_value(json_object_get(root, "password"));
    if (password == NULL)
        code = fault_set(f, FAULT_CONTENT, "the answer to POST /api/v1/accounts holds no password");
    else if (roster_add(roster, mac, mac->text, password) == NULL)
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    json_decref(root);
    return code;
}

/* Stores one file, 201 or 204 expected. With `only_new`, *ret_made tells whether there was none. */
static enum fault_code put(struct site *site, const char *path, const char *text, bool only_new,
                           bool *ret_made, struct fault *f)
{
    struct buf answer;
    buf_init(&answer, ANSWER_LIMIT);
    struct call call = { .method = "PUT",
                         .path = path,
                         .header = only_new ? "If-None-Match: *" : NULL,
                         .body = text,
                         .n = strlen(text),
                         .answer = &answer };
    enum fault_code code = request(site, &call, f);
    bool there = only_new && call.status == 412;
    if (code == FAULT_OK && call.status != 201 && call.status != 204 && !there)
        code = refused(&call, f);
    if (code == FAULT_OK)
        *ret_made = !there;
    buf_fini(&answer);
    return code;
}

static enum fault_code share_samples(struct site *site, struct expect *expect, struct fault *f)
{
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        const struct sample *sample = &samples[i];
        enum fault_code code = put(site, sample->path, sample->text, true, &site->made[i], f);
        struct buf answer;
        buf_init(&answer, ANSWER_LIMIT);
        const char *text = sample->text;
        size_t n = strlen(text);
        if (code == FAULT_OK && !site->made[i]) {
            struct call call = { .method = "GET", .path = sample->path, .answer = &answer };
            code = request(site, &call, f);
            if (code == FAULT_OK && call.status != 200)
                code = refused(&call, f);
            text = answer.data != NULL ? answer.data : "";
            n = answer.used;
        }
        if (code == FAULT_OK && !expect_know(expect, NULL, sample->path, text, n))
            code = fault_set(f, FAULT_MEMORY, "out of memory");
        buf_fini(&answer);
        if (code != FAULT_OK)
            return code;
    }
    return FAULT_OK;
}

static enum fault_code give_file(struct site *site, const struct mac *mac, const char *suffix,
                                 const char *text, struct expect *expect, struct fault *f)
{
    char name[64];
    bool made;
    (void)snprintf(name, sizeof name, "%s%s", mac->text, suffix);
    enum fault_code code = put(site, name, text, false, &made, f);
    if (code == FAULT_OK && !expect_know(expect, mac, name, text, strlen(text)))
        code = fault_set(f, FAULT_MEMORY, "out of memory");
    return code;
}

static enum fault_code give_files(struct site *site, const struct roster_handset *h, struct expect *expect,
                                  struct fault *f)
{
    AUTO_FREE char *text = NULL;
    if (asprintf(&text,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<handsetConfig>\n"
                 "  <line reg.1.displayName=\"Simulated %s\" reg.1.address=\"%s\" "
                 "reg.1.label=\"%s\"/>\n</handsetConfig>\n",
                 h->mac.text, h->mac.text + 6, h->mac.text + 8) < 0) {
        text = NULL;
        return fault_set(f, FAULT_MEMORY, "out of memory");
    }
    enum fault_code code = give_file(site, &h->mac, "-ext.cfg", text, expect, f);
    if (code == FAULT_OK && h->own_master)
        code = give_file(site, &h->mac, ".cfg", own_master, expect, f);
    return code;
}

static void show(const char *what, size_t done, size_t all)
{
    if (isatty(STDERR_FILENO) && (done % 10 == 0 || done == all))
        fprintf(stderr, "\r%s: %zu of %zu%s", what, done, all, done == all ? "\n" : "  ");
}

enum fault_code site_set_up(struct site *site, size_t count, struct roster *roster, struct expect *expect,
                            struct fault *f)
{
    struct buf answer;
    buf_init(&answer, ANSWER_LIMIT);
    expect_nothing_else(expect);
    enum fault_code code = share_samples(site, expect, f);
    for (size_t i = 0; i < count && code == FAULT_OK; i++) {
        struct mac mac;
        code = register_mac(site, &answer, &mac, f);
        if (code == FAULT_OK && (code = add_account(site, &mac, roster, &answer, f)) != FAULT_OK) {
            char path[64];
            (void)snprintf(path, sizeof path, "api/v1/handsets/%s", mac.text);
            (void)delete_path(site, path, NULL);
        }
        if (code == FAULT_OK) {
            struct roster_handset *h = &roster->all[roster->count - 1];
            h->own_master = i % OWN_MASTER == 0;
            code = give_files(site, h, expect, f);
        }
        show("handsets registered", i + 1, count);
    }
    buf_wipe(&answer);
    return code;
}

static enum fault_code check_one(struct site *site, const struct roster_handset *h,
                                 const struct diary_log *log, bool newest, struct report *report,
                                 struct fault *f)
{
    AUTO_FREE char *path = NULL;
    if (asprintf(&path, "@log/%s/%s", h->mac.text, log->path) < 0) {
        path = NULL;
        return fault_set(f, FAULT_MEMORY, "out of memory");
    }
    struct diary_check check;
    struct fault wrong;
    diary_check_init(&check, &h->diary, log, newest);
    struct call call = { .method = "GET", .path = path, .query = newest ? NULL : "?all=1", .check = &check };
    enum fault_code code = request(site, &call, f);
    if (code != FAULT_OK)
        return code;
    const char *all = newest ? "" : "?all=1";
    if (call.status == 403)
        return fault_set(f, FAULT_FORBIDDEN, "%s may not read logs: name an operator or an administrator",
                         site->user);
    if (call.status != 200 && call.status != 404)
        report_error(report, REPORT_STATUS, call.status, "GET /%s%s", path, all);
    else if (diary_check_finish(&check, &wrong) != FAULT_OK)
        report_error(report, REPORT_LOG, 0, "/%s%s: %s", path, all, wrong.text);
    else
        report->logs_checked += !newest;
    return FAULT_OK;
}

enum fault_code site_check_logs(struct site *site, struct roster *roster, struct report *report,
                                const volatile sig_atomic_t *stop, struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; i < roster->count && code == FAULT_OK && !*stop; i++) {
        const struct roster_handset *h = &roster->all[i];
        for (size_t j = 0; j < h->diary.count && code == FAULT_OK; j++) {
            if (h->diary.logs[j].count == 0)
                continue;
            code = check_one(site, h, &h->diary.logs[j], false, report, f);
            if (code == FAULT_OK)
                code = check_one(site, h, &h->diary.logs[j], true, report, f);
        }
        show("logs read back, handsets", i + 1, roster->count);
    }
    return code;
}

enum fault_code site_clean_up(struct site *site, struct roster *roster, struct fault *f)
{
    enum fault_code first = FAULT_OK;
    for (size_t i = 0; i < roster->count; i++) {
        const char *mac = roster->all[i].mac.text;
        bool master = roster->all[i].own_master;
        static const char *const patterns[] = { "@handset/%s/%s-ext.cfg", "@handset/%s/%s.cfg",
                                                "api/v1/accounts/%s", "api/v1/handsets/%s" };
        for (size_t j = 0; j < ARRAY_LENGTH(patterns); j++) {
            char path[96];
            if (j == 1 && !master)
                continue;
            (void)snprintf(path, sizeof path, patterns[j], mac, mac);
            enum fault_code code = delete_path(site, path, first == FAULT_OK ? f : NULL);
            first = first == FAULT_OK ? code : first;
        }
        show("handsets removed", i + 1, roster->count);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
        if (!site->made[i])
            continue;
        enum fault_code code = delete_path(site, samples[i].path, first == FAULT_OK ? f : NULL);
        first = first == FAULT_OK ? code : first;
    }
    return first;
}
