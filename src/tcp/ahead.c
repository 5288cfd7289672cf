/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection keeps besides its control block, asked for before it is needed: base/ahead.h.
 */
#include "base/ahead.h"

#include "tcp/meter.h"
#include "tcp/private.h"

/* Of a chunk its counts and the bytes of a short message. */
#define CHUNK_BYTES 128U

void sw_tcp_ahead(const struct sw_tcp *tcp)
{
    const struct sw_tcp_snd *snd = &tcp->snd;

    if (snd->flight) /* up to the first record */
        sw_ahead(snd->flight, offsetof(struct sw_tcp_flight, space[1]));
    if (snd->meter)
        sw_ahead(snd->meter, sizeof(*snd->meter));
    if (snd->queue.chunk)
        sw_ahead(snd->queue.chunk, CHUNK_BYTES);
}
