/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls onto <sockworks/socket.h>: the table, the calls that make and name sockets, and how
 * a call sleeps.
 *
 * The library never blocks. Where a descriptor does, a call function answers CALL_SLEEPS instead of
 * -EAGAIN; the call is then `pending` and tried again after everything that happens to the host,
 * until it has a result. One call can sleep at a time: the program of a script has one thread for
 * those.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "script/private.h"

/* ---- arguments -------------------------------------------------------------------------- */

bool arg_number(struct run *run, struct scall *call, size_t i, long long *ret)
{
    const struct expr *e = call->args[i];
    if (e->kind != EXPR_NUMBER && e->kind != EXPR_NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, e->pos, "%s() takes a number here",
                           call->name);
    *ret = e->number;
    return true;
}

bool arg_boxed(struct run *run, const struct expr *e, long long *ret)
{
    if (e->kind == EXPR_LIST && e->count == 1)
        e = e->items[0];
    if (e->kind != EXPR_NUMBER)
        return script_fail(run->script, SCRIPT_SYNTAX, e->pos, "here goes a number, as [1]");
    *ret = e->number;
    return true;
}

bool arg_fd(struct run *run, struct scall *call, size_t i, struct sfd **ret)
{
    long long fd;
    if (!arg_number(run, call, i, &fd))
        return false;
    if (fd < 0 || fd >= FDS_MAX || run->fds[fd].kind == FD_FREE)
        return script_fail(run->script, SCRIPT_SYNTAX, call->args[i]->pos,
                           "there is no descriptor %lld at this point", fd);
    *ret = &run->fds[fd];
    return true;
}

static bool arg_socket(struct run *run, struct scall *call, size_t i, struct sfd **ret)
{
    if (!arg_fd(run, call, i, ret))
        return false;
    return (*ret)->kind == FD_SOCKET ||
           script_fail(run->script, SCRIPT_SYNTAX, call->args[i]->pos, "this is no socket");
}

const struct expr *expr_field(const struct expr *e, const char *name)
{
    for (size_t i = 0; e->kind == EXPR_STRUCT && i < e->count; i++)
        if (e->items[i]->name != NULL && strcmp(e->items[i]->name, name) == 0)
            return e->items[i];
    return NULL;
}

int64_t sleep_or(const struct sfd *sfd, long long flags, int64_t result)
{
    bool sleeps = result == -EAGAIN && !sfd->nonblocking && !(flags & MSG_DONTWAIT);
    return sleeps ? CALL_SLEEPS : result;
}

bool arg_addr(struct run *run, const struct expr *e, bool remote, struct sw_addr *ret,
              bool *ret_unspec)
{
    const struct soptions *o = &run->script->options;
    *ret = (struct sw_addr){.ip = remote ? o->remote : o->local,
                            .port = remote ? o->connect_port : o->bind_port};
    *ret_unspec = false;
    if (e->kind == EXPR_ELLIPSIS)
        return true;
    const struct expr *family = expr_field(e, "sa_family"), *port = expr_field(e, "sin_port");
    const struct expr *addr = expr_field(e, "sin_addr");
    if ((family != NULL && family->number == AF_UNSPEC) ||
        (e->kind == EXPR_NUMBER && e->number == AF_UNSPEC)) {
        *ret_unspec = true;
        return true;
    }
    if (family == NULL || port == NULL || addr == NULL || addr->kind != EXPR_ADDRESS)
        return script_fail(run->script, SCRIPT_SYNTAX, e->pos,
                           "an address is {sa_family = AF_INET, sin_port = htons(8080), "
                           "sin_addr = inet_addr(\"192.0.2.1\")}");
    *ret = (struct sw_addr){.ip = addr->ip, .port = (uint16_t)port->number};
    return true;
}

bool new_fd(struct run *run, struct scall *call, int *ret_fd)
{
    long long fd = call->result->kind == EXPR_NUMBER ? call->result->number : -1;
    if (fd < 0) { /* it ought to fail, and did not: any free one shows that */
        for (fd = 3; run->fds[fd].kind != FD_FREE; fd++)
            ;
    }
    if (fd >= FDS_MAX)
        return script_fail(run->script, SCRIPT_SYNTAX, call->result->pos,
                           "descriptor %lld is too large", fd);
    *ret_fd = (int)fd; /* a number given again is the newer one; the socket before stays open */
    return true;
}

/* ---- making and naming sockets ---------------------------------------------------------- */

static bool call_socket(struct run *run, struct scall *call, int64_t *ret_result)
{
    long long domain, type, protocol;
    bool any = call->args[0]->kind == EXPR_ELLIPSIS;
    int fd = -1;
    if (!any && !arg_number(run, call, 0, &domain))
        return false;
    if (any)
        domain = run->script->options.mode == MODE_IPV4 ? AF_INET : AF_INET6;
    if (!arg_number(run, call, 1, &type) || !arg_number(run, call, 2, &protocol) ||
        !new_fd(run, call, &fd))
        return false;
    sw_socket_t handle;
    *ret_result = sw_socket(run->host, (int)domain, (int)(type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)),
                            (int)protocol, &handle);
    if (*ret_result < 0)
        return true;
    if (run->paced) { /* as fast as its window lets it; what it accepts inherits that */
        const uint64_t rate = UINT64_MAX - 1;
        sw_setsockopt(run->host, handle, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate));
    }
    bool stream = (type & 0xf) == SOCK_STREAM;
    run->fds[fd] = (struct sfd){.kind = FD_SOCKET,
                                .socket = handle,
                                .stream = stream,
                                .nonblocking = (type & SOCK_NONBLOCK) != 0};
    run->fds[fd].flow = flow_new(run, stream ? SW_PROTO_TCP : SW_PROTO_UDP, fd);
    *ret_result = fd;
    return true;
}

static bool call_bind(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    struct sw_addr addr;
    bool unspec;
    if (!arg_socket(run, call, 0, &sfd) || !arg_addr(run, call->args[1], false, &addr, &unspec))
        return false;
    *ret_result = sw_bind(run->host, sfd->socket, &addr);
    if (*ret_result == 0) {
        sw_getsockname(run->host, sfd->socket, &addr);
        sfd->flow->local.port = addr.port;
        if (!sw_ip_is_any(&addr.ip))
            sfd->flow->local.ip = addr.ip;
    }
    return true;
}

static bool call_listen(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    long long backlog;
    if (!arg_socket(run, call, 0, &sfd) || !arg_number(run, call, 1, &backlog))
        return false;
    *ret_result = sw_listen(run->host, sfd->socket, (int)backlog);
    if (*ret_result == 0) {
        sfd->flow->state = FLOW_LISTENING;
        run->under_test = sfd->flow;
    }
    return true;
}

static bool call_connect(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    struct sw_addr remote;
    bool unspec;
    if (!arg_socket(run, call, 0, &sfd) || !arg_addr(run, call->args[1], true, &remote, &unspec))
        return false;
    int r = sw_connect(run->host, sfd->socket, unspec ? NULL : &remote);
    bool begun = r == -EINPROGRESS || (r == 0 && (!sfd->stream || sfd->flow->state == FLOW_NEW));
    if (run->pending.event == NULL && begun && !unspec) {
        sfd->put_off = r == 0 && sfd->stream;
        flow_connects(run, sfd, &remote);
    }
    bool waits = r == -EINPROGRESS || (r == -EALREADY && run->pending.event != NULL);
    *ret_result = waits && !sfd->nonblocking ? CALL_SLEEPS : r;
    return true;
}

static bool call_accept(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    struct sw_addr remote;
    sw_socket_t handle;
    long long flags = 0;
    int fd = -1;
    if (!arg_socket(run, call, 0, &sfd) || !new_fd(run, call, &fd) ||
        (call->count > 3 && !arg_number(run, call, 3, &flags)))
        return false;
    int r = sw_accept(run->host, sfd->socket, &handle, &remote);
    *ret_result = sleep_or(sfd, 0, r);
    if (r < 0)
        return true;
    run->fds[fd] = (struct sfd){.kind = FD_SOCKET,
                                .socket = handle,
                                .stream = true,
                                .nonblocking = (flags & SOCK_NONBLOCK) != 0};
    for (struct flow *flow = run->flows; flow != NULL; flow = flow->next)
        if (flow->proto == SW_PROTO_TCP && flow->remote.port == remote.port &&
            sw_ip_eq(&flow->remote.ip, &remote.ip) && flow->state == FLOW_OPEN) {
            flow->fd = fd;
            run->fds[fd].flow = flow;
            break;
        }
    *ret_result = fd;
    return true;
}

static bool call_shutdown(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    long long how;
    if (!arg_socket(run, call, 0, &sfd) || !arg_number(run, call, 1, &how))
        return false;
    *ret_result = sw_shutdown(run->host, sfd->socket, (int)how);
    return true;
}

/* SO_LINGER: close() of a blocking socket waits until all is acknowledged, or its time is over.
 * Like a shutdown that is waited for; what was not read is a matter of close() itself. */
static bool lingers(struct run *run, const struct sfd *sfd)
{
    int linger[2] = {0, 0};
    size_t len = sizeof(linger);
    struct tcp_info info = {0};
    size_t info_len = sizeof(info);
    if (sfd->kind != FD_SOCKET || !sfd->stream || sfd->nonblocking ||
        sw_getsockopt(run->host, sfd->socket, SOL_SOCKET, SO_LINGER, linger, &len) < 0 ||
        !linger[0] || linger[1] <= 0 || sw_recv_queued(run->host, sfd->socket) > 0)
        return false;
    sw_shutdown(run->host, sfd->socket, SHUT_WR);
    sw_getsockopt(run->host, sfd->socket, SOL_TCP, TCP_INFO, &info, &info_len);
    if (info.tcpi_state != TCP_FIN_WAIT1 && info.tcpi_state != TCP_CLOSING &&
        info.tcpi_state != TCP_LAST_ACK)
        return false;
    if (run->pending.event == NULL)
        run->pending.deadline_ns = run->now_ns + (unsigned)linger[1] * SCRIPT_S;
    return run->now_ns < run->pending.deadline_ns;
}

static bool call_close(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *sfd;
    if (!arg_fd(run, call, 0, &sfd))
        return false;
    int fd = (int)(sfd - run->fds);
    if (lingers(run, sfd)) {
        *ret_result = CALL_SLEEPS;
        return true;
    }
    *ret_result = sfd->kind == FD_SOCKET ? sw_close(run->host, sfd->socket) : 0;
    for (unsigned i = 0; i < FDS_MAX; i++) /* epoll forgets it */
        for (struct watch *w = run->fds[i].watches; w != NULL; w = w->next)
            if (w->fd == fd)
                w->fd = -1;
    if (sfd->flow != NULL && sfd->flow->fd == fd)
        sfd->flow->fd = -1;
    *sfd = (struct sfd){0};
    return true;
}

/* ---- the table -------------------------------------------------------------------------- */

static const struct call_entry entries[] = {
    {"socket", 3, 3, call_socket},
    {"bind", 3, 3, call_bind},
    {"listen", 2, 2, call_listen},
    {"connect", 3, 3, call_connect},
    {"accept", 3, 3, call_accept},
    {"accept4", 4, 4, call_accept},
    {"shutdown", 2, 2, call_shutdown},
    {"close", 1, 1, call_close},
    {"read", 3, 3, call_read},
    {"recv", 4, 4, call_recv},
    {"recvfrom", 6, 6, call_recvfrom},
    {"readv", 3, 3, call_readv},
    {"recvmsg", 3, 3, call_recvmsg},
    {"write", 3, 3, call_write},
    {"send", 4, 4, call_send},
    {"sendto", 6, 6, call_sendto},
    {"writev", 3, 3, call_writev},
    {"sendmsg", 3, 3, call_sendmsg},
    {"open", 2, 3, call_open},
    {"pipe", 1, 1, call_pipe},
    {"splice", 6, 6, call_splice},
    {"sendfile", 4, 4, call_sendfile},
    {"getsockopt", 5, 5, call_getsockopt},
    {"setsockopt", 5, 5, call_setsockopt},
    {"fcntl", 2, 3, call_fcntl},
    {"ioctl", 3, 3, call_ioctl},
    {"poll", 3, 3, call_poll},
    {"epoll_create", 1, 1, call_epoll_create},
    {"epoll_create1", 1, 1, call_epoll_create},
    {"epoll_ctl", 4, 4, call_epoll_ctl},
    {"epoll_wait", 4, 4, call_epoll_wait},
};

static call_fn *find_call(struct run *run, const struct scall *call, struct pos pos)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        const struct call_entry *e = &entries[i];
        if (strcmp(e->name, call->name) != 0)
            continue;
        if (call->count >= e->min_args && call->count <= e->max_args)
            return e->fn;
        script_error(run->script, SCRIPT_SYNTAX, pos, "%s() takes %u arguments, not %zu", e->name,
                     e->min_args, call->count);
        return NULL;
    }
    script_error(run->script, SCRIPT_UNSUPPORTED, pos, "the call %s() is not supported here",
                 call->name);
    return NULL;
}

/* ---- results ---------------------------------------------------------------------------- */

static void text_result(struct text *text, int64_t result)
{
    if (result < 0)
        text_add(text, "-1 %s", symbol_errno((int)-result));
    else
        text_add(text, "%lld", (long long)result);
}

static bool as_expected(const struct scall *call, int64_t result)
{
    if (call->result->kind == EXPR_ELLIPSIS)
        return true;
    if (call->err != 0)
        return result == -call->err;
    return call->result->number < 0 ? result < 0 : result == call->result->number;
}

static bool finish(struct run *run, struct event *event, int64_t result)
{
    struct text line = {0};
    text_call(&line, &event->call);
    text_add(&line, " = ");
    text_result(&line, result);
    report_log(run, "%s", line.s);
    text_fini(&line);
    if (as_expected(&event->call, result))
        return true;
    struct text both = {0};
    text_result(&both, result);
    text_add(&both, ", and the script expects ");
    if (event->call.err != 0)
        text_add(&both, "-1 %s", event->call.err_name);
    else
        text_add(&both, "%lld", event->call.result->number);
    script_error(run->script, SCRIPT_FAILED, event->pos, "%s() returned %s", event->call.name,
                 both.s);
    text_fini(&both);
    return false;
}

/* A call that was to sleep until end_ns returned now. */
static bool finish_sleep(struct run *run, struct event *event, uint64_t since_ns, uint64_t end_ns,
                         int64_t result)
{
    uint64_t tolerance = run_tolerance(run, since_ns, end_ns);
    uint64_t off = run->now_ns > end_ns ? run->now_ns - end_ns : end_ns - run->now_ns;
    if (!finish(run, event, result))
        return false;
    return off <= tolerance ||
           script_fail(run->script, SCRIPT_FAILED, event->pos,
                       "%s() returned at %.6f s, and the script expects that at %.6f s",
                       event->call.name, run_seconds(run, run->now_ns), run_seconds(run, end_ns));
}

bool call_run(struct run *run, struct scall *call)
{
    struct event *event = run->event;
    call_fn *fn = find_call(run, call, event->pos);
    int64_t result = 0;
    if (fn == NULL || !fn(run, call, &result))
        return false;
    run->calls++;
    uint64_t end_ns = call->end_ns + (event->time_kind == TIME_RELATIVE ? run->now_ns - event->at_ns
                                                                        : run->start_ns);
    if (result == CALL_SLEEPS) {
        if (!call->blocking)
            return script_fail(run->script, SCRIPT_FAILED, event->pos,
                               "%s() sleeps, and the script expects a result at once", call->name);
        run->pending.event = event;
        run->pending.since_ns = run->now_ns;
        run->pending.end_ns = end_ns;
        return true;
    }
    run->pending = (struct pending){.deadline_ns = SW_NEVER};
    return call->blocking ? finish_sleep(run, event, run->now_ns, end_ns, result)
                          : finish(run, event, result);
}

void call_retry(struct run *run)
{
    struct event *event = run->pending.event;
    if (event == NULL || run->script->verdict != SCRIPT_PASSED)
        return;
    call_fn *fn = find_call(run, &event->call, event->pos);
    int64_t result = 0;
    if (!fn(run, &event->call, &result) || result == CALL_SLEEPS)
        return;
    struct pending done = run->pending;
    run->pending = (struct pending){.deadline_ns = SW_NEVER};
    finish_sleep(run, event, done.since_ns, done.end_ns, result);
}
