/* SPDX-License-Identifier: BSD-2-Clause */
/* The promises of TCP, watched from outside: see oracle.h, whose numbers the comments cite. */
#include "oracle.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };
#define MSS_DEFAULT 536U /* RFC 9293 3.7.1 */
#define MSS_DEFAULT6 1220U

/* What a segment says. */
struct segment {
    uint16_t from, to;
    uint32_t seq, end, ack; /* end: after its last octet, SYN and FIN counted */
    uint32_t window;        /* unscaled */
    uint32_t payload;
    uint8_t flags;
    uint32_t mss; /* 0: no such option */
    int scale;    /* -1: no such option */
    bool v6;
};

static uint32_t get16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) << 16 | get16(p + 2);
}

static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static void raise_to(uint32_t *value, bool *has, uint32_t to)
{
    if (!*has || before(*value, to))
        *value = to;
    *has = true;
}

static void read_options(struct segment *s, const uint8_t *tcp, size_t end)
{
    for (size_t i = 20; i + 1 < end && tcp[i] != 0;) {
        if (tcp[i] == 1) {
            i++;
            continue;
        }
        if (tcp[i] == 2 && i + 4 <= end)
            s->mss = get16(tcp + i + 2);
        if (tcp[i] == 3 && i + 3 <= end)
            s->scale = tcp[i + 2] > 14 ? 14 : tcp[i + 2];
        if (tcp[i + 1] < 2)
            return;
        i += tcp[i + 1];
    }
}

static bool read_segment(struct segment *s, const uint8_t *b, size_t len)
{
    bool v6 = len >= 40 && b[0] >> 4 == 6;
    size_t ip = v6 ? 40 : (b[0] & 15U) * 4U;
    if (len < ip + 20 || (v6 ? b[6] : b[9]) != 6)
        return false;
    const uint8_t *tcp = b + ip;
    size_t header = (tcp[12] >> 4) * 4U;
    if (header < 20 || ip + header > len)
        return false;
    *s = (struct segment){.from = (uint16_t)get16(tcp), .to = (uint16_t)get16(tcp + 2)};
    s->v6 = v6;
    s->seq = get32(tcp + 4);
    s->ack = get32(tcp + 8);
    s->flags = tcp[13];
    s->window = get16(tcp + 14);
    s->payload = (uint32_t)(len - ip - header);
    s->end = s->seq + s->payload + !!(s->flags & SYN) + !!(s->flags & FIN);
    s->scale = -1;
    read_options(s, tcp, header);
    return true;
}

/* The halves of the connection between two ports: of the host that has `mine`, and of the other. */
static bool find(struct oracle *o, uint16_t mine, uint16_t other, bool v6,
                 struct oracle_half **ret_mine, struct oracle_half **ret_other)
{
    for (int i = 0; i < ORACLE_FLOWS; i++) {
        uint16_t *ports = o->flows[i].ports;
        if (!ports[0] && !ports[1]) {
            ports[0] = mine;
            ports[1] = other;
            o->flows[i].v6 = v6;
        }
        int side = ports[0] == mine && ports[1] == other ? 0 : 1;
        if (ports[side] != mine || ports[!side] != other || o->flows[i].v6 != v6)
            continue;
        *ret_mine = &o->flows[i].half[side];
        *ret_other = &o->flows[i].half[!side];
        return true;
    }
    return false;
}

/* A SYN with another initial sequence number: the host has forgotten the connection and begins
 * anew. */
static void begin(struct oracle_half *h, struct oracle_half *peer, const struct segment *s)
{
    if (h->has_isn && h->isn != s->seq) {
        h->has_sent = h->has_fin = h->has_edge = h->has_acked = h->has_come = false;
        peer->has_edge = peer->has_acked = peer->has_come = false;
    }
    h->has_isn = true;
    h->isn = s->seq;
    h->offers_scale = s->scale >= 0;
    h->shift = s->scale >= 0 ? (unsigned)s->scale : 0;
}

/* How far the window that host `h` announces in this segment reaches. */
static uint32_t edge_of(const struct segment *s, const struct oracle_half *h, unsigned *ret_shift)
{
    /* Scaled once both SYNs offered it, and never in a SYN (RFC 7323 2.2). */
    bool scaled = h->offers_scale && h->peer_offers_scale && !(s->flags & SYN);
    *ret_shift = scaled ? h->shift : 0;
    return s->ack + (s->window << *ret_shift);
}

static const char *judge_data(struct oracle_half *h, const struct segment *s, unsigned gso_size)
{
    uint32_t in_packet = gso_size && gso_size < s->payload ? gso_size : s->payload;
    uint32_t mss = h->peer_mss ? h->peer_mss : s->v6 ? MSS_DEFAULT6 : MSS_DEFAULT;

    /* A keepalive or a probe may lie one below what was acknowledged: that is at or below, too. */
    if (h->has_sent && before(h->sent_max, s->seq))
        return "skips sequence numbers (1)";
    if (h->has_fin && before(h->fin_at, s->end))
        return "sends behind its FIN (2)";
    if (h->has_edge && s->payload > 1 && before(h->edge_max, s->seq + s->payload))
        return "sends beyond the window (3)";
    /* With Fast Open a SYN goes by what was the peer's MSS another time, or by our own. */
    if (s->payload > 0 && in_packet > mss && !(s->flags & SYN))
        return "sends more than the peer's MSS (4)";
    if (s->flags & FIN) {
        h->has_fin = true;
        h->fin_at = s->end;
    }
    raise_to(&h->sent_max, &h->has_sent, s->end);
    return NULL;
}

static const char *judge_ack(struct oracle_half *h, const struct segment *s)
{
    unsigned shift;
    uint32_t edge = edge_of(s, h, &shift);

    if (h->has_come && before(h->come_max, s->ack))
        return "acknowledges what has not come (5)";
    if (h->has_acked && before(s->ack, h->acked))
        return "takes an acknowledgment back (5)";
    /* A SYN-ACK that is repeated when data move already (RFC 7413) cannot say all of it. */
    if (h->has_acked && before(edge + (1U << shift), h->own_edge) && !(s->flags & SYN))
        return "takes its window back (6)";
    if (!h->has_acked || before(h->own_edge, edge))
        h->own_edge = edge;
    h->acked = s->ack;
    h->has_acked = true;
    return NULL;
}

const char *oracle_sent(struct oracle *o, const uint8_t *bytes, size_t len, unsigned gso_size)
{
    struct segment s;
    struct oracle_half *h, *peer;

    if (!read_segment(&s, bytes, len) || !find(o, s.from, s.to, s.v6, &h, &peer))
        return NULL;
    if (s.flags &
        RST) /* of a closed port, or of a connection that is no more: nothing to hold on to */
        return NULL;
    if (s.flags & SYN)
        begin(h, peer, &s);
    const char *fault = judge_data(h, &s, gso_size);
    if (!fault && (s.flags & ACK))
        fault = judge_ack(h, &s);
    return fault;
}

void oracle_received(struct oracle *o, const uint8_t *bytes, size_t len)
{
    struct segment s;
    struct oracle_half *h, *sender;

    if (!read_segment(&s, bytes, len) || !find(o, s.to, s.from, s.v6, &h, &sender))
        return;
    if (s.flags & SYN) {
        h->peer_offers_scale = s.scale >= 0;
        h->peer_mss = s.mss;
    }
    raise_to(&h->come_max, &h->has_come, s.end);
    if ((s.flags & ACK) && !(s.flags & RST)) {
        /* Read with what the sender of it has said of its scale. */
        unsigned shift;
        uint32_t edge = edge_of(&s, sender, &shift);
        raise_to(&h->edge_max, &h->has_edge, edge);
    }
}
