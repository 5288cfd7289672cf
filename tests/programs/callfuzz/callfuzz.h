/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * callfuzz: sequences of socket calls out of a seed, with good, boundary and garbage arguments.
 * Each call is one printed line, so that the same seed on the kernel's sockets and on Sockworks'
 * can be compared.
 *
 * 1. What is called never depends on what a call gave: only on the seed. So two implementations get
 * the same calls, and the first line that differs is the difference.
 * 2. Nothing is left to chance or to time: one thread at a time, every descriptor non-blocking but while a
 * signal is set to come, the network at rest between two calls (settle()); no Nagle, no buffers so small that it matters who empties
 * them when.
 * 3. A seed has ports of its own; what is not one of them is printed as "e", whatever its number.
 */
#ifndef CALLFUZZ_H
#define CALLFUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* ---- main.c ---- */

/* A number below n; the seed's next. */
uint32_t below(uint32_t n);
/* True once in n. */
bool once_in(uint32_t n);
/* Adds to the line. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints it, or not. */
void end_line(void);
void forget_line(void);
/* The numbers go on from this one. */
void seed_from(uint64_t seed);
/* A process of its own ends, saying so, when it lasts too long. */
void guard_against_hanging(void);
#define PICK(array) ((array)[below((uint32_t)(sizeof(array) / sizeof((array)[0])))])

/* ---- args.c: arguments, each printed as it is made ---- */

enum { MAX_SLOTS = 10, MAX_AREAS = 64, N_PORTS = 4 };

extern int slots[MAX_SLOTS]; /* descriptors of sockets; -1: none */
extern uint16_t first_port;  /* of the seed's N_PORTS */
extern int seed_family;      /* AF_INET or AF_INET6: the one mostly used */
extern int epoll_fd;

/* Memory of the caller's, in one of several places. */
struct area {
    uint64_t at;   /* what the call gets */
    uint8_t *mine; /* the bytes that can be looked at; NULL: none */
    size_t len;    /* how many of them there are */
    bool whole;    /* all that was asked for */
};

/* Once, and before each call. */
void args_open(void);
void args_begin(void);

/* Memory of `len` bytes that a call reads or writes: mostly good, filled with a pattern. */
struct area *memory(size_t len);
/* The same for what holds addresses, out of the way of data. */
struct area *memory_for_pointers(size_t len);
/* The same, always good and never printed: what is in it may not be. */
struct area *good_memory(size_t len);
/* Prints the bytes that a call has changed, up to `most`. */
void show_changed(const char *name, const struct area *area, size_t most);

int a_descriptor(void); /* mostly a socket */
int a_slot(void);       /* where the next new descriptor goes; closes what was there */
void keep(int fd);      /* puts it there */
uint32_t a_length(uint32_t usual);
int some_flags(const int *from, size_t n);
int garbage_int(void);
/* An address in memory and its length. */
struct area *an_address(int *ret_len);
/* Prints an address that a call has written. */
void show_address(const struct area *area, const struct area *length);

/* ---- calls.c ---- */

/* The call of this number and its line; of those the ones that a child and a thread can make as well. */
void call_something(uint32_t number);
void call_plain(void);
/* Sockets in each of their states. */
void call_setup(void);

/* ---- process.c ---- */

/* A descriptor is made of another, or closed. */
void call_descriptor(void);
/* A child that makes calls. */
void call_process(uint32_t number);
/* One that was begun by exec: `callfuzz --exec NUMBER SEED FAMILY PORT SLOTS`. */
void exec_begin(char **argv);
/* A call that a signal ends. */
void call_blocking(void);
/* Several threads, whose calls and results are not printed: they only have to end. */
void call_threads(void);

/* ---- message.c ---- */
void call_message(int which);
enum { SENDMSG, RECVMSG, SENDMMSG, RECVMMSG, READV, WRITEV, N_MESSAGES };

/* ---- option.c ---- */
void call_getsockopt(void);
void call_setsockopt(void);
void call_ioctl(void);

/* Makes the call, prints "= result" or the errno's name, and waits until the network is at rest. */
long result_of(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

void settle(void);

#endif
