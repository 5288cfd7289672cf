/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls that make, name and configure sockets, and the descriptors that stand for them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "adapter/adapter.h"

/* ---- descriptors ------------------------------------------------------------------------ */

struct slot *slot_of(struct adapter *a, int fd)
{
    bool known = fd >= 0 && fd < ADAPTER_FDS_MAX && a->slots[fd].kind == SLOT_SOCKET;
    return known ? &a->slots[fd] : NULL;
}

int slot_new(struct adapter *a, enum slot_kind kind)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fd >= ADAPTER_FDS_MAX) {
        syscall(SYS_close, fd);
        return -EMFILE;
    }
    a->slots[fd] = (struct slot){.kind = kind};
    return fd;
}

int slot_close(struct adapter *a, int fd)
{
    if (fd < 0 || fd >= ADAPTER_FDS_MAX || a->slots[fd].kind == SLOT_FREE)
        return -EBADF;
    struct slot *slot = &a->slots[fd];
    if (slot->kind == SLOT_SOCKET)
        sw_close(a->host, slot->socket);
    ready_forget(a, fd);
    while (slot->watches != NULL) {
        struct watch *w = slot->watches;
        slot->watches = w->next;
        free(w);
    }
    *slot = (struct slot){.kind = SLOT_FREE};
    syscall(SYS_close, fd); /* not close(): that is interposed, and comes here */
    return 0;
}

bool sleeps(const struct slot *slot, int flags, int64_t result)
{
    return result == -EAGAIN && !slot->nonblocking && !(flags & MSG_DONTWAIT);
}

/* ---- addresses -------------------------------------------------------------------------- */

int address_read(const struct sockaddr *addr, socklen_t len, struct sw_addr *ret_addr)
{
    if (addr == NULL || len < sizeof(sa_family_t))
        return -EINVAL;
    if (addr->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;
        *ret_addr = (struct sw_addr){.ip = SW_IP4_ANY, .port = ntohs(in->sin_port)};
        memcpy(ret_addr->ip.b + 12, &in->sin_addr, 4);
        return 0;
    }
    if (addr->sa_family == AF_INET6 && len >= 24) { /* without the zone: RFC 2133 */
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)addr;
        *ret_addr = (struct sw_addr){.port = ntohs(in->sin6_port)};
        memcpy(ret_addr->ip.b, &in->sin6_addr, 16);
        ret_addr->scope_id = len >= sizeof(*in) ? in->sin6_scope_id : 0;
        return 0;
    }
    return addr->sa_family == AF_INET || addr->sa_family == AF_INET6 ? -EINVAL : -EAFNOSUPPORT;
}

void address_write(int domain, const struct sw_addr *from, struct sockaddr *addr, socklen_t *len)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(from->port)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(from->port)};
    if (addr == NULL || len == NULL)
        return;
    memcpy(&in6.sin6_addr, from->ip.b, 16);
    memcpy(&in.sin_addr, from->ip.b + 12, 4);
    in6.sin6_scope_id = from->scope_id;
    socklen_t full = domain == AF_INET6 ? sizeof(in6) : sizeof(in);
    const void *bytes = domain == AF_INET6 ? (const void *)&in6 : (const void *)&in;
    memcpy(addr, bytes, *len < full ? *len : full);
    *len = full;
}

/* ---- calls ------------------------------------------------------------------------------ */

static int call_socket(void *userdata, int domain, int type, int protocol)
{
    struct adapter *a = userdata;
    sw_socket_t handle;
    adapter_enter(a);
    settings_read(a);
    int fd = sw_socket(a->host, domain, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol, &handle);
    if (fd == 0) {
        fd = slot_new(a, SLOT_SOCKET);
        if (fd < 0)
            sw_close(a->host, handle);
    }
    if (fd >= 0) {
        a->slots[fd].socket = handle;
        a->slots[fd].domain = domain;
        a->slots[fd].stream = (type & 0xf) == SOCK_STREAM;
        a->slots[fd].nonblocking = (type & SOCK_NONBLOCK) != 0;
    }
    adapter_leave(a);
    return (int)adapter_result(fd);
}

static int call_bind(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct adapter *a = userdata;
    struct sw_addr local;
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    int r = slot == NULL ? -EBADF : address_read(addr, len, &local);
    if (r == 0) {
        /* packetdrill takes one by chance where nobody gave it one: what it binds is the host's. */
        if (!sw_ip_is_any(&local.ip) && !sw_ip_is_multicast(&local.ip))
            sw_host_add_addr(a->host, a->iface, &local.ip, sw_ip_is4(&local.ip) ? 32 : 128);
        r = sw_bind(a->host, slot->socket, &local);
    }
    adapter_leave(a);
    return (int)adapter_result(r);
}

static int call_listen(void *userdata, int fd, int backlog)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    settings_read(a);
    struct slot *slot = slot_of(a, fd);
    int r = slot == NULL ? -EBADF : sw_listen(a->host, slot->socket, backlog);
    adapter_leave(a);
    return (int)adapter_result(r);
}

static int call_accept(void *userdata, int fd, struct sockaddr *addr, socklen_t *len)
{
    struct adapter *a = userdata;
    struct sw_addr remote;
    sw_socket_t handle;
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    int r = slot == NULL ? -EBADF : sw_accept(a->host, slot->socket, &handle, &remote);
    while (slot != NULL && sleeps(slot, 0, r) && adapter_sleep(a, SW_NEVER))
        r = sw_accept(a->host, slot->socket, &handle, &remote);
    if (r == 0) {
        r = slot_new(a, SLOT_SOCKET);
        if (r < 0)
            sw_close(a->host, handle);
    }
    if (r >= 0) {
        a->slots[r].socket = handle;
        a->slots[r].domain = slot->domain;
        a->slots[r].stream = true;
        address_write(slot->domain, &remote, addr, len);
    }
    adapter_leave(a);
    return (int)adapter_result(r);
}

static int call_connect(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
    struct adapter *a = userdata;
    struct sw_addr remote;
    adapter_enter(a);
    settings_read(a);
    struct slot *slot = slot_of(a, fd);
    bool unspec = addr != NULL && len >= sizeof(sa_family_t) && addr->sa_family == AF_UNSPEC;
    int r = slot == NULL ? -EBADF : unspec ? 0 : address_read(addr, len, &remote);
    if (r == 0) {
        r = sw_connect(a->host, slot->socket, unspec ? NULL : &remote);
        if (!unspec && !slot->begun && (r == 0 || r == -EINPROGRESS)) {
            slot->put_off = r == 0 && slot->stream;
            slot->begun = true;
            slot->remote = remote;
        }
        bool waits = r == -EINPROGRESS && !slot->nonblocking;
        while (waits && (r == -EINPROGRESS || r == -EALREADY) && adapter_sleep(a, SW_NEVER))
            r = sw_connect(a->host, slot->socket, &remote);
    }
    adapter_leave(a);
    return (int)adapter_result(r);
}

int call_close(void *userdata, int fd)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    int r = slot_close(a, fd);
    adapter_leave(a);
    if (r == -EBADF) /* a pipe */
        return (int)syscall(SYS_close, fd);
    return (int)adapter_result(r);
}

static int call_shutdown(void *userdata, int fd, int how)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    int r = slot == NULL ? -EBADF : sw_shutdown(a->host, slot->socket, how);
    adapter_leave(a);
    return (int)adapter_result(r);
}

int call_getsockopt(void *userdata, int fd, int level, int name, void *value, socklen_t *len)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    size_t room = *len;
    int r = slot == NULL ? -EBADF : sw_getsockopt(a->host, slot->socket, level, name, value, &room);
    if (r == 0)
        *len = (socklen_t)room;
    adapter_leave(a);
    return (int)adapter_result(r);
}

static int call_setsockopt(void *userdata, int fd, int level, int name, const void *value,
                           socklen_t len)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    settings_read(a);
    struct slot *slot = slot_of(a, fd);
    int r = slot == NULL ? -EBADF : sw_setsockopt(a->host, slot->socket, level, name, value, len);
    adapter_leave(a);
    return (int)adapter_result(r);
}

static int call_fcntl(void *userdata, int fd, int command, ...)
{
    struct adapter *a = userdata;
    va_list args;
    va_start(args, command);
    int value = va_arg(args, int);
    va_end(args);
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    int r = 0;
    if (slot == NULL)
        r = fcntl(fd, command, value) < 0 ? -errno : 0;
    else if (command == F_GETFL)
        r = O_RDWR | (slot->nonblocking ? O_NONBLOCK : 0);
    else if (command == F_SETFL)
        slot->nonblocking = (value & O_NONBLOCK) != 0;
    else if (command != F_GETFD && command != F_SETFD)
        r = -EINVAL;
    adapter_leave(a);
    return (int)adapter_result(r);
}

static int call_ioctl(void *userdata, int fd, unsigned long request, ...)
{
    struct adapter *a = userdata;
    va_list args;
    va_start(args, request);
    int *value = va_arg(args, int *);
    va_end(args);
    adapter_enter(a);
    struct slot *slot = slot_of(a, fd);
    int64_t r = slot == NULL          ? -EBADF
                : request == SIOCINQ  ? sw_recv_queued(a->host, slot->socket)
                : request == SIOCOUTQ ? sw_send_queued(a->host, slot->socket)
                                      : -ENOTTY;
    if (r >= 0) {
        *value = (int)r;
        r = 0;
    }
    adapter_leave(a);
    return (int)adapter_result(r);
}

void calls_fill(struct packetdrill_interface *table)
{
    table->socket = call_socket;
    table->bind = call_bind;
    table->listen = call_listen;
    table->accept = call_accept;
    table->connect = call_connect;
    table->close = call_close;
    table->shutdown = call_shutdown;
    table->getsockopt = call_getsockopt;
    table->setsockopt = call_setsockopt;
    table->fcntl = call_fcntl;
    table->ioctl = call_ioctl;
}
