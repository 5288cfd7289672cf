/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cable in real time: a link (sockworks/link.h) with a host or a TUN or TAP device at each of its
 * ends, and the loop that carries packets between them. With a host and a device, the kernel's
 * sockets talk to Sockworks'; with two devices in two network namespaces, the kernel talks to
 * itself over the link's conditions; two hosts have no need of real time, but may be compared with
 * the others.
 *
 *     for (;;) {
 *         if (sw_cable_carry(&cable) == 0)
 *             sw_cable_wait((struct sw_cable *[]){&cable}, 1, SW_NEVER);
 *         ... calls on sockets ...
 *     }
 *
 * The cable owns nothing: hosts, descriptors, link and pool are the caller's.
 */
#ifndef SW_NET_CABLE_H
#define SW_NET_CABLE_H

#include <sockworks/host.h>
#include <sockworks/link.h>

#include "net/tap.h"

struct sw_cable_end {
    struct sw_host *host; /* and its interface, or NULL: */
    int iface;
    int tun;            /* the descriptor of a device, */
    struct sw_tap *tap; /* and what is around it if it is a TAP device, else NULL */
};

struct sw_cable {
    struct sw_cable_end ends[2];
    struct sw_link *link;
    struct sw_mem *mem; /* for packets read from a device */
};

/* CLOCK_MONOTONIC: the time of everything on a cable. */
uint64_t sw_cable_now(void);

/* Carries every packet that can move now, and lets the hosts' timers run. Returns how many packets
 * moved; more may be able to as long as that is not 0. */
unsigned sw_cable_carry(struct sw_cable *cable);

/* When the cable has something to do by itself. */
uint64_t sw_cable_deadline(const struct sw_cable *cable);

/* Sleeps until a device has a packet, the deadline of one of `n` cables, or `until_ns`. */
void sw_cable_wait(struct sw_cable *const *cables, int n, uint64_t until_ns);

#endif
