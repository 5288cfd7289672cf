/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings of a host by the name and in the units of Linux's sysctl of the same meaning.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "host/private.h"
#include "tcp/accecn.h"
#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/fastopen.h"

enum setting_kind {
    SETTING_BOOL,    /* bool */
    SETTING_MODE,    /* uint8_t, up to `most` */
    SETTING_COUNT,   /* uint32_t */
    SETTING_SECONDS, /* uint64_t, ns */
    SETTING_MS,      /* likewise, given in ms */
    SETTING_SIZES,   /* "min default max": two uint32_t, bytes */
    SETTING_PAGES,   /* "low pressure high" in pages: the second, uint64_t, bytes */
    SETTING_CC,      /* uint8_t, enum sw_cc_id, given by name */
    SETTING_CCS,     /* names of congestion controls: every one is there, and may be chosen */
};

#define NS_PER_S 1000000000ULL
#define NS_PER_MS 1000000ULL
#define PAGE_BYTES 4096ULL /* everywhere, so that a setting means the same everywhere */
#define AT(field) offsetof(struct sw_host, tcp.config.field)
#define IP(field) offsetof(struct sw_host, ip.config.field)

static const struct setting {
    const char *name;
    enum setting_kind kind;
    size_t at;
    uint8_t most;
} settings[] = {
    {"tcp_timestamps", SETTING_BOOL, AT(timestamps)},
    {"tcp_window_scaling", SETTING_BOOL, AT(window_scaling)},
    {"tcp_sack", SETTING_BOOL, AT(sack)},
    {"tcp_slow_start_after_idle", SETTING_BOOL, AT(slow_start_after_idle)},
    {"tcp_syn_retries", SETTING_COUNT, AT(syn_retries)},
    {"tcp_syn_linear_timeouts", SETTING_COUNT, AT(syn_linear_timeouts)},
    {"tcp_syn_soft_errors", SETTING_BOOL, AT(syn_soft_errors)}, /* not Linux's: it always does */
    {"tcp_synack_retries", SETTING_COUNT, AT(synack_retries)},
    {"tcp_invalid_ratelimit", SETTING_MS, AT(challenge_ack_ns)},
    {"tcp_retries1", SETTING_COUNT, AT(retries1)},
    {"tcp_retries2", SETTING_COUNT, AT(retries2)},
    {"tcp_max_orphans", SETTING_COUNT, AT(max_orphans)},
    {"tcp_max_tw_buckets", SETTING_COUNT, AT(max_tw_buckets)},
    {"tcp_rfc1337", SETTING_BOOL, AT(rfc1337)},
    {"tcp_syncookies", SETTING_BOOL, AT(syncookies)},
    {"tcp_mtu_probing", SETTING_COUNT, AT(mtu_probing)},
    {"tcp_base_mss", SETTING_COUNT, AT(base_mss_bytes)},
    {"tcp_mtu_probe_floor", SETTING_COUNT, AT(mtu_probe_floor_bytes)},
    {"tcp_probe_interval", SETTING_SECONDS, AT(mtu_probe_interval_ns)},
    {"tcp_probe_threshold", SETTING_COUNT, AT(mtu_probe_threshold_bytes)},
    {"tcp_orphan_retries", SETTING_COUNT, AT(orphan_retries)},
    {"tcp_keepalive_probes", SETTING_COUNT, AT(keepalive_probes)},
    {"tcp_keepalive_time", SETTING_SECONDS, AT(keepalive_ns)},
    {"tcp_keepalive_intvl", SETTING_SECONDS, AT(keepalive_intvl_ns)},
    {"tcp_fin_timeout", SETTING_SECONDS, AT(fin_timeout_ns)},
    {"tcp_early_retrans", SETTING_BOOL, AT(tlp)},
    {"tcp_recovery", SETTING_BOOL, AT(rack)},
    {"tcp_frto", SETTING_BOOL, AT(frto)},
    {"tcp_dsack", SETTING_BOOL, AT(dsack)},
    {"tcp_rto_max_ms", SETTING_MS, AT(rto_max_ns)},
    {"tcp_ecn", SETTING_MODE, AT(ecn), SW_ECN_ACCURATE_ANSWER},
    {"tcp_ecn_option", SETTING_MODE, AT(ecn_option), SW_ECN_OPTION_PERSIST},
    {"tcp_fastopen", SETTING_COUNT, AT(fastopen)},
    {"tcp_fastopen_blackhole_timeout_sec", SETTING_SECONDS, AT(tfo_blackhole_ns)},
    {"tcp_ecn_fallback", SETTING_BOOL, AT(ecn_fallback)},
    {"tcp_rmem", SETTING_SIZES, AT(rcvbuf)},
    {"tcp_wmem", SETTING_SIZES, AT(sndbuf)},
    {"tcp_mem", SETTING_PAGES, AT(mem_pressure_bytes)},
    {"tcp_notsent_lowat", SETTING_COUNT, AT(notsent_lowat)},
    {"tcp_min_tso_segs", SETTING_COUNT, AT(min_tso_segs)},
    {"mtu_expires", SETTING_SECONDS, IP(mtu_expires_ns)},
    {"min_pmtu", SETTING_COUNT, IP(min_pmtu_bytes)},
    {"min_adv_mss", SETTING_COUNT, IP(min_advmss_bytes)},
    {"tcp_congestion_control", SETTING_CC, AT(cc)},
    {"tcp_available_congestion_control", SETTING_CCS, 0},
    {"tcp_allowed_congestion_control", SETTING_CCS, 0},
};
_Static_assert(AT(rcvbuf_max) == AT(rcvbuf) + 4 && AT(sndbuf_max) == AT(sndbuf) + 4,
               "default and maximum side by side");

/* What a digit stands for; 16: it is none. */
static unsigned digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The next number of the text, decimal, or with 0x before it hexadecimal; false: there is none, or
 * it is too large. */
static bool read_number(const char **text, uint32_t *ret)
{
    uint64_t n = 0;
    unsigned base = 10;
    while (**text == ' ' || **text == '\t')
        (*text)++;
    if ((*text)[0] == '0' && ((*text)[1] | ('a' - 'A')) == 'x') {
        base = 16;
        *text += 2;
    }
    if (digit(**text) >= base)
        return false;
    for (; digit(**text) < base; (*text)++) {
        n = n * base + digit(**text);
        if (n > UINT32_MAX)
            return false;
    }
    *ret = (uint32_t)n;
    return true;
}

static int set_cc(const char *value, uint8_t *ret_cc)
{
    int id = sw_cc_find(value, strlen(value));
    if (id < 0)
        return -EINVAL;
    *ret_cc = (uint8_t)id;
    return 0;
}

static int check_ccs(const char *names)
{
    while (*names) {
        size_t len = 0;
        while (names[len] && names[len] != ' ' && names[len] != '\t')
            len++;
        if (len > 0 && sw_cc_find(names, len) < 0)
            return -EINVAL;
        names += len + (names[len] != '\0');
    }
    return 0;
}

static int set(struct sw_host *host, const struct setting *setting, const char *value)
{
    char *at = (char *)host + setting->at;
    if (setting->kind == SETTING_CC)
        return set_cc(value, (uint8_t *)at);
    if (setting->kind == SETTING_CCS)
        return check_ccs(value);
    uint32_t n[3] = {0};
    bool three = setting->kind == SETTING_SIZES || setting->kind == SETTING_PAGES;
    unsigned want = three ? 3 : 1;
    for (unsigned i = 0; i < want; i++)
        if (!read_number(&value, &n[i]))
            return -EINVAL;
    if (*value != '\0')
        return -EINVAL;
    switch (setting->kind) {
    case SETTING_BOOL:
        *(bool *)(void *)at = n[0] != 0;
        break;
    case SETTING_MODE:
        if (n[0] > setting->most)
            return -EINVAL;
        *(uint8_t *)at = (uint8_t)n[0];
        break;
    case SETTING_COUNT:
        *(uint32_t *)(void *)at = n[0];
        break;
    case SETTING_SECONDS:
        *(uint64_t *)(void *)at = n[0] * NS_PER_S;
        break;
    case SETTING_MS:
        *(uint64_t *)(void *)at = n[0] * NS_PER_MS;
        break;
    case SETTING_SIZES:
        if (n[1] == 0 || n[1] > n[2])
            return -EINVAL;
        memcpy(at, &n[1], 2 * sizeof(n[1]));
        break;
    case SETTING_PAGES:
        *(uint64_t *)(void *)at = n[1] * PAGE_BYTES;
        break;
    case SETTING_CC: /* not numbers */
    case SETTING_CCS:
        break;
    }
    return 0;
}

void sw_host_forget_metrics(struct sw_host *host)
{
    sw_tfo_forget_all(&host->tcp);
}

/* "11223344-55667788-99aabbcc-ddeeff00", or two of them with a comma between: words of a key, their
 * low bytes first. */
static int set_fastopen_keys(const char *value, struct sw_tfo_keys *ret_keys)
{
    struct sw_tfo_keys keys = {0};
    do {
        uint8_t bytes[16];
        for (unsigned word = 0; word < 4; word++) {
            uint32_t n = 0;
            if (word > 0 && *value++ != '-')
                return -EINVAL;
            if (digit(*value) == 16)
                return -EINVAL;
            for (unsigned i = 0; i < 8 && digit(*value) < 16; i++)
                n = n << 4 | digit(*value++);
            for (unsigned i = 0; i < 4; i++, n >>= 8)
                bytes[4 * word + i] = (uint8_t)n;
        }
        sw_tfo_key_from_bytes(bytes, &keys.key[keys.n++]);
    } while (keys.n < SW_TFO_KEYS && *value == ',' && value++);
    if (*value != '\0')
        return -EINVAL;
    *ret_keys = keys;
    return 0;
}

int sw_host_set(struct sw_host *host, const char *name, const char *value)
{
    if (strcmp(name, "tcp_fastopen_key") == 0)
        return set_fastopen_keys(value, &host->tcp.tfo_keys);
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if (strcmp(settings[i].name, name) == 0)
            return set(host, &settings[i], value);
    return -ENOENT;
}
