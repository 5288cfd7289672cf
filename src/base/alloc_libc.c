/* SPDX-License-Identifier: BSD-2-Clause */
/* The C library's allocator. The only file of the core that uses it: a freestanding build leaves
 * this file out and brings a struct sw_alloc of its own. */
#include <sockworks/packet.h>

#include <stdlib.h>

static void *libc_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size);
}

static void libc_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)size;
    free(ptr);
}

const struct sw_alloc sw_alloc_libc = {libc_alloc, libc_free, NULL};
