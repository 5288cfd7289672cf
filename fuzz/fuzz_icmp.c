/* SPDX-License-Identifier: BSD-2-Clause */
/* ICMP and ICMPv6 messages, and what an error among them quotes. Byte 0 chooses the version. */
#include "fuzz.h"

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_icmp_hdr hdr;
    struct sw_icmp_quote quote;
    if (size < 1)
        return 0;
    uint8_t version = data[0] & 1 ? 6 : 4;
    if (sw_icmp_parse(data + 1, size - 1, size - 1, version, &hdr) != SW_DROP_NONE)
        return 0;
    SW_ASSERT(hdr.version == version);
    (void)sw_icmp_parse_quote(data + 1 + SW_ICMP_HDR, size - 1 - SW_ICMP_HDR, &quote);
    return 0;
}
