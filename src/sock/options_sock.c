/* SPDX-License-Identifier: BSD-2-Clause */
/* Options of SOL_SOCKET that are more than a bit or a number: see socket(7). */
#include <errno.h>

#include "sock/options.h"

#define BUF_MAX_BYTES 212992  /* Linux's net.core.rmem_max and wmem_max */
#define SNDBUF_MIN_BYTES 4608 /* Linux's SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF on 64-bit machines */
#define RCVBUF_MIN_BYTES 2304
enum { PRIORITY_MAX = 6 /* more needs CAP_NET_ADMIN */, US_PER_S = 1000000 };

SW_OPT_GET(sw_opt_get_zero)
{
    (void)layer, (void)s;
    *ret = 0;
    return 0;
}

SW_OPT_GET(sw_opt_get_one)
{
    (void)layer, (void)s;
    *ret = 1;
    return 0;
}

SW_OPT_SET(sw_opt_set_forbidden)
{
    (void)layer, (void)s, (void)v;
    return -EPERM;
}

SW_OPT_SET(sw_opt_set_debug)
{
    (void)layer, (void)s;
    return v ? -EACCES : 0;
}

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
    enum { RMEM = 0, RCVBUF = 1, WMEM = 2, SNDBUF = 3, WMEM_QUEUED = 5, COUNT = 9 };
    uint32_t info[COUNT] = {[RCVBUF] = sw_sock_rcvbuf(s), [SNDBUF] = sw_sock_sndbuf(s)};
    if (sw_sock_is_stream(s) && !s->listener) {
        info[RMEM] = (uint32_t)sw_stream_readable(s);
        info[WMEM] = info[WMEM_QUEUED] = (uint32_t)sw_tcp_send_queue(sw_sock_tcp(s))->len;
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
    if (v < 0 || v > PRIORITY_MAX)
        return -EPERM;
    return SW_OPT_STORE(layer, s, priority, v);
}

/* ---- structs -------------------------------------------------------------------------- */

int sw_opt_copy_out(void *val, size_t *len, const void *from, size_t size)
{
    if (*len > size)
        *len = size;
    if (*len > 0) /* else val may be NULL */
        memcpy(val, from, *len);
    return 0;
}

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

/* struct timeval on 64-bit machines: two int64_t. 0 s 0 us: for ever. */
static int get_timeout(uint64_t us, void *val, size_t *len)
{
    const int64_t tv[2] = {(int64_t)(us / US_PER_S), (int64_t)(us % US_PER_S)};
    return sw_opt_copy_out(val, len, tv, sizeof(tv));
}

static int timeout_in(const void *val, size_t len, uint64_t *ret_us)
{
    int64_t tv[2];
    if (len < sizeof(tv))
        return -EINVAL;
    memcpy(tv, val, sizeof(tv));
    if (tv[1] < 0 || tv[1] >= US_PER_S)
        return -EDOM;
    if (tv[0] < 0) /* before now: not at all */
        *ret_us = 1;
    else if (tv[0] > INT64_MAX / US_PER_S - 1)
        *ret_us = 0;
    else
        *ret_us = (uint64_t)tv[0] * US_PER_S + (uint64_t)tv[1];
    return 0;
}

SW_OPT_GET_BYTES(sw_opt_get_rcvtimeo)
{
    (void)layer;
    return get_timeout(sw_sock_opts(s)->rcvtimeo_us, val, len);
}

SW_OPT_SET_BYTES(sw_opt_set_rcvtimeo)
{
    uint64_t us;
    int r = timeout_in(val, len, &us);
    if (r < 0)
        return r;
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    opts->rcvtimeo_us = us;
    return 0;
}

SW_OPT_GET_BYTES(sw_opt_get_sndtimeo)
{
    (void)layer;
    return get_timeout(sw_sock_opts(s)->sndtimeo_us, val, len);
}

SW_OPT_SET_BYTES(sw_opt_set_sndtimeo)
{
    uint64_t us;
    int r = timeout_in(val, len, &us);
    if (r < 0)
        return r;
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    opts->sndtimeo_us = us;
    return 0;
}

SW_OPT_GET_BYTES(sw_opt_get_timestamping)
{
    (void)layer;
    const int32_t so[2] = {sw_sock_opts(s)->timestamping, 0}; /* struct so_timestamping */
    return sw_opt_copy_out(val, len, so, sizeof(so));
}

SW_OPT_SET_BYTES(sw_opt_set_timestamping)
{
    int32_t flags;
    if (len < sizeof(flags))
        return -EINVAL;
    memcpy(&flags, val, sizeof(flags));
    if (flags < 0 || flags >= 1 << 18) /* the flags there are */
        return -EINVAL;
    return SW_OPT_STORE(layer, s, timestamping, flags);
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

SW_OPT_SET_BYTES(sw_opt_set_device)
{
    char name[IFACE_NAME] = {0};
    if (len > 0)
        memcpy(name, val, len < sizeof(name) - 1 ? len : sizeof(name) - 1);
    if (!name[0])
        return SW_OPT_STORE(layer, s, bind_iface, 0);
    for (int i = 1;; i++) {
        const struct sw_iface *iface = sw_ip_iface(layer->ip, i);
        if (!iface)
            return -ENODEV;
        if (strncmp(iface->config.name, name, sizeof(name)) == 0)
            return SW_OPT_STORE(layer, s, bind_iface, i);
    }
}

SW_OPT_GET_BYTES(sw_opt_get_cookie)
{
    uint64_t cookie = sw_sock_handle(layer, s);
    if (*len < sizeof(cookie))
        return -EINVAL;
    return sw_opt_copy_out(val, len, &cookie, sizeof(cookie));
}
