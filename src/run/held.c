/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that wait: for something to happen to their stand-in, for their deadline, for a signal.
 *
 * A caller that waits for us takes no signal but a fatal one (WAIT_KILLABLE_RECV). So its pending
 * signals are looked for in /proc/TID/status (proc(5)), and when there is one that it does not
 * block, the call is answered -ERESTARTSYS: the kernel runs the handler and makes of it EINTR or,
 * with SA_RESTART, the same call again, as for any call that sleeps. With no signal pending that
 * number would reach the program. A signal for the whole process is its first thread's, unless that
 * one blocks it, and then the next one's that does not. That one may take it before our answer is
 * there, so the signal must be seen twice, and the answer is EINTR; while it has not got round to
 * taking it, the others are let be. What has no handler and by default does nothing (SIGCHLD) is
 * pending only while it is blocked somewhere, by system(3) for one, and interrupts nobody.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "run/call/privilege.h"
#include "run/run.h"

#define ERESTARTSYS 512 /* the kernel's own, <linux/errno.h> inside it */

/* Callers are looked at this often at first, more rarely once nothing new was held for long: a
 * server that has slept for hours in accept() should cost nothing worth mentioning. */
#define SIGNALS_EVERY_NS 10000000ULL
#define SIGNALS_EVERY_MAX_NS 50000000ULL
#define SIGNALS_BUDGET 64 /* callers looked at in one turn */
/* By then who was interrupted has run, also on a busy machine. */
#define SIGNAL_TAKEN_NS 250000000ULL

void call_free(struct run_call *call)
{
    if (call == NULL)
        return;
    sw_list_del(&call->link);
    sw_list_del(&call->by_standin);
    free(call->state);
    free(call);
}

void call_hold(struct run *run, struct run_call *call, run_try_fn *fn, uint64_t deadline_ns,
               int timeout_errno)
{
    uint64_t now_ns = run_now();

    SW_ASSERT(call->standin != NULL && sw_list_empty(&call->link));
    call->retry = fn;
    call->deadline_ns = deadline_ns;
    call->timeout_errno = timeout_errno;
    call->held_since_ns = now_ns;
    sw_list_add_tail(&run->held, &call->link);
    sw_list_add_tail(&call->standin->held, &call->by_standin);
    if (deadline_ns < run->held_until_ns)
        run->held_until_ns = deadline_ns;
    if (run->signals_at_ns == SW_NEVER || run->signals_at_ns > now_ns + SIGNALS_EVERY_NS)
        run->signals_at_ns = now_ns + SIGNALS_EVERY_NS;
}

/* The caller stops waiting. */
static void leave(struct run *run, struct run_call *call, int err)
{
    if (call->leave != NULL)
        call->leave(run, call);
    if (!call->answered) /* leaving may have had a part of the result */
        call_fail(run, call, err);
    call_free(call);
}

#define SET(signal) (1ULL << ((signal)-1))
#define IGNORED_BY_DEFAULT (SET(SIGCHLD) | SET(SIGCONT) | SET(SIGURG) | SET(SIGWINCH))

struct signals {
    uint64_t thread, process; /* pending; sets: bit N-1 is signal N */
    uint64_t blocked;         /* or without effect, if they came */
    unsigned threads;
    pid_t pid; /* of the process: its first thread's */
};

static uint64_t field(const char *text, const char *name, int base)
{
    const char *at = strstr(text, name);
    return at != NULL ? strtoull(at + strlen(name), NULL, base) : 0;
}

/* 0, or -ESRCH: there is no such thread any more. */
static int read_signals(pid_t tid, struct signals *ret_signals)
{
    char text[4096];

    if (caller_status(tid, text, sizeof(text)) < 0)
        return -ESRCH;
    ret_signals->pid = (pid_t)field(text, "\nTgid:", 10);
    ret_signals->threads = (unsigned)field(text, "\nThreads:", 10);
    ret_signals->thread = field(text, "\nSigPnd:", 16);
    ret_signals->process = field(text, "\nShdPnd:", 16);
    ret_signals->blocked = field(text, "\nSigBlk:", 16) | field(text, "\nSigIgn:", 16) |
                           (IGNORED_BY_DEFAULT & ~field(text, "\nSigCgt:", 16));
    if (strstr(text, "\nState:\tZ") != NULL) /* has ended, before the other threads */
        ret_signals->blocked = UINT64_MAX;
    return 0;
}

/* Whether a signal for the whole process that the call's thread would take is not its first's. */
static bool is_for_another_thread(const struct signals *sig)
{
    struct signals first;
    return read_signals(sig->pid, &first) < 0 ||
           (sig->process & ~sig->blocked & first.blocked) != 0;
}

/* One thread takes a signal: its process' other calls have not seen it yet. */
static void forget_shared_signal(struct run *run, pid_t pid)
{
    for (struct sw_list *l = run->held.next; l != &run->held; l = l->next) {
        struct run_call *call = SW_CONTAINER(l, struct run_call, link);
        if (call->shared_signal_pid == pid)
            call->shared_signal_pid = 0;
    }
}

/* The kernel gives a signal that the first thread blocks to the oldest that does not, and only that
 * one takes it when its call ends. */
static bool is_first_to_tell(const struct run *run, const struct run_call *call)
{
    for (struct sw_list *l = run->held.next; l != &run->held; l = l->next) {
        const struct run_call *other = SW_CONTAINER(l, struct run_call, link);
        if (other->shared_signal_pid == call->shared_signal_pid && other->tid < call->tid)
            return false;
    }
    return true;
}

/* Interrupts the call if a signal asks for it; then the call is gone. */
static void check_signals(struct run *run, struct run_call *call, uint64_t now_ns)
{
    struct signals sig;

    if (read_signals(call->tid, &sig) < 0) {
        struct standin *s = call->standin;
        leave(run, call, EINTR);
        standin_check(run, s);
        return;
    }
    bool own = (sig.thread & ~sig.blocked) != 0;
    bool shared = (sig.process & ~sig.blocked) != 0;
    bool first = sig.threads <= 1 || sig.pid == call->tid;
    if (own || (shared && first)) /* socket(7): a call with a timeout is not restarted */
        leave(run, call, call->deadline_ns == SW_NEVER ? ERESTARTSYS : EINTR);
    else if (!shared || !is_for_another_thread(&sig))
        call->shared_signal_pid = 0;
    else if (call->shared_signal_pid == 0)
        call->shared_signal_pid = sig.pid;
    else if (is_first_to_tell(run, call) &&
             (sig.pid != run->signal_told_pid || now_ns - run->signal_told_ns > SIGNAL_TAKEN_NS)) {
        run->signal_told_pid = sig.pid;
        run->signal_told_ns = now_ns;
        forget_shared_signal(run, sig.pid);
        leave(run, call, EINTR);
    }
}

uint64_t calls_deadline(const struct run *run)
{
    if (sw_list_empty(&run->held))
        return SW_NEVER;
    return run->held_until_ns < run->signals_at_ns ? run->held_until_ns : run->signals_at_ns;
}

/* Answers those whose deadline has come; finds the next one. */
static void expire(struct run *run, uint64_t now_ns)
{
    if (now_ns < run->held_until_ns)
        return;
    run->held_until_ns = SW_NEVER;
    for (struct sw_list *l = run->held.next, *next; l != &run->held; l = next) {
        struct run_call *call = SW_CONTAINER(l, struct run_call, link);
        next = l->next;
        if (call->deadline_ns <= now_ns)
            leave(run, call, call->timeout_errno);
        else if (call->deadline_ns < run->held_until_ns)
            run->held_until_ns = call->deadline_ns;
    }
}

void calls_advance(struct run *run, uint64_t now_ns)
{
    uint64_t youngest_ns = SW_NEVER;

    if (sw_list_empty(&run->held))
        return;
    expire(run, now_ns);
    if (now_ns < run->signals_at_ns)
        return;

    struct sw_list *last = run->held.prev;
    for (int budget = SIGNALS_BUDGET; budget > 0 && !sw_list_empty(&run->held); budget--) {
        struct sw_list *first = run->held.next;
        struct run_call *call = SW_CONTAINER(first, struct run_call, link);
        uint64_t age_ns = now_ns - call->held_since_ns;
        if (age_ns < youngest_ns)
            youngest_ns = age_ns;
        sw_list_del(first);
        sw_list_add_tail(&run->held, first); /* next time others come first */
        bool was_last = first == last;
        check_signals(run, call, now_ns);
        if (was_last)
            break;
    }
    uint64_t every_ns = youngest_ns / 64;
    if (every_ns < SIGNALS_EVERY_NS)
        every_ns = SIGNALS_EVERY_NS;
    if (every_ns > SIGNALS_EVERY_MAX_NS)
        every_ns = SIGNALS_EVERY_MAX_NS;
    run->signals_at_ns = now_ns + every_ns;
}
