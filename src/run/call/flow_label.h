/* SPDX-License-Identifier: BSD-2-Clause */
/* Flow labels of IPv6 as programs name them: leases (IPV6_FLOWLABEL_MGR), and sin6_flowinfo. */
#ifndef SW_RUN_FLOW_LABEL_H
#define SW_RUN_FLOW_LABEL_H

#include "run/run.h"

/* Whether an option, set or asked for, is a whole struct in6_flowlabel_req. */
bool flow_label_is_request(int level, int name, size_t len);
/* Sets it. A request for any label at all gets one that nobody has, and is told which. 0 or a negative errno. */
int flow_label_request(struct run *run, struct run_call *call, const void *value, size_t len);

/* Whether the socket's addresses bring, and show, flow labels: IPV6_FLOWINFO_SEND. */
bool flow_label_in_addresses(struct run *run, const struct standin *s);
/* connect() to this address, or (NULL) to none: 0, -EINVAL (others have a lease of its label). */
int flow_label_connect(struct run *run, const struct standin *s, const struct given_addr *to);

/* call/option.c: the option of a setsockopt() call as it is, or as an administrator where others may not. */
int option_set(struct run *run, struct run_call *call, const void *value, size_t len);

#endif
