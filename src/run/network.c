/* SPDX-License-Identifier: BSD-2-Clause */
/* The run's network: one host with its loopback, and the link whose conditions were asked for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run/record.h"
#include "run/run.h"

enum { GSO_MAX = 65483 }; /* bytes of a super-segment's payload, as of a loopback */

/* Linux's tcp_init_mem(): a sixteenth of the machine's memory, then buffers do not grow any more.
 */
static void bound_memory(struct sw_host *host)
{
    char value[64];
    long pages = sysconf(_SC_PHYS_PAGES) / 4096 * sysconf(_SC_PAGESIZE) / 16;
    if (pages <= 0)
        return;
    snprintf(value, sizeof(value), "%ld %ld %ld", pages / 4 * 3, pages, pages / 4 * 6);
    sw_host_set(host, "tcp_mem", value);
}

int network_open(struct run *run)
{
    const struct run_config *config = run->config;
    struct sw_host_config host_config = {
        .now_ns = run_now(),
        .trace = run->view != NULL ? sw_view_trace_fn : NULL,
        .trace_ctx = run->view,
    };

    for (size_t i = 0; i < sizeof(host_config.seed); i++)
        host_config.seed[i] = (uint8_t)sw_rng_below(&run->rng, 256);
    run->host = sw_host_new(&host_config);
    if (run->host == NULL)
        return -ENOMEM;
    bound_memory(run->host);
    sw_host_set(run->host, "tcp_syn_soft_errors", "1"); /* programs expect Linux's errors */
    run->lo = sw_host_add_loopback(run->host);
    if (run->lo < 0)
        return run->lo;
    run->mtu = run_mtu(config);
    if (!config->conditioned)
        return 0;
    struct sw_link_config link_config = {
        .mtu = config->mtu,
        .seed = config->has_seed ? config->seed : sw_rng_u64(&run->rng),
        .mem = sw_host_mem(run->host),
        .trace = host_config.trace,
        .trace_ctx = host_config.trace_ctx,
    };
    run->link = sw_link_new(&link_config);
    if (run->link == NULL)
        return -ENOMEM;
    /* The host knows what fits, as it would of a real interface: so TCP counts in packets. */
    int mtu_err = sw_host_set_mtu(run->host, run->lo, run->mtu, GSO_MAX);
    if (mtu_err < 0)
        return mtu_err;
    for (int end = 0; end < 2; end++) {
        int err = sw_link_set(run->link, end, &config->conditions);
        if (err < 0)
            return err;
    }
    return 0;
}

int network_set_mtu(struct run *run, uint32_t mtu)
{
    if (mtu > run_mtu(run->config))
        return -EINVAL;
    int err = sw_host_set_mtu(run->host, run->lo, mtu, GSO_MAX);
    if (err == 0)
        run->mtu = mtu;
    return err;
}

/* "net.ipv4.tcp_ecn=1": what the host has of sysctl's settings, with or without the way there. */
int network_set_sysctls(struct run *run)
{
    for (const char *const *at = run->config->sysctls; *at != NULL; at++) {
        char name[64];
        const char *value = strchr(*at, '=') + 1;
        const char *dot = memrchr(*at, '.', (size_t)(value - *at));
        const char *from = dot != NULL ? dot + 1 : *at;
        snprintf(name, sizeof(name), "%.*s", (int)(value - 1 - from), from);
        int err = sw_host_set(run->host, name, value);
        if (err < 0) {
            fprintf(stderr, "sockworks: --sysctl %s: %s\n", *at,
                    err == -ENOENT ? "there is no such setting" : "not a value that it takes");
            return err;
        }
    }
    return 0;
}
