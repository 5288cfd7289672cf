/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSG_EOR: where the user said that a record ends. Linux joins nothing to such a record, so what
 * follows it begins a segment of its own; on the wire there are no records (RFC 9293 3.1).
 *
 * The marks are those of data not yet sent; what was sent is repeated as it was. There is room for
 * a few: of more the latest are forgotten, and the records joined as any data is.
 */
#ifndef SW_TCP_RECORD_H
#define SW_TCP_RECORD_H

#include "tcp/control.h"

enum { SW_RECORDS_MAX = 16 };

struct sw_tcp_records {
    sw_seq end[SW_RECORDS_MAX]; /* ascending; the first `count` */
    uint8_t count;
};

/* Of `len` bytes to be sent from `seq` on: how many are of the first record. */
uint32_t sw_record_limit(struct sw_tcp *tcp, sw_seq seq, uint32_t len);

#endif
