/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: system calls in, real descriptors out. Private to src/run.
 *
 * A program under `sockworks run` carries a seccomp filter; its calls that make or name sockets arrive
 * here as notifications (seccomp_unotify(2)). What it holds as a socket is a *stand-in*: an AF_UNIX
 * socket that the supervisor put into its descriptor table. All that a stand-in can do by itself (read,
 * write, poll, epoll, dup, fork, close) is the kernel's own and never seen here. The stack's side of it
 * is a socket of one sw_host; the two are joined by the stand-in's *far end*, a descriptor of ours.
 *
 *      program                    |            supervisor (one thread)
 *      fd n = the stand-in  <== AF_UNIX ==>  far end  <-> chunks <-> sw_socket_t <-> loopback link
 *
 * What a stand-in is in each of its states: standin/standin.h.
 *
 * Held calls. A call that must block is held: tried again (call->retry) whenever something happens to its
 * stand-in, answered at its deadline (SO_RCVTIMEO, SO_SNDTIMEO), and interrupted by signals as Linux would: the
 * filter is installed with WAIT_KILLABLE_RECV (so a caller can never run while we write into its memory), hence
 * pending signals of held callers are looked for in /proc/TID/status every 10 ms, and the answer is
 * -ERESTARTSYS (512), from which the kernel makes EINTR or a restart; or EINTR where another thread may have
 * taken a shared signal. On kernels without WAIT_KILLABLE_RECV (before 5.19) signals interrupt natively and the
 * answer fails with ENOENT: what was taken for the caller goes back.
 *
 * Processes. `sockworks run` is two: the guardian, which the shell started, and its child, the supervisor, which
 * starts the program. Both are subreapers, so that whichever is killed, the other has every process of the run
 * below it and ends them (guard.c). The run lasts until the last of them has ended, daemons included; then the
 * exit status is that of the program itself. A signal is passed on to the program; once that has ended, it ends
 * the rest. Descriptors that we were started with are the program's: we let go of them (inherit.c).
 *
 * Errors of ours never pass silently to the program as something else: memory or descriptors exhausted
 * here give ENOBUFS, ENOMEM, EMFILE (the program's own limit), ENFILE (ours).
 */
#ifndef SW_RUN_RUN_H
#define SW_RUN_RUN_H

#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include <sockworks/sockworks.h>

#include "base/list.h"
#include "base/rng.h"
#include "run/call/calls.h"
#include "run/names/dns.h"
#include "run/call/memory.h"
#include "run/standin/standin.h"

enum { RUN_SYSCTLS = 32 };

/* What `sockworks run` was asked for; filled in by cli/. */
struct run_config {
    char **argv;                          /* program and arguments, NULL-terminated */
    struct sw_link_conditions conditions; /* of the loopback link, both directions */
    bool conditioned;                     /* any of them set */
    uint32_t mtu;                         /* of the link when conditioned; 0: 1,500 */
    uint64_t seed;                        /* of the link's chance; has_seed also seeds the host */
    bool has_seed;
    const char *sysctls[RUN_SYSCTLS + 1]; /* NAME=VALUE each, then NULL */
    struct dns_names names;   /* that programs find when they ask a name server */
    const char *trace_path;   /* NDJSON of all records, or NULL */
    const char *capture_path; /* pcapng, or NULL */
    bool flow;                /* picture of the flow of events on stderr at the end */
    bool stats;               /* counters on stderr at the end */
    bool json;                /* counters as JSON */
    bool proc_net;            /* programs find the run's network in /proc/net */
};

/* Bytes of the largest packet of the run's network. Without conditions it is that of Linux's lo; with
 * them that of an ethernet, and TCP counts in packets as on a real path. */
static inline uint32_t run_mtu(const struct run_config *config)
{
    return !config->conditioned ? 65536 : config->mtu != 0 ? config->mtu : 1500;
}

/* Runs it. Returns the exit status for the caller to exit with. */
int run_main(const struct run_config *config);

/* Looks whether this machine can do it, line by line on stdout; 0 or 1. */
int run_doctor(bool json);

enum run_verdict {
    CALL_DONE,  /* answered */
    CALL_AGAIN, /* would block: hold it, or EAGAIN if the descriptor is non-blocking */
};

struct run;
struct run_call;
struct run_peer;
struct sw_view;
typedef enum run_verdict run_try_fn(struct run *run, struct run_call *call);
typedef void run_leave_fn(struct run *run, struct run_call *call);

/* A notified system call. */
struct run_call {
    struct sw_list link;       /* in run->held, or unlinked */
    struct sw_list by_standin; /* in standin's waiting calls */
    uint64_t id;               /* the kernel's */
    pid_t tid;
    int nr;
    uint64_t args[6];
    struct standin *standin;   /* args[0], where it is one of ours; else NULL */
    int fd_flags;              /* F_GETFL of the stand-in; -1: not yet asked */
    int fd;                    /* dup of args[0] while the call is first handled, or -1 */
    int returned_fd;           /* what call_return_fd() returned to the caller */
    bool foreign;              /* made as a 32-bit program does: nr and args are of its ABI */
    bool answered;
    pid_t shared_signal_pid;   /* while held: the process for which a signal was seen (held.c), or 0 */
    bool gives_back;           /* undoes what it did for a caller that has gone: need not be asked before */
    uint64_t held_since_ns;
    run_try_fn *retry;         /* while held */
    run_leave_fn *leave;       /* while held; may be NULL: the caller stops waiting (deadline, signal, death) */
    uint64_t deadline_ns;      /* while held; SW_NEVER: none */
    int timeout_errno;         /* positive errno at the deadline: EAGAIN, EINPROGRESS, ... */
    void *state;               /* the family's own while held (freed with free()) */
    uint64_t token;            /* record.h: the view's name for this call; 0: not recorded */
    sw_socket_t made;          /*   the socket it makes */
    struct sw_addr from;       /*   the address it gives back */
    bool has_from;
};

/* epoll's data is a pointer to a stand-in, or one of: */
#define RUN_EVENT_PENDING 1U /* bit 0 of a listening stand-in's: one of its pending far ends hung up */
enum run_event { RUN_EVENT_NOTIFY = 2, RUN_EVENT_SIGNAL = 4, RUN_EVENT_GUARD = 6 };

struct run {
    const struct run_config *config;
    pid_t pid; /* ours */
    struct sw_host *host;
    int lo;                    /* index of the loopback interface */
    uint32_t mtu;              /* its MTU: run_mtu(), until an administrator sets another */
    struct sw_link *link;
    int epoll_fd, notify_fd, signal_fd;
    int meet_fd;               /* our AF_UNIX listener to which CONNECTING stand-ins are connected */
    char meet_name[33];
    int probe_stream_fd, probe_dgram_fd, diag_fd; /* alive.c: there when no descriptor is left */
    int guard_fd;              /* from the guardian: a byte is a signal to pass on, the end is its death */
    pid_t child;               /* the program itself */
    bool child_ended, ending;  /* it has ended; what remains was told to end */
    uint64_t kill_at_ns;       /* while ending: when patience is over */
    uint64_t hint_at_ns;       /* when who looks on is told what the run waits for; SW_NEVER: not */
    int exit_status;
    dev_t sock_dev;            /* st_dev of every socket: sockfs */
    struct sw_rng rng;
    struct run_peer *peers;    /* fetch.c: pidfds of callers */
    bool keep_dups;            /* no pidfd_getfd here */
    bool wait_killable;
    struct sw_list standins, listeners, members, active, gone;
    struct sw_list left_behind; /* renew.c's own */
    struct run_park *park;     /* park.c's own; NULL: there is no keeper */
    struct sw_list guests;     /* of struct standin: far ends above the line */
    int park_from;             /* the line */
    uint32_t n_guests, guests_max;
    struct standin *called;    /* the stand-in of the call that is being handled */
    uint32_t n_standins, n_at_last_sweep;
    struct standin **by_ino;   /* hash table */
    uint32_t by_ino_mask;
    struct sw_list held;
    uint64_t held_until_ns;    /* lower bound of their deadlines */
    uint64_t signals_at_ns;    /* when pending signals of held callers are looked for next */
    pid_t signal_told_pid;     /* the process one of whose calls a signal for all of them interrupted last, */
    uint64_t signal_told_ns;   /* and when (held.c) */
    bool pumping;
    uint64_t refused[32];      /* call/refuse.c: kinds already spoken of */
    uint32_t n_refused;
    int n_processors;
    bool busy;                 /* the last turn had events: the next one may be near */
    uint64_t crowded_until_ns; /* others want the processor: not looked for it before */
    uint64_t crowded_ns;       /* how long that was last; 0: they do not */
    struct netlink_addresses *addresses; /* netlink/socket.c: of lo; NULL: nobody has asked yet */
    void *scratch;             /* dgram.c: freed at the end */
    void *long_control;        /* message.c: likewise */
    struct run_resolver *resolver; /* resolver.c's own; also the `user` of its sockets */
    struct sw_view *view;      /* NULL: nobody looks */
    struct run_record *record; /* record.c's own */
    uint64_t n_notified;
    uint64_t lo_packets, lo_bytes; /* that left by lo; as many came */
    uint64_t mirror_at_ns;     /* SW_NEVER, or when listeners are looked after again */
};

/* CLOCK_MONOTONIC: the host's time. */
static inline uint64_t run_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* ---- notif.c: the calls --------------------------------------------------------------------------- */
void call_return(struct run *run, struct run_call *call, int64_t value);
void call_fail(struct run *run, struct run_call *call, int err); /* positive errno */
void call_continue(struct run *run, struct run_call *call);      /* the kernel does it */
/* Puts `fd` into the caller's table and returns its number as the call's result, in one step.
 * False: the caller has gone or has no free descriptor (answered EMFILE then); undo what was done. */
bool call_return_fd(struct run *run, struct run_call *call, int fd, bool cloexec);
/* Puts `fd` in the place of a descriptor of the caller's, close-on-exec as that. 0 or a negative errno. */
int call_replace_fd(struct run *run, struct run_call *call, int number, int fd);
/* Tries now; holds it if it would block and may. timeout_ns: 0 none (for ever). */
void call_try(struct run *run, struct run_call *call, run_try_fn *fn, uint64_t timeout_ns, int timeout_errno);
/* Something happened to a stand-in: its held calls are tried again. */
void calls_wake(struct run *run, struct standin *s);
bool call_waits(struct run *run, struct run_call *call); /* its caller is still there */
bool call_nonblocking(struct run *run, struct run_call *call); /* O_NONBLOCK of the stand-in now */
/* Receives one call from the kernel and has it handled. */
void calls_receive(struct run *run);
/* Answers every held call on a stand-in that is about to go. */
void calls_fail_all(struct run *run, struct standin *s, int err);

/* ---- held.c: calls that wait ------------------------------------------------------------------------ */
void call_hold(struct run *run, struct run_call *call, run_try_fn *fn, uint64_t deadline_ns,
               int timeout_errno);
void call_free(struct run_call *call);
/* Deadlines of held calls and, every few ms, signals of their callers. */
uint64_t calls_deadline(const struct run *run);
void calls_advance(struct run *run, uint64_t now_ns);

/* ---- calls.c ------------------------------------------------------------------------------------------ */
/* Has a call handled by its family. */
void call_dispatch(struct run *run, struct run_call *call);

/* ---- fetch.c: the callers' descriptors --------------------------------------------------------------- */
/* A dup of `fd` in the table of `tid`, close-on-exec; or a negative errno. */
int fetch_fd(struct run *run, pid_t tid, int fd);
/* Its flags as of open(2), O_CLOEXEC among them, from /proc/TID/fdinfo; -1: there is no such. */
int fetch_flags(pid_t tid, int fd);
/* Whether the table of `tid` has a free number below its limit. Numbers are given from the lowest, so mostly the
 * highest is free, and that one is asked for first: no list is read. True also where it cannot be told. */
bool fetch_has_room(struct run *run, pid_t tid);
void fetch_fini(struct run *run);

/* ---- privilege.c --------------------------------------------------------------------------------------- */
bool caller_is_admin(pid_t tid); /* has CAP_NET_ADMIN */
uint32_t caller_cpu(pid_t tid);  /* processor.c */

/* ---- call/connect.c, call/fastopen.c, call/accept.c ----------------------------------------------------- */
/* A used stand-in gets a fresh socket underneath; 0 or a negative errno. */
int connect_renew(struct run *run, struct run_call *call);
/* The same with its registrations at once: what it shows is that it is fresh. */
int connect_renew_fresh(struct run *run, struct run_call *call);
/* call/connect.c: an attempt that the core has begun. Shows the state it is in on the stand-in, through
 * its dup `fd`; 0 or a negative errno. */
int connect_show(struct run *run, struct run_call *call, int fd);
/* Our own descriptors or memory are used up (positive errno): it ends here, and the call with it. */
void connect_give_up(struct run *run, struct run_call *call, int err);
/* The caller waits for the connection as `try` says, for SO_SNDTIMEO at most. */
void connect_wait(struct run *run, struct run_call *call, run_try_fn *try, run_leave_fn *leave);
/* Listeners that nobody holds any more are not to answer it. */
void connect_forget_dead(struct run *run, const struct sw_addr *to);
/* call/fastopen.c: a send of a stream with MSG_FASTOPEN. False: it is connected (or will be with the
 * first bytes written), and the call goes on as one without the flag. */
struct message;
bool stream_fast_open(struct run *run, struct run_call *call, const struct message *m, int flags);

/* LISTENING: one unix connection for each that waits in the core's queue. */
void accept_mirror(struct run *run, struct standin *s);
void accept_mirror_again(struct run *run); /* at run->mirror_at_ns: what could not be had then */
void accept_drop_pending(struct run *run, struct standin *s);

/* ---- resolver.c: the run's name server ------------------------------------------------------------------ */
/* A program's datagrams are about to go there: if that is a name server's port, there is one now. */
void resolver_meet(struct run *run, const struct sw_addr *to);
/* A program is about to bind there: a name server of its own comes first. */
void resolver_yield(struct run *run, const struct sw_addr *local);
void resolver_ready(struct run *run, sw_socket_t s); /* one of its sockets */
void resolver_fini(struct run *run);

/* ---- network.c ------------------------------------------------------------------------------------------ */
/* Makes run->host and, where there are conditions, run->link. 0 or a negative errno. */
int network_open(struct run *run);
/* Of lo: at least 68 bytes, at most as many as it had at the start. 0 or -EINVAL. */
int network_set_mtu(struct run *run, uint32_t mtu);
/* Gives the host what --sysctl has. 0 or a negative errno, having said which. */
int network_set_sysctls(struct run *run);

/* ---- pump.c ------------------------------------------------------------------------------------------ */
/* Packets and time: host -> link -> host until nothing moves, then ready sockets to their pumps. */
void run_pump(struct run *run);
uint64_t run_deadline(const struct run *run);

/* ---- wait.c ------------------------------------------------------------------------------------------ */
struct epoll_event;
/* Waits until something happens or a timer is due; epoll_wait(2)'s result. */
int run_wait(struct run *run, struct epoll_event *events, int max);

#endif
