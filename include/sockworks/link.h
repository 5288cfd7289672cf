/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A link: two ends, packets put in at one come out at the other, under conditions.
 *
 * Like a host it is sans-I/O: time is an argument, chance is a seed. Without conditions a packet
 * comes out at once and whole, super-segments included. As soon as there is a condition, packets are
 * first cut to the link's MTU, so that 1 % loss means 1 % of packets; which packet meets which fate
 * depends on the seed and the packet's number in its direction only.
 */
#ifndef SOCKWORKS_LINK_H
#define SOCKWORKS_LINK_H

#include <sockworks/packet.h>
#include <sockworks/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Conditions of one direction. All zero: a perfect wire. Probabilities are in parts per million. */
struct sw_link_conditions {
    uint64_t delay_ns;
    uint64_t jitter_ns;        /* uniform in [0, jitter_ns], added; order is kept */
    uint32_t loss_ppm;
    uint64_t loss_burst;       /* losses come in runs of so many packets on average (Gilbert 1960); 0
                                * or 1: each by itself. A share above burst / (burst + 1) is not
                                * reached */
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;      /* delivered reorder_ns later than its turn */
    uint64_t reorder_ns;
    uint32_t corrupt_ppm;      /* one bit anywhere in the packet is flipped, checksums filled before */
    uint64_t rate_bps;         /* bits per second; 0: no limit */
    uint32_t queue_bytes;      /* bottleneck queue in front of rate_bps; 0: 256 KiB; tail drop */
    uint32_t mark_ppm;         /* of what is ECN-capable (RFC 3168) is marked on its way; */
    uint32_t mark_bytes;       /* and so is what finds more than so many in front of it in the
                                * bottleneck queue; 0: never */
    bool down;                 /* cut: everything is lost */
};

struct sw_link_config {
    uint32_t mtu;     /* bytes of an IP packet that fit when there are conditions; 0: 1,500 */
    uint64_t seed;
    struct sw_mem *mem; /* for what the link itself makes; counted, may be a host's */
    sw_trace_fn *trace; /* PACKET_DROPPED events; or NULL */
    void *trace_ctx;
};

struct sw_link;

struct sw_link *sw_link_new(const struct sw_link_config *config); /* NULL: no memory */
void sw_link_free(struct sw_link *link);                          /* drops what is on its way */

/* Conditions of the direction that leaves `end` (0 or 1). Packets on their way keep theirs.
 * 0 or -EINVAL (end, a probability above 1,000,000). */
int sw_link_set(struct sw_link *link, int end, const struct sw_link_conditions *conditions);

/* A packet enters at `end`. Takes the packet. */
void sw_link_send(struct sw_link *link, int end, struct sw_packet *pkt, uint64_t now_ns);

/* The next packet that has come out at `end` by `now_ns`, in order of time; NULL: none yet. */
struct sw_packet *sw_link_receive(struct sw_link *link, int end, uint64_t now_ns);

/* When a packet comes out next, at either end; SW_NEVER if nothing is on its way. */
uint64_t sw_link_deadline(const struct sw_link *link);

struct sw_link_stats {
    uint64_t sent, delivered, lost, duplicated, reordered, corrupted, overflowed, marked; /* packets */
};
void sw_link_get_stats(const struct sw_link *link, int end, struct sw_link_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
