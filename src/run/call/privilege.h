/* SPDX-License-Identifier: BSD-2-Clause */
/* Who calls, besides whether an administrator (caller_is_admin(), run.h). */
#ifndef SW_RUN_PRIVILEGE_H
#define SW_RUN_PRIVILEGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The beginning of /proc/TID/status, as a string. 0, -ESRCH (there is no such thread), or why it cannot be read. */
int caller_status(pid_t tid, char *text, size_t room);
/* The process of a thread, by the number that it has for itself, whatever its namespace. */
pid_t caller_process(pid_t tid);
uint32_t caller_uid(pid_t tid); /* the effective one */

#endif
