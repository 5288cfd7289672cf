/* SPDX-License-Identifier: BSD-2-Clause */
/* Which process is which program, while one walks the records; and a small map. */
#include <stdlib.h>
#include <string.h>

#include "view/private.h"

int view_names_see(struct view_names *names, const struct view_record *r)
{
    if (r->kind != VIEW_PROCESS)
        return 0;
    if (names->n == names->cap) {
        uint32_t cap = names->cap ? names->cap * 2 : 16;
        const struct view_record **rows = realloc(names->rows, cap * sizeof(struct view_record *));
        if (!rows)
            return -1;
        names->rows = rows;
        names->cap = cap;
    }
    names->rows[names->n++] = r;
    return 0;
}

const char *view_names_of(const struct view_names *names, pid_t pid)
{
    for (uint32_t i = names->n; i > 0; i--) { /* the youngest name of a pid counts */
        if (names->rows[i - 1]->process.pid == pid)
            return names->rows[i - 1]->process.program;
    }
    return NULL;
}

void view_names_fini(struct view_names *names)
{
    free(names->rows);
}

static uint32_t slot_of(const struct view_map *map, uint64_t key)
{
    uint32_t mask = map->cap - 1;
    uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15ULL) >> 32) & mask;
    while (map->slots[at].key != 0 && map->slots[at].key != key)
        at = (at + 1) & mask;
    return at;
}

static bool map_grow(struct view_map *map)
{
    struct view_map bigger = {.cap = map->cap ? map->cap * 2 : 64, .used = map->used};
    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (uint32_t i = 0; i < map->cap; i++) {
        if (map->slots[i].key != 0)
            bigger.slots[slot_of(&bigger, map->slots[i].key)] = map->slots[i];
    }
    free(map->slots);
    *map = bigger;
    return true;
}

uint32_t *view_map_put(struct view_map *map, uint64_t key)
{
    if ((map->used + 1) * 2 > map->cap && !map_grow(map))
        return NULL;
    struct view_map_slot *slot = &map->slots[slot_of(map, key)];
    if (slot->key == 0) {
        slot->key = key;
        map->used++;
    }
    return &slot->value;
}

uint32_t view_map_get(const struct view_map *map, uint64_t key)
{
    return map->cap ? map->slots[slot_of(map, key)].value : 0;
}

void view_map_fini(struct view_map *map)
{
    free(map->slots);
}
