/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_NETLINK sockets of the protocol NETLINK_ROUTE: so that getifaddrs(3), if_nameindex(3) and
 * ip(8) see the run's interface instead of the machine's; and of NETLINK_SOCK_DIAG, whose requests
 * are netlink/diag_socket.c's, so that ss(8) sees its sockets.
 *
 * The stand-in is a datagram one, connected to its far end from birth: what a program sends
 * natively comes out there too. Replies are put in front of it at once, so reading, poll and
 * MSG_PEEK are the kernel's; only a receive that asks whom from is done by us, since the answer
 * must be a struct sockaddr_nl. There is no socket of the core behind it.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "run/call/message.h"
#include "run/call/privilege.h"
#include "run/netlink/netlink.h"
#include "run/standin/dgram.h"

enum {
    REQUEST_MAX = 65536,
    REPLIES_ROOM = 16 * 1024, /* bytes that wait for the program; doubled by the kernel */
};

/* ---- making ---- */

void netlink_socket(struct run *run, struct run_call *call)
{
    int type = (int)call->args[1], fd;
    struct sockaddr_un far;

    if ((type & 0xf) != SOCK_RAW && (type & 0xf) != SOCK_DGRAM) {
        call_fail(run, call, ESOCKTNOSUPPORT);
        return;
    }
    struct standin *s = standin_new(run, 0, false, false, (type & SOCK_NONBLOCK) != 0, &fd);
    if (s == NULL) {
        call_fail(run, call, errno == EMFILE || errno == ENFILE ? ENFILE : ENOBUFS);
        return;
    }
    s->netlink_type = (uint8_t)(type & 0xf);
    s->netlink_protocol = (uint8_t)call->args[2];
    const int room = REPLIES_ROOM;
    setsockopt(s->far_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    socklen_t len = name_far_addr(s, &far);
    if (connect(fd, (struct sockaddr *)&far, len) < 0) {
        standin_gone(run, s);
        call_fail(run, call, ENOBUFS);
        close(fd);
    } else {
        standin_hand_over(run, call, s, fd, (type & SOCK_CLOEXEC) != 0);
    }
    standins_sweep(run, false);
}

/* ---- requests ---- */

static void reply(struct standin *s, const void *bytes, size_t len)
{
    if (len > 0)
        (void)send(s->far_fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* An address as netlink has it: 4 bytes, or 16. */
static struct sw_ip ip_of(uint8_t family, const uint8_t *bytes)
{
    struct sw_ip ip = SW_IP4(bytes[0], bytes[1], bytes[2], bytes[3]);

    if (family == AF_INET6)
        memcpy(ip.b, bytes, sizeof(ip.b));
    return ip;
}

static int set_address(void *user, const struct netlink_address *a, bool there)
{
    struct run *run = user;
    struct sw_ip ip = ip_of(a->family, a->bytes);

    if (!there)
        return sw_host_remove_addr(run->host, run->lo, &ip, a->prefix_len);
    int err = sw_host_add_addr(run->host, run->lo, &ip, a->prefix_len);
    return err == -EEXIST ? 0 : err; /* the run's name server has it */
}

static int set_route(void *user, const struct netlink_route *route, bool there)
{
    struct run *run = user;
    struct sw_ip dst = ip_of(route->info.rtm_family, route->dst);

    return there ? sw_host_add_route(run->host, &dst, route->info.rtm_dst_len, run->lo, NULL)
                 : sw_host_remove_route(run->host, &dst, route->info.rtm_dst_len, run->lo);
}

/* Who is in the group is told. */
static void tell(void *user, unsigned group, const void *bytes, size_t len)
{
    struct run *run = user;

    for (struct sw_list *l = run->standins.next, *next; l != &run->standins; l = next) {
        struct standin *s = SW_CONTAINER(l, struct standin, link);
        next = l->next;
        if (s->netlink_type == 0 || s->netlink_protocol != NETLINK_ROUTE ||
            (s->netlink_groups >> (group - 1) & 1) == 0)
            continue;
        reply(s, bytes, len);
        calls_wake(run, s);
    }
}

static int set_mtu(void *user, uint32_t mtu)
{
    return network_set_mtu(user, mtu);
}

/* `tid`: who asks; 0: it is not known any more. */
static void answer_requests(struct run *run, struct standin *s, pid_t tid, const uint8_t *bytes,
                            size_t len)
{
    struct netlink_host host = {.port = s->netlink_port,
                                .lo = run->lo,
                                .mtu = run->mtu,
                                .packets = run->lo_packets,
                                .bytes = run->lo_bytes,
                                .admin = caller_is_admin(tid),
                                .uid = caller_uid(tid),
                                .set = set_address,
                                .set_mtu = set_mtu,
                                .set_route = set_route,
                                .tell = tell,
                                .user = run};
    struct netlink_reply r;

    if (run->addresses == NULL) {
        run->addresses = malloc(sizeof(*run->addresses));
        if (run->addresses == NULL)
            return; /* without memory there is no answer, as on Linux */
        netlink_addresses_init(run->addresses);
    }
    host.addresses = run->addresses;
    if (s->netlink_protocol == NETLINK_SOCK_DIAG)
        diag_requests(run, s, bytes, len);
    else
        for (size_t used; (used = netlink_answer(&host, bytes, len, &r)) > 0;
             bytes += used, len -= used) {
            reply(s, r.bytes, r.len);
            reply(s, r.bytes + r.len, r.last);
        }
    calls_wake(run, s);
}

void netlink_far_event(struct run *run, struct standin *s)
{
    uint8_t *bytes = malloc(REQUEST_MAX);
    ssize_t n;

    if (s->netlink_port == 0)
        s->netlink_port = (uint32_t)caller_process(s->holder_tid);
    while (bytes != NULL && (n = recv(s->far_fd, bytes, REQUEST_MAX, MSG_DONTWAIT)) >= 0)
        answer_requests(run, s, s->holder_tid, bytes, (size_t)n);
    diag_continue(run, s);
    free(bytes);
}

/* Whether a message is for other programs too: those in its address' groups. */
static bool speaks_to_others(struct run *run, const struct run_call *call, const struct message *m)
{
    struct sockaddr_nl to;
    return m->name != 0 && mem_read(run, call->tid, m->name, &to, sizeof(to)) == 0 &&
           to.nl_groups != 0;
}

/* sendto and sendmsg: whatever their address says, they speak to the kernel, that is: to us. */
static int64_t send_request(struct run *run, struct run_call *call, const struct message *m)
{
    uint8_t *bytes = m->total <= REQUEST_MAX ? malloc(m->total + 1) : NULL;
    int64_t r = m->total <= REQUEST_MAX ? -ENOBUFS : -EMSGSIZE;

    if (speaks_to_others(run, call, m) && !caller_is_admin(call->tid))
        r = -EPERM; /* and those of administrators reach nobody but us */
    else if (bytes != NULL)
        r = message_gather(run, call->tid, m, bytes, m->total);
    if (r == 0) {
        answer_requests(run, call->standin, call->tid, bytes, m->total);
        r = (int64_t)m->total;
    }
    free(bytes);
    return r;
}

/* ---- addresses ---- */

static int write_nl_addr(struct run *run, pid_t tid, uint64_t addr, uint64_t len_ptr, uint32_t port)
{
    struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_pid = port};
    int room, full = sizeof(nl);

    if (addr == 0)
        return 0;
    if (mem_read(run, tid, len_ptr, &room, sizeof(room)) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    if (mem_write(run, tid, addr, &nl, (size_t)(room < full ? room : full)) < 0)
        return -EFAULT;
    return mem_write(run, tid, len_ptr, &full, sizeof(full));
}

static int bind_port(struct run *run, struct run_call *call)
{
    struct sockaddr_nl nl;
    if ((int)call->args[2] < (int)sizeof(nl))
        return -EINVAL;
    if (mem_read(run, call->tid, call->args[1], &nl, sizeof(nl)) < 0)
        return -EFAULT;
    if (nl.nl_family != AF_NETLINK)
        return -EINVAL;
    if (nl.nl_pid != 0)
        call->standin->netlink_port = nl.nl_pid;
    call->standin->netlink_groups |= nl.nl_groups;
    return 0;
}

/* ---- receiving ---- */

/* SO_PASSCRED, which the stand-in knows: all comes from the kernel. */
static void put_credentials(int fd, struct control *c)
{
    static const struct ucred kernel;
    int on = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, &(socklen_t){sizeof(on)}) == 0 && on != 0)
        control_put(c, SOL_SOCKET, SCM_CREDENTIALS, &kernel, sizeof(kernel));
}

static enum run_verdict try_receive(struct run *run, struct run_call *call)
{
    bool plain = call->nr == SYS_recvfrom;
    int flags = (int)call->args[plain ? 3 : 2];
    uint8_t bytes[NETLINK_REPLY_MAX];
    struct message m;
    int64_t r = 0;

    message_plain(&m, call->args[1], call->args[2]);
    m.name = call->args[4];
    m.namelen_ptr = call->args[5];
    if (!plain)
        r = message_load(run, call->tid, call->args[1], false, &m);
    int fd = r == 0 ? standin_fetch(run, call) : (int)r;
    if (fd < 0) {
        call_fail(run, call, -fd);
        return CALL_DONE;
    }
    r = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT | (flags & MSG_PEEK));
    int err = r < 0 ? errno : 0;
    struct control c;
    control_init(&c, m.controllen);
    put_credentials(fd, &c);
    close(fd);
    if (err == EAGAIN)
        return CALL_AGAIN;
    size_t n = err == 0 && (size_t)r < m.total ? (size_t)r : m.total;
    uint32_t out_flags = err == 0 && n < (size_t)r ? MSG_TRUNC : 0;
    const uint64_t used = c.len;
    if (err == 0 &&
        (message_scatter(run, call->tid, &m, bytes, n) < 0 ||
         write_nl_addr(run, call->tid, m.name, m.namelen_ptr, 0) < 0 ||
         (m.at != 0 && (mem_write(run, call->tid, m.at + MSGHDR_FLAGS, &out_flags, 4) < 0 ||
                        mem_write(run, call->tid, m.control, c.buf, c.len) < 0 ||
                        mem_write(run, call->tid, m.at + MSGHDR_CONTROLLEN, &used, 8) < 0))))
        err = EFAULT;
    diag_continue(run, call->standin);
    call_answer(run, call, err != 0 ? -err : (flags & MSG_TRUNC) != 0 ? r : (int64_t)n);
    return CALL_DONE;
}

static void receive(struct run *run, struct run_call *call)
{
    int flags = (int)call->args[call->nr == SYS_recvfrom ? 3 : 2];
    if ((flags & MSG_DONTWAIT) == 0)
        call_try(run, call, try_receive, 0, EAGAIN);
    else if (try_receive(run, call) == CALL_AGAIN)
        call_fail(run, call, EAGAIN);
}

/* ---- options, and the table ---- */

/* True: it is one of those where AF_UNIX would say something else. */
static bool get_option(const struct run_call *call, int *ret_value)
{
    int level = (int)call->args[1], name = (int)call->args[2];
    if (level == SOL_SOCKET && name == SO_DOMAIN)
        *ret_value = AF_NETLINK;
    else if (level == SOL_SOCKET && name == SO_TYPE)
        *ret_value = call->standin->netlink_type;
    else if (level == SOL_SOCKET && name == SO_PROTOCOL)
        *ret_value = call->standin->netlink_protocol;
    else if (level == SOL_NETLINK)
        *ret_value = 0;
    else
        return false;
    return true;
}

/* NETLINK_LIST_MEMBERSHIPS: as much of the set as there is room for; the length is that of all. */
static int list_groups(struct run *run, const struct run_call *call)
{
    uint64_t groups = call->standin->netlink_groups;
    int room, full = sizeof(groups);

    if (mem_read(run, call->tid, call->args[4], &room, sizeof(room)) < 0)
        return -EFAULT;
    if (room < 0)
        return -EINVAL;
    size_t n = (size_t)(room < full ? room : full) / sizeof(uint32_t) * sizeof(uint32_t);
    if (n > 0 && mem_write(run, call->tid, call->args[3], &groups, n) < 0)
        return -EFAULT;
    return mem_write(run, call->tid, call->args[4], &full, sizeof(full));
}

/* NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP. */
static int change_groups(struct run *run, const struct run_call *call, bool add)
{
    uint32_t group;

    if ((int)call->args[4] < (int)sizeof(group))
        return -EINVAL;
    if (mem_read(run, call->tid, call->args[3], &group, sizeof(group)) < 0)
        return -EFAULT;
    if (group == 0 || group > 64)
        return -EINVAL;
    uint64_t bit = 1ULL << (group - 1), *groups = &call->standin->netlink_groups;
    *groups = add ? *groups | bit : *groups & ~bit;
    return 0;
}

static void option(struct run *run, struct run_call *call)
{
    int value = 0, len = sizeof(value), name = (int)call->args[2];
    bool own = (int)call->args[1] == SOL_NETLINK, sets = call->nr == SYS_setsockopt;

    if (own && sets && (name == NETLINK_ADD_MEMBERSHIP || name == NETLINK_DROP_MEMBERSHIP)) {
        call_answer(run, call, change_groups(run, call, name == NETLINK_ADD_MEMBERSHIP));
    } else if (own && !sets && name == NETLINK_LIST_MEMBERSHIPS) {
        call_answer(run, call, list_groups(run, call));
    } else if (own && sets) {
        call_return(run, call, 0); /* acknowledgements in full or capped: as you like */
    } else if (call->nr == SYS_setsockopt || !get_option(call, &value)) {
        call_continue(run, call);
    } else {
        int err = mem_write(run, call->tid, call->args[3], &value, sizeof(value));
        if (err == 0)
            err = mem_write(run, call->tid, call->args[4], &len, sizeof(len));
        call_answer(run, call, err);
    }
}

static void send_call(struct run *run, struct run_call *call)
{
    struct message m;
    int64_t r = 0;
    message_plain(&m, call->args[1], call->args[2]);
    if (call->nr == SYS_sendmsg)
        r = message_load(run, call->tid, call->args[1], true, &m);
    call_answer(run, call, r < 0 ? r : send_request(run, call, &m));
}

void on_netlink(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;

    if (s->netlink_port == 0)
        s->netlink_port = (uint32_t)caller_process(call->tid);
    switch (call->nr) {
    case SYS_bind:
        call_answer(run, call, bind_port(run, call));
        break;
    case SYS_connect:
        call_return(run, call, 0);
        break;
    case SYS_getsockname:
    case SYS_getpeername:
        call_answer(run, call,
                    write_nl_addr(run, call->tid, call->args[1], call->args[2],
                                  call->nr == SYS_getsockname ? s->netlink_port : 0));
        break;
    case SYS_getsockopt:
    case SYS_setsockopt:
        option(run, call);
        break;
    case SYS_sendto:
    case SYS_sendmsg:
        send_call(run, call);
        break;
    case SYS_recvfrom:
    case SYS_recvmsg:
        receive(run, call);
        break;
    case SYS_sendmmsg:
    case SYS_recvmmsg:
        call_continue(run, call);
        break;
    case SYS_ioctl:
        on_ioctl(run, call);
        break;
    default: /* listen, accept, shutdown */
        call_fail(run, call, EOPNOTSUPP);
    }
}
