/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an application gives a host in place of malloc() where there are so many connections that
 * the processor's table of pages cannot hold all of theirs: a million take 240,000 pages of 4 KiB,
 * and 480 of 2 MiB. Cells of one size lie side by side, each in whole lines of the cache, last
 * freed first taken.
 */
#include "arena.h"

#include <stdint.h>
#include <sys/mman.h>

#define LINE_BYTES 64U
#define HUGE_BYTES (2U << 20)
#define LARGE_BYTES (1U << 20) /* from here on pages of its own, which it gives back */
#define RESERVE_BYTES ((size_t)1 << 30)

struct cell {
    struct cell *next;
};

static struct {
    struct cell *free[LARGE_BYTES / LINE_BYTES];
    char *at, *end;    /* the page that cells come from */
    char *next, *last; /* address space for pages */
} arena;

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

/* Whole pages, which only come to be when they are touched. */
static void *pages(size_t size)
{
    if (size > (size_t)(arena.last - arena.next)) {
        size_t more = size > RESERVE_BYTES ? size : RESERVE_BYTES;
        char *at = mmap(NULL, more + HUGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (at == MAP_FAILED)
            return NULL;
        madvise(at, more + HUGE_BYTES, MADV_HUGEPAGE); /* if not, then not */
        arena.next = (char *)round_up((uintptr_t)at, HUGE_BYTES);
        arena.last = arena.next + more;
    }
    arena.next += size;
    return arena.next - size;
}

static void *arena_take(void *ctx, size_t size)
{
    size_t lines = round_up(size, LINE_BYTES) / LINE_BYTES;
    (void)ctx;
    if (lines * LINE_BYTES >= LARGE_BYTES)
        return pages(round_up(size, HUGE_BYTES));
    struct cell *cell = arena.free[lines];
    if (cell) {
        arena.free[lines] = cell->next;
        return cell;
    }
    if (arena.at + lines * LINE_BYTES > arena.end) { /* what is left of the last page is lost */
        arena.at = pages(HUGE_BYTES);
        arena.end = arena.at ? arena.at + HUGE_BYTES : NULL;
        if (!arena.at)
            return NULL;
    }
    void *ptr = arena.at;
    arena.at += lines * LINE_BYTES;
    return ptr;
}

static void arena_give(void *ctx, void *ptr, size_t size)
{
    size_t lines = round_up(size, LINE_BYTES) / LINE_BYTES;
    struct cell *cell = ptr;
    (void)ctx;
    if (lines * LINE_BYTES >= LARGE_BYTES) {
        madvise(ptr, round_up(size, HUGE_BYTES), MADV_DONTNEED);
        return;
    }
    cell->next = arena.free[lines];
    arena.free[lines] = cell;
}

const struct sw_alloc arena_alloc = {.alloc = arena_take, .free = arena_give};
