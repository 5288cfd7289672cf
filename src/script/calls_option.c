/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getsockopt, setsockopt, fcntl, ioctl.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "script/private.h"

/* A string, in which \xf7 is a byte. */
static size_t string_bytes(const char *s, uint8_t *buf, size_t room)
{
    size_t len = 0;
    for (; *s != '\0' && len < room; len++) {
        bool hex = s[0] == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) &&
                   isxdigit((unsigned char)s[3]);
        const char digits[] = {hex ? s[2] : '0', hex ? s[3] : '0', '\0'};
        buf[len] = hex ? (uint8_t)strtoul(digits, NULL, 16) : (uint8_t)*s;
        s += hex ? 4 : 1;
    }
    return len;
}

/* The value of an option as bytes: [1], {onoff=1, linger=0}, "cubic", 1. */
static bool option_bytes(struct run *run, const struct expr *e, uint8_t *buf, size_t room,
                         size_t *ret_len)
{
    const struct expr *onoff = expr_field(e, "onoff"), *linger = expr_field(e, "linger");
    if (e->kind == EXPR_STRING) {
        *ret_len = string_bytes(e->string, buf, room);
        return true;
    }
    if (onoff != NULL && linger != NULL) {
        const int value[2] = {(int)onoff->number, (int)linger->number};
        *ret_len = sizeof(value);
        memcpy(buf, value, sizeof(value));
        return true;
    }
    long long n;
    if (!arg_boxed(run, e, &n))
        return false;
    const int value = (int)n;
    *ret_len = sizeof(value);
    memcpy(buf, &value, sizeof(value));
    return true;
}

static bool option_args(struct run *run, struct scall *call, struct sfd **ret_sfd,
                        long long *ret_level, long long *ret_name)
{
    return arg_fd(run, call, 0, ret_sfd) && arg_number(run, call, 1, ret_level) &&
           arg_number(run, call, 2, ret_name);
}

bool call_setsockopt(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    long long level, name, given;
    uint8_t value[128];
    size_t len;
    if (!option_args(run, call, &sfd, &level, &name) ||
        !option_bytes(run, call->args[3], value, sizeof(value), &len))
        return false;
    if (call->args[4]->kind == EXPR_NUMBER) {
        given = call->args[4]->number;
        if (given >= 0 && (size_t)given < sizeof(value))
            len = (size_t)given;
    }
    /* Who makes packets of his own, as the original does, is an administrator. */
    *ret_result = sw_setsockopt_admin(run->host, sfd->socket, (int)level, (int)name, value, len);
    return true;
}

bool call_getsockopt(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    long long level, name, room = 4;
    uint8_t actual[256] = {0}, expected[128];
    size_t len, expected_len;
    if (!option_args(run, call, &sfd, &level, &name))
        return false;
    if (call->args[4]->kind != EXPR_ELLIPSIS && !arg_boxed(run, call->args[4], &room))
        return false;
    len = room < 0 || room > (long long)sizeof(actual) ? sizeof(actual) : (size_t)room;
    *ret_result = sw_getsockopt(run->host, sfd->socket, (int)level, (int)name, actual, &len);
    if (*ret_result < 0 || call->args[3]->kind == EXPR_ELLIPSIS)
        return true;
    if (!option_bytes(run, call->args[3], expected, sizeof(expected), &expected_len))
        return false;
    size_t compare = expected_len < len ? expected_len : len;
    if (memcmp(actual, expected, compare) == 0 && compare > 0)
        return true;
    int a, e;
    memcpy(&a, actual, sizeof(a));
    memcpy(&e, expected, sizeof(e));
    if (call->args[3]->kind == EXPR_STRING)
        return script_fail(run->script, SCRIPT_FAILED, call->args[3]->pos,
                           "getsockopt() gave \"%.*s\", and the script expects \"%s\"", (int)len,
                           (const char *)actual, call->args[3]->string);
    return script_fail(run->script, SCRIPT_FAILED, call->args[3]->pos,
                       "getsockopt() gave %d, and the script expects %d", a, e);
}

bool call_fcntl(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    long long command, value = 0;
    if (!arg_fd(run, call, 0, &sfd) || !arg_number(run, call, 1, &command) ||
        (call->count > 2 && !arg_number(run, call, 2, &value)))
        return false;
    *ret_result = 0;
    if (command == F_GETFL)
        *ret_result = O_RDWR | (sfd->nonblocking ? O_NONBLOCK : 0);
    else if (command == F_SETFL)
        sfd->nonblocking = (value & O_NONBLOCK) != 0;
    else if (command != F_SETFD && command != F_GETFD)
        *ret_result = -EINVAL;
    return true;
}

bool call_ioctl(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    long long request, expected;
    if (!arg_fd(run, call, 0, &sfd) || !arg_number(run, call, 1, &request))
        return false;
    if (request != SIOCINQ && request != SIOCOUTQ && request != SIOCATMARK)
        return unsupported(run, call->args[1]->pos, "this request of ioctl()");
    int64_t n = request == SIOCINQ    ? sw_recv_queued(run->host, sfd->socket)
                : request == SIOCOUTQ ? sw_send_queued(run->host, sfd->socket)
                                      : sw_sockatmark(run->host, sfd->socket);
    *ret_result = n < 0 ? n : 0;
    if (n < 0 || call->args[2]->kind == EXPR_ELLIPSIS)
        return true;
    if (!arg_boxed(run, call->args[2], &expected))
        return false;
    return expected == n ||
           script_fail(run->script, SCRIPT_FAILED, call->args[2]->pos,
                       "ioctl() gave %lld, and the script expects %lld", (long long)n, expected);
}
