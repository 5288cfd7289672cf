/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TUN and TAP devices share: a descriptor that gives and takes frames, each behind virtio's
 * header (virtio 1.2, 5.1.6). A frame is an IP packet behind `link_len` bytes of link header: none
 * on a TUN device, Ethernet's on a TAP device.
 */
#ifndef SW_NET_DEVICE_H
#define SW_NET_DEVICE_H

#include <linux/virtio_net.h>
#include <sockworks/packet.h>

#include "wire/wire.h"

#define SW_DEVICE_LINK_MAX 14U /* bytes of Ethernet's header */

struct sw_frame {
    struct virtio_net_hdr vnet;
    size_t len; /* of bytes[] */
    uint8_t bytes[SW_DEVICE_LINK_MAX + SW_PACKET_MAX + SW_IP6_HDR];
};

/* Makes the interface: `kind` is IFF_TUN or IFF_TAP. A non-blocking descriptor or a negative errno,
 * as sw_tun_open() has it. */
int sw_device_open(const char *name, int kind, bool offload);

/* The next frame. False: none. */
bool sw_device_read(int fd, struct sw_frame *ret_frame);

/* The packet in a frame, behind so many bytes of link header. NULL: no memory, or not that long. */
struct sw_packet *sw_device_packet(struct sw_mem *mem, const struct sw_frame *frame,
                                   uint32_t link_len);

/* A packet, behind `link`; a super-segment whole if it may pass so, else in pieces. Takes it. 0 or
 * a negative errno. */
int sw_device_write(int fd, const void *link, uint32_t link_len, struct sw_packet *pkt);

#endif
