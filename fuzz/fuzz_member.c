/* SPDX-License-Identifier: BSD-2-Clause */
/* IGMP and MLD messages: what is read of them lies within them. */
#include "fuzz.h"

#include "wire/member.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int ip4 = 0; ip4 < 2; ip4++) {
        struct sw_member_msg msg;
        if (sw_member_parse(data, size, ip4, &msg) != SW_DROP_NONE)
            continue;
        SW_ASSERT(msg.n_sources == 0 || msg.version >= 2);
        for (uint32_t i = 0; i < msg.n_sources; i++) /* reads each: ASan watches */
            SW_ASSERT(sw_ip_is4(&(struct sw_ip[]){sw_member_source(&msg, ip4, i)}[0]) || !ip4);
    }
    return 0;
}
