/* SPDX-License-Identifier: BSD-2-Clause */
#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

static void watch(void *ctx, bool sent, const void *bytes, size_t n)
{
    struct digest *digest = ctx;
    EVP_DigestUpdate(sent ? digest->sent : digest->received, bytes, n);
}

static EVP_MD_CTX *begin(void)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    return md;
}

void digest_init(struct digest *digest, struct flow *flow)
{
    *digest = (struct digest){begin(), begin()};
    flow->watch = watch;
    flow->watch_ctx = digest;
}

int digest_compare(struct digest *digest)
{
    uint8_t sent[EVP_MAX_MD_SIZE], received[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_DigestFinal_ex(digest->sent, sent, &len);
    EVP_DigestFinal_ex(digest->received, received, &len);
    EVP_MD_CTX_free(digest->sent);
    EVP_MD_CTX_free(digest->received);
    return memcmp(sent, received, len) == 0 ? 0 : -EILSEQ;
}
