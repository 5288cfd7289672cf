/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hierarchical timing wheel (Varghese, Lauck 1987, scheme 7).
 *
 * A time's tick (time >> SW_WHEEL_SHIFT) is read as digits of six bits. A timer lies at the level
 * of the highest digit in which its tick differs from the wheel's own, in the slot of its tick's
 * digit there; so all timers of a level come after all those of the levels below it, and the first
 * occupied slot of the lowest occupied level holds the next timer.
 *
 * Invariants:
 * (1) No occupied slot begins before the wheel's tick; a timer armed for the past lies in the slot
 * of the wheel's tick. (2) The wheel moves to a slot of a higher level only by cascading it: its
 * timers are placed anew. (3) The level-0 slot of `sorted_tick` is in order of expiry; other slots
 * are in order of arming. (4) behind[][] of a slot is one of its timers, or NULL.
 *
 * A slot may hold a hundred thousand timers, of connections that nobody has touched since. A walk
 * through them waits for each one's memory to know where the next one is. So each knows, besides
 * its neighbours, who comes LEAD places later, and that one's memory is asked for ahead (jump
 * pointers: Luk, Mowry 1996). It is only a hint: timers come and go, and nothing corrects it.
 */
#include "base/wheel.h"

#include "base/ahead.h"
#include "base/assert.h"

#define DIGIT_BITS 6
#define DIGIT_MASK (SW_WHEEL_SLOTS - 1U)
#define NO_TICK UINT64_MAX
#define LEAD 8 /* so many misses of a cache are under way at a time */
#define HINT_UNIT 8

static uint64_t tick_of(uint64_t time_ns)
{
    return time_ns >> SW_WHEEL_SHIFT;
}

static unsigned digit(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (DIGIT_BITS * level)) & DIGIT_MASK;
}

static struct sw_timer *timer_of(struct sw_list *node)
{
    return SW_CONTAINER(node, struct sw_timer, node);
}

/* ---- hints ---- */

/* `timer` has become the last of its slot: the one LEAD places before it is told. */
static void leave_hint(struct sw_wheel *wheel, struct sw_timer *timer)
{
    struct sw_list **behind = &wheel->behind[timer->level][timer->slot];
    uint8_t *by = &wheel->behind_by[timer->level][timer->slot];
    timer->ahead = 0;
    if (!*behind) {
        *behind = &timer->node;
        *by = 0;
        return;
    }
    if (*by < LEAD)
        (*by)++;
    else if ((*behind)->next != &timer->node)
        *behind = (*behind)->next;
    else
        *by = 1; /* those between have gone */
    intptr_t units = ((intptr_t)timer - (intptr_t)timer_of(*behind)) / HINT_UNIT;
    timer_of(*behind)->ahead = units == (int32_t)units ? (int32_t)units : 0;
}

static void follow_hint(const struct sw_timer *timer)
{
    sw_ahead((const void *)((intptr_t)timer + (intptr_t)timer->ahead * HINT_UNIT), sizeof(*timer));
}

/* ---- placing ---- */

void sw_wheel_init(struct sw_wheel *wheel, uint64_t now_ns)
{
    wheel->now_ns = now_ns;
    wheel->armed = 0;
    wheel->sorted_tick = NO_TICK;
    for (unsigned level = 0; level < SW_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (unsigned slot = 0; slot < SW_WHEEL_SLOTS; slot++) {
            sw_list_init(&wheel->slots[level][slot]);
            wheel->behind[level][slot] = NULL;
        }
    }
}

void sw_timer_init(struct sw_timer *timer, enum sw_timer_owner owner)
{
    *timer = (struct sw_timer){.owner = (uint8_t)owner};
    sw_list_init(&timer->node);
}

/* Behind the last timer that does not expire later; new timers mostly expire last. */
static void add_sorted(struct sw_list *head, struct sw_timer *timer)
{
    struct sw_list *at = head->prev;
    while (at != head && timer_of(at)->expires_ns > timer->expires_ns)
        at = at->prev;
    sw_list_add_head(at, &timer->node);
}

static void place(struct sw_wheel *wheel, struct sw_timer *timer)
{
    uint64_t now = tick_of(wheel->now_ns), tick = tick_of(timer->expires_ns);
    if (tick < now)
        tick = now;
    uint64_t differs = tick ^ now;
    unsigned level = differs ? (63U - (unsigned)__builtin_clzll(differs)) / DIGIT_BITS : 0;
    unsigned slot = digit(tick, level);
    timer->level = (uint8_t)level;
    timer->slot = (uint8_t)slot;
    if (level == 0 &&
        (!(wheel->occupied[0] >> slot & 1) || timer->expires_ns < wheel->first_ns[slot]))
        wheel->first_ns[slot] = timer->expires_ns;
    wheel->occupied[level] |= 1ULL << slot;
    if (level == 0 && tick == wheel->sorted_tick) {
        add_sorted(&wheel->slots[level][slot], timer);
        return;
    }
    sw_list_add_tail(&wheel->slots[level][slot], &timer->node);
    leave_hint(wheel, timer);
}

static void unplace(struct sw_wheel *wheel, struct sw_timer *timer)
{
    struct sw_list *head = &wheel->slots[timer->level][timer->slot];
    struct sw_list **behind = &wheel->behind[timer->level][timer->slot];
    if (*behind == &timer->node)
        *behind = timer->node.prev == head ? NULL : timer->node.prev;
    if (timer->level == 0 && timer->expires_ns == wheel->first_ns[timer->slot])
        wheel->first_ns[timer->slot] = 0;
    sw_list_del(&timer->node);
    if (sw_list_empty(head))
        wheel->occupied[timer->level] &= ~(1ULL << timer->slot);
}

void sw_wheel_arm(struct sw_wheel *wheel, struct sw_timer *timer, uint64_t expires_ns)
{
    if (timer->armed)
        unplace(wheel, timer);
    else
        wheel->armed++;
    timer->armed = true;
    timer->expires_ns = expires_ns;
    place(wheel, timer);
}

void sw_wheel_cancel(struct sw_wheel *wheel, struct sw_timer *timer)
{
    if (!timer->armed)
        return;
    SW_ASSERT(wheel->armed > 0);
    unplace(wheel, timer);
    timer->armed = false;
    wheel->armed--;
}

/* Where the next timer lies. False: none armed. */
static bool first_slot(const struct sw_wheel *wheel, unsigned *ret_level, unsigned *ret_slot)
{
    for (unsigned level = 0; level < SW_WHEEL_LEVELS; level++) {
        if (wheel->occupied[level]) {
            *ret_level = level;
            *ret_slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
            return true;
        }
    }
    return false;
}

/* The tick at which a slot begins, seen from where the wheel is. */
static uint64_t slot_tick(const struct sw_wheel *wheel, unsigned level, unsigned slot)
{
    unsigned low = DIGIT_BITS * level, above = low + DIGIT_BITS;
    uint64_t tick = tick_of(wheel->now_ns);
    uint64_t high = above < 64 ? tick >> above << above : 0;
    return high | (uint64_t)slot << low;
}

static struct sw_list *merge(struct sw_list *a, struct sw_list *b)
{
    struct sw_list head, *last = &head;
    while (a && b) {
        struct sw_list **first = timer_of(b)->expires_ns < timer_of(a)->expires_ns ? &b : &a;
        last->next = *first;
        last = *first;
        *first = last->next;
    }
    last->next = a ? a : b;
    return head.next;
}

/* The last of those that are in order already, from `node` on to the end of the list. */
static struct sw_list *run_end(struct sw_list *node, const struct sw_list *head)
{
    follow_hint(timer_of(node));
    while (node->next != head && timer_of(node)->expires_ns <= timer_of(node->next)->expires_ns) {
        node = node->next;
        follow_hint(timer_of(node));
    }
    return node;
}

/* Stable merge sort, bottom up: runs[i] is empty or made of 2^i that were in order. Mostly all is:
 * timers of one kind expire as they were armed. */
static void sort(struct sw_list *head)
{
    struct sw_list *runs[48] = {NULL}, *next, *all = NULL;
    unsigned top = 0;
    for (struct sw_list *node = head->next; node != head; node = next) {
        struct sw_list *last = run_end(node, head);
        next = last->next;
        if (next == head && top == 0 && !runs[0])
            return;
        last->next = NULL;
        unsigned i = 0;
        for (; runs[i]; i++) {
            node = merge(runs[i], node);
            runs[i] = NULL;
        }
        runs[i] = node;
        if (i > top)
            top = i;
    }
    for (unsigned i = 0; i <= top; i++) {
        if (runs[i])
            all = all ? merge(runs[i], all) : runs[i];
    }
    sw_list_init(head);
    for (struct sw_list *node = all; node; node = next) {
        next = node->next;
        sw_list_add_tail(head, node);
    }
}

static void cascade(struct sw_wheel *wheel, unsigned level, unsigned slot)
{
    struct sw_list *head = &wheel->slots[level][slot];
    wheel->occupied[level] &= ~(1ULL << slot);
    wheel->behind[level][slot] = NULL;
    while (!sw_list_empty(head)) {
        struct sw_timer *timer = timer_of(head->next);
        follow_hint(timer);
        sw_list_del(&timer->node);
        place(wheel, timer);
    }
}

struct sw_timer *sw_wheel_pop(struct sw_wheel *wheel, uint64_t now_ns)
{
    if (now_ns < wheel->now_ns)
        now_ns = wheel->now_ns;
    unsigned level, slot;
    while (first_slot(wheel, &level, &slot)) {
        uint64_t tick = slot_tick(wheel, level, slot);
        if (tick > tick_of(now_ns))
            break;
        if (tick > tick_of(wheel->now_ns))
            wheel->now_ns = tick << SW_WHEEL_SHIFT;
        if (level > 0) {
            cascade(wheel, level, slot);
            continue;
        }
        struct sw_list *head = &wheel->slots[0][slot];
        if (wheel->sorted_tick != tick) {
            sort(head);
            wheel->sorted_tick = tick;
        }
        struct sw_timer *timer = timer_of(head->next);
        if (timer->expires_ns > now_ns)
            break;
        sw_wheel_cancel(wheel, timer);
        return timer;
    }
    wheel->now_ns = now_ns;
    return NULL;
}

void sw_wheel_upcoming(const struct sw_wheel *wheel, const struct sw_timer **ret_next,
                       const struct sw_timer **ret_second)
{
    uint64_t tick = tick_of(wheel->now_ns);
    const struct sw_list *head = &wheel->slots[0][digit(tick, 0)], *next = head->next;
    bool sorted = tick == wheel->sorted_tick && next != head;
    *ret_next = sorted ? timer_of(head->next) : NULL;
    *ret_second = sorted && next->next != head ? timer_of(next->next) : NULL;
}

uint64_t sw_wheel_next(const struct sw_wheel *wheel)
{
    unsigned level, slot;
    if (!first_slot(wheel, &level, &slot))
        return UINT64_MAX;
    uint64_t tick = slot_tick(wheel, level, slot);
    if (level > 0)
        return tick << SW_WHEEL_SHIFT;
    const struct sw_list *head = &wheel->slots[0][slot];
    uint64_t next_ns = UINT64_MAX;
    if (tick != wheel->sorted_tick && wheel->first_ns[slot])
        return wheel->first_ns[slot];
    for (const struct sw_list *node = head->next; node != head; node = node->next) {
        uint64_t expires_ns = timer_of((struct sw_list *)(uintptr_t)node)->expires_ns;
        if (expires_ns < next_ns)
            next_ns = expires_ns;
        if (tick == wheel->sorted_tick)
            break;
    }
    return next_ns;
}
