/* SPDX-License-Identifier: BSD-2-Clause */
/* How the supervisor waits for what happens next: it looks a while, then it sleeps. */
#include <errno.h>
#include <sched.h>
#include <sys/epoll.h>

#include "run/run.h"

#define SPIN_NS 25000U             /* how long to look for the next event before sleeping */
#define CROWDED_NS 200000U         /* others had the processor for so long: they keep it busy */
#define CROWDED_MIN_NS 10000000U   /* and for so long it is not yielded to them again, */
#define CROWDED_MAX_NS 1000000000U /* up to so long */

/* If the last time was not long ago, this one is twice as long. */
static void note_crowded(struct run *run, uint64_t now_ns)
{
    bool again = now_ns - run->crowded_until_ns < run->crowded_ns;
    run->crowded_ns = again ? run->crowded_ns * 2 : CROWDED_MIN_NS;
    if (run->crowded_ns > CROWDED_MAX_NS)
        run->crowded_ns = CROWDED_MAX_NS;
    run->crowded_until_ns = now_ns + run->crowded_ns;
}

/* Who was just given something answers soon: to look a little longer costs less than to be woken on
 * an idle processor (30 to 90 us on a virtual machine). Whoever else wants this processor gets it:
 * and was that for long, the machine is busy. Then there is no idle processor to be woken on, and
 * looking does harm: since Linux 6.18 who yields gives up the rest of its slice, so that a few
 * yields put us milliseconds behind everybody else. So for a while there is none. */
static int look_a_while(struct run *run, struct epoll_event *events, int max, uint64_t until_ns)
{
    uint64_t now_ns = run_now(), end_ns = now_ns + SPIN_NS;
    int n;

    if (now_ns < run->crowded_until_ns)
        return 0;
    if (until_ns < end_ns)
        end_ns = until_ns;
    while ((n = epoll_wait(run->epoll_fd, events, max, 0)) == 0 && now_ns < end_ns) {
        uint64_t before_ns = now_ns;
        sched_yield();
        now_ns = run_now();
        if (now_ns - before_ns > CROWDED_NS) {
            note_crowded(run, now_ns);
            return epoll_wait(run->epoll_fd, events, max, 0);
        }
    }
    return n;
}

int run_wait(struct run *run, struct epoll_event *events, int max)
{
    uint64_t until_ns = run_deadline(run), held_ns = calls_deadline(run);
    struct timespec timeout = {0};
    bool forever = false;

    if (held_ns < until_ns)
        until_ns = held_ns;
    if (run->mirror_at_ns < until_ns)
        until_ns = run->mirror_at_ns;
    if (run->hint_at_ns < until_ns)
        until_ns = run->hint_at_ns;
    if (run->ending && run->kill_at_ns < until_ns)
        until_ns = run->kill_at_ns;
    if (run->busy && sw_list_empty(&run->active)) {
        int n = look_a_while(run, events, max, until_ns);
        if (n != 0)
            return n;
    }
    if (!sw_list_empty(&run->active)) {
        /* look, but do not sleep */
    } else if (until_ns == SW_NEVER) {
        forever = true;
    } else {
        uint64_t now_ns = run_now();
        uint64_t wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
        timeout.tv_sec = (time_t)(wait_ns / 1000000000U);
        timeout.tv_nsec = (long)(wait_ns % 1000000000U);
    }
    int n = epoll_pwait2(run->epoll_fd, events, max, forever ? NULL : &timeout, NULL);
    if (n < 0 && errno == ENOSYS) { /* Linux 5.11 */
        int ms = forever ? -1 : (int)(timeout.tv_sec * 1000 + (timeout.tv_nsec + 999999) / 1000000);
        n = epoll_wait(run->epoll_fd, events, max, ms);
    }
    return n;
}
