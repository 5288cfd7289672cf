/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TAP device: Ethernet (RFC 894, RFC 2464), ARP (RFC 826) and the part of neighbour discovery
 * (RFC 4861) that two stations need: solicitations and advertisements. Nothing is ever forgotten
 * and nobody is probed: the other station cannot go without the device.
 */
#include "net/tap.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <string.h>
#include <unistd.h>

#include "net/device.h"
#include "wire/bytes.h"

#define ETHER_HDR 14U
#define TYPE_IP4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_IP6 0x86dd
#define ARP_LEN 28U /* with Ethernet and IPv4 addresses */
#define ARP_REQUEST 1
#define ARP_REPLY 2
#define ND_SOLICIT 135 /* RFC 4861 4.3, 4.4 */
#define ND_ADVERT 136
#define ND_LEN 24U      /* header and target address */
#define ND_OPT_LEN 8U   /* of a link-layer address */
#define ND_OPT_SOURCE 1 /* RFC 4861 4.6.1 */
#define ND_OPT_TARGET 2
#define ND_SOLICITED 0x40000000U /* RFC 4861 4.4: flags R, S, O */
#define ND_OVERRIDE 0x20000000U
#define ASK_AGAIN_NS 1000000000ULL /* RFC 1122 2.3.2.1, RFC 4861 10: RETRANS_TIMER */

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

int sw_tap_open(const char *name, bool offload)
{
    return sw_device_open(name, IFF_TAP, offload);
}

void sw_tap_init(struct sw_tap *tap, int fd, const uint8_t own[6])
{
    *tap = (struct sw_tap){.fd = fd};
    memcpy(tap->own, own, sizeof(tap->own));
    sw_packet_queue_init(&tap->waiting);
}

void sw_tap_fini(struct sw_tap *tap)
{
    sw_packet_queue_clear(&tap->waiting);
}

int sw_tap_add_addr(struct sw_tap *tap, const struct sw_ip *ip)
{
    if (tap->n_addrs == SW_TAP_ADDRS)
        return -ENOBUFS;
    tap->addrs[tap->n_addrs++] = *ip;
    return 0;
}

static bool is_ours(const struct sw_tap *tap, const struct sw_ip *ip)
{
    for (unsigned i = 0; i < tap->n_addrs; i++)
        if (sw_ip_eq(&tap->addrs[i], ip))
            return true;
    return false;
}

/* An address of ours of the family of `like`, to ask with; NULL: none. */
static const struct sw_ip *own_addr(const struct sw_tap *tap, const struct sw_ip *like)
{
    for (unsigned i = 0; i < tap->n_addrs; i++)
        if (sw_ip_is4(&tap->addrs[i]) == sw_ip_is4(like))
            return &tap->addrs[i];
    return NULL;
}

/* Where a group's or everybody's frames go (RFC 1112 6.4, RFC 2464 7). False: to one station. */
static bool group_station(const struct sw_ip *ip, uint8_t ret_station[6])
{
    static const uint8_t all_ones[4] = {255, 255, 255, 255};
    if (!sw_ip_is4(ip)) {
        if (ip->b[0] != 0xff)
            return false;
        ret_station[0] = ret_station[1] = 0x33;
        memcpy(ret_station + 2, ip->b + 12, 4);
        return true;
    }
    if (memcmp(ip->b + 12, all_ones, 4) == 0) {
        memcpy(ret_station, everybody, 6);
        return true;
    }
    if (ip->b[12] >> 4 != 14)
        return false;
    memcpy(ret_station, (uint8_t[3]){0x01, 0x00, 0x5e}, 3);
    ret_station[3] = ip->b[13] & 0x7f;
    ret_station[4] = ip->b[14];
    ret_station[5] = ip->b[15];
    return true;
}

static int send_to(const struct sw_tap *tap, const uint8_t station[6], struct sw_packet *pkt)
{
    uint8_t link[ETHER_HDR];
    memcpy(link, station, 6);
    memcpy(link + 6, tap->own, 6);
    sw_put16(link + 12, *sw_packet_head(pkt) >> 4 == 4 ? TYPE_IP4 : TYPE_IP6);
    return sw_device_write(tap->fd, link, sizeof(link), pkt);
}

/* The kernel told its address: what waited for it goes. */
static void learn(struct sw_tap *tap, const uint8_t station[6])
{
    struct sw_packet *pkt;
    memcpy(tap->peer, station, sizeof(tap->peer));
    tap->peer_known = true;
    while ((pkt = sw_packet_queue_take(&tap->waiting)))
        send_to(tap, tap->peer, pkt);
}

/* ---- ARP ---- */

static void put4(uint8_t *p, const struct sw_ip *ip)
{
    memcpy(p, ip->b + 12, 4);
}

static void send_arp(const struct sw_tap *tap, uint16_t what, const struct sw_ip *sender,
                     const uint8_t *to_station, const struct sw_ip *target)
{
    static const uint8_t ethernet_ip4[6] = {0, 1, 0x08, 0x00, 6, 4};
    uint8_t frame[sizeof(struct virtio_net_hdr) + ETHER_HDR + ARP_LEN] = {0};
    uint8_t *link = frame + sizeof(struct virtio_net_hdr), *arp = link + ETHER_HDR;
    memcpy(link, to_station ? to_station : everybody, 6);
    memcpy(link + 6, tap->own, 6);
    sw_put16(link + 12, TYPE_ARP);
    memcpy(arp, ethernet_ip4, sizeof(ethernet_ip4));
    sw_put16(arp + 6, what);
    memcpy(arp + 8, tap->own, 6);
    put4(arp + 14, sender);
    if (to_station)
        memcpy(arp + 18, to_station, 6);
    put4(arp + 24, target);
    if (write(tap->fd, frame, sizeof(frame)) < 0)
        return; /* lost, as on a cable: whoever asks asks again */
}

/* RFC 826, "Packet Reception". A probe (RFC 5227) comes from 0.0.0.0. */
static void take_arp(struct sw_tap *tap, const uint8_t *arp, size_t len)
{
    static const uint8_t ethernet_ip4[6] = {0, 1, 0x08, 0x00, 6, 4};
    if (len < ARP_LEN || memcmp(arp, ethernet_ip4, sizeof(ethernet_ip4)) != 0)
        return;
    struct sw_ip sender = SW_IP4(arp[14], arp[15], arp[16], arp[17]);
    struct sw_ip target = SW_IP4(arp[24], arp[25], arp[26], arp[27]);
    if (is_ours(tap, &sender))
        return;
    if (!sw_ip_is_any(&sender))
        learn(tap, arp + 8);
    if (sw_get16(arp + 6) == ARP_REQUEST && is_ours(tap, &target))
        send_arp(tap, ARP_REPLY, &target, arp + 8, &sender);
}

/* ---- neighbour discovery ---- */

static void send_nd(const struct sw_tap *tap, struct sw_mem *mem, uint8_t type, uint32_t flags,
                    const struct sw_ip *src, const struct sw_ip *dst, const struct sw_ip *target)
{
    uint8_t station[6];
    struct sw_packet *pkt = sw_packet_new(mem, SW_PACKET_HEAD);
    if (!pkt)
        return;
    uint8_t *option = sw_packet_push(pkt, ND_OPT_LEN);
    option[0] = type == ND_SOLICIT ? ND_OPT_SOURCE : ND_OPT_TARGET;
    option[1] = 1;
    memcpy(option + 2, tap->own, 6);
    memcpy(sw_packet_push(pkt, sizeof(target->b)), target->b, sizeof(target->b));
    struct sw_icmp_hdr icmp = {.version = 6, .type = type, .rest = flags};
    struct sw_ip_hdr ip = {
        .version = 6, .src = *src, .dst = *dst, .proto = SW_PROTO_ICMP6, .ttl = 255};
    sw_icmp_push_hdr(pkt, &icmp, src, dst);
    sw_ip_push_hdr(pkt, &ip);
    send_to(tap, group_station(dst, station) ? station : tap->peer, pkt);
}

/* The link-layer address in the options of `p`, or NULL (RFC 4861 4.6). */
static const uint8_t *station_in(const uint8_t *p, size_t len, uint8_t kind)
{
    for (; len >= ND_OPT_LEN && p[1] > 0 && 8U * p[1] <= len; len -= 8U * p[1], p += 8U * p[1])
        if (p[0] == kind)
            return p + 2;
    return NULL;
}

static void answer_solicit(struct sw_tap *tap, struct sw_mem *mem, const struct sw_ip_hdr *ip,
                           const struct sw_ip *target, const uint8_t *station)
{
    static const struct sw_ip all_nodes = {{0xff, 0x02, [15] = 1}};
    bool probe = sw_ip_is_any(&ip->src); /* is it in use? RFC 4862 5.4 */
    if (station && !probe)
        learn(tap, station);
    if (is_ours(tap, target) && (probe || tap->peer_known))
        send_nd(tap, mem, ND_ADVERT, ND_OVERRIDE | (probe ? 0 : ND_SOLICITED), target,
                probe ? &all_nodes : &ip->src, target);
}

/* True: it was neighbour discovery, of which a host above this knows nothing. Checks as RFC 4861
 * 7.1 asks. */
static bool take_nd(struct sw_tap *tap, struct sw_mem *mem, const uint8_t *packet, size_t len)
{
    struct sw_ip_hdr ip;
    if (sw_ip_parse_hdr(packet, len, len, &ip) != SW_DROP_NONE || ip.proto != SW_PROTO_ICMP6 ||
        ip.payload_len < ND_LEN || ip.fragment)
        return false;
    const uint8_t *nd = packet + ip.hdr_len;
    uint8_t type = nd[0];
    if (type != ND_SOLICIT && type != ND_ADVERT)
        return false;
    uint64_t sum = sw_csum_pseudo(&ip.src, &ip.dst, SW_PROTO_ICMP6, ip.payload_len);
    if (ip.ttl != 255 || nd[1] != 0 ||
        sw_csum_fold(sw_csum_add(sum, nd, ip.payload_len, false)) != 0xffff)
        return true;
    struct sw_ip target;
    memcpy(target.b, nd + 8, sizeof(target.b));
    const uint8_t *station = station_in(nd + ND_LEN, ip.payload_len - ND_LEN,
                                        type == ND_SOLICIT ? ND_OPT_SOURCE : ND_OPT_TARGET);
    if (type == ND_SOLICIT)
        answer_solicit(tap, mem, &ip, &target, station);
    else if (station && !is_ours(tap, &target))
        learn(tap, station);
    return true;
}

/* ---- packets ---- */

static void ask(const struct sw_tap *tap, struct sw_mem *mem, const struct sw_ip *whose)
{
    const struct sw_ip *own = own_addr(tap, whose);
    struct sw_ip group = {{0xff, 0x02, [11] = 1, [12] = 0xff}}; /* solicited-node: RFC 4291 2.7.1 */
    if (!own)
        return;
    if (sw_ip_is4(whose)) {
        send_arp(tap, ARP_REQUEST, own, NULL, whose);
        return;
    }
    memcpy(group.b + 13, whose->b + 13, 3);
    send_nd(tap, mem, ND_SOLICIT, 0, own, &group, whose);
}

int sw_tap_write(struct sw_tap *tap, struct sw_packet *pkt, uint64_t now_ns)
{
    struct sw_ip_hdr ip;
    uint8_t station[6];
    if (sw_ip_parse_hdr(sw_packet_head(pkt), pkt->head_len, sw_packet_len(pkt), &ip) !=
        SW_DROP_NONE) {
        sw_packet_free(pkt);
        return -EINVAL;
    }
    if (group_station(&ip.dst, station))
        return send_to(tap, station, pkt);
    if (tap->peer_known)
        return send_to(tap, tap->peer, pkt);
    struct sw_mem *mem = pkt->mem;
    if (tap->asked_ns && now_ns - tap->asked_ns >= ASK_AGAIN_NS)
        sw_packet_queue_clear(&tap->waiting);
    if (tap->waiting.count == SW_TAP_WAITING)
        sw_packet_free(sw_packet_queue_take(&tap->waiting)); /* the latest are the better ones */
    sw_packet_queue_add(&tap->waiting, pkt);
    if (!tap->asked_ns || now_ns - tap->asked_ns >= ASK_AGAIN_NS) {
        tap->asked_ns = now_ns;
        ask(tap, mem, &ip.dst);
    }
    return 0;
}

struct sw_packet *sw_tap_read(struct sw_tap *tap, struct sw_mem *mem)
{
    struct sw_frame frame;
    while (sw_device_read(tap->fd, &frame)) {
        const uint8_t *inside = frame.bytes + ETHER_HDR;
        if (frame.len <= ETHER_HDR)
            continue;
        size_t len = frame.len - ETHER_HDR;
        if (!(frame.bytes[0] & 1) && memcmp(frame.bytes, tap->own, 6) != 0)
            continue; /* neither to a group nor to us */
        uint16_t type = sw_get16(frame.bytes + 12);
        if (type == TYPE_ARP) {
            take_arp(tap, inside, len);
            continue;
        }
        if (type != TYPE_IP4 && (type != TYPE_IP6 || take_nd(tap, mem, inside, len)))
            continue;
        return sw_device_packet(mem, &frame, ETHER_HDR);
    }
    return NULL;
}
