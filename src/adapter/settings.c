/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts change settings with sysctl: those are the network namespace's, and are read from there
 * before each call and packet that could begin a connection.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>

#include "adapter/adapter.h"

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
    "tcp_min_tso_segs",
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

#define NAMES (sizeof(names) / sizeof(*names))

static_assert(NAMES <= ADAPTER_SETTINGS_MAX, "room for a value of each");

static bool read_setting(const char *name, char value[ADAPTER_SETTING_BYTES])
{
    char path[80];
    snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, value, ADAPTER_SETTING_BYTES - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return false;
    value[len] = '\0';
    value[strcspn(value, "\n")] = '\0';
    return true;
}

/* Which congestion control a machine has is its owner's choice, and nothing that scripts expect:
 * only another one that a script chose counts. */
void settings_init(struct adapter *a)
{
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i], "tcp_congestion_control") == 0)
            read_setting(names[i], a->settings[i]);
}

void settings_read(struct adapter *a)
{
    char value[ADAPTER_SETTING_BYTES];
    for (size_t i = 0; i < NAMES; i++) {
        if (!read_setting(names[i], value) || strcmp(value, a->settings[i]) == 0)
            continue;
        memcpy(a->settings[i], value, sizeof(value));
        sw_host_set(a->host, names[i], value); /* what the host has not, it does its own way */
    }
}
