/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that grows in a buffer of the caller and never beyond it. */
#include <stdarg.h>

#include "view/private.h"

struct view_words view_words(char *buf, size_t size)
{
    buf[0] = '\0';
    return (struct view_words){buf, size, 0};
}

void view_say(struct view_words *words, const char *format, ...)
{
    va_list ap;
    size_t room = words->size - words->len;
    va_start(ap, format);
    int n = vsnprintf(words->buf + words->len, room, format, ap);
    va_end(ap);
    if (n > 0)
        words->len += (size_t)n < room ? (size_t)n : room - 1;
}
