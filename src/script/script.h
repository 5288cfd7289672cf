/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts: the field's test language for TCP (packetdrill's) on one host in virtual time.
 *
 * A script says, event by event, what a program calls on its sockets, which packets arrive and
 * which packets must leave, and when:
 *
 *     0   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3         a call and its result
 *    +0   bind(3, ..., ...) = 0                             "..." is a value the script leaves open
 *    +0   listen(3, 1) = 0
 *    +.1  < S 0:0(0) win 32792 <mss 1000>                   a packet arrives (<) ...
 *    +0   > S. 0:0(0) ack 1 <mss 1460>                      ... and one must leave (>)
 *    +0...0.2 accept(3, ..., ...) = 4                       a call that sleeps until 0.2 s
 *    +0   %{ assert tcpi_snd_cwnd == 10 }%                  code over struct tcp_info
 *
 * Nothing sleeps: the runner owns the clock. Before each event the host's timers run up to that
 * event's time; an outbound packet is awaited by going from one of the host's deadlines to the
 * next. So a script takes microseconds, and its times are exact.
 *
 *   lexer.c           characters -> tokens, each with its line and column
 *   parse*.c          tokens -> struct script: options, events, packets, expressions
 *   symbols.c         names of constants and errors
 *   run.c             the events in order; time
 *   calls*.c          a table of system calls onto <sockworks/socket.h>, those that sleep included
 *   calls_file.c      files and pipes, as far as they meet sockets: sendfile(), splice()
 *   wait.c            poll and epoll
 *   flow.c            which connection a packet is of; script's sequence numbers <-> real ones
 *   wire.c            packets of a script <-> bytes
 *   match.c           does the packet that left look as the script says
 *   code.c            the assertions between %{ and }%
 *   command.c         commands in backquotes: settings of the host
 *   text.c report.c   packets as text; what went wrong, beside what was expected
 *
 * Where the original runs a shell command or a Python program this one interprets what is in common
 * use, and says with line and column what it does not understand.
 */
#ifndef SW_SCRIPT_SCRIPT_H
#define SW_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum script_verdict {
    SCRIPT_PASSED,
    SCRIPT_FAILED,      /* the stack did something else than the script says */
    SCRIPT_UNSUPPORTED, /* the script uses what is not here: it says nothing about the stack */
    SCRIPT_SYNTAX,      /* the script is wrong */
};
const char *script_verdict_name(enum script_verdict verdict); /* "passed", ... */

struct script_result {
    enum script_verdict verdict;
    unsigned line, column;          /* where, unless it passed */
    char *message;                  /* one line, what was wrong; NULL if it passed */
    char *detail;                   /* lines: expected and actual, what went before; may be NULL */
    unsigned calls, packets, codes; /* how much of it ran */
    uint64_t virtual_ns;            /* how long it took, of its own time */
};

/* Settings that a caller gives as if they stood in the script (and the script overrules). */
struct script_config {
    bool verbose;            /* detail tells all that happened, also where the script passed */
    const char *options[32]; /* "--ip_version=ipv6", NULL at the end */
};

/* Runs a script of `len` bytes on a host of its own. Free the result with script_result_fini(). */
void script_run(const char *text, size_t len, const struct script_config *config,
                struct script_result *ret_result);
void script_result_fini(struct script_result *result);

#endif
