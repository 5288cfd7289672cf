/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where there are more connections than a cache holds, most of what a packet costs is waiting for
 * the memory of its connection: from the table to the socket, from there to what hangs off it, each
 * known only when the one before has come. For a batch those walks are made side by side before the
 * first packet is looked at in earnest: each step for all packets, so that the memory of all is
 * under way at the same time.
 *
 * Nothing here decides anything: a packet that is malformed or for nobody asks for memory in vain.
 */
#include "base/ahead.h"

#include "sock/private.h"
#include "wire/bytes.h"

/* The connection of a plain TCP packet, as sw_sock_tcp_input() will see it. False: look later. */
static bool flow_of(const struct sw_packet *pkt, struct sw_addr *ret_local,
                    struct sw_addr *ret_remote)
{
    const uint8_t *p = pkt->head + pkt->head_off, *ports;
    if (pkt->head_len >= SW_IP4_HDR + SW_TCP_HDR && p[0] == (4 << 4 | SW_IP4_HDR / 4) &&
        p[9] == SW_PROTO_TCP && (sw_get16(p + 6) & 0x3fff) == 0) { /* no fragment */
        ret_remote->ip = SW_IP4(p[12], p[13], p[14], p[15]);
        ret_local->ip = SW_IP4(p[16], p[17], p[18], p[19]);
        ports = p + SW_IP4_HDR;
    } else if (pkt->head_len >= SW_IP6_HDR + SW_TCP_HDR && p[0] >> 4 == 6 && p[6] == SW_PROTO_TCP) {
        memcpy(ret_remote->ip.b, p + 8, 16);
        memcpy(ret_local->ip.b, p + 24, 16);
        ports = p + SW_IP6_HDR;
    } else {
        return false;
    }
    ret_remote->port = sw_get16(ports);
    ret_local->port = sw_get16(ports + 2);
    return true;
}

/* Sockets that are under way: then what hangs off them. */
static void ask_attached(struct sw_sock *const socks[], unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (sw_sock_is_stream(socks[i]))
            sw_tcp_ahead(sw_sock_tcp(socks[i]));
}

uint64_t sw_ahead_packet(const struct sw_sock_layer *layer, const struct sw_packet *pkt)
{
    struct sw_addr local, remote;
    if (!flow_of(pkt, &local, &remote))
        return 0;
    uint64_t hash = sw_conn_hash(layer, SW_PROTO_TCP, &local, &remote);
    sw_table_ahead(&layer->conns, hash);
    return hash;
}

struct sw_sock *sw_ahead_conn(const struct sw_sock_layer *layer, uint64_t hash)
{
    struct sw_table_cursor cursor = {0};
    uint32_t index;
    if (!hash || !sw_table_next(&layer->conns, hash, &cursor, &index))
        return NULL;
    struct sw_sock *s = sw_sock_place(layer, index);
    sw_slot_ahead(&s->slot);
    return s;
}

void sw_ahead_send(const struct sw_sock_layer *layer, struct sw_sock *s)
{
    sw_tcp_ahead(sw_sock_tcp(s));
    sw_table_ahead(&layer->conns, s->conn_tag);
}

void sw_ahead_packets(const struct sw_sock_layer *layer, struct sw_packet *const pkts[], unsigned n,
                      uint64_t ret_hashes[])
{
    struct sw_sock *socks[SW_AHEAD_MAX];
    unsigned n_socks = 0;
    for (unsigned i = 0; i < n; i++)
        ret_hashes[i] = sw_ahead_packet(layer, pkts[i]);
    if (n < 2)
        return; /* its socket is asked for when its IP header has been read */
    for (unsigned i = 0; i < n; i++) {
        struct sw_sock *s = sw_ahead_conn(layer, ret_hashes[i]);
        if (s)
            socks[n_socks++] = s;
    }
    ask_attached(socks, n_socks);
}

void sw_ahead_sockets(const struct sw_sock_layer *layer, const sw_socket_t handles[], size_t n)
{
    for (size_t from = 0; from < n; from += SW_AHEAD_MAX) {
        struct sw_sock *socks[SW_AHEAD_MAX];
        size_t to = n - from < SW_AHEAD_MAX ? n : from + SW_AHEAD_MAX;
        unsigned n_socks = 0;
        for (size_t i = from; i < to; i++) {
            if (!sw_slot_exists(&layer->slots, (uint32_t)handles[i]))
                continue;
            socks[n_socks] = sw_sock_place(layer, (uint32_t)handles[i]);
            sw_slot_ahead(&socks[n_socks++]->slot);
        }
        ask_attached(socks, n_socks);
    }
}

void sw_ahead_timers(const struct sw_timer *next, const struct sw_timer *second)
{
    if (next && next->owner == SW_TIMER_SOCK)
        sw_tcp_ahead(&SW_CONTAINER(next, struct sw_stream_sock, tcp.timer)->tcp);
    if (second && second->owner == SW_TIMER_SOCK)
        sw_slot_ahead(&SW_CONTAINER(second, struct sw_stream_sock, tcp.timer)->sock.slot);
}
