/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sockworks doctor: what this machine allows, line by line, and what to do where it does not.
 *
 * One function for each line; each fills a struct finding. What was tried on a child (probe.c) is
 * handed to them; the rest they look up themselves.
 */
#include <errno.h>
#include <jansson.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "run/run.h"
#include "run/start/probe.h"

enum level {
    LEVEL_OK,
    LEVEL_DEGRADED, /* runs, but slower or less */
    LEVEL_MISSING,  /* does not run */
    LEVEL_UNKNOWN,  /* could not be tried, because something else is missing */
};
static const char *const level_names[] = {"ok", "degraded", "missing", "unknown"};
static const char *const level_colours[] = {"\033[32m", "\033[33m", "\033[31m", "\033[2m"};

struct finding {
    enum level level;
    char found[160];
    char advice[240]; /* "": none */
};

struct check {
    const char *name;
    void (*look)(const struct run_probe *probe, struct finding *f);
    bool needs_listener; /* to be tried at all */
};

__attribute__((format(printf, 3, 4))) static void found(struct finding *f, enum level level,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    f->level = level;
    vsnprintf(f->found, sizeof(f->found), format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void advise(struct finding *f, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(f->advice, sizeof(f->advice), format, args);
    va_end(args);
}

/* The first line of a file, without its end; false if it cannot be read. */
static bool first_line(const char *path, char *buf, size_t size)
{
    FILE *file = fopen(path, "re");
    bool ok = file != NULL && fgets(buf, (int)size, file) != NULL;
    if (ok)
        buf[strcspn(buf, "\n")] = '\0';
    if (file != NULL)
        fclose(file);
    return ok;
}

static bool has_capability(unsigned number)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &head, data) != 0)
        return false;
    return (data[number / 32].effective >> (number % 32) & 1) != 0;
}

static void look_kernel(const struct run_probe *probe, struct finding *f)
{
    (void)probe;
    struct utsname name;
    unsigned major = 0, minor = 0;
    uname(&name);
    sscanf(name.release, "%u.%u", &major, &minor);
    found(f, LEVEL_OK, "%s %s on %s", name.sysname, name.release, name.machine);
    if (major * 1000 + minor < 5009) {
        f->level = LEVEL_MISSING;
        advise(f,
               "Linux 5.9 is the first that can put descriptors into a program; 6.6 is the first "
               "that does all of this fast.");
    }
}

static void look_listener(const struct run_probe *probe, struct finding *f)
{
    if (probe->listener == 0 && probe->receive == 0) {
        found(f, LEVEL_OK, "user notification works, and nobody else listens");
        return;
    }
    int err = probe->listener != 0 ? probe->listener : probe->receive;
    found(f, LEVEL_MISSING, "%s", run_errno_name(err));
    if (err == EBUSY) {
        found(f, LEVEL_MISSING, "another supervisor already watches this process (EBUSY)");
        advise(
            f,
            "Linux allows one listener: this may be a sockworks run inside another, or a container "
            "runtime's (sysbox, bypass4netns, LXC). Start outside of it.");
    } else if (err == EINVAL || err == ENOSYS) {
        advise(
            f,
            "The kernel was built without CONFIG_SECCOMP_FILTER or is older than 5.0; gVisor has "
            "none either.");
    } else {
        advise(f, "A container profile forbids seccomp(2); allow it, or start with "
                  "--security-opt seccomp=unconfined.");
    }
}

static void look_addfd(const struct run_probe *probe, struct finding *f)
{
    if (probe->addfd == 0 && probe->addfd_send == 0) {
        found(f, LEVEL_OK, "descriptors are put into programs in one step (ADDFD_FLAG_SEND)");
        return;
    }
    if (probe->addfd == 0) {
        found(f, LEVEL_DEGRADED, "descriptors are put into programs in two steps");
        advise(f, "A signal in between leaves a descriptor behind; Linux 5.14 mends that.");
        return;
    }
    found(f, LEVEL_MISSING, "no descriptor could be put into a program: %s",
          run_errno_name(probe->addfd));
    advise(f, "Linux 5.9 or later is needed; AppArmor or SELinux may forbid it (file_receive).");
}

static void look_signals(const struct run_probe *probe, struct finding *f)
{
    found(f, LEVEL_OK, "calls wait for their answer through signals (WAIT_KILLABLE_RECV)");
    if (probe->wait_killable != 0) {
        found(f, LEVEL_DEGRADED, "no WAIT_KILLABLE_RECV: %s", run_errno_name(probe->wait_killable));
        advise(f, "Programs with many signals (Go) repeat their calls; Linux 5.19 mends that.");
    }
}

static void look_wake_up(const struct run_probe *probe, struct finding *f)
{
    found(f, LEVEL_OK, "answers stay on the caller's processor (SYNC_WAKE_UP)");
    if (probe->sync_wake_up != 0) {
        found(f, LEVEL_DEGRADED, "no SYNC_WAKE_UP: %s", run_errno_name(probe->sync_wake_up));
        advise(f,
               "A notified call costs some 30-90 microseconds instead of 2; Linux 6.6 mends that.");
    }
}

static void look_no_new_privs(const struct run_probe *probe, struct finding *f)
{
    if (probe->no_new_privs != 0) {
        found(f, LEVEL_MISSING, "cannot be set: %s", run_errno_name(probe->no_new_privs));
        return;
    }
    if (has_capability(CAP_SYS_ADMIN))
        found(f, LEVEL_OK, "can be set; not needed, with CAP_SYS_ADMIN");
    else
        found(f, LEVEL_OK, "can be set; so setuid programs (sudo, su) get no privileges under run");
}

static void look_memory(const struct run_probe *probe, struct finding *f)
{
    if (probe->vm_readv == 0) {
        found(f, LEVEL_OK, "process_vm_readv%s", probe->proc_mem == 0 ? ", /proc/PID/mem" : "");
        return;
    }
    if (probe->proc_mem == 0) {
        found(f, LEVEL_DEGRADED, "/proc/PID/mem only (process_vm_readv: %s)",
              run_errno_name(probe->vm_readv));
        advise(f,
               "Each access costs an open(); allow process_vm_readv and process_vm_writev in the "
               "container's profile.");
        return;
    }
    found(f, LEVEL_MISSING, "neither process_vm_readv (%s) nor /proc/PID/mem (%s)",
          run_errno_name(probe->vm_readv), run_errno_name(probe->proc_mem));
    advise(f, "Allow process_vm_readv in the container's profile, give CAP_SYS_PTRACE, or see "
              "ptrace_scope "
              "below.");
}

static void look_descriptors(const struct run_probe *probe, struct finding *f)
{
    if (probe->proc_fd != 0) {
        found(f, LEVEL_MISSING, "/proc/PID/fd cannot be read: %s", run_errno_name(probe->proc_fd));
        advise(f, "Mount /proc without hidepid for this user.");
    } else if (probe->pidfd_getfd != 0) {
        found(f, LEVEL_DEGRADED, "no pidfd_getfd (%s); a copy of each socket is kept instead",
              run_errno_name(probe->pidfd_getfd));
        advise(
            f,
            "Docker's default profile forbids it: it costs one more descriptor for some sockets.");
    } else {
        found(f, LEVEL_OK, "pidfd_getfd, /proc/PID/fd");
    }
}

static void look_yama(const struct run_probe *probe, struct finding *f)
{
    char line[32];
    (void)probe;
    if (!first_line("/proc/sys/kernel/yama/ptrace_scope", line, sizeof(line))) {
        found(f, LEVEL_OK, "no Yama here");
        return;
    }
    int scope = atoi(line);
    found(f, LEVEL_OK, "ptrace_scope %d%s", scope,
          scope == 1 ? ": descendants only, which the programs are" : "");
    if (scope >= 2 && !has_capability(CAP_SYS_PTRACE)) {
        f->level = LEVEL_MISSING;
        advise(f, "Programs' memory is closed to us: sysctl kernel.yama.ptrace_scope=1 as root%s.",
               scope == 3 ? " (at the next boot: 3 cannot be lowered)" : "");
    }
}

static void look_userns(const struct run_probe *probe, struct finding *f)
{
    (void)probe;
    found(f, LEVEL_OK, "not needed; uid %u will do", (unsigned)geteuid());
}

/* What is known of the container we are in, by its traces. */
static void look_container(const struct run_probe *probe, struct finding *f)
{
    char line[256];
    const char *kind = NULL, *env = getenv("container");

    (void)probe;
    if (first_line("/proc/version", line, sizeof(line)) && strstr(line, "gVisor") != NULL)
        kind = "gVisor";
    else if (access("/.dockerenv", F_OK) == 0)
        kind = "Docker";
    else if (access("/run/.containerenv", F_OK) == 0)
        kind = "Podman";
    else if (env != NULL && *env != '\0')
        kind = env;

    int filters = 0;
    FILE *status = fopen("/proc/self/status", "re");
    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        sscanf(line, "Seccomp_filters: %d", &filters);
    if (status != NULL)
        fclose(status);

    if (kind == NULL && filters == 0) {
        found(f, LEVEL_OK, "no trace of one");
        return;
    }
    found(f, LEVEL_OK, "%.40s, %d seccomp filter%s already in force",
          kind != NULL ? kind : "unknown", filters, filters == 1 ? "" : "s");
    if (filters > 0)
        advise(f, "If something above is missing, the profile is the first suspect: try "
                  "--security-opt seccomp=unconfined or --cap-add SYS_PTRACE.");
}

static void look_nofile(const struct run_probe *probe, struct finding *f)
{
    enum { FEW = 4096 };
    struct rlimit limit = {0};
    (void)probe;
    getrlimit(RLIMIT_NOFILE, &limit);
    unsigned long long soft = limit.rlim_cur, hard = limit.rlim_max;
    if (limit.rlim_max == RLIM_INFINITY)
        found(f, LEVEL_OK, "soft %llu, no hard limit", soft);
    else
        found(f, LEVEL_OK, "soft %llu, hard %llu: about that many sockets at a time", soft, hard);
    if (hard < FEW) {
        f->level = LEVEL_DEGRADED;
        advise(f, "Each socket of a program costs a descriptor here too: raise it (ulimit -Hn, "
                  "LimitNOFILE=, --ulimit nofile=).");
    }
}

static void look_buffers(const struct run_probe *probe, struct finding *f)
{
    enum { WANTED = 4 * 1024 * 1024 };
    int pair[2], size = WANTED;
    socklen_t len = sizeof(size);

    (void)probe;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        found(f, LEVEL_MISSING, "no AF_UNIX socket: %s", run_errno_name(errno));
        return;
    }
    /* Linux doubles what is asked for, and cuts it to net.core.wmem_max before. */
    if (setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, &len);
    close(pair[0]);
    close(pair[1]);
    size /= 2;
    found(f, LEVEL_OK, "a program may have %d KiB on their way to us", size / 1024);
    if (size < WANTED) {
        f->level = size < 128 * 1024 ? LEVEL_DEGRADED : LEVEL_OK;
        advise(f, "More throughput in small writes: sysctl net.core.wmem_max=%d", WANTED);
    }
}

/* Binds a name, connects to it, and asks after it once it is gone: what stand-ins rest on. */
static void look_unix(const struct run_probe *probe, struct finding *f)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(name.sun_family);
    int a = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int b = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)probe;
    bool ok = a >= 0 && b >= 0 && bind(a, (struct sockaddr *)&name, len) == 0;
    len = sizeof(name);
    ok = ok && getsockname(a, (struct sockaddr *)&name, &len) == 0 &&
         connect(b, (struct sockaddr *)&name, len) == 0;
    int err = errno;
    if (a >= 0)
        close(a);
    if (b >= 0)
        close(b);
    found(f, LEVEL_OK, "abstract names can be bound and connected to");
    if (!ok) {
        found(f, LEVEL_MISSING, "no abstract name: %s", run_errno_name(err));
        advise(f, "AppArmor or Landlock may forbid abstract unix sockets for this program.");
    }
}

static const struct check checks[] = {
    {"kernel", look_kernel, false},
    {"seccomp listener", look_listener, false},
    {"inserting descriptors", look_addfd, true},
    {"calls and signals", look_signals, true},
    {"wake-ups", look_wake_up, true},
    {"no_new_privs", look_no_new_privs, false},
    {"programs' memory", look_memory, true},
    {"programs' descriptors", look_descriptors, true},
    {"Yama", look_yama, false},
    {"user namespace", look_userns, false},
    {"container", look_container, false},
    {"descriptor limit", look_nofile, false},
    {"unix buffers", look_buffers, false},
    {"unix names", look_unix, false},
};
enum { N_CHECKS = sizeof(checks) / sizeof(checks[0]) };

/* Word by word, in lines of at most WIDTH columns. */
static void print_advice(const char *text)
{
    enum { INDENT = 34, WIDTH = 100 };
    int column = 0;
    while (*text != '\0') {
        int len = (int)strcspn(text, " ");
        if (column == 0 || column + 1 + len > WIDTH) {
            printf("%s%*s", column == 0 ? "" : "\n", INDENT, "");
            column = INDENT;
        } else {
            putchar(' ');
            column++;
        }
        printf("%.*s", len, text);
        column += len;
        text += len + (text[len] == ' ');
    }
    if (column != 0)
        putchar('\n');
}

static void print_text(const struct finding *findings, bool can_run)
{
    const char *no_color = getenv("NO_COLOR");
    bool colour = isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0');

    for (size_t i = 0; i < N_CHECKS; i++) {
        const struct finding *f = &findings[i];
        printf("%s%-8s%s  %-22s  %s\n", colour ? level_colours[f->level] : "",
               level_names[f->level], colour ? "\033[0m" : "", checks[i].name, f->found);
        print_advice(f->advice);
    }
    printf("\n%s\n", can_run ? "sockworks run works on this machine."
                             : "sockworks run does not work on this machine: see what is missing.");
}

static int print_json(const struct finding *findings, bool can_run)
{
    json_t *list = json_array();
    for (size_t i = 0; i < N_CHECKS; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "check", checks[i].name,
                                              "level", level_names[findings[i].level], "found",
                                              findings[i].found, "advice", findings[i].advice));
    json_t *all = json_pack("{s:b, s:o}", "can_run", can_run, "checks", list);
    int r = all != NULL ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;
    json_decref(all);
    putchar('\n');
    return r;
}

int run_doctor(bool json)
{
    struct finding findings[N_CHECKS] = {{0}};
    struct run_probe probe;
    char why[256];

    run_probe_all(&probe);
    bool can_run = run_probe_enough(&probe, why, sizeof(why));
    for (size_t i = 0; i < N_CHECKS; i++) {
        if (checks[i].needs_listener && (probe.listener != 0 || probe.receive != 0))
            found(&findings[i], LEVEL_UNKNOWN, "cannot be tried without a listener");
        else
            checks[i].look(&probe, &findings[i]);
        can_run = can_run && findings[i].level != LEVEL_MISSING;
    }
    if (json && print_json(findings, can_run) < 0)
        return 1;
    if (!json)
        print_text(findings, can_run);
    return can_run ? 0 : 1;
}
