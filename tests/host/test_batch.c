/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets handed over in batches: the same bytes arrive, in fewer segments than there were packets.
 */
#include "world.h"

enum { BYTES = 400000 };

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 131 + i / 251);
}

/* Everything that waits at host `from` goes to the other at once; of every `lose` packets one gets
 * a bit flipped on the way (0: none). Returns how many packets. */
static unsigned move_batch(struct world *w, int from, unsigned lose)
{
    static unsigned number;
    struct sw_packet *pkt, *first = NULL, **last = &first;
    unsigned count = 0;
    for (; (pkt = sw_host_output(w->host[from], w->eth[from], w->now)); count++) {
        if (lose && ++number % lose == 0) {
            uint8_t bytes[2000];
            size_t len = sw_packet_copy(pkt, 0, bytes, sizeof(bytes));
            bytes[len - 1] ^= 1;
            sw_packet_free(pkt);
            pkt = sw_packet_from_bytes(w->mem[from], bytes, len);
        }
        *last = pkt;
        last = &pkt->next;
    }
    *last = NULL;
    sw_host_input_batch(w->host[1 - from], w->eth[1 - from], first, w->now);
    return count;
}

/* Two streams at once and a datagram in each round, so that their packets lie mixed in a batch. */
static void run(unsigned lose, uint64_t *ret_packets, uint64_t *ret_segments)
{
    static uint8_t buf[BYTES];
    struct world w;
    sw_socket_t c[2], s[2], in, out;
    size_t sent[2] = {0, 0}, got[2] = {0, 0};
    struct sw_addr inbox = at4(10, 0, 0, 2, 9);
    world_init(&w);
    sw_socket_t l = listener(&w, 1, SW_AF_INET, at4(10, 0, 0, 2, 80), 5);
    for (int i = 0; i < 2; i++)
        connect_to(&w, 0, at4(10, 0, 0, 2, 80), 1, l, &c[i], &s[i]);
    assert_int_equal(sw_socket(w.host[1], SW_AF_INET, SW_SOCK_DGRAM, 0, &in), 0);
    assert_int_equal(sw_bind(w.host[1], in, &inbox), 0);
    assert_int_equal(sw_socket(w.host[0], SW_AF_INET, SW_SOCK_DGRAM, 0, &out), 0);
    *ret_packets = 0;
    for (unsigned round = 0; got[0] < BYTES || got[1] < BYTES; round++) {
        assert_true(round < 20000);
        for (int i = 0; i < 2; i++) {
            for (size_t k = sent[i]; k < BYTES; k++)
                buf[k] = pattern(k + (size_t)i);
            size_t most = BYTES - sent[i] < 20000 ? BYTES - sent[i] : 20000;
            int64_t n = most ? sw_send(w.host[0], c[i], buf + sent[i], most, 0, NULL) : 0;
            assert_true(n >= 0 || n == -EAGAIN);
            sent[i] += n > 0 ? (size_t)n : 0;
        }
        assert_int_equal(sw_send(w.host[0], out, "datagram", 8, 0, &inbox), 8);
        *ret_packets += move_batch(&w, 0, lose);
        move_batch(&w, 1, 0);
        for (int i = 0; i < 2; i++) {
            int64_t n;
            while ((n = sw_recv(w.host[1], s[i], buf, 7777, 0, NULL)) > 0) {
                for (int64_t k = 0; k < n; k++)
                    assert_int_equal(buf[k], pattern(got[i] + (size_t)k + (size_t)i));
                got[i] += (size_t)n;
            }
            assert_int_equal(n, -EAGAIN);
        }
        char text[10];
        int64_t n = sw_recv(w.host[1], in, text, sizeof(text), 0, NULL);
        assert_true(n == 8 || (lose && n == -EAGAIN));
        w.now += MS;
        for (int i = 0; i < 2; i++)
            sw_host_advance(w.host[i], w.now);
    }
    struct sw_host_stats stats;
    sw_host_get_stats(w.host[1], &stats);
    *ret_segments = stats.tcp_rx;
    assert_int_equal(stats.udp_rx > 0, 1);
    assert_int_equal(sw_host_drops(w.host[1], SW_DROP_TCP_CHECKSUM) > 0, lose > 0);
    world_fini(&w);
}

static void test_batches(void **state)
{
    (void)state;
    uint64_t packets, segments;
    run(0, &packets, &segments);
    assert_true(segments * 4 < packets);
    run(50, &packets, &segments); /* what is damaged is neither merged nor accepted */
    assert_true(segments < packets);
}

static void test_empty_batch(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    sw_host_input_batch(w.host[0], w.eth[0], NULL, w.now);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_empty_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
