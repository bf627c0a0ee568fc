/* SPDX-License-Identifier: Apache-2.0 */
#include "site.h"

#include "base/log.h"
#include "fleet/audit.h"
#include "fleet/audit_carry.h"

#include <pthread.h>

#define EVENT(...) (&(const struct audit_event){ __VA_ARGS__ })

static struct chain_record decoded(const struct audit_row *row)
{
    struct chain_record record;
    assert_int_equal(chain_decode(row->record, row->n, &record, NULL), FAULT_OK);
    assert_int_equal(record.number, row->number);
    return record;
}

/* All records; the caller frees. */
static struct audit_row *all(struct site *site, size_t *ret_count)
{
    struct fault f;
    struct audit_row *rows = NULL;
    db_flush(site->fleet->db);
    site_check(audit_list(site->fleet, 0, 0, 1000, &rows, ret_count, &f), &f);
    return rows;
}

/* Holds every record from the key's first on against its mac, by hand; gives how many there are of them. */
static size_t verified(struct site *site, const struct chain_key *key)
{
    size_t count = 0, held = 0;
    AUTO_FREE struct audit_row *rows = all(site, &count);
    struct chain_state at = { .number = key->first, .key = key->key };
    for (size_t i = 0; i < count; i++) {
        struct secret_digest mac;
        assert_int_equal(rows[i].number, i + 1);
        if (rows[i].number >= key->first) {
            chain_step(&at, rows[i].record, rows[i].n, &mac);
            assert_memory_equal(&mac, &rows[i].mac, sizeof mac);
            held++;
        }
        at.mac = rows[i].mac;
    }
    return held;
}

static struct chain_key renewed(struct site *site)
{
    struct fault f;
    struct chain_key key;
    site_check(audit_offer(site->fleet, &key, &f), &f);
    site_check(audit_renew(site->fleet, &key, &f), &f);
    return key;
}

static enum fault_code add_work(struct db_conn *conn, void *user, struct fault *f)
{
    struct site *site = user;
    return audit_add(site->fleet, conn, EVENT(.kind = AUDIT_KIND_HANDSET_ADDED, .target = "00907a000001"), f);
}

static void test_records_say_who_and_what(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    size_t count;
    struct principal who = { .role = ROLE_OPERATOR,
                             .account = "olga",
                             .address = "192.0.2.1",
                             .by_certificate = true,
                             .fingerprint = "00ff" };
    site_begin(&site, NULL);
    struct chain_key key = renewed(&site);
    assert_int_equal(key.first, 1);
    audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_LOG_READ, .who = &who, .target = "/@log/a\nb"));
    audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_LOGIN_REFUSED, .name = "mallory\x1b",
                                 .address = "192.0.2.9", .outcome = "refused", .detail = "wrong password"));
    site_check(site_write(&site, add_work, &site, &f), &f);
    assert_int_equal(verified(&site, &key), 4);
    AUTO_FREE struct audit_row *rows = all(&site, &count);
    struct chain_record r = decoded(&rows[0]);
    assert_string_equal(r.event, "audit.begin");
    r = decoded(&rows[1]);
    assert_string_equal(r.event, "log.read");
    assert_string_equal(r.who, "olga");
    assert_string_equal(r.role, "operator");
    assert_string_equal(r.address, "192.0.2.1");
    assert_string_equal(r.certificate, "00ff");
    assert_string_equal(r.target, "/@log/a\\x0ab");
    assert_string_equal(r.outcome, "ok");
    r = decoded(&rows[2]);
    assert_string_equal(r.who, "mallory\\x1b");
    assert_string_equal(r.role, "");
    assert_string_equal(r.outcome, "refused");
    assert_string_equal(r.detail, "wrong password");
    site_end(&site);
}

static enum fault_code failing_work(struct db_conn *conn, void *user, struct fault *f)
{
    enum fault_code code = add_work(conn, user, f);
    return code == FAULT_OK ? fault_set(f, FAULT_CONFLICT, "on purpose") : code;
}

/* A write that is undone takes its record along and leaves no gap, alone and between others of its group. */
static void test_undone_with_its_write(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    site_begin(&site, NULL);
    struct chain_key key = renewed(&site);
    for (int i = 0; i < 5; i++) {
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_FILE_STORED, .target = "/a"));
        assert_int_equal(site_write(&site, failing_work, &site, &f), FAULT_CONFLICT);
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_FILE_REMOVED, .target = "/a"));
        assert_int_equal(site_write(&site, failing_work, &site, &f), FAULT_CONFLICT);
    }
    assert_int_equal(verified(&site, &key), 11);
    site_restart(&site);
    site_check(site_write(&site, add_work, &site, &f), &f);
    assert_int_equal(verified(&site, &key), 12);
    site_end(&site);
}

static void test_begins_by_itself(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    bool handed = true;
    size_t count;
    site_begin(&site, NULL);
    site_check(audit_is_handed(site.fleet, &handed, &f), &f);
    assert_false(handed);
    site_check(site_write(&site, add_work, &site, &f), &f);
    AUTO_FREE struct audit_row *rows = all(&site, &count);
    assert_int_equal(count, 2);
    assert_string_equal(decoded(&rows[0]).detail, "by itself: its verification key is nobody's");
    /* A new one ends it, and is bound to it. */
    struct chain_key key = renewed(&site);
    assert_int_equal(key.first, 4);
    site_check(audit_is_handed(site.fleet, &handed, &f), &f);
    assert_true(handed);
    AUTO_FREE struct audit_row *more = all(&site, &count);
    char hex[65], wanted[160];
    secret_hex(more[2].mac.bytes, 32, hex);
    snprintf(wanted, sizeof wanted, "its verification key was handed out; before=3:%s", hex);
    assert_string_equal(decoded(&more[2]).event, "audit.end");
    assert_string_equal(decoded(&more[3]).event, "audit.begin");
    assert_string_equal(decoded(&more[3]).detail, wanted);
    assert_int_equal(verified(&site, &key), 1);
    site_end(&site);
}

static void test_offer_that_is_late(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct chain_key key;
    size_t count;
    site_begin(&site, NULL);
    site_check(audit_offer(site.fleet, &key, &f), &f);
    site_check(site_write(&site, add_work, &site, &f), &f);
    assert_int_equal(audit_renew(site.fleet, &key, &f), FAULT_CONFLICT);
    free(all(&site, &count));
    assert_int_equal(count, 2);
    site_end(&site);
}

static void test_old_records_go(void **state)
{
    (void)state;
    const char *const overrides[] = { "audit_keep=1d", NULL };
    struct site site;
    struct fault f;
    size_t count;
    char hex[65], wanted[96];
    site_begin(&site, overrides);
    clock_freeze(1000000000, 0);
    renewed(&site);
    for (int i = 0; i < 3; i++)
        site_check(site_write(&site, add_work, &site, &f), &f);
    AUTO_FREE struct audit_row *before = all(&site, &count);
    assert_int_equal(count, 4);
    clock_freeze(1000000000 + 86400000 + 1, 86400000);
    site_check(site_write(&site, add_work, &site, &f), &f);
    audit_prune(site.fleet);
    AUTO_FREE struct audit_row *rows = all(&site, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].number, 5);
    secret_hex(before[3].mac.bytes, 32, hex);
    snprintf(wanted, sizeof wanted, "through=4:%s", hex);
    assert_string_equal(decoded(&rows[1]).event, "audit.pruned");
    assert_string_equal(decoded(&rows[1]).detail, wanted);
    audit_prune(site.fleet); /* nothing is left to do: no record either */
    free(all(&site, &count));
    assert_int_equal(count, 2);
    site_end(&site);
}

static void test_told_once_in_a_while(void **state)
{
    (void)state;
    struct site site;
    size_t count;
    struct principal who = { .role = ROLE_HANDSET, .mac = { "00907a000001" }, .address = "192.0.2.1" };
    site_begin(&site, NULL);
    clock_freeze(1000, 1000);
    for (int i = 0; i < 30; i++) {
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_LOGIN_GRANTED, .who = &who, .target = "https"));
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_LOGIN_REFUSED, .name = "x", .address = "192.0.2.2"));
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_FILE_STORED, .target = "/a"));
    }
    clock_freeze(1000, 1000 + 3600000);
    audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_LOGIN_GRANTED, .who = &who, .target = "https"));
    AUTO_FREE struct audit_row *rows = all(&site, &count);
    assert_int_equal(count, 1 + 1 + 1 + 30 + 1);
    assert_string_equal(decoded(&rows[count - 1]).detail, "29 more since the last one told");
    clock_thaw();
    site_end(&site);
}

/* The writer stands still while more is noted than may wait. */
struct block {
    sem_t entered, go;
};
static enum fault_code block_work(struct db_conn *conn, void *user, struct fault *f)
{
    struct block *block = user;
    (void)conn, (void)f;
    sem_post(&block->entered);
    sem_wait(&block->go);
    return FAULT_OK;
}
static void *block_thread(void *user)
{
    struct block *block = ((void **)user)[1];
    site_write(((void **)user)[0], block_work, block, NULL);
    return NULL;
}

static void test_losses_are_recorded(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct block block;
    pthread_t thread;
    size_t count;
    void *both[2] = { &site, &block };
    log_threshold(LOG_LEVEL_ERROR);
    site_begin(&site, NULL);
    struct chain_key key = renewed(&site);
    site_check(audit_serve(site.fleet, "version=test", &f), &f);
    sem_init(&block.entered, 0, 0);
    sem_init(&block.go, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, block_thread, both), 0);
    sem_wait(&block.entered);
    for (int i = 0; i < 8192 + 7; i++)
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_FILE_STORED, .target = "/a"));
    sem_post(&block.go);
    pthread_join(thread, NULL);
    site_restart(&site); /* the end tells what is left to be told */
    struct audit_row *rows = NULL;
    site_check(audit_list(site.fleet, 8192, 0, 1000, &rows, &count, &f), &f);
    assert_int_equal(count, 4); /* two of them before the notes: begin and start */
    assert_string_equal(decoded(&rows[2]).event, "audit.lost");
    assert_string_equal(decoded(&rows[2]).detail, "7 records could not be written");
    assert_string_equal(decoded(&rows[3]).event, "daemon.stop");
    free(rows);
    (void)key;
    sem_destroy(&block.entered);
    sem_destroy(&block.go);
    site_end(&site);
}

static void test_many_old_records_go(void **state)
{
    (void)state;
    const char *const overrides[] = { "audit_keep=1d", NULL };
    struct site site;
    size_t count;
    site_begin(&site, overrides);
    clock_freeze(1000000000, 0);
    for (int i = 0; i < 2500; i++)
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_FILE_STORED, .target = "/a"));
    db_flush(site.fleet->db);
    clock_freeze(1000000000 + 2 * 86400000, 86400000);
    for (int batch = 1; batch <= 3; batch++) {
        audit_prune(site.fleet);
        AUTO_FREE struct audit_row *rows = all(&site, &count);
        assert_int_equal(rows[0].number, batch < 3 ? batch * 1000 + 1 : 2502);
    }
    assert_int_equal(count, 3); /* that they went, three times */
    site_end(&site);
}

/* As a restore does it: the older catalog takes the place of the newer one, and the trail goes on. */
static void test_carried_to_a_former_copy(void **state)
{
    (void)state;
    struct site site;
    struct fault f;
    struct db *former = NULL;
    int64_t records = 0;
    size_t count = 0;
    char copy[128], catalog[128];
    site_begin(&site, NULL);
    struct chain_key key = renewed(&site);
    for (int i = 0; i < 1200; i++)
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_FILE_STORED, .target = "/a"));
    fleet_close(site.fleet);
    snprintf(catalog, sizeof catalog, "%s/state/catalog.db", site.folder);
    snprintf(copy, sizeof copy, "%s/former.db", site.folder);
    const struct db_options present = { .file = catalog, .busy_ms = 1000 },
                            options = { .file = copy, .busy_ms = 1000 };
    site_check(db_open(&present, &former, NULL, &f), &f);
    site_check(db_snapshot(former, copy, &f), &f);
    db_close(former);
    site_open(&site);
    for (int i = 0; i < 3; i++)
        audit_note(site.fleet, EVENT(.kind = AUDIT_KIND_FILE_STORED, .target = "/since"));
    db_flush(site.fleet->db);
    site_check(db_open(&options, &former, NULL, &f), &f);
    site_check(audit_carry(site.fleet->db, former, &records, &f), &f);
    assert_int_equal(records, 1204);
    db_close(former);
    fleet_close(site.fleet);
    assert_int_equal(rename(copy, catalog), 0);
    site_open(&site);
    site_check(site_write(&site, add_work, &site, &f), &f);
    struct chain_state at = { .number = 1, .key = key.key };
    while (at.number <= 1205) {
        struct audit_row *rows = NULL;
        site_check(audit_list(site.fleet, at.number - 1, 0, 1000, &rows, &count, &f), &f);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            struct secret_digest mac;
            chain_step(&at, rows[i].record, rows[i].n, &mac);
            assert_memory_equal(&mac, &rows[i].mac, sizeof mac);
        }
        free(rows);
    }
    assert_int_equal(at.number, 1206);
    site_end(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_say_who_and_what), cmocka_unit_test(test_undone_with_its_write),
        cmocka_unit_test(test_begins_by_itself),         cmocka_unit_test(test_offer_that_is_late),
        cmocka_unit_test(test_old_records_go),           cmocka_unit_test(test_told_once_in_a_while),
        cmocka_unit_test(test_carried_to_a_former_copy), cmocka_unit_test(test_losses_are_recorded),
        cmocka_unit_test(test_many_old_records_go),
    };
    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
