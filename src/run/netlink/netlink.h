/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What rtnetlink(7) says of the run's network: one interface, lo, with 127.0.0.1/8 and ::1/128, and
 * what administrators add to them: addresses, routes, rules. Requests in, replies out; no descriptor is touched here.
 */
#ifndef SW_RUN_NETLINK_H
#define SW_RUN_NETLINK_H

#include <linux/rtnetlink.h>
#include <stdbool.h>
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

/* Addresses of the interface, in the order in which they came. */
enum {
    NETLINK_ADDRESSES_MAX = 32, /* a page tells of: glibc reads no more at once */
    NETLINK_KEPT_MAX = 16,      /* routes that were added */
    NETLINK_RULES_MAX = 24,     /* Linux's own among them */
    NETLINK_NEWS_MAX = 1024,    /* bytes of one message that tells of a change */
};
struct netlink_addresses {
    unsigned n_routes, n_rules;
    struct netlink_route {
        struct rtmsg info;
        uint32_t metric;
        uint8_t dst[16];
        bool leads; /* the host has a route for it */
    } routes[NETLINK_KEPT_MAX];
    struct netlink_rule { /* as its request had it; sorted by family and priority */
        uint32_t priority;
        uint16_t len;
        uint8_t family;
        _Alignas(uint32_t) uint8_t body[96];
    } rules[NETLINK_RULES_MAX];
    unsigned n;
    struct netlink_address {
        uint8_t family, prefix_len, len; /* len: bytes */
        uint8_t bytes[16];               /* behind len: 0 */
    } at[NETLINK_ADDRESSES_MAX];
};
void netlink_addresses_init(struct netlink_addresses *addresses);

struct netlink_host {
    uint32_t port; /* the requester's netlink port ("nl_pid") */
    int lo;        /* index of the interface */
    uint32_t mtu;
    uint64_t packets, bytes; /* that the interface has carried */
    bool admin;    /* the requester may change things */
    uint32_t uid;  /* who it is */
    struct netlink_addresses *addresses;
    /* Gives the host an address, or takes it away: 0 or a negative errno. */
    int (*set)(void *user, const struct netlink_address *address, bool there);
    int (*set_mtu)(void *user, uint32_t mtu); /* likewise */
    int (*set_route)(void *user, const struct netlink_route *route, bool there); /* -EEXIST: there already */
    /* Something of this group (RTNLGRP_) has changed: a message for who is in it. May be NULL. */
    void (*tell)(void *user, unsigned group, const void *bytes, size_t len);
    void *user;
};

/* Answers the request at the front of `bytes`. Returns how many bytes it took; 0: there is none
 * (left). */
size_t netlink_answer(const struct netlink_host *host, const uint8_t *bytes, size_t len,
                      struct netlink_reply *ret_reply);

/* ---- among the files of this folder about rtnetlink(7) ---- */
struct netlink_builder;
void netlink_put_link(struct netlink_builder *b, const struct netlink_host *host);
void netlink_dump_links(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                        uint8_t family);
void netlink_dump_qdiscs(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request);
/* Counters of lo, those of the filter; which is what such a request asks for. */
void netlink_put_stats(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                       uint16_t flags, uint32_t filter);
uint32_t netlink_stats_wanted(const uint8_t *body, size_t len);
/* tables.c; `family`: AF_INET or AF_INET6, of _conf also any other: both */
void netlink_dump_groups(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                         uint8_t family);
void netlink_dump_conf(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                       uint8_t family);
void netlink_dump_labels(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request);
void netlink_dump_routes(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                         uint8_t family);
void netlink_dump_rules(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                        uint8_t family);
void netlink_rules_init(struct netlink_addresses *all);
/* Tells the groups of an address that was added or taken away, as the request says; of lo as it is now. */
void netlink_tell_address(const struct netlink_host *host, const struct nlmsghdr *request,
                          const struct netlink_address *address);
void netlink_tell_link(const struct netlink_host *host);
/* What `ip route get` asks for: 0 or a positive errno. */
int netlink_put_way(struct netlink_builder *b, const struct netlink_host *host, const struct nlmsghdr *request,
                    const uint8_t *body, size_t len);
int netlink_change_route(const struct netlink_host *host, const struct nlmsghdr *request, const uint8_t *body,
                         size_t len);
int netlink_change_rule(const struct netlink_host *host, const struct nlmsghdr *request, const uint8_t *body,
                        size_t len);
/* A request of an administrator to change something: 0 or a positive errno. */
int netlink_change(const struct netlink_host *host, const struct nlmsghdr *request, const uint8_t *body,
                   size_t len);
/* Whether a message about one link, by index or by name, means lo. */
bool netlink_asks_for_lo(const struct netlink_host *host, const uint8_t *body, size_t len);
/* The attribute of that type behind a fixed part; NULL: it has none. */
const uint8_t *netlink_find_attribute(const uint8_t *body, size_t len, size_t fixed, uint16_t type, size_t *ret_len);
/* The same of one that is a number; `otherwise`: it has none. */
uint32_t netlink_find_number(const uint8_t *body, size_t len, size_t fixed, uint16_t type, uint32_t otherwise);

#endif
