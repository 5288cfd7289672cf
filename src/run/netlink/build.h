/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of netlink(7) appended to a buffer, attribute by attribute; and requests taken apart. */
#ifndef SW_RUN_NETLINK_BUILD_H
#define SW_RUN_NETLINK_BUILD_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `bytes` are the caller's, aligned as a message is; to append more than `room` is a bug. */
struct netlink_builder {
    uint8_t *bytes;
    size_t room, len;
    size_t at; /* of the message in hand */
};

void netlink_append(struct netlink_builder *b, const void *data, size_t len);
/* A message in answer to `request`, for the port that asked; its length is known at its end. */
void netlink_begin(struct netlink_builder *b, uint16_t type, uint16_t flags,
                   const struct nlmsghdr *request, uint32_t port);
void netlink_end(struct netlink_builder *b);
void netlink_attribute(struct netlink_builder *b, uint16_t type, const void *data, size_t len);
void netlink_number(struct netlink_builder *b, uint16_t type, uint32_t value);
/* An attribute that holds others: those appended until its end. */
size_t netlink_nest(struct netlink_builder *b, uint16_t type);
void netlink_nest_end(struct netlink_builder *b, size_t nest);
/* NLMSG_ERROR: a positive errno, or 0 for "done". The request's header follows. */
void netlink_error(struct netlink_builder *b, const struct nlmsghdr *request, uint32_t port, int err);
/* NLMSG_DONE: the end of a dump, with a positive errno if it ends because of that. */
void netlink_done(struct netlink_builder *b, const struct nlmsghdr *request, uint32_t port, int err);

/* The message at the front of `bytes`: how many bytes it takes with its padding; 0: there is none. */
size_t netlink_take(const uint8_t *bytes, size_t len, struct nlmsghdr *ret_header);
/* Whether it asks for anything: to what does not, the kernel says nothing either. */
static inline bool netlink_is_request(const struct nlmsghdr *h)
{
    return (h->nlmsg_flags & NLM_F_REQUEST) != 0 && h->nlmsg_type >= NLMSG_MIN_TYPE;
}

#endif
