/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages of recvmsg(), as Linux lays them out: TCP_CM_INQ beside data, and out of the
 * error queue SCM_TIMESTAMPING and IP_RECVERR or IPV6_RECVERR (tcp(7), ip(7)).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>

#include <linux/errqueue.h>

#include "adapter/adapter.h"

#define NS_PER_S 1000000000ULL
enum { TS_SOFTWARE = 1 << 4, TS_TSONLY = 1 << 11 }; /* of SO_TIMESTAMPING */

static int option(const struct adapter *a, const struct slot *slot, int level, int name)
{
    int value = 0;
    size_t len = sizeof(value);
    return sw_getsockopt(a->host, slot->socket, level, name, &value, &len) == 0 ? value : 0;
}

/* One more message; where there is no room for it, that is told. */
static void put(struct msghdr *message, size_t room, int level, int type, const void *data,
                size_t len)
{
    struct cmsghdr *header;
    if (message->msg_controllen + CMSG_SPACE(len) > room) {
        message->msg_flags |= MSG_CTRUNC;
        return;
    }
    header = (struct cmsghdr *)((uint8_t *)message->msg_control + message->msg_controllen);
    memset(header, 0, CMSG_SPACE(len));
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(len);
    memcpy(CMSG_DATA(header), data, len);
    message->msg_controllen += CMSG_SPACE(len);
}

/* Linux's tcp_inq_hint(): the end of the stream counts as a byte. */
void control_data(struct adapter *a, const struct slot *slot, struct msghdr *message, size_t room)
{
    if (!slot->stream || option(a, slot, IPPROTO_TCP, TCP_INQ) == 0)
        return;
    int64_t queued = sw_recv_queued(a->host, slot->socket);
    int inq = (int)(queued > 0 ? queued : 0);
    inq += (sw_poll(a->host, slot->socket) & SW_EV_RDHUP) != 0;
    put(message, room, IPPROTO_TCP, TCP_CM_INQ, &inq, sizeof(inq));
}

static void put_error(const struct slot *slot, const struct sw_socket_error *error,
                      struct msghdr *message, size_t room)
{
    bool v6 = slot->domain == AF_INET6;
    struct {
        struct sock_extended_err error;
        union {
            struct sockaddr_in v4;
            struct sockaddr_in6 v6;
        } offender;
    } told = {.error = {.ee_errno = (uint32_t)error->err,
                        .ee_origin = error->origin,
                        .ee_type = error->type,
                        .ee_code = error->code,
                        .ee_info = error->info,
                        .ee_data = error->data}};
    socklen_t len = sizeof(told.offender);
    if (error->origin == SW_ORIGIN_ICMP || error->origin == SW_ORIGIN_ICMP6)
        address_write(slot->domain, &error->offender, (struct sockaddr *)&told.offender, &len);
    put(message, room, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &told,
        sizeof(told.error) + (v6 ? sizeof(told.offender.v6) : sizeof(told.offender.v4)));
}

int64_t control_error(struct adapter *a, const struct slot *slot, void *buf, size_t len,
                      struct msghdr *message, size_t room)
{
    struct sw_socket_error error;
    int64_t r = sw_recv_error(a->host, slot->socket, buf, len, &error);
    if (r < 0)
        return r;
    message->msg_controllen = 0;
    message->msg_flags = 0;
    int stamps = option(a, slot, SOL_SOCKET, SO_TIMESTAMPING);
    bool stamp = error.origin == SW_ORIGIN_TIMESTAMPING;
    if (stamp && (stamps & TS_SOFTWARE)) {
        struct scm_timestamping at = {.ts[0] = {.tv_sec = (time_t)(error.message.at_ns / NS_PER_S),
                                                .tv_nsec = (long)(error.message.at_ns % NS_PER_S)}};
        put(message, room, SOL_SOCKET, SCM_TIMESTAMPING, &at, sizeof(at));
    }
    put_error(slot, &error, message, room);
    message->msg_flags |= MSG_ERRQUEUE;
    if ((size_t)r > len || (stamp && !(stamps & TS_TSONLY))) /* bytes of a stream are not kept */
        message->msg_flags |= MSG_TRUNC;
    return (size_t)r < len ? r : (int64_t)len;
}
