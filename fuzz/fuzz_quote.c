/* SPDX-License-Identifier: BSD-2-Clause */
/* The packet that an ICMP error quotes: whatever is accepted lies in the quote. */
#include "fuzz.h"

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_icmp_quote quote;
    if (sw_icmp_parse_quote(data, size, &quote) != SW_DROP_NONE)
        return 0;
    SW_ASSERT(quote.ip.hdr_len <= size);
    SW_ASSERT(!quote.has_seq || quote.has_ports);
    SW_ASSERT(!quote.has_ports || quote.ip.hdr_len + 4 <= size);
    SW_ASSERT(quote.has_ports || (quote.src_port == 0 && quote.dst_port == 0));
    SW_ASSERT((quote.ip.version == 4) == sw_ip_is4(&quote.ip.src));
    return 0;
}
