/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More accurate ECN feedback (RFC 9768), off by default: the receiver says how many packets were
 * marked, not only that some were.
 *
 * The two SYNs agree on it (SW_TCPF_ACCECN). From then on the flags AE, CWR and ECE of each segment
 * without SYN are one number, ACE: the low three bits of the count of packets marked CE (r.cep).
 * Exceptions are the handshake's: a SYN-ACK, and the pure ACK of it, tell in them which ECN field
 * the other's SYN or SYN-ACK arrived with. An option tells how many bytes of data came with each
 * codepoint, where there is room for it; without it the sender has to guess how often ACE wrapped.
 *
 * Until our SYN is acknowledged a server's connection may be a small record (half.h), so what it
 * has to remember lies in flags that mean something else under RFC 3168:
 *     SW_TCPF_ECN                        ECT is never sent: the peer's last SYN did not ask
 *     SW_TCPF_ECE_DUE, SW_TCPF_CWR_DUE   the ECN field of its SYN
 * sw_accecn_start() moves them to struct sw_accecn, which lies in struct sw_tcp_rare.
 *
 * Counters are kept as differences from their first values (3.2.1), which only the wire has.
 */
#ifndef SW_TCP_ACCECN_H
#define SW_TCP_ACCECN_H

#include "tcp/control.h"

enum { SW_ACCECN_COUNTERS = 3 }; /* ECT(1), ECT(0), CE: a codepoint is its index + 1 */

/* sysctl tcp_ecn_option: Linux's numbers. */
enum sw_ecn_option {
    SW_ECN_OPTION_OFF = 0,
    SW_ECN_OPTION_SPARING = 1, /* where a mark or a new codepoint came */
    SW_ECN_OPTION_FULL = 2,    /* on every ACK of data that were ECN-capable */
    SW_ECN_OPTION_PERSIST = 3, /* also where it seems to be in the way of packets */
};

/* What of it was found not to work; as TCP_INFO has it. */
enum {
    SW_ACCECN_ACE_FAIL_RECV = 1 << 1,    /* ACE zeroed, or the ECN field mangled on our way out */
    SW_ACCECN_OPTION_FAIL_SEND = 1 << 2, /* a SYN-ACK with the option got no answer */
    SW_ACCECN_OPTION_FAIL_RECV = 1 << 3, /* it was zeroed */
};
enum sw_accecn_seen { /* of the peer's option; as TCP_INFO has it */
                      SW_ACCECN_OPTION_NONE,
                      SW_ACCECN_OPTION_EMPTY,
                      SW_ACCECN_OPTION_COUNTERS,
                      SW_ACCECN_OPTION_BAD,
};

struct sw_accecn {
    bool on;         /* what is below holds */
    uint8_t syn_ecn; /* ECN field of the SYN (a server's) or SYN-ACK (a client's) that came last */
    bool reflect;    /* our next pure ACK tells it (3.2.2.1) */
    bool reflected;  /* the segment at hand told ours: its ACE is no counter */
    bool syn_ack_marked; /* and was counted: once only */

    /* as receiver of data */
    uint32_t received_ce; /* packets: r.cep */
    uint32_t received_bytes[SW_ACCECN_COUNTERS];
    uint8_t changed;  /* counters of bytes that ever grew: bit 1 << index */
    uint8_t untold;   /* those that grew since an option told them */
    uint8_t last_ecn; /* ECN field of the packet before */
    uint8_t marks;    /* since our last ACK; stops at 255 */
    bool option_on_ack,
        option_on_data; /* the next such shall have one, to try the path (3.2.3.2) */

    /* as sender of data; s.cep is ecn.h's delivered_ce */
    uint32_t delivered_bytes[SW_ACCECN_COUNTERS];
    uint8_t fail; /* SW_ACCECN_..._FAIL_ */
    uint8_t seen; /* enum sw_accecn_seen */
    bool tested;  /* a first ACE came, and was not zero or had its consequences */
    bool no_ect;  /* for good */
    bool deaf;    /* feedback counts for nothing */
};

/* ---- the handshake (3.1) ---- */
uint16_t sw_accecn_syn_flags(const struct sw_tcp *tcp, bool again);
/* Whether the peer's SYN asks for it, of a host that agrees: then it is noted. */
bool sw_accecn_take_syn(struct sw_tcp *tcp, const struct sw_segment *syn);
/* The SYN again while ours is not acknowledged. False: it asks for something else than it did, and
 * the connection is to be reset (3.1.5). */
bool sw_accecn_syn_again(struct sw_tcp *tcp, const struct sw_segment *syn);
void sw_accecn_take_syn_ack(struct sw_tcp *tcp, const struct sw_segment *syn_ack);
/* The SYN-ACK again, when all is open: the answer tells of this one. */
void sw_accecn_syn_ack_again(struct sw_tcp *tcp, const struct sw_segment *syn_ack);
/* The segment that acknowledges our SYN-ACK: before the connection is ESTABLISHED. */
void sw_accecn_take_ack(struct sw_tcp *tcp, const struct sw_segment *seg);
/* Counting begins, at the latest now: memory for it. Without memory there is no ECN. */
void sw_accecn_start(struct sw_tcp *tcp);

/* ---- on the wire ---- */
void sw_accecn_syn_ack_option(const struct sw_tcp *tcp, struct sw_tcp_hdr *hdr);
/* ACE and option of a segment about to leave; returns its ECN field. */
uint8_t sw_accecn_send(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr, const struct sw_packet *pkt,
                       bool again);
/* Whether the next ACK is to be a pure one. */
bool sw_accecn_reflects(const struct sw_tcp *tcp);
/* An acceptable segment has come: counts it, and says whether an ACK is due (3.2.2.5.1). */
void sw_accecn_receive(struct sw_tcp *tcp, const struct sw_segment *seg);

/* ---- accecn_ack.c ---- */
/* What an acceptable ACK tells: whether packets were marked. `pkts`: how many it says have arrived,
 * and nobody said before; `news`: it is no older than what was heard before. */
bool sw_accecn_on_ack(struct sw_tcp *tcp, const struct sw_segment *seg, uint32_t pkts, bool news);
/* ECN fields that a SYN or SYN-ACK, which leaves without ECT, was said to have arrived with. */
void sw_accecn_check_mangling(struct sw_tcp *tcp, uint8_t ecn);

static inline unsigned sw_accecn_ace(const struct sw_tcp_hdr *hdr)
{
    return hdr->flags / SW_TCP_ECE & 7U; /* AE, CWR, ECE lie side by side */
}

#endif
