/* SPDX-License-Identifier: BSD-2-Clause */
/* Notices of what became of bytes: see notice.h. */
#include "tcp/notice.h"

#include <errno.h>

#include "tcp/private.h"
#include "tcp/rare.h"

struct sw_mark {
    struct sw_mark *next;
    sw_seq end; /* behind the byte */
    uint32_t copy;
    uint8_t wants; /* 1 << kind, of what has not come about yet */
};

static struct sw_notices *notices_of(const struct sw_tcp *tcp)
{
    return tcp->rare ? tcp->rare->notices : NULL;
}

static struct sw_notices *notices_own(struct sw_tcp *tcp)
{
    struct sw_tcp_rare *rare = sw_rare_get(tcp);
    if (rare && !rare->notices)
        rare->notices = sw_mem_alloc(sw_tcp_env(tcp)->mem, sizeof(*rare->notices));
    return rare ? rare->notices : NULL;
}

int sw_notices_number(struct sw_tcp *tcp, bool unwritten)
{
    struct sw_notices *n = notices_own(tcp);
    if (!n)
        return -ENOMEM;
    n->base = unwritten ? sw_seq_add(sw_tcp_snd_base(tcp), tcp->snd.queue.len) : tcp->snd.una;
    n->has_base = true;
    return 0;
}

void sw_notices_unnumber(struct sw_tcp *tcp)
{
    struct sw_notices *n = notices_of(tcp);
    if (n)
        n->has_base = false;
}

void sw_notices_mark(struct sw_tcp *tcp, unsigned wants)
{
    struct sw_notices *n = notices_own(tcp);
    struct sw_mark *mark;
    uint32_t copy;
    if (!n)
        return;
    copy = n->n_copies;
    if (wants & 1U << SW_NOTICE_COPIED)
        n->n_copies++;
    if (n->n_marks >= SW_NOTICES_MAX)
        return;
    mark = sw_mem_alloc(sw_tcp_env(tcp)->mem, sizeof(*mark));
    if (!mark)
        return;
    *mark = (struct sw_mark){.end = sw_seq_add(sw_tcp_snd_base(tcp), tcp->snd.queue.len),
                             .copy = copy,
                             .wants = (uint8_t)wants};
    if (n->last_mark)
        n->last_mark->next = mark;
    else
        n->marks = mark;
    n->last_mark = mark;
    n->n_marks++;
}

/* Linux's skb_zerocopy_notify_extend(): a notice that follows on the last one is joined to it. */
static bool join(struct sw_notices *n, const struct sw_mark *mark)
{
    if (!n->last || n->last->kind != SW_NOTICE_COPIED || n->last->last + 1 != mark->copy)
        return false;
    n->last->last = mark->copy;
    return true;
}

/* One that the mark wants, or nothing. */
static void tell(struct sw_tcp *tcp, struct sw_notices *n, struct sw_mark *mark,
                 enum sw_notice_kind kind)
{
    struct sw_notice *notice;
    if (!(mark->wants & 1U << kind))
        return;
    mark->wants &= (uint8_t) ~(1U << kind);
    if (kind == SW_NOTICE_COPIED && join(n, mark))
        return;
    if (n->n_told >= SW_NOTICES_MAX)
        return;
    notice = sw_mem_alloc(sw_tcp_env(tcp)->mem, sizeof(*notice));
    if (!notice)
        return;
    *notice = (struct sw_notice){.at_ns = sw_tcp_env(tcp)->now_ns, .kind = (uint8_t)kind};
    if (kind == SW_NOTICE_COPIED)
        notice->first = notice->last = mark->copy;
    else if (n->has_base)
        notice->last = mark->end.v - 1 - n->base.v;
    if (n->last)
        n->last->next = notice;
    else
        n->first = notice;
    n->last = notice;
    n->n_told++;
}

static void drop_mark(struct sw_tcp *tcp, struct sw_notices *n)
{
    struct sw_mark *mark = n->marks;
    n->marks = mark->next;
    if (!n->marks)
        n->last_mark = NULL;
    n->n_marks--;
    sw_mem_free(sw_tcp_env(tcp)->mem, mark, sizeof(*mark));
}

bool sw_notices_look(struct sw_tcp *tcp, bool over)
{
    struct sw_notices *n = notices_of(tcp);
    unsigned before;
    bool any = false;
    if (!n)
        return false;
    for (struct sw_mark *mark = n->marks; mark; mark = mark->next) {
        if (!over && !sw_seq_le(mark->end, tcp->snd.nxt))
            break;
        before = mark->wants;
        if (sw_seq_le(mark->end, tcp->snd.nxt)) {
            tell(tcp, n, mark, SW_NOTICE_SCHED);
            tell(tcp, n, mark, SW_NOTICE_SENT);
        }
        if (sw_seq_le(mark->end, tcp->snd.una))
            tell(tcp, n, mark, SW_NOTICE_ACKED);
        if (over || sw_seq_le(mark->end, tcp->snd.una))
            tell(tcp, n, mark, SW_NOTICE_COPIED);
        any |= mark->wants != before;
    }
    while (n->marks && (over || sw_seq_le(n->marks->end, tcp->snd.una)))
        drop_mark(tcp, n);
    return any;
}

bool sw_notices_wait(const struct sw_tcp *tcp)
{
    const struct sw_notices *n = notices_of(tcp);
    return n && n->first;
}

bool sw_notices_take(struct sw_tcp *tcp, struct sw_notice *ret_notice)
{
    struct sw_notices *n = notices_of(tcp);
    struct sw_notice *first = n ? n->first : NULL;
    if (!first)
        return false;
    *ret_notice = *first;
    n->first = first->next;
    if (!n->first)
        n->last = NULL;
    n->n_told--;
    sw_mem_free(sw_tcp_env(tcp)->mem, first, sizeof(*first));
    return true;
}

void sw_notices_free(struct sw_tcp *tcp)
{
    struct sw_notices *n = notices_of(tcp);
    struct sw_notice taken;
    if (!n)
        return;
    while (n->marks)
        drop_mark(tcp, n);
    while (sw_notices_take(tcp, &taken))
        ;
    sw_mem_free(sw_tcp_env(tcp)->mem, n, sizeof(*n));
    tcp->rare->notices = NULL;
}
