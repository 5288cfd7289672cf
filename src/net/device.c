/* SPDX-License-Identifier: BSD-2-Clause */
/* TUN and TAP devices of Linux: Documentation/networking/tuntap.rst. */
#include "net/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/packet.h"

#define TCP_CSUM_OFFSET 16 /* of the checksum in a TCP header, RFC 9293 3.1 */

int sw_device_open(const char *name, int kind, bool offload)
{
    struct ifreq request = {0};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
    request.ifr_flags = (short)(kind | IFF_NO_PI | IFF_VNET_HDR);
    unsigned long what = offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
    if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETOFFLOAD, what) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

bool sw_device_read(int fd, struct sw_frame *ret_frame)
{
    struct iovec iov[2] = {{&ret_frame->vnet, sizeof(ret_frame->vnet)},
                           {ret_frame->bytes, sizeof(ret_frame->bytes)}};
    ssize_t got = readv(fd, iov, 2);
    if (got <= (ssize_t)sizeof(ret_frame->vnet))
        return false;
    ret_frame->len = (size_t)got - sizeof(ret_frame->vnet);
    return true;
}

struct sw_packet *sw_device_packet(struct sw_mem *mem, const struct sw_frame *frame,
                                   uint32_t link_len)
{
    if (frame->len <= link_len)
        return NULL;
    struct sw_packet *pkt =
        sw_packet_from_bytes(mem, frame->bytes + link_len, frame->len - link_len);
    if (!pkt)
        return NULL;
    if (frame->vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        pkt->csum = SW_CSUM_NEEDED;
    if (frame->vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE)
        pkt->gso_size = frame->vnet.gso_size;
    return pkt;
}

static int write_packet(int fd, const void *link, uint32_t link_len, struct sw_packet *pkt,
                        const struct virtio_net_hdr *vnet)
{
    struct virtio_net_hdr header = *vnet;
    uint8_t front[SW_DEVICE_LINK_MAX];
    struct iovec iov[3 + SW_PACKET_SLICES] = {
        {&header, sizeof(header)}, {front, link_len}, {sw_packet_head(pkt), pkt->head_len}};
    int n = 3;
    if (link_len > 0)
        memcpy(front, link, link_len);
    for (unsigned i = 0; i < pkt->n_slices; i++) {
        const struct sw_slice *s = &pkt->slices[i];
        iov[n++] = (struct iovec){s->chunk->data + s->off, s->len};
    }
    int result = writev(fd, iov, n) < 0 ? -errno : 0;
    sw_packet_free(pkt);
    return result;
}

/* A super-segment whole: the kernel cuts it, or never has to. */
static int write_super(int fd, const void *link, uint32_t link_len, struct sw_packet *pkt)
{
    struct sw_ip_hdr ip;
    if (sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, sw_packet_len(pkt), &ip) !=
        SW_DROP_NONE) {
        sw_packet_free(pkt);
        return -EINVAL;
    }
    struct virtio_net_hdr vnet = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = ip.version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6,
        .hdr_len = (uint16_t)(link_len + pkt->head_len),
        .gso_size = pkt->gso_size,
        .csum_start = (uint16_t)(link_len + ip.hdr_len),
        .csum_offset = TCP_CSUM_OFFSET,
    };
    return write_packet(fd, link, link_len, pkt, &vnet);
}

int sw_device_write(int fd, const void *link, uint32_t link_len, struct sw_packet *pkt)
{
    static const struct virtio_net_hdr plain;
    bool several = pkt->gso_size > 0 && pkt->data_len > pkt->gso_size;
    if (several && pkt->csum == SW_CSUM_NEEDED)
        return write_super(fd, link, link_len, pkt);
    int result = 0;
    while (pkt && result == 0) {
        struct sw_packet *piece = sw_gso_next(&pkt);
        if (!piece) {
            sw_packet_free(pkt);
            return -ENOMEM;
        }
        sw_packet_fill_csum(piece);
        result = write_packet(fd, link, link_len, piece, &plain);
    }
    sw_packet_free(pkt);
    return result;
}
