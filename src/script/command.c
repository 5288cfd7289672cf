/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands in backquotes. No shell runs: what scripts use them for is to set the host up, so the
 * lines in common use are read as settings, harmless ones are passed over, and anything else is
 * refused.
 *
 *     sysctl -q net.ipv4.tcp_timestamps=0          .../set_sysctls.py /proc/sys/net/ipv4/X=Y
 *     .../defaults.sh                              the settings below
 *     rm -f FILE; dd bs=1 count=5 of=FILE             a file that the script opens
 *     tc qdisc replace dev tun0 root fq            sockets pace what they send
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/private.h"

/* What the public scripts take for granted: Linux's defaults, but for these. */
static const char *const defaults[][2] = {
    {"tcp_rmem", "4096 540000 15728640"},
    {"tcp_wmem", "4096 262144 4194304"},
    {"tcp_timestamps", "1"},
    {"tcp_sack", "1"},
    {"tcp_syn_retries", "5"},
    {"tcp_synack_retries", "5"},
    {"tcp_slow_start_after_idle", "0"},
    {"tcp_ecn", "0"},
    {"tcp_congestion_control", "cubic"},
    {"tcp_recovery", "1"},
    {"tcp_early_retrans", "4"},
    {"tcp_frto", "2"},
    {"tcp_dsack", "1"},
    {"tcp_reordering", "3"},
    {"tcp_fastopen", "0x70403"},
    {"tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"},
    {"tcp_syncookies", "1"},
    {"tcp_mtu_probing", "0"},
};

/* Settings of Linux's that this stack has no choice about: accepted, and without effect. */
static const char *const without_effect[] = {
    "tcp_fack",
    "tcp_reordering",
    "tcp_early_retrans",
    "tcp_tso_win_divisor",
    "tcp_pacing_ss_ratio",
    "tcp_pacing_ca_ratio",
    "tcp_fastopen_cookies",
    "tcp_tso_rtt_log",
    "tcp_min_snd_mss",
    "tcp_moderate_rcvbuf",
    "tcp_no_metrics_save",
    "tcp_autocorking",
    "tcp_limit_output_bytes",
    "tcp_comp_sack_nr",
    "tcp_comp_sack_delay_ns",
    "tcp_comp_sack_slack_ns",
    "tcp_thin_linear_timeouts",
    "tcp_shrink_window",
    "tcp_app_win",
    "tcp_adv_win_scale",
    "tcp_tw_reuse",
    "ip_no_pmtu_disc",
    "tcp_backlog_ack_defer",
    "tcp_abort_on_overflow",
    "tcp_max_syn_backlog",
    "somaxconn",
    "rmem_max",
    "wmem_max",
    "default_qdisc",
    "tcp_collapse_max_bytes",
};

static bool set(struct run *run, struct pos pos, const char *name, const char *value)
{
    int r = sw_host_set(run->host, name, value);
    if (r == 0)
        return true;
    if (r == -EINVAL)
        return script_fail(run->script, SCRIPT_SYNTAX, pos, "%s cannot be '%s'", name, value);
    for (size_t i = 0; i < sizeof(without_effect) / sizeof(*without_effect); i++)
        if (strcmp(without_effect[i], name) == 0)
            return true;
    return script_fail(run->script, SCRIPT_UNSUPPORTED, pos, "there is no setting '%s' here", name);
}

static bool set_defaults(struct run *run, struct pos pos)
{
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
        if (!set(run, pos, defaults[i][0], defaults[i][1]))
            return false;
    return true;
}

/* "4096 131072 $((32*1024*1024))": products, as a shell has them computed. What is none stays. */
static const char *compute(struct run *run, const char *value)
{
    const char *begin = strstr(value, "$(("), *end = begin ? strstr(begin, "))") : NULL;
    if (end == NULL)
        return value;
    unsigned long long product = 1;
    for (const char *s = begin + 3; s < end; s++) {
        char *rest;
        product *= strtoull(s, &rest, 10);
        if (rest == s || (rest < end && *rest != '*'))
            return value;
        s = rest;
    }
    size_t len = strlen(value) + sizeof("18446744073709551615");
    char *text = arena_alloc(&run->script->arena, len);
    snprintf(text, len, "%.*s%llu%s", (int)(begin - value), value, product, end + 2);
    return compute(run, text);
}

/* "net.ipv4.tcp_sack=1" or "/proc/sys/net/ipv4/tcp_sack=1": the last part of the name counts. */
static bool set_word(struct run *run, struct pos pos, const char *word)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL)
        return script_fail(run->script, SCRIPT_UNSUPPORTED, pos, "'%s' sets nothing", word);
    const char *begin = equals;
    while (begin > word && begin[-1] != '.' && begin[-1] != '/')
        begin--;
    const char *name = arena_copy(&run->script->arena, begin, (size_t)(equals - begin));
    return set(run, pos, name, compute(run, equals + 1));
}

static bool ends_in(const char *word, const char *tail)
{
    size_t n = strlen(word), m = strlen(tail);
    return n >= m && strcmp(word + n - m, tail) == 0;
}

/* "via X dev Y mtu [lock] N advmss N initcwnd N": the metrics of a route. False: not read. */
static bool read_metrics(struct run *run, struct pos pos, char **words, size_t count,
                         struct sw_route_metrics *m)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = words[i];
        uint32_t *at = strcmp(name, "mtu") == 0        ? &m->mtu
                       : strcmp(name, "advmss") == 0   ? &m->advmss
                       : strcmp(name, "initcwnd") == 0 ? &m->initcwnd
                                                       : NULL;
        if (at != NULL && at == &m->mtu && i + 1 < count && strcmp(words[i + 1], "lock") == 0) {
            m->mtu_lock = true;
            i++;
        }
        if (i + 1 >= count || (!at && strcmp(name, "via") != 0 && strcmp(name, "dev") != 0))
            return script_fail(run->script, SCRIPT_UNSUPPORTED, pos,
                               "a route's '%.40s' is not known here", name);
        i++;
        if (at)
            *at = (uint32_t)strtoul(words[i], NULL, 10);
    }
    return true;
}

/* "ip [-6] route add|change|replace ADDRESS ...": the remote addresses' route is one of its own
 * then, by the only interface there is. */
static bool run_ip_route(struct run *run, struct pos pos, char **words, size_t count)
{
    struct sw_route_metrics metrics = {.mtu = 0};
    struct sw_ip dst;
    if (count > 0 && words[0][0] == '-') {
        words++;
        count--;
    }
    if (count < 3 || strcmp(words[0], "route") != 0 ||
        (strcmp(words[1], "add") != 0 && strcmp(words[1], "change") != 0 &&
         strcmp(words[1], "replace") != 0) ||
        sw_ip_parse(words[2], &dst) != 0)
        return unsupported(run, pos, "this command of ip's");
    if (!read_metrics(run, pos, words + 3, count - 3, &metrics))
        return false;
    /* There is one remote end: the route is its, whatever address the field's runner gives it. */
    if (sw_ip_is4(&dst) == sw_ip_is4(&run->script->options.remote))
        dst = run->script->options.remote;
    unsigned bits = sw_ip_is4(&dst) ? 32 : 128;
    int r = sw_host_add_route(run->host, &dst, bits, run->iface, NULL);
    if (r == 0 || r == -EEXIST)
        r = sw_host_set_route_metrics(run->host, &dst, bits, &metrics);
    return r == 0 || script_fail(run->script, SCRIPT_SYNTAX, pos, "there cannot be such a route");
}

/* "ethtool -K tun0 gso off tso off": what leaves is cut to the MTU. */
static bool run_ethtool(struct run *run, struct pos pos, char **words, size_t count)
{
    bool off = false;
    for (size_t i = 2; i + 1 < count; i += 2)
        off = off || (strcmp(words[i], "gso") == 0 && strcmp(words[i + 1], "off") == 0);
    if (count < 2 || strcmp(words[0], "-K") != 0 || !off)
        return unsupported(run, pos, "this command of ethtool's");
    run->script->options.gso_off = true;
    return true;
}

/* "tc qdisc add dev tun0 root fq": a queueing discipline that paces; here each socket does. */
static bool run_tc(struct run *run, struct pos pos, char **words, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(words[i], "limit") == 0)
            return unsupported(run, pos, "a queueing discipline that drops");
    run->paced = strcmp(words[count - 1], "fq") == 0;
    return true;
}

static bool run_rm(struct run *run, struct pos pos, char **words, size_t count)
{
    if (count < 3 || strcmp(words[1], "-f") != 0)
        return unsupported(run, pos, "this command of rm's");
    for (size_t i = 2; i < count; i++)
        file_remove(run, words[i]);
    return true;
}

/* "dd bs=1 count=5 of=NAME": what is in the file is what is sent of it. */
static bool run_dd(struct run *run, struct pos pos, char **words, size_t count)
{
    unsigned long long block = 512, blocks = 0;
    const char *name = NULL;
    for (size_t i = 1; i < count; i++) {
        if (strncmp(words[i], "bs=", 3) == 0)
            block = strtoull(words[i] + 3, NULL, 10);
        else if (strncmp(words[i], "count=", 6) == 0)
            blocks = strtoull(words[i] + 6, NULL, 10);
        else if (strncmp(words[i], "of=", 3) == 0)
            name = words[i] + 3;
    }
    if (name == NULL || block > UINT32_MAX || blocks > UINT32_MAX)
        return unsupported(run, pos, "this command of dd's");
    file_make(run, name, block * blocks);
    return true;
}

/* "echo 3 > /sys/module/tcp_cubic/parameters/hystart_detect": by both signs, as it always is here.
 */
static bool run_echo(struct run *run, struct pos pos, char **words, size_t count)
{
    return (count == 4 && strcmp(words[1], "3") == 0 && strcmp(words[2], ">") == 0 &&
            ends_in(words[3], "/tcp_cubic/parameters/hystart_detect")) ||
           unsupported(run, pos, "this command of echo's");
}

#define WORDS_MAX 32

/* One command: its words, quotes taken off. */
static bool run_words(struct run *run, struct pos pos, char **words, size_t count)
{
    const char *name = words[0];
    if (ends_in(name, "/defaults.sh") || strcmp(name, "defaults.sh") == 0)
        return set_defaults(run, pos);
    if (ends_in(name, "set_sysctls.py") || strcmp(name, "sysctl") == 0) {
        for (size_t i = 1; i < count; i++)
            if (words[i][0] != '-' && !set_word(run, pos, words[i]))
                return false;
        return true;
    }
    if (strncmp(name, "/tmp/sysctl_restore_", 20) == 0 || strcmp(name, "true") == 0 ||
        strcmp(name, "nstat") == 0)
        return true;
    if (strcmp(name, "ip") == 0 && count > 1 && strcmp(words[1], "tcp_metrics") == 0) {
        sw_host_forget_metrics(run->host);
        return true;
    }
    if (strcmp(name, "rm") == 0 || ends_in(name, "/rm"))
        return run_rm(run, pos, words, count);
    /* The kernel's tables, which know nothing of this stack's sockets. */
    if (strcmp(name, "grep") == 0 && count > 2 && strncmp(words[2], "/proc/net/", 10) == 0)
        return true;
    if (strcmp(name, "dd") == 0 || ends_in(name, "/dd"))
        return run_dd(run, pos, words, count);
    if (strcmp(name, "echo") == 0)
        return run_echo(run, pos, words, count);
    if (strcmp(name, "ip") == 0)
        return run_ip_route(run, pos, words + 1, count - 1);
    if (strcmp(name, "ethtool") == 0)
        return run_ethtool(run, pos, words + 1, count - 1);
    if (strcmp(name, "tc") == 0)
        return run_tc(run, pos, words, count);
    return script_fail(run->script, SCRIPT_UNSUPPORTED, pos,
                       "the command '%.40s' is not known here, and no shell is run", name);
}

/* Reads one word; stops at the end of a command. */
static const char *read_word(struct run *run, const char *s, char **ret_word)
{
    char *word = arena_alloc(&run->script->arena, strlen(s) + 1);
    size_t len = 0;
    char quote = '\0';
    bool any = false;
    for (; *s != '\0'; s++) {
        if (quote == '\0' && (isspace((unsigned char)*s) || *s == ';'))
            break;
        if (*s == '\\' && s[1] == '\n') {
            if (any) {
                s += 2;
                break;
            }
            s++;
            continue;
        }
        any = true;
        if (*s == quote)
            quote = '\0';
        else if (quote == '\0' && (*s == '"' || *s == '\''))
            quote = *s;
        else
            word[len++] = *s;
    }
    *ret_word = any ? word : NULL;
    return s;
}

bool command_run(struct run *run, const char *text, struct pos pos, bool cleanup)
{
    const char *s = text;
    if (cleanup)
        return true;
    while (*s != '\0') {
        char *words[WORDS_MAX];
        size_t count = 0;
        while (*s != '\0' && *s != '\n' && *s != ';') {
            while (*s == ' ' || *s == '\t' || (*s == '\\' && s[1] == '\n'))
                s += *s == '\\' ? 2 : 1;
            if (*s == '>' && count > 0 && strcmp(words[0], "echo") == 0 && count < WORDS_MAX) {
                words[count++] = arena_copy(&run->script->arena, s++, 1);
                continue;
            }
            if (*s == '#' || *s == '>' || strncmp(s, "&>", 2) == 0 ||
                strncmp(s, "||", 2) == 0) { /* a comment; output into nowhere; what if it fails */
                s += strcspn(s, "\n;");
                break;
            }
            char *word = NULL;
            s = read_word(run, s, &word);
            if (word != NULL && count < WORDS_MAX && strncmp(word, "2>", 2) != 0)
                words[count++] = word;
        }
        if (count > 0 && !run_words(run, pos, words, count))
            return false;
        if (*s != '\0')
            s++;
    }
    return true;
}
