/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/transfer.h"
#include "base/mem.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MASTER_LIMIT   ((size_t)1 << 20)
#define FIRMWARE_BYTES 4096 /* what a handset reads of an image before it decides */

char *transfer_url(const char *base, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/@";
    static const char hex[] = "0123456789ABCDEF";
    size_t n = strlen(base);
    while (n > 0 && base[n - 1] == '/')
        n--;
    char *url = malloc(n + 3 * strlen(path) + 2);
    if (url == NULL)
        return NULL;
    memcpy(url, base, n);
    url[n++] = '/';
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        if (strchr(plain, c) != NULL) {
            url[n++] = (char)c;
        } else {
            url[n++] = '%';
            url[n++] = hex[c >> 4];
            url[n++] = hex[c & 15];
        }
    }
    url[n] = '\0';
    return url;
}

void transfer_secure(CURL *easy, const struct options *options, const char *cert, const char *key)
{
    static const long versions[] = {
        [OPTIONS_TLS_ANY] = (long)CURL_SSLVERSION_TLSv1_2,
        [OPTIONS_TLS_12] = (long)CURL_SSLVERSION_TLSv1_2 | (long)CURL_SSLVERSION_MAX_TLSv1_2,
        [OPTIONS_TLS_13] = (long)CURL_SSLVERSION_TLSv1_3,
    };
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,ftps");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, versions[options->tls]);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, options->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, options->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (options->timeout_ms + 999) / 1000);
    if (options->ca != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (cert != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, cert);
        curl_easy_setopt(easy, CURLOPT_SSLKEY, key != NULL ? key : cert);
    }
}

static bool is_ftps(const struct transfer *t)
{
    return t->setup->options->trace->protocol == TRACE_FTPS;
}

static long reply_code(const struct transfer *t)
{
    long code = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t n = size * count;
    if (t->content == NULL || (!is_ftps(t) && reply_code(t) != 200))
        return n;
    expect_feed(t->content, data, n);
    bool master = t->step.rule == TRACE_MASTER || t->step.rule == TRACE_DEFAULT;
    if (master && buf_add(&t->text, data, n, NULL) != FAULT_OK)
        return 0;
    t->dropped = t->step.rule == TRACE_FIRMWARE && expect_length(t->content) >= FIRMWARE_BYTES;
    return t->dropped ? 0 : n;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    if (size * count >= 5 && memcmp(data, "HTTP/", 5) == 0)
        t->continued = size * count >= 12 && memcmp(data + 9, "100", 3) == 0;
    return size * count;
}

static size_t on_upload(char *data, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    if (t->offset == 0 && !is_ftps(t) && !t->continued)
        t->stalled = true;
    size_t n =
        diary_read(&t->handset->diary, &t->log->segments[t->log->count - 1], t->offset, data, size * count);
    t->offset += n;
    return n;
}

/* Only ever back to the start, to answer a challenge. */
static int on_seek(void *context, curl_off_t offset, int origin)
{
    struct transfer *t = context;
    if (origin != SEEK_SET || offset < 0)
        return CURL_SEEKFUNC_FAIL;
    t->offset = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static bool add_line(struct transfer *t, const char *line)
{
    struct curl_slist *lines = curl_slist_append(t->lines, line);
    if (lines == NULL)
        return false;
    t->lines = lines;
    return true;
}

static bool set_download(struct transfer *t)
{
    t->content = expect_begin(t->setup->expect);
    return t->content != NULL;
}

/* How many bytes a log upload has: always the same for a handset and a number, spread over the range. */
static uint32_t log_bytes(const struct transfer *t)
{
    const struct options *o = t->setup->options;
    uint64_t x = strtoull(t->handset->mac.text, NULL, 16) * 0x9e3779b97f4a7c15u +
                 (t->handset->diary.numbers + 1u) * 0xd1342543de82ef95u;
    x ^= x >> 29;
    return (uint32_t)(o->log_min + x % (o->log_max - o->log_min + 1));
}

static bool set_upload(struct transfer *t)
{
    struct diary *diary = &t->handset->diary;
    t->log = diary_log(diary, t->path);
    struct diary_segment *segment =
        t->log != NULL ? diary_write(diary, t->log, t->handset->boots, log_bytes(t)) : NULL;
    if (segment == NULL) {
        t->log = NULL;
        return false;
    }
    curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)segment->size);
    curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_APPEND, t->step.verb == TRACE_APPEND ? 1L : 0L);
    return is_ftps(t) || add_line(t, "Expect: 100-continue");
}

static bool set_verb(struct transfer *t)
{
    switch (t->step.verb) {
    case TRACE_GET:
        return set_download(t);
    case TRACE_REPLACE:
    case TRACE_APPEND:
        return set_upload(t);
    case TRACE_SIZE:
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
        t->log = diary_log(&t->handset->diary, t->path);
        return t->log != NULL;
    case TRACE_QUIT:
        /* As a command before a transfer of nothing: at the end of a session libcurl would wait for the reply
         * to its own QUIT, and every other handset with it. */
        curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
        curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
        return add_line(t, "QUIT");
    }
    return false;
}

static void set_common(struct transfer *t)
{
    const struct options *o = t->setup->options;
    const struct roster_handset *h = t->handset;
    transfer_secure(t->easy, o, h->cert, h->key);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->words);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->setup->resolve);
    /* Over HTTPS a name without a password would go out as an empty password, beside a certificate that
     * suffices. */
    if (h->user != NULL && (is_ftps(t) || h->password != NULL))
        curl_easy_setopt(t->easy, CURLOPT_USERNAME, h->user);
    if (h->password != NULL)
        curl_easy_setopt(t->easy, CURLOPT_PASSWORD, h->password);
    if (is_ftps(t)) {
        curl_easy_setopt(t->easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
        curl_easy_setopt(t->easy, CURLOPT_FTP_USE_EPSV, 0L);
        return;
    }
    char agent[120];
    (void)snprintf(agent, sizeof agent,
                   "FileTransport Spectralink-SL_8440-UA/5.9.0.0 (SN:%s) Type/Application", h->mac.text);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, agent);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    if (h->password != NULL)
        curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, o->challenge ? (long)CURLAUTH_ANY : (long)CURLAUTH_BASIC);
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, o->keep ? 0L : 1L);
}

bool transfer_begin(struct transfer *t, const struct transfer_setup *setup, struct roster_handset *handset,
                    CURL *easy, const struct trace_step *step, const char *path)
{
    memset(t, 0, sizeof *t);
    t->setup = setup;
    t->handset = handset;
    t->easy = easy;
    t->step = *step;
    buf_init(&t->text, MASTER_LIMIT);
    (void)mem_copy_text(t->path, sizeof t->path, path);
    const struct options *o = setup->options;
    AUTO_FREE char *url = transfer_url(o->trace->protocol == TRACE_FTPS ? o->ftps : o->url, path);
    curl_easy_reset(easy);
    set_common(t);
    if (url == NULL || !set_verb(t)) {
        report_error(setup->report, REPORT_LOCAL, 0, "out of memory");
        return false;
    }
    curl_easy_setopt(easy, CURLOPT_URL, url);
    if (t->lines != NULL)
        curl_easy_setopt(easy, is_ftps(t) ? CURLOPT_QUOTE : CURLOPT_HTTPHEADER, t->lines);
    if (step->verb != TRACE_QUIT)
        setup->report->requests++;
    return true;
}

void transfer_fini(struct transfer *t)
{
    curl_slist_free_all(t->lines);
    expect_abandon(t->content);
    buf_fini(&t->text);
    memset(t, 0, sizeof *t);
}

/* What libcurl's codes mean here; what is not listed is a reply that was not due. */
static const struct {
    CURLcode code;
    enum report_kind kind;
    bool fatal;
} kinds[] = {
    { CURLE_COULDNT_RESOLVE_HOST, REPORT_CONNECT, true },
    { CURLE_COULDNT_CONNECT, REPORT_CONNECT, true },
    { CURLE_SSL_CONNECT_ERROR, REPORT_TLS, true },
    { CURLE_PEER_FAILED_VERIFICATION, REPORT_TLS, true },
    { CURLE_SSL_CERTPROBLEM, REPORT_TLS, true },
    { CURLE_SSL_CACERT_BADFILE, REPORT_TLS, true },
    { CURLE_SSL_CIPHER, REPORT_TLS, true },
    { CURLE_SSL_ISSUER_ERROR, REPORT_TLS, true },
    { CURLE_USE_SSL_FAILED, REPORT_TLS, true },
    { CURLE_LOGIN_DENIED, REPORT_LOGIN, true },
    { CURLE_OPERATION_TIMEDOUT, REPORT_TIMEOUT, true },
    { CURLE_FTP_ACCEPT_TIMEOUT, REPORT_TIMEOUT, true },
    { CURLE_PARTIAL_FILE, REPORT_CUT, true },
    { CURLE_GOT_NOTHING, REPORT_CUT, true },
    { CURLE_RECV_ERROR, REPORT_CUT, true },
    { CURLE_SEND_ERROR, REPORT_CUT, true },
    { CURLE_SEND_FAIL_REWIND, REPORT_CUT, true },
    { CURLE_OUT_OF_MEMORY, REPORT_LOCAL, true },
    { CURLE_READ_ERROR, REPORT_LOCAL, true },
};

static void complain(const struct transfer *t, enum report_kind kind, long code, const char *what)
{
    const struct options *o = t->setup->options;
    report_error(t->setup->report, kind, code, "%s %s /%s: %s", t->handset->mac.text,
                 trace_word(o->trace->protocol, t->step.verb), t->path, what);
}

static enum transfer_outcome failed(const struct transfer *t, CURLcode code)
{
    long reply = reply_code(t);
    const char *words = t->words[0] != '\0' ? t->words : curl_easy_strerror(code);
    /* libcurl says "partial file" for an upload that the server refused in the end. */
    bool refused = code == CURLE_PARTIAL_FILE && reply >= 400;
    for (size_t i = 0; i < ARRAY_LENGTH(kinds) && !refused; i++) {
        if (kinds[i].code == code) {
            complain(t, kinds[i].kind, kinds[i].kind == REPORT_LOGIN ? reply : 0, words);
            return kinds[i].fatal ? TRANSFER_FATAL : TRANSFER_BAD;
        }
    }
    complain(t, REPORT_STATUS, reply, words);
    /* After 421 nothing more is answered. */
    return reply == 421 ? TRANSFER_FATAL : TRANSFER_BAD;
}

/* A reply over HTTPS that is neither success nor absence. */
static enum transfer_outcome refused(const struct transfer *t, long status)
{
    bool login = status == 401;
    complain(t, login ? REPORT_LOGIN : REPORT_STATUS, status,
             login ? "the server refuses these credentials" : "refused");
    return login ? TRANSFER_FATAL : TRANSFER_BAD;
}

static bool says_absent(const struct transfer *t, CURLcode code)
{
    long reply = reply_code(t);
    if (!is_ftps(t))
        return code == CURLE_OK && reply == 404;
    return reply == 550 && (code == CURLE_REMOTE_FILE_NOT_FOUND || code == CURLE_FTP_COULDNT_RETR_FILE ||
                            code == CURLE_REMOTE_ACCESS_DENIED);
}

static enum transfer_outcome end_download(struct transfer *t, CURLcode code)
{
    struct fault f = { 0 };
    if (says_absent(t, code)) {
        if (expect_absent(t->setup->expect, &t->handset->mac, t->path, &f) != FAULT_OK)
            complain(t, REPORT_ABSENT, 0, f.text);
        else if (t->step.rule == TRACE_REQUIRED)
            complain(t, REPORT_ABSENT, 0, "absent, although the master file names it");
        else if (t->step.rule == TRACE_DEFAULT)
            complain(t, REPORT_ABSENT, 0, "absent, and so is the handset's own master file");
        else
            return TRANSFER_ABSENT;
        return t->step.rule == TRACE_MASTER ? TRANSFER_ABSENT : TRANSFER_BAD;
    }
    if (t->dropped)
        return TRANSFER_GOOD;
    if (code != CURLE_OK)
        return failed(t, code);
    long status = reply_code(t);
    if (!is_ftps(t) && status != 200)
        return refused(t, status);
    struct expect_content *content = t->content;
    t->content = NULL;
    if (expect_finish(content, &t->handset->mac, t->path, &f) == FAULT_OK)
        return TRANSFER_GOOD;
    complain(t, REPORT_CONTENT, 0, f.text);
    return TRANSFER_BAD;
}

static enum transfer_outcome end_size(struct transfer *t, CURLcode code)
{
    curl_off_t size = -1;
    bool absent = says_absent(t, code);
    if (!absent && code != CURLE_OK)
        return failed(t, code);
    if (!absent && !is_ftps(t) && reply_code(t) != 200)
        return refused(t, reply_code(t));
    if (!absent)
        (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    if (diary_size(t->log, size))
        return absent ? TRANSFER_ABSENT : TRANSFER_GOOD;
    char text[80];
    (void)snprintf(text, sizeof text, "its size is %" PRId64 ", which is not what was sent", (int64_t)size);
    complain(t, REPORT_LOG, 0, absent ? "the log that was sent is absent" : text);
    return TRANSFER_BAD;
}

static enum transfer_outcome end_upload(struct transfer *t, CURLcode code)
{
    long reply = reply_code(t);
    if (t->stalled)
        t->setup->report->stalled++;
    if (code == CURLE_OK && (is_ftps(t) || reply == 200 || reply == 201 || reply == 204)) {
        diary_acknowledged(t->log, t->step.verb == TRACE_APPEND);
        return TRANSFER_GOOD;
    }
    bool told = is_ftps(t) ? reply >= 400 : code == CURLE_OK;
    bool gone = code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_OPERATION_TIMEDOUT ||
                code == CURLE_GOT_NOTHING;
    if ((told && !gone) || code == CURLE_COULDNT_CONNECT)
        diary_refused(t->log);
    else
        diary_unsure(t->log);
    return code == CURLE_OK ? refused(t, reply) : failed(t, code);
}

enum transfer_outcome transfer_end(struct transfer *t, CURLcode code)
{
    curl_off_t in = 0, out = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &in);
    (void)curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &out);
    t->setup->report->received += (uint64_t)in;
    t->setup->report->sent += (uint64_t)out;
    switch (t->step.verb) {
    case TRACE_GET:
        return end_download(t, code);
    case TRACE_SIZE:
        return end_size(t, code);
    case TRACE_REPLACE:
    case TRACE_APPEND:
        return end_upload(t, code);
    case TRACE_QUIT:
        break;
    }
    return code == CURLE_OK ? TRANSFER_GOOD : failed(t, code);
}
