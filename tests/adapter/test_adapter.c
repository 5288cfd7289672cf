/* SPDX-License-Identifier: BSD-2-Clause */
/* Two stacks through the table that packetdrill gets: what leaves one is given to the other. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <linux/errqueue.h>

#include "adapter/interface.h"

static void *library;

struct pair {
    struct packetdrill_interface server, client;
    int listener, accepted, connected;
};

static struct sockaddr_in address(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(8080)};
    const unsigned char bytes[4] = {192, 168, 0, (unsigned char)(text[0] - '0')};
    memcpy(&in.sin_addr, bytes, 4);
    return in;
}

/* One packet, which must come. */
static void pass(struct packetdrill_interface *from, struct packetdrill_interface *to)
{
    char bytes[2000];
    size_t len = sizeof(bytes);
    long long at = 0;
    struct timeval now;
    assert_int_equal(from->netdev_receive(from->userdata, bytes, &len, &at), 0);
    assert_true(len >= 40);
    assert_int_equal(from->gettimeofday(from->userdata, &now, NULL), 0);
    assert_true(at > 0 && at <= (long long)now.tv_sec * 1000000 + now.tv_usec);
    assert_int_equal(to->netdev_send(to->userdata, bytes, len), 0);
}

static void open_pair(struct pair *p)
{
    void (*init)(const char *, struct packetdrill_interface *);
    struct sockaddr_in here = address("1"), from;
    socklen_t len = sizeof(from);
    *(void **)&init = dlsym(library, "packetdrill_interface_init");
    assert_non_null(init);
    init("mtu=1500", &p->server);
    init("local=192.168.0.2/16", &p->client);
    struct packetdrill_interface *s = &p->server, *c = &p->client;

    p->listener = s->socket(s->userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(s->bind(s->userdata, p->listener, (void *)&here, sizeof(here)), 0);
    assert_int_equal(s->listen(s->userdata, p->listener, 1), 0);
    p->connected = c->socket(c->userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(c->fcntl(c->userdata, p->connected, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(c->connect(c->userdata, p->connected, (void *)&here, sizeof(here)), -1);
    assert_int_equal(errno, EINPROGRESS);
    pass(c, s); /* SYN */
    pass(s, c); /* SYN-ACK */
    pass(c, s);
    p->accepted = s->accept(s->userdata, p->listener, (void *)&from, &len);
    assert_true(p->accepted >= 0);
    assert_int_equal(len, sizeof(from));
    struct sockaddr_in there = address("2");
    assert_memory_equal(&from.sin_addr, &there.sin_addr, 4);
}

static void close_pair(struct pair *p)
{
    p->server.free(p->server.userdata);
    p->client.free(p->client.userdata);
}

static void data(void **state)
{
    struct pair p;
    char buf[10];
    (void)state;
    open_pair(&p);
    struct packetdrill_interface *s = &p.server, *c = &p.client;
    struct iovec iov[2] = {{"he", 2}, {"llo", 3}};
    assert_int_equal(c->writev(c->userdata, p.connected, iov, 2), 5);
    struct pollfd fd = {.fd = p.accepted, .events = POLLIN};
    assert_int_equal(s->poll(s->userdata, &fd, 1, 0), 0);
    pass(c, s);
    assert_int_equal(s->poll(s->userdata, &fd, 1, 0), 1);
    assert_int_equal(s->read(s->userdata, p.accepted, buf, sizeof(buf)), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(s->recv(s->userdata, p.accepted, buf, sizeof(buf), MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
    close_pair(&p);
}

static long long us(struct packetdrill_interface *ifc)
{
    struct timeval now;
    assert_int_equal(ifc->gettimeofday(ifc->userdata, &now, NULL), 0);
    return (long long)now.tv_sec * 1000000 + now.tv_usec;
}

struct reader {
    struct pair pair;
    ssize_t got;
    long long asleep_us, woken_us;
};

static void *read_five(void *context)
{
    struct reader *r = context;
    struct packetdrill_interface *s = &r->pair.server;
    char buf[10];
    r->asleep_us = us(s);
    r->got = s->read(s->userdata, r->pair.accepted, buf, sizeof(buf));
    r->woken_us = us(s); /* as packetdrill's second thread does at once */
    return NULL;
}

/* A call that sleeps does so while packets move on the other thread, and is noted at the moment at
 * which it ended, whenever the machine let its thread run. */
static void blocking(void **state)
{
    struct reader r = {.got = 0};
    struct packetdrill_interface *s = &r.pair.server, *c = &r.pair.client;
    pthread_t thread;
    (void)state;
    open_pair(&r.pair);
    assert_int_equal(pthread_create(&thread, NULL, read_five, &r), 0);
    while (s->gettimeofday(s->userdata, &(struct timeval){0}, NULL) == 0 && r.asleep_us == 0)
        sched_yield();
    assert_int_equal(c->write(c->userdata, r.pair.connected, "hello", 5), 5);
    pass(c, s);
    long long then = us(s);
    assert_int_equal(s->usleep(s->userdata, 1000000), 0);
    pthread_join(thread, NULL);
    assert_int_equal(r.got, 5);
    assert_true(r.woken_us <= then || r.asleep_us > then);
    close_pair(&r.pair);
}

/* Its time is its own: it takes a loop some microseconds, and a call that sleeps for an hour none.
 */
static void own_time(void **state)
{
    struct pair p;
    (void)state;
    open_pair(&p);
    struct packetdrill_interface *s = &p.server;
    struct pollfd fd = {.fd = p.accepted, .events = POLLIN};
    long long begin = us(s);
    assert_true(us(s) > begin);
    assert_int_equal(s->poll(s->userdata, &fd, 1, 3600000), 0);
    assert_in_range(us(s) - begin, 3600000000, 3600000100);
    assert_int_equal(s->usleep(s->userdata, 250), 0);
    assert_in_range(us(s) - begin, 3600000250, 3600000400);
    close_pair(&p);
}

/* A segment that is lost is awaited, not timed by the machine. */
static void retransmission(void **state)
{
    struct pair p;
    char bytes[2000];
    long long first = 0, again = 0;
    size_t len = sizeof(bytes);
    (void)state;
    open_pair(&p);
    struct packetdrill_interface *c = &p.client;
    assert_int_equal(c->write(c->userdata, p.connected, "hello", 5), 5);
    assert_int_equal(c->netdev_receive(c->userdata, bytes, &len, &first), 0);
    len = sizeof(bytes);
    assert_int_equal(c->netdev_receive(c->userdata, bytes, &len, &again), 0);
    assert_true(len >= 45 && again > first + 100000 && again < first + 400000);
    close_pair(&p);
}

static void edges(void **state)
{
    struct pair p;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = 7}, told;
    (void)state;
    open_pair(&p);
    struct packetdrill_interface *s = &p.server, *c = &p.client;
    int epoll = s->epoll_create(s->userdata, 1);
    assert_true(epoll >= 0);
    assert_int_equal(s->epoll_ctl(s->userdata, epoll, EPOLL_CTL_ADD, p.accepted, &event), 0);
    assert_int_equal(s->epoll_wait(s->userdata, epoll, &told, 1, 0), 0);
    c->write(c->userdata, p.connected, "x", 1);
    pass(c, s);
    assert_int_equal(s->epoll_wait(s->userdata, epoll, &told, 1, 1000), 1);
    assert_int_equal(told.events, EPOLLIN);
    assert_int_equal(told.data.u32, 7);
    assert_int_equal(s->epoll_wait(s->userdata, epoll, &told, 1, 0), 0); /* told once */
    assert_int_equal(s->close(s->userdata, epoll), 0);
    close_pair(&p);
}

/* What packetdrill binds is the host's, as if it had been told; a buffer that is nowhere is not
 * read.
 */
static void addresses(void **state)
{
    struct pair p;
    struct sockaddr_in other = address("9");
    const char *nowhere = NULL;
    (void)state;
    open_pair(&p);
    struct packetdrill_interface *s = &p.server;
    int fd = s->socket(s->userdata, AF_INET, SOCK_STREAM, IPPROTO_TCP);
    assert_int_equal(s->bind(s->userdata, fd, (void *)&other, sizeof(other)), 0);
    assert_int_equal(s->write(s->userdata, p.accepted, nowhere, 10), -1);
    assert_int_equal(errno, EFAULT);
    close_pair(&p);
}

/* The C library's calls, as packetdrill makes them: of the stack for its descriptors, else the
 * kernel's. */
static void interposed(void **state)
{
    int (*get)(int, int, int, void *, socklen_t *);
    int (*shut)(int);
    struct pair p;
    struct tcp_info info;
    socklen_t len = sizeof(info);
    (void)state;
    *(void **)&get = dlsym(library, "getsockopt");
    *(void **)&shut = dlsym(library, "close");
    open_pair(&p); /* the client's adapter was made last: those calls are its */
    assert_int_equal(get(p.connected, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_int_equal(info.tcpi_state, TCP_ESTABLISHED);
    assert_int_equal(shut(p.connected), 0);
    pass(&p.client, &p.server); /* FIN */
    int kernel = open("/dev/null", O_RDONLY);
    assert_int_equal(shut(kernel), 0);
    assert_int_equal(fcntl(kernel, F_GETFD), -1);
    close_pair(&p);
}

/* recvmsg(): what is still to be read, and what became of what was sent. */
static void control_messages(void **state)
{
    struct pair p;
    char bytes[2], room[200];
    int on = 1, inq;
    struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = room,
                             .msg_controllen = sizeof(room),
                             .msg_flags = MSG_OOB};
    (void)state;
    open_pair(&p);
    struct packetdrill_interface *s = &p.server, *c = &p.client;
    assert_int_equal(s->setsockopt(s->userdata, p.accepted, IPPROTO_TCP, TCP_INQ, &on, sizeof(on)),
                     0);
    assert_int_equal(
        c->setsockopt(c->userdata, p.connected, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)), 0);
    assert_int_equal(c->send(c->userdata, p.connected, "hello", 5, MSG_ZEROCOPY), 5);
    assert_int_equal(c->recvmsg(c->userdata, p.connected, &message, MSG_ERRQUEUE), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(message.msg_flags, MSG_OOB); /* as it was */
    assert_int_equal(message.msg_controllen, sizeof(room));
    pass(c, s);

    assert_int_equal(s->recvmsg(s->userdata, p.accepted, &message, 0), 2);
    assert_int_equal(message.msg_flags, 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_level, IPPROTO_TCP);
    assert_int_equal(header->cmsg_type, TCP_CM_INQ);
    memcpy(&inq, CMSG_DATA(header), sizeof(inq));
    assert_int_equal(inq, 3);
    assert_null(CMSG_NXTHDR(&message, header));

    pass(s, c);
    message.msg_controllen = sizeof(room);
    assert_int_equal(c->recvmsg(c->userdata, p.connected, &message, MSG_ERRQUEUE), 0);
    assert_int_equal(message.msg_flags, MSG_ERRQUEUE);
    header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    assert_int_equal(header->cmsg_level, IPPROTO_IP);
    assert_int_equal(header->cmsg_type, IP_RECVERR);
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(header), sizeof(error));
    assert_int_equal(error.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
    assert_int_equal(error.ee_code, SO_EE_CODE_ZEROCOPY_COPIED);

    message.msg_controllen = sizeof(struct cmsghdr); /* too little room for one */
    assert_int_equal(s->recvmsg(s->userdata, p.accepted, &message, 0), 2);
    assert_int_equal(message.msg_flags, MSG_CTRUNC);
    assert_int_equal(message.msg_controllen, 0);
    close_pair(&p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data),       cmocka_unit_test(blocking),
        cmocka_unit_test(own_time),   cmocka_unit_test(retransmission),
        cmocka_unit_test(edges),      cmocka_unit_test(addresses),
        cmocka_unit_test(interposed), cmocka_unit_test(control_messages),
    };
    library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library == NULL)
        fail_msg("%s", argc == 2 ? dlerror() : "test_adapter LIBRARY");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
