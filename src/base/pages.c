/* SPDX-License-Identifier: BSD-2-Clause */
/* An array in pages: see pages.h. */
#include "base/pages.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"

#define DIRECTORY_FIRST 8U

void sw_pages_init(struct sw_pages *pages, struct sw_mem *mem, uint16_t size)
{
    uint16_t shift = 0;

    SW_ASSERT(size > 0 && size <= SW_PAGE_BYTES && (size & (size - 1)) == 0);
    while ((uint32_t)size << shift < SW_PAGE_BYTES)
        shift++;
    *pages = (struct sw_pages){.mem = mem, .size = size, .shift = shift};
}

void sw_pages_fini(struct sw_pages *pages)
{
    for (uint32_t i = 0; i < pages->n_pages; i++)
        sw_mem_free(pages->mem, pages->pages[i], SW_PAGE_BYTES);
    sw_mem_free(pages->mem, pages->pages, pages->cap_pages * sizeof(*pages->pages));
    pages->pages = NULL;
    pages->n_pages = pages->cap_pages = 0;
}

static int grow_directory(struct sw_pages *pages)
{
    uint32_t cap = pages->cap_pages ? pages->cap_pages * 2 : DIRECTORY_FIRST;
    uint8_t **bigger;

    if (cap > UINT32_MAX >> pages->shift)
        return -ENOMEM;
    bigger = sw_mem_alloc(pages->mem, cap * sizeof(*bigger));
    if (!bigger)
        return -ENOMEM;
    if (pages->cap_pages)
        memcpy(bigger, pages->pages, pages->n_pages * sizeof(*bigger));
    sw_mem_free(pages->mem, pages->pages, pages->cap_pages * sizeof(*bigger));
    pages->pages = bigger;
    pages->cap_pages = cap;
    return 0;
}

int sw_pages_grow(struct sw_pages *pages)
{
    uint8_t *page;

    if (pages->n_pages == pages->cap_pages && grow_directory(pages) < 0)
        return -ENOMEM;
    page = sw_mem_alloc(pages->mem, SW_PAGE_BYTES);
    if (!page)
        return -ENOMEM;
    pages->pages[pages->n_pages++] = page;
    return 0;
}
