/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An observer beside each host that knows TCP's promises and nothing of the library: it sees the
 * segments that the host sends and those that reach it, and says which promise a sent segment
 * breaks. For each direction of each connection:
 *
 *   1. No sequence number is skipped: a segment begins at or below the highest sent (RFC 9293 3.4).
 *   2. Nothing follows the FIN.
 *   3. Data stay within the largest window that reached the sender, but for one byte of a probe
 *      (RFC 9293 3.8.6.1).
 *   4. A packet carries no more than the MSS that the peer announced (RFC 9293 3.7.1).
 *   5. What is acknowledged has come, and an acknowledgment never goes back (RFC 9293 3.8).
 *   6. The right edge of the window never goes back (RFC 9293 3.8.6), but for the rounding of its
 * scale.
 *
 * A flipped bit may make a segment that reaches a host lie, so nothing is judged on a link that
 * corrupts.
 */
#ifndef SW_TESTS_SIM_ORACLE_H
#define SW_TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_FLOWS 8

/* One host's half of a connection. */
struct oracle_half {
    bool has_sent, has_fin, has_edge, has_acked, has_come, has_isn;
    uint32_t isn;
    uint32_t sent_max; /* after the highest octet sent */
    uint32_t fin_at;   /* after the FIN */
    uint32_t edge_max; /* first octet that the peer's window does not allow */
    uint32_t acked;    /* highest acknowledgment sent */
    uint32_t own_edge; /* highest right edge offered */
    uint32_t come_max; /* after the highest octet that came */
    uint32_t peer_mss; /* as the peer's SYN said */
    unsigned shift;    /* of the windows this host announces */
    bool offers_scale, peer_offers_scale;
};

struct oracle {
    struct {
        uint16_t ports[2]; /* which tell a connection and its direction; 0, 0: free */
        bool v6;
        struct oracle_half half[2]; /* of the host that has ports[0], ports[1] */
    } flows[ORACLE_FLOWS];
};

/* A host sent this packet; `gso_size` as the packet has it. NULL, or the promise it breaks. */
const char *oracle_sent(struct oracle *o, const uint8_t *bytes, size_t len, unsigned gso_size);

/* This packet reached a host. */
void oracle_received(struct oracle *o, const uint8_t *bytes, size_t len);

#endif
