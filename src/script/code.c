/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The code between %{ and }%: statements of Python's that scripts use, over the fields of struct
 * tcp_info of the connection under test:
 *
 *     assert EXPRESSION [, anything]      NAME = EXPRESSION      print(...), import ...: skipped
 *
 * with numbers, names, + - * / // % & | ~ << >>, comparisons that chain, and, or, not, min, max,
 * abs. Names set here last to the end of the script.
 */
#include <ctype.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/private.h"

struct variable {
    struct variable *next;
    const char *name;
    double value;
};

struct code {
    struct run *run;
    const char *at, *end;
    struct pos pos;
    union {
        struct tcp_info info;
        uint8_t info_bytes[320]; /* newer kernels' has more fields than this header may know */
    };
    bool has_info;
    unsigned depth;
};

#define FIELD(f)                                                                                   \
    {                                                                                              \
        "tcpi_" #f, offsetof(struct tcp_info, tcpi_##f), sizeof(((struct tcp_info *)0)->tcpi_##f)  \
    }
static const struct {
    const char *name;
    size_t at, size;
} fields[] = {
    FIELD(state),
    FIELD(ca_state),
    FIELD(retransmits),
    FIELD(probes),
    FIELD(backoff),
    FIELD(options),
    FIELD(rto),
    FIELD(ato),
    FIELD(snd_mss),
    FIELD(rcv_mss),
    FIELD(unacked),
    FIELD(sacked),
    FIELD(lost),
    FIELD(retrans),
    FIELD(fackets),
    FIELD(last_data_sent),
    FIELD(last_ack_sent),
    FIELD(last_data_recv),
    FIELD(last_ack_recv),
    FIELD(pmtu),
    FIELD(rcv_ssthresh),
    FIELD(rtt),
    FIELD(rttvar),
    FIELD(snd_ssthresh),
    FIELD(snd_cwnd),
    FIELD(advmss),
    FIELD(reordering),
    FIELD(rcv_rtt),
    FIELD(rcv_space),
    FIELD(total_retrans),
    FIELD(pacing_rate),
    FIELD(max_pacing_rate),
    FIELD(bytes_acked),
    FIELD(bytes_received),
    FIELD(segs_out),
    FIELD(segs_in),
    FIELD(notsent_bytes),
    FIELD(min_rtt),
    FIELD(data_segs_in),
    FIELD(data_segs_out),
    FIELD(delivery_rate),
    FIELD(busy_time),
    FIELD(rwnd_limited),
    FIELD(sndbuf_limited),
    FIELD(delivered),
    FIELD(delivered_ce),
    FIELD(bytes_sent),
    FIELD(bytes_retrans),
    FIELD(dsack_dups),
    FIELD(reord_seen),
    FIELD(rcv_ooopack),
    FIELD(snd_wnd),
    /* of Linux 6.2 and 6.7 */
    {"tcpi_rcv_wnd", 232, 4},
    {"tcpi_rehash", 236, 4},
    {"tcpi_total_rto", 240, 2},
    {"tcpi_total_rto_recoveries", 242, 2},
    {"tcpi_total_rto_time", 244, 4},
    {"tcpi_received_ce", 248, 4},
    {"tcpi_delivered_e1_bytes", 252, 4},
    {"tcpi_delivered_e0_bytes", 256, 4},
    {"tcpi_delivered_ce_bytes", 260, 4},
    {"tcpi_received_e1_bytes", 264, 4},
    {"tcpi_received_e0_bytes", 268, 4},
    {"tcpi_received_ce_bytes", 272, 4},
    {"tcpi_accecn_fail_mode", 276, 2},
    {"tcpi_accecn_opt_seen", 278, 2},
};
#undef FIELD

static double expression(struct code *c);

static double fail(struct code *c, const char *what)
{
    script_error(c->run->script, SCRIPT_UNSUPPORTED, c->pos, "this code is not understood: %s",
                 what);
    c->at = c->end;
    return 0;
}

static void spaces(struct code *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' ||
                              (*c->at == '\\' && c->at + 1 < c->end && c->at[1] == '\n')))
        c->at += *c->at == '\\' ? 2 : 1;
}

/* The operator or word, if it comes next; a word must end there. */
static bool next_is(struct code *c, const char *what)
{
    spaces(c);
    size_t len = strlen(what);
    if ((size_t)(c->end - c->at) < len || strncmp(c->at, what, len) != 0)
        return false;
    bool word = isalpha((unsigned char)what[0]) != 0;
    if (word && c->at + len < c->end && (isalnum((unsigned char)c->at[len]) || c->at[len] == '_'))
        return false;
    c->at += len;
    return true;
}

static bool take_info(struct code *c)
{
    struct flow *flow = c->run->under_test;
    if (c->has_info)
        return true;
    if (flow == NULL || flow->fd < 0)
        return script_fail(c->run->script, SCRIPT_SYNTAX, c->pos,
                           "no open socket at this point has a struct tcp_info");
    size_t len = sizeof(c->info_bytes);
    int r =
        sw_getsockopt(c->run->host, c->run->fds[flow->fd].socket, 6, TCP_INFO, c->info_bytes, &len);
    if (r < 0)
        return script_fail(c->run->script, SCRIPT_FAILED, c->pos, "getsockopt(TCP_INFO) fails: %s",
                           symbol_errno(-r));
    return c->has_info = true;
}

static double info_field(struct code *c, const char *name)
{
    uint64_t value = 0;
    if (!take_info(c))
        return 0;
    if (strcmp(name, "tcpi_snd_wscale") == 0)
        return c->info.tcpi_snd_wscale;
    if (strcmp(name, "tcpi_rcv_wscale") == 0)
        return c->info.tcpi_rcv_wscale;
    if (strcmp(name, "tcpi_delivery_rate_app_limited") == 0)
        return c->info.tcpi_delivery_rate_app_limited;
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (strcmp(fields[i].name, name) == 0) {
            /* little and big end alike */
            const uint8_t *p = c->info_bytes + fields[i].at;
            uint32_t small;
            uint16_t half;
            if (fields[i].size == 8) {
                memcpy(&value, p, 8);
            } else if (fields[i].size == 4) {
                memcpy(&small, p, 4);
                value = small;
            } else if (fields[i].size == 2) {
                memcpy(&half, p, 2);
                value = half;
            } else {
                value = *p;
            }
            return (double)value;
        }
    return fail(c, name);
}

static double name(struct code *c)
{
    char word[64];
    size_t len = 0;
    while (c->at < c->end && (isalnum((unsigned char)*c->at) || *c->at == '_')) {
        if (len + 1 < sizeof(word))
            word[len++] = *c->at;
        c->at++;
    }
    word[len] = '\0';
    if (next_is(c, "(")) {
        double value = expression(c);
        while (next_is(c, ",")) {
            double other = expression(c);
            if (strcmp(word, "min") == 0 ? other < value : other > value)
                value = other;
        }
        if (!next_is(c, ")"))
            return fail(c, "')' is missing");
        if (strcmp(word, "abs") == 0)
            return value < 0 ? -value : value;
        bool known =
            strcmp(word, "min") == 0 || strcmp(word, "max") == 0 || strcmp(word, "int") == 0;
        return known ? value : fail(c, word);
    }
    for (const struct variable *v = c->run->variables; v != NULL; v = v->next)
        if (strcmp(v->name, word) == 0)
            return v->value;
    if (strncmp(word, "tcpi_", 5) == 0)
        return info_field(c, word);
    if (strcmp(word, "True") == 0 || strcmp(word, "False") == 0)
        return word[0] == 'T';
    long long constant;
    return symbol_find(word, &constant) ? (double)constant : fail(c, word);
}

static double primary(struct code *c)
{
    spaces(c);
    if (c->at >= c->end || ++c->depth > 200)
        return fail(c, "something is missing");
    double value;
    if (next_is(c, "(")) {
        value = expression(c);
        if (!next_is(c, ")"))
            return fail(c, "')' is missing");
    } else if (next_is(c, "-")) {
        value = -primary(c);
    } else if (next_is(c, "~")) {
        value = (double)~(int64_t)primary(c);
    } else if (isdigit((unsigned char)*c->at)) {
        char *end;
        bool hex = c->at[0] == '0' && (c->at[1] == 'x' || c->at[1] == 'X');
        value = hex ? (double)strtoull(c->at, &end, 16) : strtod(c->at, &end);
        c->at = end;
    } else if (isalpha((unsigned char)*c->at) || *c->at == '_') {
        value = name(c);
    } else {
        return fail(c, "this is no value");
    }
    c->depth--;
    return value;
}

static double product(struct code *c)
{
    double value = primary(c);
    for (;;) {
        if (next_is(c, "*")) {
            value *= primary(c);
            continue;
        }
        bool whole = next_is(c, "//"), divide = whole || next_is(c, "/");
        if (!divide && !next_is(c, "%"))
            return value;
        double by = primary(c);
        if (by == 0)
            return fail(c, "division by zero");
        double quotient = value / by;
        int64_t floored = (int64_t)quotient - (quotient < (double)(int64_t)quotient);
        value = !divide ? value - (double)floored * by : whole ? (double)floored : quotient;
    }
}

static double sum(struct code *c)
{
    double value = product(c);
    for (;;) {
        if (next_is(c, "+"))
            value += product(c);
        else if (next_is(c, "-"))
            value -= product(c);
        else
            return value;
    }
}

static double bits(struct code *c)
{
    double value = sum(c);
    for (;;) {
        if (next_is(c, "<<"))
            value = (double)((uint64_t)value << (unsigned)sum(c));
        else if (next_is(c, ">>"))
            value = (double)((uint64_t)value >> (unsigned)sum(c));
        else if (next_is(c, "&"))
            value = (double)((int64_t)value & (int64_t)sum(c));
        else if (next_is(c, "|"))
            value = (double)((int64_t)value | (int64_t)sum(c));
        else
            return value;
    }
}

static double comparison(struct code *c)
{
    static const char *const ops[] = {"==", "!=", "<=", ">=", "<", ">"};
    double left = bits(c);
    bool any = false, all = true;
    for (;;) {
        unsigned op = 0;
        while (op < 6 && !next_is(c, ops[op]))
            op++;
        if (op == 6)
            return any ? all : left;
        double right = bits(c);
        const bool truth[] = {left == right, left != right, left <= right, left >= right,
                              left<right, left> right};
        all = all && truth[op];
        any = true;
        left = right;
    }
}

static double negation(struct code *c)
{
    return next_is(c, "not") ? negation(c) == 0 : comparison(c);
}

static double conjunction(struct code *c)
{
    double value = negation(c);
    while (next_is(c, "and")) {
        double right = negation(c);
        value = value != 0 ? right : value;
    }
    return value;
}

static double expression(struct code *c)
{
    double value = conjunction(c);
    while (next_is(c, "or")) {
        double right = conjunction(c);
        value = value != 0 ? value : right;
    }
    return value;
}

static void set(struct code *c, const char *name_at, size_t len, double value)
{
    for (struct variable *v = c->run->variables; v != NULL; v = v->next)
        if (strlen(v->name) == len && strncmp(v->name, name_at, len) == 0) {
            v->value = value;
            return;
        }
    struct variable *v = arena_alloc(&c->run->script->arena, sizeof(*v));
    v->name = arena_copy(&c->run->script->arena, name_at, len);
    v->value = value;
    v->next = c->run->variables;
    c->run->variables = v;
}

/* The values of the fields that an assertion names, for its failure. */
static void explain(struct code *c, const char *from, const char *to, struct text *text)
{
    for (const char *s = from; s < to; s++) {
        if (strncmp(s, "tcpi_", 5) != 0)
            continue;
        struct code one = *c;
        one.at = s;
        one.end = to;
        double value = name(&one);
        while (one.at > s && one.at[-1] == ' ')
            one.at--;
        text_add(text, "%s%.*s is %.15g", text->len > 0 ? ", " : "", (int)(one.at - s), s, value);
        s = one.at - 1;
    }
}

static void assertion(struct code *c)
{
    spaces(c);
    const char *from = c->at;
    double value = expression(c);
    if (value != 0 || c->run->script->verdict != SCRIPT_PASSED)
        return;
    struct text values = {0};
    const char *to = c->at;
    explain(c, from, to, &values);
    script_error(c->run->script, SCRIPT_FAILED, c->pos, "assert %.*s: %s", (int)(to - from), from,
                 values.len > 0 ? values.s : "it is false");
    text_fini(&values);
}

/* To the end of the statement: a newline or ';' outside of brackets and quotes. */
static void skip_statement(struct code *c)
{
    int open = 0;
    char quote = '\0';
    for (; c->at < c->end; c->at++) {
        char ch = *c->at;
        if (quote != '\0') {
            quote = ch == quote ? '\0' : quote;
        } else if (ch == '"' || ch == '\'') {
            quote = ch;
        } else if (ch == '#') {
            while (c->at < c->end && *c->at != '\n')
                c->at++;
            return;
        } else if (ch == '(' || ch == '[') {
            open++;
        } else if (ch == ')' || ch == ']') {
            open--;
        } else if (ch == '\\' && c->at + 1 < c->end) {
            c->at++;
        } else if ((ch == '\n' || ch == ';') && open <= 0) {
            return;
        }
    }
}

static void statement(struct code *c)
{
    if (next_is(c, "assert")) {
        assertion(c);
        spaces(c);
        if (c->at < c->end && strchr(",;\n#", *c->at) == NULL)
            fail(c, "something follows the condition");
        return;
    }
    if (next_is(c, "print") || next_is(c, "import") || next_is(c, "from") || next_is(c, "pass"))
        return;
    const char *word = c->at;
    size_t len = 0;
    while (word + len < c->end && (isalnum((unsigned char)word[len]) || word[len] == '_'))
        len++;
    c->at += len;
    if (len == 0 || !next_is(c, "=") || *c->at == '=') {
        fail(c, "only assertions and 'name = value' are");
        return;
    }
    set(c, word, len, expression(c));
}

bool code_run(struct run *run, const char *text, struct pos pos)
{
    struct code c = {.run = run, .at = text, .end = text + strlen(text), .pos = pos};
    c.pos.column += 2;
    while (c.at < c.end && run->script->verdict == SCRIPT_PASSED) {
        char ch = *c.at;
        if (ch == '\n') {
            c.pos.line++;
            c.pos.column = 0;
        }
        if (isspace((unsigned char)ch) || ch == ';' || ch == '\\') {
            c.at++;
            c.pos.column++;
        } else if (ch == '#') {
            skip_statement(&c);
        } else {
            const char *begin = c.at;
            statement(&c);
            skip_statement(&c);
            for (; begin < c.at && begin < c.end; begin++)
                if (*begin == '\n')
                    c.pos.line++;
                else
                    c.pos.column++;
        }
    }
    run->codes++;
    return run->script->verdict == SCRIPT_PASSED;
}
