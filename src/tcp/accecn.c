/* SPDX-License-Identifier: BSD-2-Clause */
/* More accurate ECN feedback (RFC 9768), but for what the sender makes of it: see accecn.h. */
#include "tcp/accecn.h"

#include "tcp/ecn.h"
#include "tcp/private.h"
#include "tcp/rare.h"

#define ACE_FIRST 5U   /* 3.2.1: r.cep begins with it, */
#define ACE_CLASSIC 3U /* a SYN of RFC 3168: CWR and ECE */
#define ACE_ASK 7U     /* 3.1.1: a SYN that asks */
/* 3.1.4.1, 3.2.3.2.2: a SYN or SYN-ACK repeated so often does not ask. */
#define FALLBACK_SENDS 2U
/* 3.2.2.5.1: marks that are worth an ACK, where data wait for one, and where none do. */
#define MARKS_WITH_DATA 2U
#define MARKS_WITHOUT_DATA 3U

enum { ECT1 = SW_IP_ECT1 - 1, ECT0 = SW_IP_ECT0 - 1, CE = SW_IP_CE - 1 }; /* counters */

/* How a SYN-ACK (table 2) and its ACK (table 3) say which ECN field came. */
static const uint8_t ace_of_ecn[4] = {
    [SW_IP_NOT_ECT] = 2, [SW_IP_ECT1] = 3, [SW_IP_ECT0] = 4, [SW_IP_CE] = 6};

static uint16_t ace_flags(unsigned ace)
{
    return (uint16_t)((ace & 7) * SW_TCP_ECE);
}

static struct sw_accecn *running(const struct sw_tcp *tcp)
{
    return tcp->rare && tcp->rare->accecn.on ? &tcp->rare->accecn : NULL;
}

static uint8_t ip_ecn(const struct sw_segment *seg)
{
    return seg->ip.tos & SW_IP_ECN_MASK;
}

/* ---- the handshake ---- */

static uint8_t syn_ecn(const struct sw_tcp *tcp)
{
    if (running(tcp))
        return running(tcp)->syn_ecn;
    return (uint8_t)((sw_tcp_has(tcp, SW_TCPF_ECE_DUE) ? 1 : 0) |
                     (sw_tcp_has(tcp, SW_TCPF_CWR_DUE) ? 2 : 0));
}

/* The SYN's ECN field, and whether it asks. */
static void note_syn(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    uint8_t ecn = ip_ecn(syn);
    bool asks = sw_accecn_ace(&syn->tcp) != 0;

    if (running(tcp)) {
        running(tcp)->syn_ecn = ecn;
        running(tcp)->no_ect |= !asks;
        return;
    }
    sw_tcp_flag(tcp, SW_TCPF_ECE_DUE, ecn & 1);
    sw_tcp_flag(tcp, SW_TCPF_CWR_DUE, ecn & 2);
    if (!asks)
        tcp->flags |= SW_TCPF_ECN;
}

/* What gets no answer may be dropped for its flags. */
uint16_t sw_accecn_syn_flags(const struct sw_tcp *tcp, bool again)
{
    if (again && tcp->layer->config.ecn_fallback && tcp->snd.retries >= FALLBACK_SENDS)
        return 0;
    return ace_flags(tcp->state == SW_TCP_SYN_RECEIVED ? ace_of_ecn[syn_ecn(tcp)] : ACE_ASK);
}

bool sw_accecn_take_syn(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    unsigned ace = sw_accecn_ace(&syn->tcp);
    /* 3.1.3: flags that mean nothing yet ask, too. */
    bool asks = tcp->layer->config.ecn >= SW_ECN_ACCURATE && ace != 0 && ace != ACE_CLASSIC;

    sw_tcp_flag(tcp, SW_TCPF_ACCECN, asks);
    if (!asks)
        return false;
    sw_tcp_flag(tcp, SW_TCPF_ECN, false);
    note_syn(tcp, syn);
    return true;
}

bool sw_accecn_syn_again(struct sw_tcp *tcp, const struct sw_segment *syn)
{
    unsigned ace = sw_accecn_ace(&syn->tcp);

    if (sw_tcp_has(tcp, SW_TCPF_ACCECN)) {
        note_syn(tcp, syn);
        return ace != ACE_CLASSIC;
    }
    return !sw_tcp_has(tcp, SW_TCPF_ECN) || tcp->layer->config.ecn < SW_ECN_ACCURATE || ace == 0 ||
           ace == ACE_CLASSIC;
}

void sw_accecn_start(struct sw_tcp *tcp)
{
    struct sw_tcp_rare *rare;

    if (!sw_tcp_has(tcp, SW_TCPF_ACCECN) || running(tcp))
        return;
    rare = sw_rare_get(tcp);
    if (rare) {
        rare->accecn = (struct sw_accecn){
            .on = true, .syn_ecn = syn_ecn(tcp), .no_ect = sw_tcp_has(tcp, SW_TCPF_ECN)};
        rare->accecn.last_ecn = rare->accecn.syn_ecn;
    }
    sw_tcp_flag(tcp, SW_TCPF_ECN | SW_TCPF_ECE_DUE | SW_TCPF_CWR_DUE, false);
    sw_tcp_flag(tcp, SW_TCPF_ACCECN, rare != NULL);
}

/* A SYN-ACK that came, first or again. */
static void note_syn_ack(struct sw_accecn *a, const struct sw_segment *syn_ack)
{
    a->syn_ecn = a->last_ecn = ip_ecn(syn_ack);
    a->reflect = true;
    if (a->syn_ecn == SW_IP_CE && !a->syn_ack_marked) { /* 3.2.2.2 */
        a->syn_ack_marked = true;
        a->received_ce++;
    }
}

/* The second and fourth block of table 2, and the first. */
void sw_accecn_take_syn_ack(struct sw_tcp *tcp, const struct sw_segment *syn_ack)
{
    static const uint8_t ecn_of_ace[8] = {
        [3] = SW_IP_ECT1, [4] = SW_IP_ECT0, [6] = SW_IP_CE}; /* 5 is reserved: as if unchanged */
    unsigned ace = sw_accecn_ace(&syn_ack->tcp);
    struct sw_accecn *a;

    if (ace <= 1 || ace == ACE_ASK) {
        sw_tcp_flag(tcp, SW_TCPF_ACCECN, false);
        sw_tcp_flag(tcp, SW_TCPF_ECN, ace == 1);
        return;
    }
    sw_accecn_start(tcp);
    a = running(tcp);
    if (!a)
        return;
    note_syn_ack(a, syn_ack);
    a->option_on_ack = a->option_on_data = true;
    sw_accecn_check_mangling(tcp, ecn_of_ace[ace]);
    sw_accecn_on_ack(tcp, syn_ack, 0, false);
}

void sw_accecn_syn_ack_again(struct sw_tcp *tcp, const struct sw_segment *syn_ack)
{
    if (running(tcp) && sw_tcp_has(tcp, SW_TCPF_ACTIVE) &&
        (syn_ack->tcp.flags & (SW_TCP_SYN | SW_TCP_ACK)) == (SW_TCP_SYN | SW_TCP_ACK) &&
        sw_seq_eq(syn_ack->tcp.seq, tcp->rcv.irs) && sw_accecn_ace(&syn_ack->tcp) != 0)
        note_syn_ack(running(tcp), syn_ack);
}

/* Table 4. A SYN-ACK that was repeated without asking, or without option, leaves its marks. */
void sw_accecn_take_ack(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    static const uint8_t ecn_of_ace[8] = {[3] = SW_IP_ECT1, [4] = SW_IP_ECT0, [6] = SW_IP_CE};
    const struct sw_tcp_config *config = &tcp->layer->config;
    struct sw_accecn *a;

    sw_accecn_start(tcp);
    a = running(tcp);
    if (!a)
        return;
    if (tcp->snd.retries > 0 && config->ecn_option < SW_ECN_OPTION_PERSIST)
        a->fail |= SW_ACCECN_OPTION_FAIL_SEND;
    if (tcp->snd.retries >= FALLBACK_SENDS && config->ecn_fallback)
        a->no_ect = true; /* 3.1.5 */
    if (seg->len > 0 || seg->tcp.n_sacks > 0 || (seg->tcp.flags & SW_TCP_FIN))
        return; /* its ACE is a counter */
    a->reflected = true;
    if (sw_accecn_ace(&seg->tcp) != 0)
        sw_accecn_check_mangling(tcp, ecn_of_ace[sw_accecn_ace(&seg->tcp)]);
    if (sw_accecn_ace(&seg->tcp) == ace_of_ecn[SW_IP_CE])
        tcp->rare->ecn.delivered_ce++;
}

/* ---- the option (3.2.3) ---- */

/* Which counter is where. */
static const uint8_t orders[2][SW_ACCECN_COUNTERS] = {{ECT0, CE, ECT1}, {ECT1, CE, ECT0}};
static const uint8_t first_bytes[SW_ACCECN_COUNTERS] = {[ECT1] = 1, [ECT0] = 1}; /* 3.2.1 */

/* An option that has all of `wanted` (bits), as short as it can be; false: there is no room. */
static bool put_option(struct sw_tcp_hdr *hdr, const uint32_t *bytes, unsigned wanted,
                       unsigned room)
{
    unsigned best = SW_ACCECN_COUNTERS + 1, best_order = 0;

    for (unsigned order = 0; order < 2; order++) {
        unsigned fields = 0;

        for (unsigned i = 0; i < SW_ACCECN_COUNTERS; i++)
            if (wanted & 1U << orders[order][i])
                fields = i + 1;
        if (fields < best) {
            best = fields;
            best_order = order;
        }
    }
    if (SW_TCP_ACCECN_LEN(best) > room)
        return false;
    hdr->accecn = (struct sw_tcp_accecn){
        .present = true, .order = (uint8_t)best_order, .fields = (uint8_t)best};
    for (unsigned i = 0; i < best; i++) {
        unsigned counter = orders[best_order][i];

        hdr->accecn.bytes[i] = (bytes ? bytes[counter] : 0) + first_bytes[counter];
    }
    return true;
}

void sw_accecn_syn_ack_option(const struct sw_tcp *tcp, struct sw_tcp_hdr *hdr)
{
    if (tcp->layer->config.ecn_option == SW_ECN_OPTION_OFF)
        return;
    if (!put_option(hdr, NULL, 7, sw_tcp_opts_room(hdr, 0)))
        put_option(hdr, NULL, 0, sw_tcp_opts_room(hdr, 0));
}

/* Room for the option: two SACK blocks go before it (3.2.3.3), and data were cut to a packet's size
 * without it. */
static unsigned option_room(const struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr, uint32_t len)
{
    unsigned room = sw_tcp_opts_room(hdr, 2);
    uint32_t used = len + sw_tcp_opts_len(hdr) - (hdr->has_ts ? 12U : 0U);

    if (len == 0)
        return room;
    return used < tcp->snd.mss ? sw_min32(room, tcp->snd.mss - used) : 0;
}

/* The simple scheme of 3.2.3.3: where a counter has grown, all that ever did. */
static void add_option(struct sw_tcp *tcp, struct sw_accecn *a, struct sw_tcp_hdr *hdr,
                       const struct sw_packet *pkt)
{
    unsigned mode = tcp->layer->config.ecn_option, want = a->untold;
    bool *test = pkt->data_len > 0 ? &a->option_on_data : &a->option_on_ack;
    unsigned room;

    if (mode == SW_ECN_OPTION_OFF || (a->fail & SW_ACCECN_OPTION_FAIL_SEND))
        return;
    if (mode == SW_ECN_OPTION_SPARING && !(a->untold & ~(1U << ECT0)))
        want = 0;
    if (want == 0 && !*test)
        return;
    room = option_room(tcp, hdr, pkt->data_len);
    if (!put_option(hdr, a->received_bytes, *test ? 7 : a->changed, room) &&
        !put_option(hdr, a->received_bytes, a->untold, room))
        return;
    *test = false;
    a->untold = 0;
}

/* ---- segments ---- */

uint8_t sw_accecn_send(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr, const struct sw_packet *pkt,
                       bool again)
{
    struct sw_accecn *a = running(tcp);
    bool pure = pkt->data_len == 0 && hdr->n_sacks == 0 && !(hdr->flags & SW_TCP_FIN);

    if (hdr->flags & (SW_TCP_SYN | SW_TCP_RST))
        return SW_IP_NOT_ECT;
    if (!a) { /* of a connection half open: nothing was counted */
        hdr->flags |= ace_flags(ACE_FIRST);
        return SW_IP_NOT_ECT;
    }
    hdr->flags |=
        ace_flags(a->reflect && pure ? ace_of_ecn[a->syn_ecn] : ACE_FIRST + a->received_ce);
    a->reflect = false;
    a->marks = 0;
    if (!again)
        add_option(tcp, a, hdr, pkt);
    return pkt->data_len > 0 && !again && !a->no_ect ? SW_IP_ECT0 : SW_IP_NOT_ECT;
}

bool sw_accecn_reflects(const struct sw_tcp *tcp)
{
    return running(tcp) && running(tcp)->reflect;
}

void sw_accecn_receive(struct sw_tcp *tcp, const struct sw_segment *seg)
{
    struct sw_accecn *a = running(tcp);
    uint8_t ecn = ip_ecn(seg);
    uint32_t gso = seg->pkt->gso_size, pkts = 1;
    bool waits = seg->len > 0 || !sw_seq_eq(tcp->rcv.nxt, tcp->rcv.wup);

    if (!a)
        return;
    if (gso && seg->len > gso)
        pkts = (seg->len + gso - 1) / gso;
    if (ecn == SW_IP_CE) {
        a->received_ce += pkts;
        a->marks = (uint8_t)sw_min32(a->marks + pkts, UINT8_MAX);
    }
    if (ecn != SW_IP_NOT_ECT) {
        tcp->flags |= SW_TCPF_ECT_SEEN;
        if (seg->len > 0) {
            a->received_bytes[ecn - 1] += seg->len;
            a->changed |= (uint8_t)(1U << (ecn - 1));
            a->untold |= (uint8_t)(1U << (ecn - 1));
        }
    }
    if ((seg->len > 0 && ecn == SW_IP_CE && a->last_ecn != SW_IP_CE) ||
        a->marks >= (waits ? MARKS_WITH_DATA : MARKS_WITHOUT_DATA))
        tcp->flags |= SW_TCPF_ACK_NOW;
    a->last_ecn = ecn;
}
