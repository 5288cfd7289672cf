/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answering a datagram with an ICMP error (RFC 792, RFC 1122 3.2.2, RFC 1812 4.3.2, RFC 4443 2.4).
 *
 * The quote is made from the datagram as it was parsed, never by trusting lengths in its bytes, and
 * is cut to what the RFCs allow; a datagram however short can be quoted.
 */
#include "ip/private.h"

/* The whole error packet: "as much as possible without exceeding" these. */
#define ERROR4_MAX_BYTES 576U           /* RFC 1812 4.3.2.3 */
#define ERROR6_MAX_BYTES SW_IP6_MTU_MIN /* RFC 4443 2.4 (c) */
#define ERROR4_TOS 0xc0U                /* internetwork control: RFC 1812 4.3.2.5, and Linux */

/* Linux's icmp_msgs_per_sec and icmp_msgs_burst. */
#define ERROR_INTERVAL_NS 1000000ULL /* one a millisecond */
#define ERROR_BURST 50U

/* A bucket of tokens, kept as the time at which it will be full again (GCRA). What an error costs
 * is random around one interval, so that nobody can count our errors to others (the SAD DNS side
 * channel, CVE-2020-25705). */
static bool allowed(struct sw_ip_layer *ip)
{
    uint64_t now = ip->env->now_ns;
    uint64_t full = ip->icmp_tokens_ns > now ? ip->icmp_tokens_ns : now;
    if (full - now >= ERROR_BURST * ERROR_INTERVAL_NS)
        return false;
    ip->icmp_tokens_ns =
        full + ERROR_INTERVAL_NS / 2 + sw_rng_below(&ip->env->rng, (uint32_t)ERROR_INTERVAL_NS);
    return true;
}

/* An ICMP error, or a redirect: neither is ever answered with an error. Types unknown to us count.
 */
static bool is_icmp_error(const struct sw_packet *pkt, const struct sw_ip_hdr *hdr)
{
    uint8_t type;
    if (hdr->proto != SW_PROTO_ICMP && hdr->proto != SW_PROTO_ICMP6)
        return false;
    if (sw_packet_copy(pkt, 0, &type, 1) != 1)
        return true;
    if (hdr->proto == SW_PROTO_ICMP6)
        return type < 128 || type == 137; /* RFC 4443 2.1; redirect is RFC 4861 4.5 */
    return type != SW_ICMP_ECHO && type != SW_ICMP_ECHO_REPLY && !(type >= 13 && type <= 18);
}

static bool may_answer(const struct sw_ip_layer *ip, const struct sw_packet *pkt,
                       const struct sw_ip_hdr *hdr)
{
    return hdr->frag_off == 0 && sw_ip_is_unicast(ip, &hdr->src) && sw_ip_is_local(ip, &hdr->dst) &&
           !is_icmp_error(pkt, hdr);
}

/* ICMPv6's words for an ICMPv4 error, as RFC 7915 4.2 translates them. False: it has none. */
static bool to_icmp6(struct sw_icmp_hdr *icmp, const struct sw_ip_hdr *hdr)
{
    icmp->version = 6;
    if (icmp->type == SW_ICMP_TIME_EXCEEDED) {
        icmp->type = SW_ICMP6_TIME_EXCEEDED;
        return true;
    }
    if (icmp->type != SW_ICMP_UNREACH)
        return false;
    icmp->type = SW_ICMP6_UNREACH;
    switch (icmp->code) {
    case SW_ICMP_UNREACH_NET:
        icmp->code = SW_ICMP6_UNREACH_ROUTE;
        return true;
    case SW_ICMP_UNREACH_HOST:
        icmp->code = SW_ICMP6_UNREACH_ADDR;
        return true;
    case SW_ICMP_UNREACH_PORT:
        icmp->code = SW_ICMP6_UNREACH_PORT;
        return true;
    case SW_ICMP_UNREACH_PROTO: /* "unrecognized next header" (RFC 8200 4); the pointer is to its
                                   field */
        icmp->type = SW_ICMP6_PARAM_PROBLEM;
        icmp->code = 1;
        icmp->rest = hdr->hdr_len == SW_IP6_HDR ? 6 : SW_IP6_HDR;
        return true;
    default:
        return false;
    }
}

/* The offending packet as it came, IP header first, cut to `max` bytes. NULL: no memory. */
static struct sw_packet *quote(struct sw_ip_layer *ip, const struct sw_packet *pkt,
                               const struct sw_ip_hdr *hdr, uint32_t max)
{
    struct sw_packet *answer = NULL;
    struct sw_chunk *chunk = NULL;
    uint32_t room = hdr->version == 4 ? SW_IP4_HDR : SW_IP6_HDR;
    if (hdr->fragment && hdr->version == 6)
        room += SW_IP6_FRAG_HDR;
    struct sw_packet *whole = sw_packet_clone(pkt);
    if (!whole || whole->head_off < room)
        goto out;
    sw_ip_push_hdr(whole, hdr);
    uint32_t len = sw_packet_len(whole) < max ? sw_packet_len(whole) : max;
    chunk = sw_chunk_new(ip->env->mem, len);
    if (!chunk)
        goto out;
    chunk->fill = (uint32_t)sw_packet_copy(whole, 0, chunk->data, len);
    answer = sw_packet_new(ip->env->mem, SW_IP_HEADROOM);
    if (answer &&
        sw_packet_add_slice(answer, (struct sw_slice){.chunk = chunk, .off = 0, .len = len}) != 0) {
        sw_packet_free(answer);
        answer = NULL;
    }
out:
    sw_chunk_put(chunk);
    sw_packet_free(whole);
    return answer;
}

void sw_icmp_send_error(struct sw_ip_layer *ip, const struct sw_packet *pkt,
                        const struct sw_ip_hdr *hdr, uint8_t type, uint8_t code)
{
    bool v4 = hdr->version == 4;
    struct sw_icmp_hdr icmp = {.version = 4, .type = type, .code = code};
    struct sw_ip_path path;

    if (!may_answer(ip, pkt, hdr) || (!v4 && !to_icmp6(&icmp, hdr)))
        return;
    if (sw_ip_path(ip, &hdr->src, &hdr->dst, &path) != 0)
        return;
    if (!path.loopback && !allowed(ip)) { /* nobody needs protection from himself; Linux neither */
        sw_drop(ip->env, NULL, SW_DROP_ICMP_RATE, &(struct sw_addr){.ip = hdr->dst},
                &(struct sw_addr){.ip = hdr->src});
        return;
    }
    uint32_t max = v4 ? ERROR4_MAX_BYTES - SW_IP4_HDR : ERROR6_MAX_BYTES - SW_IP6_HDR;
    struct sw_packet *answer = quote(ip, pkt, hdr, max - SW_ICMP_HDR);
    if (!answer) {
        sw_drop(ip->env, NULL, SW_DROP_NO_MEMORY, NULL, NULL);
        return;
    }
    sw_icmp_send(ip, answer, &icmp, &hdr->dst, &hdr->src, v4 ? ERROR4_TOS : 0);
}
