/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stand-ins: what programs hold as sockets, and what flows between them and the core. Private to src/run.
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
 */
#ifndef SW_RUN_STANDIN_H
#define SW_RUN_STANDIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <sockworks/sockworks.h>

#include "base/list.h"

struct run;
struct run_call;

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

/* What is asked of a stream's far end. */
#define FAR_EVENTS (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET)

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
/* Answers a call with a fresh stand-in; without a caller to have it, it is given up. Closes fd. */
void standin_hand_over(struct run *run, struct run_call *call, struct standin *s, int fd, bool cloexec);
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
/* connect() of a datagram socket; `to` NULL: AF_UNSPEC. Answers the call. */
void dgram_connect(struct run *run, struct run_call *call, const struct sw_addr *to);
/* What the program wrote last still leaves; what waits for it is freed. */
void dgram_drop(struct run *run, struct standin *s);
void dgram_far_event(struct run *run, struct standin *s, uint32_t epoll_events);
void dgram_core_event(struct run *run, struct standin *s, int sw_events);

#endif
