/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hierarchical timing wheel (Varghese, Lauck 1987): arming, moving and cancelling a timer is O(1)
 * whatever the number of timers. Level 0 slots are 2^16 ns wide, each level above 64 times wider.
 *
 * A timer never fires before its time and fires at the first sw_wheel_pop() whose `now` has reached
 * it. Two timers of the same pop come out in order of expiry within a level-0 slot, else by slot.
 */
#ifndef SW_BASE_WHEEL_H
#define SW_BASE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define SW_WHEEL_LEVELS 8
#define SW_WHEEL_SLOTS 64
#define SW_WHEEL_SHIFT 16 /* log2 of a level-0 slot in ns */

/* Who a timer belongs to, for the host's dispatch. */
enum sw_timer_owner {
    SW_TIMER_NONE,
    SW_TIMER_SOCK,     /* in a struct sw_sock: its TCP timers */
    SW_TIMER_TIMEWAIT, /* the host's connections in TIME_WAIT */
    SW_TIMER_HALF,     /* and its half-open ones */
    SW_TIMER_FRAG,     /* in a reassembly queue */
    SW_TIMER_MEMBER,   /* of a multicast group */
};

struct sw_timer {
    struct sw_list node;
    uint64_t expires_ns; /* meaningful while armed */
    uint8_t owner;       /* enum sw_timer_owner */
    uint8_t level, slot; /* where it lies while armed; private to the wheel */
    bool armed;
    int32_t ahead; /* a hint: where the timer lies that comes some places later in the slot */
};

struct sw_wheel {
    uint64_t now_ns;
    uint64_t occupied[SW_WHEEL_LEVELS]; /* bit per slot that is not empty */
    struct sw_list slots[SW_WHEEL_LEVELS][SW_WHEEL_SLOTS];
    uint64_t armed; /* how many */
    uint64_t sorted_tick; /* the level-0 slot of this tick is in order of expiry */
    uint64_t first_ns[SW_WHEEL_SLOTS]; /* of a level-0 slot that is not empty: its first; 0: not known */
    /* Of each slot the timer that gets the next hint, and how far from the end it is. */
    struct sw_list *behind[SW_WHEEL_LEVELS][SW_WHEEL_SLOTS];
    uint8_t behind_by[SW_WHEEL_LEVELS][SW_WHEEL_SLOTS];
};

void sw_wheel_init(struct sw_wheel *wheel, uint64_t now_ns);
void sw_timer_init(struct sw_timer *timer, enum sw_timer_owner owner);
void sw_wheel_arm(struct sw_wheel *wheel, struct sw_timer *timer, uint64_t expires_ns); /* or move */
void sw_wheel_cancel(struct sw_wheel *wheel, struct sw_timer *timer);

/* The next timer due by now_ns, disarmed; NULL when there is none. Call until NULL. */
struct sw_timer *sw_wheel_pop(struct sw_wheel *wheel, uint64_t now_ns);

/* The timers that sw_wheel_pop() will probably give next, borrowed: *ret_next and *ret_second; NULL where
 * it is not known. For asking ahead. */
void sw_wheel_upcoming(const struct sw_wheel *wheel, const struct sw_timer **ret_next,
                       const struct sw_timer **ret_second);

/* A lower bound of the next expiry; exact when that timer lies in level 0; UINT64_MAX: none armed. */
uint64_t sw_wheel_next(const struct sw_wheel *wheel);

#endif
