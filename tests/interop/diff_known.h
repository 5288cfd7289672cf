/* SPDX-License-Identifier: BSD-2-Clause */
/* The differences from the kernel that are explained. */
#ifndef INTEROP_DIFF_KNOWN_H
#define INTEROP_DIFF_KNOWN_H

/* One difference, as diff_fuzz saw it, all in words: the state in which the step was made, the step,
 * and what each stack did; the last word of that is the state it came to. */
struct difference {
    const char *state, *step, *kernel, *own;
};

/* Why it is so; NULL: nobody knows. Counts it. */
const char *diff_reason(const struct difference *difference);

/* Prints each reason with its count. */
void diff_print_reasons(void);

#endif
