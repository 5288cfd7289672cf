/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets share. A broken invariant traps, as SW_ASSERT does everywhere. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
