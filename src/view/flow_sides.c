/* SPDX-License-Identifier: BSD-2-Clause */
/* Who stands on which side of the picture, told by what each socket was used for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/flow.h"

void *flow_more(void *array_ptr, uint32_t *n, uint32_t *cap, size_t size)
{
    char **array = array_ptr;
    if (*n == *cap) {
        uint32_t bigger = *cap ? *cap * 2 : 64;
        char *moved = realloc(*array, bigger * size);
        if (!moved)
            return NULL;
        *array = moved;
        *cap = bigger;
    }
    char *element = *array + (*n)++ * size;
    memset(element, 0, size);
    return element;
}

static struct flow_socket *socket_of(struct flow *flow, uint64_t handle, pid_t pid)
{
    uint32_t *index = view_map_put(&flow->by_handle, handle);
    if (!index)
        return NULL;
    if (*index == 0) {
        struct flow_socket *s =
            flow_more(&flow->sockets, &flow->n_sockets, &flow->cap_sockets, sizeof(*flow->sockets));
        if (!s)
            return NULL;
        s->handle = handle;
        s->pid = pid;
        *index = flow->n_sockets;
    }
    return &flow->sockets[*index - 1];
}

struct flow_socket *flow_socket(struct flow *flow, uint64_t handle)
{
    uint32_t index = handle ? view_map_get(&flow->by_handle, handle) : 0;
    return index ? &flow->sockets[index - 1] : NULL;
}

struct flow_process *flow_process(struct flow *flow, pid_t pid)
{
    uint32_t *index = view_map_put(&flow->by_pid, (uint64_t)(uint32_t)pid + 1);
    if (!index)
        return NULL;
    if (*index == 0) {
        struct flow_process *p = flow_more(&flow->processes, &flow->n_processes,
                                           &flow->cap_processes, sizeof(*flow->processes));
        if (!p)
            return NULL;
        p->pid = pid;
        *index = flow->n_processes;
    }
    return &flow->processes[*index - 1];
}

/* What a call says about its socket's side; SIDE_UNKNOWN: nothing. */
static enum flow_side side_of_call(const struct view_call *call, const struct flow_socket *s)
{
    switch (view_call_role(call->nr)) {
    case ROLE_LISTEN:
    case ROLE_ACCEPT:
        return SIDE_RIGHT;
    case ROLE_CONNECT:
    case ROLE_SEND:
        return SIDE_LEFT;
    case ROLE_RECV:
        return s->bound ? SIDE_RIGHT : SIDE_LEFT;
    default:
        return SIDE_UNKNOWN;
    }
}

static int see_call(struct flow *flow, const struct view_call *call)
{
    struct flow_process *p = flow_process(flow, call->pid);
    if (!p)
        return -ENOMEM;
    if (!call->answer || call->socket == 0)
        return 0;
    struct flow_socket *s = socket_of(flow, call->socket, call->pid);
    if (!s)
        return -ENOMEM;
    if (view_call_role(call->nr) == ROLE_BIND && call->result == 0)
        s->bound = true;
    if (view_call_role(call->nr) == ROLE_SHUTDOWN && call->result == 0)
        s->shut = true;
    if (s->side == SIDE_UNKNOWN)
        s->side = (uint8_t)side_of_call(call, s);
    if (p->side == SIDE_UNKNOWN)
        p->side = s->side;
    return 0;
}

int flow_sides(struct flow *flow)
{
    const struct sw_view *view = flow->view;
    for (uint32_t i = 1; i <= view->n; i++) {
        const struct view_record *r = &view->records[i];
        int err = r->kind == VIEW_CALL ? see_call(flow, &r->call) : 0;
        if (err)
            return err;
        if (r->kind == VIEW_PROCESS) {
            struct flow_process *p = flow_process(flow, r->process.pid);
            if (!p)
                return -ENOMEM;
            p->program = r->process.program;
        }
    }
    for (uint32_t i = 1; i <= view->n; i++) { /* who only read and wrote */
        const struct view_record *r = &view->records[i];
        struct flow_socket *s = r->kind == VIEW_DATA ? flow_socket(flow, r->data.socket) : NULL;
        if (s && s->side == SIDE_UNKNOWN)
            s->side = r->data.what == SW_VIEW_GIVEN && s->bound ? SIDE_RIGHT : SIDE_LEFT;
    }
    return 0;
}

/* FNV-1a over both ends, the smaller first, so that either direction finds it. */
static uint64_t ends_key(const struct sw_addr *a, const struct sw_addr *b, bool tcp)
{
    uint8_t bytes[2][18];
    const struct sw_addr *ends[2] = {a, b};
    uint64_t hash = 0xcbf29ce484222325ULL ^ tcp;
    for (unsigned i = 0; i < 2; i++) {
        memcpy(bytes[i], ends[i]->ip.b, 16);
        bytes[i][16] = (uint8_t)(ends[i]->port >> 8);
        bytes[i][17] = (uint8_t)ends[i]->port;
    }
    unsigned first = memcmp(bytes[0], bytes[1], sizeof(bytes[0])) > 0;
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < sizeof(bytes[0]); k++)
            hash = (hash ^ bytes[first ^ i][k]) * 0x100000001b3ULL;
    }
    return hash | 1;
}

/* Whether `local` of the first event of a pair is the server. */
static bool local_is_server(struct flow *flow, const struct sw_trace_event *event, bool tcp)
{
    bool sent = event->kind == SW_TRACE_SEGMENT_SENT || event->kind == SW_TRACE_DATAGRAM_SENT;
    const struct flow_socket *s = flow_socket(flow, event->socket);
    bool bare_syn = tcp && (event->v[2] & 0x12) == 0x02; /* SYN without ACK: the client's */
    if (bare_syn || !s || s->side == SIDE_UNKNOWN)
        return !sent;
    return s->side == SIDE_RIGHT;
}

struct flow_conn *flow_conn(struct flow *flow, const struct sw_trace_event *event, uint8_t *ret_dir)
{
    bool tcp = event->kind != SW_TRACE_DATAGRAM_SENT && event->kind != SW_TRACE_DATAGRAM_RECEIVED;
    uint32_t *index = view_map_put(&flow->by_ends, ends_key(&event->local, &event->remote, tcp));
    if (!index)
        return NULL;
    if (*index == 0) {
        struct flow_conn *c =
            flow_more(&flow->conns, &flow->n_conns, &flow->cap_conns, sizeof(*flow->conns));
        if (!c)
            return NULL;
        unsigned server = local_is_server(flow, event, tcp);
        c->ends[server] = event->local;
        c->ends[!server] = event->remote;
        *index = flow->n_conns;
    }
    struct flow_conn *c = &flow->conns[*index - 1];
    *ret_dir =
        !(sw_ip_eq(&c->ends[0].ip, &event->local.ip) && c->ends[0].port == event->local.port);
    return c;
}

void flow_fini(struct flow *flow)
{
    free(flow->sockets);
    free(flow->processes);
    free(flow->conns);
    free(flow->rows);
    free(flow->open);
    view_map_fini(&flow->by_handle);
    view_map_fini(&flow->by_pid);
    view_map_fini(&flow->by_ends);
}
