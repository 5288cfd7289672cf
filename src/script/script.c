/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One script from its text to its verdict: parse, a host of its own, run, report.
 */
#include "script/script.h"

#include <stdlib.h>
#include <string.h>

#include "script/private.h"

#define DEFAULT_MTU 1500
#define START_NS (1000 * SCRIPT_S) /* the host's clock at the script's 0 */
#define FIRST_PEER_PORT 40000
#define SUPER_SEGMENT_BYTES 65483 /* with headers, an IP packet's 65,535 */

const char *script_verdict_name(enum script_verdict verdict)
{
    static const char *const names[] = {
        [SCRIPT_PASSED] = "passed",
        [SCRIPT_FAILED] = "failed",
        [SCRIPT_UNSUPPORTED] = "unsupported",
        [SCRIPT_SYNTAX] = "wrong",
    };
    return names[verdict];
}

/* A host with one interface, from which everything is one hop away. */
static bool set_up(struct run *run)
{
    const struct soptions *o = &run->script->options;
    const struct sw_ip any4 = SW_IP4_ANY, any6 = SW_IP6_ANY;
    const struct sw_host_config config = {
        .seed = {1, 2, 3}, .now_ns = START_NS, .trace = report_trace, .trace_ctx = run};
    struct sw_iface_config iface = {
        .name = "tun0", .mtu = o->mtu, .gso_max = SUPER_SEGMENT_BYTES, .csum_offload = true};
    run->host = sw_host_new(&config);
    if (run->host == NULL)
        return false;
    /* Scripts expect Linux's own choice, where ours is RFC 6298's. */
    sw_host_set(run->host, "tcp_syn_linear_timeouts", "4");
    run->iface = sw_host_add_iface(run->host, &iface);
    bool v4 = sw_ip_is4(&o->local);
    return run->iface > 0 &&
           sw_host_add_addr(run->host, run->iface, &o->local, v4 ? 16 : 64) == 0 &&
           sw_host_add_route(run->host, v4 ? &any4 : &any6, 0, run->iface, NULL) == 0;
}

static void run_parsed(struct script *script, const struct script_config *config,
                       struct script_result *result)
{
    struct run *run = arena_alloc(&script->arena, sizeof(*run));
    const struct pos nowhere = {1, 1};
    run->script = script;
    run->config = config;
    run->start_ns = run->now_ns = START_NS;
    run->sent_last = &run->sent;
    run->next_port = FIRST_PEER_PORT;
    run->pending.deadline_ns = SW_NEVER;
    if (set_up(run))
        run_events(run);
    else
        script_error(script, SCRIPT_SYNTAX, nowhere,
                     "no host can be made with these addresses and this MTU");
    if (script->verdict != SCRIPT_PASSED || config->verbose)
        report_before(run);
    result->calls = run->calls;
    result->packets = run->packets;
    result->codes = run->codes;
    result->virtual_ns = run->now_ns - run->start_ns;
    sw_host_free(run->host);
    text_fini(&run->log);
}

void script_run(const char *text, size_t len, const struct script_config *config,
                struct script_result *ret_result)
{
    struct script script = {.last = &script.events};
    const struct pos nowhere = {1, 1};
    bool ok = true;

    *ret_result = (struct script_result){0};
    script.options = (struct soptions){.mtu = DEFAULT_MTU,
                                       .tolerance_ns = 4 * SCRIPT_MS,
                                       .tolerance_percent = 12.5,
                                       .bind_port = 8080,
                                       .connect_port = 8080};
    for (size_t i = 0; ok && config->options[i] != NULL; i++)
        ok = parse_option(&script, nowhere, config->options[i]);
    if (ok && parse_script(&script, text, len))
        run_parsed(&script, config, ret_result);
    ret_result->verdict = script.verdict;
    ret_result->line = script.error_pos.line;
    ret_result->column = script.error_pos.column;
    ret_result->message = script.error.s;
    ret_result->detail = script.detail.s;
    arena_fini(&script.arena);
}

void script_result_fini(struct script_result *result)
{
    free(result->message);
    free(result->detail);
    *result = (struct script_result){0};
}
