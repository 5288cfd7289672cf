/* SPDX-License-Identifier: BSD-2-Clause */
/* A bug asserts, an input never does. Assertions stay on in release builds. */
#ifndef SW_BASE_ASSERT_H
#define SW_BASE_ASSERT_H

#define SW_ASSERT(cond) ((cond) ? (void)0 : __builtin_trap())

#endif
