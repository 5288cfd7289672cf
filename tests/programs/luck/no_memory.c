/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loaded before the supervisor (LD_PRELOAD), lets its allocation number NO_MEMORY_AT fail, or with
 * NO_MEMORY_FOR_GOOD that and all after it; counted from when it becomes the supervisor: its
 * fork(). The programs of the run do not inherit it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
static long fail_at, calls;
static int for_good, counting;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("NO_MEMORY_AT");
    fail_at = at != NULL ? atol(at) : 0;
    for_good = getenv("NO_MEMORY_FOR_GOOD") != NULL;
    unsetenv("LD_PRELOAD");
}

/* Where the supervisor waits for its first event; what builds the filter before is libseccomp's
 * affair. */
int epoll_pwait2(int fd, struct epoll_event *events, int n, const struct timespec *timeout,
                 const sigset_t *mask)
{
    static int (*next)(int, struct epoll_event *, int, const struct timespec *, const sigset_t *);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "epoll_pwait2");
    counting = 1;
    return next(fd, events, n, timeout, mask);
}

/* NO_MEMORY_AT 0: says how many there are. */
__attribute__((destructor)) static void end(void)
{
    if (counting == 1 && fail_at == 0 && getenv("NO_MEMORY_AT") != NULL)
        dprintf(STDERR_FILENO, "%ld allocations\n", calls);
}

static int fails(void)
{
    if (counting == 0)
        return 0;
    calls++;
    if (fail_at == 0)
        return 0;
    if (calls == fail_at || (for_good && calls > fail_at)) {
        errno = ENOMEM;
        return 1;
    }
    return 0;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}
