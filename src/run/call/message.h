/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages in a caller's memory: what sendmsg(2) and recvmsg(2) point at, read and written in
 * Linux's order, so that the same mistake gives the same errno. Layouts are those of 64-bit Linux.
 */
#ifndef SW_RUN_MESSAGE_H
#define SW_RUN_MESSAGE_H

#include <limits.h>
#include <sys/uio.h>

#include "run/run.h"

/* struct msghdr and struct mmsghdr in the caller's memory: offsets of what is written back. */
enum {
    MSGHDR_NAMELEN = 8,
    MSGHDR_CONTROLLEN = 40,
    MSGHDR_FLAGS = 48,
    MSGHDR_BYTES = 56,
    MMSGHDR_LEN = 56,
    MMSGHDR_BYTES = 64,
};

#define CONTROL_MAX 512           /* bytes of control messages that one call gets */
#define CONTROL_SENT_MAX 131072U /* so many are too many to send: net.core.optmem_max */

#define EARLY_BYTES 2048  /* a datagram of an ethernet, and more */

/* One message: addresses are the caller's. */
struct message {
    uint64_t name;        /* where its address is, or goes; 0: nowhere */
    uint64_t namelen_ptr; /* where the length of a received address goes */
    int namelen;
    uint64_t control, controllen;
    struct given_addr to; /* sending, where name is not 0 */
    uint64_t at;          /* the struct msghdr; 0: it came in registers (sendto, recvfrom) */
    size_t n_early;       /* bytes of its data that came along: of a sendto() */
    size_t n_iov;
    size_t total;                             /* bytes the vector holds */
    unsigned char control_bytes[CONTROL_MAX]; /* sending: what `control` points at, if it is no longer */
    unsigned char early[EARLY_BYTES];
    struct iovec iov[IOV_MAX];
};

/* Reads a struct msghdr with its vector: 0, -EFAULT, -EINVAL, -EMSGSIZE (more than IOV_MAX pieces),
 * -ENOBUFS (control of CONTROL_SENT_MAX bytes or more). `sending`: also the address and the control messages,
 * which are there for message_controls() until the next message is loaded. */
int message_load(struct run *run, pid_t tid, uint64_t at, bool sending, struct message *m);

/* A message of one piece: sendto, recvfrom. 0 or -EFAULT. */
int message_plain(struct message *m, uint64_t buf, uint64_t len);
/* The same with the address of a sendto(): also -EINVAL. */
int message_sendto(struct run *run, const struct run_call *call, struct message *m);

/* Leaves out its first `n` bytes, as many as it holds at most. */
void message_skip(struct message *m, size_t n);

/* Copies the first `len` bytes of the vector out of the caller's memory; 0 or -EFAULT. */
int message_gather(struct run *run, pid_t tid, const struct message *m, void *buf, size_t len);
/* Copies up to `len` bytes into it; what does not fit is left out. 0 or -EFAULT. */
int message_scatter(struct run *run, pid_t tid, const struct message *m, const void *buf,
                    size_t len);
/* The same with all that is written besides (mem_writes_commit()). */
void message_scatter_with(struct mem_writes *w, const struct message *m, const void *buf, size_t len);

/* Control messages being made for a receiver, by the rules of put_cmsg(): one that has no room is
 * cut or left out, and the message flagged MSG_CTRUNC. */
struct control {
    size_t room; /* the caller's */
    size_t len;  /* so far */
    bool truncated;
    _Alignas(size_t) unsigned char buf[CONTROL_MAX];
};
void control_init(struct control *c, uint64_t room);
void control_put(struct control *c, int level, int type, const void *data, size_t len);
/* recv_control.c: what its receiver asked to be told of a datagram. */
void control_of_datagram(struct run *run, const struct standin *s,
                         const struct sw_datagram_info *info, struct control *c);
/* Of that the time alone; of a stream, when the last bytes came. Whether anything of it is asked for. */
void control_of_time(struct run *run, const struct standin *s, uint64_t at_ns, bool sent,
                     struct control *c);
bool wants_time(struct run *run, const struct standin *s);

/* What goes back into a struct msghdr behind data and address; `c` and `end` stay until it is written. */
struct message_end {
    uint32_t flags;
    uint64_t used;
};
void message_end_with(struct mem_writes *w, const struct message *m, const struct control *c,
                      struct message_end *end);

/* call/send.c: judges one of SOL_SOCKET as Linux's __sock_cmsg_send() does, and notes what it says of
 * stamps; 0 or a negative errno. */
int control_of_socket(struct run *run, const struct run_call *call, int type, const void *data,
                      size_t len, struct sw_stamping *stamping);
/* Gives the control messages of a sender to `judge`, one after the other, until it says a negative errno: that, or
 * 0; -EINVAL where one is malformed. */
typedef int control_fn(struct run *run, const struct run_call *call, const struct cmsghdr *h, const void *data,
                       size_t len, void *arg);
int message_controls(struct run *run, const struct run_call *call, const struct message *m, control_fn *judge,
                     void *arg);

/* Answers with a value or a negative errno. */
static inline void call_answer(struct run *run, struct run_call *call, int64_t r)
{
    if (r < 0)
        call_fail(run, call, (int)-r);
    else
        call_return(run, call, r);
}

/* call/stream_recv.c, call/stream_send.c: the same calls on a stream. */
void stream_send(struct run *run, struct run_call *call);
void stream_send_many(struct run *run, struct run_call *call); /* sendmmsg */
void stream_receive(struct run *run, struct run_call *call);
/* The message of such a call, of either form; *ret_flags are the call's. 0 or a negative errno. */
int stream_load(struct run *run, struct run_call *call, struct message *m, int *ret_flags);
void stream_receive_many(struct run *run, struct run_call *call); /* recvmmsg */
/* Whether any of the messages of such a call has an address or control messages. */
bool stream_any_special(struct run *run, const struct run_call *call);
/* Its pending error, as a positive errno, once; 0. */
int stream_take_error(struct run *run, struct run_call *call);
/* Whether a native call has told a failed one's error, as ECONNRESET. */
bool stream_told_natively(struct run *run, struct run_call *call);

#endif
