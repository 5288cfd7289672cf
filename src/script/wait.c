/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll and epoll over sw_poll() and sw_host_ready(), level- and edge-triggered, one-shot.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "script/private.h"

/* ---- how long a wait may take ----------------------------------------------------------- */

/* Nothing is ready. Sleeps, or says 0 once the timeout (ms, negative: none) has passed. */
static int64_t nothing_yet(struct run *run, long long timeout_ms)
{
    if (run->pending.event == NULL)
        run->pending.deadline_ns =
            timeout_ms < 0 ? SW_NEVER : run->now_ns + (uint64_t)timeout_ms * SCRIPT_MS;
    return run->now_ns >= run->pending.deadline_ns ? 0 : CALL_SLEEPS;
}

static uint32_t events_of(struct run *run, int fd)
{
    if (fd < 0 || fd >= FDS_MAX || run->fds[fd].kind != FD_SOCKET)
        return POLLNVAL;
    int events = sw_poll(run->host, run->fds[fd].socket);
    return events < 0 ? POLLNVAL : (uint32_t)events;
}

/* ---- poll ------------------------------------------------------------------------------- */

static bool poll_one(struct run *run, const struct expr *e, uint32_t *ret_revents)
{
    const struct expr *fd = expr_field(e, "fd"), *events = expr_field(e, "events");
    if (fd == NULL || events == NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, e->pos,
                           "a pollfd is {fd=3, events=POLLIN, revents=0}");
    uint32_t always = POLLERR | POLLHUP | POLLNVAL;
    *ret_revents = events_of(run, (int)fd->number) & ((uint32_t)events->number | always);
    return true;
}

static bool poll_check(struct run *run, const struct expr *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct expr *wanted = expr_field(list->items[i], "revents");
        uint32_t revents = 0, expected = wanted != NULL ? (uint32_t)wanted->number : 0;
        if (!poll_one(run, list->items[i], &revents))
            return false;
        if (revents != expected)
            return script_fail(run->script, SCRIPT_FAILED, list->items[i]->pos,
                               "poll() gave the events 0x%x, and the script expects 0x%x", revents,
                               expected);
    }
    return true;
}

bool call_poll(struct run *run, struct scall *call, int64_t *ret_result)
{
    const struct expr *list = call->args[0];
    long long timeout_ms;
    if (list->kind != EXPR_LIST)
        return script_fail(run->script, SCRIPT_SYNTAX, list->pos, "poll() takes [{fd=3, ...}]");
    if (!arg_number(run, call, 2, &timeout_ms))
        return false;
    *ret_result = 0;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t revents = 0;
        if (!poll_one(run, list->items[i], &revents))
            return false;
        *ret_result += revents != 0;
    }
    if (*ret_result == 0)
        *ret_result = nothing_yet(run, timeout_ms);
    return *ret_result == CALL_SLEEPS || poll_check(run, list);
}

/* ---- epoll ------------------------------------------------------------------------------ */

bool call_epoll_create(struct run *run, struct scall *call, int64_t *ret_result)
{
    long long fd = call->result->kind == EXPR_NUMBER ? call->result->number : -1;
    if (fd < 0 || fd >= FDS_MAX || run->fds[fd].kind != FD_FREE)
        return script_fail(run->script, SCRIPT_SYNTAX, call->result->pos,
                           "descriptor %lld is in use or too large", fd);
    run->fds[fd] = (struct sfd){.kind = FD_EPOLL};
    *ret_result = fd;
    return true;
}

static struct watch *find_watch(const struct sfd *epoll, int fd)
{
    for (struct watch *w = epoll->watches; w != NULL; w = w->next)
        if (w->fd == fd)
            return w;
    return NULL;
}

static bool event_of(struct run *run, const struct expr *e, uint32_t *ret_events,
                     uint64_t *ret_data)
{
    static const char *const names[] = {"fd", "ptr", "u32", "u64"};
    const struct expr *events = expr_field(e, "events");
    *ret_data = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct expr *data = expr_field(e, names[i]);
        if (data != NULL)
            *ret_data = (uint64_t)data->number;
    }
    if (events == NULL)
        return script_fail(run->script, SCRIPT_SYNTAX, e->pos,
                           "an event is {events=EPOLLIN, fd=4}");
    *ret_events = (uint32_t)events->number;
    return true;
}

bool call_epoll_ctl(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *epoll, *target;
    long long op, fd;
    uint32_t events = 0;
    uint64_t data = 0;
    if (!arg_fd(run, call, 0, &epoll) || !arg_number(run, call, 1, &op) ||
        !arg_fd(run, call, 2, &target) || !arg_number(run, call, 2, &fd) ||
        (op != EPOLL_CTL_DEL && !event_of(run, call->args[3], &events, &data)))
        return false;
    struct watch *w = find_watch(epoll, (int)fd);
    if (op == EPOLL_CTL_ADD ? w != NULL : w == NULL) {
        *ret_result = op == EPOLL_CTL_ADD ? -EEXIST : -ENOENT;
        return true;
    }
    *ret_result = 0;
    if (op == EPOLL_CTL_DEL) {
        w->fd = -1;
        return true;
    }
    if (op == EPOLL_CTL_ADD) {
        w = arena_alloc(&run->script->arena, sizeof(*w));
        struct watch **last = &epoll->watches; /* told in the order they were added */
        while (*last != NULL)
            last = &(*last)->next;
        *last = w;
    } else if ((events | w->events) & EPOLLEXCLUSIVE) {
        *ret_result = -EINVAL; /* epoll_ctl(2): never together with MOD */
        return true;
    }
    w->fd = (int)fd;
    w->events = events;
    w->data = data;
    w->fresh = true;
    w->off = false;
    return true;
}

void wait_note_ready(struct run *run)
{
    struct sw_ready ready;
    while (sw_host_ready(run->host, &ready))
        for (unsigned i = 0; i < FDS_MAX; i++)
            for (struct watch *w = run->fds[i].watches; w != NULL; w = w->next)
                if (w->fd >= 0 && run->fds[w->fd].socket == ready.socket)
                    w->fresh = true;
}

/* The events to tell of one watch; 0: none. */
static uint32_t watch_events(struct run *run, const struct watch *w)
{
    if (w->fd < 0 || w->off || ((w->events & EPOLLET) && !w->fresh))
        return 0;
    return events_of(run, w->fd) & ((w->events & 0xffff) | EPOLLERR | EPOLLHUP);
}

static bool tell(struct run *run, const struct expr *e, uint32_t events, uint64_t data)
{
    uint32_t expected_events = 0;
    uint64_t expected_data = 0;
    if (!event_of(run, e, &expected_events, &expected_data))
        return false;
    if (events != expected_events)
        return script_fail(run->script, SCRIPT_FAILED, e->pos,
                           "epoll_wait() gave the events 0x%x, and the script expects 0x%x", events,
                           expected_events);
    return data == expected_data ||
           script_fail(run->script, SCRIPT_FAILED, e->pos,
                       "epoll_wait() gave the data %llu, and the script expects %llu",
                       (unsigned long long)data, (unsigned long long)expected_data);
}

bool call_epoll_wait(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *epoll;
    long long max, timeout_ms;
    const struct expr *list = call->args[1];
    if (!arg_fd(run, call, 0, &epoll) || !arg_number(run, call, 2, &max) ||
        !arg_number(run, call, 3, &timeout_ms))
        return false;
    wait_note_ready(run);
    int64_t told = 0;
    for (struct watch *w = epoll->watches; w != NULL && told < max; w = w->next) {
        uint32_t events = watch_events(run, w);
        if (events == 0) {
            w->fresh = false;
            continue;
        }
        const struct expr *e = list->kind != EXPR_LIST      ? list
                               : (size_t)told < list->count ? list->items[told]
                                                            : NULL;
        if (e != NULL && e->kind == EXPR_STRUCT && !tell(run, e, events, w->data))
            return false;
        w->fresh = false;
        w->off = (w->events & EPOLLONESHOT) != 0;
        told++;
    }
    *ret_result = told > 0 ? told : nothing_yet(run, timeout_ms);
    return true;
}
