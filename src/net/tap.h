/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TAP device: like a TUN device (net/tun.h), but the cable is an Ethernet with two stations, the
 * kernel and we. Packets travel in frames; which addresses are ours the kernel asks by ARP (RFC
 * 826) or neighbour discovery (RFC 4861), and likewise we ask for the kernel's one Ethernet
 * address.
 *
 * We answer for the addresses that sw_tap_add_addr() named: those of the host on our end, or of
 * whoever is reached through us. All the kernel has to say of its own address is learned, as it may
 * have several of IP's; while it is not known the first packets wait, and are lost if nobody
 * answers before the next are sent a second later. There is no timer here.
 */
#ifndef SW_NET_TAP_H
#define SW_NET_TAP_H

#include "base/packet.h"
#include "net/tun.h"

#define SW_TAP_ADDRS 4U
#define SW_TAP_WAITING 16U /* packets that wait for the kernel's address (RFC 1122 2.3.2.2) */

struct sw_tap {
    int fd;
    bool peer_known;
    uint8_t own[6], peer[6]; /* Ethernet addresses */
    unsigned n_addrs;
    struct sw_ip addrs[SW_TAP_ADDRS];
    struct sw_packet_queue waiting;
    uint64_t asked_ns; /* when the kernel was last asked; 0: not yet */
};

/* Makes the interface as sw_tun_open() does. sw_tun_add_addr() and sw_tun_up() serve the kernel's
 * end. Returns a descriptor or a negative errno. */
int sw_tap_open(const char *name, bool offload);

/* Around a descriptor, which stays the caller's. `own`: our station's Ethernet address. */
void sw_tap_init(struct sw_tap *tap, int fd, const uint8_t own[6]);
void sw_tap_fini(struct sw_tap *tap);
int sw_tap_add_addr(struct sw_tap *tap, const struct sw_ip *ip); /* 0 or -ENOBUFS */

/* The next IP packet the kernel sent, or NULL: none. Frames of ARP and neighbour discovery are
 * dealt with on the way. */
struct sw_packet *sw_tap_read(struct sw_tap *tap, struct sw_mem *mem);

/* A packet for the kernel. Takes it. 0, or a negative errno: then it is lost, as on a cable. */
int sw_tap_write(struct sw_tap *tap, struct sw_packet *pkt, uint64_t now_ns);

#endif
