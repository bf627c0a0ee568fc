/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/throttle.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "fleet/account.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A hash says in which set a row lies. */
#define WAYS          4
#define PAIR_SETS     (THROTTLE_PAIRS / WAYS)
#define ADDRESS_SETS  (THROTTLE_ADDRESSES / WAYS)
#define KNOWN_SETS    (THROTTLE_KNOWN / WAYS)
#define DOUBLINGS_MAX 40 /* 1 ms becomes 34 years: no delay grows further */

/* Times are of the steady clock. A row with failures (accounts) 0 is free. */
struct pair {
    uint64_t key[2], address; /* hashes of the pair, and of its address alone */
    struct origin origin;
    char account[ACCOUNT_NAME_LIMIT + 1];
    int64_t failures;
    int64_t last, until; /* the last failure, and the end of the penalty that it brought */
    int64_t turn;        /* the last that it was let into the slow lane */
    int64_t window;      /* its address's, when it was counted there last; 0: it was not */
};
struct address {
    uint64_t key;
    struct origin origin;
    int64_t accounts; /* that failed since `window` began */
    int64_t window, last;
};
struct known {
    uint64_t key;  /* half of the pair's */
    int64_t last;  /* that it got in; 0: free */
    int64_t since; /* when `firsts` began to be counted */
    uint8_t firsts, tag;
};

struct throttle {
    struct secret_key key; /* this process's own: who chooses names and addresses cannot choose their sets */
    pthread_mutex_t lock;  /* of what follows */
    struct pair pair[PAIR_SETS][WAYS];
    struct address address[ADDRESS_SETS][WAYS];
    struct known known[KNOWN_SETS][WAYS];
};

struct throttle *throttle_new(void)
{
    struct throttle *throttle = calloc(1, sizeof *throttle);
    if (throttle == NULL)
        return NULL;
    secret_random(&throttle->key, sizeof throttle->key);
    pthread_mutex_init(&throttle->lock, NULL);
    return throttle;
}

void throttle_free(struct throttle *throttle)
{
    if (throttle == NULL)
        return;
    pthread_mutex_destroy(&throttle->lock);
    mem_wipe_free(throttle, sizeof *throttle);
}

/* --- an attempt --- */

enum fault_code throttle_begin(struct fleet *fleet, const char *account, const char *password,
                               const char *address, struct throttle_try *ret_try, struct fault *f)
{
    struct throttle_try attempt = { .begun = true };
    struct secret_digest digest;
    origin_parse(address, &attempt.origin);
    const char *said = account_canonical(account, attempt.account) ? attempt.account : account;
    struct secret_mac_state *state = secret_mac_new(&fleet->throttle->key);
    if (state == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a login");
    secret_mac_add(state, &attempt.origin, sizeof attempt.origin);
    secret_mac_peek(state, &digest);
    memcpy(&attempt.address, digest.bytes, sizeof attempt.address);
    /* The terminating NULs keep what follows apart. */
    secret_mac_add(state, said, strlen(said) + 1);
    secret_mac_peek(state, &digest);
    memcpy(attempt.pair, digest.bytes, sizeof attempt.pair);
    secret_mac_add(state, password, strlen(password) + 1);
    secret_mac_peek(state, &digest);
    attempt.tag = digest.bytes[0];
    secret_mac_free(state);
    mem_wipe(&digest, sizeof digest);
    if (said == account)
        (void)log_value(account, attempt.account, sizeof attempt.account);
    *ret_try = attempt;
    return FAULT_OK;
}

/* --- rows --- */

static bool pair_is_forgotten(const struct pair *pair, const struct settings *settings, int64_t now)
{
    return pair->failures == 0 || (now - pair->last >= settings->throttle_forget && now >= pair->until);
}

/* NULL: it has not failed, or that is forgotten. */
static struct pair *find_pair(struct throttle *throttle, const struct throttle_try *attempt,
                              const struct settings *settings, int64_t now)
{
    struct pair *set = throttle->pair[attempt->pair[0] % PAIR_SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key[0] == attempt->pair[0] && set[i].key[1] == attempt->pair[1] &&
            !pair_is_forgotten(&set[i], settings, now))
            return &set[i];
    return NULL;
}

/* A row for a pair that has none: a forgotten one's, or that of the mildest, longest ago. */
static struct pair *take_pair(struct throttle *throttle, const struct throttle_try *attempt,
                              const struct settings *settings, int64_t now)
{
    struct pair *set = throttle->pair[attempt->pair[0] % PAIR_SETS], *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (pair_is_forgotten(&set[i], settings, now)) {
            place = &set[i];
            break;
        }
        if (set[i].failures < place->failures ||
            (set[i].failures == place->failures && set[i].last < place->last))
            place = &set[i];
    }
    *place = (struct pair){ .key = { attempt->pair[0], attempt->pair[1] },
                            .address = attempt->address,
                            .origin = attempt->origin };
    (void)mem_copy_text(place->account, sizeof place->account, attempt->account);
    return place;
}

static bool address_is_forgotten(const struct address *address, const struct settings *settings, int64_t now)
{
    return address->accounts == 0 || now - address->window >= settings->throttle_forget;
}

static struct address *find_address(struct throttle *throttle, uint64_t key, const struct settings *settings,
                                    int64_t now)
{
    struct address *set = throttle->address[key % ADDRESS_SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key == key && !address_is_forgotten(&set[i], settings, now))
            return &set[i];
    return NULL;
}

static struct address *take_address(struct throttle *throttle, const struct throttle_try *attempt,
                                    const struct settings *settings, int64_t now)
{
    struct address *set = throttle->address[attempt->address % ADDRESS_SETS], *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (address_is_forgotten(&set[i], settings, now)) {
            place = &set[i];
            break;
        }
        if (set[i].accounts < place->accounts ||
            (set[i].accounts == place->accounts && set[i].last < place->last))
            place = &set[i];
    }
    *place = (struct address){ .key = attempt->address, .origin = attempt->origin, .window = now };
    return place;
}

/* The pair's, whatever the password. */
static struct known *find_known(struct throttle *throttle, const struct throttle_try *attempt, int64_t now)
{
    struct known *set = throttle->known[attempt->pair[0] % KNOWN_SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].last != 0 && set[i].key == attempt->pair[1] && now - set[i].last < THROTTLE_KNOWN_MS)
            return &set[i];
    return NULL;
}

static bool fits(const struct known *known, const struct throttle_try *attempt)
{
    return known != NULL && known->tag == attempt->tag;
}

static bool is_throttled(const struct address *address, const struct settings *settings)
{
    return settings->throttle_accounts > 0 && address->accounts > settings->throttle_accounts;
}

/* --- judging --- */

bool throttle_knows(struct fleet *fleet, const struct throttle_try *attempt)
{
    int64_t now = clock_steady_ms();
    pthread_mutex_lock(&fleet->throttle->lock);
    bool known = fits(find_known(fleet->throttle, attempt, now), attempt);
    pthread_mutex_unlock(&fleet->throttle->lock);
    return known;
}

static bool may_go_first(struct known *known, int64_t now)
{
    if (now - known->since >= THROTTLE_FIRSTS_MS) {
        known->since = now;
        known->firsts = 0;
    }
    if (known->firsts == THROTTLE_FIRSTS)
        return false;
    known->firsts++;
    return true;
}

static enum throttle_lane lane_of(struct throttle *throttle, const struct throttle_try *attempt,
                                  const struct settings *settings, int64_t now)
{
    struct known *known = find_known(throttle, attempt, now);
    if (fits(known, attempt) && may_go_first(known, now))
        return THROTTLE_FIRST;
    struct pair *pair = find_pair(throttle, attempt, settings, now);
    if (pair != NULL && now < pair->until) {
        /* Who does not wait for the answer learns no faster: one guess a refusal_delay, however many are
         * sent. */
        if (pair->turn != 0 && now - pair->turn < settings->refusal_delay)
            return THROTTLE_AWAY;
        pair->turn = now;
        return THROTTLE_SLOW;
    }
    const struct address *address = find_address(throttle, attempt->address, settings, now);
    return address != NULL && is_throttled(address, settings) ? THROTTLE_SLOW : THROTTLE_OPEN;
}

enum throttle_lane throttle_lane(struct fleet *fleet, const struct throttle_try *attempt)
{
    struct throttle *throttle = fleet->throttle;
    const struct settings *settings = fleet->settings;
    int64_t now = clock_steady_ms();
    pthread_mutex_lock(&throttle->lock);
    enum throttle_lane lane = lane_of(throttle, attempt, settings, now);
    pthread_mutex_unlock(&throttle->lock);
    return lane;
}

static int64_t delay_after(const struct settings *settings, int64_t doublings)
{
    int64_t delay = settings->refusal_delay, max = settings->throttle_max;
    for (int64_t i = 0; i < doublings && i < DOUBLINGS_MAX && delay < max; i++)
        delay *= 2;
    if (delay <= max)
        return delay;
    return max > settings->refusal_delay ? max : settings->refusal_delay;
}

/* An account counts once in its address's window, however often it fails. */
static void charge_address(struct throttle *throttle, const struct throttle_try *attempt, struct pair *pair,
                           const struct settings *settings, int64_t now, struct throttle_charge *charge)
{
    struct address *address = find_address(throttle, attempt->address, settings, now);
    if (address == NULL)
        address = take_address(throttle, attempt, settings, now);
    address->last = now;
    if (pair->window == address->window)
        return;
    pair->window = address->window;
    address->accounts++;
    charge->address_is_news =
        settings->throttle_accounts > 0 && address->accounts == settings->throttle_accounts + 1;
}

static void charge_pair(struct throttle *throttle, const struct throttle_try *attempt, bool admitted,
                        const struct settings *settings, int64_t now, struct throttle_charge *charge)
{
    struct pair *pair = find_pair(throttle, attempt, settings, now);
    if (pair == NULL)
        pair = take_pair(throttle, attempt, settings, now);
    if (!admitted)
        charge_address(throttle, attempt, pair, settings, now, charge);
    const struct address *address = find_address(throttle, attempt->address, settings, now);
    charge->accounts = address != NULL ? address->accounts : 0;
    charge->failures = ++pair->failures;
    charge->pair_is_news = pair->failures == THROTTLE_TELL;
    int64_t doublings = pair->failures - 1;
    if (address != NULL && is_throttled(address, settings))
        doublings += address->accounts - settings->throttle_accounts;
    charge->delay = delay_after(settings, doublings);
    pair->last = now;
    pair->until = now + charge->delay;
}

void throttle_failed(struct fleet *fleet, const struct throttle_try *attempt, bool admitted,
                     struct throttle_charge *ret_charge)
{
    struct throttle *throttle = fleet->throttle;
    const struct settings *settings = fleet->settings;
    struct throttle_charge charge = { .delay = settings->refusal_delay };
    int64_t now = clock_steady_ms();
    if (attempt->begun) {
        pthread_mutex_lock(&throttle->lock);
        charge_pair(throttle, attempt, admitted, settings, now, &charge);
        pthread_mutex_unlock(&throttle->lock);
    }
    *ret_charge = charge;
}

static void clear_pair(struct throttle *throttle, struct pair *pair, const struct settings *settings,
                       int64_t now)
{
    struct address *address = find_address(throttle, pair->address, settings, now);
    if (address != NULL && pair->window == address->window)
        address->accounts--;
    *pair = (struct pair){ 0 };
}

static void keep_known(struct throttle *throttle, const struct throttle_try *attempt, int64_t now)
{
    struct known *set = throttle->known[attempt->pair[0] % KNOWN_SETS];
    struct known *place = find_known(throttle, attempt, now);
    if (place == NULL) {
        place = &set[0];
        for (size_t i = 1; i < WAYS; i++)
            if (set[i].last < place->last)
                place = &set[i];
    }
    *place = (struct known){ .key = attempt->pair[1], .last = now, .tag = attempt->tag };
}

void throttle_succeeded(struct fleet *fleet, const struct throttle_try *attempt, bool keep)
{
    struct throttle *throttle = fleet->throttle;
    const struct settings *settings = fleet->settings;
    int64_t now = clock_steady_ms();
    if (!attempt->begun)
        return;
    pthread_mutex_lock(&throttle->lock);
    struct pair *pair = find_pair(throttle, attempt, settings, now);
    if (pair != NULL)
        clear_pair(throttle, pair, settings, now);
    if (keep)
        keep_known(throttle, attempt, now);
    pthread_mutex_unlock(&throttle->lock);
}

/* --- what an operator sees and lifts --- */

static void show_pair(const struct pair *pair, int64_t ahead, struct throttle_suspect *out)
{
    *out = (struct throttle_suspect){ .failures = pair->failures,
                                      .last = pair->last + ahead,
                                      .until = pair->until + ahead };
    (void)mem_copy_text(out->account, sizeof out->account, pair->account);
    origin_text(&pair->origin, out->address);
}

static void show_address(const struct address *address, const struct settings *settings, int64_t ahead,
                         struct throttle_suspect *out)
{
    *out = (struct throttle_suspect){ .is_address = true,
                                      .failures = address->accounts,
                                      .last = address->last + ahead,
                                      .until = address->window + settings->throttle_forget + ahead };
    origin_text(&address->origin, out->address);
}

static int by_failures(const void *a, const void *b)
{
    const struct throttle_suspect *x = a, *y = b;
    if (x->failures != y->failures)
        return x->failures < y->failures ? 1 : -1;
    return (x->last < y->last) - (x->last > y->last);
}

enum fault_code throttle_list(struct fleet *fleet, struct throttle_suspect **ret_list, size_t *ret_count,
                              struct fault *f)
{
    struct throttle *throttle = fleet->throttle;
    const struct settings *settings = fleet->settings;
    struct throttle_suspect *list = calloc(THROTTLE_PAIRS + THROTTLE_ADDRESSES, sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return fault_set(f, FAULT_MEMORY, "out of memory for a list");
    int64_t now = clock_steady_ms(), ahead = clock_wall_ms() - now;
    pthread_mutex_lock(&throttle->lock);
    for (size_t i = 0; i < THROTTLE_PAIRS; i++) {
        const struct pair *pair = &throttle->pair[i / WAYS][i % WAYS];
        if (!pair_is_forgotten(pair, settings, now))
            show_pair(pair, ahead, &list[count++]);
    }
    for (size_t i = 0; i < THROTTLE_ADDRESSES; i++) {
        const struct address *address = &throttle->address[i / WAYS][i % WAYS];
        if (!address_is_forgotten(address, settings, now) && is_throttled(address, settings))
            show_address(address, settings, ahead, &list[count++]);
    }
    pthread_mutex_unlock(&throttle->lock);
    qsort(list, count, sizeof *list, by_failures);
    *ret_list = list;
    *ret_count = count;
    return FAULT_OK;
}

static bool is_of(const struct origin *origin, const char *address)
{
    char text[ORIGIN_TEXT_LIMIT];
    origin_text(origin, text);
    return address == NULL || strcmp(text, address) == 0;
}

size_t throttle_forgive(struct fleet *fleet, const char *account, const char *address)
{
    struct throttle *throttle = fleet->throttle;
    const struct settings *settings = fleet->settings;
    int64_t now = clock_steady_ms();
    size_t count = 0;
    pthread_mutex_lock(&throttle->lock);
    for (size_t i = 0; account == NULL && i < THROTTLE_ADDRESSES; i++) {
        struct address *row = &throttle->address[i / WAYS][i % WAYS];
        if (address_is_forgotten(row, settings, now) || !is_of(&row->origin, address))
            continue;
        count += is_throttled(row, settings);
        *row = (struct address){ 0 };
    }
    for (size_t i = 0; i < THROTTLE_PAIRS; i++) {
        struct pair *row = &throttle->pair[i / WAYS][i % WAYS];
        if (pair_is_forgotten(row, settings, now) || !is_of(&row->origin, address) ||
            (account != NULL && strcmp(row->account, account) != 0))
            continue;
        count++;
        clear_pair(throttle, row, settings, now);
    }
    pthread_mutex_unlock(&throttle->lock);
    return count;
}
