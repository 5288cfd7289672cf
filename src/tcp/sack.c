/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sender's SACK scoreboard (RFC 2018, RFC 6675): the records of the flight, marked.
 *
 * Work per ACK is bounded (bug class: CVE-2019-11477 and its like): records are cut only at
 * multiples of the MSS they were sent with and not where too many others would have to move,
 * neighbours that are both SACKED become one record, and what is known to be lost is not looked at
 * again.
 */
#include "tcp/meter.h"
#include "tcp/private.h"
#include "tcp/recovery.h"

#define DUPACK_THRESHOLD 3U /* RFC 6675 2: DupThresh */

/* So many records may have to make room for one that is cut in two. A larger flight is cut near its
 * ends only; elsewhere a block counts for whole records. */
#define CUT_MOVES_MAX 4096U

/* Neighbours are joined, which looks at every record, once this share of them may have become such:
 * so each SACKED segment pays for so many records and no ACK for more. */
#define JOIN_SHARE 64U

static bool may_cut(const struct sw_tcp_flight *f, uint32_t i)
{
    return sw_min32(i, f->count - i) <= CUT_MOVES_MAX;
}

/* A boundary inside record i that is a whole number of MSS from its start: at `seq`, or after it.
 */
static sw_seq boundary(struct sw_tcp *tcp, uint32_t i, sw_seq seq)
{
    sw_seq start = sw_flight_at(tcp->snd.flight, i)->seq;
    uint32_t off = seq.v - start.v, mss = tcp->snd.mss;

    return sw_seq_add(start, (off + mss - 1) / mss * mss);
}

/* The first record that begins at or after `left`, cutting one if it must be. */
static uint32_t first_record(struct sw_tcp *tcp, sw_seq left)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t i = sw_flight_find(tcp, left);
    sw_seq cut;

    if (sw_seq_le(left, sw_flight_at(f, i)->seq))
        return i;
    if (sw_flight_at(f, i)->flags & SW_TX_SACKED)
        return i + 1; /* nothing new in it */
    cut = boundary(tcp, i, left);
    if (sw_seq_lt(cut, sw_flight_end(tcp, i)) && may_cut(f, i))
        sw_flight_split(tcp, i, cut); /* without memory the block is understood a little less */
    return i + 1;
}

/* Marks what lies in [left, right). Returns bytes newly marked. */
static uint32_t mark_block(struct sw_tcp *tcp, sw_seq left, sw_seq right)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t marked = 0;

    for (uint32_t i = first_record(tcp, left); i < f->count; i++) {
        struct sw_txrec *rec = sw_flight_at(f, i);
        sw_seq end = sw_flight_end(tcp, i);

        f->work++;
        if (sw_seq_le(right, rec->seq))
            break;
        if (rec->flags & SW_TX_SACKED)
            continue;
        if (sw_seq_lt(right, end)) { /* the block ends inside: only whole segments count */
            uint32_t whole = right.v - rec->seq.v;

            whole -= whole % tcp->snd.mss;
            if (whole == 0 || !may_cut(f, i) ||
                sw_flight_split(tcp, i, sw_seq_add(rec->seq, whole)) < 0)
                break;
            rec = sw_flight_at(f, i);
            end = sw_flight_end(tcp, i);
        }
        marked += end.v - rec->seq.v;
        if (!(rec->flags & SW_TX_AGAIN) && sw_seq_le(end, f->high_seq))
            f->original_sacked = true;
        sw_rack_delivered(tcp, rec, end);
        sw_rate_delivered(tcp, rec, end);
        sw_flight_mark(tcp, i, SW_TX_SACKED, SW_TX_LOST | SW_TX_RETRANS);
        f->high_sacked = sw_seq_max(f->high_sacked, end);
        f->unjoined++;
    }
    return marked;
}

/* Neighbours that are both SACKED become one record. */
static void join_sacked(struct sw_tcp_flight *f)
{
    uint32_t to = 0;

    f->work += f->count;
    f->unjoined = 0;
    for (uint32_t from = 1; from < f->count; from++) {
        struct sw_txrec *rec = sw_flight_at(f, from);

        if ((rec->flags & SW_TX_SACKED) && (sw_flight_at(f, to)->flags & SW_TX_SACKED)) {
            sw_flight_at(f, to)->flags |= rec->flags & (SW_TX_AGAIN | SW_TX_TWICE);
            continue;
        }
        if (++to != from)
            *sw_flight_at(f, to) = *rec;
    }
    f->count = f->count ? to + 1 : 0;
}

/* RFC 2883 4: a first block below the ACK, or inside the second, reports a duplicate. */
static bool is_dsack(const struct sw_tcp_hdr *hdr)
{
    const struct sw_tcp_sack *b = hdr->sacks;

    if (sw_seq_le(b[0].right, hdr->ack))
        return true;
    return hdr->n_sacks > 1 && sw_seq_le(b[1].left, b[0].left) && sw_seq_le(b[0].right, b[1].right);
}

uint32_t sw_sack_update(struct sw_tcp *tcp, const struct sw_tcp_hdr *hdr, bool *ret_dsack)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t marked = 0;

    *ret_dsack = false;
    if (!f || hdr->n_sacks == 0 || !sw_tcp_has(tcp, SW_TCPF_SACK))
        return 0;
    *ret_dsack = is_dsack(hdr);
    if (*ret_dsack) {
        tcp->snd.meter->dsack_dups +=
            (hdr->sacks[0].right.v - hdr->sacks[0].left.v + tcp->snd.mss - 1) / tcp->snd.mss;
        sw_rack_on_dsack(tcp, &hdr->sacks[0]);
        sw_undo_dsack(tcp, &hdr->sacks[0]);
    }
    if (f->count == 0)
        return 0;
    for (unsigned i = 0; i < hdr->n_sacks; i++) {
        sw_seq left = sw_seq_max(hdr->sacks[i].left, sw_seq_max(hdr->ack, tcp->snd.una));
        sw_seq right = hdr->sacks[i].right;

        /* Blocks of what was not sent, or turned about, are nonsense or malice. */
        if (sw_seq_lt(tcp->snd.nxt, right) || sw_seq_le(right, left) ||
            sw_seq_le(hdr->sacks[i].right, hdr->sacks[i].left))
            continue;
        marked += mark_block(tcp, left, right);
    }
    if (marked > 0) {
        if ((uint64_t)f->unjoined * JOIN_SHARE >= f->count)
            join_sacked(f);
        f->delivered += marked;
    }
    return marked;
}

/* RFC 6675 4: lost is what has more than (DupThresh - 1) * SMSS of SACKED bytes above it. */
void sw_sack_mark_lost(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;
    uint32_t above = 0, i;
    sw_seq stop = sw_seq_max(f->sack_lost, tcp->snd.una), lost_to = stop;

    if (f->sacked == 0 || f->count == 0)
        return;
    for (i = sw_flight_find(tcp, sw_seq_sub(f->high_sacked, 1)) + 1; i-- > 0;) {
        struct sw_txrec *rec = sw_flight_at(f, i);

        if (sw_seq_le(sw_flight_end(tcp, i), stop))
            break;
        if (rec->flags & SW_TX_SACKED) {
            above += sw_flight_len(tcp, i);
        } else if (above > (DUPACK_THRESHOLD - 1) * tcp->snd.mss) {
            lost_to = sw_seq_max(lost_to, sw_flight_end(tcp, i));
            if (!(rec->flags & SW_TX_LOST))
                sw_flight_mark(tcp, i, SW_TX_LOST, 0);
        }
    }
    f->sack_lost = lost_to;
}

void sw_sack_forget(struct sw_tcp *tcp)
{
    struct sw_tcp_flight *f = tcp->snd.flight;

    for (uint32_t i = 0; i < f->count; i++)
        sw_flight_mark(tcp, i, 0, SW_TX_SACKED);
    f->sack_lost = f->high_sacked = tcp->snd.una;
}
