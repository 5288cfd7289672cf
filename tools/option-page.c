/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option-page: prints docs/socket-options.md, out of src/sock/options.def and of what the sockets
 * of a host answer.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sockworks/sockworks.h>

#include "sock/abi.h"
#include "wire/wire.h"

struct row {
    const char *level_name;
    int level, name;
    const char *text, *effect, *what;
};

static const struct row rows[] = {
#define OPTION(level, name, how, effect, what)                                                     \
    {#level, SW_SOL_##level, SW_##name, #name, #effect, what},
#include "sock/options.def"
#undef OPTION
};

static const struct {
    const char *level, *title, *man;
} sections[] = {
    {"SOCKET", "SOL_SOCKET", "socket(7)"}, {"TCP", "IPPROTO_TCP", "tcp(7)"},
    {"UDP", "IPPROTO_UDP", "udp(7)"},      {"IP", "IPPROTO_IP", "ip(7)"},
    {"IPV6", "IPPROTO_IPV6", "ipv6(7)"},   {"RAW", "SOL_RAW", "raw(7)"},
    {"ICMPV6", "SOL_ICMPV6", "RFC 3542"},
};

static const char *const introduction =
    "# Socket options\n"
    "\n"
    "Made by `build/tools/option-page` out of [src/sock/options.def](../src/sock/options.def) and "
    "of "
    "what sockets answer;\n"
    "a test holds this page to both. `tests/programs/test_options.py` asks the kernel's own "
    "sockets "
    "the same some 70,000\n"
    "questions (defaults, values in and out of range, lengths, wrong pointers, on sockets fresh, "
    "listening and connected),\n"
    "and `tests/programs/options/known.txt` names, with reasons, which answers differ.\n"
    "\n"
    "*default*: what a fresh socket answers, TCP / UDP where they differ. *set*: whether it can be "
    "set by a program without\n"
    "privilege, or the error. *effect*: `works`: as Linux's manual pages say. `none`: it is taken "
    "and shown as on Linux\n"
    "and changes nothing, for the reason given. `refused`: it is not to be had here. Any option "
    "that "
    "is not on this page\n"
    "gives `ENOPROTOOPT`.\n";

static const char *errno_text(int r)
{
    switch (-r) {
#define CASE(e)                                                                                    \
    case e:                                                                                        \
        return "`" #e "`"
        CASE(EINVAL);
        CASE(ENOENT);
        CASE(ENODATA);
        CASE(EPERM);
        CASE(EPROTO);
        CASE(EACCES);
        CASE(EFAULT);
        CASE(ENODEV);
        CASE(ENOTCONN);
        CASE(EOPNOTSUPP);
        CASE(ENOPROTOOPT);
#undef CASE
    default:
        return "an error";
    }
}

/* ---- asking --------------------------------------------------------------------------- */

enum { TEXT = 64, VALUE_MAX = 512 };

struct answer {
    bool there; /* the protocol has options of this level */
    char value[TEXT], set[TEXT];
};

/* The default, as text; its bytes and their number. */
static size_t get(struct sw_host *host, sw_socket_t s, const struct row *row, void *value,
                  char *ret_text)
{
    size_t len = VALUE_MAX;
    int32_t number;
    int r = sw_getsockopt(host, s, row->level, row->name, value, &len);
    if (r < 0) {
        snprintf(ret_text, TEXT, "%s", errno_text(r));
        return 0;
    }
    memcpy(&number, value, sizeof(number));
    if (len == sizeof(number))
        snprintf(ret_text, TEXT, "%d", number);
    else
        snprintf(ret_text, TEXT, "%zu bytes", len);
    return len;
}

static int set(struct sw_host *host, sw_socket_t s, const struct row *row, int32_t v)
{
    return sw_setsockopt(host, s, row->level, row->name, &v, sizeof(v));
}

static void try_set(struct sw_host *host, sw_socket_t s, const struct row *row, const void *value,
                    size_t len, char *ret_text)
{
    static const int32_t values[] = {1, 2, 100, 1000};
    int zero = set(host, s, row, 0), last = 0;
    bool any = len > 4 && sw_setsockopt(host, s, row->level, row->name, value, len) == 0;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        int r = set(host, s, row, values[i]);
        any |= r == 0;
        if (i == 0)
            last = r;
    }
    if (any)
        snprintf(ret_text, TEXT, "yes");
    else if (zero == 0)
        snprintf(ret_text, TEXT, "0 only, else %s", errno_text(last));
    else
        snprintf(ret_text, TEXT, "%s", errno_text(last));
}

static struct answer ask(struct sw_host *host, const struct row *row, int type)
{
    uint8_t value[VALUE_MAX] = {0};
    struct answer answer = {.there =
                                row->level != (type == SW_SOCK_STREAM ? SW_SOL_UDP : SW_SOL_TCP)};
    sw_socket_t s;

    bool v6 = row->level == SW_SOL_IPV6 || row->level == SW_SOL_ICMPV6;
    int proto = type != SW_SOCK_RAW ? 0 : v6 ? SW_PROTO_ICMP6 : SW_PROTO_ICMP;
    if (sw_socket(host, v6 ? SW_AF_INET6 : SW_AF_INET, type, proto, &s) < 0)
        return answer;
    size_t len = get(host, s, row, value, answer.value);
    try_set(host, s, row, value, len, answer.set);
    sw_close(host, s);
    return answer;
}

/* ---- printing ------------------------------------------------------------------------- */

static void print_both(const char *tcp, const char *udp, bool is_tcp, bool is_udp)
{
    if (!is_udp || (is_tcp && strcmp(tcp, udp) == 0))
        printf(" %s |", tcp);
    else if (!is_tcp)
        printf(" %s |", udp);
    else
        printf(" %s / %s |", tcp, udp);
}

static void print_row(struct sw_host *host, const struct row *row)
{
    bool of_raw = row->level == SW_SOL_RAW || row->level == SW_SOL_ICMPV6;
    struct answer tcp = ask(host, row, SW_SOCK_STREAM);
    struct answer udp = ask(host, row, of_raw ? SW_SOCK_RAW : SW_SOCK_DGRAM);
    tcp.there &= !of_raw;
    const char *effect = strcmp(row->effect, "WORKS") == 0  ? "works"
                         : strcmp(row->effect, "IDLE") == 0 ? "none"
                                                            : "refused";

    printf("| `%s` |", row->text);
    print_both(tcp.value, udp.value, tcp.there, udp.there);
    print_both(tcp.set, udp.set, tcp.there, udp.there);
    printf(" %s | %s |\n", effect, row->what);
}

int main(void)
{
    struct sw_host_config config = {0};
    struct sw_host *host = sw_host_new(&config);

    if (host == NULL)
        return 1;
    fputs(introduction, stdout);
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        printf("\n## `%s`: %s\n\n| option | default | set | effect | |\n|---|---|---|---|---|\n",
               sections[i].title, sections[i].man);
        for (size_t o = 0; o < sizeof(rows) / sizeof(rows[0]); o++)
            if (strcmp(rows[o].level_name, sections[i].level) == 0)
                print_row(host, &rows[o]);
    }
    sw_host_free(host);
    return 0;
}
