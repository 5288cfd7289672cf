/* SPDX-License-Identifier: BSD-2-Clause */
#include "diff_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tun.h"

#define PEER_MSS 1000
#define PEER_WSCALE 2

static struct sw_mem *mem_of(const struct stack *stack)
{
    static struct sw_mem *mem;
    if (stack->side->host)
        return sw_host_mem(stack->side->host);
    if (!mem)
        mem = sw_mem_new(&sw_alloc_libc, 0);
    return mem;
}

void stack_init(struct stack *stack, struct side *side)
{
    *stack = (struct stack){.side = side, .diag = -1, .peer = SW_IP4(10, 9, 0, 9)};
    if (sock_open(side, SW_AF_INET, &stack->listener) ||
        sock_listen(&stack->listener, SW_AF_INET, LISTEN_PORT, 64)) {
        fprintf(stderr, "no listener\n");
        exit(1);
    }
    if (side->kind == SOCKWORKS)
        return;
    int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0 || setns(side->netns, CLONE_NEWNET) < 0 ||
        (stack->diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) < 0 ||
        setns(home, CLONE_NEWNET) < 0) {
        perror("sock_diag");
        exit(1);
    }
    close(home);
}

void stack_fini(struct stack *stack)
{
    sock_close(&stack->listener);
    if (stack->diag >= 0)
        close(stack->diag);
}

/* ---- what it says -------------------------------------------------------------------------------
 */

static void say(struct stack *stack, const char *format, ...)
{
    size_t have = strlen(stack->replies);
    va_list args;
    va_start(args, format);
    vsnprintf(stack->replies + have, sizeof(stack->replies) - have, format, args);
    va_end(args);
}

static void say_flags(struct stack *stack, uint16_t flags)
{
    static const char letters[] = "FSRPAUEWN";
    for (int i = 0; i < 9; i++)
        if (flags & 1 << i && i != 3) /* PSH is advice */
            say(stack, "%c", letters[i]);
}

static void say_options(struct stack *stack, const struct sw_tcp_hdr *tcp)
{
    if (tcp->has_mss)
        say(stack, " mss%u", tcp->mss);
    if (tcp->sack_ok)
        say(stack, " sackOK");
    if (tcp->has_wscale)
        say(stack, " ws");
    if (tcp->has_ts)
        say(stack, " ecr%d", (int)(tcp->ts_ecr ? tcp->ts_ecr - stack->our_ts : 0));
    for (int i = 0; i < tcp->n_sacks; i++) {
        if (sw_seq_lt(tcp->sacks[i].left, sw_seq_of(stack->edge - 3000)))
            say(stack, " sack%d-%d", (int)(tcp->sacks[i].left.v - OUR_ISN),
                (int)(tcp->sacks[i].right.v - OUR_ISN));
        else
            say(stack, " sack[edge%+d-%+d]", (int)(tcp->sacks[i].left.v - stack->edge),
                (int)(tcp->sacks[i].right.v - stack->edge));
    }
}

/* What we learn of it, as its peer. */
static void learn(struct stack *stack, const struct sw_tcp_hdr *tcp, uint32_t len)
{
    uint32_t end = tcp->seq.v + len + !!(tcp->flags & SW_TCP_SYN) + !!(tcp->flags & SW_TCP_FIN);
    if (tcp->flags & SW_TCP_RST)
        return;
    if (tcp->flags & SW_TCP_SYN && (!stack->seen_syn || tcp->seq.v != stack->iss)) {
        stack->seen_syn = true;
        stack->iss = stack->una = stack->snd_max = tcp->seq.v;
        stack->rcv_nxt = stack->edge = tcp->flags & SW_TCP_ACK ? tcp->ack.v : OUR_ISN;
        stack->wscale = tcp->has_wscale ? tcp->wscale : 0;
    }
    if (tcp->has_ts)
        stack->ts_val = tcp->ts_val;
    if ((int32_t)(end - stack->snd_max) > 0)
        stack->snd_max = end;
    if (!(tcp->flags & SW_TCP_ACK))
        return;
    uint32_t edge =
        tcp->ack.v +
        ((uint32_t)tcp->window << (tcp->flags & SW_TCP_SYN || !stack->scaled ? 0 : stack->wscale));
    if ((int32_t)(tcp->ack.v - stack->rcv_nxt) > 0)
        stack->rcv_nxt = tcp->ack.v;
    if ((int32_t)(edge - stack->edge) > 0)
        stack->edge = edge;
}

static void hear(struct stack *stack, struct sw_packet *pkt)
{
    struct sw_ip_hdr ip;
    struct sw_tcp_hdr tcp;
    uint8_t bytes[2048];
    size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
    sw_packet_free(pkt);
    if (sw_ip_parse_hdr(bytes, len, len, &ip) != SW_DROP_NONE || ip.proto != SW_PROTO_TCP ||
        sw_tcp_parse(bytes + ip.hdr_len, len - ip.hdr_len, ip.payload_len, &tcp) != SW_DROP_NONE ||
        tcp.dst_port != stack->peer_port)
        return;
    uint32_t data = ip.payload_len - tcp.hdr_len;
    if (tcp.flags & SW_TCP_SYN)
        stack->local_port = tcp.src_port;
    learn(stack, &tcp, data);
    say(stack, "%s", stack->replies[0] ? ", " : "");
    say_flags(stack, tcp.flags);
    if (tcp.flags & SW_TCP_RST && tcp.seq.v == 0)
        say(stack, " seq 0");
    else
        say(stack, " %d(%u)", (int)(tcp.seq.v - stack->iss), data);
    if (tcp.flags & SW_TCP_ACK)
        say(stack, " ack %d", (int)(tcp.ack.v - OUR_ISN));
    if (!(tcp.flags & SW_TCP_RST))
        say(stack, " win%s", tcp.window ? "+" : "0");
    say_options(stack, &tcp);
}

void stack_listen_to(struct stack *stack)
{
    struct sw_packet *pkt;
    if (stack->side->host) {
        sw_host_advance(stack->side->host, sw_cable_now());
        while ((pkt = sw_host_output(stack->side->host, 1, sw_cable_now()))) {
            while (pkt) {
                struct sw_packet *piece = sw_gso_next(&pkt);
                hear(stack, piece);
            }
        }
    } else {
        while ((pkt = sw_tun_read(stack->side->tun, mem_of(stack))))
            hear(stack, pkt);
    }
    struct sock made;
    while (sock_accept(&stack->listener, &made) == 0) {
        if (stack->sock.side)
            sock_abort(&made);
        else
            stack->sock = made;
    }
}

/* ---- what it is told ----------------------------------------------------------------------------
 */

static void put_sack(struct stack *stack, enum sack_kind kind, struct sw_tcp_hdr *tcp)
{
    uint32_t left = kind == SACK_LAST_BYTE ? stack->snd_max - 1
                    : kind == SACK_BEYOND  ? stack->snd_max + 10
                                           : stack->una - 5;
    tcp->sacks[0] = (struct sw_tcp_sack){{left}, {left + 1}};
    tcp->n_sacks = kind != SACK_NONE;
}

static void put_timestamp(struct stack *stack, enum ts_kind kind, struct sw_tcp_hdr *tcp)
{
    tcp->has_ts = kind != TS_NONE;
    if (kind == TS_FRESH || kind == TS_BAD_ECHO)
        stack->our_ts++;
    tcp->ts_val = stack->our_ts - (kind == TS_OLD ? 100 : 0);
    tcp->ts_ecr = kind == TS_BAD_ECHO ? stack->ts_val + 100000 : stack->ts_val;
}

void stack_inject(struct stack *stack, const struct order *order)
{
    struct sw_tcp_hdr tcp = {.src_port = stack->peer_port,
                             .dst_port = stack->local_port,
                             .flags = order->flags,
                             .window = order->window};
    uint32_t seq = (order->seq_base == SEQ_NEXT ? stack->rcv_nxt : stack->edge);
    uint32_t ack = (order->ack_base == ACK_UNA ? stack->una : stack->snd_max);
    tcp.seq.v = seq + (uint32_t)order->seq_delta;
    tcp.ack.v = order->flags & SW_TCP_ACK ? ack + (uint32_t)order->ack_delta : 0;
    put_timestamp(stack, order->ts, &tcp);
    put_sack(stack, order->sack, &tcp);
    if (order->syn_options) {
        stack->scaled = true;
        tcp.has_mss = tcp.sack_ok = tcp.has_wscale = true;
        tcp.mss = PEER_MSS;
        tcp.wscale = PEER_WSCALE;
    }
    uint8_t data[1500];
    memset(data, 'x', sizeof(data));
    struct sw_addr to = side_addr(stack->side, SW_AF_INET, stack->local_port);
    struct sw_ip_hdr ip = {
        .src = stack->peer, .dst = to.ip, .version = 4, .ttl = 64, .proto = SW_PROTO_TCP};
    struct sw_packet *pkt = sw_packet_new(mem_of(stack), 128);
    struct sw_chunk *chunk = sw_chunk_new(mem_of(stack), sizeof(data));
    memcpy(chunk->data, data, sizeof(data));
    chunk->fill = sizeof(data);
    if (order->len)
        sw_packet_add_slice(pkt, (struct sw_slice){chunk, 0, order->len});
    sw_chunk_put(chunk);
    sw_tcp_push_hdr(pkt, &tcp, &ip.src, &ip.dst);
    sw_ip_push_hdr(pkt, &ip);
    sw_packet_fill_csum(pkt);
    if (order->flags & SW_TCP_ACK && (int32_t)(tcp.ack.v - stack->una) > 0 &&
        (int32_t)(tcp.ack.v - stack->snd_max) <= 0)
        stack->una = tcp.ack.v;
    if (stack->side->host)
        sw_host_input(stack->side->host, 1, pkt, sw_cable_now());
    else
        sw_tun_write(stack->side->tun, pkt);
}

void stack_begin_step(struct stack *stack)
{
    stack->replies[0] = '\0';
}

void stack_open(struct stack *stack, bool active, uint16_t port)
{
    stack->peer_port = port;
    stack->local_port = LISTEN_PORT;
    stack->rcv_nxt = stack->edge = OUR_ISN;
    stack->iss = stack->una = stack->snd_max = stack->ts_val = 0;
    stack->our_ts = 1000;
    stack->wscale = 0;
    stack->seen_syn = stack->scaled = false;
    stack->sock.side = NULL;
    stack_begin_step(stack);
    if (!active)
        return;
    struct sw_addr to = {.ip = stack->peer, .port = port};
    if (sock_open(stack->side, SW_AF_INET, &stack->sock) ||
        sock_connect(&stack->sock, &to) != -EINPROGRESS) {
        fprintf(stderr, "%s: connect\n", kind_names[stack->side->kind]);
        exit(1);
    }
}

void stack_end(struct stack *stack)
{
    if (stack->sock.side)
        sock_abort(&stack->sock);
    /* What nobody holds ends by a reset that is exactly right (RFC 5961 3.2). */
    struct order reset = {.flags = SW_TCP_RST};
    stack_inject(stack, &reset);
    stack_listen_to(stack);
    if (stack->sock.side)
        sock_abort(&stack->sock);
    stack_listen_to(stack);
}

/* ---- its state ----------------------------------------------------------------------------------
 */

static int state_of_host(struct stack *stack)
{
    struct sw_socket_info info;
    uint64_t cursor = 0;
    while (sw_host_next_socket(stack->side->host, &cursor, &info))
        if (info.remote.port == stack->peer_port && info.tcp_state != TCP_LISTEN &&
            info.tcp_state != TCP_CLOSE)
            return info.tcp_state;
    return 0;
}

/* sock_diag(7), for one connection. */
static int state_of_kernel(struct stack *stack)
{
    struct {
        struct nlmsghdr nl;
        struct inet_diag_req_v2 diag;
    } request = {.nl = {.nlmsg_len = sizeof(request),
                        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                        .nlmsg_flags = NLM_F_REQUEST},
                 .diag = {.sdiag_family = AF_INET,
                          .sdiag_protocol = IPPROTO_TCP,
                          .idiag_states = UINT32_MAX,
                          .id = {.idiag_sport = htons(stack->local_port),
                                 .idiag_dport = htons(stack->peer_port),
                                 .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    struct sw_addr local = side_addr(stack->side, SW_AF_INET, 0);
    memcpy(request.diag.id.idiag_src, local.ip.b + 12, 4);
    memcpy(request.diag.id.idiag_dst, stack->peer.b + 12, 4);
    union {
        struct nlmsghdr nl;
        char bytes[4096];
    } answer;
    if (send(stack->diag, &request, sizeof(request), 0) < 0 ||
        recv(stack->diag, &answer, sizeof(answer), 0) < 0 ||
        answer.nl.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return 0;
    const struct inet_diag_msg *msg = NLMSG_DATA(&answer.nl);
    int state = msg->idiag_state;
    return state == TCP_LISTEN || state == TCP_CLOSE ? 0 : state;
}

int stack_state(struct stack *stack)
{
    return stack->side->host ? state_of_host(stack) : state_of_kernel(stack);
}
