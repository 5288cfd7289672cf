/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A TUN device: a network interface of the kernel whose cable ends in a descriptor of ours. What
 * the kernel sends by the interface is read here, what is written here arrives there. It carries
 * bare IP packets: no Ethernet, so neither ARP nor neighbour discovery.
 *
 * With `offload` TCP super-segments pass whole in both directions (IFF_VNET_HDR), and packets of
 * the kernel come without a checksum: they have not left the machine. Without, every packet is one
 * that fits the interface's MTU and its checksum is filled in.
 *
 * Needs /dev/net/tun and CAP_NET_ADMIN in the network namespace that the device is made in.
 */
#ifndef SW_NET_TUN_H
#define SW_NET_TUN_H

#include <sockworks/addr.h>
#include <sockworks/packet.h>

#define SW_TUN_GSO_MAX 65000U /* TCP payload of a super-segment: headers still fit 65,535 bytes */

/* Makes the interface `name` in the namespace of the caller; it goes when the descriptor is closed.
 * Returns a non-blocking descriptor, or a negative errno: -ENOENT (no /dev/net/tun), -EPERM, -EBUSY
 * (the name is taken). */
int sw_tun_open(const char *name, bool offload);

/* Gives the kernel's end an address. 0 or a negative errno. */
int sw_tun_add_addr(const char *name, const struct sw_ip *ip, unsigned prefix_len);

/* Sets the interface's MTU and takes it into use. 0 or a negative errno. */
int sw_tun_up(const char *name, uint32_t mtu_bytes);

/* The next packet the kernel sent, or NULL: none (or no memory for it: then it is lost). */
struct sw_packet *sw_tun_read(int tun, struct sw_mem *mem);

/* A packet for the kernel. Takes it. 0, or a negative errno: then it is lost, as on a cable. */
int sw_tun_write(int tun, struct sw_packet *pkt);

#endif
