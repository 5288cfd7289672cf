/* SPDX-License-Identifier: BSD-2-Clause */
/* The TUN device of Linux: Documentation/networking/tuntap.rst; the header in front of each packet
 * is that of virtio 1.2, 5.1.6. */
#include "net/tun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/packet.h"
#include "wire/wire.h"

#define PACKET_ROOM (SW_PACKET_MAX + SW_IP6_HDR)
#define TCP_CSUM_OFFSET 16 /* of the checksum in a TCP header, RFC 9293 3.1 */

static void set_name(struct ifreq *request, const char *name)
{
    memset(request, 0, sizeof(*request));
    strncpy(request->ifr_name, name, sizeof(request->ifr_name) - 1);
}

int sw_tun_open(const char *name, bool offload)
{
    struct ifreq request;
    int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (tun < 0)
        return -errno;
    set_name(&request, name);
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    unsigned long what = offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0;
    if (ioctl(tun, TUNSETIFF, &request) < 0 || ioctl(tun, TUNSETOFFLOAD, what) < 0) {
        int error = errno;
        close(tun);
        return -error;
    }
    return tun;
}

/* An ioctl of an interface. 0 or a negative errno. */
static int on_interface(int family, unsigned long call, void *request)
{
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int result = ioctl(fd, call, request) < 0 ? -errno : 0;
    close(fd);
    return result;
}

static int add_addr4(const char *name, const struct sw_ip *ip, unsigned prefix_len)
{
    struct ifreq request;
    struct sockaddr_in sin = {.sin_family = AF_INET};
    set_name(&request, name);
    memcpy(&sin.sin_addr, ip->b + 12, 4);
    memcpy(&request.ifr_addr, &sin, sizeof(sin));
    int result = on_interface(AF_INET, SIOCSIFADDR, &request);
    if (result < 0)
        return result;
    sin.sin_addr.s_addr = prefix_len ? htonl(UINT32_MAX << (32 - prefix_len)) : 0;
    memcpy(&request.ifr_netmask, &sin, sizeof(sin));
    return on_interface(AF_INET, SIOCSIFNETMASK, &request);
}

int sw_tun_add_addr(const char *name, const struct sw_ip *ip, unsigned prefix_len)
{
    if (sw_ip_is4(ip))
        return prefix_len <= 32 ? add_addr4(name, ip, prefix_len) : -EINVAL;
    struct ifreq request;
    set_name(&request, name);
    int result = on_interface(AF_INET6, SIOCGIFINDEX, &request);
    struct in6_ifreq addr = {.ifr6_prefixlen = prefix_len, .ifr6_ifindex = request.ifr_ifindex};
    memcpy(&addr.ifr6_addr, ip->b, 16);
    return result < 0 ? result : on_interface(AF_INET6, SIOCSIFADDR, &addr);
}

int sw_tun_up(const char *name, uint32_t mtu_bytes)
{
    struct ifreq request;
    set_name(&request, name);
    request.ifr_mtu = (int)mtu_bytes;
    int result = on_interface(AF_INET, SIOCSIFMTU, &request);
    if (result < 0)
        return result;
    set_name(&request, name);
    result = on_interface(AF_INET, SIOCGIFFLAGS, &request);
    request.ifr_flags |= IFF_UP;
    return result < 0 ? result : on_interface(AF_INET, SIOCSIFFLAGS, &request);
}

struct sw_packet *sw_tun_read(int tun, struct sw_mem *mem)
{
    struct virtio_net_hdr vnet;
    uint8_t bytes[PACKET_ROOM];
    struct iovec iov[2] = {{&vnet, sizeof(vnet)}, {bytes, sizeof(bytes)}};
    ssize_t got = readv(tun, iov, 2);
    if (got <= (ssize_t)sizeof(vnet))
        return NULL;
    struct sw_packet *pkt = sw_packet_from_bytes(mem, bytes, (size_t)got - sizeof(vnet));
    if (!pkt)
        return NULL;
    if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        pkt->csum = SW_CSUM_NEEDED;
    if (vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE)
        pkt->gso_size = vnet.gso_size;
    return pkt;
}

static int write_packet(int tun, struct sw_packet *pkt, const struct virtio_net_hdr *vnet)
{
    struct virtio_net_hdr header = *vnet;
    struct iovec iov[2 + SW_PACKET_SLICES] = {{&header, sizeof(header)},
                                              {sw_packet_head(pkt), pkt->head_len}};
    int n = 2;
    for (unsigned i = 0; i < pkt->n_slices; i++) {
        const struct sw_slice *s = &pkt->slices[i];
        iov[n++] = (struct iovec){s->chunk->data + s->off, s->len};
    }
    int result = writev(tun, iov, n) < 0 ? -errno : 0;
    sw_packet_free(pkt);
    return result;
}

/* A super-segment whole: the kernel cuts it, or never has to. */
static int write_super(int tun, struct sw_packet *pkt)
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
        .hdr_len = pkt->head_len,
        .gso_size = pkt->gso_size,
        .csum_start = (uint16_t)ip.hdr_len,
        .csum_offset = TCP_CSUM_OFFSET,
    };
    return write_packet(tun, pkt, &vnet);
}

int sw_tun_write(int tun, struct sw_packet *pkt)
{
    static const struct virtio_net_hdr plain;
    bool several = pkt->gso_size > 0 && pkt->data_len > pkt->gso_size;
    if (several && pkt->csum == SW_CSUM_NEEDED)
        return write_super(tun, pkt);
    int result = 0;
    while (pkt && result == 0) {
        struct sw_packet *piece = sw_gso_next(&pkt);
        if (!piece) {
            sw_packet_free(pkt);
            return -ENOMEM;
        }
        sw_packet_fill_csum(piece);
        result = write_packet(tun, piece, &plain);
    }
    sw_packet_free(pkt);
    return result;
}
