/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll and epoll over sw_poll() and sw_host_ready(): level- and edge-triggered, one-shot.
 */
#include <errno.h>
#include <stdlib.h>

#include "adapter/adapter.h"

#define NS_PER_MS 1000000ULL

static uint64_t deadline_of(const struct adapter *a, int timeout_ms)
{
    if (timeout_ms < 0)
        return SW_NEVER;
    return a->now_ns + (uint64_t)(unsigned)timeout_ms * NS_PER_MS;
}

static uint32_t events_of(struct adapter *a, int fd)
{
    struct slot *slot = slot_of(a, fd);
    int events = slot == NULL ? -1 : sw_poll(a->host, slot->socket);
    return events < 0 ? POLLNVAL : (uint32_t)events;
}

/* ---- poll ------------------------------------------------------------------------------- */

static int poll_now(struct adapter *a, struct pollfd *fds, nfds_t count)
{
    const uint32_t always = POLLERR | POLLHUP | POLLNVAL;
    int told = 0;
    for (nfds_t i = 0; i < count; i++) {
        uint32_t wanted = (uint16_t)fds[i].events | always;
        fds[i].revents = fds[i].fd < 0 ? 0 : (short)(events_of(a, fds[i].fd) & wanted);
        told += fds[i].revents != 0;
    }
    return told;
}

static int call_poll(void *userdata, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    uint64_t deadline = deadline_of(a, timeout_ms);
    int told = poll_now(a, fds, count);
    while (told == 0 && adapter_sleep(a, deadline))
        told = poll_now(a, fds, count);
    adapter_leave(a);
    return told;
}

/* ---- epoll ------------------------------------------------------------------------------ */

static struct slot *epoll_of(struct adapter *a, int fd)
{
    bool known = fd >= 0 && fd < ADAPTER_FDS_MAX && a->slots[fd].kind == SLOT_EPOLL;
    return known ? &a->slots[fd] : NULL;
}

void ready_collect(struct adapter *a)
{
    struct sw_ready ready;
    while (sw_host_ready(a->host, &ready))
        for (int i = 0; i < ADAPTER_FDS_MAX; i++)
            for (struct watch *w = a->slots[i].watches; w != NULL; w = w->next)
                if (a->slots[w->fd].socket == ready.socket)
                    w->fresh = true;
}

void ready_forget(struct adapter *a, int fd)
{
    for (int i = 0; i < ADAPTER_FDS_MAX; i++)
        for (struct watch **at = &a->slots[i].watches; *at != NULL;) {
            struct watch *w = *at;
            if (w->fd == fd) {
                *at = w->next;
                free(w);
            } else {
                at = &w->next;
            }
        }
}

static int call_epoll_create(void *userdata, int size)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    int fd = size > 0 ? slot_new(a, SLOT_EPOLL) : -EINVAL;
    adapter_leave(a);
    return (int)adapter_result(fd);
}

static int control(struct adapter *a, struct slot *epoll, int op, int fd,
                   const struct epoll_event *event)
{
    struct watch **at = &epoll->watches;
    while (*at != NULL && (*at)->fd != fd)
        at = &(*at)->next;
    struct watch *w = *at;
    if (op == EPOLL_CTL_ADD ? w != NULL : w == NULL)
        return op == EPOLL_CTL_ADD ? -EEXIST : -ENOENT;
    if (op == EPOLL_CTL_DEL) {
        *at = w->next;
        free(w);
        return 0;
    }
    if (w != NULL && ((event->events | w->event.events) & EPOLLEXCLUSIVE))
        return -EINVAL; /* epoll_ctl(2): never together with EPOLL_CTL_MOD */
    if (slot_of(a, fd) == NULL)
        return -EBADF;
    if (w == NULL) {
        w = calloc(1, sizeof(*w));
        if (w == NULL)
            return -ENOMEM;
        *at = w;
    }
    w->fd = fd;
    w->event = *event;
    w->fresh = true;
    w->off = false;
    return 0;
}

static int call_epoll_ctl(void *userdata, int epoll, int op, int fd, struct epoll_event *event)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    struct slot *slot = epoll_of(a, epoll);
    int r = slot == NULL ? -EBADF : control(a, slot, op, fd, event);
    adapter_leave(a);
    return (int)adapter_result(r);
}

static int epoll_now(struct adapter *a, struct slot *epoll, struct epoll_event *events, int max)
{
    int told = 0;
    ready_collect(a);
    for (struct watch *w = epoll->watches; w != NULL && told < max; w = w->next) {
        bool asks = !w->off && (!(w->event.events & EPOLLET) || w->fresh);
        uint32_t wanted = (w->event.events & 0xffff) | EPOLLERR | EPOLLHUP;
        uint32_t found = asks ? events_of(a, w->fd) & wanted : 0;
        w->fresh = false;
        if (found == 0)
            continue;
        w->off = (w->event.events & EPOLLONESHOT) != 0;
        events[told++] = (struct epoll_event){.events = found, .data = w->event.data};
    }
    return told;
}

static int call_epoll_wait(void *userdata, int epoll, struct epoll_event *events, int max,
                           int timeout_ms)
{
    struct adapter *a = userdata;
    adapter_enter(a);
    uint64_t deadline = deadline_of(a, timeout_ms);
    struct slot *slot = epoll_of(a, epoll);
    int r = slot == NULL ? -EBADF : max <= 0 ? -EINVAL : epoll_now(a, slot, events, max);
    while (r == 0 && adapter_sleep(a, deadline))
        r = epoll_now(a, slot, events, max);
    adapter_leave(a);
    return (int)adapter_result(r);
}

void ready_fill(struct packetdrill_interface *table)
{
    table->poll = call_poll;
    table->epoll_create = call_epoll_create;
    table->epoll_ctl = call_epoll_ctl;
    table->epoll_wait = call_epoll_wait;
}
