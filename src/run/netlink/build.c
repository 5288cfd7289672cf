/* SPDX-License-Identifier: BSD-2-Clause */
/* netlink/build.h */
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/assert.h"
#include "run/netlink/build.h"

void netlink_append(struct netlink_builder *b, const void *data, size_t len)
{
    SW_ASSERT(b->len + NLMSG_ALIGN(len) <= b->room);
    if (len > 0) /* else data may be NULL */
        memcpy(b->bytes + b->len, data, len);
    memset(b->bytes + b->len + len, 0, NLMSG_ALIGN(len) - len);
    b->len += NLMSG_ALIGN(len);
}

void netlink_begin(struct netlink_builder *b, uint16_t type, uint16_t flags,
                   const struct nlmsghdr *request, uint32_t port)
{
    struct nlmsghdr h = {.nlmsg_type = type,
                         .nlmsg_flags = flags,
                         .nlmsg_seq = request->nlmsg_seq,
                         .nlmsg_pid = port};
    b->at = b->len;
    netlink_append(b, &h, sizeof(h));
}

void netlink_end(struct netlink_builder *b)
{
    uint32_t len = (uint32_t)(b->len - b->at);
    memcpy(b->bytes + b->at, &len, sizeof(len)); /* nlmsg_len comes first */
}

void netlink_attribute(struct netlink_builder *b, uint16_t type, const void *data, size_t len)
{
    struct rtattr a = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
    netlink_append(b, &a, sizeof(a));
    netlink_append(b, data, len);
}

void netlink_number(struct netlink_builder *b, uint16_t type, uint32_t value)
{
    netlink_attribute(b, type, &value, sizeof(value));
}

size_t netlink_nest(struct netlink_builder *b, uint16_t type)
{
    size_t at = b->len;
    netlink_attribute(b, type, NULL, 0);
    return at;
}

void netlink_nest_end(struct netlink_builder *b, size_t at)
{
    uint16_t len = (uint16_t)(b->len - at);
    memcpy(b->bytes + at, &len, sizeof(len)); /* rta_len comes first */
}

void netlink_error(struct netlink_builder *b, const struct nlmsghdr *request, uint32_t port,
                   int err)
{
    struct nlmsgerr e = {.error = -err, .msg = *request};
    netlink_begin(b, NLMSG_ERROR, 0, request, port);
    netlink_append(b, &e, sizeof(e));
    netlink_end(b);
}

void netlink_done(struct netlink_builder *b, const struct nlmsghdr *request, uint32_t port, int err)
{
    const int result = -err;
    netlink_begin(b, NLMSG_DONE, NLM_F_MULTI, request, port);
    netlink_append(b, &result, sizeof(result));
    netlink_end(b);
}

size_t netlink_take(const uint8_t *bytes, size_t len, struct nlmsghdr *ret_header)
{
    if (len < sizeof(*ret_header))
        return 0;
    memcpy(ret_header, bytes, sizeof(*ret_header));
    if (ret_header->nlmsg_len < sizeof(*ret_header) || ret_header->nlmsg_len > len)
        return 0;
    size_t used = NLMSG_ALIGN(ret_header->nlmsg_len);
    return used < len ? used : len;
}
