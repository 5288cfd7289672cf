/* SPDX-License-Identifier: BSD-2-Clause */
/* One line of a picture, cell by cell, so that lines and words can lie over each other. */
#include <string.h>

#include "view/flow.h"

static const char *const escapes[] = {
    [C_NONE] = "",          [C_DIM] = "\033[2m",    [C_CALL] = "\033[1m",
    [C_ERROR] = "\033[31m", [C_OPEN] = "\033[32m",  [C_DATA] = "\033[36m",
    [C_ACK] = "\033[34m",   [C_CLOSE] = "\033[33m", [C_RESET] = "\033[1;31m",
    [C_AGAIN] = "\033[35m",
};

void canvas_clear(struct canvas *canvas)
{
    for (unsigned i = 0; i < canvas->width; i++)
        canvas->cells[i] = (struct cell){" ", C_NONE};
}

void canvas_put(struct canvas *canvas, unsigned at, const char *glyph, enum colour colour)
{
    if (at >= canvas->width)
        return;
    struct cell *cell = &canvas->cells[at];
    memset(cell->glyph, 0, sizeof(cell->glyph));
    memcpy(cell->glyph, glyph, strlen(glyph) < 4 ? strlen(glyph) : 3);
    cell->colour = (uint8_t)colour;
}

unsigned canvas_text(struct canvas *canvas, unsigned at, const char *text, enum colour colour)
{
    for (; *text; text++, at++)
        canvas_put(canvas, at, (char[]){*text, '\0'}, colour);
    return at;
}

void canvas_flush(struct canvas *canvas)
{
    unsigned end = canvas->width;
    uint8_t colour = C_NONE;
    while (end > 0 && strcmp(canvas->cells[end - 1].glyph, " ") == 0)
        end--;
    for (unsigned i = 0; i < end; i++) {
        const struct cell *cell = &canvas->cells[i];
        if (canvas->colour && cell->colour != colour) {
            if (colour != C_NONE)
                fputs("\033[0m", canvas->out);
            fputs(escapes[cell->colour], canvas->out);
            colour = cell->colour;
        }
        fputs(cell->glyph, canvas->out);
    }
    if (colour != C_NONE)
        fputs("\033[0m", canvas->out);
    fputc('\n', canvas->out);
}
