/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a sender hears of its packets' marks (RFC 9768 3.2.2.2 to 3.2.3.2): ACE and option, believed
 * as far as they make sense.
 */
#include "tcp/accecn.h"

#include "tcp/ecn.h"
#include "tcp/private.h"
#include "tcp/rare.h"

#define ACE_FIRST 5U /* 3.2.1 */
#define ACE_MASK 7U
#define FIELD_MASK 0xffffffU /* of a field of the option: 24 bits */

enum { ECT1 = SW_IP_ECT1 - 1, ECT0 = SW_IP_ECT0 - 1, CE = SW_IP_CE - 1 }; /* counters */

/* 3.2.2.3: ours leave without ECT, so what else arrived was put there on the way: then data are
 * better sent without it, too. Marks are answered still: for the first window, too. */
void sw_accecn_check_mangling(struct sw_tcp *tcp, uint8_t ecn)
{
    struct sw_accecn *a = &tcp->rare->accecn;

    if (ecn == SW_IP_NOT_ECT || !tcp->layer->config.ecn_fallback)
        return;
    a->no_ect = true;
    a->fail |= SW_ACCECN_ACE_FAIL_RECV;
    if (ecn == SW_IP_CE)
        tcp->snd.cwnd = sw_max32(tcp->snd.cwnd / 2, tcp->snd.mss);
}

/* 3.2.3.2.4: the first counters of ECT cannot be zero. */
static bool option_usable(struct sw_accecn *a, const struct sw_tcp_accecn *option)
{
    if (!option->present || a->seen == SW_ACCECN_OPTION_BAD)
        return false;
    if (a->seen < SW_ACCECN_OPTION_COUNTERS) {
        bool bad = (option->fields > 0 && option->bytes[0] == 0) ||
                   (option->fields > 2 && option->bytes[2] == 0);

        a->seen = bad                  ? SW_ACCECN_OPTION_BAD
                  : option->fields > 0 ? SW_ACCECN_OPTION_COUNTERS
                                       : SW_ACCECN_OPTION_EMPTY;
        if (bad)
            a->fail |= SW_ACCECN_OPTION_FAIL_RECV;
    }
    return a->seen == SW_ACCECN_OPTION_COUNTERS;
}

/* How many more bytes arrived marked; -1: it does not say. A field that lies behind is none. */
static int64_t read_option(struct sw_accecn *a, const struct sw_tcp_accecn *option)
{
    static const uint8_t orders[2][SW_ACCECN_COUNTERS] = {{ECT0, CE, ECT1}, {ECT1, CE, ECT0}};
    int64_t marked = -1;

    if (!option_usable(a, option))
        return -1;
    for (unsigned i = 0; i < option->fields; i++) {
        unsigned counter = orders[option->order][i];
        uint32_t first = counter == CE ? 0 : 1;
        uint32_t more = (option->bytes[i] - first - a->delivered_bytes[counter]) & FIELD_MASK;

        if (more > FIELD_MASK / 2)
            more = 0;
        a->delivered_bytes[counter] += more;
        if (counter == CE)
            marked = more;
    }
    return marked;
}

/*
 * How many packets were marked, of those that would explain ACE: `least`, or eight more, or sixteen
 * more... (3.2.2.5). Bytes tell: so many have no room in fewer packets. Without them the most that
 * can have been, of `pkts` packets.
 */
static uint32_t marked_packets(const struct sw_tcp *tcp, uint32_t least, uint32_t pkts,
                               int64_t bytes)
{
    uint32_t most = pkts > ACE_MASK ? pkts - ((pkts - least) & ACE_MASK) : least;
    uint32_t n = least;

    if (bytes < 0)
        return most;
    while (n < most && (int64_t)n * tcp->snd.mss < bytes)
        n += ACE_MASK + 1;
    return n;
}

bool sw_accecn_on_ack(struct sw_tcp *tcp, const struct sw_segment *seg, uint32_t pkts, bool news)
{
    struct sw_accecn *a = tcp->rare ? &tcp->rare->accecn : NULL;
    unsigned ace = sw_accecn_ace(&seg->tcp);
    bool syn = (seg->tcp.flags & SW_TCP_SYN) != 0, reflected = a && a->reflected;
    uint32_t *cep, least, n;
    int64_t bytes;

    if (!a || !a->on)
        return false;
    a->reflected = false;
    if (!syn && !a->tested) { /* 3.2.2.1 note 1, 3.2.2.4: it was zeroed, or is none */
        a->tested = true;
        if (ace == 0) {
            a->no_ect = a->deaf = true;
            a->fail |= SW_ACCECN_ACE_FAIL_RECV;
        }
    }
    if (a->deaf)
        return false;
    bytes = news || syn || reflected ? read_option(a, &seg->tcp.accecn) : -1;
    if (!news || syn || reflected)
        return false;
    cep = &tcp->rare->ecn.delivered_ce;
    least = (ace - ACE_FIRST - *cep) & ACE_MASK;
    if (least == 0 && bytes > 0 && pkts <= ACE_MASK)
        a->no_ect = true; /* 3.2.3.2.5: the two contradict each other */
    n = marked_packets(tcp, least, pkts, bytes);
    *cep += n;
    return n > 0;
}
