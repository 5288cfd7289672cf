/* SPDX-License-Identifier: BSD-2-Clause */
/* Intrusive doubly linked list, circular through its head. A node not on a list points to itself. */
#ifndef SW_BASE_LIST_H
#define SW_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct sw_list {
    struct sw_list *prev, *next;
};

#define SW_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

static inline void sw_list_init(struct sw_list *l)
{
    l->prev = l->next = l;
}

static inline bool sw_list_empty(const struct sw_list *l)
{
    return l->next == l;
}

static inline void sw_list_add_tail(struct sw_list *head, struct sw_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void sw_list_add_head(struct sw_list *head, struct sw_list *node)
{
    sw_list_add_tail(head->next, node);
}

/* Unlinks; harmless on a node that is on no list. */
static inline void sw_list_del(struct sw_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    sw_list_init(node);
}

#endif
