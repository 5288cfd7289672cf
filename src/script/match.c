/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does the packet that left look as the script says? What the script leaves open is not judged: a
 * window without `win`, options of <...>, the type of service and time to live unless written, and
 * the values of timestamps, which depend on a clock that the script does not have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/private.h"
#include "wire/bytes.h"

static bool differ(char *ret_what, const char *what)
{
    snprintf(ret_what, 80, "%s", what);
    return false;
}

static bool match_ip(const struct spacket *e, const struct spacket *a, char *ret_what)
{
    unsigned ecn = a->tos & 3U;
    if (e->version != a->version)
        return differ(ret_what, "the version of IP");
    if (e->proto != a->proto)
        return differ(ret_what, "the protocol");
    if (e->tos_check == TOS_ECT01 && ecn != 1 && ecn != 2)
        return differ(ret_what, "ECN of the IP header (neither ect0 nor ect1)");
    if (e->tos_check == TOS_ECN && ecn != e->tos)
        return differ(ret_what, "ECN of the IP header");
    if (e->tos_check == TOS_ALL && a->tos != e->tos)
        return differ(ret_what, "the type of service");
    if (e->ttl != 0 && e->ttl != a->ttl)
        return differ(ret_what, "the time to live");
    if (e->has_flow_label && !a->has_flow_label)
        return differ(ret_what, "the flow label (there is none)");
    if ((e->src_port != 0 && e->src_port != a->src_port) ||
        (e->dst_port != 0 && e->dst_port != a->dst_port))
        return differ(ret_what, "the ports");
    return true;
}

static bool match_ts(const struct run *run, const uint8_t *e, const uint8_t *a, char *ret_what)
{
    const struct soptions *o = &run->script->options;
    int32_t off = (int32_t)(sw_get32(e + 2) - sw_get32(a + 2));
    uint64_t tolerance = run_tolerance(run, run->start_ns, run->now_ns);
    if (o->ts_tick_ns != 0 && (uint64_t)llabs((long long)off) * o->ts_tick_ns > tolerance)
        return differ(ret_what, "the value of the timestamp");
    return true;
}

/* Byte by byte: order and padding are part of what a script says. */
static bool match_options(const struct run *run, const struct spacket *e, const struct spacket *a,
                          char *ret_what)
{
    const uint8_t *x = e->options, *y = a->options;
    if (e->options_open)
        return true;
    if (e->options_len != a->options_len)
        return differ(ret_what, "the options");
    for (size_t at = 0; at < e->options_len;) {
        if (x[at] != y[at])
            return differ(ret_what, "the options");
        if (x[at] <= 1) {
            at++;
            continue;
        }
        size_t len = x[at + 1];
        if (len < 2 || at + len > e->options_len || y[at + 1] != len)
            return differ(ret_what, "the options");
        if (x[at] == WIRE_OPT_TIMESTAMPS && len == 10) {
            if (!match_ts(run, x + at, y + at, ret_what))
                return false;
        } else if (memcmp(x + at, y + at, len) != 0) {
            return differ(ret_what, "the value of an option");
        }
        at += len;
    }
    return true;
}

static bool match_tcp(const struct run *run, const struct spacket *e, const struct spacket *a,
                      char *ret_what)
{
    const uint16_t ecn = SW_TCP_ECE | SW_TCP_CWR | SW_TCP_AE;
    if ((e->flags & ~ecn) != (a->flags & ~ecn))
        return differ(ret_what, "the flags");
    if ((e->flags & ecn) != (a->flags & ecn))
        return differ(ret_what, "the flags of ECN");
    if (e->seq != a->seq)
        return differ(ret_what, "the sequence number");
    if (e->len != a->len)
        return differ(ret_what, "the length");
    if (e->ack != a->ack)
        return differ(ret_what, "the acknowledgment number");
    if (e->has_window && e->window != a->window)
        return differ(ret_what, "the window");
    if (e->urgent != a->urgent)
        return differ(ret_what, "the urgent pointer");
    return match_options(run, e, a, ret_what);
}

bool match_packet(const struct run *run, const struct spacket *expected,
                  const struct spacket *actual, char ret_what[80])
{
    if (!match_ip(expected, actual, ret_what))
        return false;
    if (expected->proto == SW_PROTO_TCP && !match_tcp(run, expected, actual, ret_what))
        return false;
    if (expected->proto == SW_PROTO_UDP && expected->len != actual->len)
        return differ(ret_what, "the length");
    if (expected->proto == SW_PROTO_ICMP &&
        (expected->type != actual->type || expected->code != actual->code))
        return differ(ret_what, "the type or code");
    return !actual->payload_wrong || differ(ret_what, "the data");
}
