/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop over a cable. What arrives at a host together is handed to it together, so that it is
 * acknowledged as what came from one interrupt would be. */
#include "net/cable.h"

#include <poll.h>
#include <time.h>

#include "base/packet.h"

#define NS_PER_S 1000000000ULL
#define READ_BATCH 64 /* packets of a device, before the others have their turn; NAPI's weight */
#define CABLES_MAX 4

uint64_t sw_cable_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct sw_packet *leaving(struct sw_cable *cable, const struct sw_cable_end *end,
                                 uint64_t now_ns)
{
    if (end->host)
        return sw_host_output(end->host, end->iface, now_ns);
    return end->tap ? sw_tap_read(end->tap, cable->mem) : sw_tun_read(end->tun, cable->mem);
}

static unsigned send_from(struct sw_cable *cable, int e, uint64_t now_ns)
{
    unsigned moved = 0;
    struct sw_packet *pkt;
    while (moved < READ_BATCH && (pkt = leaving(cable, &cable->ends[e], now_ns))) {
        sw_link_send(cable->link, e, pkt, now_ns);
        moved++;
    }
    return moved;
}

static unsigned deliver_to(struct sw_cable *cable, int e, uint64_t now_ns)
{
    const struct sw_cable_end *end = &cable->ends[e];
    struct sw_packet *first = NULL, **last = &first, *pkt;
    unsigned moved = 0;
    while ((pkt = sw_link_receive(cable->link, e, now_ns))) {
        moved++;
        pkt->next = NULL;
        *last = pkt;
        last = &pkt->next;
    }
    if (end->host) {
        if (first)
            sw_host_input_batch(end->host, end->iface, first, now_ns);
        return moved;
    }
    while ((pkt = first)) {
        first = pkt->next;
        if (end->tap)
            sw_tap_write(end->tap, pkt, now_ns);
        else
            sw_tun_write(end->tun, pkt);
    }
    return moved;
}

unsigned sw_cable_carry(struct sw_cable *cable)
{
    uint64_t now_ns = sw_cable_now();
    unsigned moved = 0;
    for (int e = 0; e < 2; e++) {
        struct sw_host *host = cable->ends[e].host;
        if (host && sw_host_deadline(host) <= now_ns)
            sw_host_advance(host, now_ns);
        moved += send_from(cable, e, now_ns);
    }
    for (int e = 0; e < 2; e++)
        moved += deliver_to(cable, e, now_ns);
    return moved;
}

uint64_t sw_cable_deadline(const struct sw_cable *cable)
{
    uint64_t next_ns = sw_link_deadline(cable->link);
    for (int e = 0; e < 2; e++) {
        const struct sw_host *host = cable->ends[e].host;
        if (host && sw_host_deadline(host) < next_ns)
            next_ns = sw_host_deadline(host);
    }
    return next_ns;
}

void sw_cable_wait(struct sw_cable *const *cables, int n, uint64_t until_ns)
{
    struct pollfd fds[2 * CABLES_MAX];
    nfds_t n_fds = 0;
    for (int i = 0; i < n && i < CABLES_MAX; i++) {
        uint64_t deadline_ns = sw_cable_deadline(cables[i]);
        if (deadline_ns < until_ns)
            until_ns = deadline_ns;
        for (int e = 0; e < 2; e++)
            if (!cables[i]->ends[e].host)
                fds[n_fds++] = (struct pollfd){cables[i]->ends[e].tun, POLLIN, 0};
    }
    uint64_t now_ns = sw_cable_now();
    uint64_t sleep_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec timeout = {(time_t)(sleep_ns / NS_PER_S), (long)(sleep_ns % NS_PER_S)};
    ppoll(fds, n_fds, until_ns == SW_NEVER ? NULL : &timeout, NULL);
}
