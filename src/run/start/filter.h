/* SPDX-License-Identifier: BSD-2-Clause */
/* Which system calls are notified, answered by the kernel itself, or left alone. */
#ifndef SW_RUN_FILTER_H
#define SW_RUN_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct sock_filter;

/* The filter as the kernel wants it: malloc()ed. `opens`: open() and openat() are notified. 0 or a negative
 * errno. */
int filter_build(bool opens, struct sock_filter **ret_code, unsigned short *ret_len);

/* Installs it on the calling thread; returns its listener or a negative errno. Sets no_new_privs
 * where the kernel insists on it. *ret_wait_killable: signals wait while a call is looked at. */
int filter_install(struct sock_filter *code, unsigned short len, bool *ret_wait_killable);

#endif
