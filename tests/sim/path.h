/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A path for measuring goodput in virtual time: one or two senders, each with a delay of its own to
 * a common bottleneck, and one receiver behind it.
 *
 *     sender 0 --- half its round trip ---+
 *                                         +--- rate, queue, loss, reordering --- receiver
 *     sender 1 --- half its round trip ---+
 *
 * ACKs come back over the delays alone. Each sender sends one stream: as much as it can, or so many
 * bytes and then closes. Everything follows from the configuration and its seed.
 */
#ifndef SW_TESTS_SIM_PATH_H
#define SW_TESTS_SIM_PATH_H

#include <sockworks/sockworks.h>

#include <stdio.h>

#define PATH_SENDERS 2
#define PATH_MTU 1500U
#define PATH_MSS 1448U /* with timestamps */

struct path_sender {
    const char *cc; /* TCP_CONGESTION; NULL: the default */
    uint64_t rtt_ns;
    uint64_t bytes; /* 0: as many as it can */
    uint64_t start_ns;
};

struct path_config {
    struct path_sender senders[PATH_SENDERS];
    int n_senders;
    struct sw_link_conditions neck; /* of the bottleneck, toward the receiver; no delay */
    struct sw_link_conditions back; /* of each ACK path; its delay is added */
    uint64_t duration_ns;           /* after which it ends at the latest */
    uint64_t count_from_ns;         /* only what arrives afterwards counts as goodput */
    uint64_t seed;
    FILE *trace; /* or NULL */
};

struct path_result {
    struct path_sent {
        double goodput_bps;
        uint64_t bytes;       /* received in all */
        uint64_t finished_ns; /* from connect() until the last byte was read; 0: did not finish */
        uint32_t again;       /* segments sent again */
        uint32_t timeouts, probes;
        uint32_t rtt_us; /* median of tcpi_rtt */
    } senders[PATH_SENDERS];
    struct sw_link_stats neck;
};

/* False: something is wrong, it was printed on stderr. */
bool path_run(const struct path_config *config, struct path_result *ret_result);

#endif
