/*
 * Windows and cool-downs are one 64-bit word each, changed by compare and
 * exchange: there is no moment at which one process sees half of a change, or
 * a killed one leaves half of it. Words are independent of each other, and
 * nothing else is published through them, so that no order is asked for.
 */
#include "azl_shared_int.h"

#define MINUTE APR_TIME_C(60000000)

/*
 * A window: its number above, what was counted in it below. Windows follow
 * each other without overlap ("tumbling"): one count and no memory of single
 * events, for the price that a burst over a border counts as two smaller ones.
 * 38 bits hold the tokens of a minute; 26 bits number the minutes of a century
 * and the milliseconds of a day, after which a window nobody has touched since
 * would seem to be this one.
 */
#define COUNT_BITS 38
#define COUNT_MAX (((apr_uint64_t)1 << COUNT_BITS) - 1)
#define NUMBER_MASK (((apr_uint64_t)1 << (64 - COUNT_BITS)) - 1)

/*
 * A cool-down: when it ends (42 bits of milliseconds since 1970), how long it
 * is (21 bits of 100 ms, rounded up) and whether it is the lease of a probe.
 * The length is what tells a clock that was set back. A probe is a short
 * cool-down for everybody else, so that one word says all and one exchange
 * decides who may try.
 */
#define COOL_TICK 1000
#define COOL_UNIT 100000
#define COOL_UNTIL_SHIFT 22
#define COOL_LENGTH_SHIFT 1
#define COOL_LENGTH_BITS 21
#define COOL_LENGTH_MASK (((apr_uint64_t)1 << COOL_LENGTH_BITS) - 1)
#define COOL_PROBING ((apr_uint64_t)1)
#define COOL_MAX ((apr_interval_time_t)COOL_LENGTH_MASK * COOL_UNIT)

/* Of each new sample in an average: an eighth, as TCP does for its round trip
 * times (RFC 6298): one slow answer hardly shows, a handful do. */
#define AVERAGE_WEIGHT 8

static apr_uint64_t get(const azl_word64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void set(azl_word64_t *word, apr_uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static void add(azl_word64_t *word, apr_uint64_t n)
{
    atomic_fetch_add_explicit(word, n, memory_order_relaxed);
}

/* 1: done. 0: it was another value, which is in *old now. */
static int exchange(azl_word64_t *word, apr_uint64_t *old, apr_uint64_t value)
{
    return atomic_compare_exchange_strong_explicit(
        word, old, value, memory_order_relaxed, memory_order_relaxed);
}

/* ---------------------------------------------------------------- windows */

static apr_uint64_t window_number(apr_time_t now, apr_interval_time_t length)
{
    return (apr_uint64_t)(now / length) & NUMBER_MASK;
}

/* Whether the word is of this window. One that is ahead by one counts as well:
 * two threads may bring their times in the wrong order, and the later one must
 * not lose what it has counted. More than one: the clock was set back. */
static int is_current(apr_uint64_t word, apr_uint64_t number)
{
    return (((word >> COUNT_BITS) - number) & NUMBER_MASK) <= 1;
}

static apr_uint64_t window_read(const azl_word64_t *word, apr_time_t now,
                                apr_interval_time_t length)
{
    apr_uint64_t seen = get(word);

    return is_current(seen, window_number(now, length)) ? seen & COUNT_MAX : 0;
}

/* Returns what the window holds then. */
static apr_uint64_t window_add(azl_word64_t *word, apr_time_t now,
                               apr_interval_time_t length, apr_uint64_t n)
{
    apr_uint64_t number = window_number(now, length);
    apr_uint64_t old = get(word);
    apr_uint64_t base, count;

    do {
        base = is_current(old, number) ? old : number << COUNT_BITS;
        count = base & COUNT_MAX;
        count = n > COUNT_MAX - count ? COUNT_MAX : count + n;
    } while (!exchange(word, &old, (base & ~COUNT_MAX) | count));
    return count;
}

/* -------------------------------------------------------------- cool-down */

static apr_uint64_t cool_word(apr_time_t now, apr_interval_time_t length,
                              apr_uint64_t probing)
{
    apr_uint64_t until, units;

    if (length < COOL_TICK) {
        length = COOL_TICK;
    }
    else if (length > COOL_MAX) {
        length = COOL_MAX;
    }
    until = (apr_uint64_t)((now + length) / COOL_TICK);
    units = (apr_uint64_t)((length + COOL_UNIT - 1) / COOL_UNIT);
    return until << COOL_UNTIL_SHIFT | units << COOL_LENGTH_SHIFT | probing;
}

static apr_time_t cool_until(apr_uint64_t word)
{
    return (apr_time_t)(word >> COOL_UNTIL_SHIFT) * COOL_TICK;
}

static apr_interval_time_t cool_length(apr_uint64_t word)
{
    return (apr_interval_time_t)(word >> COOL_LENGTH_SHIFT & COOL_LENGTH_MASK) *
           COOL_UNIT;
}

static azl_health_state_e state_of(apr_uint64_t word, apr_time_t now)
{
    if (word == 0) {
        return AZL_HEALTH_OK;
    }
    if (!(word & COOL_PROBING) && now < cool_until(word)) {
        return AZL_HEALTH_COOLING;
    }
    return AZL_HEALTH_HALF_OPEN;
}

/* The word as it is now. What would last longer than it was to last at all
 * comes from a clock that was set back: it lasts its length from now on. Who
 * only reads puts that right too, or it would be put right too late. */
static apr_uint64_t cool_now(const azl_health_t *h, apr_time_t now)
{
    azl_word64_t *cool = (azl_word64_t *)&h->cool;
    apr_uint64_t word = get(cool);

    while (word != 0 && cool_until(word) - now > cool_length(word)) {
        apr_uint64_t next =
            cool_word(now, cool_length(word), word & COOL_PROBING);

        if (exchange(cool, &word, next)) {
            return next;
        }
    }
    return word;
}

/* Begin a cool-down, or prolong the one that runs if this one ends later and
 * `prolong` says so. 1 if it began. */
static int cool_down(azl_health_t *h, apr_time_t now,
                     apr_interval_time_t length, int status, int prolong)
{
    apr_uint64_t next = cool_word(now, length, 0);
    apr_uint64_t word = cool_now(h, now);
    int runs;

    do {
        runs = state_of(word, now) == AZL_HEALTH_COOLING;
        if (runs && (!prolong || cool_until(next) <= cool_until(word))) {
            return 0;
        }
    } while (!exchange(&h->cool, &word, next));
    set(&h->cool_status, (apr_uint64_t)status);
    if (!runs) {
        add(&h->total_cooldowns, 1);
    }
    return !runs;
}

/* A probe is over and has changed nothing: the next one may try. */
static void end_probe(azl_health_t *h, apr_time_t now)
{
    apr_uint64_t word = get(&h->cool);

    if (word & COOL_PROBING) {
        exchange(&h->cool, &word,
                 (apr_uint64_t)(now / COOL_TICK) << COOL_UNTIL_SHIFT);
    }
}

azl_health_state_e azl_health_state(const azl_health_t *h, apr_time_t now)
{
    return state_of(cool_now(h, now), now);
}

int azl_health_probe(azl_health_t *h, apr_time_t now, apr_interval_time_t lease)
{
    apr_uint64_t word = cool_now(h, now);

    do {
        if (word == 0) {
            return 1;
        }
        if (now < cool_until(word)) {
            return 0;
        }
    } while (!exchange(&h->cool, &word, cool_word(now, lease, COOL_PROBING)));
    return 1;
}

int azl_health_cool(azl_health_t *h, apr_time_t now,
                    apr_interval_time_t how_long, int status)
{
    return how_long > 0 && cool_down(h, now, how_long, status, 1);
}

/* ------------------------------------------------------------------ calls */

int azl_health_begin(azl_health_t *h, int row, apr_time_t now,
                     apr_uint32_t max_parallel)
{
    if (!azl_gate_enter(&h->gate, row, max_parallel)) {
        return 0;
    }
    window_add(&h->calls, now, MINUTE, 1);
    add(&h->total_calls, 1);
    return 1;
}

void azl_health_end(azl_health_t *h, int row)
{
    azl_gate_leave(&h->gate, row);
}

static void average(azl_word64_t *word, apr_interval_time_t sample)
{
    apr_uint64_t old = get(word);
    apr_interval_time_t next;

    if (sample < 0) {
        return;
    }
    sample += sample == 0; /* 0 is what an unknown one has */
    do {
        next = (apr_interval_time_t)old;
        next = old == 0 ? sample : next + (sample - next) / AVERAGE_WEIGHT;
    } while (!exchange(word, &old, (apr_uint64_t)next));
}

int azl_health_success(azl_health_t *h, apr_time_t now,
                       apr_interval_time_t latency,
                       apr_interval_time_t first_token)
{
    apr_uint64_t word;

    average(&h->latency, latency);
    average(&h->first_token, first_token);
    word = cool_now(h, now);
    while (state_of(word, now) == AZL_HEALTH_HALF_OPEN) {
        if (exchange(&h->cool, &word, 0)) {
            /* What it did before must not count against it now. */
            set(&h->fails, 0);
            return 1;
        }
    }
    return 0;
}

void azl_health_tokens(azl_health_t *h, apr_time_t now, apr_uint64_t tokens)
{
    window_add(&h->tokens, now, MINUTE, tokens);
}

static int is_bad_at_once(int status)
{
    return status == 401 || status == 403 || status == 404 || status == 408 ||
           status == 429;
}

/* A call counts in the minute it began in, a failure when it ended: what has
 * ended was called as well. */
static int are_most(apr_uint64_t failures, apr_uint64_t calls, int percent)
{
    if (calls < failures) {
        calls = failures;
    }
    return percent > 0 && calls >= AZL_HEALTH_MIN_CALLS &&
           failures * 100 > calls * (apr_uint64_t)percent;
}

int azl_health_failure(azl_health_t *h, apr_time_t now,
                       const azl_cooldown_t *rule, int status,
                       apr_interval_time_t retry_after, int sole)
{
    apr_uint64_t failures = window_add(&h->failures, now, MINUTE, 1);
    int bad = is_bad_at_once(status);

    add(&h->total_failures, 1);
    if (rule->fails > 0 && rule->window > 0 &&
        window_add(&h->fails, now, rule->window, 1) >=
            (apr_uint64_t)rule->fails) {
        bad = 1;
    }
    if (sole || rule->time <= 0) {
        end_probe(h, now);
        return 0;
    }
    if (!bad &&
        !are_most(failures, window_read(&h->calls, now, MINUTE),
                  rule->percent) &&
        azl_health_state(h, now) != AZL_HEALTH_HALF_OPEN) {
        return 0;
    }
    return cool_down(h, now, retry_after > 0 ? retry_after : rule->time, status,
                     retry_after > 0);
}

/* ------------------------------------------------------------ what is known */

azl_health_t *
azl_shared_health(azl_shared_t *shared,
                  const unsigned char name[AZL_SEAL_FINGERPRINT_LEN])
{
    static const azl_health_t nothing;
    azl_health_t *h;
    int reused;

    h = azl_shared_take(shared, &shared->health, name, &reused);
    if (h != NULL && reused) {
        azl_health_copy(h, &nothing);
    }
    return h;
}

void azl_health_copy(azl_health_t *to, const azl_health_t *from)
{
    set(&to->cool, get(&from->cool));
    set(&to->cool_status, get(&from->cool_status));
    set(&to->fails, get(&from->fails));
    set(&to->failures, get(&from->failures));
    set(&to->total_failures, get(&from->total_failures));
    set(&to->total_cooldowns, get(&from->total_cooldowns));
    set(&to->detours[AZL_DETOUR_CHAT], get(&from->detours[AZL_DETOUR_CHAT]));
    set(&to->detours[AZL_DETOUR_TOOLS], get(&from->detours[AZL_DETOUR_TOOLS]));
    set(&to->calls, get(&from->calls));
    set(&to->total_calls, get(&from->total_calls));
    set(&to->tokens, get(&from->tokens));
    set(&to->latency, get(&from->latency));
    set(&to->first_token, get(&from->first_token));
    set(&to->remaining_requests, get(&from->remaining_requests));
    set(&to->remaining_tokens, get(&from->remaining_tokens));
    set(&to->limits_at, get(&from->limits_at));
}

/* A time that lies farther ahead than any detour is that of a clock that was
 * set back. */
int azl_health_detour(const azl_health_t *h, apr_time_t now,
                      azl_detour_e detour)
{
    apr_uint64_t until = get(&h->detours[detour]);

    return until > (apr_uint64_t)now &&
           until <= (apr_uint64_t)(now + AZL_DETOUR_TIME);
}

int azl_health_learn_detour(azl_health_t *h, apr_time_t now,
                            azl_detour_e detour)
{
    int known = azl_health_detour(h, now, detour);

    set(&h->detours[detour], (apr_uint64_t)(now + AZL_DETOUR_TIME));
    return !known;
}

void azl_health_limits(azl_health_t *h, apr_time_t now,
                       apr_int64_t remaining_requests,
                       apr_int64_t remaining_tokens)
{
    if (remaining_requests < 0 && remaining_tokens < 0) {
        return;
    }
    if (remaining_requests >= 0) {
        set(&h->remaining_requests, (apr_uint64_t)remaining_requests + 1);
    }
    if (remaining_tokens >= 0) {
        set(&h->remaining_tokens, (apr_uint64_t)remaining_tokens + 1);
    }
    set(&h->limits_at, (apr_uint64_t)now);
}

void azl_health_view(const azl_health_t *h, apr_time_t now,
                     azl_health_view_t *view)
{
    apr_uint64_t cool = cool_now(h, now);

    view->state = state_of(cool, now);
    view->cool_until = cool_until(cool);
    view->cool_status = (int)get(&h->cool_status);
    view->in_flight = azl_gate_in_flight(&h->gate);
    view->calls = (apr_uint32_t)window_read(&h->calls, now, MINUTE);
    view->failures = (apr_uint32_t)window_read(&h->failures, now, MINUTE);
    view->tokens = window_read(&h->tokens, now, MINUTE);
    view->latency = (apr_interval_time_t)get(&h->latency);
    view->first_token = (apr_interval_time_t)get(&h->first_token);
    view->remaining_requests = (apr_int64_t)get(&h->remaining_requests) - 1;
    view->remaining_tokens = (apr_int64_t)get(&h->remaining_tokens) - 1;
    view->limits_at = (apr_time_t)get(&h->limits_at);
    view->total_calls = get(&h->total_calls);
    view->total_failures = get(&h->total_failures);
    view->total_cooldowns = get(&h->total_cooldowns);
}
