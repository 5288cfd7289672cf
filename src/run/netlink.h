/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rtnetlink(7) says of the run's network: one interface, lo, with 127.0.0.1/8 and ::1/128.
 * Requests in, replies out; no descriptor is touched here.
 */
#ifndef SW_RUN_NETLINK_H
#define SW_RUN_NETLINK_H

#include <stddef.h>
#include <stdint.h>

/* Replies being made. Each request has at most two datagrams in answer: its messages, and the end
 * of a dump, as the kernel sends them. */
#define NETLINK_REPLY_MAX 8192
struct netlink_reply {
    size_t len;  /* bytes of the first datagram */
    size_t last; /* bytes of the second, behind it */
    _Alignas(uint32_t) uint8_t bytes[NETLINK_REPLY_MAX];
};

struct netlink_host {
    uint32_t port; /* the requester's netlink port ("nl_pid") */
    int lo;        /* index of the interface */
    uint32_t mtu;
};

/* Answers the request at the front of `bytes`. Returns how many bytes it took; 0: there is none
 * (left). */
size_t netlink_answer(const struct netlink_host *host, const uint8_t *bytes, size_t len,
                      struct netlink_reply *ret_reply);

#endif
