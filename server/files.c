/* SPDX-License-Identifier: Apache-2.0 */
#include "server/files.h"

#include "base/clock.h"
#include "base/log.h"
#include "fleet/grant.h"
#include "fleet/tree.h"
#include "fleet/trouble.h"
#include "server/condition.h"
#include "server/field.h"
#include "server/range.h"
#include "server/route.h"

#include <stdlib.h>
#include <string.h>

/* What no browser runs, nor guesses to be something that it would. */
#define TYPE_OPAQUE "application/octet-stream"
#define TYPE_LOG    "text/plain; charset=utf-8"

void files_trouble(const struct request *request, const struct fault *f)
{
    if (request->who.role != ROLE_HANDSET || reply_status(f->code) < 500 || f->code == FAULT_QUOTA)
        return;
    size_t at = 0, n;
    const char *component;
    struct mac mac;
    while (path_next(&request->path, &at, &component, &n))
        if (mac_prefix(component, n, &mac) && mac_equal(&mac, &request->who.mac)) {
            trouble_mark(request->fleet, &mac);
            return;
        }
}

static void fail(const struct request *request, const struct fault *f, struct reply *reply)
{
    if (reply_status(f->code) >= 500)
        log_event(f->code == FAULT_DAMAGED ? LOG_CONTENT_DAMAGED : LOG_TRANSFER_FAILED,
                  "protocol=https path=%s why=%s", LOG_VALUE(request->path.text), LOG_VALUE(f->text));
    if (request->method == METHOD_GET || request->method == METHOD_HEAD)
        files_trouble(request, f);
    reply_fault(reply, f);
}

/* --- folders --- */

static json_t *describe(const struct tree_entry *entry)
{
    json_t *value =
        json_pack("{s:s, s:s, s:I, s:o}", "name", entry->name, "type", entry->folder ? "folder" : "file",
                  "size", (json_int_t)entry->size, "modified", field_time(entry->modified));
    if (entry->repeats > 0)
        json_object_set_new(value, "repeats", json_integer(entry->repeats));
    return value;
}

static void list_folder(struct request *request, struct reply *reply)
{
    struct fault f;
    struct tree_list list = { 0 };
    if (tree_list(request->fleet, &request->who, &request->path, &list, &f) != FAULT_OK) {
        fail(request, &f, reply);
        return;
    }
    json_t *entries = json_array();
    for (size_t i = 0; i < list.count; i++)
        json_array_append_new(entries, describe(&list.entry[i]));
    tree_list_free(&list);
    reply_json(reply, 200, json_pack("{s:s, s:o}", "path", request->path.text, "entries", entries));
}

/* --- reading --- */

static bool is_log(const struct path *path)
{
    const char *at = strrchr(path_name(path), '@');
    size_t n = at ? (size_t)(at - path_name(path)) : strlen(path_name(path));
    return n > 4 && memcmp(path_name(path) + n - 4, ".log", 4) == 0;
}

static void describe_content(const struct request *request, const struct tree_entry *entry,
                             struct reply *reply)
{
    char date[32];
    clock_http_date(entry->modified, date, sizeof date);
    if (entry->etag[0] != '\0')
        reply_header(reply, "ETag", "%s", entry->etag);
    reply_header(reply, "Last-Modified", "%s", date);
    reply_header(reply, "Accept-Ranges", "bytes");
    reply_header(reply, "Cache-Control", "private, no-cache");
    if (reply->status == 304)
        return;
    reply_header(reply, "Content-Type", is_log(&request->path) ? TYPE_LOG : TYPE_OPAQUE);
    reply_header(reply, "Content-Disposition", "attachment");
}

/* Takes the reader, NULL for HEAD. */
static void answer(const struct request *request, struct reader *reader, const struct tree_entry *entry,
                   int64_t size, struct reply *reply)
{
    const struct condition condition = {
        .if_match = request_header(request, "If-Match"),
        .if_none_match = request_header(request, "If-None-Match"),
        .if_modified_since = request_header(request, "If-Modified-Since"),
        .if_unmodified_since = request_header(request, "If-Unmodified-Since"),
        .if_range = request_header(request, "If-Range"),
    };
    const struct fault failed = { FAULT_PRECONDITION, "the content is not what the request expects" };
    int64_t first = 0, length = size;
    enum condition_verdict verdict = condition_read(&condition, entry->etag, entry->modified);
    enum range_kind range = RANGE_NONE;
    /* HEAD knows no ranges (RFC 9110, 14.2). */
    if (verdict == CONDITION_GO && request->method == METHOD_GET && condition_range(&condition, entry->etag))
        range = range_parse(request_header(request, "Range"), size, &first, &length);
    reply->reader = reader;
    if (verdict == CONDITION_FAILED) {
        reply_fault(reply, &failed);
        return;
    }
    if (range == RANGE_UNSATISFIABLE) {
        reply_problem(reply, 416, fault_word(FAULT_RANGE), "the range lies behind the end");
        reply_header(reply, "Content-Range", "bytes */%lld", (long long)size);
        return;
    }
    reply->status = verdict == CONDITION_NOT_MODIFIED ? 304 : range == RANGE_ONE ? 206 : 200;
    reply->bodiless = reply->status == 304 || reader == NULL;
    reply->offset = first;
    reply->length = length;
    describe_content(request, entry, reply);
    if (range == RANGE_ONE)
        reply_header(reply, "Content-Range", "bytes %lld-%lld/%lld", (long long)first,
                     (long long)(first + length - 1), (long long)size);
}

/* Parameters that nobody knows are errors for those who type them; handsets are never refused for one. */
static enum fault_code read_options(const struct request *request, struct tree_open *options, struct fault *f)
{
    static const char *const known[] = { "version", "all", "rescue", NULL };
    if (request->who.role == ROLE_HANDSET)
        return FAULT_OK;
    enum fault_code code = query_check(&request->query, known, f);
    if (code == FAULT_OK)
        code = query_number(&request->query, "version", 1, INT64_MAX, &options->version, f);
    if (code == FAULT_OK)
        code = query_flag(&request->query, "all", &options->all, f);
    if (code == FAULT_OK)
        code = query_flag(&request->query, "rescue", &options->rescue, f);
    if (code == FAULT_OK && options->version != 0 && request->who.role != ROLE_ADMINISTRATOR)
        code = fault_set(f, FAULT_FORBIDDEN, "former versions are for administrators");
    return code;
}

/* A folder, or what tree_open did not find: is it a folder? */
static void read_folder(struct request *request, struct reply *reply)
{
    struct fault f;
    struct tree_entry entry;
    enum fault_code code = tree_stat(request->fleet, &request->who, &request->path, &entry, &f);
    if (code == FAULT_OK && !entry.folder)
        code = fault_set(&f, FAULT_ABSENT, "%s", GRANT_ABSENT_WORDS);
    if (code == FAULT_OK)
        list_folder(request, reply);
    else
        fail(request, &f, reply);
}

void files_read(struct request *request, struct reply *reply)
{
    struct fault f;
    struct tree_open options = { 0 };
    struct tree_entry entry;
    struct reader *reader = NULL;
    enum fault_code code = read_options(request, &options, &f);
    if (code == FAULT_OK && request->path.folder_asked) {
        read_folder(request, reply);
        return;
    }
    if (code == FAULT_OK && request->method == METHOD_HEAD && options.version == 0 && !options.all &&
        !options.rescue) {
        code = tree_stat(request->fleet, &request->who, &request->path, &entry, &f);
        if (code == FAULT_OK && entry.folder)
            list_folder(request, reply);
        else if (code == FAULT_OK)
            answer(request, NULL, &entry, entry.size, reply);
        else
            fail(request, &f, reply);
        return;
    }
    if (code == FAULT_OK)
        code = tree_open(request->fleet, &request->who, &request->path, &options, &reader, &entry, &f);
    if (code == FAULT_OK)
        answer(request, reader, &entry, reader_size(reader), reply);
    else if (code == FAULT_ABSENT && request->who.role != ROLE_HANDSET && options.version == 0)
        read_folder(request, reply);
    else
        fail(request, &f, reply); /* seven of these are a handset's normal boot: no second look */
}

bool files_read_hot(struct request *request, struct reply *reply)
{
    static const struct tree_open options = { .hot = true };
    struct fault f;
    struct tree_entry entry;
    struct reader *reader = NULL;
    if (request->route->handler != files_read || request->method != METHOD_GET ||
        request->who.role != ROLE_HANDSET || request->path.folder_asked)
        return false;
    enum fault_code code =
        tree_open(request->fleet, &request->who, &request->path, &options, &reader, &entry, &f);
    if (code == FAULT_OK && reader == NULL)
        return false;
    if (code == FAULT_OK)
        answer(request, reader, &entry, reader_size(reader), reply);
    else
        fail(request, &f, reply);
    return true;
}

/* --- writing --- */

/* If-Unmodified-Since becomes the tag that the target has now, which the commit then compares again. */
static enum fault_code unmodified_tag(const struct request *request, struct tree_entry *entry,
                                      const char **ret_match, struct fault *f)
{
    const char *text = request_header(request, "If-Unmodified-Since");
    int64_t date = text ? clock_parse_http_date(text) : -1;
    *ret_match = request_header(request, "If-Match");
    if (*ret_match != NULL || date < 0)
        return FAULT_OK;
    enum fault_code code = tree_stat(request->fleet, &request->who, &request->path, entry, f);
    if (code == FAULT_ABSENT)
        return FAULT_OK;
    if (code != FAULT_OK || entry->etag[0] == '\0')
        return code;
    if (entry->modified / 1000 > date / 1000)
        return fault_set(f, FAULT_PRECONDITION, "the content was changed since");
    *ret_match = entry->etag;
    return FAULT_OK;
}

void files_write(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "create", "unchecked", NULL };
    struct fault f;
    struct tree_entry entry;
    enum fault_code code = FAULT_OK;
    struct upload_options *options = &request->upload;
    if (request_header(request, "Content-Range") != NULL)
        code = fault_set(&f, FAULT_INPUT, "a part of a file cannot be stored (RFC 9110, 14.5)");
    if (code == FAULT_OK && request->path.folder_asked)
        code = fault_set(&f, FAULT_INPUT, "a folder cannot be stored: the path ends in a slash");
    if (code == FAULT_OK && request->who.role != ROLE_HANDSET) {
        code = query_check(&request->query, known, &f);
        if (code == FAULT_OK)
            code = query_flag(&request->query, "create", &options->create, &f);
        if (code == FAULT_OK)
            code = query_flag(&request->query, "unchecked", &options->unchecked, &f);
    }
    options->size = request->body.length;
    options->if_none_match = request_header(request, "If-None-Match");
    if (code == FAULT_OK)
        code = unmodified_tag(request, &entry, &options->if_match, &f);
    if (code == FAULT_OK)
        code = tree_put(request->fleet, &request->who, &request->path, options, &request->upload_begun, &f);
    if (code != FAULT_OK)
        fail(request, &f, reply);
}

void files_written(struct request *request, const struct upload *upload, struct reply *reply)
{
    struct fault f;
    struct upload_outcome outcome;
    if (upload_result(upload, &outcome, &f) != FAULT_OK) {
        fail(request, &f, reply);
        return;
    }
    if (request->upload.unchecked)
        log_event(LOG_UPLOAD_UNCHECKED, "path=%s by=%s address=%s", LOG_VALUE(request->path.text),
                  LOG_VALUE(principal_name(&request->who)), request->who.address);
    if (outcome.repeat)
        log_event(LOG_LOG_REPEAT, "path=%s by=%s bytes=%lld", LOG_VALUE(request->path.text),
                  LOG_VALUE(principal_name(&request->who)), (long long)outcome.size);
    reply->status = outcome.created ? 201 : 204;
    if (outcome.etag[0] != '\0')
        reply_header(reply, "ETag", "%s", outcome.etag);
}

void files_remove(struct request *request, struct reply *reply)
{
    static const char *const known[] = { NULL };
    struct fault f;
    struct tree_entry entry;
    const char *if_match = NULL;
    enum fault_code code = FAULT_OK;
    if (request->who.role != ROLE_HANDSET)
        code = query_check(&request->query, known, &f);
    if (code == FAULT_OK)
        code = unmodified_tag(request, &entry, &if_match, &f);
    if (code == FAULT_OK)
        code = tree_remove(request->fleet, &request->who, &request->path, if_match,
                           request_header(request, "If-None-Match"), &f);
    if (code != FAULT_OK)
        fail(request, &f, reply);
    else
        reply->status = 204;
}

/* --- former versions --- */

static json_t *describe_version(const struct tree_version *v)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:s, s:s, s:b}", "version", (json_int_t)v->version, "size",
                     (json_int_t)v->size, "modified", field_time(v->modified), "replaced",
                     field_time(v->replaced), "author", v->author, "replaced_by", v->replaced_by, "unchecked",
                     v->unchecked);
}

void files_versions(struct request *request, struct reply *reply)
{
    static const char *const known[] = { "path", NULL };
    struct fault f;
    struct path path;
    struct tree_version *versions = NULL;
    size_t count = 0;
    const char *text = query_get(&request->query, "path");
    enum fault_code code = query_check(&request->query, known, &f);
    if (code == FAULT_OK && text == NULL)
        code = fault_set(&f, FAULT_INPUT, "the query parameter 'path' is needed");
    if (code == FAULT_OK)
        code = path_parse(text, strlen(text), &path, &f);
    if (code == FAULT_OK)
        code = tree_versions(request->fleet, &request->who, &path, &versions, &count, &f);
    if (code != FAULT_OK) {
        reply_fault(reply, &f);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, describe_version(&versions[i]));
    free(versions);
    reply_json(reply, 200, json_pack("{s:o}", "versions", list));
}
