/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getsockopt, setsockopt of stand-ins. The core knows the options; here is what concerns the
 * descriptor: options that the kernel must know too because it does the waiting, and what AF_UNIX
 * would answer otherwise than TCP and UDP.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "run/call/flow_label.h"
#include "run/call/message.h"
#include "run/record.h"
#include "run/standin/dgram.h"

/* Newer than some headers; <asm-generic/socket.h>. */
#ifndef SO_RCVTIMEO_NEW
#define SO_RCVTIMEO_NEW 66
#define SO_SNDTIMEO_NEW 67
#endif

enum { VALUE_MAX = 8400 }; /* MCAST_MSFILTER with 64 sources has 8,336 */

/* What the stand-in is told natively as well: reads and writes on it wait in the kernel. */
static bool also_native(int level, int name)
{
    static const int names[] = {SO_RCVTIMEO, SO_SNDTIMEO,  SO_RCVTIMEO_NEW, SO_SNDTIMEO_NEW,
                                SO_RCVLOWAT, SO_OOBINLINE, SO_PEEK_OFF,     SO_SELECT_ERR_QUEUE};
    for (size_t i = 0; level == SOL_SOCKET && i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i] == name)
            return true;
    return false;
}

static int set_natively(struct run *run, struct run_call *call, const void *value, size_t len)
{
    int fd = standin_fetch(run, call);
    if (fd < 0)
        return fd;
    int r = setsockopt(fd, SOL_SOCKET, (int)call->args[2], value, (socklen_t)len) < 0 ? -errno : 0;
    close(fd);
    return r;
}

static void record_option(struct run *run, struct run_call *call, const void *value, size_t len)
{
    int number;
    if (len != sizeof(number))
        return;
    memcpy(&number, value, sizeof(number));
    record_value(run, call, number);
}

/* How much may wait between a connected program and the core is the size of its buffers there. */
static void set_buffers(struct run *run, struct run_call *call, int name, const void *value,
                        size_t len)
{
    struct standin *s = call->standin;
    int bytes;

    bool sends = name == SO_SNDBUF || name == SO_SNDBUFFORCE;
    bool receives = name == SO_RCVBUF || name == SO_RCVBUFFORCE;
    if (receives && !s->stream)
        s->rcvbuf = standin_option(run, s, SOL_SOCKET, SO_RCVBUF);
    if ((!sends && !receives) || !s->stream || len < sizeof(bytes))
        return;
    memcpy(&bytes, value, sizeof(bytes));
    if (receives && s->far_fd >= 0)
        stream_size_far(run, s);
    int fd = sends ? standin_fetch(run, call) : -1;
    if (fd >= 0) {
        stream_sndbuf_set(s, fd, bytes);
        close(fd);
        if (s->state == STANDIN_CONNECTED) /* there may be room for what waits */
            stream_continue(run, s);
    }
}

/* Whether its protocols have this level: if not, that is what Linux says, whatever else is wrong.
 */
static bool knows_level(const struct standin *s, int level)
{
    switch (level) {
    case IPPROTO_TCP:
        return s->stream;
    case IPPROTO_IPV6:
        return s->ipv6;
    default:
        return !s->stream || level == SOL_SOCKET || level == IPPROTO_IP;
    }
}

struct instruction {
    uint64_t bytes; /* struct sock_filter */
};

/* SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF: the program lies elsewhere in the caller's memory. 0
 * or a negative errno. */
static int attach_program(struct run *run, struct run_call *call, const void *value, size_t len)
{
    struct {
        uint16_t n;
        uint64_t at; /* struct sock_fprog */
    } program;
    sw_socket_t sock = call->standin->sock;
    int locked = 0, name = (int)call->args[2];
    size_t locked_len = sizeof(locked);

    bool admin = caller_is_admin(call->tid);
    int (*set)(struct sw_host *, sw_socket_t, int, int, const void *, size_t) =
        admin ? sw_setsockopt_admin : sw_setsockopt;

    bool forbidden = name == SO_ATTACH_FILTER && call->standin->stream && !admin;
    if (value == NULL || len != sizeof(program) || forbidden)
        return set(run->host, sock, SOL_SOCKET, name, value, len);
    memcpy(&program, value, sizeof(program));
    struct instruction *code = malloc((size_t)program.n * sizeof(*code) + 1);
    if (code == NULL)
        return -ENOMEM;
    bool bad = program.at != 0 &&
               mem_read(run, call->tid, program.at, code, (size_t)program.n * sizeof(*code)) < 0;
    sw_getsockopt(run->host, sock, SOL_SOCKET, SO_LOCK_FILTER, &locked, &locked_len);
    int err = bad && locked == 0 ? -EFAULT : 0;
    program.at = program.at != 0 ? (uintptr_t)code : 0;
    if (err == 0)
        err = set(run->host, sock, SOL_SOCKET, name, &program, sizeof(program));
    free(code);
    return err;
}

/* SO_GET_FILTER, whose lengths are numbers of instructions. 0 or a negative errno. */
static int get_filter(struct run *run, struct run_call *call, size_t room)
{
    sw_socket_t sock = call->standin->sock;
    size_t size = 0;
    int err = sw_getsockopt(run->host, sock, SOL_SOCKET, SO_ATTACH_FILTER, NULL, &size);
    int count = (int)(size / sizeof(struct instruction));

    if (err == 0 && room > 0 && room < (size_t)count)
        err = -EINVAL;
    struct instruction *code = err == 0 && room > 0 && count > 0 ? malloc(size) : NULL;
    if (code != NULL)
        err = sw_getsockopt(run->host, sock, SOL_SOCKET, SO_ATTACH_FILTER, code, &size);
    if (code != NULL && err == 0)
        err = mem_write(run, call->tid, call->args[3], code, size);
    free(code);
    return err < 0 ? err : mem_write(run, call->tid, call->args[4], &count, sizeof(count));
}

int option_set(struct run *run, struct run_call *call, const void *value, size_t len)
{
    int level = (int)call->args[1], name = (int)call->args[2];
    sw_socket_t sock = call->standin->sock;

    int err = sw_setsockopt(run->host, sock, level, name, value, len);
    if ((err == -EPERM || err == -EACCES) && caller_is_admin(call->tid))
        err = sw_setsockopt_admin(run->host, sock, level, name, value, len);
    return err;
}

static int set_in_core(struct run *run, struct run_call *call, const void *value, size_t len)
{
    int level = (int)call->args[1], name = (int)call->args[2];

    if (call->standin->sock == 0) /* a connection that has ended takes any option to no effect */
        return 0;
    if (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF))
        return attach_program(run, call, value, len);
    if (flow_label_is_request(level, name, len) && value != NULL)
        return flow_label_request(run, call, value, len);
    return option_set(run, call, value, len);
}

static bool joins_group(int level, int name)
{
    switch (name) {
    case IP_ADD_MEMBERSHIP:
    case IP_ADD_SOURCE_MEMBERSHIP:
        return level == IPPROTO_IP;
    case IPV6_ADD_MEMBERSHIP:
        return level == IPPROTO_IPV6;
    case MCAST_JOIN_GROUP:
    case MCAST_JOIN_SOURCE_GROUP:
        return level == IPPROTO_IP || level == IPPROTO_IPV6;
    default:
        return false;
    }
}

void on_setsockopt(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int level = (int)call->args[1], name = (int)call->args[2], given = (int)call->args[4];
    unsigned char value[VALUE_MAX];

    if (s == NULL) {
        call_continue(run, call);
        return;
    }
    if (given < 0) {
        call_fail(run, call, EINVAL);
        return;
    }
    size_t len = (size_t)given < sizeof(value) ? (size_t)given : sizeof(value);
    /* What is wrong with NULL depends on the option; any other address must be one. */
    const void *given_value = call->args[3] != 0 ? value : NULL;
    bool looked_at = given_value != NULL && knows_level(s, level);
    if (looked_at && mem_read(run, call->tid, call->args[3], value, len) < 0) {
        call_fail(run, call, EFAULT);
        return;
    }
    if (looked_at)
        record_option(run, call, value, len);
    int err = 0;
    if (!s->stream && level == IPPROTO_UDP)
        dgram_flush(run, s); /* what was written before it */
    if (given_value != NULL && also_native(level, name))
        err = set_natively(run, call, value, len);
    if (err == 0)
        err = set_in_core(run, call, given_value, len);
    if (err == 0 && !s->stream && joins_group(level, name) && sw_list_empty(&s->member))
        sw_list_add_tail(&run->members, &s->member);
    if (err == 0 && level == IPPROTO_IPV6 && name == IPV6_ADDRFORM)
        s->ipv6 = false;
    if (err == 0 && level == SOL_SOCKET)
        set_buffers(run, call, name, value, len);
    if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}

/* Writes a value of `have` bytes, cut to the room the caller has. 0 or -EFAULT. */
static int give(struct run *run, struct run_call *call, const void *value, size_t have, size_t room)
{
    size_t len = have < room ? have : room;
    return mem_write_sized(run, call->tid, call->args[3], value, len, call->args[4],
                           (socklen_t)len);
}

/* An int that the stand-in knows better. */
static int get_natively(struct run *run, struct run_call *call, size_t room)
{
    int value = 0, fd = standin_fetch(run, call);
    socklen_t len = sizeof(value);

    if (fd < 0)
        return fd;
    int r = getsockopt(fd, SOL_SOCKET, (int)call->args[2], &value, &len) < 0 ? -errno : 0;
    close(fd);
    return r < 0 ? r : give(run, call, &value, sizeof(value), room);
}

/* Options that belong to the descriptor rather than to the core's socket. 1: it is none of them. */
static int get_own(struct run *run, struct run_call *call, int name, size_t room)
{
    struct standin *s = call->standin;
    int value = 0;

    switch (name) {
    case SO_ERROR:
        value = s->stream ? stream_take_error(run, call) : dgram_take_error(run, call);
        return give(run, call, &value, sizeof(value), room);
    case SO_PEEK_OFF: /* each read moves it */
        return get_natively(run, call, room);
    case SO_ATTACH_FILTER: /* by another name SO_GET_FILTER */
        return s->sock != 0 ? get_filter(run, call, room) : 1;
    default:
        return 1;
    }
}

/* A connection that has ended has no socket in the core any more. */
static int get_ended(const struct standin *s, int level, int name, void *value, size_t *len)
{
    int v = 0;
    if (level == SOL_SOCKET && name == SO_TYPE)
        v = s->stream ? SOCK_STREAM : SOCK_DGRAM;
    else if (level == SOL_SOCKET && name == SO_DOMAIN)
        v = s->ipv6 ? AF_INET6 : AF_INET;
    else if (level == SOL_SOCKET && name == SO_PROTOCOL)
        v = s->stream ? IPPROTO_TCP : IPPROTO_UDP;
    else if (level != SOL_SOCKET || name != SO_ACCEPTCONN)
        return -EINVAL;
    if (*len > sizeof(v))
        *len = sizeof(v);
    memcpy(value, &v, *len);
    return 0;
}

/* Which group is asked about stands in the structure that is to be filled in, unless it is too
 * short for that. */
static bool asks_by_value(int level, int name, size_t len)
{
    bool of_ip = level == IPPROTO_IP || level == IPPROTO_IPV6;
    if (flow_label_is_request(level, name, len))
        return true;
    return of_ip && ((name == IP_MSFILTER && len >= IP_MSFILTER_SIZE(0)) ||
                     (name == MCAST_MSFILTER && len >= GROUP_FILTER_SIZE(0)));
}

void on_getsockopt(struct run *run, struct run_call *call)
{
    struct standin *s = call->standin;
    int level = (int)call->args[1], name = (int)call->args[2], room;
    unsigned char value[VALUE_MAX];

    if (s == NULL) {
        call_continue(run, call);
        return;
    }
    int err = knows_level(s, level) ? mem_read(run, call->tid, call->args[4], &room, sizeof(room))
                                    : (room = 0);
    if (err == 0 && room < 0)
        err = -EINVAL;
    if (err == 0)
        err = level == SOL_SOCKET ? get_own(run, call, name, (size_t)room) : 1;
    if (err == 1) {
        size_t len = (size_t)room < sizeof(value) ? (size_t)room : sizeof(value);
        if (s->sock != 0 && asks_by_value(level, name, len) &&
            mem_read(run, call->tid, call->args[3], value, len) < 0)
            err = -EFAULT;
        else if (s->sock != 0)
            err = sw_getsockopt(run->host, s->sock, level, name, value, &len);
        else
            err = get_ended(s, level, name, value, &len);
        if (err == 0)
            err = give(run, call, value, len, (size_t)room);
    }
    if (err < 0)
        call_fail(run, call, -err);
    else
        call_return(run, call, 0);
}
