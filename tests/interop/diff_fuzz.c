/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Differential fuzzing of TCP: the same orders of segments and system calls go to the kernel and to
 * Sockworks, each with a peer played by hand; what they answer and the state they come to is
 * compared after each step. A case brings a connection into one of the eleven states and then does
 * a few things by chance. It ends at the first difference: explained (diff_known.c), or printed
 * with all its steps.
 *
 *     diff_fuzz [FIRST-SEED [CASES]]     -v prints every case
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diff_known.h"
#include "diff_stack.h"

#define POLL_BITS ((unsigned)(SW_EV_IN | SW_EV_ERR | SW_EV_HUP | SW_EV_RDHUP))
#define PATIENCE 6 /* times 10 ms */

enum { K, S }; /* the two stacks: the kernel, Sockworks */
enum call { SEGMENT, SEND, RECV, SHUT, CLOSE, WAIT };
static const char *const call_names[] = {"segment", "send", "recv", "shutdown", "close", "wait"};
static const char *const state_names[] = {
    "none",  "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",   "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "CLOSING",   "NEW_SYN_RECV"};

struct step {
    enum call call;
    unsigned n; /* bytes; milliseconds */
    struct order order;
};

struct round {
    struct stack stacks[2];
    uint64_t chance;
    bool with_options, verbose;
    int state; /* before the step */
    char history[4096];
};

static unsigned explained, unexplained, steps_done;
static unsigned visited[16];

static uint32_t chance(struct round *r, uint32_t bound)
{
    r->chance ^= r->chance << 13;
    r->chance ^= r->chance >> 7;
    r->chance ^= r->chance << 17;
    return (uint32_t)(r->chance * 0x2545f4914f6cdd1dULL >> 33) % bound;
}

/* ---- steps in words -----------------------------------------------------------------------------
 */

static void describe_order(const struct order *o, char *text, size_t size)
{
    static const char letters[] = "FSRPAUEWN";
    static const char *const ts[] = {"", " ts", " ts=", " ts-old", " ts-badecho"};
    static const char *const sack[] = {"", " sack-last", " sack-beyond", " sack-below"};
    char flags[10] = "", *flag = flags;
    for (int i = 0; i < 9; i++)
        if (o->flags & 1 << i)
            *flag++ = letters[i];
    int n = snprintf(text, size, "%s %s%+d(%u)", flags[0] ? flags : "-",
                     o->seq_base == SEQ_NEXT ? "next" : "edge", o->seq_delta, o->len);
    if (o->flags & SW_TCP_ACK)
        n += snprintf(text + n, size - (size_t)n, " ack %s%+d",
                      o->ack_base == ACK_UNA ? "una" : "max", o->ack_delta);
    snprintf(text + n, size - (size_t)n, " win %u%s%s%s", o->window, ts[o->ts], sack[o->sack],
             o->syn_options ? " options" : "");
}

static void describe(const struct step *step, char *text, size_t size)
{
    if (step->call == SEGMENT)
        describe_order(&step->order, text, size);
    else
        snprintf(text, size, "%s(%u)", call_names[step->call], step->n);
}

/* ---- doing a step -------------------------------------------------------------------------------
 */

static int64_t call_on(struct stack *stack, const struct step *step)
{
    static char buf[65536];
    if (!stack->sock.side)
        return 0;
    switch (step->call) {
    case SEND:
        return sock_send(&stack->sock, buf, step->n);
    case RECV:
        return sock_recv(&stack->sock, buf, step->n);
    case SHUT:
        return sock_shutdown(&stack->sock, SW_SHUT_WR);
    case CLOSE:
        sock_close(&stack->sock);
        return 0;
    default:
        return 0;
    }
}

/* One stack does a step. Returns what the call returned. */
static int64_t do_step(struct stack *stack, const struct step *step)
{
    int on = 1;
    int64_t result = 0;
    stack_begin_step(stack);
    if (step->call == SEGMENT)
        stack_inject(stack, &step->order);
    else
        result = call_on(stack, step);
    stack_listen_to(stack);
    if (stack->sock.side)
        sock_set(&stack->sock, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
    return result;
}

/* What came of it until now, in words. */
static void tell(struct stack *stack, int64_t result, char *text, size_t size)
{
    stack_listen_to(stack);
    int n = snprintf(text, size, "%s", stack->replies);
    if (result != 0)
        n += snprintf(text + n, size - (size_t)n, " returns %lld", (long long)result);
    if (stack->sock.side)
        n += snprintf(text + n, size - (size_t)n, " poll %x",
                      (unsigned)sock_poll(&stack->sock) & POLL_BITS);
    snprintf(text + n, size - (size_t)n, " %s", state_names[stack_state(stack)]);
}

/* Both do it. False: they differ. */
static bool play(struct round *r, const struct step *step)
{
    char words[256], said[2][DIFF_TEXT + 128];
    describe(step, words, sizeof(words));
    if (step->call == WAIT)
        usleep(step->n * 1000);
    int64_t results[2];
    for (int i = K; i <= S; i++)
        results[i] = do_step(&r->stacks[i], step);
    /* One may delay its acknowledgment where the other does not. */
    for (int tries = 0;; tries++) {
        for (int i = K; i <= S; i++)
            tell(&r->stacks[i], results[i], said[i], sizeof(said[i]));
        if (strcmp(said[K], said[S]) == 0 || tries == PATIENCE)
            break;
        usleep(10000);
    }
    steps_done++;
    size_t have = strlen(r->history);
    snprintf(r->history + have, sizeof(r->history) - have, "    %-50s  %s\n", words, said[K]);
    int state = r->state;
    r->state = stack_state(&r->stacks[K]);
    visited[r->state]++;
    if (strcmp(said[K], said[S]) == 0)
        return true;
    struct difference d = {state_names[state], words, said[K], said[S]};
    const char *why = diff_reason(&d);
    explained += why != NULL;
    unexplained += why == NULL;
    if (!why)
        printf("DIFF %s | %s\n%s    %-50s  %s  <- Sockworks\n", d.state, words, r->history, "",
               said[S]);
    return false;
}

/* ---- chance ------------------------------------------------------------------------------------
 */

#define PICK(r, array) ((array)[chance(r, sizeof(array) / sizeof((array)[0]))])
#define A SW_TCP_ACK

static struct order random_order(struct round *r)
{
    static const uint16_t flags[] = {A,
                                     A,
                                     A,
                                     A,
                                     A,
                                     A | SW_TCP_PSH,
                                     A | SW_TCP_FIN,
                                     A | SW_TCP_FIN,
                                     SW_TCP_RST,
                                     SW_TCP_RST | A,
                                     SW_TCP_SYN,
                                     SW_TCP_SYN | A,
                                     0,
                                     SW_TCP_FIN,
                                     A | SW_TCP_SYN | SW_TCP_FIN,
                                     SW_TCP_RST | SW_TCP_SYN};
    static const int32_t seq_deltas[] = {0,  0, 0,  0,   0,    0,     0,     0,       -1,
                                         -1, 1, 10, -10, 1000, -1000, 30000, -100000, 1 << 30};
    static const int32_t ack_deltas[] = {0, 0,  0,  0,    0,     0,       0,
                                         1, -1, 10, 1000, -1000, -100000, 1 << 30};
    static const uint32_t lens[] = {0, 0, 0, 0, 1, 10, 10, 100, 1000};
    static const uint16_t windows[] = {16000, 16000, 16000, 16000, 0, 1, 250, 65535};
    struct order o = {.flags = PICK(r, flags),
                      .seq_base = chance(r, 6) ? SEQ_NEXT : SEQ_EDGE,
                      .ack_base = chance(r, 3) ? ACK_MAX : ACK_UNA,
                      .seq_delta = PICK(r, seq_deltas),
                      .ack_delta = PICK(r, ack_deltas),
                      .len = PICK(r, lens),
                      .window = PICK(r, windows)};
    /* Windows differ, and so do numbers beyond them where they are not acknowledged. */
    if (r->state == 0 || r->state == TCP_SYN_SENT || r->state == TCP_TIME_WAIT ||
        (o.flags & (SW_TCP_SYN | SW_TCP_RST)))
        o.seq_base = SEQ_NEXT;
    if (o.seq_base == SEQ_EDGE)
        o.seq_delta = (int32_t)chance(r, 3) - 1;
    if (r->with_options) {
        o.ts = chance(r, 3) ? TS_FRESH : (enum ts_kind)chance(r, TS_KINDS);
        o.sack = chance(r, 4) ? SACK_NONE : (enum sack_kind)chance(r, SACK_KINDS);
        o.syn_options = o.flags & SW_TCP_SYN;
        if (o.flags & SW_TCP_SYN)
            o.sack = SACK_NONE;
    }
    return o;
}

static struct step random_step(struct round *r)
{
    static const unsigned sizes[] = {1, 10, 500, 1000, 3000};
    struct step step = {.call = SEGMENT};
    unsigned n = chance(r, 100);
    if (n < 70)
        step.order = random_order(r);
    else if (n < 80)
        step = (struct step){.call = SEND, .n = PICK(r, sizes)};
    else if (n < 90)
        step = (struct step){.call = RECV, .n = chance(r, 2) ? 65536 : 5};
    else if (n < 94)
        step.call = SHUT;
    else if (n < 98)
        step.call = CLOSE;
    else
        step = (struct step){.call = WAIT, .n = 50};
    return step;
}

/* The well-behaved way from a handshake to a state; each is the steps that lead there. */
static bool lead(struct round *r, bool active, unsigned where)
{
    enum ts_kind ts = r->with_options ? TS_FRESH : TS_NONE;
    struct order ack = {.flags = A, .ack_base = ACK_MAX, .window = 16000, .ts = ts};
    struct order fin = ack, old_fin = ack, syn = ack;
    fin.flags |= SW_TCP_FIN;
    old_fin.flags |= SW_TCP_FIN;
    old_fin.ack_base = ACK_UNA;
    syn.flags = active ? SW_TCP_SYN | A : SW_TCP_SYN;
    syn.syn_options = r->with_options;
    struct step s_syn = {.call = SEGMENT, .order = syn}, s_ack = {.call = SEGMENT, .order = ack};
    struct step s_fin = {.call = SEGMENT, .order = fin},
                s_old = {.call = SEGMENT, .order = old_fin};
    struct step shut = {.call = chance(r, 2) ? SHUT : CLOSE}, send = {.call = SEND, .n = 1000};
    if (where == 0)
        return true; /* SYN_SENT, or nothing at all */
    if (!play(r, &s_syn) || (where == 1 && !active))
        return r->state != 0 && where == 1;
    if (!active && !play(r, &s_ack))
        return false;
    switch (where) {
    case 3:
        return play(r, &send);
    case 4: /* FIN_WAIT1 */
        return play(r, &shut);
    case 5: /* FIN_WAIT2 */
        return play(r, &shut) && play(r, &s_ack);
    case 6: /* CLOSING */
        return play(r, &shut) && play(r, &s_old);
    case 7: /* TIME_WAIT */
        return play(r, &shut) && play(r, &s_ack) && play(r, &s_fin);
    case 8: /* CLOSE_WAIT */
        return play(r, &s_fin);
    case 9: /* LAST_ACK */
        return play(r, &s_fin) && play(r, &shut);
    default: /* ESTABLISHED */
        return true;
    }
}

static void one_case(struct round *r, uint64_t seed)
{
    uint16_t port = (uint16_t)(1024 + seed % 64000);
    r->chance = seed * 0x9e3779b97f4a7c15ULL + 1;
    for (int i = 0; i < 20; i++)
        chance(r, 2);
    r->with_options = chance(r, 2);
    r->history[0] = '\0';
    bool active = chance(r, 3) == 0;
    for (int i = K; i <= S; i++) {
        stack_open(&r->stacks[i], active, port);
        stack_listen_to(&r->stacks[i]);
    }
    r->state = active ? TCP_SYN_SENT : 0;
    snprintf(r->history, sizeof(r->history), "  seed %llu: %s, %s\n", (unsigned long long)seed,
             active ? "connect()" : "listen()", r->with_options ? "all options" : "no options");
    bool same = lead(r, active, chance(r, 10));
    for (unsigned left = 1 + chance(r, 8); same && left > 0; left--) {
        struct step step = random_step(r);
        same = play(r, &step);
    }
    if (r->verbose)
        printf("%s", r->history);
    stack_end(&r->stacks[K]);
    stack_end(&r->stacks[S]);
}

static void set_up(struct world *world)
{
    /* What depends on time or chance in the kernel and is not the subject; and Reno at both sides.
     */
    static const char *const settings[][2] = {{"tcp_congestion_control", "reno"},
                                              {"tcp_early_retrans", "0"},
                                              {"tcp_autocorking", "0"},
                                              {"tcp_ecn", "0"},
                                              {"tcp_syncookies", "0"},
                                              {"tcp_max_tw_buckets", "100000"}};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        for (int side = K; side <= S; side++)
            world_set(world, side, settings[i][0], settings[i][1]);
}

int main(int argc, char **argv)
{
    static struct round round;
    struct world world;
    int arg = 1;
    if (arg < argc && strcmp(argv[arg], "-v") == 0)
        round.verbose = arg++ > 0;
    uint64_t first = arg < argc ? strtoull(argv[arg++], NULL, 10) : 1;
    uint64_t cases = arg < argc ? strtoull(argv[arg], NULL, 10) : 20000;
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    world_need();
    world_init(&world, &(struct world_config){.kinds = {KERNEL, SOCKWORKS}});
    set_up(&world);
    stack_init(&round.stacks[K], &world.side[K]);
    stack_init(&round.stacks[S], &world.side[S]);
    for (uint64_t i = 0; i < cases; i++)
        one_case(&round, first + i);
    stack_fini(&round.stacks[K]);
    stack_fini(&round.stacks[S]);
    world_fini(&world);
    for (int i = 0; i < 13; i++)
        if (visited[i])
            printf("%s: %u steps led here\n", state_names[i], visited[i]);
    diff_print_reasons();
    printf("%llu cases, %u steps: %u differences explained, %u not\n", (unsigned long long)cases,
           steps_done, explained, unexplained);
    return unexplained > 0;
}
