/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * getsockopt() and setsockopt(): one table, options.def. A row says which option it is and what it
 * is stored as: a bit, a number with its range, or functions of its own. Numbers, layouts, ranges,
 * errors and the order in which errors are found are Linux's:
 *
 *   SOL_SOCKET, SOL_TCP, SOL_UDP   too short: EINVAL; no memory there: EFAULT; no such option
 *   SOL_IP                         no such option; no memory there; too short; a byte is a number
 *   SOL_IPV6                       no such option; too short; NULL is a number: 0
 */
#include <errno.h>

#include "sock/options.h"

enum kind {
    KIND_REFUSAL, /* get_errno, set_errno */
    KIND_FLAG,    /* bit */
    KIND_RARE,    /* rare */
    KIND_NUMBER,  /* field, min, max */
    KIND_TIMEOUT, /* field */
    KIND_FIXED,   /* min; set_errno, or 0: setting it changes nothing */
    KIND_VALUE,   /* get, set */
    KIND_BYTES,   /* get_bytes, set_bytes; without get_bytes: no bytes */
};

struct option {
    int level;
    enum kind kind;
    bool inverted;         /* a bit says that the option is off */
    bool zero_or_one;      /* takes nothing else */
    bool has_auto;         /* -1 is stored as auto_value */
    bool off_is_fine;      /* setting it to 0 is no error */
    bool any_length;       /* less than an int is 0 */
    uint16_t least, exact; /* bytes it takes; 0: what its level says */
    uint8_t get_errno, set_errno;
    uint8_t admin_errno;  /* what setting it says to others than administrators; 0: it is for all */
    uint8_t stream_errno; /* what a stream answers to an attempt to set it; 0: it may */
    uint16_t field;       /* offset in struct sw_sock_opts */
    uint32_t bit;         /* in sw_sock.on */
    uint8_t rare;         /* number of a bit in sw_sock_opts.rare */
    int32_t min, max, auto_value;
    int (*get)(struct sw_sock_layer *layer, struct sw_sock *s, int *ret_value);
    int (*set)(struct sw_sock_layer *layer, struct sw_sock *s, int value);
    int (*get_bytes)(struct sw_sock_layer *layer, struct sw_sock *s, void *val, size_t *len);
    int (*set_bytes)(struct sw_sock_layer *layer, struct sw_sock *s, const void *val, size_t len);
};

/* clang-format off */
#define FLAG(b)               .kind = KIND_FLAG, .bit = SW_ON_##b
#define FLAG01(b)             FLAG(b), .zero_or_one = true
#define UNFLAG(b)             FLAG(b), .inverted = true
#define UNFLAG01(b)           UNFLAG(b), .zero_or_one = true
#define RARE(b)               .kind = KIND_RARE, .rare = SW_RARE_##b
#define RARE01(b)             RARE(b), .zero_or_one = true
#define UNRARE(b)             RARE(b), .inverted = true
#define NUMBER(f, lo, hi)     .kind = KIND_NUMBER, .field = offsetof(struct sw_sock_opts, f),      \
                              .min = (lo), .max = (hi)
#define NUMBER_AUTO(f, hi, a) NUMBER(f, -1, hi), .has_auto = true, .auto_value = (a)
#define TIMEOUT(f)            .kind = KIND_TIMEOUT, .field = offsetof(struct sw_sock_opts, f)
#define GET(x)                .kind = KIND_VALUE, .get = sw_opt_get_##x, .set_errno = ENOPROTOOPT
#define SETS(x)               .kind = KIND_VALUE, .set = sw_opt_set_##x, .get_errno = ENOPROTOOPT
#define VALUE(x)              .kind = KIND_VALUE, .get = sw_opt_get_##x, .set = sw_opt_set_##x
#define BYTES_GET(x)          .kind = KIND_BYTES, .get_bytes = sw_opt_get_##x,                     \
                              .set_errno = ENOPROTOOPT
#define BYTES(x)              .kind = KIND_BYTES, .get_bytes = sw_opt_get_##x,                     \
                              .set_bytes = sw_opt_set_##x
#define DOES(x)               .kind = KIND_BYTES, .set_bytes = sw_opt_##x, .get_errno = ENOPROTOOPT
#define FIXED(v, e)           .kind = KIND_FIXED, .min = (v), .set_errno = (e)
#define OFF_ONLY(e)           FIXED(0, e), .off_is_fine = true
#define IGNORED(v)            FIXED(v, 0)
#define IGNORED01(v)          FIXED(v, 0), .zero_or_one = true
#define SETTABLE()            FIXED(0, 0), .get_errno = ENOPROTOOPT
#define EMPTY(e)              .kind = KIND_BYTES, .set_errno = (e)
#define REFUSAL(g, s)         .kind = KIND_REFUSAL, .get_errno = (g), .set_errno = (s)
#define ADMIN(e, ...)         .admin_errno = (e), __VA_ARGS__
#define ADMIN_ON(e, ...)      ADMIN(e, __VA_ARGS__), .off_is_fine = true
#define DGRAM(e, ...)         .stream_errno = (e), __VA_ARGS__
#define LEAST(n, ...)         .least = (n), __VA_ARGS__
#define EXACT(n, ...)         .exact = (n), __VA_ARGS__
#define ANY_LENGTH(...)       .any_length = true, __VA_ARGS__
#define OPTION(l, n, how, effect, what) {.level = SW_SOL_##l, how},
static const struct option table[] = {
#include "sock/options.def"
};
#undef OPTION

/* Its rows by level and name: the row's number + 1; 0: there is none. */
enum { NAMES = 128 };
enum level { SOCKET, TCP, UDP, IP, IPV6, RAW, ICMPV6, LEVELS };
#define OPTION(l, n, how, effect, what) ROW_##l##_##n,
enum row {
#include "sock/options.def"
    ROWS
};
#undef OPTION
_Static_assert(ROWS < UINT8_MAX, "a row's number fits a byte");
#define OPTION(l, n, how, effect, what) [l][SW_##n] = ROW_##l##_##n + 1,
static const uint8_t rows[LEVELS][NAMES] = {
#include "sock/options.def"
};
#undef OPTION
/* clang-format on */

static bool is_udp(const struct sw_sock *s)
{
    return !sw_sock_is_stream(s) && sw_sock_has_ports(s);
}

/* Which options a socket has at all; LEVELS: its protocols know none of this level. */
static enum level level_of(const struct sw_sock *s, int level)
{
    switch (level) {
    case SW_SOL_SOCKET:
        return SOCKET;
    case SW_SOL_IP: /* also of a socket of IPv6, but a raw one */
        return s->domain == SW_AF_INET6 && sw_sock_is_raw(s) ? LEVELS : IP;
    case SW_SOL_IPV6:
        return s->domain == SW_AF_INET6 ? IPV6 : LEVELS;
    case SW_SOL_TCP:
        return sw_sock_is_stream(s) ? TCP : LEVELS;
    case SW_SOL_UDP:
    case SW_SOL_UDPLITE:
        return is_udp(s) ? UDP : LEVELS;
    case SW_SOL_RAW:
        return sw_sock_is_raw(s) ? RAW : LEVELS;
    case SW_SOL_ICMPV6:
        return s->domain == SW_AF_INET6 && sw_sock_is_raw(s) ? ICMPV6 : LEVELS;
    default:
        return LEVELS;
    }
}

static const struct option *find(enum level level, int name)
{
    if (level == LEVELS || name < 0 || name >= NAMES || !rows[level][name])
        return NULL;
    return &table[rows[level][name] - 1];
}

int sw_opt_copy_out(void *val, size_t *len, const void *from, size_t size)
{
    if (*len > size)
        *len = size;
    if (*len > 0) /* else val may be NULL */
        memcpy(val, from, *len);
    return 0;
}

int sw_opt_store(struct sw_sock_layer *layer, struct sw_sock *s, size_t field, int32_t value)
{
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    memcpy((uint8_t *)opts + field, &value, sizeof(value));
    return 0;
}

int sw_opt_set_rare(struct sw_sock_layer *layer, struct sw_sock *s, enum sw_rare bit, bool on)
{
    if (on == sw_sock_rare(s, bit))
        return 0;
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    opts->rare ^= 1ULL << bit;
    return 0;
}

/* ---- struct timeval on 64-bit machines: two int64_t. 0 s 0 us: for ever. -------------- */

#define US_PER_S 1000000

static int get_timeout(const struct sw_sock *s, const struct option *o, void *val, size_t *len)
{
    uint64_t us;
    memcpy(&us, (const uint8_t *)sw_sock_opts(s) + o->field, sizeof(us));
    const int64_t tv[2] = {(int64_t)(us / US_PER_S), (int64_t)(us % US_PER_S)};
    return sw_opt_copy_out(val, len, tv, sizeof(tv));
}

static int set_timeout(struct sw_sock_layer *layer, struct sw_sock *s, const struct option *o,
                       const void *val, size_t len)
{
    int64_t tv[2];
    uint64_t us;
    if (len < sizeof(tv))
        return -EINVAL;
    memcpy(tv, val, sizeof(tv));
    if (tv[1] < 0 || tv[1] >= US_PER_S)
        return -EDOM;
    if (tv[0] < 0) /* before now: not at all */
        us = 1;
    else if (tv[0] > INT64_MAX / US_PER_S - 1)
        us = 0;
    else
        us = (uint64_t)tv[0] * US_PER_S + (uint64_t)tv[1];
    struct sw_sock_opts *opts = sw_sock_opts_own(layer, s);
    if (!opts)
        return -ENOMEM;
    memcpy((uint8_t *)opts + o->field, &us, sizeof(us));
    return 0;
}

/* ---- get ------------------------------------------------------------------------------ */

static int get_number(struct sw_sock_layer *layer, struct sw_sock *s, const struct option *o,
                      int *ret)
{
    int32_t v;
    switch (o->kind) {
    case KIND_FLAG:
        *ret = ((s->on & o->bit) != 0) != o->inverted;
        return 0;
    case KIND_RARE:
        *ret = sw_sock_rare(s, o->rare) != o->inverted;
        return 0;
    case KIND_NUMBER:
        memcpy(&v, (const uint8_t *)sw_sock_opts(s) + o->field, sizeof(v));
        *ret = v;
        return 0;
    case KIND_FIXED:
        *ret = o->min;
        return 0;
    default:
        return o->get(layer, s, ret);
    }
}

int sw_sock_getopt(struct sw_sock_layer *layer, struct sw_sock *s, int level, int name, void *val,
                   size_t *len)
{
    const enum level its = level_of(s, level);
    const struct option *o = find(its, name);
    if (!o) /* Linux's ip_getsockopt() has a word of its own for levels that are not its */
        return s->domain == SW_AF_INET && its == LEVELS ? -EOPNOTSUPP : -ENOPROTOOPT;
    if (o->get_errno)
        return -(int)o->get_errno;
    if (o->kind == KIND_TIMEOUT)
        return get_timeout(s, o, val, len);
    if (o->kind == KIND_BYTES) {
        if (o->get_bytes)
            return o->get_bytes(layer, s, val, len);
        *len = 0;
        return 0;
    }
    int v;
    int r = get_number(layer, s, o, &v);
    if (r < 0)
        return r;
    if (level == SW_SOL_IP && *len > 0 && *len < sizeof(int) && v >= 0 && v <= 255) {
        *(uint8_t *)val = (uint8_t)v; /* the byte form of BSD's IP options */
        *len = 1;
        return 0;
    }
    return sw_opt_copy_out(val, len, &v, sizeof(v));
}

/* ---- set ------------------------------------------------------------------------------ */

/* The number in `val`, as its level reads it. */
static int number_in(const struct option *o, const void *val, size_t len, int *ret)
{
    *ret = 0;
    if (o->level == SW_SOL_IPV6 && !val)
        len = o->any_length || len >= sizeof(int) ? len : 0;
    else if (!val && len > 0)
        return o->level != SW_SOL_IP && len < sizeof(int) ? -EINVAL : -EFAULT;
    if (val && len >= sizeof(int))
        memcpy(ret, val, sizeof(int));
    else if (val && o->level == SW_SOL_IP && len > 0)
        *ret = *(const uint8_t *)val;
    size_t least = o->level == SW_SOL_IP ? o->least : o->any_length ? 0 : sizeof(int);
    return len < least || (o->exact && len != o->exact) ? -EINVAL : 0;
}

static int set_number(struct sw_sock_layer *layer, struct sw_sock *s, const struct option *o, int v)
{
    bool on = (v != 0) != o->inverted;

    if (o->zero_or_one && v != 0 && v != 1)
        return -EINVAL;
    if (o->admin_errno && !layer->by_admin && (v != 0 || !o->off_is_fine))
        return -(int)o->admin_errno;
    switch (o->kind) {
    case KIND_FLAG:
        s->on = on ? s->on | o->bit : s->on & ~o->bit;
        return 0;
    case KIND_RARE:
        return sw_opt_set_rare(layer, s, o->rare, on);
    case KIND_NUMBER:
        if (v < o->min || v > o->max)
            return -EINVAL;
        return sw_opt_store(layer, s, o->field, o->has_auto && v == -1 ? o->auto_value : v);
    case KIND_VALUE:
        return o->set ? o->set(layer, s, v) : -(int)o->set_errno;
    default:
        return o->off_is_fine && v == 0 ? 0 : -(int)o->set_errno;
    }
}

static int set_option(struct sw_sock_layer *layer, struct sw_sock *s, const struct option *o,
                      const void *val, size_t len)
{
    bool of_ip = o->level == SW_SOL_IP || o->level == SW_SOL_IPV6;
    int v;

    bool is_number = o->kind != KIND_REFUSAL && o->kind != KIND_BYTES;
    if (o->level == SW_SOL_IP && is_number && !val && len > 0 && !o->set_errno)
        return -EFAULT;
    if (o->stream_errno && sw_sock_is_stream(s))
        return -(int)o->stream_errno;
    if (!is_number && o->admin_errno && !layer->by_admin)
        return -(int)o->admin_errno;
    if (of_ip && (o->kind == KIND_REFUSAL || (o->set_errno && o->kind != KIND_FIXED)))
        return -(int)o->set_errno; /* before the value is looked at */
    if (o->set_bytes) {
        if (len < o->least || (o->exact && len != o->exact))
            return -EINVAL;
        return !val && len > 0 && !o->any_length ? -EFAULT : o->set_bytes(layer, s, val, len);
    }
    int r = number_in(o, val, len, &v);
    if (r < 0)
        return r;
    if (o->kind == KIND_TIMEOUT)
        return val ? set_timeout(layer, s, o, val, len) : -EFAULT;
    return set_number(layer, s, o, v);
}

int sw_sock_setopt(struct sw_sock_layer *layer, struct sw_sock *s, int level, int name,
                   const void *val, size_t len)
{
    static const struct option unknown = {.level = SW_SOL_SOCKET, .set_errno = ENOPROTOOPT};
    const enum level its = level_of(s, level);
    const struct option *o = find(its, name);
    if (!o) {
        if (its == LEVELS || level == SW_SOL_IP || level == SW_SOL_IPV6)
            return -ENOPROTOOPT;
        o = &unknown;
    }
    int r = set_option(layer, s, o, val, len);
    bool errors = (level == SW_SOL_IP && name == SW_IP_RECVERR) ||
                  (level == SW_SOL_IPV6 && name == SW_IPV6_RECVERR);
    if (errors && !sw_sock_is_stream(s) && !(s->on & (SW_ON_RECVERR | SW_ON_RECVERR6)))
        sw_errors_clear(layer, s);
    if (r == 0 && sw_sock_is_stream(s)) {
        sw_stream_apply_options(s);
        if (!s->listener)
            sw_stream_after(layer, s); /* TCP_NODELAY and the end of TCP_CORK send what waited */
    }
    return r;
}
