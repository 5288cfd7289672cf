/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of one script (an arena), text that grows, and the one error that a script can have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/private.h"

struct arena_block {
    struct arena_block *next;
    max_align_t data[];
};

static void *need(void *memory)
{
    if (memory == NULL) {
        fputs("sockworks test: no memory\n", stderr);
        abort();
    }
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = need(calloc(1, sizeof(*block) + size));
    block->next = arena->blocks;
    arena->blocks = block;
    return block->data;
}

char *arena_copy(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

void arena_fini(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
}

void text_vadd(struct text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int more = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (more < 0)
        return;
    if (text->len + (size_t)more + 1 > text->cap) {
        text->cap = (text->len + (size_t)more + 1) * 2;
        text->s = need(realloc(text->s, text->cap));
    }
    vsnprintf(text->s + text->len, (size_t)more + 1, format, args);
    text->len += (size_t)more;
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vadd(text, format, args);
    va_end(args);
}

void text_fini(struct text *text)
{
    free(text->s);
    *text = (struct text){0};
}

void script_error(struct script *script, enum script_verdict verdict, struct pos pos,
                  const char *format, ...)
{
    if (script->verdict != SCRIPT_PASSED)
        return;
    script->verdict = verdict;
    script->error_pos = pos;
    va_list args;
    va_start(args, format);
    text_vadd(&script->error, format, args);
    va_end(args);
}
