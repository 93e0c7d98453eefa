/*
 * Another time and another address for one server, preloaded into it.
 *
 * AZURELIT_PRETEND names a file that a test writes while the server runs: how
 * far the wall clock is off, and which address a name has. Only the wall clock:
 * what waits for a length of time waits as long as ever, as it does when
 * somebody sets a real clock. But for who sleeps for a moment only: the file
 * says whether that goes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Microseconds. */
#define MOMENT 5000

struct pretence {
    volatile int64_t seconds; /* to be added to the clock */
    volatile int64_t asleep;  /* a moment does not end */
    char name[64];
    char address[64];
};

static struct pretence nothing;
static struct pretence *p = &nothing;
static int (*real_gettimeofday)(struct timeval *, void *);
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_select)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
static int (*real_getaddrinfo)(const char *, const char *,
                               const struct addrinfo *, struct addrinfo **);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("AZURELIT_PRETEND");
    int file = path ? open(path, O_RDONLY) : -1;
    void *at;

    *(void **)&real_gettimeofday = dlsym(RTLD_NEXT, "gettimeofday");
    *(void **)&real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    *(void **)&real_select = dlsym(RTLD_NEXT, "select");
    *(void **)&real_getaddrinfo = dlsym(RTLD_NEXT, "getaddrinfo");
    if (file < 0) {
        return;
    }
    at = mmap(NULL, sizeof(*p), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (at != MAP_FAILED) {
        p = at;
    }
}

int gettimeofday(struct timeval *tv, void *tz)
{
    int rc;

    if (!real_gettimeofday) {
        begin(); /* somebody's constructor came before ours */
    }
    rc = real_gettimeofday(tv, tz);
    tv->tv_sec += p->seconds;
    return rc;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    int rc;

    if (!real_clock_gettime) {
        begin();
    }
    rc = real_clock_gettime(clock, ts);
    if (rc == 0 &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += p->seconds;
    }
    return rc;
}

time_t time(time_t *to)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (to) {
        *to = now.tv_sec;
    }
    return now.tv_sec;
}

/* The way in which APR sleeps. */
int select(int n, fd_set *in, fd_set *out, fd_set *other,
           struct timeval *timeout)
{
    int is_moment = n == 0 && timeout && timeout->tv_sec == 0 &&
                    timeout->tv_usec <= MOMENT;
    struct timeval again;
    int rc;

    if (!real_select) {
        begin();
    }
    do {
        if (is_moment) {
            again = *timeout;
        }
        rc = real_select(n, in, out, other, is_moment ? &again : timeout);
    } while (is_moment && p->asleep);
    return rc;
}

int getaddrinfo(const char *name, const char *service,
                const struct addrinfo *hints, struct addrinfo **found)
{
    if (!real_getaddrinfo) {
        begin();
    }
    if (name && *p->name && strcmp(name, p->name) == 0) {
        name = p->address;
    }
    return real_getaddrinfo(name, service, hints, found);
}
