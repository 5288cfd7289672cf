/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow.h"

#include <errno.h>
#include <string.h>

#define PERIOD 1048573U /* the largest prime below 2^20 */
#define PIECE 65536U

static const uint8_t *bytes_at(uint64_t offset)
{
    static uint8_t bytes[PERIOD + PIECE];
    if (bytes[0] == 0) {
        uint64_t x = 88172645463325252; /* xorshift64 (Marsaglia 2003) */
        for (unsigned i = 0; i < PERIOD; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            bytes[i] = (uint8_t)x;
        }
        bytes[0] = 1;
        memcpy(bytes + PERIOD, bytes, PIECE);
    }
    return bytes + offset % PERIOD;
}

void flow_send(struct flow *flow)
{
    while (!flow->error && flow->sent < flow->size) {
        uint64_t left = flow->size - flow->sent;
        int64_t n = sock_send(flow->from, bytes_at(flow->sent), left < PIECE ? left : PIECE);
        if (n == -EAGAIN)
            return;
        if (n < 0) {
            flow->error = (int)n;
            return;
        }
        if (flow->watch)
            flow->watch(flow->watch_ctx, true, bytes_at(flow->sent), (size_t)n);
        flow->sent += (uint64_t)n;
    }
    if (!flow->error && !flow->shut) {
        flow->error = sock_shutdown(flow->from, SW_SHUT_WR);
        flow->shut = true;
    }
}

void flow_receive(struct flow *flow)
{
    static uint8_t buf[PIECE];
    while (!flow->error && !flow->ended) {
        int64_t n = sock_recv(flow->to, buf, sizeof(buf));
        if (n == -EAGAIN)
            return;
        if (n > 0 && flow->watch)
            flow->watch(flow->watch_ctx, false, buf, (size_t)n);
        if (n < 0)
            flow->error = (int)n;
        else if (n == 0)
            flow->ended = true;
        else if (memcmp(buf, bytes_at(flow->received), (size_t)n) != 0)
            flow->error = -EILSEQ;
        else
            flow->received += (uint64_t)n;
    }
    if (flow->ended && flow->received != flow->size)
        flow->error = -EILSEQ;
}

int flow_run(struct world *world, struct flow *flow, unsigned timeout_ms)
{
    uint64_t end_ns = sw_cable_now() + timeout_ms * MS;
    while (!flow->error && !flow->ended) {
        flow_send(flow);
        world_turn(world, sw_cable_now() + 20 * MS);
        flow_receive(flow);
        if (sw_cable_now() > end_ns)
            return -ETIMEDOUT;
    }
    return flow->error;
}
