/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A box on the way that cuts segments anew, as TCP allows it to (and a sender whose MSS has shrunk
 * does by itself): a segment becomes two that overlap, in either order. No link does that; and only
 * so does a receiver have to take the new part of what is half old.
 */
#ifndef SW_TESTS_SIM_MIDDLEBOX_H
#define SW_TESTS_SIM_MIDDLEBOX_H

#include <sockworks/packet.h>

#include "rand.h"

/* Two overlapping segments made of one, in ret_pkts in the order in which they are to be sent;
 * false: not a segment that can be cut, the packet is as it was. */
bool middlebox_cut(struct rand *rand, struct sw_mem *mem, const struct sw_packet *pkt,
                   struct sw_packet *ret_pkts[2]);

#endif
