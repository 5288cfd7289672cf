/* SPDX-License-Identifier: BSD-2-Clause */
/* flow_label.h. The core keeps the leases; here is who asks, and what only his memory shows. */
#include <errno.h>
#include <linux/in6.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "run/call/flow_label.h"
#include "run/call/privilege.h"

enum { TRIES = 100 };

bool flow_label_is_request(int level, int name, size_t len)
{
    return level == IPPROTO_IPV6 && name == IPV6_FLOWLABEL_MGR &&
           len >= sizeof(struct in6_flowlabel_req);
}

/* One that nobody has; it is written where the caller finds it. */
static int request_any(struct run *run, struct run_call *call, struct in6_flowlabel_req *request)
{
    int err = -EEXIST;

    request->flr_flags |= IPV6_FL_F_EXCL;
    for (int i = 0; err == -EEXIST && i < TRIES; i++) {
        uint32_t label = 0;
        if (getrandom(&label, sizeof(label), 0) < 0 || (label &= FLOW_LABEL_MASK) == 0)
            continue;
        request->flr_label = htonl(label);
        err = option_set(run, call, request, sizeof(*request));
    }
    if (err < 0)
        return err;
    return mem_write(run, call->tid, call->args[3] + offsetof(struct in6_flowlabel_req, flr_label),
                     &request->flr_label, sizeof(request->flr_label));
}

int flow_label_request(struct run *run, struct run_call *call, const void *value, size_t len)
{
    struct in6_flowlabel_req request;

    memcpy(&request, value, sizeof(request));
    sw_host_set_caller(run->host, (uint64_t)caller_process(call->tid), caller_uid(call->tid));
    bool any = request.flr_action == IPV6_FL_A_GET && request.flr_label == 0 &&
               (request.flr_flags & IPV6_FL_F_REFLECT) == 0;
    return any ? request_any(run, call, &request) : option_set(run, call, value, len);
}

bool flow_label_in_addresses(struct run *run, const struct standin *s)
{
    return s->ipv6 && standin_option(run, s, IPPROTO_IPV6, IPV6_FLOWINFO_SEND) != 0;
}

int flow_label_connect(struct run *run, const struct standin *s, const struct given_addr *to)
{
    bool brings = to != NULL && to->flow_label != 0 && !sw_ip_is4(&to->addr.ip) &&
                  flow_label_in_addresses(run, s);

    if (!brings && sw_flow_label_chosen(run->host, s->sock) == 0)
        return 0;
    return sw_set_flow_label(run->host, s->sock, brings ? to->flow_label : 0);
}
