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
 * Identity. A stand-in is known by its inode: /proc/TID/fd/N reads "socket:[inode]". Never by (pid, fd):
 * dup, fork, exec, SCM_RIGHTS all keep the inode.
 *
 * We keep no descriptor of a stand-in itself (that would hide its last close): when one is needed it is
 * fetched with pidfd_getfd() for the length of a call. Where that is forbidden (Docker's profile), a
 * stand-in's dup is kept until it is connected; for listeners and datagrams always (run->keep_dups), and
 * then whether a program still holds it is looked for in /proc/PID/fd. A reset reads as an end there.
 *
 * Every stand-in is bound at birth to a random abstract name (32 hex digits). That name serves three ends:
 * a listener can be connected to; a datagram stand-in can be sent to; and whether any program still holds
 * it can be asked without holding it ourselves: binding a probe socket of the same type to it says
 * EADDRINUSE while it lives and succeeds once it is gone (standin_alive()). What accept() hands out has no
 * name of its own (the kernel gives it the listener's); there the kernel's table of unix sockets is asked
 * (sock_diag(7)), which only the rare cases without a far end need.
 *
 * Streams
 *   FRESH       unconnected SOCK_STREAM: polls OUT|HUP, as a fresh TCP socket does. No far end.
 *   CONNECTING  connect() arrived: connected in place to our own listening socket; its SO_SNDBUF is the
 *               smallest and stuffed with bytes of junk, so that it polls neither IN nor OUT.
 *   CONNECTED   on ESTABLISHED: junk drained, SO_SNDBUF raised (one POLLOUT edge). pump_stream() moves bytes.
 *               FIN from the peer: shutdown(far, SHUT_WR), never close. Reset: all that had arrived is
 *               written, then the far end is closed with a byte of the program's unread, which the program
 *               reads as ECONNRESET. Far end hung up (EPOLLHUP): every holder has closed: sw_close(), or
 *               sw_abort() if reading says ECONNRESET (it closed with data unread, RFC 2525 2.17).
 *   FAILED      refused or timed out: far end closed with the junk unread: IN|OUT|ERR|HUP|RDHUP as TCP.
 *   LISTENING   listen()ed in place. For each connection in the core's accept queue one unix connection
 *               is made to its name, so that poll and epoll work; accept() takes the first of them with the
 *               first of the core's queue. Connections waiting there have a far end but no socket yet.
 * Urgent data
 *   AF_UNIX has MSG_OOB and marks of its own (Linux 5.15, CONFIG_AF_UNIX_OOB; before it MSG_OOB is EOPNOTSUPP).
 *   A program's MSG_OOB is sent into the stand-in by us, so the mark is known before the far end is read; the
 *   core's urgent byte is sent into the far end with MSG_OOB in its turn. What cannot be as in TCP: POLLPRI comes
 *   with the byte rather than with the pointer, and not before what precedes it has room in the stand-in; where
 *   the urgent byte is all there is the stand-in polls readable, and reading says EAGAIN; FIONREAD counts beyond
 *   the mark.
 * Datagrams
 *   SOCK_DGRAM, unconnected at birth; the far end is connected to the stand-in's name, so that a datagram
 *   can be put in front of a native read(). connect() connects the stand-in to the far end's name (so native
 *   send()/write() reach us), AF_UNSPEC dissolves that. sendto/recvfrom/sendmsg/recvmsg/mmsg with addresses are
 *   notified. The token rule: `in_flight` datagrams have been put into the stand-in's queue: all that have come,
 *   as far as it takes them, so that a native read finds them; one (it makes poll say IN) as long as the program
 *   receives by notified calls. Their source addresses wait in the same order in `flight`. A notified receive first drains the stand-in through a fetched descriptor: the
 *   m datagrams still there are the last m of `flight`, whatever was read natively; then it answers from the
 *   front and puts the next token in. A write to the far end that says ECONNREFUSED means: closed by its last
 *   holder: sw_reject().
 *   An ICMP error for a connected socket must wake native readers: one unread byte from the stand-in in the far
 *   end's queue, then connect(far, AF_UNSPEC), leaves ECONNRESET and POLLERR on the stand-in (the nearest that
 *   AF_UNIX can say; SO_ERROR and the notified calls say ECONNREFUSED and clear it), then reconnect the far end.
 *   One that is not connected but hears of errors (IP_RECVERR) is associated with its far end for that long.
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

enum standin_state {
    STANDIN_FRESH,
    STANDIN_CONNECTING,
    STANDIN_CONNECTED,
    STANDIN_FAILED,
    STANDIN_LISTENING,
    STANDIN_DGRAM,
    STANDIN_GONE, /* no program holds it; to be freed at the end of the loop's turn */
};

/* How far a stream's data goes, seen from the program; stream.c's head has the table. */
enum stream_reading {
    READING,       /* what comes is put before it */
    READING_ENDED, /* the peer's FIN too */
    READING_SHUT,  /* it reads no more (shutdown()); of datagrams likewise */
};
enum stream_writing {
    WRITING,         /* what it writes goes to the core */
    WRITING_LAST,    /* its end has been seen: what lies in the stand-in is the last */
    WRITING_BROKEN,  /* the core takes no more: the connection is broken (standin->broken) */
    WRITING_REFUSED, /* and the program has been told so */
    WRITING_ENDED,   /* its end has been read, or what it wrote goes nowhere any more */
};

/* A datagram whose place in the stand-in's queue is known; also one waiting in front of it. */
struct run_datagram;

struct standin {
    struct sw_list link;        /* in run->standins, at the end of its life in run->gone */
    struct sw_list active;      /* in run->active: has more to move than one turn allows; or unlinked */
    struct standin *next_ino;   /* hash chain by inode */
    ino_t ino;
    sw_socket_t sock;           /* 0 once the core's socket is gone */
    enum standin_state state;   /* moved by standin_set_state() only */
    bool stream, ipv6;
    bool bound6;                /* bind() gave it an address of IPv6: as if IPV6_V6ONLY were set */
    int far_fd;                 /* ours, non-blocking, in epoll edge-triggered; -1: none */
    int parked;                 /* its number with the keeper (park.h); -1: it is not there */
    struct sw_list guest;       /* in run->guests, or unlinked */
    int kept_fd;                /* a dup of the stand-in where run->keep_dups, else -1 */
    char name[33];              /* abstract name, without its leading NUL; "": accepted, has none */
    pid_t holder_tid;           /* who last made a call on it, and by which number: where a dup is */
    int holder_fd;              /*   looked for when there is no call (standin_borrow()) */
    int sndbuf;                 /* SO_SNDBUF as the program set it; 0: it has not */
    bool small_sndbuf;          /* still as CONNECTING left it: raised with the next call */
    bool sndbuf_raised;         /* or was it tried: not before it has sent STREAM_BULK_BYTES */
    bool far_sized;             /* likewise the far end's, with what it is given; of datagrams: when there is no room */
    uint8_t program_shut;       /* bit 0: the program shut down reading; bit 1: writing */
    uint32_t junk;              /* stuffed bytes not yet drained */
    bool far_in, far_out;       /* readiness remembered from edges; of datagrams: one turn was too short */
    bool far_hup;               /* every holder has closed; or both directions are shut down */
    enum stream_reading reading; /* moved by standin_set_reading() and standin_set_writing() only */
    enum stream_writing writing;
    int broken;                 /* positive errno that sending met first; told once all is read */
    bool urgent;                /* the program has sent MSG_OOB: its reads stop at the mark */
    bool want_out;              /* the far end is full: EPOLLOUT is asked for */
    bool put_off;               /* CONNECTED, but the SYN waits for the first bytes (TCP_FASTOPEN_CONNECT) */
    bool tells_errors;          /* DGRAM: there has been something in its error queue */
    bool error_is_native;       /* native calls have been shown an error too, as ECONNRESET */
    int error;                  /* positive errno for SO_ERROR and notified calls, until taken */
    struct sw_list listening;   /* LISTENING: in run->listeners */
    struct sw_list member;      /* DGRAM: in run->members: it has joined a multicast group */
    struct sw_list pending;     /* LISTENING: far ends connected but not yet accepted, in order */
    uint32_t n_pending;
    struct sw_list returned;    /* LISTENING: taken from the core's queue for a caller that could not have
                                 * it; the next ones to be handed out */
    uint32_t n_returned;
    struct sw_list flight;      /* DGRAM: of struct run_datagram, see above */
    struct sw_list front;       /* DGRAM: taken back from the stand-in, to be answered first */
    uint32_t in_flight, flight_max;
    int rcvbuf;                 /* DGRAM: SO_RCVBUF, if the program has set it; else 0 */
    uint64_t bytes_in, bytes_out;
    uint8_t netlink_type;       /* AF_NETLINK: SOCK_RAW or SOCK_DGRAM (netlink/socket.c); else 0 */
    uint8_t netlink_protocol;   /* NETLINK_ROUTE or NETLINK_SOCK_DIAG */
    uint32_t netlink_port;
    uint64_t netlink_groups;    /* 1 << (group - 1): netlink/socket.c tells them of changes */
    uint64_t read_at_ns;        /* when the datagram read last had come, or the last bytes put before it;
                                 * 0: none was */
    uint64_t stamp_ns;          /*   and by the wall clock, as SIOCGSTAMP has told it; 0: never */
    struct diag_dump *dump;     /* netlink/diag_socket.c's own: a list that the program has yet to read on */
    uint64_t asked_ns;          /* DGRAM with kept_fd: when it was last asked whether it is alive */
    struct sw_list held;        /* of struct run_call by by_standin: calls waiting on it */
};

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

/* What is asked of a stream's far end. */
#define FAR_EVENTS (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)

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

/* ---- standin.c -------------------------------------------------------------------------------------- */
struct standin *standin_find(struct run *run, pid_t tid, int fd);    /* NULL: not ours, or not open */
struct standin *standin_by_inode(struct run *run, ino_t ino);
void standin_of_call(struct run *run, struct run_call *call);        /* sets call->standin, and call->fd if it can */
int standin_fetch(struct run *run, struct run_call *call);           /* a dup of args[0] for this call; close it */
int standin_borrow(struct run *run, struct standin *s);              /* a dup while there is no call, or -1; close it */
struct standin *standin_new(struct run *run, sw_socket_t sock, bool stream, bool ipv6, bool nonblock, int *ret_fd);
int standin_option(struct run *run, const struct standin *s, int level, int name); /* its int; 0: it has none */
/* Options that native calls look for in the stand-in itself (also_native() in call/option.c): `fd`, a new one, gets
 * those of its socket in the core. */
void standin_copy_options(struct run *run, struct standin *s, int fd);
bool standin_only6(struct run *run, const struct standin *s); /* call/socket.c: nothing of IPv4 for it */
/* What it sends there goes to an address of IPv4: `to`, or NULL for the peer; or to no address (::) from one of IPv4. */
bool standin_goes_to4(struct run *run, const struct standin *s, const struct sw_addr *to);
void standin_set_state(struct run *run, struct standin *s, enum standin_state state);
void standin_set_reading(struct standin *s, enum stream_reading reading);
void standin_set_writing(struct standin *s, enum stream_writing writing);
bool standin_alive(struct run *run, struct standin *s);
void standin_gone(struct run *run, struct standin *s); /* nobody holds it: closes the core's socket */
struct standin *standin_adopt(struct run *run, sw_socket_t sock, ino_t ino, bool stream, bool ipv6);
void standin_drop_far(struct run *run, struct standin *s);
/* Another descriptor, a fresh one, is the stand-in from now on: its inode and name. */
void standin_rename(struct run *run, struct standin *s, ino_t ino, const char *name);
void standins_free_gone(struct run *run);
/* Sockets that nobody holds any more may still be in the way of binding `sock`. True: one was, and is gone. */
bool standin_clear_conflict(struct run *run, sw_socket_t sock, const struct sw_addr *local);
/* A caller was killed in a call on it: was that its last holder? A connection that it was still making
 * would come about without it. */
void standin_check(struct run *run, struct standin *s);
/* Members of groups that nobody holds any more are none: asked before a datagram goes to a group. */
void standins_leave_groups(struct run *run);
void standins_sweep(struct run *run, bool force);      /* amortised: asks all that no hang-up tells us of */

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

/* ---- name.c: abstract names ---------------------------------------------------------------------------- */
struct sockaddr_un;
void name_make(struct run *run, char ret_name[33]);
socklen_t name_addr(const char *name, struct sockaddr_un *ret_addr);
/* The name of a datagram stand-in's far end: its own with another first letter. */
socklen_t name_far_addr(const struct standin *s, struct sockaddr_un *ret_addr);

/* ---- stream.c, dgram.c: moving bytes ----------------------------------------------------------------- */
void stream_far_event(struct run *run, struct standin *s, uint32_t epoll_events);
/* Takes what the program has written. */
void stream_take(struct run *run, struct standin *s);
void stream_core_event(struct run *run, struct standin *s, int sw_events);
/* Has more to move than it was allowed in its turn. */
void stream_continue(struct run *run, struct standin *s);
/* Connects the stand-in in place, through its dup `fd`, to a new far end. `stuffed`: so that it polls
 * neither IN nor OUT. 0 or a negative errno. */
int stream_meet(struct run *run, struct standin *s, int fd, int fd_flags, bool stuffed);
/* The connection exists: bytes may flow. `fd`: a dup, or -1 to look for one. */
void stream_established(struct run *run, struct standin *s, int fd);
/* The attempt failed, or the connection broke: says so to the program. */
void stream_failed(struct run *run, struct standin *s, int err);
void stream_raise_sndbuf(struct standin *s, int fd);
/* The same while there is no call. */
void stream_raise_sndbuf_now(struct run *run, struct standin *s);
/* Bytes a connection may move, in each direction, before its buffers get their size: most move less. */
#define STREAM_BULK_BYTES 32768U
void stream_size_far(struct run *run, struct standin *s);
/* The program has set SO_SNDBUF (`fd`: a dup) or SO_RCVBUF. */
void stream_sndbuf_set(struct standin *s, int fd, int bytes);
/* The program sends MSG_OOB: marks are looked for from now on. */
void stream_expect_urgent(struct standin *s);
void stream_prepare_far(struct run *run, struct standin *s);
/* The timeout option (SO_RCVTIMEO, SO_SNDTIMEO) of a stand-in in ns; 0: none. */
uint64_t standin_timeout_ns(struct run *run, struct standin *s, int name);

/* renew.c: a descriptor that is a stand-in's no more, by its inode: the one it was, which stands under that number
 * from now on (call->fd is a dup); NULL: it was none. */
struct standin *renew_catch_up(struct run *run, struct run_call *call, ino_t ino);
void renew_forget(struct run *run, const struct standin *s);
bool renew_held(struct run *run, const struct standin *s); /* somebody still holds such a one */
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

/* connect() of a datagram socket; `to` NULL: AF_UNSPEC. Answers the call. */
void dgram_connect(struct run *run, struct run_call *call, const struct sw_addr *to);
/* What the program wrote last still leaves; what waits for it is freed. */
void dgram_drop(struct run *run, struct standin *s);
void dgram_far_event(struct run *run, struct standin *s, uint32_t epoll_events);
void dgram_core_event(struct run *run, struct standin *s, int sw_events);

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
