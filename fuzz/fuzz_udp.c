/* SPDX-License-Identifier: BSD-2-Clause */
/* UDP headers. */
#include "fuzz.h"

#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sw_udp_hdr hdr;
    for (size_t have = 0; have <= size && have <= 2 * SW_UDP_HDR; have++) {
        if (sw_udp_parse(data, have, size, &hdr) == SW_DROP_NONE)
            SW_ASSERT(have >= SW_UDP_HDR && hdr.len >= SW_UDP_HDR && hdr.len <= size);
    }
    return 0;
}
