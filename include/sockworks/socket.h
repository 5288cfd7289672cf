/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets of a host: the POSIX calls, never blocking.
 *
 * Domains, types, levels, option names, flags and the layout of option values are Linux's numbers
 * and layouts for 64-bit machines, so that a caller may pass on what a program gave it. Addresses are
 * struct sw_addr (ports in host order).
 *
 * Every call returns a non-negative result or a negative errno, the one Linux would give. Where a
 * blocking socket would sleep the answer is -EAGAIN (-EINPROGRESS for connect), and the socket turns
 * up in sw_host_ready() once it is worth asking again.
 *
 * A handle is checked at each call: one that was closed, or never was, gives -EBADF.
 */
#ifndef SOCKWORKS_SOCKET_H
#define SOCKWORKS_SOCKET_H

#include <sockworks/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A socket of a host: an index and a generation. 0 is never one. */
typedef uint64_t sw_socket_t;

enum { SW_AF_UNSPEC = 0, SW_AF_INET = 2, SW_AF_INET6 = 10 };
enum { SW_SOCK_STREAM = 1, SW_SOCK_DGRAM = 2, SW_SOCK_RAW = 3 };
enum { SW_SHUT_RD = 0, SW_SHUT_WR = 1, SW_SHUT_RDWR = 2 };
enum {
    SW_MSG_OOB = 0x01,
    SW_MSG_PEEK = 0x02,
    SW_MSG_TRUNC = 0x20,
    SW_MSG_EOR = 0x80,
    SW_MSG_WAITALL = 0x100,
    SW_MSG_MORE = 0x8000,
    SW_MSG_ZEROCOPY = 0x4000000,
    SW_MSG_FASTOPEN = 0x20000000,
};

/* What poll() would say of the socket: Linux's poll bits. */
enum sw_event {
    SW_EV_IN = 0x001,
    SW_EV_PRI = 0x002,
    SW_EV_OUT = 0x004,
    SW_EV_ERR = 0x008,
    SW_EV_HUP = 0x010,
    SW_EV_RDHUP = 0x2000,
};

/* socket(2). `protocol` 0 or one of the type: of SW_SOCK_DGRAM also UDP-Lite (136) and ICMP (1) for IPv4 and ICMPv6 (58)
 * for IPv6, a ping socket as in icmp(7): datagrams are whole echo messages, the identifier is the
 * port. SW_SOCK_RAW, as in raw(7), needs a protocol of 1 to 255; privilege is the caller's affair. 0,
 * or -EAFNOSUPPORT, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EINVAL, -ENFILE (max_sockets), -ENOMEM. */
int sw_socket(struct sw_host *host, int domain, int type, int protocol, sw_socket_t *ret_socket);

/* What sw_host_ready() hands back with the socket. Inherited by nothing. 0 or -EBADF. */
int sw_socket_set_user(struct sw_host *host, sw_socket_t s, void *user);
void *sw_socket_user(struct sw_host *host, sw_socket_t s); /* NULL for a bad handle too */

/* bind(2). Port 0 takes an ephemeral one (RFC 6056). 0, -EBADF, -EINVAL (already bound, bad family
 * for the domain), -EAFNOSUPPORT, -EADDRINUSE, -EADDRNOTAVAIL, -ENOMEM. */
int sw_bind(struct sw_host *host, sw_socket_t s, const struct sw_addr *local);

/* A datagram socket that has no port takes one: Linux's inet_autobind(), which comes before a send or a
 * connect looks at its address. 0, -EBADF, -EAGAIN (none is free), -ENOMEM. */
int sw_autobind(struct sw_host *host, sw_socket_t s);

/* Another socket that stands in the way of binding `s` to `local`, or 0: for a caller who knows
 * better than this library which sockets still have an owner. */
sw_socket_t sw_bind_conflict(struct sw_host *host, sw_socket_t s, const struct sw_addr *local);

/* The listener that a SYN from `remote` to `local` would reach, or 0. */
sw_socket_t sw_find_listener(struct sw_host *host, const struct sw_addr *remote,
                             const struct sw_addr *local);

/* listen(2). On a listening socket only the backlog changes. 0, -EBADF, -EINVAL (connected),
 * -EOPNOTSUPP (not a stream), -EADDRINUSE, -ENOMEM. */
int sw_listen(struct sw_host *host, sw_socket_t s, int backlog);

/* connect(2). Stream: -EINPROGRESS once the SYN is on its way, then -EALREADY, at the end 0 once and
 * -EISCONN after, or the error of the attempt once. Datagram: sets the peer, 0. `remote` NULL is
 * AF_UNSPEC: dissolves a datagram association, disconnects a stream.
 * Also -EBADF, -EAFNOSUPPORT, -EINVAL, -EADDRNOTAVAIL, -ENETUNREACH, -EADDRINUSE, -EACCES, -ENOMEM,
 * -EISCONN (also when listening, as Linux). */
int sw_connect(struct sw_host *host, sw_socket_t s, const struct sw_addr *remote);

/* accept(2): the first connection of the listener's queue; a connection that was reset while it
 * waited is handed out all the same, as Linux does. 0, -EAGAIN, -EINVAL (not listening), -EBADF,
 * -EOPNOTSUPP, -ENOMEM, -ENFILE. ret_remote may be NULL. */
int sw_accept(struct sw_host *host, sw_socket_t s, sw_socket_t *ret_socket, struct sw_addr *ret_remote);

/* How many connections wait to be accepted; -EBADF, -EINVAL. */
int sw_accept_queue_len(struct sw_host *host, sw_socket_t s);

/* send(2)/sendto(2): copies from `buf`. `to` NULL uses the peer; a stream ignores `to`. Returns bytes
 * taken (a stream may take fewer), -EAGAIN, -EPIPE, -ENOTCONN, -EDESTADDRREQ, -EMSGSIZE,
 * -ECONNREFUSED or another pending error, -ENETUNREACH, -EINVAL, -EAFNOSUPPORT, -ENOBUFS, -EBADF.
 * flags: SW_MSG_MORE (of UDP: the same datagram goes on with the next call), SW_MSG_OOB (the last byte of a stream's is urgent), SW_MSG_EOR (what follows in
 * a stream begins a segment of its own), SW_MSG_ZEROCOPY (with SO_ZEROCOPY: bytes are copied all the
 * same, and that they were is told by sw_recv_error()), SW_MSG_WAITALL (of a stream: its sender goes on with
 * what is not taken now, and is told of all when its last byte is). Never raises a signal.
 *
 * SW_MSG_FASTOPEN on an unconnected stream connects it to `to`, as sw_connect(), and sends with it
 * (RFC 7413): returns how many bytes have left in the SYN, or -EINPROGRESS if none could: then the SYN
 * asks for a cookie, so that the next one may carry some. Who will wait for the connection adds
 * SW_MSG_WAITALL: what does not go in the SYN is then sent behind it. Also -EOPNOTSUPP (tcp_fastopen
 * is off), -EALREADY. With TCP_FASTOPEN_CONNECT sw_connect() returns 0 where a cookie is known, and
 * the first sw_send() does all this, without the flag. */
int64_t sw_send(struct sw_host *host, sw_socket_t s, const void *buf, size_t len, int flags,
                const struct sw_addr *to);

/* What one call asks to be told of what it sends, in place of the socket's SO_TIMESTAMPING: flags
 * SOF_TIMESTAMPING_TX_ of <linux/net_tstamp.h>. With `has_key` the stamps of a datagram have that number
 * (SCM_TS_OPT_ID). */
struct sw_stamping {
    bool given; /* else the socket's flags hold */
    bool has_key;
    uint32_t flags, key;
};

/* As sw_send() of a stream, with that. */
int64_t sw_send_stamped(struct sw_host *host, sw_socket_t s, const void *buf, size_t len, int flags,
                        const struct sw_stamping *stamping);

/* Stream without a copy: room in the send buffer to write into. Returns bytes at *ret_ptr (at most
 * `want`, at most one chunk), or as sw_send(). Nothing is sent until sw_send_commit(), which must be
 * the next call on this host; committing 0 gives up. Where TCP_FASTOPEN_CONNECT has put off the
 * connection it begins now, without data: -EAGAIN. */
int64_t sw_send_reserve(struct sw_host *host, sw_socket_t s, size_t want, void **ret_ptr);
int sw_send_commit(struct sw_host *host, sw_socket_t s, size_t len, int flags);

/* recv(2)/recvfrom(2): copies into `buf`. A stream gives 0 at its end; a datagram's excess is cut, and
 * with SW_MSG_TRUNC the full length is returned. flags: SW_MSG_PEEK, SW_MSG_TRUNC. ret_from may be
 * NULL. -EAGAIN, -ENOTCONN (stream never connected), -ECONNRESET or another pending error, -EBADF.
 *
 * Urgent data (RFC 6093): one byte, told by SW_EV_PRI. SW_MSG_OOB reads it: -EINVAL if there is none,
 * it was read, or SO_OOBINLINE is set; -EAGAIN if it is announced but has not come. Its place in the
 * stream is a mark: a read stops there, and the next one passes over the byte (with SO_OOBINLINE it
 * begins with it). */
int64_t sw_recv(struct sw_host *host, sw_socket_t s, void *buf, size_t len, int flags,
                struct sw_addr *ret_from);

/* What a receiver may learn of a datagram and a sender may decide for one alone (IP_PKTINFO, IP_TTL,
 * IP_TOS and IPv6's). */
struct sw_datagram_info {
    struct sw_ip local; /* the address it was sent to; to send: from. All zero: chosen by the routes */
    int iface;          /* it came in by, leaves by; 0: by the routes */
    int ttl, tos;       /* to send, -1: the socket's */
    uint32_t segment;   /* to send: as datagrams of so many bytes (UDP_SEGMENT); 0: the socket's.
                         * Received: it is several of so many bytes, the last perhaps of less
                         * (UDP_GRO); 0: it is one */
    bool more;          /* to send: the same datagram goes on with the next call (MSG_MORE) */
    bool zerocopy;      /* to send: MSG_ZEROCOPY, where SO_ZEROCOPY is set */
    struct sw_stamping stamping; /* to send */
    const struct sw_extensions *extensions; /* to send, by IPv6; NULL: the socket's (IPV6_HOPOPTS and its kin). With
                         * `more` these are the socket's when the datagram is whole */
    uint32_t drops;     /* received: how many had found no room before it (SO_RXQ_OVFL) */
    uint64_t at_ns;     /* received: when it came, by the host's clock (SO_TIMESTAMP) */
    uint32_t mark, priority; /* received: its sender's, on a loopback (SO_RCVMARK, SO_RCVPRIORITY); to send: */
    bool has_mark, has_priority; /* whether they hold, or else the socket's */
    uint32_t flow_label; /* of IPv6 (RFC 6437): it came with, or is to leave with; to send, 0: the socket's */
};

/* As sw_send() and sw_recv() of a datagram socket, with that. `info` may not be NULL. */
int64_t sw_send_datagram(struct sw_host *host, sw_socket_t s, const void *buf, size_t len,
                         const struct sw_addr *to, const struct sw_datagram_info *info);
int64_t sw_recv_datagram(struct sw_host *host, sw_socket_t s, void *buf, size_t len, int flags,
                         struct sw_addr *ret_from, struct sw_datagram_info *ret_info);

/* recvmsg(MSG_ERRQUEUE). Of a datagram socket that has set IP_RECVERR or IPV6_RECVERR: what a struct
 * sock_extended_err and the message around it say (ip(7)). Copies what was sent into `buf`, as much
 * as the error quoted; returns how much that is, also if it did not fit. SO_ERROR becomes that of the
 * next error in the queue, or none. -EAGAIN: none. -EBADF. */
/* SW_ORIGIN_LOCAL: this host's own refusal to send (-EMSGSIZE); nobody else is the offender. */
/* And what became of what was sent, each as it came about. SW_ORIGIN_TIMESTAMPING (err ENOMSG): a write of a
 * socket with SO_TIMESTAMPING left (info SCM_TSTAMP_SND, _SCHED) or was acknowledged (of a stream: _ACK) at
 * message.at_ns. `data` is the number of a stream's last byte, or of the datagram, which comes with it from
 * its IP header on, unless SOF_TIMESTAMPING_OPT_TSONLY; then message and offender are where it came from.
 * SW_ORIGIN_ZEROCOPY (err 0, code 1: copied): the writes number `info` to `data`. */
enum {
    SW_ORIGIN_LOCAL = 1,
    SW_ORIGIN_ICMP = 2,
    SW_ORIGIN_ICMP6 = 3,
    SW_ORIGIN_TIMESTAMPING = 4,
    SW_ORIGIN_ZEROCOPY = 5,
};
struct sw_socket_error {
    int err; /* positive errno */
    uint8_t origin, type, code;
    uint32_t info;                   /* MTU, or pointer of a "parameter problem" */
    uint32_t data;
    struct sw_addr offender;         /* who says so */
    struct sw_addr to;               /* where the datagram was going */
    struct sw_datagram_info message; /* of the ICMP message */
};
int64_t sw_recv_error(struct sw_host *host, sw_socket_t s, void *buf, size_t len,
                      struct sw_socket_error *ret_error);

/* Stream without a copy: the next bytes as up to `max` pieces, valid until the next call on this
 * host. Returns how many pieces; 0 at the end of the stream; else as sw_recv(). Then say how many
 * bytes were used up. */
struct sw_bytes {
    const void *ptr;
    size_t len;
};
int sw_recv_peek(struct sw_host *host, sw_socket_t s, struct sw_bytes *ret_pieces, int max);
int sw_recv_consume(struct sw_host *host, sw_socket_t s, size_t len);

/* sockatmark(3): 1 where the next byte of the stream is the urgent one, read or not, else 0; -EBADF,
 * -EOPNOTSUPP. sw_recv_peek() passes the mark as a read does. */
int sw_sockatmark(struct sw_host *host, sw_socket_t s);

/* What poll(2) would answer now: SW_EV_ bits; -EBADF. */
int sw_poll(struct sw_host *host, sw_socket_t s);

/* The next socket to which something happened: became readable, writable, connected, broken. Each is
 * reported once per change (edge-triggered), with its sw_poll() bits of now. False: none left. */
struct sw_ready {
    sw_socket_t socket;
    void *user;
    int events;
};
bool sw_host_ready(struct sw_host *host, struct sw_ready *ret_ready);

/* These `n` sockets are about to be used: whoever writes to many at once says so first, and their memory
 * comes while other work is done. With more connections than a cache holds that is most of what a call
 * costs; a few dozen at a time are best. What is readied by sw_host_input_batch() need not be said. Changes
 * nothing but speed; handles that are none are passed over, and the array is the caller's. */
void sw_host_ahead(struct sw_host *host, const sw_socket_t sockets[], size_t n);

/* shutdown(2). 0, -ENOTCONN, -EINVAL, -EBADF. */
int sw_shutdown(struct sw_host *host, sw_socket_t s, int how);

/* close(2): the handle is gone. What was sent is still delivered (unless SO_LINGER says 0 s, or data
 * was left unread: then the peer is reset, RFC 2525 2.17). 0 or -EBADF. */
int sw_close(struct sw_host *host, sw_socket_t s);

/* As sw_close(), but a connected stream is reset at once. */
int sw_abort(struct sw_host *host, sw_socket_t s);

/* As sw_close() of a datagram socket whose owner had gone before its queued datagrams came: each of
 * them goes to another socket that hears there (SO_REUSEPORT), or is answered with port unreachable
 * (RFC 1122 4.1.3.1). */
int sw_reject(struct sw_host *host, sw_socket_t s);

/* getsockname(2), getpeername(2). An unbound socket has the "any" address and port 0. 0, -EBADF,
 * -ENOTCONN. */
int sw_getsockname(struct sw_host *host, sw_socket_t s, struct sw_addr *ret_local);
int sw_getpeername(struct sw_host *host, sw_socket_t s, struct sw_addr *ret_remote);

/* What sw_send_datagram() would say of this address alone: 0 or a negative errno. */
int sw_may_send(struct sw_host *host, sw_socket_t s, const struct sw_addr *to,
                const struct sw_datagram_info *info);

/* What sin6_flowinfo says at connect(): the flow label (IPv6) of what is sent from now on without an address of its
 * own; 0: one is made. 0, -EBADF, -EINVAL (others have a lease of it: IPV6_FLOWLABEL_MGR), -ENOMEM. */
int sw_set_flow_label(struct sw_host *host, sw_socket_t s, uint32_t label);
uint32_t sw_flow_label_chosen(struct sw_host *host, sw_socket_t s);

/* Whether connect() has given a datagram socket a peer: one without ports has no name for it. */
bool sw_has_peer(struct sw_host *host, sw_socket_t s);

/* getsockopt(2), setsockopt(2) in Linux's numbers and layouts. *len: room on entry, length on
 * return; IP_MSFILTER and MCAST_MSFILTER read their question from `val`. 0, -EBADF, -ENOPROTOOPT (unknown), -EINVAL, -EDOM, -EPERM, -ENOTCONN, -EISCONN, -ENOMEM. */
int sw_getsockopt(struct sw_host *host, sw_socket_t s, int level, int name, void *val, size_t *len);
int sw_setsockopt(struct sw_host *host, sw_socket_t s, int level, int name, const void *val, size_t len);
/* The same by an administrator, who may what gives others -EPERM or -EACCES: SO_MARK, SO_DEBUG,
 * SO_PRIORITY above 6, SO_RCVBUFFORCE, SO_SNDBUFFORCE. */
int sw_setsockopt_admin(struct sw_host *host, sw_socket_t s, int level, int name, const void *val, size_t len);

/* Bytes in a stream's send queue not yet acknowledged (SIOCOUTQ), bytes readable now (FIONREAD; of a
 * datagram socket the next datagram's length); -EBADF, -EINVAL. */
int64_t sw_send_queued(struct sw_host *host, sw_socket_t s);
int64_t sw_recv_queued(struct sw_host *host, sw_socket_t s);

/* Takes the pending error of the socket, as getsockopt(SO_ERROR) does: a positive errno, or 0;
 * -EBADF. */
int sw_take_error(struct sw_host *host, sw_socket_t s);

/* What a connection waits for next: the numbers are those of Linux's inet_diag_msg.idiag_timer. */
enum sw_awaits {
    SW_AWAITS_NOTHING,
    SW_AWAITS_RETRANSMIT, /* to send again: data, a SYN or a SYN-ACK */
    SW_AWAITS_KEEPALIVE,  /* keepalive, or the end of FIN_WAIT_2 */
    SW_AWAITS_2MSL,       /* the end of TIME_WAIT */
    SW_AWAITS_PERSIST,    /* to probe a window that is closed */
};

/* One line of a socket table: for `ss`. */
struct sw_socket_info {
    sw_socket_t socket; /* 0: an embryo, an orphan or a TIME_WAIT, which nobody holds */
    int domain, type, protocol;
    int tcp_state; /* Linux's numbers, TCP_ESTABLISHED = 1 .. TCP_CLOSING = 11; 7 (CLOSE) for UDP */
    struct sw_addr local, remote;
    uint64_t recv_q, send_q; /* bytes; of a listener: connections waiting, backlog */
    enum sw_awaits awaits;
    uint64_t awaits_ns; /* how long until then */
    unsigned retries;   /* what it sent went unanswered so often */
    bool port_chosen;   /* by bind() */
    uint8_t shut;       /* 1: no more reading, 2: no more writing, or both */
};
/* Walks all sockets: start with *cursor = 0; false at the end. */
bool sw_host_next_socket(struct sw_host *host, uint64_t *cursor, struct sw_socket_info *ret_info);
/* As sw_getsockopt() of the socket that the walk gave last, whether anybody holds it or not. -EBADF: it was a
 * half-open connection, or what is left of a closed one. */
int sw_host_walk_getsockopt(struct sw_host *host, uint64_t cursor, int level, int name, void *val, size_t *len);

#ifdef __cplusplus
}
#endif

#endif
