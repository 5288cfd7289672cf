/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * differ: small socket scenarios whose every result is printed, so that the same program run on the
 * kernel's sockets and on Sockworks' can be compared line by line.
 *
 * 1. Output is deterministic on one implementation: ports are printed as letters in the order in
 * which they are first seen, descriptors as `fd`, times only as "waited long enough".
 * 2. A scenario runs in a process of its own, beside others, and chooses free ports.
 * 3. Where the peer's action has to arrive first, settle() gives it time.
 */
#ifndef DIFFER_H
#define DIFFER_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { V4 = 1, V6 = 2, BOTH = V4 | V6 };

struct scenario {
    const char *name;
    void (*run)(void);
    int families; /* V4, V6 or BOTH: once for each */
};

/* One table for each file of scenarios, ended by a row without a name. */
extern const struct scenario open_scenarios[], listen_scenarios[], connect_scenarios[],
    close_scenarios[], data_scenarios[], inq_scenarios[], option_scenarios[], udp_scenarios[],
    udp_message_scenarios[], udp_join_scenarios[], udp_way_scenarios[], filter_scenarios[], control_scenarios[],
    interface_scenarios[], ready_scenarios[], process_scenarios[], argument_scenarios[],
    reuseport_scenarios[], choose_scenarios[], extension_scenarios[], flow_label_scenarios[],
    route_scenarios[], arrive_scenarios[], diag_scenarios[], sent_scenarios[], zone_scenarios[];

/* AF_INET or AF_INET6: the family that this run of the scenario is about. */
extern int family;

/* Prints a line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a call and its result, or the name of its errno; returns the result, errno untouched. */
long result(const char *what, long value);
#define TRY(call) result(#call, (long)(call))

/* The same for a call that returns a descriptor: which number it gets is not shown. */
int descriptor(const char *what, int fd);
#define FD(call) descriptor(#call, (call))

/* For steps that are not the subject: ends the scenario with a line if the call fails. */
int must_be(const char *what, int value);
#define MUST(call) must_be(#call, (int)(call))

const char *errno_name(int error);

/* Lets what was sent arrive. */
void settle(void);

/* Prints poll()'s bits for every event of `fd`, and as much as is set now. */
void show_poll(const char *when, int fd);

/* Prints an address; getsockname() and getpeername() of a socket. */
void show_address(const char *what, const struct sockaddr_storage *address, socklen_t length);
void show_names(const char *when, int fd);

/* Prints an int option, or the error; SO_ERROR. */
void show_option(const char *what, int fd, int level, int option);
#define OPTION(fd, level, option) show_option(#option, fd, level, option)
void show_error(const char *when, int fd);

/* Prints how many bytes recv() with `flags` gives, and the first of them as text. */
void show_recv(const char *when, int fd, size_t size, int flags);

int set_int(int fd, int level, int option, int value);
void set_nonblocking(int fd);
void reset_on_close(int fd); /* SO_LINGER {1, 0}: close() sends a reset */

/* The loopback address, or the unspecified one, of `family` with this port. */
struct sockaddr_storage loopback(int port);
struct sockaddr_storage any(int port);
socklen_t address_length(void);
#define ADDRESS(storage) ((struct sockaddr *)&(storage)), address_length()

int port_of(int fd);       /* getsockname()'s */
int unused_port(int type); /* a port of the loopback address at which nobody is */

int stream_socket(void);
int datagram_socket(void);
int listener(int backlog);          /* bound to loopback, listening */
int connected_to(int listening_fd); /* blocking connect */
void stream_pair(int *ret_client, int *ret_server);
int bound_datagram(void);
void datagram_pair(int *ret_a, int *ret_b); /* bound, and connected to each other */

/* Catches `signal` (with or without SA_RESTART) and has it sent to this process in `ms`. */
void signal_in(int signal, int flags, int ms);

/* Runs `action(argument)` in a child process after `ms`. */
pid_t later(int ms, void (*action)(int), int argument);

/* What `differ --inherited FD` does: shows the socket that exec() left it. */
int inherited(int fd);

#endif
