/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ctl_audit.h"

#include "base/chain.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proof.h"
#include "base/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE      1000
#define SINCE     "1d"
#define KEEP      "1d" /* the least that audit_keep can be */
#define KEEP_MAX  INT64_C(315360000000)
#define LINE_ROOM 4096

/* --- fetching --- */

struct row {
    int64_t number;
    struct secret_digest mac;
    size_t n;
    uint8_t record[CHAIN_RECORD_MAX];
};
typedef enum fault_code take_row(void *user, const struct row *row, struct fault *f);

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Up to `room` bytes; false for anything that is not whole bytes of lower-case hex, or too much of it. */
static bool read_hex(const char *text, uint8_t *out, size_t room, size_t *ret_n)
{
    size_t n = text ? strlen(text) / 2 : 0;
    if (text == NULL || text[2 * n] != '\0' || n > room)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *ret_n = n;
    return true;
}

static enum fault_code read_row(const json_t *value, struct row *ret_row, struct fault *f)
{
    size_t n = 0;
    ret_row->number = json_integer_value(json_object_get(value, "number"));
    if (ret_row->number < 1 ||
        !read_hex(json_string_value(json_object_get(value, "record")), ret_row->record,
                  sizeof ret_row->record, &ret_row->n) ||
        !read_hex(json_string_value(json_object_get(value, "mac")), ret_row->mac.bytes,
                  sizeof ret_row->mac.bytes, &n))
        return fault_set(f, FAULT_IO, "the server's answer is no list of audit records");
    return FAULT_OK;
}

/* Every record that is not older than `since`, in order. */
static enum fault_code fetch(struct ctl *ctl, int64_t since, take_row *take, void *user, struct fault *f)
{
    int64_t after = 0, done = 0;
    for (bool more = true; more;) {
        json_t *answer = NULL;
        enum fault_code code =
            ctl_call(ctl, "GET", NULL, &answer, f, "/audit?after=%" PRId64 "&since=%" PRId64 "&limit=%d",
                     after, since, PAGE);
        if (code != FAULT_OK)
            return code;
        const json_t *list = json_object_get(answer, "records"), *value;
        size_t i;
        struct row row;
        json_array_foreach(list, i, value)
        {
            if (code == FAULT_OK)
                code = read_row(value, &row, f);
            if (code == FAULT_OK)
                code = take(user, &row, f);
        }
        done += (int64_t)json_array_size(list);
        int64_t next = json_integer_value(json_object_get(answer, "next"));
        json_decref(answer);
        if (code != FAULT_OK)
            return code;
        more = next > after;
        after = next;
        if (done > PAGE)
            ctl_progress("records", done, more ? 0 : done);
    }
    return FAULT_OK;
}

/* --- list --- */

struct list {
    const char *who, *event, *target; /* NULL: all */
    json_t *all;                      /* --json */
};

/* An event, or a group of them: "login" is login.granted, login.refused … */
static bool is_event(const char *event, const char *wanted)
{
    size_t n = strlen(wanted);
    return strncmp(event, wanted, n) == 0 && (event[n] == '\0' || event[n] == '.');
}

static bool is_wanted(const struct list *list, const struct chain_record *r)
{
    return (list->who == NULL || strcmp(r->who, list->who) == 0) &&
           (list->event == NULL || is_event(r->event, list->event)) &&
           (list->target == NULL || strstr(r->target, list->target) != NULL);
}

static void print_record(const struct chain_record *r)
{
    char when[32], room[LINE_ROOM];
    const char *name, *text;
    clock_rfc3339(r->at, when, sizeof when);
    printf("%" PRId64 " %s %s", r->number, when, log_value(r->event, room, sizeof room));
    for (size_t i = 1; (text = chain_field(r, i, &name)) != NULL; i++)
        if (text[0] != '\0')
            printf(" %s=%s", name, log_value(text, room, sizeof room));
    putchar('\n');
}

static void collect_record(json_t *all, const struct chain_record *r)
{
    char when[32];
    const char *name, *text;
    clock_rfc3339(r->at, when, sizeof when);
    json_t *value = json_pack("{s:I, s:s}", "number", (json_int_t)r->number, "time", when);
    for (size_t i = 0; (text = chain_field(r, i, &name)) != NULL; i++)
        json_object_set_new(value, name, json_string(text));
    json_array_append_new(all, value);
}

static enum fault_code list_row(void *user, const struct row *row, struct fault *f)
{
    const struct list *list = user;
    struct chain_record record;
    (void)f;
    if (chain_decode(row->record, row->n, &record, NULL) != FAULT_OK)
        fprintf(stderr, "cradlectl: record %" PRId64 " is damaged; see cradlectl audit verify\n",
                row->number);
    else if (is_wanted(list, &record) && list->all)
        collect_record(list->all, &record);
    else if (is_wanted(list, &record))
        print_record(&record);
    return FAULT_OK;
}

/* "12h", or a day or a time in UTC. */
static enum fault_code read_since(const char *text, int64_t *ret_ms, struct fault *f)
{
    static const char *const forms[] = { "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S",
                                         "%Y-%m-%dT%H:%M:%SZ" };
    int64_t ago;
    for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
        struct tm tm = { 0 };
        const char *end = strptime(text, forms[i], &tm);
        if (end != NULL && *end == '\0') {
            *ret_ms = (int64_t)timegm(&tm) * 1000;
            return *ret_ms >= 0 ? FAULT_OK : fault_set(f, FAULT_INPUT, "--since: a time from 1970 on");
        }
    }
    if (value_time(text, 0, INT64_C(3155760000000), &ago, NULL) != FAULT_OK)
        return fault_set(f, FAULT_INPUT,
                         "--since: a time ago (12h, 7d), a day (2026-11-25) or a time in UTC "
                         "(2026-11-25T08:00:00Z)");
    int64_t now = clock_wall_ms();
    *ret_ms = now > ago ? now - ago : 0;
    return FAULT_OK;
}

int ctl_audit_list(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct list list = { 0 };
    const char *since = SINCE;
    bool all = false;
    int64_t since_ms = 0;
    const struct ctl_option options[] = {
        { "since", "TIME", CTL_TEXT, &since, "how long ago, a day, or a time in UTC; default " SINCE, 0, 0 },
        { "all", NULL, CTL_FLAG, &all, "from the first record on", 0, 0 },
        { "who", "NAME", CTL_TEXT, &list.who, "only what this account or handset did", 0, 0 },
        { "event", "EVENT", CTL_TEXT, &list.event, "only this event, or group of events (login)", 0, 0 },
        { "target", "TEXT", CTL_TEXT, &list.target, "only what was done to something with this in its name",
          0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    if (!all && read_since(since, &since_ms, &f) != FAULT_OK)
        return ctl_failed(&f);
    if (ctl_json(ctl))
        list.all = json_array();
    enum fault_code code = fetch(ctl, since_ms, list_row, &list, &f);
    if (code == FAULT_OK && list.all)
        ctl_print_json(list.all);
    json_decref(list.all);
    return code == FAULT_OK ? CTL_GOOD : ctl_failed(&f);
}

/* --- verify --- */

static enum fault_code open_text(const char *file, FILE **ret_in, struct fault *f)
{
    *ret_in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    return *ret_in ? FAULT_OK : fault_set(f, FAULT_ABSENT, "cannot read %s: %s", file, strerror(errno));
}

static void close_text(FILE *in)
{
    if (in != stdin)
        fclose(in);
}

static enum fault_code add_key_file(struct proof *proof, const char *file, struct fault *f)
{
    FILE *in;
    char line[2 * CHAIN_KEY_TEXT] = "";
    struct chain_key key;
    enum fault_code code = open_text(file, &in, f);
    if (code != FAULT_OK)
        return code;
    if (fgets(line, sizeof line, in) == NULL)
        line[0] = '\0';
    close_text(in);
    code = chain_key_parse(line, &key, f);
    if (code == FAULT_OK)
        code = proof_add_key(proof, &key, f);
    if (code != FAULT_OK)
        fault_prefix(f, "%s", file);
    mem_wipe(line, sizeof line);
    mem_wipe(&key, sizeof key);
    return code;
}

static enum fault_code add_anchor(struct proof *proof, const char *text, struct fault *f)
{
    struct chain_anchor anchor;
    enum fault_code code = chain_anchor_parse(text, &anchor, f);
    return code == FAULT_OK ? proof_add_anchor(proof, &anchor, f) : code;
}

/* The time of " time=…Z" in what follows a head; 0: there is none. */
static int64_t read_told(const char *text)
{
    struct tm tm = { 0 };
    const char *at = strstr(text, " time="), *end = at ? strptime(at + 6, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    return end != NULL && (*end == '.' || *end == 'Z') ? (int64_t)timegm(&tm) * 1000 : 0;
}

/* A line of the journal: something in front, the event, "head=NUMBER:HEX". What a peer said stands in values,
 * behind
 * '=' signs: a head in there is none of ours. */
static enum fault_code add_line(struct proof *proof, char *line, size_t *count, struct fault *f)
{
    static const char mark[] = "notice audit.head head=";
    struct chain_anchor anchor;
    char *at = strstr(line, mark), *equals = strpbrk(line, "=\"");
    if (at == NULL || equals != at + sizeof mark - 2)
        return FAULT_OK;
    at += sizeof mark - 1;
    int64_t told = read_told(at);
    at[strcspn(at, " \r\n")] = '\0';
    ++*count;
    enum fault_code code = chain_anchor_parse(at, &anchor, f);
    anchor.at = told;
    return code == FAULT_OK ? proof_add_anchor(proof, &anchor, f) : code;
}

static enum fault_code add_journal(struct proof *proof, const char *file, struct fault *f)
{
    FILE *in;
    char line[LINE_ROOM];
    size_t count = 0;
    enum fault_code code = open_text(file, &in, f);
    if (code != FAULT_OK)
        return code;
    while (code == FAULT_OK && fgets(line, sizeof line, in) != NULL)
        code = add_line(proof, line, &count, f);
    close_text(in);
    if (code == FAULT_OK && count == 0)
        code = fault_set(f, FAULT_INPUT, "no line of it is an audit.head of cradled");
    return code == FAULT_OK ? code : fault_prefix(f, "%s", file);
}

struct verify {
    bool json;
    struct proof *proof;
    json_t *findings;
};

static void print_finding(void *user, const struct proof_finding *finding)
{
    struct verify *v = user;
    if (v->json)
        json_array_append_new(v->findings,
                              json_pack("{s:s, s:I, s:I, s:s}", "kind", proof_word(finding->kind), "first",
                                        (json_int_t)finding->first, "last", (json_int_t)finding->last,
                                        "words", finding->words));
    else if (finding->first == finding->last)
        printf("%s: record %" PRId64 ": %s\n", proof_word(finding->kind), finding->first, finding->words);
    else
        printf("%s: records %" PRId64 " to %" PRId64 ": %s\n", proof_word(finding->kind), finding->first,
               finding->last, finding->words);
}

static enum fault_code verify_row(void *user, const struct row *row, struct fault *f)
{
    struct verify *v = user;
    (void)f;
    proof_record(v->proof, row->number, row->record, row->n, &row->mac);
    return FAULT_OK;
}

static int print_sum(struct verify *v, const struct proof_sum *sum)
{
    if (v->json) {
        json_t *all = json_pack("{s:I, s:I, s:I, s:I, s:I, s:O}", "first", (json_int_t)sum->first, "last",
                                (json_int_t)sum->last, "proved", (json_int_t)sum->proved, "heads",
                                (json_int_t)sum->anchors, "heads_passed", (json_int_t)sum->passed, "findings",
                                v->findings);
        ctl_print_json(all);
        json_decref(all);
    } else {
        printf("records %" PRId64 " to %" PRId64 ": %" PRId64 " proved, %" PRId64 " heads of the journal fit",
               sum->first, sum->last, sum->proved, sum->anchors);
        if (sum->passed > 0)
            printf(", %" PRId64 " heads are of records that were pruned", sum->passed);
        puts(sum->wrong > 0 ? "; the trail was tampered with or damaged" : "");
    }
    return sum->wrong > 0 ? CTL_FAILED : sum->warnings > 0 ? CTL_WARNINGS : CTL_GOOD;
}

static enum fault_code prepare(struct proof *proof, const struct ctl_list *keys,
                               const struct ctl_list *anchors, const struct ctl_list *journals,
                               struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (size_t i = 0; code == FAULT_OK && i < keys->count; i++)
        code = add_key_file(proof, keys->item[i], f);
    for (size_t i = 0; code == FAULT_OK && i < anchors->count; i++)
        code = add_anchor(proof, anchors->item[i], f);
    for (size_t i = 0; code == FAULT_OK && i < journals->count; i++)
        code = add_journal(proof, journals->item[i], f);
    return code;
}

int ctl_audit_verify(struct ctl *ctl, int argc, char **argv)
{
    struct fault f;
    struct ctl_words words;
    struct ctl_list keys = { 0 }, anchors = { 0 }, journals = { 0 };
    const char *keep = KEEP;
    int64_t keep_ms = 0;
    const struct ctl_option options[] = {
        { "key-file", "FILE", CTL_LIST, &keys, "a chain's verification key (also CRADLE_AUDIT_KEY)", 0, 0 },
        { "anchor", "NUMBER:HEX", CTL_LIST, &anchors, "a head that the journal knows", 0, 0 },
        { "anchors-from", "FILE", CTL_LIST, &journals,
          "all heads in these lines of the journal; - standard input", 0, 0 },
        { "keep", "TIME", CTL_TEXT, &keep,
          "what must not be pruned yet, the server's audit_keep; default " KEEP, 0, 0 },
    };
    int status = ctl_read(ctl, argc, argv, options, ARRAY_LENGTH(options), 0, 0, &words);
    if (status != CTL_GO)
        return status;
    const char *environment = getenv("CRADLE_AUDIT_KEY");
    if (keys.count == 0 && environment != NULL && environment[0] != '\0')
        keys.item[keys.count++] = environment;
    if (keys.count + anchors.count + journals.count == 0) {
        fault_set(&f, FAULT_INPUT, "give --key-file: `cradled init` or `cradled audit-key` handed it out");
        return ctl_failed(&f);
    }
    if (value_time(keep, 0, KEEP_MAX, &keep_ms, &f) != FAULT_OK) {
        fault_prefix(&f, "--keep");
        return ctl_failed(&f);
    }
    struct verify v = { .json = ctl_json(ctl), .findings = json_array() };
    struct proof_sum sum;
    v.proof = proof_new(print_finding, &v);
    enum fault_code code = v.proof ? FAULT_OK : fault_set(&f, FAULT_MEMORY, "out of memory");
    if (code == FAULT_OK)
        code = prepare(v.proof, &keys, &anchors, &journals, &f);
    if (code == FAULT_OK)
        proof_keep(v.proof, clock_wall_ms() - keep_ms);
    if (code == FAULT_OK)
        code = fetch(ctl, 0, verify_row, &v, &f);
    if (code == FAULT_OK)
        proof_end(v.proof, &sum);
    status = code == FAULT_OK ? print_sum(&v, &sum) : ctl_failed(&f);
    proof_free(v.proof);
    json_decref(v.findings);
    return status;
}
