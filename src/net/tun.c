/* SPDX-License-Identifier: BSD-2-Clause */
/* The TUN device, and the kernel's end of any device: address, MTU, up (netdevice(7)). */
#include "net/tun.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/device.h"

static void set_name(struct ifreq *request, const char *name)
{
    memset(request, 0, sizeof(*request));
    strncpy(request->ifr_name, name, sizeof(request->ifr_name) - 1);
}

int sw_tun_open(const char *name, bool offload)
{
    return sw_device_open(name, IFF_TUN, offload);
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
    struct sw_frame frame;
    return sw_device_read(tun, &frame) ? sw_device_packet(mem, &frame, 0) : NULL;
}

int sw_tun_write(int tun, struct sw_packet *pkt)
{
    return sw_device_write(tun, NULL, 0, pkt);
}
