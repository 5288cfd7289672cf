/* SPDX-License-Identifier: BSD-2-Clause */
/* Ends of records: see record.h. */
#include "tcp/record.h"

#include "tcp/private.h"
#include "tcp/rare.h"

void sw_tcp_mark_record(struct sw_tcp *tcp)
{
    struct sw_tcp_rare *rare = sw_rare_get(tcp);

    if (!rare || rare->records.count == SW_RECORDS_MAX)
        return; /* a wish: without room it is not heard */
    rare->records.end[rare->records.count++] = sw_seq_add(sw_tcp_snd_base(tcp), tcp->snd.queue.len);
}

uint32_t sw_record_limit(struct sw_tcp *tcp, sw_seq seq, uint32_t len)
{
    if (!tcp->rare || tcp->rare->records.count == 0)
        return len;
    struct sw_tcp_records *records = &tcp->rare->records;
    uint8_t gone = 0;
    while (gone < records->count && sw_seq_le(records->end[gone], seq))
        gone++;
    records->count = (uint8_t)(records->count - gone);
    memmove(records->end, records->end + gone, records->count * sizeof(records->end[0]));
    return records->count > 0 ? sw_min32(len, records->end[0].v - seq.v) : len;
}
