/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock that packetdrill and the host go by, and the two threads that meet here.
 *
 * The time is not the machine's: it stands still while anybody computes, and goes forward only when
 * packetdrill sleeps, waits for a packet, or makes a call that sleeps; then it jumps, from one
 * deadline of the host to the next. So a script that takes minutes takes milliseconds, and a busy
 * machine is never late. It begins at the machine's time of day.
 *
 * A call that the script has sleep is made by packetdrill's second thread, while the first one goes
 * on with the script. Who gets on with what, and when, must not depend on the machine either:
 *
 *  (1) only the first thread moves the clock while the second one sleeps, with two exceptions: the
 *      second one sleeps until its call is due, too, before it makes it; and the first one may
 *      itself wait for the second one, without us (LONELY_NS);
 *  (2) whatever happened, the second thread is woken, tries again what it waits for, and the first
 *      one does not get on before that has failed, or succeeded and been noted with its time:
 *      packetdrill asks for that as soon as a call returns, and then waits for its next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>

#include "adapter/adapter.h"

#define NS_PER_S 1000000000ULL
#define NS_PER_US 1000ULL
/* Each look at the clock costs time, or a loop that waits for a moment would never end: packetdrill
 * spins for the last 20 us before an event. */
#define LOOK_NS 1000ULL
#define LONELY_NS                                                                                  \
    300000000ULL           /* of the machine's time: packetdrill waits for a call for a second */
#define SETTLE_NS NS_PER_S /* of the machine's time: then something is wrong, but goes on */

static uint64_t machine_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static bool is_first(const struct adapter *a)
{
    return pthread_equal(pthread_self(), a->first_thread);
}

/* Waits for `changed`, so long of the machine's time at most. */
static void wait_changed(struct adapter *a, uint64_t ns)
{
    uint64_t until = machine_ns(CLOCK_REALTIME) + ns;
    const struct timespec at = {.tv_sec = (time_t)(until / NS_PER_S),
                                .tv_nsec = (long)(until % NS_PER_S)};
    pthread_cond_timedwait(&a->changed, &a->lock, &at);
}

static void set_second(struct adapter *a, enum second state)
{
    a->second = state;
    pthread_cond_broadcast(&a->changed);
}

/* Whether the second thread waits for something: what the kernel says of it. */
static bool second_waits(const struct adapter *a)
{
    char path[64], text[512], *after;
    snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", a->second_id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        syscall(SYS_close, fd);
    if (len <= 0)
        return true;
    text[len] = '\0';
    after = strrchr(text, ')'); /* the name may have anything in it */
    return after == NULL || after[1] == '\0' || after[2] == 'S';
}

/* In the first thread: lets the second one run until it waits again. */
static void let_run(struct adapter *a, uint64_t until_ns)
{
    while (!second_waits(a) && machine_ns(CLOCK_MONOTONIC) < until_ns) {
        pthread_mutex_unlock(&a->lock);
        usleep(50);
        pthread_mutex_lock(&a->lock);
    }
}

/* Rule (2), in the first thread. */
static void settle(struct adapter *a)
{
    uint64_t until = machine_ns(CLOCK_MONOTONIC) + SETTLE_NS;
    while ((a->second == SECOND_TRIES || a->second == SECOND_RETURNS) &&
           machine_ns(CLOCK_MONOTONIC) < until)
        wait_changed(a, SETTLE_NS);
    if (a->second != SECOND_NOTED)
        return;
    pthread_mutex_unlock(&a->lock); /* it may be about to leave */
    pthread_mutex_lock(&a->lock);
    let_run(a, until);
    a->second = SECOND_AWAY;
    a->second_ended = true;
}

/* Something happened: the second thread tries again. */
static void tell_second(struct adapter *a)
{
    if (a->second == SECOND_SLEEPS && is_first(a))
        set_second(a, SECOND_TRIES);
    if (is_first(a))
        settle(a);
}

static uint64_t next_deadline(const struct adapter *a)
{
    uint64_t at = sw_host_deadline(a->host);
    if (a->second == SECOND_SLEEPS && a->second_deadline_ns < at)
        at = a->second_deadline_ns;
    /* A deadline is a lower bound: nothing may have been due at it. */
    return at > a->now_ns ? at : a->now_ns + LOOK_NS;
}

void clock_forward(struct adapter *a, uint64_t to_ns)
{
    for (;;) {
        uint64_t at = next_deadline(a);
        if (at > to_ns)
            break;
        a->now_ns = at;
        sw_host_advance(a->host, a->now_ns);
        adapter_collect(a);
        tell_second(a);
    }
    if (to_ns > a->now_ns)
        a->now_ns = to_ns;
    sw_host_advance(a->host, a->now_ns);
}

bool clock_step(struct adapter *a, uint64_t last_ns)
{
    uint64_t at = next_deadline(a);
    if (at == SW_NEVER || at > last_ns)
        return false;
    clock_forward(a, at);
    return true;
}

void adapter_enter(struct adapter *a)
{
    pthread_mutex_lock(&a->lock);
    a->entered++;
    if (is_first(a))
        settle(a);
}

void adapter_leave(struct adapter *a)
{
    adapter_collect(a);
    if (!is_first(a) && a->second == SECOND_TRIES)
        set_second(a, SECOND_RETURNS);
    else
        tell_second(a);
    pthread_mutex_unlock(&a->lock);
}

/* In the second thread: rule (1), and its second exception. */
static void sleep_second(struct adapter *a, uint64_t deadline_ns)
{
    a->second_id = syscall(SYS_gettid);
    a->second_deadline_ns = deadline_ns;
    set_second(a, SECOND_SLEEPS);
    while (a->second == SECOND_SLEEPS) {
        uint64_t entered = a->entered;
        wait_changed(a, LONELY_NS);
        if (a->second == SECOND_SLEEPS && a->entered == entered) {
            a->second = SECOND_TRIES;
            clock_step(a, deadline_ns);
            if (a->now_ns < deadline_ns && sw_host_deadline(a->host) > deadline_ns)
                clock_forward(a, deadline_ns);
        }
    }
}

bool adapter_sleep(struct adapter *a, uint64_t deadline_ns)
{
    adapter_collect(a);
    if (a->now_ns >= deadline_ns)
        return false;
    if (!is_first(a)) {
        sleep_second(a, deadline_ns);
        return true;
    }
    if (!clock_step(a, deadline_ns)) {
        if (deadline_ns == SW_NEVER)
            return false; /* nothing will ever happen: better an error than a hang */
        clock_forward(a, deadline_ns);
    }
    return true;
}

static int call_usleep(void *userdata, useconds_t us)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    if (is_first(a) && a->second_ended) { /* it may have waited for a lock that is free only now */
        let_run(a, machine_ns(CLOCK_MONOTONIC) + SETTLE_NS);
        a->second_ended = false;
    }
    clock_forward(a, a->now_ns + us * NS_PER_US);
    adapter_leave(a);
    return 0;
}

static int call_gettimeofday(void *userdata, struct timeval *now, struct timezone *zone)
{
    struct adapter *a = userdata;
    (void)zone;
    adapter_enter(a);
    if (!is_first(a) && a->second == SECOND_RETURNS)
        set_second(a, SECOND_NOTED);
    else
        clock_forward(a, a->now_ns + LOOK_NS);
    now->tv_sec = (time_t)(a->now_ns / NS_PER_S);
    now->tv_usec = (suseconds_t)(a->now_ns % NS_PER_S / NS_PER_US);
    adapter_leave(a);
    return 0;
}

void clock_init(struct adapter *a)
{
    a->now_ns = machine_ns(CLOCK_REALTIME);
    a->first_thread = pthread_self();
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
}

void clock_fill(struct packetdrill_interface *table)
{
    table->usleep = call_usleep;
    table->gettimeofday = call_gettimeofday;
}
