/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of SOL_TCP that are more than a bit or a number: see tcp(7). */
#include <errno.h>

#include "sock/options.h"
#include "tcp/cc.h"
#include "tcp/fastopen.h"

enum {
    KEEP_MAX_S = 32767,
    COUNT_MAX = 127,
    MSS_MIN = 88, /* Linux's TCP_MIN_MSS */
    MSS_MAX = 32767,
    LINGER2_MAX_S = 120,
    RTO_MAX_S = 120,
    DEFER_MAX = 255,
    CLAMP_MIN_BYTES = 1152,
    FASTOPEN_MAX = 4096,
    TFO_KEY = 16,           /* bytes of a key */
    CC_NAME = 16,           /* Linux's TCP_CA_NAME_MAX */
    INITIAL_WINDOW = 10,    /* segments: RFC 6928 2 */
    INITIAL_REORDERING = 3, /* RFC 5681 3.2 */
};
#define NS_PER_S 1000000000ULL

/* A number whose 0 means the host's setting. */
#define NUMBER_OR_DEFAULT(option, field, the_default, lo, hi)                                      \
    SW_OPT_GET(sw_opt_get_##option)                                                                \
    {                                                                                              \
        int32_t v = sw_sock_opts(s)->field;                                                        \
        *ret = v ? v : (int)(layer->tcp->config.the_default);                                      \
        return 0;                                                                                  \
    }                                                                                              \
    SW_OPT_SET(sw_opt_set_##option)                                                                \
    {                                                                                              \
        return v < (lo) || v > (hi) ? -EINVAL : SW_OPT_STORE(layer, s, field, v);                  \
    }

NUMBER_OR_DEFAULT(keepidle, keepidle_s, keepalive_ns / NS_PER_S, 1, KEEP_MAX_S)
NUMBER_OR_DEFAULT(keepintvl, keepintvl_s, keepalive_intvl_ns / NS_PER_S, 1, KEEP_MAX_S)
NUMBER_OR_DEFAULT(keepcnt, keepcnt, keepalive_probes, 1, COUNT_MAX)
NUMBER_OR_DEFAULT(syncnt, syncnt, syn_retries, 1, COUNT_MAX)

bool sw_opt_is_idle(struct sw_sock *s)
{
    if (!sw_sock_is_stream(s))
        return false;
    enum sw_tcp_state state = sw_stream_state(s);
    return state == SW_TCP_CLOSED || state == SW_TCP_LISTEN;
}

SW_OPT_GET(sw_opt_get_maxseg)
{
    (void)layer;
    int32_t user = sw_sock_opts(s)->maxseg;
    uint16_t mss = sw_tcp_mss(sw_sock_tcp(s));
    if (sw_opt_is_idle(s))
        *ret = user ? user : 536; /* RFC 9293 3.7.1: the default MSS */
    else
        *ret = mss;
    return 0;
}

SW_OPT_SET(sw_opt_set_maxseg)
{
    if (v && (v < MSS_MIN || v > MSS_MAX))
        return -EINVAL;
    /* What a connection agreed on stays: Linux takes the number, and does nothing with it. */
    return sw_opt_is_idle(s) ? SW_OPT_STORE(layer, s, maxseg, v) : 0;
}

/* On Linux it says "not in interactive mode now", which is so at first; who sets it to 1 wants no
 * delayed ACKs. */
SW_OPT_GET(sw_opt_get_quickack)
{
    (void)layer;
    *ret = !(s->on & SW_ON_NO_QUICKACK);
    return 0;
}

SW_OPT_SET(sw_opt_set_quickack)
{
    (void)layer;
    s->on &= ~(uint32_t)(SW_ON_QUICKACK | SW_ON_NO_QUICKACK);
    s->on |= v ? (uint32_t)SW_ON_QUICKACK : (uint32_t)SW_ON_NO_QUICKACK;
    if (!v)
        sw_tcp_delay_acks(sw_sock_tcp(s));
    return 0;
}

SW_OPT_GET(sw_opt_get_linger2)
{
    int32_t v = sw_sock_opts(s)->linger2_s;
    *ret = v ? v : (int)(layer->tcp->config.fin_timeout_ns / NS_PER_S);
    return 0;
}

SW_OPT_SET(sw_opt_set_linger2)
{
    return SW_OPT_STORE(layer, s, linger2_s, v < 0 ? -1 : (v > LINGER2_MAX_S ? LINGER2_MAX_S : v));
}

/* TCP_DEFER_ACCEPT is stored as a number of SYN-ACK retransmissions; each doubles the time. */
static int32_t retransmissions_in(int32_t seconds)
{
    int32_t n = 0, step = 1, period = 0;
    while (seconds > period && n < DEFER_MAX) {
        period += step;
        step = step * 2 > RTO_MAX_S ? RTO_MAX_S : step * 2;
        n++;
    }
    return n;
}

uint32_t sw_opt_defer_retries(const struct sw_sock *s)
{
    return (uint32_t)sw_sock_opts(s)->defer_accept;
}

static uint32_t defer_s(const struct sw_sock *s)
{
    uint32_t step = 1, period = 0;
    for (int32_t n = sw_sock_opts(s)->defer_accept; n > 0; n--) {
        period += step;
        step = step * 2 > RTO_MAX_S ? RTO_MAX_S : step * 2;
    }
    return period;
}

SW_OPT_GET(sw_opt_get_defer)
{
    (void)layer;
    *ret = (int)defer_s(s);
    return 0;
}

SW_OPT_SET(sw_opt_set_defer)
{
    return SW_OPT_STORE(layer, s, defer_accept, retransmissions_in(v));
}

SW_OPT_GET(sw_opt_get_clamp)
{
    (void)layer;
    *ret = sw_sock_opts(s)->window_clamp;
    return 0;
}

SW_OPT_SET(sw_opt_set_clamp)
{
    if (v == 0)
        return sw_stream_state(s) == SW_TCP_CLOSED ? SW_OPT_STORE(layer, s, window_clamp, 0)
                                                   : -EINVAL;
    return SW_OPT_STORE(layer, s, window_clamp, v < CLAMP_MIN_BYTES ? CLAMP_MIN_BYTES : v);
}

SW_OPT_GET(sw_opt_get_fastopen)
{
    (void)layer;
    *ret = sw_sock_opts(s)->fastopen;
    return 0;
}

SW_OPT_SET(sw_opt_set_fastopen)
{
    if (v < 0 || !sw_opt_is_idle(s))
        return -EINVAL;
    return SW_OPT_STORE(layer, s, fastopen, v > FASTOPEN_MAX ? FASTOPEN_MAX : v);
}

SW_OPT_GET(sw_opt_get_fastopen_connect)
{
    (void)layer;
    *ret = sw_sock_opts(s)->fastopen_connect;
    return 0;
}

SW_OPT_SET(sw_opt_set_fastopen_connect)
{
    if (v < 0 || v > 1)
        return -EINVAL;
    if (!(layer->tcp->config.fastopen & SW_TFO_CLIENT))
        return -EOPNOTSUPP;
    if (sw_stream_state(s) != SW_TCP_CLOSED)
        return -EINVAL;
    return SW_OPT_STORE(layer, s, fastopen_connect, v);
}

SW_OPT_GET(sw_opt_get_fastopen_no_cookie)
{
    (void)layer;
    *ret = sw_sock_opts(s)->fastopen_no_cookie;
    return 0;
}

SW_OPT_SET(sw_opt_set_fastopen_no_cookie)
{
    if (v < 0 || v > 1 || !sw_opt_is_idle(s))
        return -EINVAL;
    return SW_OPT_STORE(layer, s, fastopen_no_cookie, v);
}

/* One key, or two: the second for cookies made before it was changed. */
SW_OPT_GET_BYTES(sw_opt_get_fastopen_key)
{
    const struct sw_tfo_keys *keys = &sw_sock_opts(s)->fastopen_keys;
    uint8_t bytes[SW_TFO_KEYS * TFO_KEY];
    if (keys->n == 0)
        keys = &layer->tcp->tfo_keys;
    for (unsigned i = 0; i < keys->n; i++)
        sw_tfo_key_to_bytes(&keys->key[i], bytes + i * TFO_KEY);
    return sw_opt_copy_out(val, len, bytes, keys->n * TFO_KEY);
}

SW_OPT_SET_BYTES(sw_opt_set_fastopen_key)
{
    if (len != TFO_KEY && len != SW_TFO_KEYS * TFO_KEY)
        return -EINVAL;
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    opts->fastopen_keys.n = (unsigned)(len / TFO_KEY);
    for (unsigned i = 0; i < opts->fastopen_keys.n; i++)
        sw_tfo_key_from_bytes((const uint8_t *)val + i * TFO_KEY, &opts->fastopen_keys.key[i]);
    return 0;
}

/* No upper protocols: as where the kernel's modules for them are missing. */
SW_OPT_GET_BYTES(sw_opt_get_ulp)
{
    (void)layer, (void)s, (void)val;
    *len = 0;
    return 0;
}

SW_OPT_SET_BYTES(sw_opt_set_ulp)
{
    (void)layer, (void)s, (void)val;
    return len < 1 ? -EINVAL : -ENOENT;
}

/* Numbers of struct tcp_info, by their offsets in Linux's. */
enum {
    INFO_STATE = 0,
    INFO_APP_LIMITED = 7,
    INFO_ATO = 12,
    INFO_SND_MSS = 16,
    INFO_UNACKED = 24,
    INFO_SACKED = 28,
    INFO_RTTVAR = 72,
    INFO_CWND = 80,
    INFO_REORDERING = 88,
    INFO_RCV_SPACE = 96,
    INFO_PACING_RATE = 104,
    INFO_MAX_PACING_RATE = 112,
};

static void put_number(uint8_t *info, size_t at, uint32_t v)
{
    memcpy(info + at, &v, sizeof(v));
}

/* Of a listener nothing else moves: its queues, and how a connection of its would begin. */
static void info_of_listener(const struct sw_sock *s, uint8_t *info, size_t size)
{
    uint64_t rate = ~sw_sock_opts(s)->pacing_not; /* all bits: none */
    memset(info, 0, size);
    put_number(info, INFO_UNACKED, s->listener->n_accept);
    put_number(info, INFO_SACKED, s->listener->backlog);
    put_number(info, INFO_CWND, INITIAL_WINDOW);
    put_number(info, INFO_REORDERING, INITIAL_REORDERING);
    memcpy(info + INFO_PACING_RATE, &rate, sizeof(rate));
    memcpy(info + INFO_MAX_PACING_RATE, &rate, sizeof(rate));
}

/* A socket that was never connected shows how it would begin. */
static void info_of_fresh(uint8_t *info)
{
    enum { RTTVAR_US = 250000, DEFAULT_MSS = 536 /* RFC 9293 3.7.1 */ };
    info[INFO_APP_LIMITED] |= 1;
    put_number(info, INFO_ATO, 0);
    put_number(info, INFO_SND_MSS, DEFAULT_MSS);
    put_number(info, INFO_RTTVAR, RTTVAR_US);
    put_number(info, INFO_CWND, INITIAL_WINDOW);
    put_number(info, INFO_RCV_SPACE, 0);
}

/* struct tcp_info, with what the socket layer knows better: of a listener and a fresh socket, and
 * that TIME_WAIT is no longer this socket's. */
SW_OPT_GET_BYTES(sw_opt_get_info)
{
    (void)layer;
    uint8_t info[512] = {0};
    enum sw_tcp_state state = sw_stream_state(s);
    size_t size = sw_tcp_info(sw_sock_tcp(s), info, sizeof(info));
    if (s->listener)
        info_of_listener(s, info, size);
    else if (state == SW_TCP_CLOSED && !(s->is & SW_IS_DONE))
        info_of_fresh(info);
    info[INFO_STATE] = (uint8_t)state;
    return sw_opt_copy_out(val, len, info, size);
}

/* What the congestion control tells of itself: CUBIC and NewReno nothing, as on Linux. */
SW_OPT_GET_BYTES(sw_opt_get_cc_info)
{
    (void)layer, (void)s;
    return sw_opt_copy_out(val, len, NULL, 0);
}

static void congestion_name(struct sw_sock *s, char ret_name[CC_NAME])
{
    const char *name = sw_cc(sw_sock_tcp(s))->name;
    memset(ret_name, 0, CC_NAME);
    for (int i = 0; i < CC_NAME - 1 && name[i]; i++)
        ret_name[i] = name[i];
}

SW_OPT_GET_BYTES(sw_opt_get_congestion)
{
    (void)layer;
    char name[CC_NAME];
    congestion_name(s, name);
    return sw_opt_copy_out(val, len, name, sizeof(name));
}

SW_OPT_SET_BYTES(sw_opt_set_congestion)
{
    if (len < 1)
        return -EINVAL;
    int id = sw_cc_find(val, len < CC_NAME ? len : CC_NAME - 1);
    if (id < 0)
        return id;
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    opts->cc = (uint8_t)(id + 1);
    return 0;
}
