/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this machine allows: found out by doing it once to a child of our own, because kernel
 * versions and container profiles forbid different ones of the ways that lead to the same end.
 * `sockworks doctor` shows it line by line; run_main() chooses its ways by it.
 */
#ifndef SW_RUN_PROBE_H
#define SW_RUN_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* 0 where a thing was done, else the positive errno with which it failed. */
struct run_probe {
    int no_new_privs;  /* prctl(PR_SET_NO_NEW_PRIVS) */
    int listener;      /* seccomp(SET_MODE_FILTER, NEW_LISTENER): EBUSY if one is there already */
    int wait_killable; /* WAIT_KILLABLE_RECV, Linux 5.19: non-fatal signals wait for the answer */
    int sync_wake_up;  /* NOTIF_SET_FLAGS SYNC_WAKE_UP, Linux 6.6: answers on the same CPU */
    int receive;       /* a call of the child was received, and answered */
    int addfd;         /* a descriptor was put into the child */
    int addfd_send;    /* ... and returned by its call in the same step, Linux 5.14 */
    int vm_readv;      /* process_vm_readv and _writev */
    int proc_mem;      /* /proc/PID/mem, read and written */
    int pidfd_getfd;   /* a descriptor fetched from the child */
    int proc_fd;       /* /proc/PID/fd/N read: says which socket it is */
    int fork;          /* not even a child could be made */
};

/* Tries all of it; takes about a millisecond. */
void run_probe_all(struct run_probe *ret_probe);

/* Whether that is enough to run programs. If not, one line in `why` says what lacks. */
bool run_probe_enough(const struct run_probe *probe, char *why, size_t size);

/* The errno's name ("EPERM") and what it usually means for these calls; text lives for ever. */
const char *run_errno_name(int err);

#endif
