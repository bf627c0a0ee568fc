/* SPDX-License-Identifier: Apache-2.0 */
/* A lost handset: what denies it, what it takes along, and how it comes back. */
#include "fleet/account.h"
#include "fleet/certificate.h"
#include "fleet/evict.h"
#include "fleet/exposure.h"
#include "fleet/handset.h"
#include "fleet/lost.h"
#include "fleet/tree.h"
#include "site.h"

#define LOST  "00907a000001"
#define OTHER "00907a000002"
#define THIRD "00907a000003"

static struct site site;

static struct mac mac_of(const char *text)
{
    struct mac mac;
    assert_true(mac_parse(text, strlen(text), &mac));
    return mac;
}

static const struct principal admin = { .role = ROLE_ADMINISTRATOR,
                                        .account = "alice",
                                        .address = "192.0.2.1" };

static void store(const char *path, const char *text)
{
    struct fault f;
    struct path at;
    struct upload *upload = NULL;
    sem_t told;
    sem_init(&told, 0, 0);
    const struct upload_options options = {
        .progress = site_told, .user = &told, .size = -1, .unchecked = true
    };
    site_check(path_resolve(NULL, path, strlen(path), &at, &f), &f);
    site_check(tree_put(site.fleet, &admin, &at, &options, &upload, &f), &f);
    for (size_t done = 0, n = strlen(text), taken; done < n; done += taken)
        site_check(upload_write(upload, text + done, n - done, &taken, &f), &f);
    upload_commit(upload);
    while (!upload_ended(upload))
        sem_wait(&told);
    struct upload_outcome outcome;
    site_check(upload_result(upload, &outcome, &f), &f);
    upload_free(upload);
    sem_destroy(&told);
}

static int begin(void **state)
{
    (void)state;
    struct fault f;
    char made[SECRET_MADE_LENGTH + 1];
    static const char *const macs[] = { LOST, OTHER, THIRD };
    site_begin(&site, NULL);
    for (size_t i = 0; i < ARRAY_LENGTH(macs); i++) {
        struct mac mac = mac_of(macs[i]);
        struct account account = { .role = ROLE_HANDSET, .mac = mac, .enabled = true };
        struct account_change change = { .password = PASSWORD_MADE };
        mem_copy_text(account.name, sizeof account.name, macs[i]);
        site_check(handset_add(site.fleet, NULL, &mac, NULL, &f), &f);
        site_check(account_add(site.fleet, NULL, &account, &change, made, &f), &f);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    site_end(&site);
    return 0;
}

static void test_names_of_secrets(void **state)
{
    (void)state;
    static const struct {
        const char *name, *words; /* NULL: none */
    } rows[] = {
        { "device.wifi.psk.key", "Wi-Fi pre-shared key" },
        { "device.wifi.wpa2.psk", "Wi-Fi pre-shared key" },
        { "device.wifi.wpa2Ent.password", "802.1X" },
        { "device.wifi.wpaEnt.password", "802.1X" },
        { "device.wifi.wep.key1", "WEP" },
        { "device.sec.configEncryption.key", "encrypted configuration" },
        { "device.prov.password", "provisioning" },
        { "device.auth.localAdminPassword", "administrator's" },
        { "device.auth.localUserPassword", "user's" },
        { "reg.1.auth.password", "SIP" },
        { "reg.12.auth.password", "SIP" },
        { "REG.1.AUTH.PASSWORD", "SIP" },
        { "something.new.Password", "password" },
        { "device.prov.password.set", NULL },
        { "device.prov.user", NULL },
        { "device.wifi.securityMode", NULL },
        { "sec.pwd.length.admin", NULL },
        { "reg.1.auth.userId", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
        const char *what = exposure_recognise(rows[i].name);
        if ((what == NULL) != (rows[i].words == NULL) || (what && strstr(what, rows[i].words) == NULL))
            fail_msg("%s: %s", rows[i].name, what ? what : "nothing");
    }
}

static const struct exposure_secret *find(const struct exposure *e, const char *parameter, const char *path)
{
    for (size_t i = 0; i < e->n_secrets; i++)
        if (strcmp(e->secrets[i].parameter, parameter) == 0 && strcmp(e->secrets[i].path, path) == 0)
            return &e->secrets[i];
    fail_msg("%s in %s is not told", parameter, path);
    return NULL;
}

static void test_what_it_takes_along(void **state)
{
    (void)state;
    struct fault f;
    struct exposure e;
    struct mac lost = mac_of(LOST);
    store("/" LOST "-ext.cfg",
          "<handsetConfig><a reg.1.auth.password='only-mine' device.prov.password='shared-prov'"
          " device.wifi.wpa2Ent.password='' reg.1.label='shared-prov'/></handsetConfig>");
    store("/" LOST "-more.cfg", "<x><y device.wifi.psk.key='ward &amp; psk'/></x>");
    store("/" OTHER "-ext.cfg", "<x reg.2.auth.password='mine-too' device.wifi.psk.key='ward &amp; psk'/>");
    store("/" THIRD "-ext.cfg", "<x device.prov.password='shared-prov' old.password='shared-prov'/>");
    store("/" THIRD "-two.cfg", "<x device.auth.localAdminPassword='site-admin'/>");
    store("/site.cfg", "<x device.auth.localAdminPassword='site-admin'/>");
    store("/master.xml", "<M CONFIG_FILES='https://user:pw@host/a.cfg, b.cfg'/>");
    store("/secret.cfg", "Crypt=1;KeyDesc=ward;Digest=00;\nxxxx");
    store("/" LOST "-broken.cfg", "<x device.prov.password='late' ");
    store("/" OTHER "-closed.cfg", "Crypt=1;KeyDesc=ward;Digest=00;\nxxxx");
    store("/logo.txt", "reg.1.auth.password=none of this");
    site_check(exposure_look(site.fleet, &lost, &e, &f), &f);
    assert_int_equal(e.n_secrets, 5);
    const struct exposure_secret *s = find(&e, "reg.1.auth.password", "/" LOST "-ext.cfg");
    assert_int_equal(s->holders, 0);
    assert_false(s->shared);
    s = find(&e, "device.prov.password", "/" LOST "-ext.cfg");
    assert_int_equal(s->holders, 1); /* though it stands there twice */
    assert_string_equal(s->others[0].text, THIRD);
    s = find(&e, "device.wifi.psk.key", "/" LOST "-more.cfg");
    assert_int_equal(s->holders, 1);
    assert_string_equal(s->others[0].text, OTHER);
    s = find(&e, "device.auth.localAdminPassword", "/site.cfg");
    assert_true(s->shared);
    assert_int_equal(s->holders, 1);
    assert_string_equal(s->others[0].text, THIRD);
    s = find(&e, "CONFIG_FILES", "/master.xml");
    assert_string_equal(s->what, "name and password in an address");
    assert_int_equal(e.n_closed, 2);
    for (size_t i = 0; i < e.n_closed; i++)
        assert_int_equal(e.closed[i].encrypted, strcmp(e.closed[i].path, "/secret.cfg") == 0);
    assert_int_equal(e.others_closed, 1);
    assert_false(e.cut);
    exposure_fini(&e);
}

static struct listener {
    struct evict_observer observer;
    int told;
} listener;

static void listen(struct evict_observer *observer, const struct eviction *eviction)
{
    CONTAINER_OF(observer, struct listener, observer)->told++;
    assert_string_equal(eviction->mac.text, LOST);
}

static void test_everything_is_denied_and_comes_back_bare(void **state)
{
    (void)state;
    struct fault f;
    struct mac lost = mac_of(LOST);
    struct handset h;
    struct account account;
    struct certificate c;
    struct lost_outcome outcome;
    char pin[65], seen[65];
    memset(pin, 'a', 64), memset(seen, 'b', 64);
    pin[64] = seen[64] = '\0';
    struct handset_change change = { .pinned = pin, .set_expired = true, .accept_expired = true };
    site_check(handset_change(site.fleet, NULL, &lost, &change, &f), &f);
    struct tls_peer peer = { .state = TLS_PEER_VERIFIED };
    memcpy(peer.fingerprint, seen, sizeof seen);
    certificate_seen(site.fleet, &peer, ROLE_HANDSET, LOST);
    db_flush(site.fleet->db);
    assert_int_equal(lost_found(site.fleet, &admin, &lost, &f), FAULT_CONFLICT);

    struct principal operator= { .role = ROLE_OPERATOR, .account = "olga" };
    struct mac nobody = mac_of("00907a0000ff");
    assert_int_equal(lost_report(site.fleet, &operator, & lost, &outcome, &f), FAULT_FORBIDDEN);
    assert_int_equal(lost_report(site.fleet, &admin, &nobody, &outcome, &f), FAULT_ABSENT);
    listener.observer.evicted = listen;
    evict_observe(site.fleet->evictions, &listener.observer);
    site_check(account_get(site.fleet, LOST, &account, &f), &f);
    int64_t before = account.changed;
    site_check(lost_report(site.fleet, &admin, &lost, &outcome, &f), &f);
    evict_forget(site.fleet->evictions, &listener.observer);
    assert_int_equal(listener.told, 1);
    assert_int_equal(outcome.accounts, 1);
    assert_int_equal(outcome.certificates, 1);
    site_check(handset_get(site.fleet, &lost, &h, &f), &f);
    assert_true(h.lost > 0 && !h.enabled && !h.accept_expired && h.pinned[0] == '\0');
    site_check(account_get(site.fleet, LOST, &account, &f), &f);
    assert_true(!account.enabled && !account.has_password && account.changed > before);
    site_check(certificate_get(site.fleet, seen, &c, &f), &f);
    assert_true(c.revoked > 0);
    site_check(certificate_get(site.fleet, pin, &c, &f), &f);
    assert_true(c.revoked > 0);
    site_check(account_get(site.fleet, OTHER, &account, &f), &f);
    assert_true(account.enabled && account.has_password);
    /* Not by the back door. */
    change = (struct handset_change){ .set_enabled = true, .enabled = true };
    assert_int_equal(handset_change(site.fleet, &admin, &lost, &change, &f), FAULT_CONFLICT);
    /* Said again, it keeps its time. */
    int64_t when = h.lost;
    site_check(lost_report(site.fleet, &admin, &lost, &outcome, &f), &f);
    assert_int_equal(outcome.certificates, 0);
    site_check(handset_get(site.fleet, &lost, &h, &f), &f);
    assert_int_equal(h.lost, when);

    site_check(lost_found(site.fleet, &admin, &lost, &f), &f);
    site_check(handset_get(site.fleet, &lost, &h, &f), &f);
    assert_true(h.lost == 0 && h.enabled && h.pinned[0] == '\0');
    site_check(account_get(site.fleet, LOST, &account, &f), &f);
    assert_true(account.enabled && !account.has_password);
    site_check(certificate_get(site.fleet, seen, &c, &f), &f);
    assert_true(c.revoked > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_secrets),
        cmocka_unit_test_setup_teardown(test_what_it_takes_along, begin, end),
        cmocka_unit_test_setup_teardown(test_everything_is_denied_and_comes_back_bare, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
