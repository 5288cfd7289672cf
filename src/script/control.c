/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages of recvmsg(): what the script writes of them,
 *
 *   msg_flags=MSG_ERRQUEUE, msg_control=[{cmsg_level=..., cmsg_type=..., cmsg_data=...}]
 *
 * against what a program would be given. The library has them as struct sw_socket_error and as
 * options; the messages made of these here are TCP_CM_INQ, SCM_TIMESTAMPING and IP_RECVERR.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "script/private.h"

enum { TS_SOFTWARE = 1 << 4, TS_TSONLY = 1 << 11, MESSAGES_MAX = 2, FIELDS_MAX = 6 };

/* One message: its numbers by the names that scripts give them. */
struct message {
    long long level, type;
    unsigned n_fields; /* 0: a number, `value` */
    struct {
        const char *name;
        long long value;
        bool is_time; /* in ns, with tolerance */
    } field[FIELDS_MAX];
    long long value;
};

struct messages {
    struct message m[MESSAGES_MAX];
    unsigned n;
};

static long long option(const struct run *run, const struct sfd *sfd, int level, int name)
{
    int value = 0;
    size_t len = sizeof(value);
    return sw_getsockopt(run->host, sfd->socket, level, name, &value, &len) == 0 ? value : 0;
}

static bool number_differs(struct run *run, const struct expr *e, const char *what, long long is)
{
    return script_fail(run->script, SCRIPT_FAILED, e->pos,
                       "%s is %lld, and the script expects %lld", what, is, e->number);
}

/* A time of two fields: they are compared as one, with the script's tolerance. */
static bool check_time(struct run *run, const struct expr *data, long long at_ns)
{
    const struct expr *sec = expr_field(data, "scm_sec"), *nsec = expr_field(data, "scm_nsec");
    if (sec == NULL || nsec == NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, data->pos,
                           "a time is {scm_sec=0, scm_nsec=20000000}");
    long long expected = sec->number * (long long)SCRIPT_S + nsec->number;
    long long off = at_ns > expected ? at_ns - expected : expected - at_ns;
    if (off <= (long long)run_tolerance(run, 0, run->now_ns))
        return true;
    return script_fail(run->script, SCRIPT_FAILED, data->pos,
                       "the time is %.6f s, and the script expects %.6f s",
                       (double)at_ns / (double)SCRIPT_S, (double)expected / (double)SCRIPT_S);
}

static bool check_message(struct run *run, const struct expr *e, const struct message *m)
{
    const struct expr *level = expr_field(e, "cmsg_level"), *type = expr_field(e, "cmsg_type");
    const struct expr *data = expr_field(e, "cmsg_data");
    if (level == NULL || type == NULL || data == NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, e->pos,
                           "a control message is {cmsg_level=..., cmsg_type=..., cmsg_data=...}");
    if (level->number != m->level)
        return number_differs(run, level, "cmsg_level", m->level);
    if (type->number != m->type)
        return number_differs(run, type, "cmsg_type", m->type);
    if (m->n_fields == 0)
        return data->number == m->value || number_differs(run, data, "cmsg_data", m->value);
    if (m->field[0].is_time)
        return check_time(run, data, m->field[0].value);
    for (unsigned i = 0; i < m->n_fields; i++) {
        const struct expr *field = expr_field(data, m->field[i].name);
        if (field != NULL && field->number != m->field[i].value)
            return number_differs(run, field, m->field[i].name, m->field[i].value);
    }
    return true;
}

static bool check(struct run *run, const struct expr *message, const struct messages *all,
                  long long flags)
{
    const struct expr *control = expr_field(message, "msg_control");
    const struct expr *expected = expr_field(message, "msg_flags");
    if (expected != NULL && expected->kind == EXPR_NUMBER && expected->number != flags)
        return number_differs(run, expected, "msg_flags", flags);
    if (control == NULL || control->kind == EXPR_ELLIPSIS)
        return true;
    if (control->count != all->n)
        return script_fail(run->script, SCRIPT_FAILED, control->pos,
                           "%u control messages came, and the script expects %zu", all->n,
                           control->count);
    for (unsigned i = 0; i < all->n; i++)
        if (!check_message(run, control->items[i], &all->m[i]))
            return false;
    return true;
}

/* Linux's tcp_inq_hint(): the end of the stream counts as a byte. */
static long long inq(const struct run *run, const struct sfd *sfd)
{
    int64_t queued = sw_recv_queued(run->host, sfd->socket);
    bool ended = (sw_poll(run->host, sfd->socket) & SW_EV_RDHUP) != 0;
    return (queued > 0 ? queued : 0) + ended;
}

bool control_data(struct run *run, const struct expr *message, const struct sfd *sfd)
{
    struct messages all = {.n = 0};
    if (sfd->stream && option(run, sfd, IPPROTO_TCP, TCP_INQ) != 0)
        all.m[all.n++] =
            (struct message){.level = IPPROTO_TCP, .type = TCP_CM_INQ, .value = inq(run, sfd)};
    const struct expr *control = expr_field(message, "msg_control");
    if (control == NULL || (control->count == 0 && all.n == 0))
        return true;
    return check(run, message, &all, 0);
}

static void add_error(struct run *run, const struct sfd *sfd, const struct sw_socket_error *error,
                      struct messages *all)
{
    bool v6 = sfd->flow != NULL && run->script->options.mode != MODE_IPV4;
    if (error->origin == SW_ORIGIN_TIMESTAMPING &&
        option(run, sfd, SOL_SOCKET, SO_TIMESTAMPING) & TS_SOFTWARE)
        all->m[all->n++] = (struct message){
            .level = SOL_SOCKET,
            .type = SCM_TIMESTAMPING,
            .n_fields = 1,
            .field = {{"scm_sec", (long long)(error->message.at_ns - run->start_ns), true}}};
    all->m[all->n++] = (struct message){.level = v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                                        .type = v6 ? IPV6_RECVERR : IP_RECVERR,
                                        .n_fields = 6,
                                        .field = {{"ee_errno", error->err, false},
                                                  {"ee_origin", error->origin, false},
                                                  {"ee_type", error->type, false},
                                                  {"ee_code", error->code, false},
                                                  {"ee_info", error->info, false},
                                                  {"ee_data", error->data, false}}};
}

bool control_error(struct run *run, const struct expr *message, const struct sfd *sfd,
                   int64_t *ret_result)
{
    struct messages all = {.n = 0};
    struct sw_socket_error error;
    uint8_t sent[1];
    *ret_result = sw_recv_error(run->host, sfd->socket, sent, 0, &error);
    if (*ret_result < 0)
        return true;
    add_error(run, sfd, &error, &all);
    bool whole = error.origin == SW_ORIGIN_TIMESTAMPING &&
                 !(option(run, sfd, SOL_SOCKET, SO_TIMESTAMPING) & TS_TSONLY);
    long long flags = MSG_ERRQUEUE | (whole || *ret_result > 0 ? MSG_TRUNC : 0);
    *ret_result = 0;
    return check(run, message, &all, flags);
}
