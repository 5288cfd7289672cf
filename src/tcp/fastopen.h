/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP Fast Open (RFC 7413): data in the SYN, for a client that brings back a cookie the server gave
 * it before.
 *
 *   fastopen.c          the client's connection: what its SYN carries, what the SYN-ACK says of it
 *   fastopen_server.c   the server's: a block that is open before its handshake ends
 *   fastopen_cache.c    what a client remembers of servers: cookie, MSS
 *   fastopen_cookie.c   the server's cookies: a keyed hash of the two addresses, nothing kept
 *
 * Data of a SYN are in the send queue and in flight like any others, only that SND.NXT has moved
 * before the handshake ended. A SYN that is sent again carries neither them nor a cookie. Where the
 * SYN-ACK leaves some unacknowledged they go out with the first ACK, and that is no congestion.
 */
#ifndef SW_TCP_FASTOPEN_H
#define SW_TCP_FASTOPEN_H

#include "tcp/control.h"

/* sysctl tcp_fastopen: Linux's bits */
enum {
    SW_TFO_CLIENT = 0x1,
    SW_TFO_SERVER = 0x2,
    SW_TFO_CLIENT_NO_COOKIE = 0x4,   /* data in a SYN without having a cookie */
    SW_TFO_SERVER_NO_COOKIE = 0x200, /* data in a SYN are taken without one */
    SW_TFO_LISTEN = 0x400,           /* each listener does it, TCP_FASTOPEN or not */
};

enum { SW_TFO_COOKIE_MAX = 16, SW_TFO_COOKIE = 8 /* bytes of ours */ };

/* Why a client's attempt came to nothing: tcpi_fastopen_client_fail. */
enum sw_tfo_fail {
    SW_TFO_FAIL_NONE,
    SW_TFO_FAIL_NO_COOKIE,
    SW_TFO_FAIL_NOT_ACKED, /* the SYN-ACK did not acknowledge the data */
    SW_TFO_FAIL_TIMEOUT,   /* the SYN had to be sent again */
};

struct sw_tfo_cookie {
    uint8_t len; /* 0: none */
    bool exp;    /* in the experimental option (RFC 6994), which came before RFC 7413's */
    uint8_t bytes[SW_TFO_COOKIE_MAX];
};

/* Of a connection that has to do with it; in struct sw_tcp_rare. */
struct sw_tfo {
    bool offered;                /* our SYN-ACK has the option, with this cookie */
    bool accepted;               /* by accept() */
    bool wanted;                 /* our SYN has the option, data, or both */
    bool no_option;              /* it has data without a cookie */
    bool asked;                  /* it had the option */
    struct sw_tfo_cookie cookie; /* that goes with it */
    uint16_t room;               /* bytes of data it may carry */
    uint16_t syn_data;           /* bytes it carried */
    uint8_t fail;                /* enum sw_tfo_fail */
    void *listener;              /* the socket layer's: whose Fast Open queue it counts in */
};

/* ---- fastopen.c ---- */

/* Whether connect() may be put off until there are data, because they may go in the SYN. */
bool sw_tfo_ready(struct sw_tcp *tcp, bool no_cookie);
/* Before sw_tcp_connect(), in CLOSED with both addresses: the SYN is to be Fast Open's. *ret_room
 * is how many bytes of the send queue it may carry; 0: it can only ask for a cookie. 0, or a
 * negative errno: no way there, no memory. */
int sw_tfo_want(struct sw_tcp *tcp, bool no_cookie, uint32_t *ret_room);

/* The option, and how many bytes of data: of the first SYN of an active open. */
uint32_t sw_tfo_syn(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr);
/* So many bytes have left in it. */
void sw_tfo_syn_sent(struct sw_tcp *tcp, uint32_t len);
bool sw_tfo_in_syn(const struct sw_tcp *tcp); /* the SYN that was sent last carries data */
/* The SYN-ACK has come and its options have been taken; SND.UNA stands behind the SYN, the state is
 * that after the handshake. */
void sw_tfo_syn_ack(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr);
/* Whether a SYN's data end there: what the user wrote, so it is pushed. */
bool sw_tfo_ends_data(const struct sw_tcp *tcp, sw_seq end);
/* Whether data that come with a SYN-ACK may be taken. */
bool sw_tfo_takes_data(const struct sw_tcp *tcp);
/* A timeout, the `retries`-th in a row, the last if `over`: does somebody on the way swallow what
 * is Fast Open's? (Linux's tcp_fastopen_active_detect_blackhole(); RFC 7413 7.3 leaves it open.) */
void sw_tfo_timeout(struct sw_tcp *tcp, unsigned retries, bool over);

/* ---- fastopen_server.c ---- */

/* The SYN-ACK of this block is to carry a cookie. Without memory it does not. */
void sw_tfo_offer(struct sw_tcp *tcp, const struct sw_tfo_cookie *cookie);
/* The option of a SYN-ACK. */
void sw_tfo_syn_ack_option(const struct sw_tcp *tcp, struct sw_tcp_hdr *hdr);
/* As sw_tcp_open_passive(), but the data of the SYN are taken, and data may be sent before the
 * handshake ends. `listener` is kept for sw_tfo_listener(). Takes nothing of the segment. 0 or a
 * negative errno: then the block is to be freed. */
int sw_tfo_open(struct sw_tcp *tcp, struct sw_segment *syn, void *listener);
/* Whether it is open so, and its handshake has not ended. */
bool sw_tfo_early(const struct sw_tcp *tcp);
/* accept() has given it to somebody; nobody has it yet and its handshake has not ended: then any
 * error ends it, as on Linux. */
void sw_tfo_accepted(struct sw_tcp *tcp);
bool sw_tfo_unheld(const struct sw_tcp *tcp);
/* Whose Fast Open queue it counts in; NULL: none any more. */
void *sw_tfo_listener(const struct sw_tcp *tcp);
void sw_tfo_leave(struct sw_tcp *tcp);

/* ---- fastopen_cache.c ---- */

struct sw_tfo_server {
    struct sw_ip local, remote;
    struct sw_tfo_cookie cookie;
    uint16_t mss;    /* its MSS option; 0: not known */
    uint8_t try_exp; /* 1: it did not answer a request by RFC 7413's option; 2: nor by the other */
};
#define SW_TFO_WAYS 4U
#define SW_TFO_SETS 64U

/* What is known of the server; NULL: nothing. */
const struct sw_tfo_server *sw_tfo_find(const struct sw_tcp *tcp);
/* Its entry, new if need be, at the cost of another; NULL: no memory. */
struct sw_tfo_server *sw_tfo_remember(struct sw_tcp *tcp);
void sw_tfo_forget_all(struct sw_tcp_layer *layer);

/* ---- fastopen_cookie.c ---- */

void sw_tfo_new_key(struct sw_tcp_layer *layer); /* of chance, for the layer's listeners */
void sw_tfo_key_from_bytes(const uint8_t bytes[16], struct sw_sipkey *ret_key);
void sw_tfo_key_to_bytes(const struct sw_sipkey *key, uint8_t ret_bytes[16]);
/* The cookie for who sent a segment. */
void sw_tfo_make(const struct sw_sipkey *key, const struct sw_segment *syn,
                 struct sw_tfo_cookie *ret_cookie);
enum sw_tfo_verdict { SW_TFO_BAD, SW_TFO_GOOD, SW_TFO_GOOD_OLD /* of the second key: renew it */ };
enum sw_tfo_verdict sw_tfo_check(const struct sw_tfo_keys *keys, const struct sw_segment *syn);

#endif
