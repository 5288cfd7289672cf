/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of our AF_UNIX sockets: random, in the abstract namespace (unix(7)), where any process of
 * this network namespace could see and use them. Hence whoever connects is checked (SO_PEERCRED).
 */
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "run/run.h"

enum { NAME_LEN = 32 };

void name_make(struct run *run, char ret_name[33])
{
    static const char digits[] = "0123456789abcdef";
    for (int word = 0; word < 2; word++) {
        uint64_t chance = sw_rng_u64(&run->rng);
        for (int i = 0; i < NAME_LEN / 2; i++, chance >>= 4)
            ret_name[word * NAME_LEN / 2 + i] = digits[chance & 15];
    }
    ret_name[NAME_LEN] = '\0';
}

socklen_t name_addr(const char *name, struct sockaddr_un *ret_addr)
{
    memset(ret_addr, 0, sizeof(*ret_addr));
    ret_addr->sun_family = AF_UNIX;
    memcpy(ret_addr->sun_path + 1, name, NAME_LEN);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + NAME_LEN);
}

socklen_t name_far_addr(const struct standin *s, struct sockaddr_un *ret_addr)
{
    socklen_t len = name_addr(s->name, ret_addr);
    ret_addr->sun_path[1] = 'x'; /* no digit: cannot be a stand-in's */
    return len;
}
