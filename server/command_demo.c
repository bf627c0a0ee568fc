/* SPDX-License-Identifier: Apache-2.0 */
/* cradled demo: a site to play with. Everything is made in <folder>/site.new, which becomes <folder>/site in
 * one step; the file that others read, demo.env, comes last. What an interrupted run left is made again. */
#include "server/command.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fleet/account.h"
#include "fleet/fleet.h"
#include "fleet/handset.h"
#include "fleet/tree.h"
#include "pki/make.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEMO_HANDSETS 3
#define PLACE_LIMIT   1024

struct demo {
    const char *samples;
    char making[PLACE_LIMIT]; /* <folder>/site.new */
    struct mac mac[DEMO_HANDSETS];
    char secret[DEMO_HANDSETS][SECRET_MADE_LENGTH + 1];
    char admin[SECRET_MADE_LENGTH + 1], operator[SECRET_MADE_LENGTH + 1];
    struct fleet *fleet;
    struct principal actor;
};

static enum fault_code place(const struct demo *demo, const char *name, char out[PLACE_LIMIT],
                             struct fault *f)
{
    int n = snprintf(out, PLACE_LIMIT, "%s/%s", demo->making, name);
    return n < PLACE_LIMIT ? FAULT_OK : fault_set(f, FAULT_INPUT, "the name of the demo folder is too long");
}

/* --- files --- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st, (void)flag, (void)where;
    return remove(path);
}

static enum fault_code write_file(const char *path, const struct buf *text, struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text->data, text->used) == (ssize_t)text->used && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    return good ? FAULT_OK : fault_set(f, FAULT_IO, "cannot write %s: %s", path, strerror(why));
}

static enum fault_code read_file(const char *path, struct buf *ret_text, struct fault *f)
{
    FILE *in = fopen(path, "re");
    if (in == NULL)
        return fault_set(f, FAULT_ABSENT, "cannot read %s: %s", path, strerror(errno));
    char part[4096];
    size_t n;
    enum fault_code code = FAULT_OK;
    while (code == FAULT_OK && (n = fread(part, 1, sizeof part, in)) > 0)
        code = buf_add(ret_text, part, n, f);
    fclose(in);
    return code;
}

static enum fault_code read_sample(const struct demo *demo, const char *name, struct buf *ret_text,
                                   struct fault *f)
{
    char path[PLACE_LIMIT];
    if (snprintf(path, sizeof path, "%s/%s", demo->samples, name) >= (int)sizeof path)
        return fault_set(f, FAULT_INPUT, "the name of the samples folder is too long");
    enum fault_code code = read_file(path, ret_text, f);
    return code == FAULT_ABSENT ? fault_prefix(f, "the samples (--samples names their folder)") : code;
}

/* --- certificates --- */

static enum fault_code make_one(const struct demo *demo, const struct make_subject *subject, const char *name,
                                bool by_ca, struct fault *f)
{
    char certificate[PLACE_LIMIT], key[PLACE_LIMIT], ca[PLACE_LIMIT], ca_key[PLACE_LIMIT], file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    enum fault_code code = place(demo, file, certificate, f);
    snprintf(file, sizeof file, "%s.key", name);
    if (code == FAULT_OK)
        code = place(demo, file, key, f);
    if (code == FAULT_OK)
        code = place(demo, "ca.pem", ca, f);
    if (code == FAULT_OK)
        code = place(demo, "ca.key", ca_key, f);
    if (code == FAULT_OK)
        code = make_certificate(subject, by_ca ? ca : NULL, by_ca ? ca_key : NULL, certificate, key, f);
    return code;
}

static enum fault_code make_certificates(const struct demo *demo, struct fault *f)
{
    const int64_t day = 86400, now = clock_wall_ms() / 1000;
    const struct make_subject ca = { .purpose = MAKE_CA,
                                     .common_name = "Cradle demo CA",
                                     .not_after = now + 3650 * day };
    const struct make_subject server = { .purpose = MAKE_SERVER,
                                         .common_name = "cradle.test",
                                         .names = { "localhost", "127.0.0.1" },
                                         .not_after = now + 825 * day };
    const struct make_subject handset = { .purpose = MAKE_HANDSET,
                                          .common_name = demo->mac[0].text,
                                          .not_after = now + 1825 * day };
    enum fault_code code = make_one(demo, &ca, "ca", false, f);
    if (code == FAULT_OK)
        code = make_one(demo, &server, "server", true, f);
    if (code == FAULT_OK)
        code = make_one(demo, &handset, "handset1", true, f);
    return code;
}

/* --- the catalog --- */

struct signal_flag {
    pthread_mutex_t lock;
    pthread_cond_t raised;
    bool up;
};

static void raise_flag(void *user)
{
    struct signal_flag *flag = user;
    pthread_mutex_lock(&flag->lock);
    flag->up = true;
    pthread_cond_signal(&flag->raised);
    pthread_mutex_unlock(&flag->lock);
}

static void await_flag(struct signal_flag *flag)
{
    pthread_mutex_lock(&flag->lock);
    while (!flag->up)
        pthread_cond_wait(&flag->raised, &flag->lock);
    flag->up = false;
    pthread_mutex_unlock(&flag->lock);
}

static enum fault_code store(const struct demo *demo, const char *name, const struct buf *text,
                             struct fault *f)
{
    struct signal_flag flag = { .lock = PTHREAD_MUTEX_INITIALIZER, .raised = PTHREAD_COND_INITIALIZER };
    const struct upload_options options = { .size = (int64_t)text->used,
                                            .progress = raise_flag,
                                            .user = &flag };
    struct path path;
    struct upload *upload = NULL;
    enum fault_code code = path_parse(name, strlen(name), &path, f);
    if (code == FAULT_OK)
        code = tree_put(demo->fleet, &demo->actor, &path, &options, &upload, f);
    for (size_t at = 0, taken = 0; code == FAULT_OK && at < text->used; at += taken) {
        code = upload_write(upload, text->data + at, text->used - at, &taken, f);
        if (code == FAULT_OK && taken < text->used - at)
            await_flag(&flag);
    }
    if (code == FAULT_OK) {
        upload_commit(upload);
        while (!upload_ended(upload))
            await_flag(&flag);
        struct upload_outcome outcome;
        code = upload_result(upload, &outcome, f);
    }
    upload_free(upload);
    return code;
}

static enum fault_code store_sample(const struct demo *demo, const char *name, struct fault *f)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    enum fault_code code = read_sample(demo, name, &text, f);
    if (code == FAULT_OK)
        code = store(demo, name, &text, f);
    buf_fini(&text);
    return code;
}

/* Copies `from` with @NAMES@ replaced. values: pairs of name and value, ended by NULL. */
static enum fault_code fill_in(const struct buf *from, const char *const *values, struct buf *to,
                               struct fault *f)
{
    enum fault_code code = FAULT_OK;
    for (const char *at = from->data; code == FAULT_OK && *at != '\0';) {
        const char *const *pair = values;
        while (pair[0] != NULL && strncmp(at, pair[0], strlen(pair[0])) != 0)
            pair += 2;
        if (pair[0] != NULL) {
            code = buf_text(to, pair[1], f);
            at += strlen(pair[0]);
        } else {
            code = buf_add(to, at++, 1, f);
        }
    }
    return code;
}

/* The file of one handset alone, with a SIP password of its own. */
static enum fault_code store_own(const struct demo *demo, int number, struct fault *f)
{
    char digit[12], extension[16], secret[SECRET_MADE_LENGTH + 1], name[64];
    snprintf(digit, sizeof digit, "%d", number + 1);
    snprintf(extension, sizeof extension, "30%02d", number + 1);
    snprintf(name, sizeof name, "%s-ext.cfg", demo->mac[number].text);
    secret_make(secret);
    const char *const values[] = {
        "@MAC@", demo->mac[number].text, "@NUMBER@", digit, "@EXTENSION@", extension, "@SECRET@", secret, NULL
    };
    struct buf sample, text;
    buf_init(&sample, 1 << 16);
    buf_init(&text, 1 << 17);
    enum fault_code code = read_sample(demo, "handset-ext.cfg", &sample, f);
    if (code == FAULT_OK)
        code = fill_in(&sample, values, &text, f);
    if (code == FAULT_OK)
        code = store(demo, name, &text, f);
    mem_wipe(secret, sizeof secret);
    buf_fini(&sample);
    buf_wipe(&text);
    return code;
}

static enum fault_code add_account(const struct demo *demo, const char *name, enum role role,
                                   const struct mac *mac, char made[SECRET_MADE_LENGTH + 1], struct fault *f)
{
    struct account account = { .role = role, .enabled = true };
    mem_copy_text(account.name, sizeof account.name, name);
    if (mac != NULL)
        account.mac = *mac;
    const struct account_change change = { .password = PASSWORD_MADE };
    return account_add(demo->fleet, NULL, &account, &change, made, f);
}

static enum fault_code fill_catalog(struct demo *demo, struct fault *f)
{
    demo->actor = (struct principal){ .role = ROLE_ADMINISTRATOR, .account = "admin" };
    enum fault_code code = add_account(demo, "admin", ROLE_ADMINISTRATOR, NULL, demo->admin, f);
    if (code == FAULT_OK)
        code = add_account(demo, "operator", ROLE_OPERATOR, NULL, demo->operator, f);
    for (int i = 0; code == FAULT_OK && i < DEMO_HANDSETS; i++) {
        char label[64];
        snprintf(label, sizeof label, "Ward 3, handset %d", i + 1);
        const struct handset_change change = { .label = label };
        code = handset_add(demo->fleet, &demo->actor, &demo->mac[i], &change, f);
        if (code == FAULT_OK)
            code = add_account(demo, demo->mac[i].text, ROLE_HANDSET, &demo->mac[i], demo->secret[i], f);
        if (code == FAULT_OK)
            code = store_own(demo, i, f);
    }
    static const char *const shared[] = { "000000000000.cfg", "site.cfg", "000000000000-directory.xml",
                                          "sip.ld" };
    for (size_t i = 0; code == FAULT_OK && i < ARRAY_LENGTH(shared); i++)
        code = store_sample(demo, shared[i], f);
    return code;
}

static enum fault_code make_catalog(struct demo *demo, struct fault *f)
{
    char file[PLACE_LIMIT];
    struct settings *settings = NULL;
    enum fault_code code = place(demo, "cradled.conf", file, f);
    if (code == FAULT_OK)
        code = settings_load(file, NULL, 0, &settings, f);
    if (code == FAULT_OK)
        code = fleet_init(settings, f);
    if (code == FAULT_OK)
        code = fleet_open(settings, &demo->fleet, f);
    if (code == FAULT_OK)
        code = place(demo, "audit.key", file, f);
    if (code == FAULT_OK)
        code = command_hand_out(demo->fleet, file, f);
    if (code == FAULT_OK)
        code = fill_catalog(demo, f);
    fleet_close(demo->fleet);
    demo->fleet = NULL;
    settings_free(settings);
    return code;
}

/* --- settings, and what others read --- */

static enum fault_code write_settings(const struct demo *demo, struct fault *f)
{
    char file[PLACE_LIMIT];
    struct buf text;
    buf_init(&text, 1 << 16);
    enum fault_code code = place(demo, "cradled.conf", file, f);
    if (code == FAULT_OK)
        code = buf_text(&text,
                        "# The demo site's settings; cradled.conf(5) tells of all others.\n"
                        "state = state\n"
                        "https_listen = 127.0.0.1:8443\n"
                        "ftps_listen = 127.0.0.1:9990\n"
                        "certificate = server.pem\n"
                        "certificate_key = server.key\n"
                        "ca_handset = ca.pem\n",
                        f);
    if (code == FAULT_OK)
        code = write_file(file, &text, f);
    buf_fini(&text);
    return code;
}

/* A name that a shell takes as it is stands bare: not every reader of such lines is a shell. */
static const char *quote_for(const char *text)
{
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+,:@";
    return text[strspn(text, plain)] == '\0' ? "" : "'";
}

static enum fault_code add_handset_lines(const struct demo *demo, const char *folder, struct buf *env,
                                         struct fault *f)
{
    const char *quote = quote_for(folder);
    enum fault_code code = FAULT_OK;
    for (int i = 0; code == FAULT_OK && i < DEMO_HANDSETS; i++)
        code = buf_printf(env, f,
                          "CRADLE_HANDSET%d_MAC=%s\nCRADLE_HANDSET%d_USER=%s\nCRADLE_HANDSET%d_PASSWORD=%s\n",
                          i + 1, demo->mac[i].text, i + 1, demo->mac[i].text, i + 1, demo->secret[i]);
    if (code == FAULT_OK)
        code = buf_printf(
            env, f,
            "CRADLE_HANDSET1_CERT=%s%s/site/handset1.pem%s\nCRADLE_HANDSET1_KEY=%s%s/site/handset1.key%s\n",
            quote, folder, quote, quote, folder, quote);
    return code;
}

static enum fault_code write_environment(const struct demo *demo, const char *folder, struct fault *f)
{
    char file[PLACE_LIMIT];
    const char *quote = quote_for(folder);
    struct buf env;
    buf_init(&env, 1 << 16);
    enum fault_code code = place(demo, "demo.env", file, f);
    if (code == FAULT_OK)
        code = buf_printf(&env, f,
                          "# The demo site, as shell lines.\n"
                          "CRADLE_URL=https://127.0.0.1:8443\n"
                          "CRADLE_FTPS=ftps://127.0.0.1:9990\n"
                          "CRADLE_CA=%s%s/site/ca.pem%s\n"
                          "CRADLE_AUDIT_KEY=%s%s/site/audit.key%s\n"
                          "CRADLE_ADMIN_USER=admin\nCRADLE_ADMIN_PASSWORD=%s\n"
                          "CRADLE_OPERATOR_USER=operator\nCRADLE_OPERATOR_PASSWORD=%s\n",
                          quote, folder, quote, quote, folder, quote, demo->admin, demo->operator);
    if (code == FAULT_OK)
        code = add_handset_lines(demo, folder, &env, f);
    if (code == FAULT_OK)
        code = write_file(file, &env, f);
    buf_wipe(&env);
    return code;
}

/* mac,user,password: what cradle-handset --credentials reads. */
static enum fault_code write_credentials(const struct demo *demo, struct fault *f)
{
    char file[PLACE_LIMIT];
    struct buf text;
    buf_init(&text, 1 << 16);
    enum fault_code code = place(demo, "handsets.csv", file, f);
    for (int i = 0; code == FAULT_OK && i < DEMO_HANDSETS; i++)
        code = buf_printf(&text, f, "%s,%s,%s\n", demo->mac[i].text, demo->mac[i].text, demo->secret[i]);
    if (code == FAULT_OK)
        code = write_file(file, &text, f);
    buf_wipe(&text);
    return code;
}

static enum fault_code make_site(struct demo *demo, const char *folder, struct fault *f)
{
    nftw(demo->making, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (mkdir(demo->making, 0700) != 0)
        return fault_set(f, FAULT_IO, "cannot make the folder %s: %s", demo->making, strerror(errno));
    for (int i = 0; i < DEMO_HANDSETS; i++)
        snprintf(demo->mac[i].text, sizeof demo->mac[i].text, "00907a%02x%02x%02x", secret_random_below(256),
                 secret_random_below(256), secret_random_below(85) * 3 + (unsigned)i);
    enum fault_code code = make_certificates(demo, f);
    if (code == FAULT_OK)
        code = write_settings(demo, f);
    if (code == FAULT_OK)
        code = make_catalog(demo, f);
    if (code == FAULT_OK)
        code = write_credentials(demo, f);
    if (code == FAULT_OK)
        code = write_environment(demo, folder, f);
    return code;
}

/* folder/demo.env is a copy of site/demo.env: it can be made again as long as the site is there. */
static enum fault_code copy_environment(const char *from, const char *to, struct fault *f)
{
    char fresh[PLACE_LIMIT + 8];
    snprintf(fresh, sizeof fresh, "%s.new", to);
    struct buf text;
    buf_init(&text, 1 << 16);
    enum fault_code code = read_file(from, &text, f);
    if (code == FAULT_OK)
        code = write_file(fresh, &text, f);
    if (code == FAULT_OK && rename(fresh, to) != 0)
        code = fault_set(f, FAULT_IO, "cannot rename %s: %s", fresh, strerror(errno));
    buf_wipe(&text);
    return code;
}

/* The whole of it, for an absolute folder. */
static enum fault_code make_demo(struct demo *demo, const char *folder, struct fault *f)
{
    char file[PLACE_LIMIT], site[PLACE_LIMIT], inner[PLACE_LIMIT];
    if (strlen(folder) > PLACE_LIMIT - 64)
        return fault_set(f, FAULT_INPUT, "the name of the demo folder is too long");
    if (strchr(folder, '\'') != NULL)
        return fault_set(f, FAULT_INPUT, "the name of the demo folder has a quote in it: use another");
    snprintf(file, sizeof file, "%.*s/demo.env", PLACE_LIMIT - 64, folder);
    snprintf(site, sizeof site, "%.*s/site", PLACE_LIMIT - 64, folder);
    snprintf(inner, sizeof inner, "%.*s/site/demo.env", PLACE_LIMIT - 64, folder);
    snprintf(demo->making, sizeof demo->making, "%.*s/site.new", PLACE_LIMIT - 64, folder);
    if (access(file, F_OK) == 0)
        return FAULT_OK;
    enum fault_code code = FAULT_OK;
    if (access(site, F_OK) != 0) {
        code = make_site(demo, folder, f);
        if (code == FAULT_OK && rename(demo->making, site) != 0)
            code = fault_set(f, FAULT_IO, "cannot rename %s: %s", demo->making, strerror(errno));
    }
    return code == FAULT_OK ? copy_environment(inner, file, f) : code;
}

int command_demo(const char *folder, const char *samples)
{
    struct fault f;
    struct demo demo = { .samples = samples };
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        fault_set(&f, FAULT_IO, "cannot make the folder %s: %s", folder, strerror(errno));
        return command_failed(&f);
    }
    AUTO_FREE char *absolute = realpath(folder, NULL);
    enum fault_code code = absolute == NULL
                               ? fault_set(&f, FAULT_IO, "cannot find %s: %s", folder, strerror(errno))
                               : make_demo(&demo, absolute, &f);
    mem_wipe(&demo, sizeof demo);
    return code == FAULT_OK ? COMMAND_OK : command_failed(&f);
}
