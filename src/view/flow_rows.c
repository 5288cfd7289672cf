/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records become rows. Two records that are one thing in the world become one row: a packet sent
 * and the same packet received, or dropped; a call entered and at once answered.
 *
 * Matching packets: `open` holds the arrows under way. A segment that is received closes, or closes
 * a part of, the oldest arrow of its connection and direction whose sequence numbers it shares; it
 * may be a piece of what was sent as one, or several merged. A datagram closes the oldest of its
 * length.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/flow.h"

static struct flow_row *new_row(struct flow *flow, const struct view_record *r,
                                enum flow_row_kind kind)
{
    struct flow_row *row = flow_more(&flow->rows, &flow->n_rows, &flow->cap_rows, sizeof(*row));
    if (row) {
        row->record = r;
        row->kind = (uint8_t)kind;
        row->side = SIDE_LEFT;
    }
    return row;
}

static uint8_t side_of_socket(struct flow *flow, uint64_t handle, pid_t pid)
{
    const struct flow_socket *s = flow_socket(flow, handle);
    if (s && s->side != SIDE_UNKNOWN)
        return s->side;
    const struct flow_process *p = flow_process(flow, s ? s->pid : pid);
    return p && p->side != SIDE_UNKNOWN ? p->side : SIDE_LEFT;
}

/* Calls that wait for the other side: their answer is an event of its own. */
static bool waits(const struct view_call *call)
{
    enum view_role role = view_call_role(call->nr);
    return role == ROLE_CONNECT || role == ROLE_ACCEPT || role == ROLE_RECV;
}

/* The row of a call's entry if its answer needs none of its own: nothing came between, or only the
 * packets that it caused. NULL: it does. */
static struct flow_row *entry_row(struct flow *flow, const struct view_call *call)
{
    for (uint32_t i = flow->n_rows; i > 0; i--) {
        struct flow_row *row = &flow->rows[i - 1];
        if (row->kind == ROW_ENTER && &row->record->call == call)
            return row;
        if (row->kind <= ROW_DATA || waits(call))
            break;
    }
    return NULL;
}

static int call_row(struct flow *flow, const struct view_record *r)
{
    const struct view_call *call =
        r->kind == VIEW_CALL ? &r->call : &flow->view->records[r->call_index].call;
    struct flow_row *entry = r->kind == VIEW_ANSWER ? entry_row(flow, call) : NULL;
    struct flow_process *p = flow_process(flow, call->pid);
    if (!p)
        return -ENOMEM;
    if (entry) {
        entry->kind = ROW_CALL;
        return 0;
    }
    struct flow_row *row = new_row(flow, r, r->kind == VIEW_CALL ? ROW_ENTER : ROW_ANSWER);
    if (!row)
        return -ENOMEM;
    row->side = side_of_socket(flow, call->socket, call->pid);
    p->shown[row->side] = true;
    return 0;
}

static int data_row(struct flow *flow, const struct view_record *r)
{
    const struct flow_socket *s = flow_socket(flow, r->data.socket);
    if (r->data.what == SW_VIEW_SHUT && s && s->shut)
        return 0;
    struct flow_row *row = new_row(flow, r, ROW_DATA);
    if (!row)
        return -ENOMEM;
    row->side = side_of_socket(flow, r->data.socket, 0);
    return 0;
}

static bool is_tcp(const struct flow_row *row)
{
    return row->record->trace.kind == SW_TRACE_SEGMENT_SENT ||
           row->record->trace.kind == SW_TRACE_SEGMENT_RECEIVED;
}

/* Sequence numbers that a segment takes up: SYN and FIN count one each (RFC 9293 3.4). */
static uint32_t seq_len(const struct sw_trace_event *e)
{
    return (uint32_t)e->v[3] + (e->v[2] & 0x01 ? 1 : 0) + (e->v[2] & 0x02 ? 1 : 0);
}

/* Whether `got` is, or shares a part of, what `sent` was. */
static bool same_packet(const struct sw_trace_event *sent, const struct sw_trace_event *got)
{
    if (sent->kind == SW_TRACE_DATAGRAM_SENT)
        return sent->v[0] == got->v[0];
    uint32_t len_a = seq_len(sent), len_b = seq_len(got);
    int32_t distance = (int32_t)((uint32_t)got->v[0] - (uint32_t)sent->v[0]);
    if ((sent->v[2] ^ got->v[2]) & 0x06) /* SYN, RST */
        return false;
    if (len_a == 0 || len_b == 0)
        return len_a == len_b && distance == 0 && sent->v[1] == got->v[1];
    return distance < (int32_t)len_a && -distance < (int32_t)len_b;
}

static void close_arrow(struct flow *flow, uint32_t at)
{
    memmove(flow->open + at, flow->open + at + 1, (flow->n_open - at - 1) * sizeof(*flow->open));
    flow->n_open--;
}

/* Remembers from where to where in the picture a connection goes. */
static void span(struct flow *flow, struct flow_conn *c)
{
    if (c->first_row == 0)
        c->first_row = flow->n_rows;
    c->last_row = flow->n_rows;
}

static int sent_row(struct flow *flow, const struct view_record *r)
{
    uint8_t dir;
    struct flow_conn *c = flow_conn(flow, &r->trace, &dir);
    struct flow_row *row = c ? new_row(flow, r, ROW_ARROW) : NULL;
    uint32_t *open =
        row ? flow_more(&flow->open, &flow->n_open, &flow->cap_open, sizeof(*flow->open)) : NULL;
    if (!open)
        return -ENOMEM;
    *open = flow->n_rows - 1;
    row->conn = (uint32_t)(c - flow->conns) + 1;
    row->dir = dir;
    row->side = dir == 0 ? SIDE_LEFT : SIDE_RIGHT;
    span(flow, c);
    bool reset_without_seq = (r->trace.v[2] & 0x04) && !c->has_isn[dir];
    if (is_tcp(row) && !c->has_isn[dir] && !reset_without_seq) {
        c->has_isn[dir] = true;
        c->isn[dir] = (uint32_t)r->trace.v[0];
    }
    return 0;
}

/* `local` of the event is who received. */
static int received_row(struct flow *flow, const struct view_record *r)
{
    uint8_t dir;
    const struct flow_conn *c = flow_conn(flow, &r->trace, &dir);
    if (!c)
        return -ENOMEM;
    uint32_t conn = (uint32_t)(c - flow->conns) + 1;
    bool found = false;
    dir = !dir;
    for (uint32_t i = 0; i < flow->n_open;) {
        struct flow_row *row = &flow->rows[flow->open[i]];
        const struct sw_trace_event *sent = &row->record->trace;
        bool broken = !is_tcp(row) && row->drop != SW_DROP_NONE; /* a fragment of it was lost */
        if (row->conn != conn || row->dir != dir || broken || !same_packet(sent, &r->trace)) {
            i++;
            continue;
        }
        row->arrived = true;
        row->arrived_ns = r->at_ns;
        row->arrived_bytes += r->trace.v[3];
        found = true;
        if (!is_tcp(row) || row->arrived_bytes >= sent->v[3])
            close_arrow(flow, i);
        else
            i++;
        if (!is_tcp(row) || seq_len(&r->trace) <= seq_len(sent))
            return 0; /* not merged out of several */
    }
    if (found)
        return 0;
    struct flow_row *row =
        new_row(flow, r, ROW_ARROW); /* nobody here sent it, or a copy of it came */
    if (!row)
        return -ENOMEM;
    row->conn = conn;
    row->dir = dir;
    row->side = dir == 0 ? SIDE_LEFT : SIDE_RIGHT;
    row->arrived = row->copy = true;
    row->arrived_ns = r->at_ns;
    return 0;
}

static bool ends_match(const struct sw_addr *a, const struct sw_addr *b)
{
    return sw_ip_eq(&a->ip, &b->ip) && (a->port == 0 || b->port == 0 || a->port == b->port);
}

/* Whether a drop is of this arrow's packet. The link names the sender first; the transports name
 * themselves, the receivers, first; IP has no ports. The length may be with the IP header or
 * without. */
static bool drop_fits(const struct flow_row *row, const struct sw_trace_event *drop)
{
    const struct sw_trace_event *sent = &row->record->trace;
    uint64_t payload = is_tcp(row) ? sent->v[3] : sent->v[0], len = drop->v[1];
    static const struct sw_ip none = {{0}};
    bool straight =
        ends_match(&sent->local, &drop->local) && ends_match(&sent->remote, &drop->remote);
    bool reversed =
        ends_match(&sent->local, &drop->remote) && ends_match(&sent->remote, &drop->local);
    bool unknown = sw_ip_eq(&drop->local.ip, &none) && sw_ip_eq(&drop->remote.ip, &none);
    bool by_link = drop->v[0] >= SW_DROP_LINK_LOSS && drop->v[0] <= SW_DROP_LINK_DOWN;
    bool by_transport = drop->v[0] >= SW_DROP_UDP_TRUNCATED && drop->v[0] <= SW_DROP_TCP_TIME_WAIT;
    if (!unknown && !(straight && !by_transport) && !(reversed && !by_link))
        return false;
    if (by_link && is_tcp(row) && drop->v[2] - sent->v[0] > sent->v[3])
        return false; /* not from this segment */
    /* Headers of 8 to 120 bytes, or nothing: the header was pulled off. Less than the whole: a
     * piece of a larger segment, a fragment of a larger datagram. */
    return len <= payload + 120 && (len >= payload || is_tcp(row) || by_link);
}

/* The arrow that a drop ends: under way, or arrived at this very moment. NULL: none. An arrow of
 * which only a part was dropped stays open for the rest. */
static struct flow_row *dropped_arrow(struct flow *flow, const struct view_record *r)
{
    bool by_link = r->trace.v[0] >= SW_DROP_LINK_LOSS && r->trace.v[0] <= SW_DROP_LINK_DOWN;
    for (uint32_t i = 0; i < flow->n_open; i++) { /* a link loses what was just sent */
        uint32_t at = by_link ? flow->n_open - 1 - i : i;
        struct flow_row *row = &flow->rows[flow->open[at]];
        uint64_t payload = row->record->trace.v[is_tcp(row) ? 3 : 0];
        bool part = r->trace.v[1] < payload;
        if ((row->drop == SW_DROP_NONE || part) && drop_fits(row, &r->trace)) {
            if (!part)
                close_arrow(flow, at);
            return row;
        }
    }
    for (uint32_t i = flow->n_rows; i > 0 && i + 64 > flow->n_rows; i--) {
        struct flow_row *row = &flow->rows[i - 1];
        if (row->kind == ROW_ARROW && row->arrived && row->arrived_ns == r->at_ns &&
            row->drop == SW_DROP_NONE && drop_fits(row, &r->trace))
            return row;
    }
    return NULL;
}

static int drop_row(struct flow *flow, const struct view_record *r)
{
    struct flow_row *row = dropped_arrow(flow, r);
    if (!row) {
        row = new_row(flow, r, ROW_DROP);
        if (!row)
            return -ENOMEM;
    }
    row->drop = (uint8_t)r->trace.v[0];
    return 0;
}

/* Which side speaks ICMP is not in its addresses on a loopback: it answers the last arrow. */
static int icmp_row(struct flow *flow, const struct view_record *r)
{
    uint8_t side = SIDE_RIGHT;
    for (uint32_t i = flow->n_rows; i > 0; i--) {
        if (flow->rows[i - 1].kind == ROW_ARROW) {
            side = flow->rows[i - 1].side == SIDE_LEFT ? SIDE_RIGHT : SIDE_LEFT;
            break;
        }
    }
    struct flow_row *row = new_row(flow, r, ROW_ICMP);
    if (!row)
        return -ENOMEM;
    row->side = side;
    return 0;
}

static int event_row(struct flow *flow, const struct view_record *r, enum flow_row_kind kind)
{
    const struct flow_socket *s = flow_socket(flow, r->trace.socket);
    uint8_t dir = 0, side = s ? s->side : SIDE_UNKNOWN;
    if (side == SIDE_UNKNOWN && r->trace.remote.port != 0) {
        if (!flow_conn(flow, &r->trace, &dir))
            return -ENOMEM;
        side = dir == 0 ? SIDE_LEFT : SIDE_RIGHT;
    }
    struct flow_row *row = new_row(flow, r, kind);
    if (!row)
        return -ENOMEM;
    row->side = side == SIDE_UNKNOWN ? SIDE_LEFT : side;
    return 0;
}

static int trace_row(struct flow *flow, const struct view_record *r, bool states)
{
    switch (r->trace.kind) {
    case SW_TRACE_SEGMENT_SENT:
    case SW_TRACE_DATAGRAM_SENT:
        return sent_row(flow, r);
    case SW_TRACE_SEGMENT_RECEIVED:
    case SW_TRACE_DATAGRAM_RECEIVED:
        return received_row(flow, r);
    case SW_TRACE_PACKET_DROPPED:
        return drop_row(flow, r);
    case SW_TRACE_ICMP_SENT:
        return icmp_row(flow, r);
    case SW_TRACE_STATE:
        return states ? event_row(flow, r, ROW_STATE) : 0;
    case SW_TRACE_TIMER:
        return r->trace.v[0] <= 1 ? event_row(flow, r, ROW_TIMER) : 0; /* retransmit, persist */
    default:
        return 0;
    }
}

/* Whether two connections lived at the same time. They are in the order of their first rows. */
static bool conns_overlap(const struct flow *flow)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < flow->n_conns; i++) {
        const struct flow_conn *c = &flow->conns[i];
        if (c->first_row && c->first_row < last)
            return true;
        if (c->last_row > last)
            last = c->last_row;
    }
    return false;
}

int flow_rows(struct flow *flow, bool states)
{
    for (uint32_t i = 1; i <= flow->view->n; i++) {
        const struct view_record *r = &flow->view->records[i];
        int err = 0;
        if (r->kind == VIEW_TRACE)
            err = trace_row(flow, r, states);
        else if (r->kind == VIEW_CALL || r->kind == VIEW_ANSWER)
            err = call_row(flow, r);
        else if (r->kind == VIEW_DATA)
            err = data_row(flow, r);
        if (err)
            return err;
    }
    flow->overlap = conns_overlap(flow);
    return 0;
}
