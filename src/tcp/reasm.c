/* SPDX-License-Identifier: BSD-2-Clause */
/* Out-of-order data and the SACK blocks that report it: see reasm.h. */
#include "tcp/reasm.h"

#include "tcp/private.h"
#include "tcp/rare.h"

#define CAP_MIN 16U
#define COPY_CHUNK_BYTES 4096U
/* With so many pieces, small ones are copied behind each other so that neighbours become one. */
#define COPY_ABOVE_PIECES 64U
#define COPY_BELOW_BYTES 4096U

struct sw_tcp_extra *sw_extra_get(struct sw_tcp *tcp)
{
    if (!tcp->rcv.extra) {
        tcp->rcv.extra = sw_mem_alloc(sw_tcp_env(tcp)->mem, sizeof(struct sw_tcp_extra));
        sw_tcp_arm_idle(tcp); /* which frees it when nothing has come for a while */
    }
    return tcp->rcv.extra;
}

void sw_extra_free(struct sw_tcp *tcp)
{
    struct sw_mem *mem = sw_tcp_env(tcp)->mem;
    struct sw_tcp_extra *x = tcp->rcv.extra;

    if (!x)
        return;
    for (uint32_t i = 0; i < x->count; i++)
        sw_chunk_put(x->pieces[x->first + i].slice.chunk);
    sw_mem_free(mem, x->pieces, x->cap * sizeof(x->pieces[0]));
    sw_chunk_put(x->copies);
    sw_mem_free(mem, x, sizeof(*x));
    tcp->rcv.extra = NULL;
}

static struct sw_reasm_piece *piece(const struct sw_tcp_extra *x, uint32_t i)
{
    return &x->pieces[x->first + i];
}

static sw_seq piece_end(const struct sw_tcp_extra *x, uint32_t i)
{
    return sw_seq_add(piece(x, i)->seq, piece(x, i)->slice.len);
}

/* Index of the first piece that ends after `seq`. */
static uint32_t find(const struct sw_tcp_extra *x, sw_seq seq)
{
    uint32_t low = 0, high = x->count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (sw_seq_lt(seq, piece_end(x, mid)))
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static void remove_pieces(struct sw_tcp_extra *x, uint32_t at, uint32_t n)
{
    for (uint32_t i = at; i < at + n; i++) {
        x->bytes -= piece(x, i)->slice.len;
        sw_chunk_put(piece(x, i)->slice.chunk);
    }
    if (at == 0)
        x->first += n;
    else
        memmove(piece(x, at), piece(x, at + n), (x->count - at - n) * sizeof(x->pieces[0]));
    x->count -= n;
    if (x->count == 0)
        x->first = 0;
}

/* Room for one more entry behind the last. False: no memory, or too many. */
static bool reserve(struct sw_tcp *tcp, struct sw_tcp_extra *x)
{
    struct sw_mem *mem = sw_tcp_env(tcp)->mem;
    struct sw_reasm_piece *pieces;
    uint32_t cap;

    if (x->count >= SW_REASM_MAX)
        return false;
    if (x->first + x->count < x->cap)
        return true;
    cap = x->count < x->cap / 2 ? x->cap : sw_max32(x->cap * 2, CAP_MIN);
    if (cap == x->cap) { /* enough room in front */
        SW_ASSERT(x->pieces != NULL);
        memmove(x->pieces, piece(x, 0), x->count * sizeof(*pieces));
        x->first = 0;
        return true;
    }
    pieces = sw_mem_alloc(mem, cap * sizeof(*pieces));
    if (!pieces)
        return false;
    if (x->count)
        memcpy(pieces, piece(x, 0), x->count * sizeof(*pieces));
    sw_mem_free(mem, x->pieces, x->cap * sizeof(*pieces));
    x->pieces = pieces;
    x->first = 0;
    x->cap = cap;
    return true;
}

/* Copies a slice behind what was copied before. False: no memory. */
static bool copy_slice(struct sw_tcp *tcp, struct sw_tcp_extra *x, struct sw_slice *slice)
{
    struct sw_chunk *to = x->copies;

    if (!to || to->cap - to->fill < slice->len) {
        uint32_t cap = sw_max32(sw_min32(x->bytes, SW_CHUNK_BYTES), COPY_CHUNK_BYTES);

        to = sw_chunk_new(sw_tcp_env(tcp)->mem, sw_max32(cap, slice->len));
        if (!to)
            return false;
        sw_chunk_put(x->copies);
        x->copies = to;
    }
    memcpy(to->data + to->fill, slice->chunk->data + slice->off, slice->len);
    slice->chunk = to;
    slice->off = to->fill;
    to->fill += slice->len;
    return true;
}

/* Puts a slice at index `at`, or joins it to its predecessor. False: refused. */
static bool place(struct sw_tcp *tcp, uint32_t at, sw_seq seq, struct sw_slice slice)
{
    struct sw_tcp_extra *x = tcp->rcv.extra;
    struct sw_reasm_piece *before = at > 0 ? piece(x, at - 1) : NULL;
    bool pins = slice.len < slice.chunk->cap / 4;
    bool many = x->count > COPY_ABOVE_PIECES && slice.len < COPY_BELOW_BYTES;
    bool joins = before && sw_seq_eq(piece_end(x, at - 1), seq);

    if (!(joins && before->slice.chunk == slice.chunk &&
          before->slice.off + before->slice.len == slice.off) &&
        (pins || many) && !copy_slice(tcp, x, &slice))
        return false;
    x->bytes += slice.len;
    if (joins && before->slice.chunk == slice.chunk &&
        before->slice.off + before->slice.len == slice.off) {
        before->slice.len += slice.len;
        return true;
    }
    if (!reserve(tcp, x)) {
        x->bytes -= slice.len;
        return false;
    }
    SW_ASSERT(x->pieces != NULL);
    memmove(&x->pieces[x->first + at + 1], &x->pieces[x->first + at],
            (x->count - at) * sizeof(x->pieces[0]));
    sw_chunk_get(slice.chunk);
    x->pieces[x->first + at] = (struct sw_reasm_piece){seq, slice};
    x->count++;
    return true;
}

/* [left, right) is held: first of the blocks to report, joined with those it touches (RFC 2018 4).
 */
static void note_sack(struct sw_tcp_extra *x, sw_seq left, sw_seq right)
{
    struct sw_tcp_sack fresh = {left, right};
    uint8_t n = 0;
    struct sw_tcp_sack rest[SW_TCP_SACKS] = {0};

    for (uint8_t i = 0; i < x->n_sacks; i++) {
        struct sw_tcp_sack *block = &x->sacks[i];

        if (sw_seq_le(block->left, fresh.right) && sw_seq_le(fresh.left, block->right)) {
            fresh.left = sw_seq_min(fresh.left, block->left);
            fresh.right = sw_seq_max(fresh.right, block->right);
        } else {
            rest[n++] = *block;
        }
    }
    x->sacks[0] = fresh;
    if (n > SW_TCP_SACKS - 1)
        n = SW_TCP_SACKS - 1;
    memcpy(&x->sacks[1], rest, n * sizeof(rest[0]));
    x->n_sacks = (uint8_t)(n + 1);
}

/* Blocks that have become in order are no news any more. */
static void forget_sacks(struct sw_tcp_extra *x, sw_seq rcv_nxt)
{
    uint8_t n = 0;

    for (uint8_t i = 0; i < x->n_sacks; i++)
        if (sw_seq_lt(rcv_nxt, x->sacks[i].left))
            x->sacks[n++] = x->sacks[i];
    x->n_sacks = n;
}

void sw_reasm_duplicate(struct sw_tcp *tcp, sw_seq left, sw_seq right)
{
    struct sw_tcp_extra *x;

    if (!sw_tcp_has(tcp, SW_TCPF_SACK) || !tcp->layer->config.dsack || sw_seq_le(right, left))
        return;
    if (tcp->state == SW_TCP_SYN_RECEIVED) /* nothing has come yet that could come twice */
        return;
    x = sw_extra_get(tcp);
    if (!x)
        return;
    x->has_dsack = true;
    x->dsack = (struct sw_tcp_sack){left, right};
    sw_tcp_arm_idle(tcp);
}

/* What a segment brought of what was held already adds to the duplicate to be told, where they
 * touch: as Linux's tcp_dsack_extend(). */
static void covered(struct sw_tcp *tcp, sw_seq left, sw_seq right)
{
    struct sw_tcp_extra *x = tcp->rcv.extra;

    if (!x->has_dsack) {
        sw_reasm_duplicate(tcp, left, right);
    } else if (sw_seq_le(left, x->dsack.right) && sw_seq_le(x->dsack.left, right)) {
        x->dsack.left = sw_seq_min(x->dsack.left, left);
        x->dsack.right = sw_seq_max(x->dsack.right, right);
    }
}

void sw_reasm_hold_fin(struct sw_tcp *tcp, sw_seq from, sw_seq fin)
{
    struct sw_tcp_extra *x = sw_extra_get(tcp);

    if (!x || x->has_fin || sw_seq_le(fin, tcp->rcv.nxt))
        return;
    x->has_fin = true;
    x->fin_seq = fin;
    note_sack(x, sw_seq_max(from, tcp->rcv.nxt), sw_seq_add(fin, 1));
}

void sw_tcp_add_sacks(struct sw_tcp *tcp, struct sw_tcp_hdr *hdr, uint32_t len)
{
    struct sw_tcp_extra *x = tcp->rcv.extra;
    uint32_t max = sw_tcp_has(tcp, SW_TCPF_TIMESTAMPS) ? SW_TCP_SACKS - 1 : SW_TCP_SACKS;
    uint32_t n;

    if (!x || !sw_tcp_has(tcp, SW_TCPF_SACK))
        return;
    n = sw_min32(x->n_sacks + (x->has_dsack ? 1U : 0U), max);
    if (n == 0 || (len > 0 && len + 4 + 8 * n > tcp->snd.mss))
        return;       /* a full-sized segment has no room; a bare ACK tells it (input.c) */
    if (x->has_dsack) /* a duplicate is told once, and first (RFC 2883 4) */
        hdr->sacks[hdr->n_sacks++] = x->dsack;
    x->has_dsack = false;
    for (uint32_t i = 0; hdr->n_sacks < n; i++)
        hdr->sacks[hdr->n_sacks++] = x->sacks[i];
}

enum sw_drop sw_reasm_insert(struct sw_tcp *tcp, sw_seq seq, const struct sw_packet *pkt)
{
    struct sw_tcp_extra *x = sw_extra_get(tcp);
    sw_seq from = seq, end = sw_seq_add(seq, pkt->data_len), at_seq = seq;
    struct sw_tcp_rare *rare = sw_rare_get(tcp);
    uint32_t at, last;

    if (!x)
        return SW_DROP_NO_MEMORY;
    if (rare)
        rare->ooo_segs++;
    /* In front: what a piece that begins earlier already has. */
    at = find(x, from);
    if (at < x->count && sw_seq_le(piece(x, at)->seq, from)) {
        from = piece_end(x, at);
        sw_reasm_duplicate(tcp, seq, sw_seq_min(from, end));
        at++;
    }
    /* Within: pieces wholly covered go, the new segment has them all. Behind: as in front. */
    for (last = at; last < x->count && sw_seq_le(piece_end(x, last), end); last++)
        covered(tcp, piece(x, last)->seq, piece_end(x, last));
    if (last > at)
        remove_pieces(x, at, last - at);
    if (at < x->count && sw_seq_lt(piece(x, at)->seq, end)) {
        covered(tcp, piece(x, at)->seq, end);
        end = piece(x, at)->seq;
    }
    for (unsigned i = 0; i < pkt->n_slices; at_seq = sw_seq_add(at_seq, pkt->slices[i++].len)) {
        struct sw_slice slice = pkt->slices[i];
        sw_seq left = sw_seq_max(at_seq, from),
               right = sw_seq_min(sw_seq_add(at_seq, slice.len), end);
        uint32_t before = x->count;

        if (sw_seq_le(right, left))
            continue;
        slice.off += left.v - at_seq.v;
        slice.len = right.v - left.v;
        if (!place(tcp, at, left, slice)) {
            if (sw_seq_lt(seq, left))
                note_sack(x, seq, left);
            return SW_DROP_TCP_OFO_LIMIT;
        }
        at += x->count - before;
    }
    note_sack(x, seq, sw_seq_add(seq, pkt->data_len));
    return SW_DROP_NONE;
}

uint32_t sw_reasm_deliver(struct sw_tcp *tcp)
{
    struct sw_tcp_extra *x = tcp->rcv.extra;
    sw_seq came = tcp->rcv.nxt; /* what is held of what is before this has come twice */
    uint32_t total = 0;

    if (!x)
        return 0;
    while (x->count > 0 && sw_seq_le(piece(x, 0)->seq, tcp->rcv.nxt)) {
        sw_seq end = piece_end(x, 0);

        if (sw_seq_lt(piece(x, 0)->seq, came))
            covered(tcp, piece(x, 0)->seq, sw_seq_min(end, came));
        if (sw_seq_lt(tcp->rcv.nxt, end)) {
            struct sw_slice slice = piece(x, 0)->slice;
            uint32_t skip = tcp->rcv.nxt.v - piece(x, 0)->seq.v;

            slice.off += skip;
            slice.len -= skip;
            if (sw_stream_append_slice(&tcp->rcv.queue, sw_tcp_env(tcp)->mem, slice) < 0)
                break; /* stays here; the sender, unacknowledged, will make us try again */
            sw_tcp_rcv_advance(tcp, slice.len);
            total += slice.len;
        }
        remove_pieces(x, 0, 1);
    }
    forget_sacks(x, tcp->rcv.nxt);
    if (x->count == 0) {
        sw_chunk_put(x->copies);
        x->copies = NULL;
    }
    return total;
}
