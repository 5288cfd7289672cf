/* SPDX-License-Identifier: BSD-2-Clause */
/* What a router does that marks packets instead of dropping them (RFC 3168 5). */
#ifndef SW_LINK_MARK_H
#define SW_LINK_MARK_H

#include <stdbool.h>

#include "base/packet.h"

/* An IP packet whose sender can hear of congestion, ECT(0) or ECT(1), says "congestion experienced"
 * from now on, and true is returned. Any other stays as it is. */
bool sw_link_mark(struct sw_packet *pkt);

#endif
