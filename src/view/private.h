/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of view/ share: the records themselves and the meaning of system calls. */
#ifndef SW_VIEW_PRIVATE_H
#define SW_VIEW_PRIVATE_H

#include "view/record.h"

#define VIEW_NAME 32 /* bytes of a program's name, with its NUL */

enum view_kind {
    VIEW_TRACE,
    VIEW_PROCESS,
    VIEW_PROCESS_END,
    VIEW_CALL,
    VIEW_ANSWER,
    VIEW_DATA,
};

/* A system call from entry to answer. One record of kind VIEW_CALL; its answer, a record of its own
 * for the order of things, points back to it. */
struct view_call {
    pid_t pid, tid;
    int nr;
    uint64_t args[6];
    struct sw_addr addr; /* given */
    struct sw_addr from; /* came back */
    int64_t value, result;
    uint64_t socket;
    uint32_t answer; /* index of the VIEW_ANSWER record; 0: never answered */
    bool has_addr, has_from, has_value;
};

struct view_record {
    uint64_t at_ns; /* since the start */
    enum view_kind kind;
    union {
        struct sw_trace_event trace;
        struct view_call call;
        uint32_t call_index; /* VIEW_ANSWER */
        struct {
            pid_t pid;
            int status; /* VIEW_PROCESS_END */
            char program[VIEW_NAME];
        } process;
        struct {
            uint64_t socket, len;
            enum sw_view_data what;
        } data;
    };
};

struct view_capture;

struct sw_view {
    struct sw_view_config config;
    struct view_record *records; /* [0] is unused, so that 0 can say "none" */
    uint32_t n, cap;
    uint64_t left_out;
    struct view_capture *capture;
};

/* ---- names.c: who is who while one walks the records in order ---------------------------------
 */
struct view_names {
    const struct view_record **rows; /* VIEW_PROCESS records */
    uint32_t n, cap;
};
int view_names_see(struct view_names *names, const struct view_record *r); /* 0; -1: no memory */
const char *view_names_of(const struct view_names *names, pid_t pid);      /* NULL: unknown */
void view_names_fini(struct view_names *names);

/* From a key that is not 0 to a number; 0: not there. */
struct view_map_slot {
    uint64_t key;
    uint32_t value;
};
struct view_map {
    struct view_map_slot *slots;
    uint32_t cap, used;
};
uint32_t *view_map_put(struct view_map *map,
                       uint64_t key); /* its value, 0 if new; NULL: no memory */
uint32_t view_map_get(const struct view_map *map, uint64_t key);
void view_map_fini(struct view_map *map);

/* ---- words.c ------------------------------------------------------------------------------------
 */
struct view_words {
    char *buf;
    size_t size, len;
};
struct view_words view_words(char *buf, size_t size); /* empty */
void view_say(struct view_words *words, const char *format, ...);

/* ---- calls.c: what the arguments of a call mean ---- */
const char *view_call_name(int nr);             /* "connect"; "syscall" if unknown */
int view_call_fd(const struct view_call *call); /* -1: names none */
/* What kind of thing a call does with its socket. */
enum view_role {
    ROLE_OTHER,
    ROLE_BIND,
    ROLE_LISTEN,
    ROLE_ACCEPT,
    ROLE_CONNECT,
    ROLE_SEND,
    ROLE_RECV,
    ROLE_NAME, /* asks for an address */
    ROLE_SHUTDOWN,
};
enum view_role view_call_role(int nr);
/* "connect(3, 127.0.0.1:7000)" */
void view_call_text(const struct view_call *call, char *buf, size_t size);
/* " = 3", " = -1 ECONNREFUSED (Connection refused)", "" for a plain 0; with what came back */
void view_result_text(const struct view_call *call, char *buf, size_t size);
const char *view_errno_name(int err); /* "ECONNREFUSED"; never NULL */

/* ---- pcapng.c ---- */
struct view_capture *view_capture_new(FILE *out, uint64_t wall_minus_clock_ns);
void view_capture_free(struct view_capture *capture); /* writes what it holds back */
void view_capture_packet(struct view_capture *capture, uint64_t now_ns,
                         const struct sw_packet *pkt);
void view_capture_drop(struct view_capture *capture, const struct sw_trace_event *event);

#endif
