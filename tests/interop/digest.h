/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 (libcrypto's) of the bytes that a flow sent, and of those that it received. */
#ifndef INTEROP_DIGEST_H
#define INTEROP_DIGEST_H

#include "flow.h"

struct digest {
    void *sent, *received; /* EVP_MD_CTX */
};
/* From now on the flow's bytes are counted in. */
void digest_init(struct digest *digest, struct flow *flow);
/* 0 if both have the same SHA-256, else -EILSEQ. */
int digest_compare(struct digest *digest);

#endif
