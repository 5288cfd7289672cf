/* SPDX-License-Identifier: BSD-2-Clause */
/* The words on arrows and beside lifelines, as one would write them on a whiteboard. */
#include <string.h>

#include "tcp/tcp.h"
#include "view/flow.h"

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static bool arrow_is_tcp(const struct flow_row *row)
{
    return row->record->trace.kind == SW_TRACE_SEGMENT_SENT ||
           row->record->trace.kind == SW_TRACE_SEGMENT_RECEIVED;
}

static void say_flags(struct view_words *w, uint64_t flags)
{
    static const struct {
        uint16_t bit;
        const char *name;
    } names[] = {
        {SW_TCP_SYN, "SYN"}, {SW_TCP_FIN, "FIN"}, {SW_TCP_RST, "RST"}, {SW_TCP_PSH, "PSH"},
        {SW_TCP_URG, "URG"}, {SW_TCP_ECE, "ECE"}, {SW_TCP_CWR, "CWR"}, {SW_TCP_ACK, "ACK"},
    };
    const char *sep = "";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (flags & names[i].bit) {
            view_say(w, "%s%s", sep, names[i].name);
            sep = " ";
        }
    }
}

enum { /* what an arrow has room for: each level has all below it */
       SAY_LITTLE,
       SAY_ACK_FLAG, /* that data has an ACK says little */
       SAY_PUSH,
       SAY_ACK,
       SAY_MSS,
       SAY_WINDOW,
       SAY_LEVELS,
};

static bool sent_again(const struct flow_row *row)
{
    return row->record->trace.kind == SW_TRACE_SEGMENT_SENT && row->record->trace.v[6];
}

static void say_segment(struct view_words *w, const struct flow *flow, const struct flow_row *row,
                        unsigned detail)
{
    const struct sw_trace_event *e = &row->record->trace;
    const struct flow_conn *c = &flow->conns[row->conn - 1];
    uint64_t flags = e->v[2];
    bool plain_data = e->v[3] > 0 && (flags & ~(uint64_t)(SW_TCP_PSH | SW_TCP_ACK)) == 0;
    if (plain_data && detail < SAY_PUSH)
        flags &= detail < SAY_ACK_FLAG || sent_again(row) ? 0 : SW_TCP_ACK;
    if (sent_again(row))
        view_say(w, "again: ");
    say_flags(w, flags);
    if (!(flags & SW_TCP_RST) && c->has_isn[row->dir])
        view_say(w, "%s%s%u", flags ? "  " : "",
                 sent_again(row) && detail == SAY_LITTLE ? "" : "seq ",
                 (unsigned)((uint32_t)e->v[0] - c->isn[row->dir]));
    if (detail >= SAY_ACK && (flags & SW_TCP_ACK) && c->has_isn[!row->dir])
        view_say(w, "  ack %u", (unsigned)((uint32_t)e->v[1] - c->isn[!row->dir]));
    if (e->v[3] > 0)
        view_say(w, "  %llu byte%s", (unsigned long long)e->v[3], plural(e->v[3]));
    if (detail >= SAY_MSS && (flags & SW_TCP_SYN) && e->v[5])
        view_say(w, "  mss %llu", (unsigned long long)e->v[5]);
    if (detail >= SAY_WINDOW && !(flags & SW_TCP_RST))
        view_say(w, "  win %llu", (unsigned long long)e->v[4]);
}

static void say_arrow(struct view_words *w, const struct flow *flow, const struct flow_row *row,
                      unsigned detail)
{
    const struct sw_trace_event *e = &row->record->trace;
    w->len = 0;
    w->buf[0] = '\0';
    if (flow->overlap) /* which connection: the client's port tells */
        view_say(w, ":%u  ", (unsigned)flow->conns[row->conn - 1].ends[0].port);
    if (row->copy) /* nobody here sent it, or the link made two of one */
        view_say(w, "a copy: ");
    if (arrow_is_tcp(row))
        say_segment(w, flow, row, detail);
    else
        view_say(w, "%llu byte%s", (unsigned long long)e->v[0], plural(e->v[0]));
    if (row->drop != SW_DROP_NONE && row->arrived && row->arrived_bytes > 0)
        view_say(w, ", %llu of them arrive", (unsigned long long)row->arrived_bytes);
}

static void say_icmp(struct view_words *w, const struct sw_trace_event *e)
{
    static const struct {
        uint8_t family, type, code;
        const char *text;
    } names[] = {
        {4, 3, 0, "net unreachable"},
        {4, 3, 1, "host unreachable"},
        {4, 3, 2, "protocol unreachable"},
        {4, 3, 3, "port unreachable"},
        {4, 3, 4, "fragmentation needed"},
        {4, 11, 0, "time to live ran out"},
        {4, 11, 1, "reassembly timed out"},
        {4, 8, 0, "echo request"},
        {4, 0, 0, "echo reply"},
        {6, 1, 0, "no route"},
        {6, 1, 3, "address unreachable"},
        {6, 1, 4, "port unreachable"},
        {6, 2, 0, "packet too big"},
        {6, 3, 1, "reassembly timed out"},
        {6, 4, 1, "unrecognized next header"},
        {6, 128, 0, "echo request"},
        {6, 129, 0, "echo reply"},
    };
    view_say(w, "ICMP%s ", e->v[0] == 6 ? "v6" : "");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].family == e->v[0] && names[i].type == e->v[1] && names[i].code == e->v[2]) {
            view_say(w, "%s", names[i].text);
            return;
        }
    }
    view_say(w, "type %llu code %llu", (unsigned long long)e->v[1], (unsigned long long)e->v[2]);
}

void flow_arrow_text(const struct flow *flow, const struct flow_row *row, unsigned room, char *buf,
                     size_t size)
{
    struct view_words w = view_words(buf, size);
    if (row->kind == ROW_ICMP) {
        say_icmp(&w, &row->record->trace);
        return;
    }
    for (unsigned detail = SAY_LEVELS; detail > 0; detail--) {
        say_arrow(&w, flow, row, detail - 1);
        if (w.len <= room)
            return;
    }
    buf[room < size ? room : size - 1] = '\0';
}

static const struct view_call *call_of(const struct flow *flow, const struct flow_row *row)
{
    const struct view_record *r = row->record;
    return r->kind == VIEW_CALL ? &r->call : &flow->view->records[r->call_index].call;
}

static void say_call(struct view_words *w, const struct flow *flow, const struct flow_row *row)
{
    char call_text[200], result[120];
    const struct view_call *call = call_of(flow, row);
    view_call_text(call, call_text, sizeof(call_text));
    view_result_text(call, result, sizeof(result));
    if (row->kind == ROW_CALL)
        view_say(w, "%s%s", call_text, call->result == 0 && !call->has_from ? "" : result);
    else if (row->kind == ROW_ENTER)
        view_say(w, "%s ...", call_text);
    else
        view_say(w, "... %s%s", view_call_name(call->nr), result);
}

static void say_data(struct view_words *w, const struct view_record *r)
{
    unsigned long long len = r->data.len;
    switch (r->data.what) {
    case SW_VIEW_TAKEN:
        view_say(w, "send: %llu byte%s", len, plural(len));
        break;
    case SW_VIEW_GIVEN:
        if (len)
            view_say(w, "recv: %llu byte%s", len, plural(len));
        else
            view_say(w, "recv: end of the stream");
        break;
    case SW_VIEW_SHUT:
        view_say(w, "shutdown: sends no more");
        break;
    case SW_VIEW_CLOSED:
        view_say(w, "close");
        break;
    }
}

static pid_t pid_of(const struct flow *flow, const struct flow_row *row)
{
    return row->kind == ROW_DATA ? 0 : call_of(flow, row)->pid;
}

void flow_side_text(const struct flow *flow, const struct flow_row *row, char *buf, size_t size)
{
    struct view_words w = view_words(buf, size);
    const struct sw_trace_event *e = &row->record->trace;
    unsigned others = 0;
    switch (row->kind) {
    case ROW_CALL:
    case ROW_ENTER:
    case ROW_ANSWER:
        for (uint32_t i = 0; i < flow->n_processes; i++)
            others += flow->processes[i].shown[row->side];
        if (others > 1)
            view_say(&w, "%d: ", (int)pid_of(flow, row));
        say_call(&w, flow, row);
        break;
    case ROW_DATA:
        say_data(&w, row->record);
        break;
    case ROW_STATE:
        view_say(&w, "(%s -> %s)", sw_tcp_state_name((enum sw_tcp_state)e->v[0]),
                 sw_tcp_state_name((enum sw_tcp_state)e->v[1]));
        break;
    case ROW_TIMER:
        view_say(&w, "(%s timer)", e->v[0] == SW_TCP_TIMER_PERSIST ? "persist" : "retransmission");
        break;
    case ROW_DROP:
        view_say(&w, "(dropped: %s: %s)", sw_drop_name((enum sw_drop)row->drop),
                 sw_drop_text((enum sw_drop)row->drop));
        break;
    default:
        break;
    }
}

static bool has_flags(const struct flow_row *row, uint64_t flags)
{
    return arrow_is_tcp(row) && (row->record->trace.v[2] & flags) != 0;
}

enum colour flow_colour(const struct flow_row *row)
{
    switch (row->kind) {
    case ROW_CALL:
    case ROW_ENTER:
    case ROW_ANSWER:
    case ROW_DATA:
        return C_CALL;
    case ROW_ICMP:
    case ROW_DROP:
        return C_ERROR;
    case ROW_STATE:
    case ROW_TIMER:
        return C_DIM;
    default:
        break;
    }
    if (has_flags(row, SW_TCP_RST))
        return C_RESET;
    if (sent_again(row))
        return C_AGAIN;
    if (has_flags(row, SW_TCP_SYN))
        return C_OPEN;
    if (has_flags(row, SW_TCP_FIN))
        return C_CLOSE;
    return row->record->trace.v[arrow_is_tcp(row) ? 3 : 0] > 0 ? C_DATA : C_ACK;
}

bool flow_is_plain(const struct flow_row *row)
{
    if (row->kind == ROW_DATA)
        return (row->record->data.what == SW_VIEW_TAKEN ||
                row->record->data.what == SW_VIEW_GIVEN) &&
               row->record->data.len > 0;
    return row->kind == ROW_ARROW && row->drop == SW_DROP_NONE && row->arrived && !row->copy &&
           !sent_again(row) && !has_flags(row, SW_TCP_SYN | SW_TCP_FIN | SW_TCP_RST | SW_TCP_URG);
}
