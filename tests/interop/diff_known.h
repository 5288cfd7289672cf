/* SPDX-License-Identifier: BSD-2-Clause */
/* The differences from the kernel that are explained. */
#ifndef INTEROP_DIFF_KNOWN_H
#define INTEROP_DIFF_KNOWN_H

/* One difference, as diff_fuzz saw it, all in words: the state in which the step was made, the
 * step, and what each stack did. */
struct difference {
    const char *state, *step, *kernel, *own;
};

/* Why it is so; NULL: nobody knows. */
const char *diff_reason(const struct difference *difference);

#endif
