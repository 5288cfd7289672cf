/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow of events as a picture: two lifelines, the client's on the left and the server's on the
 * right, beside each what it asked of its sockets, between them what went over the link.
 *
 *        time ms  client                              server
 *          0.104  |                                   | listen(3, 16)
 *        200.530  | connect(3, 127.0.0.1:7000) ...    |
 *        200.541  |-- SYN  seq 0  mss 65495 --------->|
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "view/flow.h"

#define WIDTH_DEFAULT 100U
#define WIDTH_MIN 72U
#define TIME_WIDTH 11U             /* "9999999.999": two hours and a half in ms */
#define LEFT_LINE (TIME_WIDTH + 2) /* column of the client's lifeline */
/* A packet that took longer than this is shown with both its times; a busy supervisor takes less.
 */
#define DELAYED_NS 300000U
#define FOLD_MIN 16U /* plain rows in a run before it is folded ... */
#define FOLD_HEAD 6U /* ... to its first and last ones */
#define FOLD_TAIL 4U

struct glyphs {
    const char *life, *line, *tail_right, *tail_left, *head_right, *head_left, *broken, *dots;
};
static const struct glyphs ascii = {"|", "-", "|", "|", ">", "<", "x", "."};
static const struct glyphs boxes = {"│", "─", "├", "┤", "▶", "◀", "╳", "┊"};

struct picture {
    struct flow *flow;
    struct canvas canvas;
    const struct glyphs *g;
    unsigned right_line; /* column of the server's lifeline */
};

static void start_line(struct picture *p, uint64_t at_ns, bool with_time)
{
    char time[32];
    canvas_clear(&p->canvas);
    canvas_put(&p->canvas, LEFT_LINE, p->g->life, C_DIM);
    canvas_put(&p->canvas, p->right_line, p->g->life, C_DIM);
    if (with_time) {
        snprintf(time, sizeof(time), "%*llu.%03u", TIME_WIDTH - 4,
                 (unsigned long long)(at_ns / 1000000), (unsigned)(at_ns / 1000 % 1000));
        canvas_text(&p->canvas, 0, time, C_DIM);
    }
}

/* How much of `text` goes on a line of `room` columns: up to the result of a call, or whole words,
 * where that is possible. */
static size_t line_break(const char *text, size_t room)
{
    size_t len = strlen(text), cut = room;
    if (len <= room)
        return len;
    const char *result = strstr(text, " = ");
    if (result && result > text + room / 2 && result <= text + room)
        return (size_t)(result - text);
    while (cut > room / 2 && text[cut] != ' ')
        cut--;
    if (text[cut] == ' ')
        return cut;
    for (cut = room; cut > room / 2; cut--) {
        if (text[cut - 1] == ',' || text[cut - 1] == '|')
            return cut;
    }
    return room;
}

static void draw_side(struct picture *p, const struct flow_row *row)
{
    char text[400], part[400];
    unsigned at = (row->side == SIDE_RIGHT ? p->right_line : LEFT_LINE) + 2;
    size_t room = (row->side == SIDE_RIGHT ? p->canvas.width : p->right_line - 1) - at;
    enum colour colour = flow_colour(row);
    flow_side_text(p->flow, row, text, sizeof(text));
    if (strstr(text, " = -1 "))
        colour = C_ERROR;

    const char *rest = text;
    for (bool first = true; first || *rest; first = false) {
        size_t indent = first ? 0 : 4, len = line_break(rest, room - indent);
        start_line(p, row->record->at_ns, first);
        memcpy(part, rest, len);
        part[len] = '\0';
        canvas_text(&p->canvas, at + (unsigned)indent, part, colour);
        canvas_flush(&p->canvas);
        for (rest += len; *rest == ' '; rest++)
            ;
    }
}

/* The line from the sender's lifeline to the receiver's, or to where it breaks, mirrored for arrows
 * to the left: `i` counts from the sender. */
static void put_from_sender(struct picture *p, bool right, unsigned i, const char *glyph,
                            enum colour colour)
{
    canvas_put(&p->canvas, right ? LEFT_LINE + i : p->right_line - i, glyph, colour);
}

/* Words that begin (to the right) or end (to the left) `i` columns from the sender. */
static void text_from_sender(struct picture *p, bool right, unsigned i, const char *text,
                             enum colour colour)
{
    char spaced[300];
    snprintf(spaced, sizeof(spaced), " %s ", text);
    unsigned len = (unsigned)strlen(spaced);
    canvas_text(&p->canvas, right ? LEFT_LINE + i : p->right_line - i - len + 1, spaced, colour);
}

static void draw_arrow(struct picture *p, const struct flow_row *row)
{
    char text[256], end[64] = "";
    bool right = row->side == SIDE_LEFT;
    unsigned lane = p->right_line - LEFT_LINE; /* receiver's lifeline, counted from the sender */
    enum colour colour = flow_colour(row);
    bool broken = row->drop != SW_DROP_NONE, lost = !row->arrived && row->kind == ROW_ARROW;

    if (broken)
        snprintf(end, sizeof(end), "%s", sw_drop_name((enum sw_drop)row->drop));
    else if (lost)
        snprintf(end, sizeof(end), "not seen to arrive");
    else if (row->arrived && row->arrived_ns > row->record->at_ns + DELAYED_NS)
        snprintf(end, sizeof(end), "%llu.%03u", (unsigned long long)(row->arrived_ns / 1000000),
                 (unsigned)(row->arrived_ns / 1000 % 1000));
    unsigned end_len = end[0] ? (unsigned)strlen(end) + 2 : 0;
    flow_arrow_text(p->flow, row, lane - 6 - end_len, text, sizeof(text));

    start_line(p, row->record->at_ns, true);
    put_from_sender(p, right, 0, right ? p->g->tail_right : p->g->tail_left, colour);
    unsigned line_end = broken || lost ? lane - end_len - 2 : lane - 1;
    for (unsigned i = 1; i < line_end; i++)
        put_from_sender(p, right, i, p->g->line, colour);
    if (broken || lost)
        put_from_sender(p, right, line_end, p->g->broken, C_ERROR);
    else
        put_from_sender(p, right, line_end, right ? p->g->head_right : p->g->head_left, colour);
    text_from_sender(p, right, strlen(text) + 6 + end_len < lane ? 3 : 2, text, colour);
    if (end_len) { /* the arrival's time before the head; the reason behind the break */
        unsigned at = broken || lost ? lane - end_len - 1 : lane - 2 - end_len;
        text_from_sender(p, right, at, end, broken || lost ? C_ERROR : colour);
    }
    canvas_flush(&p->canvas);
}

static void draw_row(struct picture *p, const struct flow_row *row)
{
    if (row->kind == ROW_ARROW || row->kind == ROW_ICMP)
        draw_arrow(p, row);
    else
        draw_side(p, row);
}

static void draw_fold(struct picture *p, uint32_t first, uint32_t end)
{
    uint64_t bytes[2] = {0, 0}, arrows = 0;
    char text[160];
    for (uint32_t i = first; i < end; i++) {
        const struct flow_row *row = &p->flow->rows[i];
        if (row->kind != ROW_ARROW)
            continue;
        arrows++;
        bool tcp = row->record->trace.kind == SW_TRACE_SEGMENT_SENT;
        bytes[row->side == SIDE_RIGHT] += row->record->trace.v[tcp ? 3 : 0];
    }
    size_t len = (size_t)snprintf(text, sizeof(text), "%llu more", (unsigned long long)arrows);
    for (unsigned i = 0; i < 2; i++) {
        if (bytes[i])
            len += (size_t)snprintf(text + len, sizeof(text) - len, ", %llu bytes %s",
                                    (unsigned long long)bytes[i], i == 0 ? "-->" : "<--");
    }
    canvas_clear(&p->canvas);
    canvas_put(&p->canvas, LEFT_LINE, p->g->dots, C_DIM);
    canvas_put(&p->canvas, p->right_line, p->g->dots, C_DIM);
    unsigned lane = p->right_line - LEFT_LINE, words = (unsigned)len;
    canvas_text(&p->canvas, LEFT_LINE + (words + 4 < lane ? (lane - words) / 2 : 2), text, C_DIM);
    canvas_flush(&p->canvas);
}

static void draw_rows(struct picture *p, bool all)
{
    const struct flow *flow = p->flow;
    for (uint32_t i = 0; i < flow->n_rows;) {
        uint32_t run = i;
        while (run < flow->n_rows && flow_is_plain(&flow->rows[run]))
            run++;
        if (!all && run - i >= FOLD_MIN) {
            for (uint32_t k = i; k < i + FOLD_HEAD; k++)
                draw_row(p, &flow->rows[k]);
            draw_fold(p, i + FOLD_HEAD, run - FOLD_TAIL);
            i = run - FOLD_TAIL;
        } else if (run == i) {
            run++;
        }
        for (; i < run; i++)
            draw_row(p, &flow->rows[i]);
    }
}

/* "stream_server (pid 40)"; several of one name are counted, several names are listed. */
static void side_title(const struct flow *flow, enum flow_side side, char *buf, size_t size)
{
    size_t len = 0;
    buf[0] = '\0';
    for (uint32_t i = 0; i < flow->n_processes && len < size; i++) {
        const struct flow_process *p = &flow->processes[i];
        if (!p->shown[side])
            continue;
        int n = p->program
                    ? snprintf(buf + len, size - len, "%s%s (pid %d)", len ? ", " : "", p->program,
                               (int)p->pid)
                    : snprintf(buf + len, size - len, "%spid %d", len ? ", " : "", (int)p->pid);
        len += n > 0 ? (size_t)n : 0;
    }
}

static void draw_title(struct picture *p)
{
    char left[160], right[160];
    unsigned room = p->right_line - LEFT_LINE - 2;
    side_title(p->flow, SIDE_LEFT, left, sizeof(left));
    side_title(p->flow, SIDE_RIGHT, right, sizeof(right));
    if (strlen(left) > room)
        memcpy(left + room - 4, "...", 4);
    canvas_clear(&p->canvas);
    canvas_text(&p->canvas, TIME_WIDTH - 7, "time ms", C_DIM);
    canvas_text(&p->canvas, LEFT_LINE, "client", C_CALL);
    canvas_text(&p->canvas, p->right_line, "server", C_CALL);
    canvas_flush(&p->canvas);
    if (!left[0] && !right[0])
        return;
    canvas_clear(&p->canvas);
    canvas_text(&p->canvas, LEFT_LINE, left, C_NONE);
    canvas_text(&p->canvas, p->right_line, right, C_NONE);
    canvas_flush(&p->canvas);
}

static void say_count(FILE *out, const char **sep, uint64_t n, const char *what)
{
    if (n == 0)
        return;
    fprintf(out, "%s%llu %s%s", *sep, (unsigned long long)n, what, n == 1 ? "" : "s");
    *sep = ", ";
}

static void draw_sum(struct picture *p)
{
    const struct flow *flow = p->flow;
    unsigned segments = 0, datagrams = 0, lost = 0;
    FILE *out = p->canvas.out;
    const char *sep = "";
    for (uint32_t i = 0; i < flow->n_rows; i++) {
        const struct flow_row *row = &flow->rows[i];
        if (row->kind != ROW_ARROW)
            continue;
        segments += row->record->trace.kind == SW_TRACE_SEGMENT_SENT;
        datagrams += row->record->trace.kind == SW_TRACE_DATAGRAM_SENT;
        lost += row->drop >= SW_DROP_LINK_LOSS && row->drop <= SW_DROP_LINK_DOWN;
    }
    fprintf(out, "\n%*s", (int)TIME_WIDTH - 7, "");
    say_count(out, &sep, flow->n_conns, "conversation");
    say_count(out, &sep, segments, "segment");
    say_count(out, &sep, datagrams, "datagram");
    if (lost)
        fprintf(out, "%s%u lost on the way", sep, lost);
    fprintf(out, "%s\n", *sep ? "" : "nothing was sent");
    if (flow->view->left_out)
        fprintf(out, "%*srecords not kept: %llu\n", (int)TIME_WIDTH - 7, "",
                (unsigned long long)flow->view->left_out);
}

int sw_view_flow(const struct sw_view *view, FILE *out, const struct sw_view_flow_config *config)
{
    struct flow flow = {.view = view};
    struct picture p = {.flow = &flow, .g = config->utf8 ? &boxes : &ascii};
    unsigned width = config->width ? config->width : WIDTH_DEFAULT;
    if (!view)
        return 0;
    p.canvas = (struct canvas){.out = out, .width = width < WIDTH_MIN ? WIDTH_MIN : width};
    p.canvas.colour = config->colour;
    p.canvas.utf8 = config->utf8;
    p.right_line = LEFT_LINE + (p.canvas.width - LEFT_LINE) / 2;
    p.canvas.cells = calloc(p.canvas.width, sizeof(*p.canvas.cells));

    int err = p.canvas.cells ? flow_sides(&flow) : -ENOMEM;
    if (!err)
        err = flow_rows(&flow, config->states);
    if (!err) {
        draw_title(&p);
        draw_rows(&p, config->all);
        draw_sum(&p);
        if (fflush(out) == EOF || ferror(out))
            err = -EIO;
    }
    free(p.canvas.cells);
    flow_fini(&flow);
    return err;
}
