/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside view of the socket layer.
 *
 * A socket begins with a struct sw_sock; a stream adds its TCP control block, a datagram socket its
 * receive queue. Lives:
 *
 *   held      somebody has the handle
 *   embryo    in a listener's accept queue; its handle is not given out yet. (Before its handshake
 *             is done a connection is a small record: small.h.)
 *   orphan    closed, but TCP still delivers; freed when TCP is done
 *
 * Invariants:
 *  (1) A stream is in the table of connections exactly while `is` has SW_IS_HASHED.
 *  (2) ref.port is not NULL exactly while the socket holds a port.
 *  (3) An embryo (SW_IS_EMBRYO) has `parent`; its `node` is in a queue of parent->listener. Any other
 * socket's `node` is in layer->ready or in no list. (4) A function that may free the socket it was given
 * says so; nothing else frees one.
 */
#ifndef SW_SOCK_PRIVATE_H
#define SW_SOCK_PRIVATE_H

#include "base/assert.h"
#include "sock/abi.h"
#include "sock/opts.h"
#include "sock/sock.h"
#include "tcp/fastopen.h"
#include "tcp/notice.h"

/* Where connect() stands (the states of BSD's struct socket, as Linux moves them). */
enum sw_sock_state {
    SW_SS_UNCONNECTED,
    SW_SS_CONNECTING, /* connect() was begun and its end not yet told to the caller */
    SW_SS_CONNECTED,
    SW_SS_DISCONNECTING, /* shut down before it was told */
};

/* sw_sock.shut */
enum { SW_SHUT_BIT_RCV = 1, SW_SHUT_BIT_SEND = 2, SW_SHUT_BITS = 3 };

/* sw_sock.is */
enum {
    SW_IS_HELD = 1 << 0,       /* somebody has the handle */
    SW_IS_HASHED = 1 << 1,     /* in layer->conns */
    SW_IS_BOUND_ADDR = 1 << 2, /* bind() chose the address: it outlives a connection */
    SW_IS_BOUND_PORT = 1 << 3, /* bind() chose the port: it outlives a connection */
    SW_IS_LABELLED = 1 << 4, /* holds, or held, leases of flow labels */
    SW_IS_DONE = 1 << 5,       /* the connection has ended: CLOSED, or TIME_WAIT kept elsewhere */
    SW_IS_QUEUED = 1 << 6,     /* an embryo in the accept queue, no longer in the SYN queue */
    SW_IS_SNDBUF_SET = 1 << 7, /* SO_SNDBUF was set: no automatic tuning */
    SW_IS_RCVBUF_SET = 1 << 8,
    SW_IS_PUT_OFF = 1 << 9, /* connect() waits for the first write (fastopen.c): no SYN yet */
    SW_IS_EMBRYO = 1 << 10, /* of a listener, and not accepted yet */
    SW_IS_EXPLICIT = 1 << 11, /* holds its port because of a bind() */
    SW_IS_SYN_SAVED = 1 << 12, /* saved_syn.h */
};

struct sw_port {
    struct sw_list hear; /* listeners; datagram sockets without a peer */
    struct sw_list rest; /* connections, and what is bound only */
    uint32_t waits;      /* TIME_WAITs: small records, by port_next */
    uint32_t n_refs;
    uint32_t
        n_explicit; /* of them bound by bind(): connect() does not choose such a port by itself */
    uint16_t number;
    uint8_t dir; /* 0: TCP, 1: UDP, 2: identifiers of echo requests of both families, 3: UDP-Lite */
};

/* Membership of a socket in a port. */
struct sw_port_ref {
    struct sw_list node;
    struct sw_port *port;
};

struct sw_listener {
    struct sw_list accept_queue; /* of struct sw_sock, by node */
    uint32_t n_accept, backlog;
    uint32_t n_fast;          /* Fast Open's children before the end of their handshakes */
    uint32_t n_fast_reset;    /* and those that were reset, for a minute after the last one */
    uint64_t fast_reset_ns;   /* when that was */
    uint32_t n_half, n_young; /* half-open, and of them those not yet sent a second SYN-ACK */
    bool cookies;             /* were sent, last at cookie_ns */
    uint64_t cookie_ns;
};

struct sw_sock {
    struct sw_slot slot;
    uint32_t on;    /* SW_ON_ */
    uint16_t is;    /* SW_IS_ */
    uint16_t err;   /* pending error, positive errno */
    uint8_t domain : 4, type : 4;
    uint8_t state; /* enum sw_sock_state */
    uint8_t shut;  /* SW_SHUT_BIT_ */
    uint8_t proto; /* SW_PROTO_TCP, SW_PROTO_UDP, SW_PROTO_UDPLITE, SW_PROTO_ICMP or SW_PROTO_ICMP6;
                      any if raw */
    uint32_t conn_tag; /* of its place in layer->conns: sw_ahead_send() */
    struct sw_list node;
    struct sw_port_ref ref;
    struct sw_sock_opts *opts; /* NULL: all defaults */
    union {
        void *user;             /* the holder's */
        struct sw_sock *parent; /* of an embryo, which nobody holds */
    };
    struct sw_listener *listener; /* of a listening stream */
};

struct sw_stream_sock {
    struct sw_sock sock;
    struct sw_tcp tcp;
};

_Static_assert(sizeof(struct sw_stream_sock) <= SW_SLOT_BYTES, "a socket fits into its slot");
_Static_assert(SW_SLOT_BYTES + 2 * sizeof(struct sw_table_slot) <= 512,
               "an idle connection takes at most 512 bytes, its places in the table included");

/* What a socket of SOCK_RAW has besides: raw.c. */
struct sw_raw {
    struct sw_list node; /* in layer->raws */
    struct sw_sock *owner;
    bool hdrincl;        /* IP_HDRINCL */
    int32_t checksum_at; /* IPV6_CHECKSUM: offset in bytes; -1: none */
    uint32_t filter[8];  /* ICMP_FILTER (the first word), ICMP6_FILTER: a bit is a type kept away */
};

struct sw_dgram_sock {
    struct sw_sock sock;
    struct sw_addr local, remote; /* remote.port 0: not connected, but for ping sockets */
    struct sw_udp_queue queue;
    uint64_t drops;
    struct sw_error_item *errors, *errors_last; /* errors.c */
    uint32_t errors_bytes;
    uint32_t n_stamped, n_copied; /* SOF_TIMESTAMPING_OPT_ID's and MSG_ZEROCOPY's next number */
    struct sw_raw *raw;           /* of SOCK_RAW, else NULL */
    struct sw_membership *groups; /* group.c */
    struct sw_cork *cork;         /* cork.c: being written; or NULL */
};
_Static_assert(sizeof(struct sw_dgram_sock) <= SW_SLOT_BYTES, "a socket fits into its slot");

static inline bool sw_sock_is_stream(const struct sw_sock *s)
{
    return s->type == SW_SOCK_STREAM;
}

static inline struct sw_tcp *sw_sock_tcp(struct sw_sock *s)
{
    SW_ASSERT(sw_sock_is_stream(s));
    return &SW_CONTAINER(s, struct sw_stream_sock, sock)->tcp;
}

static inline struct sw_dgram_sock *sw_sock_dgram(struct sw_sock *s)
{
    SW_ASSERT(!sw_sock_is_stream(s));
    return SW_CONTAINER(s, struct sw_dgram_sock, sock);
}

static inline struct sw_addr *sw_sock_local(struct sw_sock *s)
{
    return sw_sock_is_stream(s) ? &sw_sock_tcp(s)->local : &sw_sock_dgram(s)->local;
}

static inline struct sw_addr *sw_sock_remote(struct sw_sock *s)
{
    return sw_sock_is_stream(s) ? &sw_sock_tcp(s)->remote : &sw_sock_dgram(s)->remote;
}

static inline uint8_t sw_sock_proto(const struct sw_sock *s)
{
    return s->proto;
}

static inline bool sw_sock_is_raw(const struct sw_sock *s)
{
    return s->type == SW_SOCK_RAW;
}

/* A ping socket: ping.c. */
static inline bool sw_sock_is_ping(const struct sw_sock *s)
{
    return !sw_sock_is_raw(s) && (s->proto == SW_PROTO_ICMP || s->proto == SW_PROTO_ICMP6);
}

/* Whether what is behind the IP header begins with ports that name the two ends. */
static inline bool sw_sock_has_ports(const struct sw_sock *s)
{
    return !sw_sock_is_raw(s) && !sw_sock_is_ping(s);
}

/* Whether connect() has given a datagram socket a peer. It cannot be told by ports: a peer may have
 * none. */
static inline bool sw_sock_has_peer(struct sw_sock *s)
{
    return s->state == SW_SS_CONNECTED;
}

static inline bool sw_sock_rare(const struct sw_sock *s, unsigned bit)
{
    return s->opts && s->opts->rare >> bit & 1;
}

/* The flags of SO_TIMESTAMPING that hold for what one call sends. */
static inline uint32_t sw_sock_stamps(const struct sw_sock *s, const struct sw_stamping *stamping)
{
    if (stamping && stamping->given)
        return stamping->flags;
    return s->opts ? (uint32_t)s->opts->timestamping : 0;
}

static inline struct sw_ip sw_sock_any(const struct sw_sock *s)
{
    return s->domain == SW_AF_INET ? SW_IP4_ANY : SW_IP6_ANY;
}

/* ---- sock.c: handles, lifetime -------------------------------------------------------- */

sw_socket_t sw_sock_handle(const struct sw_sock_layer *layer, const struct sw_sock *s);
struct sw_sock *sw_sock_find(const struct sw_sock_layer *layer,
                             sw_socket_t handle); /* held; or NULL */
/* The socket of an index that a table holds. */
static inline struct sw_sock *sw_sock_place(const struct sw_sock_layer *layer, uint32_t index)
{
    return SW_CONTAINER(sw_slot_place(&layer->slots, index), struct sw_sock, slot);
}

/* The socket of any index, or NULL. */
static inline struct sw_sock *sw_sock_at(const struct sw_sock_layer *layer, uint32_t index)
{
    struct sw_slot *slot = sw_slot_at(&layer->slots, index);
    return slot ? SW_CONTAINER(slot, struct sw_sock, slot) : NULL;
}

/* A socket that nobody holds yet. */
int sw_sock_new(struct sw_sock_layer *layer, int domain, int type, struct sw_sock **ret_sock);
void sw_sock_free(struct sw_sock_layer *layer, struct sw_sock *s); /* sends nothing */
int sw_sock_open(struct sw_sock_layer *layer, int domain, int type, int protocol,
                 struct sw_sock **ret);
enum sw_sock_close { SW_CLOSE_NORMAL, SW_CLOSE_ABORT, SW_CLOSE_REJECT };
void sw_sock_close(struct sw_sock_layer *layer, struct sw_sock *s,
                   enum sw_sock_close how); /* frees */
int sw_sock_take_error(struct sw_sock *s);  /* positive errno or 0 */

/* ---- ahead.c -------------------------------------------------------------------------- */

/* Asks for the memory of what is probably the connection of this hash; NULL: there is none. */
struct sw_sock *sw_ahead_conn(const struct sw_sock_layer *layer, uint64_t hash);
/* A stream is about to send: what that takes, and the way in for what will answer it. */
void sw_ahead_send(const struct sw_sock_layer *layer, struct sw_sock *s);

/* ---- show.c --------------------------------------------------------------------------- */

bool sw_sock_next(struct sw_sock_layer *layer, uint64_t *cursor, struct sw_socket_info *ret_info);
/* The socket that sw_sock_next() gave last; NULL: it was a small record, or it is gone. */
struct sw_sock *sw_sock_walked(struct sw_sock_layer *layer, uint64_t cursor);

/* ---- port.c, bind.c ------------------------------------------------------------------- */

struct sw_port *sw_port_find(const struct sw_sock_layer *layer, uint8_t proto, uint16_t number);
int sw_port_hold(struct sw_sock_layer *layer, uint8_t proto, uint16_t number,
                 struct sw_sock *s, bool is_explicit);
void sw_port_share(struct sw_port *port, struct sw_sock *s, bool is_explicit);
void sw_port_release(struct sw_sock_layer *layer, struct sw_sock *s); /* harmless if none */
void sw_port_hear(struct sw_port_ref *ref, bool hear); /* moves between the port's two lists */
void sw_port_wait(struct sw_sock_layer *layer, struct sw_port *port, uint32_t index);
void sw_port_unwait(struct sw_sock_layer *layer, uint32_t index);
void sw_port_fini(struct sw_sock_layer *layer);
/* The ports from which one is chosen for a socket: the host's, or less (IP_LOCAL_PORT_RANGE). */
struct sw_port_range {
    uint32_t first, n;
};
struct sw_port_range sw_port_range(const struct sw_sock *s);
/* The i-th port of a search in the range that begins at `offset` (RFC 6056); i < range->n. */
#define SW_PORT_EPHEMERAL_FIRST 32768U /* Linux's ip_local_port_range */
#define SW_PORT_EPHEMERAL_LAST 60999U
#define SW_PORT_EPHEMERALS (SW_PORT_EPHEMERAL_LAST - SW_PORT_EPHEMERAL_FIRST + 1)
uint16_t sw_port_ephemeral(const struct sw_port_range *range, uint32_t offset, uint32_t i);

/* Whether somebody stands in the way of binding `s` to `local` (which has its port). `strict`: the
 * port is our choice, so do not share it. ret_held, if not NULL: one of them that is held, if any
 * is. */
bool sw_bind_conflicts(const struct sw_sock_layer *layer, struct sw_sock *s,
                       const struct sw_addr *local, bool strict, struct sw_sock **ret_held);
int sw_sock_bind(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *local);
int sw_sock_autobind(struct sw_sock_layer *layer, struct sw_sock *s); /* a port, if it has none */
/* The family rules of an address given to a socket: 0, -EAFNOSUPPORT, and `v6only` for a mapped
 * address on a V6ONLY socket. */
int sw_sock_check_family(const struct sw_sock *s, const struct sw_ip *ip, int v6only);

/* ---- demux.c -------------------------------------------------------------------------- */

uint64_t sw_conn_hash(const struct sw_sock_layer *layer, uint8_t proto, const struct sw_addr *local,
                      const struct sw_addr *remote);
/* The connected socket of this hash and these addresses, or NULL. */
struct sw_sock *sw_conn_find(const struct sw_sock_layer *layer, uint64_t hash, uint8_t proto,
                             const struct sw_addr *local, const struct sw_addr *remote);
/* The same of a stream; `guess` is what sw_ahead_conn() said. */
struct sw_sock *sw_conn_check(const struct sw_sock_layer *layer, struct sw_sock *guess,
                              uint64_t hash, const struct sw_addr *local,
                              const struct sw_addr *remote);
/* The listener or unconnected datagram socket that a packet from `remote` to `local` belongs to.
 * `view`: of its payload, for programs that choose; or NULL. */
struct sw_sock *sw_demux_hear(const struct sw_sock_layer *layer, uint8_t proto,
                              const struct sw_addr *local, const struct sw_addr *remote, int iface,
                              const struct sw_bpf_view *view);
/* Whether a socket that hears also hears what is sent to `ip`. */
bool sw_demux_hears(struct sw_sock *s, const struct sw_ip *ip, int iface);
int sw_sock_hash(struct sw_sock_layer *layer,
                 struct sw_sock *s); /* by its addresses; 0 or -ENOMEM */
void sw_sock_unhash(struct sw_sock_layer *layer, struct sw_sock *s);
/* An address from a packet, with its zone if it needs one. */
struct sw_addr sw_addr_of(const struct sw_ip *ip, uint16_t port, int iface);
/* Where a socket's caller wants to: "any" is this host (Linux; RFC 1122 3.2.1.3 forbids it on the
 * wire only), and no address has a zone but one that needs it (RFC 4007 6): the one given, or the socket's. */
struct sw_addr sw_sock_destination(struct sw_sock_layer *layer, struct sw_sock *s,
                                   const struct sw_addr *to);

/* ---- listen.c ------------------------------------------------------------------------- */

int sw_sock_listen(struct sw_sock_layer *layer, struct sw_sock *s, int backlog);
int sw_sock_accept(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_sock **ret_child);
void sw_listen_stop(struct sw_sock_layer *layer, struct sw_sock *s); /* resets and frees embryos */
bool sw_listen_full(const struct sw_sock *s);                        /* the accept queue */
/* A SYN for a listener; isn: the least initial sequence number, or NULL. Takes the segment. */
void sw_listen_syn(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_segment *seg,
                   int iface, const sw_seq *isn);
/* A child in the tables, with its addresses and its parent's options, which is about to be
 * established; its control block is still CLOSED. 0 or negative errno. */
int sw_listen_child(struct sw_sock_layer *layer, struct sw_sock *parent,
                    const struct sw_addr *local, const struct sw_addr *remote,
                    struct sw_sock **ret_child);
void sw_listen_child_established(struct sw_sock_layer *layer, struct sw_sock *child);
/* Whether the segment completes a handshake that only a SYN cookie remembers. *ret_child is to take
 * it; NULL: there is no room for it. */
bool sw_listen_cookie(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_segment *seg,
                      int iface, struct sw_sock **ret_child);
void sw_listen_child_gone(struct sw_sock *child); /* out of its queue; the caller frees it */

/* ---- small.c, own.c: see small.h ------------------------------------------------------ */

void sw_smalls_init(struct sw_smalls *smalls, struct sw_mem *mem);
void sw_smalls_fini(struct sw_smalls *smalls, struct sw_wheel *wheel); /* empty */
struct sw_small *sw_small_at(const struct sw_sock_layer *layer, uint32_t index);
void sw_small_addrs(const struct sw_sock_layer *layer, const struct sw_small *small,
                    struct sw_addr *ret_local, struct sw_addr *ret_remote);
/* 0: none */
uint32_t sw_small_find(const struct sw_sock_layer *layer, uint64_t hash,
                       const struct sw_addr *local, const struct sw_addr *remote);
/* A record, in its chain, in no queue. 0 or negative errno. */
int sw_small_new(struct sw_sock_layer *layer, enum sw_small_kind kind, const struct sw_addr *local,
                 const struct sw_addr *remote, uint32_t *ret_index);
void sw_small_free(struct sw_sock_layer *layer, uint32_t index); /* in no queue */
void sw_small_enqueue(struct sw_sock_layer *layer, struct sw_small_queue *queue, uint32_t index);
void sw_small_dequeue(struct sw_sock_layer *layer, struct sw_small_queue *queue, uint32_t index);
unsigned sw_small_longest_chain(const struct sw_sock_layer *layer); /* for tests */
/* The number of an address of ours, counted; negative: none to be had. */
int sw_own_get(struct sw_sock_layer *layer, const struct sw_ip *ip, uint32_t scope_id);
void sw_own_put(struct sw_sock_layer *layer, uint16_t number);

/* ---- half.c --------------------------------------------------------------------------- */

/* A half-open connection for a SYN, which is answered. Does not take it. 0 or negative errno. */
int sw_half_new(struct sw_sock_layer *layer, struct sw_sock *listener, const struct sw_addr *local,
                const struct sw_addr *remote, const struct sw_segment *syn, const sw_seq *isn,
                const struct sw_tfo_cookie *offer);
/* The answer is a cookie, and nothing is kept. */
int sw_half_cookie(struct sw_sock_layer *layer, struct sw_sock *listener,
                   const struct sw_addr *local, const struct sw_addr *remote,
                   const struct sw_segment *syn);
const struct sw_sock *sw_half_listener(const struct sw_sock_layer *layer, uint32_t index);
void sw_half_segment(struct sw_sock_layer *layer, uint32_t index, struct sw_segment *seg);
void sw_half_forget(struct sw_sock_layer *layer, uint32_t index);
void sw_half_forget_all(struct sw_sock_layer *layer, const struct sw_sock *listener);
void sw_half_timer(struct sw_sock_layer *layer);
uint64_t sw_half_due(const struct sw_sock_layer *layer); /* when it has work next */
/* When the record's answer is overdue; when it ends. */
uint64_t sw_half_record_due(const struct sw_sock_layer *layer, const struct sw_half *half);
uint64_t sw_tw_record_due(const struct sw_sock_layer *layer, const struct sw_small *small);

/* ---- stream.c, connect.c, timewait.c -------------------------------------------------- */

enum sw_tcp_state sw_stream_state(struct sw_sock *s); /* what a user would be told */
int sw_stream_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote);
int sw_stream_disconnect(struct sw_sock_layer *layer, struct sw_sock *s);
/* Bytes were put into the send queue; the next thing that became of such, as sw_recv_error() tells.
 * `stamping`: as the call has it, or NULL. */
void sw_stream_follow(struct sw_sock *s, int flags, const struct sw_stamping *stamping);
int64_t sw_stream_notice(struct sw_sock *s, struct sw_socket_error *ret_error);
int64_t sw_stream_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                       int flags, const struct sw_addr *to, const struct sw_stamping *stamping);
int64_t sw_stream_reserve_space(struct sw_sock_layer *layer, struct sw_sock *s, size_t want,
                                void **ret_ptr);
int sw_stream_commit_space(struct sw_sock_layer *layer, struct sw_sock *s, size_t len, int flags);
int64_t sw_stream_recv(struct sw_sock_layer *layer, struct sw_sock *s, void *buf, size_t len,
                       int flags);
int sw_stream_peek(struct sw_sock_layer *layer, struct sw_sock *s, struct sw_bytes *ret_pieces,
                   int max);
int sw_stream_consume(struct sw_sock_layer *layer, struct sw_sock *s, size_t len);
int sw_stream_shutdown(struct sw_sock_layer *layer, struct sw_sock *s, int how);
void sw_stream_close(struct sw_sock_layer *layer, struct sw_sock *s,
                     bool abort); /* frees, maybe later */
/* Takes what happened inside TCP: errors, the end, readiness. May free an orphan or embryo. */
void sw_stream_after(struct sw_sock_layer *layer, struct sw_sock *s);
bool sw_stream_writable(struct sw_sock *s);
uint32_t sw_stream_readable(struct sw_sock *s); /* bytes, as FIONREAD counts them */
void sw_stream_apply_options(struct sw_sock *s);
void sw_stream_options_to(const struct sw_sock *s, struct sw_tcp *tcp);
void sw_stream_start(struct sw_sock_layer *layer, struct sw_sock *s); /* a fresh control block */

/* connect() in two steps, for who has something to do in between: addresses and a place in the
 * tables; then, unless `r` says that the middle failed, the SYN: -EINPROGRESS or an error, and the
 * socket is as before. */
int sw_connect_prepare(struct sw_sock_layer *layer, struct sw_sock *s,
                       const struct sw_addr *remote);
int sw_connect_start(struct sw_sock_layer *layer, struct sw_sock *s, int r);

/* ---- fastopen.c ----------------------------------------------------------------------- */

/* A SYN for a listener that is not full. True: it has opened a child, which is in the accept queue;
 * *ret_offer is a cookie for the SYN-ACK that answers it otherwise (len 0: none). */
bool sw_fast_accept(struct sw_sock_layer *layer, struct sw_sock *listener,
                    const struct sw_addr *local, const struct sw_addr *remote,
                    struct sw_segment *syn, const sw_seq *isn, struct sw_tfo_cookie *ret_offer);
/* Its handshake has ended, or it has: no longer in its listener's Fast Open queue. */
void sw_fast_leave(struct sw_sock_layer *layer, struct sw_sock *child);
void sw_fast_stop(struct sw_sock *listener); /* its children are on their own */
void sw_fast_listen(struct sw_sock_layer *layer, struct sw_sock *s); /* it begins to listen */
/* connect() with TCP_FASTOPEN_CONNECT: 0, it is put off; else as connect() of an unconnected one.
 */
int sw_fast_connect(struct sw_sock_layer *layer, struct sw_sock *s, const struct sw_addr *remote);
/* A connection that was put off begins, without data. -EAGAIN, or why not. */
int sw_fast_begin(struct sw_sock_layer *layer, struct sw_sock *s);
/* send() with MSG_FASTOPEN, or the first after a connect() that was put off. */
int64_t sw_fast_send(struct sw_sock_layer *layer, struct sw_sock *s, const void *buf, size_t len,
                     int flags, const struct sw_addr *to);
void sw_tw_new(struct sw_sock_layer *layer, struct sw_sock *s);
void sw_tw_free(struct sw_sock_layer *layer, uint32_t index); /* of either kind */
/* Puts a record in the place of a stream that waits for the peer's FIN and for nothing else, and
 * frees it. False: it has to stay. */
bool sw_fw_new(struct sw_sock_layer *layer, struct sw_sock *s);
void sw_fw_segment(struct sw_sock_layer *layer, uint32_t index, struct sw_segment *seg); /* takes */
/* A segment for it; `heard`: somebody listens where it goes. Does not take it when it returns true:
 * then the TIME_WAIT is gone and *ret_isn is the least initial sequence number of the connection
 * that begins. */
bool sw_tw_segment(struct sw_sock_layer *layer, uint32_t index, bool heard, struct sw_segment *seg,
                   sw_seq *ret_isn);
void sw_tw_timer(struct sw_sock_layer *layer);
uint64_t sw_tw_due(const struct sw_sock_layer *layer);
/* Whether a new connection of this host may take the pair over (Linux's tcp_tw_reuse = 2). */
bool sw_tw_reusable(const struct sw_sock_layer *layer, const struct sw_small *small);

/* ---- opts.c, options.c ---------------------------------------------------------------- */

const struct sw_sock_opts *sw_sock_opts(const struct sw_sock *s); /* never NULL */
struct sw_sock_opts *sw_sock_opts_own(struct sw_sock_layer *layer,
                                      struct sw_sock *s); /* NULL: no memory */
bool sw_opts_ask_cpu(const struct sw_sock_opts *opts); /* counted: layer->n_ask_cpu */
void sw_sock_opts_put(struct sw_sock_layer *layer, struct sw_sock_opts *opts);
uint32_t sw_sock_rcvbuf(struct sw_sock *s); /* bytes, as SO_RCVBUF shows them */
uint32_t sw_sock_sndbuf(struct sw_sock *s);
uint8_t sw_sock_tos(const struct sw_sock *s, const struct sw_ip *dst);
uint8_t sw_sock_ttl(const struct sw_sock *s, const struct sw_ip *dst);
int sw_sock_getopt(struct sw_sock_layer *layer, struct sw_sock *s, int level, int name, void *val,
                   size_t *len);
int sw_sock_setopt(struct sw_sock_layer *layer, struct sw_sock *s, int level, int name,
                   const void *val, size_t len);

/* ---- ready.c -------------------------------------------------------------------------- */

int sw_sock_poll(struct sw_sock_layer *layer, struct sw_sock *s);
void sw_sock_wake(struct sw_sock_layer *layer, struct sw_sock *s); /* something happened to it */
bool sw_sock_next_ready(struct sw_sock_layer *layer, struct sw_ready *ret_ready);

/* ---- filter.c: whether a socket's filter lets a packet in, which it may cut short ------------ */
static inline bool sw_sock_filters(const struct sw_sock *s)
{
    return s->opts && s->opts->filter;
}
/* Of a socket that filters. The header of UDP is there still, that of TCP has been pulled; _passes() has
 * the packet as it is read. */
bool sw_filter_passes_udp(struct sw_sock_layer *layer, const struct sw_sock *s,
                          struct sw_packet *pkt, const struct sw_ip_hdr *ip, int iface);
bool sw_filter_passes_tcp(struct sw_sock_layer *layer, const struct sw_sock *s,
                          const struct sw_segment *seg, int iface);
bool sw_filter_passes(struct sw_sock_layer *layer, const struct sw_sock *s, struct sw_packet *pkt,
                      const struct sw_ip_hdr *ip, int iface);
/* The program of a struct sock_fprog that was given as an option: 0 or a negative errno. */
int sw_filter_program(struct sw_sock_layer *layer, const struct sw_sock *s, const void *val,
                      size_t len, struct sw_bpf **ret_bpf);

/* ---- choose.c: groups of SO_REUSEPORT ----------------------------------------------------- */

/* A socket begins to hear: the program of its group is its own now. */
void sw_choose_join(struct sw_sock_layer *layer, struct sw_sock *s);
/* Which of the n in its group the program of `s` says; n or more: none. */
uint32_t sw_choose(const struct sw_sock_layer *layer, const struct sw_sock *s,
                   const struct sw_bpf_view *view, uint32_t n);

#include "sock/dgram.h" /* the functions of datagram sockets */

#endif
