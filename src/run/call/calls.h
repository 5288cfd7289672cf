/* SPDX-License-Identifier: BSD-2-Clause */
/* The families of notified calls, one file each; the table of them is in calls.c. */
#ifndef SW_RUN_CALLS_H
#define SW_RUN_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;
struct run_call;
struct standin;

#define MSG_PROBE 0x10 /* <linux/socket.h>: nothing is sent, the way there is looked for */

void on_socket(struct run *run, struct run_call *call);      /* call/socket.c */
void on_bind(struct run *run, struct run_call *call);
void on_listen(struct run *run, struct run_call *call);
void on_shutdown(struct run *run, struct run_call *call);
void on_connect(struct run *run, struct run_call *call);     /* call/connect.c */
void on_accept(struct run *run, struct run_call *call);      /* call/accept.c: accept, accept4 */
void on_getname(struct run *run, struct run_call *call);     /* call/name.c: getsockname, getpeername */
void on_getsockopt(struct run *run, struct run_call *call);  /* call/option.c */
void on_setsockopt(struct run *run, struct run_call *call);
void on_sendto(struct run *run, struct run_call *call);      /* call/send.c, call/recv.c */
void on_recvfrom(struct run *run, struct run_call *call);
void on_sendmsg(struct run *run, struct run_call *call);
void on_recvmsg(struct run *run, struct run_call *call);
void on_sendmmsg(struct run *run, struct run_call *call);
void on_recvmmsg(struct run *run, struct run_call *call);
void on_ioctl(struct run *run, struct run_call *call);       /* call/ioctl.c: SIOCOUTQ, SIOCGIF* */
void on_open(struct run *run, struct run_call *call);        /* call/open.c: open, openat */
void on_netlink(struct run *run, struct run_call *call);     /* netlink/socket.c: all calls of such a stand-in */
void netlink_socket(struct run *run, struct run_call *call);
void netlink_far_event(struct run *run, struct standin *s);
/* netlink/diag_socket.c: of the protocol NETLINK_SOCK_DIAG. Requests; a dump goes on as far as there is room; its end. */
void diag_requests(struct run *run, struct standin *s, const uint8_t *bytes, size_t len);
void diag_continue(struct run *run, struct standin *s);
void diag_drop(struct standin *s);
bool call_is_foreign(uint32_t arch, int nr);
void on_foreign(struct run *run, struct run_call *call);     /* call/foreign.c: of another ABI */
void on_refused(struct run *run, struct run_call *call);     /* call/refuse.c: what cannot be virtualised */

#endif
