/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of SOL_SOCKET that are more than a bit or a number: see socket(7). */
#include <errno.h>

#include "sock/options.h"

#define BUF_MAX_BYTES 4194304 /* Linux's net.core.rmem_max and wmem_max (212,992 before 6.18) */
#define SNDBUF_MIN_BYTES 4608 /* Linux's SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF on 64-bit machines */
#define RCVBUF_MIN_BYTES 2304
enum { PRIORITY_MAX = 6 /* more needs CAP_NET_ADMIN */ };

SW_OPT_GET(sw_opt_get_type)
{
    (void)layer;
    *ret = s->type;
    return 0;
}

SW_OPT_GET(sw_opt_get_domain)
{
    (void)layer;
    *ret = s->domain;
    return 0;
}

SW_OPT_GET(sw_opt_get_protocol)
{
    (void)layer;
    *ret = sw_sock_proto(s);
    return 0;
}

SW_OPT_GET(sw_opt_get_acceptconn)
{
    (void)layer;
    *ret = s->listener != NULL;
    return 0;
}

SW_OPT_GET(sw_opt_get_error)
{
    (void)layer;
    *ret = sw_sock_take_error(s);
    return 0;
}

/* ---- buffers: twice what was asked, for the bookkeeping, as Linux has it -------------- */

static uint32_t buffer_bytes(int v, uint32_t min)
{
    uint32_t asked = v < 0 || v > BUF_MAX_BYTES ? BUF_MAX_BYTES : (uint32_t)v;
    return asked * 2 < min ? min : asked * 2;
}

SW_OPT_GET(sw_opt_get_sndbuf)
{
    (void)layer;
    *ret = (int)sw_sock_sndbuf(s);
    return 0;
}

SW_OPT_SET(sw_opt_set_sndbuf)
{
    return SW_OPT_STORE(layer, s, sndbuf, (int32_t)buffer_bytes(v, SNDBUF_MIN_BYTES));
}

/* Those of administrators know no limit but that of the number. */
static int32_t forced_bytes(int v, uint32_t min)
{
    uint32_t asked = v < 0 ? 0 : v > INT32_MAX / 2 ? INT32_MAX / 2 : (uint32_t)v;
    return (int32_t)(asked * 2 < min ? min : asked * 2);
}

SW_OPT_SET(sw_opt_set_sndbufforce)
{
    return SW_OPT_STORE(layer, s, sndbuf, forced_bytes(v, SNDBUF_MIN_BYTES));
}

SW_OPT_SET(sw_opt_set_rcvbufforce)
{
    return SW_OPT_STORE(layer, s, rcvbuf, forced_bytes(v, RCVBUF_MIN_BYTES));
}

SW_OPT_GET(sw_opt_get_rcvbuf)
{
    (void)layer;
    *ret = (int)sw_sock_rcvbuf(s);
    return 0;
}

SW_OPT_SET(sw_opt_set_rcvbuf)
{
    return SW_OPT_STORE(layer, s, rcvbuf, (int32_t)buffer_bytes(v, RCVBUF_MIN_BYTES));
}

/* The nine counters of Linux's SK_MEMINFO_*: those that this stack has, in bytes. */
SW_OPT_GET_BYTES(sw_opt_get_meminfo)
{
    (void)layer;
    enum { RMEM = 0, RCVBUF = 1, WMEM = 2, SNDBUF = 3, WMEM_QUEUED = 5, DROPS = 8, COUNT = 9 };
    uint32_t info[COUNT] = {[RCVBUF] = sw_sock_rcvbuf(s), [SNDBUF] = sw_sock_sndbuf(s)};
    if (sw_sock_is_stream(s) && !s->listener) {
        info[RMEM] = (uint32_t)sw_stream_readable(s);
        info[WMEM] = info[WMEM_QUEUED] = (uint32_t)sw_tcp_send_queue(sw_sock_tcp(s))->len;
    } else if (!sw_sock_is_stream(s)) {
        info[DROPS] = (uint32_t)sw_sock_dgram(s)->drops;
    }
    return sw_opt_copy_out(val, len, info, sizeof(info));
}

SW_OPT_GET(sw_opt_get_rcvlowat)
{
    (void)layer;
    *ret = sw_sock_opts(s)->rcvlowat;
    return 0;
}

SW_OPT_SET(sw_opt_set_rcvlowat)
{
    return SW_OPT_STORE(layer, s, rcvlowat, v < 0 ? INT32_MAX : (v == 0 ? 1 : v));
}

SW_OPT_GET(sw_opt_get_priority)
{
    (void)layer;
    *ret = sw_sock_opts(s)->priority;
    return 0;
}

SW_OPT_SET(sw_opt_set_priority)
{
    if ((v < 0 || v > PRIORITY_MAX) && !layer->by_admin)
        return -EPERM;
    return SW_OPT_STORE(layer, s, priority, v);
}

/* ---- structs -------------------------------------------------------------------------- */

SW_OPT_GET_BYTES(sw_opt_get_linger)
{
    (void)layer;
    const int32_t linger[2] = {(s->on & SW_ON_LINGER) != 0, sw_sock_opts(s)->linger_s};
    return sw_opt_copy_out(val, len, linger, sizeof(linger));
}

SW_OPT_SET_BYTES(sw_opt_set_linger)
{
    int32_t linger[2]; /* struct linger: l_onoff, l_linger */
    if (len < sizeof(linger))
        return -EINVAL;
    memcpy(linger, val, sizeof(linger));
    if (!linger[0]) {
        s->on &= ~(uint32_t)SW_ON_LINGER;
        return 0;
    }
    int r = SW_OPT_STORE(layer, s, linger_s, linger[1] < 0 ? INT32_MAX : linger[1]);
    if (r == 0)
        s->on |= SW_ON_LINGER;
    return r;
}

/* SO_MAX_PACING_RATE, bytes per second: an unsigned long, or an unsigned int whose largest value
 * means that there is no limit. */
SW_OPT_GET_BYTES(sw_opt_get_pacing)
{
    (void)layer;
    uint64_t rate = ~sw_sock_opts(s)->pacing_not;
    uint32_t small = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
    if (*len < sizeof(rate))
        return sw_opt_copy_out(val, len, &small, sizeof(small));
    return sw_opt_copy_out(val, len, &rate, sizeof(rate));
}

SW_OPT_SET_BYTES(sw_opt_set_pacing)
{
    uint32_t small;
    if (len < sizeof(small))
        return -EINVAL;
    memcpy(&small, val, sizeof(small));
    uint64_t rate = small == UINT32_MAX ? UINT64_MAX : small;
    if (len >= sizeof(rate))
        memcpy(&rate, val, sizeof(rate));
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    opts->pacing_not = ~rate;
    return 0;
}

/* Of the flags of SO_TIMESTAMPING those with rules; all others below TS_ALL are fine. */
enum {
    TS_OPT_STATS = 1 << 12,
    TS_BIND_PHC = 1 << 15,
    TS_OPT_ID_TCP = 1 << 16,
    TS_ALL = (1 << 19) - 1,
};

/* Linux's __sock_set_timestamps(): the last one set decides. Which layout they have is, on 64-bit
 * machines, told by the type of the control message only. */
static int set_timestamp(struct sw_sock_layer *layer, struct sw_sock *s, int v, bool is_new,
                         bool ns)
{
    int r = v ? sw_opt_set_rare(layer, s, SW_RARE_TIMESTAMP_NEW, is_new) : 0;
    if (r < 0)
        return r;
    s->on &= ~(uint32_t)(SW_ON_TIMESTAMP | SW_ON_TIMESTAMPNS);
    s->on |= v ? (uint32_t)SW_ON_TIMESTAMP : 0;
    s->on |= v && ns ? (uint32_t)SW_ON_TIMESTAMPNS : 0;
    return 0;
}

#define TIMESTAMP(option, is_new, ns, is_on)                                                       \
    SW_OPT_GET(sw_opt_get_##option)                                                                \
    {                                                                                              \
        (void)layer;                                                                               \
        bool new = sw_sock_rare(s, SW_RARE_TIMESTAMP_NEW);                                         \
        *ret = new == (is_new) && (is_on);                                                         \
        return 0;                                                                                  \
    }                                                                                              \
    SW_OPT_SET(sw_opt_set_##option)                                                                \
    {                                                                                              \
        return set_timestamp(layer, s, v, is_new, ns);                                             \
    }

TIMESTAMP(timestamp, false, false, (s->on & SW_ON_TIMESTAMP) && !(s->on & SW_ON_TIMESTAMPNS))
TIMESTAMP(timestampns, false, true, (s->on & SW_ON_TIMESTAMPNS) != 0)
TIMESTAMP(timestamp_new, true, false, (s->on & SW_ON_TIMESTAMP) != 0)
TIMESTAMP(timestampns_new, true, true, (s->on & SW_ON_TIMESTAMPNS) != 0)

/* struct so_timestamping: flags, and a clock that is none. */
SW_OPT_GET_BYTES(sw_opt_get_timestamping)
{
    (void)layer;
    const int32_t so[2] = {sw_sock_opts(s)->timestamping, 0};
    return sw_opt_copy_out(val, len, so, sizeof(so));
}

SW_OPT_GET_BYTES(sw_opt_get_timestamping_new)
{
    static const int32_t nothing[2];
    return sw_sock_rare(s, SW_RARE_TIMESTAMP_NEW)
               ? sw_opt_get_timestamping(layer, s, val, len)
               : sw_opt_copy_out(val, len, nothing, sizeof(nothing));
}

static int set_timestamping(struct sw_sock_layer *layer, struct sw_sock *s, const void *val,
                            size_t len, bool is_new)
{
    int32_t flags;
    if (len < sizeof(flags))
        return -EINVAL;
    memcpy(&flags, val, sizeof(flags));
    if (flags & ~TS_ALL || (flags & TS_OPT_ID_TCP && !(flags & SW_TS_OPT_ID)))
        return -EINVAL;
    if (flags & SW_TS_OPT_ID && !(sw_sock_opts(s)->timestamping & SW_TS_OPT_ID) &&
        sw_opt_is_idle(s))
        return -EINVAL; /* bytes are numbered from where the connection begins */
    if (flags & TS_OPT_STATS && !(flags & SW_TS_OPT_TSONLY))
        return -EINVAL;
    if (flags & TS_BIND_PHC)
        return -EOPNOTSUPP;
    int r = 0;
    bool numbers = flags & SW_TS_OPT_ID && !(sw_sock_opts(s)->timestamping & SW_TS_OPT_ID);
    if (numbers && sw_sock_is_stream(s))
        r = sw_notices_number(sw_sock_tcp(s), flags & TS_OPT_ID_TCP);
    else if (sw_sock_is_stream(s) && !(flags & SW_TS_OPT_ID))
        sw_notices_unnumber(sw_sock_tcp(s));
    else if (numbers)
        sw_sock_dgram(s)->n_stamped = 0;
    if (r == 0)
        r = sw_opt_set_rare(layer, s, SW_RARE_TIMESTAMP_NEW, is_new);
    return r < 0 ? r : SW_OPT_STORE(layer, s, timestamping, flags);
}

SW_OPT_SET_BYTES(sw_opt_set_timestamping)
{
    return set_timestamping(layer, s, val, len, false);
}

SW_OPT_SET_BYTES(sw_opt_set_timestamping_new)
{
    return set_timestamping(layer, s, val, len, true);
}

/* ---- SO_BINDTODEVICE, by name --------------------------------------------------------- */

enum { IFACE_NAME = 16 };

SW_OPT_GET_BYTES(sw_opt_get_device)
{
    int32_t bound = sw_sock_opts(s)->bind_iface;
    if (!bound) {
        *len = 0;
        return 0;
    }
    const struct sw_iface *iface = sw_ip_iface(layer->ip, bound);
    if (*len < IFACE_NAME || !iface)
        return -EINVAL;
    char name[IFACE_NAME];
    memcpy(name, iface->config.name, sizeof(name));
    size_t n = 0;
    while (n < sizeof(name) - 1 && name[n])
        n++;
    name[n] = 0;
    return sw_opt_copy_out(val, len, name, n + 1);
}

/* Who has no privilege may choose once. */
static int bind_to(struct sw_sock_layer *layer, struct sw_sock *s, int32_t iface)
{
    if (sw_sock_opts(s)->bind_iface)
        return -EPERM;
    if (iface < 0)
        return -EINVAL;
    return iface ? SW_OPT_STORE(layer, s, bind_iface, iface) : 0;
}

SW_OPT_SET_BYTES(sw_opt_set_device)
{
    char name[IFACE_NAME] = {0};
    if (len > 0)
        memcpy(name, val, len < sizeof(name) - 1 ? len : sizeof(name) - 1);
    if (!name[0])
        return bind_to(layer, s, 0);
    for (int i = 1;; i++) {
        const struct sw_iface *iface = sw_ip_iface(layer->ip, i);
        if (!iface)
            return -ENODEV;
        if (strncmp(iface->config.name, name, sizeof(name)) == 0)
            return bind_to(layer, s, i);
    }
}

SW_OPT_GET(sw_opt_get_iface)
{
    (void)layer;
    *ret = sw_sock_opts(s)->bind_iface;
    return 0;
}

SW_OPT_SET(sw_opt_set_iface)
{
    return bind_to(layer, s, v);
}

/* ---- what the socket is ----------------------------------------------------------------- */

SW_OPT_GET_BYTES(sw_opt_get_cookie)
{
    uint64_t cookie = sw_sock_handle(layer, s);
    if (*len < sizeof(cookie))
        return -EINVAL;
    return sw_opt_copy_out(val, len, &cookie, sizeof(cookie));
}

/* struct ucred of a peer that is no local process. */
SW_OPT_GET_BYTES(sw_opt_get_peercred)
{
    (void)layer, (void)s;
    const int32_t pid_uid_gid[3] = {0, -1, -1};
    return sw_opt_copy_out(val, len, pid_uid_gid, sizeof(pid_uid_gid));
}

/* ---- what is not there ------------------------------------------------------------------ */

SW_OPT_GET(sw_opt_get_zerocopy)
{
    (void)layer;
    *ret = sw_sock_rare(s, SW_RARE_ZEROCOPY);
    return 0;
}

SW_OPT_SET(sw_opt_set_zerocopy)
{
    if (!sw_sock_is_stream(s) && (sw_sock_is_raw(s) || s->proto != SW_PROTO_UDP))
        return -EOPNOTSUPP;
    if (v != 0 && v != 1)
        return -EINVAL;
    return sw_opt_set_rare(layer, s, SW_RARE_ZEROCOPY, v);
}

SW_OPT_GET(sw_opt_get_lock_filter)
{
    (void)layer;
    *ret = sw_sock_rare(s, SW_RARE_LOCK_FILTER);
    return 0;
}

SW_OPT_SET(sw_opt_set_lock_filter)
{
    if (!v)
        return sw_sock_rare(s, SW_RARE_LOCK_FILTER) ? -EPERM : 0;
    return sw_opt_set_rare(layer, s, SW_RARE_LOCK_FILTER, true);
}
