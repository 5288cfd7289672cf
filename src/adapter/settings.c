/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host is set up with. Nothing but --so_flags reaches the adapter, but scripts change
 * settings with sysctl before they make a socket: those are the network namespace's, and are read
 * from there each time a socket is made.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapter/adapter.h"

/* local=ADDRESS[/PREFIX] */
static bool set_local(struct adapter *a, const char *value)
{
    char text[SW_IP_TEXT];
    size_t len = strcspn(value, "/");
    struct sw_ip ip;
    if (len >= sizeof(text))
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    if (sw_ip_parse(text, &ip) < 0)
        return false;
    bool v4 = sw_ip_is4(&ip);
    unsigned long prefix = value[len] == '/' ? strtoul(value + len + 1, NULL, 10) : v4 ? 16 : 64;
    if (prefix > (v4 ? 32 : 128))
        return false;
    *(v4 ? &a->local4 : &a->local6) = ip;
    *(v4 ? &a->prefix4 : &a->prefix6) = (unsigned)prefix;
    return true;
}

static bool set_mtu(struct adapter *a, const char *value)
{
    char *end;
    unsigned long mtu = strtoul(value, &end, 10);
    a->mtu = (uint32_t)mtu;
    return *end == '\0' && mtu >= 68 && mtu <= 65535;
}

bool adapter_flags(struct adapter *a, const char *flags)
{
    char word[80];
    while (flags != NULL && *flags != '\0') {
        size_t len = strcspn(flags, ",");
        if (len >= sizeof(word))
            return false;
        memcpy(word, flags, len);
        word[len] = '\0';
        bool known = strncmp(word, "local=", 6) == 0
                         ? set_local(a, word + 6)
                         : strncmp(word, "mtu=", 4) == 0 && set_mtu(a, word + 4);
        if (!known)
            return false;
        flags += len + (flags[len] == ',');
    }
    return true;
}

/* The host has some of these; sw_host_set() knows which. */
static const char *const names[] = {
    "tcp_timestamps",
    "tcp_window_scaling",
    "tcp_sack",
    "tcp_dsack",
    "tcp_slow_start_after_idle",
    "tcp_syn_retries",
    "tcp_synack_retries",
    "tcp_syn_linear_timeouts",
    "tcp_retries1",
    "tcp_retries2",
    "tcp_orphan_retries",
    "tcp_keepalive_probes",
    "tcp_keepalive_time",
    "tcp_keepalive_intvl",
    "tcp_fin_timeout",
    "tcp_rto_max_ms",
    "tcp_rto_min_us",
    "tcp_rmem",
    "tcp_wmem",
    "tcp_moderate_rcvbuf",
    "tcp_ecn",
    "tcp_ecn_option",
    "tcp_ecn_fallback",
    "tcp_fastopen",
    "tcp_fastopen_key",
    "tcp_fastopen_blackhole_timeout_sec",
    "tcp_congestion_control",
    "tcp_notsent_lowat",
    "tcp_mtu_probing",
    "tcp_base_mss",
    "tcp_min_snd_mss",
    "tcp_probe_interval",
    "tcp_probe_threshold",
    "tcp_pacing_ss_ratio",
    "tcp_pacing_ca_ratio",
    "tcp_syncookies",
    "tcp_max_syn_backlog",
    "tcp_abort_on_overflow",
    "tcp_rfc1337",
    "tcp_tw_reuse",
    "tcp_frto",
    "tcp_recovery",
    "tcp_early_retrans",
    "tcp_reordering",
    "tcp_max_reordering",
    "tcp_thin_linear_timeouts",
    "tcp_limit_output_bytes",
    "tcp_autocorking",
    "tcp_challenge_ack_limit",
    "tcp_invalid_ratelimit",
    "tcp_comp_sack_nr",
    "tcp_comp_sack_delay_ns",
    "tcp_shrink_window",
    "ip_no_pmtu_disc",
};

void adapter_settings(struct adapter *a)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[80], value[128];
        snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", names[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t len = fd >= 0 ? read(fd, value, sizeof(value) - 1) : -1;
        if (fd >= 0)
            close(fd);
        if (len <= 0)
            continue;
        value[len] = '\0';
        value[strcspn(value, "\n")] = '\0';
        sw_host_set(a->host, names[i], value); /* what the host has not, it does its own way */
    }
}
