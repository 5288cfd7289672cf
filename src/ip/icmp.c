/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP (RFC 792, RFC 1122 3.2.2) and ICMPv6 (RFC 4443) come in: echo requests are answered here;
 * replies, and errors about something that this host sent, are handed up; everything else is
 * dropped by name.
 *
 * An error is believed only as far as it quotes a packet from the very address it is sent to, with
 * ports to find its socket by; whether that socket has such data in flight is for the transport to
 * check (RFC 5927 4.1).
 */
#include "ip/private.h"
#include "wire/member.h"

/* Bytes of an error's quote that are looked at: the longest headers a quote may begin with. */
#define QUOTE_BYTES (SW_IP6_HDR + SW_IP6_EXT_MAX * 8 + SW_TCP_HDR)

static void trace_icmp(struct sw_ip_layer *ip, enum sw_trace_kind kind,
                       const struct sw_icmp_hdr *icmp, const struct sw_ip *local,
                       const struct sw_ip *remote)
{
    if (!sw_tracing(ip->env))
        return;
    struct sw_trace_event event = {.kind = kind,
                                   .local = {.ip = *local},
                                   .remote = {.ip = *remote},
                                   .v = {icmp->version, icmp->type, icmp->code}};
    sw_trace(ip->env, &event);
}

int sw_icmp_output(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_icmp_hdr *icmp,
                   const struct sw_ip_tx *tx)
{
    struct sw_ip_tx to = *tx;
    to.proto = icmp->version == 4 ? SW_PROTO_ICMP : SW_PROTO_ICMP6;
    sw_icmp_push_hdr(pkt, icmp, &to.src, &to.dst);
    trace_icmp(ip, SW_TRACE_ICMP_SENT, icmp, &to.src, &to.dst);
    ip->env->stats.icmp_tx++;
    return sw_ip_output(ip, pkt, &to);
}

void sw_icmp_send(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_icmp_hdr *icmp,
                  const struct sw_ip *src, const struct sw_ip *dst, uint8_t tos)
{
    const struct sw_ip_tx tx = {.src = *src, .dst = *dst, .tos = tos};
    (void)sw_icmp_output(ip, pkt, icmp, &tx); /* a drop has been counted as one */
}

/* RFC 1122 3.2.2.6, RFC 4443 4.2: the data goes back as it came, from the address that was asked.
 */
static void answer_echo(struct sw_ip_layer *ip, struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                        const struct sw_icmp_hdr *request)
{
    struct sw_icmp_hdr reply = *request;
    reply.type = reply.version == 4 ? SW_ICMP_ECHO_REPLY : SW_ICMP6_ECHO_REPLY;
    reply.code = 0;
    sw_packet_pull(pkt, SW_ICMP_HDR);
    pkt->gso_size = 0;
    sw_icmp_send(ip, pkt, &reply, &hdr->dst, &hdr->src, hdr->tos);
}

/* Fills the error in, or says why nobody shall hear of it. */
static enum sw_drop read_error(const struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                               struct sw_icmp_error *error)
{
    uint8_t bytes[QUOTE_BYTES];
    struct sw_icmp_meaning meaning = sw_icmp_meaning(&error->icmp);
    if (meaning.err == 0)
        return SW_DROP_ICMP_TYPE;

    size_t have = sw_packet_copy(pkt, SW_ICMP_HDR, bytes, sizeof(bytes));
    enum sw_drop why = sw_icmp_parse_quote(bytes, have, &error->quote);
    if (why != SW_DROP_NONE)
        return why;
    const struct sw_ip_hdr *quoted = &error->quote.ip;
    if (quoted->version != hdr->version || !sw_ip_eq(&quoted->src, &hdr->dst) ||
        !error->quote.has_ports)
        return SW_DROP_ICMP_QUOTE;

    error->offender = hdr->src;
    error->err = meaning.err;
    error->hard = meaning.hard;
    error->mtu = sw_icmp_mtu(&error->icmp, quoted);
    if (hdr->version == 6 && error->mtu != 0 && error->mtu < SW_IP6_MTU_MIN)
        return SW_DROP_ICMP_QUOTE; /* RFC 8201 4: there is no such IPv6 link */
    return SW_DROP_NONE;
}

static enum sw_drop read_message(struct sw_packet *pkt, const struct sw_ip_hdr *hdr,
                                 struct sw_icmp_hdr *ret_icmp)
{
    uint32_t len = sw_packet_len(pkt);
    if (hdr->proto != (hdr->version == 4 ? SW_PROTO_ICMP : SW_PROTO_ICMP6))
        return SW_DROP_IP_PROTOCOL;
    if (len < SW_ICMP_HDR)
        return SW_DROP_ICMP_TRUNCATED;
    if (sw_packet_need(pkt, SW_ICMP_HDR) != 0)
        return SW_DROP_NO_MEMORY;
    if (!sw_transport_csum_ok(pkt, hdr, len))
        return SW_DROP_ICMP_CHECKSUM;
    return sw_icmp_parse(sw_packet_head(pkt), pkt->head_len, len, hdr->version, ret_icmp);
}

enum sw_icmp_use sw_icmp_input(struct sw_ip_layer *ip, int iface, struct sw_packet *pkt,
                               const struct sw_ip_hdr *hdr, struct sw_icmp_error *ret_error)
{
    struct sw_icmp_error error = {.err = 0};
    ip->env->stats.icmp_rx++;
    enum sw_drop why = read_message(pkt, hdr, &error.icmp);
    if (why != SW_DROP_NONE) {
        sw_ip_drop(ip, pkt, why, hdr);
        return SW_ICMP_USED_UP;
    }
    trace_icmp(ip, SW_TRACE_ICMP_RECEIVED, &error.icmp, &hdr->dst, &hdr->src);

    bool group = error.icmp.type >= SW_MLD_QUERY && error.icmp.type <= SW_MLD_V1_DONE;
    if (hdr->version == 6 && (group || error.icmp.type == SW_MLD_REPORT)) {
        sw_mld_input(ip, iface, pkt, hdr);
        return SW_ICMP_USED_UP;
    }
    bool echo = error.icmp.type == (hdr->version == 4 ? SW_ICMP_ECHO : SW_ICMP6_ECHO);
    if (echo && sw_ip_is_local(ip, &hdr->dst)) {
        answer_echo(ip, pkt, hdr, &error.icmp);
        return SW_ICMP_USED_UP;
    }
    if (error.icmp.type == (hdr->version == 4 ? SW_ICMP_ECHO_REPLY : SW_ICMP6_ECHO_REPLY)) {
        *ret_error = error;
        return SW_ICMP_IS_REPLY;
    }
    why = read_error(pkt, hdr, &error);
    if (why != SW_DROP_NONE) {
        sw_ip_drop(ip, pkt, why, hdr);
        return SW_ICMP_USED_UP;
    }
    *ret_error = error;
    return SW_ICMP_IS_ERROR;
}
