/* SPDX-License-Identifier: BSD-2-Clause */
/* sockworks run --stats, --json: what was counted. */
#include <jansson.h>
#include <string.h>

#include "run/stats.h"

/* One table for both forms. */
static const struct {
    const char *key, *text;
    size_t field;
} counters[] = {
#define COUNTER(name, words)                                                                       \
    {                                                                                              \
#name, words, offsetof(struct sw_host_stats, name)                                         \
    }
    COUNTER(ip_tx, "IP packets sent"),
    COUNTER(ip_rx, "IP packets received"),
    COUNTER(tcp_estab, "ends of TCP connections established"),
    COUNTER(tcp_tx, "TCP segments sent"),
    COUNTER(tcp_rx, "TCP segments received"),
    COUNTER(tcp_retrans, "TCP segments sent again"),
    COUNTER(tcp_resets, "TCP resets sent"),
    COUNTER(udp_tx, "UDP datagrams sent"),
    COUNTER(udp_rx, "UDP datagrams received"),
    COUNTER(icmp_tx, "ICMP messages sent"),
    COUNTER(icmp_rx, "ICMP messages received"),
#undef COUNTER
};

static const struct {
    const char *key, *text;
    size_t field;
} link_counters[] = {
#define COUNTER(name, words)                                                                       \
    {                                                                                              \
#name, words, offsetof(struct sw_link_stats, name)                                         \
    }
    COUNTER(sent, "packets into the link"),
    COUNTER(delivered, "delivered"),
    COUNTER(lost, "lost"),
    COUNTER(duplicated, "duplicated"),
    COUNTER(reordered, "reordered"),
    COUNTER(corrupted, "corrupted"),
    COUNTER(overflowed, "beyond the queue"),
    COUNTER(marked, "marked: congestion experienced"),
#undef COUNTER
};

enum { N_COUNTERS = sizeof(counters) / sizeof(counters[0]) };
enum { N_LINK = sizeof(link_counters) / sizeof(link_counters[0]) };

static uint64_t value_at(const void *stats, size_t field)
{
    uint64_t value;
    memcpy(&value, (const char *)stats + field, sizeof(value));
    return value;
}

static void add_at(void *stats, size_t field, uint64_t more)
{
    uint64_t sum = value_at(stats, field) + more;
    memcpy((char *)stats + field, &sum, sizeof(sum));
}

static void line(FILE *out, const char *text, uint64_t value)
{
    fprintf(out, "%14llu  %s\n", (unsigned long long)value, text);
}

static const struct {
    const char *key, *text;
    size_t field;
} left_counters[] = {
#define COUNTER(name, words)                                                                       \
    {                                                                                              \
#name, words, offsetof(struct run_left, name)                                              \
    }
    COUNTER(standins, "left behind: stand-ins"), COUNTER(calls, "left behind: held calls"),
    COUNTER(sockets, "left behind: sockets"),    COUNTER(descriptors, "left behind: descriptors"),
    COUNTER(bytes, "left behind: bytes"),
#undef COUNTER
};

enum { N_LEFT = sizeof(left_counters) / sizeof(left_counters[0]) };

static void print_text(const struct run_stats *stats, const struct run_left *left, FILE *out)
{
    char text[160];

    line(out, "calls notified", stats->n_notified);
    for (size_t i = 0; i < N_COUNTERS; i++)
        line(out, counters[i].text, value_at(&stats->host, counters[i].field));
    for (size_t i = 0; stats->has_link && i < N_LINK; i++)
        line(out, link_counters[i].text, value_at(&stats->link, link_counters[i].field));
    for (int why = 1; why < SW_DROP_COUNT; why++) {
        if (stats->drops[why] == 0)
            continue;
        snprintf(text, sizeof(text), "dropped, %s: %s", sw_drop_name((enum sw_drop)why),
                 sw_drop_text((enum sw_drop)why));
        line(out, text, stats->drops[why]);
    }
    for (size_t i = 0; i < N_LEFT; i++) {
        uint64_t n = value_at(left, left_counters[i].field);
        if (n != 0)
            line(out, left_counters[i].text, n);
    }
}

static void put(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void print_json(const struct run_stats *stats, const struct run_left *left, FILE *out)
{
    json_t *all = json_object(), *host = json_object(), *drops = json_object();
    json_t *behind = json_object();

    put(all, "calls_notified", stats->n_notified);
    for (size_t i = 0; i < N_COUNTERS; i++)
        put(host, counters[i].key, value_at(&stats->host, counters[i].field));
    for (int why = 1; why < SW_DROP_COUNT; why++)
        if (stats->drops[why] != 0)
            put(drops, sw_drop_name((enum sw_drop)why), stats->drops[why]);
    json_object_set_new(all, "host", host);
    if (stats->has_link) {
        json_t *object = json_object();
        for (size_t i = 0; i < N_LINK; i++)
            put(object, link_counters[i].key, value_at(&stats->link, link_counters[i].field));
        json_object_set_new(all, "link", object);
    }
    json_object_set_new(all, "dropped", drops);
    for (size_t i = 0; i < N_LEFT; i++)
        put(behind, left_counters[i].key, value_at(left, left_counters[i].field));
    json_object_set_new(all, "left", behind);
    json_dumpf(all, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(all);
}

void stats_take(struct run *run, struct run_stats *ret_stats)
{
    *ret_stats = (struct run_stats){.n_notified = run->n_notified, .has_link = run->link != NULL};
    sw_host_get_stats(run->host, &ret_stats->host);
    for (int end = 0; run->link != NULL && end < 2; end++) {
        struct sw_link_stats one;
        sw_link_get_stats(run->link, end, &one);
        for (size_t i = 0; i < N_LINK; i++)
            add_at(&ret_stats->link, link_counters[i].field,
                   value_at(&one, link_counters[i].field));
    }
    for (int why = 1; why < SW_DROP_COUNT; why++)
        ret_stats->drops[why] = sw_host_drops(run->host, (enum sw_drop)why);
}

void stats_print(const struct run_stats *stats, const struct run_left *left, bool json, FILE *out)
{
    if (json)
        print_json(stats, left, out);
    else
        print_text(stats, left, out);
}
