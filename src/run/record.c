/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is reported of a run (record.h): who makes a call, when, and what becomes of it; and at the
 * end the pictures and files that were asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/call/privilege.h"
#include "run/leak.h"
#include "run/record.h"

enum {
    TRACE_RECORDS = 10 * 1000 * 1000, /* with --trace: some 2 GB at most */
    COMM_BYTES = 16,                  /* the kernel's TASK_COMM_LEN */
    LOOKS_MAX = 32,
};

/* A thread that made a call. */
struct caller {
    pid_t tid, pid;
    char program[COMM_BYTES];
};

struct run_record {
    FILE *trace, *capture;
    struct caller *callers;
    size_t n_callers, cap_callers;
    struct leak_report leak;
};

/* ---- who ---- */

static bool read_file(const char *path, char *buf, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, buf, size - 1);
    close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static pid_t process_of(pid_t tid)
{
    char text[1024];
    const char *line = caller_status(tid, text, sizeof(text)) == 0 ? strstr(text, "\nTgid:") : NULL;
    return line != NULL ? (pid_t)atoi(line + 6) : tid;
}

static struct caller *caller_of(struct run_record *record, pid_t tid)
{
    for (size_t i = 0; i < record->n_callers; i++)
        if (record->callers[i].tid == tid)
            return &record->callers[i];
    if (record->n_callers == record->cap_callers) {
        size_t cap = record->cap_callers != 0 ? record->cap_callers * 2 : 16;
        struct caller *more = realloc(record->callers, cap * sizeof(*more));
        if (more == NULL)
            return NULL;
        record->callers = more;
        record->cap_callers = cap;
    }
    struct caller *caller = &record->callers[record->n_callers++];
    *caller = (struct caller){.tid = tid, .pid = process_of(tid)};
    return caller;
}

/* Reports a program by its name: when it first makes a call, and when exec has changed it. */
static pid_t name_caller(struct run *run, pid_t tid)
{
    struct caller *caller = caller_of(run->record, tid);
    char path[64], program[COMM_BYTES];

    if (caller == NULL)
        return tid;
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)caller->pid);
    if (read_file(path, program, sizeof(program))) {
        program[strcspn(program, "\n")] = '\0';
        if (strcmp(program, caller->program) != 0) {
            memcpy(caller->program, program, sizeof(program));
            sw_view_process(run->view, record_now(run), caller->pid, program);
        }
    }
    return caller->pid;
}

void record_process_end(struct run *run, pid_t pid, int status)
{
    if (run->view == NULL)
        return;
    struct run_record *record = run->record;
    for (size_t i = 0; i < record->n_callers; i++) {
        if (record->callers[i].pid == pid) {
            sw_view_process_end(run->view, record_now(run), pid, status);
            return;
        }
    }
}

/* ---- calls ---- */

/* What we may leave to the kernel, and whose result we would then never know. */
static bool perhaps_native(const struct run_call *call)
{
    switch (call->nr) {
    case SYS_sendto:
    case SYS_recvfrom:
    case SYS_sendmsg:
    case SYS_recvmsg:
    case SYS_sendmmsg:
    case SYS_recvmmsg:
        return call->standin->stream;
    case SYS_ioctl:
        return true;
    default:
        return false;
    }
}

static void enter(struct run *run, struct run_call *call)
{
    pid_t pid = name_caller(run, call->tid);
    call->token = sw_view_call(run->view, record_now(run), pid, call->tid, call->nr, call->args);
}

void record_call_entered(struct run *run, struct run_call *call)
{
    if (run->view != NULL && !perhaps_native(call))
        enter(run, call);
}

/* The moments at which connections are up, or datagrams have come through. */
static bool worth_a_look(const struct run_call *call, int64_t result)
{
    switch (call->nr) {
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_recvfrom:
        return result >= 0;
    default:
        return false;
    }
}

void record_call_answered(struct run *run, struct run_call *call, int64_t result, bool native)
{
    if (run->view == NULL || (call->token == 0 && native))
        return;
    if (call->token == 0) {
        if (call->standin == NULL || call->standin->netlink_type != 0)
            return;
        enter(run, call);
    }
    sw_socket_t sock = call->made != 0         ? call->made
                       : call->standin != NULL ? call->standin->sock
                                               : 0;
    sw_view_answer(run->view, record_now(run), call->token, sock, native ? 0 : result,
                   call->has_from ? &call->from : NULL);
    if (run->config->flow && worth_a_look(call, result) && run->record->leak.looks < LOOKS_MAX)
        leak_look(run, &run->record->leak);
}

/* ---- beginning and end ---- */

static int open_file(const char *path, FILE **ret_file)
{
    if (path == NULL)
        return 0;
    *ret_file = fopen(path, "we");
    if (*ret_file == NULL) {
        int err = errno;
        fprintf(stderr, "sockworks: %s: %s\n", path, strerror(err));
        return -err;
    }
    return 0;
}

int record_open(struct run *run)
{
    const struct run_config *config = run->config;
    struct timespec wall;

    if (!config->flow && config->trace_path == NULL && config->capture_path == NULL)
        return 0;
    struct run_record *record = run->record = calloc(1, sizeof(*record));
    if (record == NULL)
        return -ENOMEM;
    int err = open_file(config->trace_path, &record->trace);
    if (err == 0)
        err = open_file(config->capture_path, &record->capture);
    if (err < 0)
        return err;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct sw_view_config view_config = {
        .start_ns = run_now(),
        .wall_ns = (uint64_t)wall.tv_sec * 1000000000U + (uint64_t)wall.tv_nsec,
        .max_records = record->trace != NULL ? TRACE_RECORDS : 0,
        .capture = record->capture,
    };
    run->view = sw_view_new(&view_config);
    return run->view != NULL ? 0 : -ENOMEM;
}

static unsigned columns(void)
{
    struct winsize size;
    const char *text = getenv("COLUMNS");
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return text != NULL ? (unsigned)atoi(text) : 0;
}

static void say_leak(const struct leak_report *leak)
{
    if (leak->looks == 0)
        return;
    if (leak->held > 0)
        fprintf(stderr, "The kernel HELD an AF_INET or AF_INET6 socket of this run");
    else
        fprintf(stderr, "The kernel held no AF_INET or AF_INET6 socket of this run");
    fprintf(stderr, ": %u descriptors of %u process%s looked at.\n", leak->descriptors,
            leak->processes, leak->processes == 1 ? "" : "es");
}

static void draw(struct run *run)
{
    struct sw_view_flow_config config = {
        .width = columns(),
        .colour = sw_view_wants_colour(stderr),
        .utf8 = sw_view_wants_utf8(),
    };
    fputc('\n', stderr);
    if (sw_view_flow(run->view, stderr, &config) < 0)
        fprintf(stderr, "sockworks: the flow of events could not be drawn\n");
    fputc('\n', stderr);
    say_leak(&run->record->leak);
}

static void close_file(FILE *file, const char *path, bool ok)
{
    if (file == NULL)
        return;
    ok = ok && ferror(file) == 0; /* what was lost on the way, fclose() does not know of */
    if (fclose(file) != 0 || !ok)
        fprintf(stderr, "sockworks: %s: could not be written\n", path);
}

void record_close(struct run *run)
{
    struct run_record *record = run->record;

    if (run->view != NULL) {
        bool ok = record->trace == NULL || sw_view_ndjson(run->view, record->trace) == 0;
        if (run->config->flow)
            draw(run);
        if (sw_view_left_out(run->view) > 0 && record->trace != NULL)
            fprintf(stderr, "sockworks: %llu events more were not kept\n",
                    (unsigned long long)sw_view_left_out(run->view));
        sw_view_free(run->view);
        run->view = NULL;
        close_file(record->trace, run->config->trace_path, ok);
        close_file(record->capture, run->config->capture_path, true);
    }
    if (record != NULL)
        free(record->callers);
    free(record);
    run->record = NULL;
}
