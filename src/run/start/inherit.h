/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptors that we were started with: they are the program's. */
#ifndef SW_RUN_INHERIT_H
#define SW_RUN_INHERIT_H

#include <stddef.h>

struct inherited {
    int *fds;
    size_t n;
};

/* What is open now, but for `own` and stderr (on which we speak). Without memory or /proc: nothing.
 */
void inherit_list(struct inherited *ret, int own);

/* Says so where one is a socket of the kernel's network: it was there before the filter. */
void inherit_warn(const struct inherited *inherited);

/* Lets go of them, so that what the program closes is closed: the other end of its pipe would wait
 * for us else. */
void inherit_drop(struct inherited *inherited);

#endif
