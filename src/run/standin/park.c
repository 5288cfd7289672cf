/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keeper and what it is told (park.h). One order, one answer; who orders waits for it, which
 * takes as long as two changes of threads.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run/standin/park.h"

enum {
    LIMIT_MIN = 1024,
    RESERVE = 8,     /* one of so many descriptors is not for far ends that do nothing */
    GUESTS_MAX = 32, /* one of so many may be a guest before the turn is over */
};

enum order_kind { ORDER_KEEP, ORDER_RETURN, ORDER_DROP };

struct order {
    enum order_kind kind;
    int number;    /* in the keeper's table, but for ORDER_KEEP */
    void *standin; /* for ORDER_KEEP */
};

/* What the keeper's table begins with. */
struct keeper {
    int socket, epoll;
};

struct run_park {
    pthread_t keeper;
    int socket;
};

/* ---- messages with at most one descriptor ---- */

static bool send_with(int socket, const void *bytes, size_t len, int fd)
{
    struct iovec iov = {(void *)(uintptr_t)bytes, len};
    union {
        struct cmsghdr h;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.h = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (fd >= 0) {
        memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
        msg.msg_control = control.room;
        msg.msg_controllen = sizeof(control.room);
    }
    do
        n = sendmsg(socket, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)len;
}

/* *ret_fd -1: none came, or there was no room for it. */
static bool receive_with(int socket, void *bytes, size_t len, int *ret_fd)
{
    struct iovec iov = {bytes, len};
    union {
        struct cmsghdr h;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof(control.room)};
    ssize_t n;

    do
        n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    *ret_fd = -1;
    if (n > 0 && msg.msg_controllen >= CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(&control.h), sizeof(*ret_fd));
    return n == (ssize_t)len;
}

/* ---- the keeper's side ---- */

static int keep_one(int epoll, const struct order *order, int fd)
{
    struct epoll_event ev = {.events = FAR_EVENTS, .data.ptr = order->standin};

    if (fd < 0)
        return -EMFILE;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static int close_between(unsigned above, unsigned below)
{
    return above + 1 == below ? 0 : (int)syscall(SYS_close_range, above + 1, below - 1, 0);
}

/* A table of its own, in which there are these two only. 0 or a negative errno. */
static int leave_table(int socket, int epoll)
{
    unsigned low = (unsigned)(socket < epoll ? socket : epoll);
    unsigned high = (unsigned)(socket < epoll ? epoll : socket);

    if (unshare(CLONE_FILES) < 0 || close_between(UINT_MAX, low) < 0 ||
        close_between(low, high) < 0 || close_between(high, UINT_MAX) < 0)
        return -errno;
    return 0;
}

static void *keeper_main(void *arg)
{
    struct keeper keeper = *(const struct keeper *)arg;
    struct order order;
    int answer = leave_table(keeper.socket, keeper.epoll), fd;

    if (!send_with(keeper.socket, &answer, sizeof(answer), -1) || answer < 0)
        return NULL;
    while (receive_with(keeper.socket, &order, sizeof(order), &fd)) {
        bool keeps = order.kind == ORDER_KEEP;
        answer = keeps ? keep_one(keeper.epoll, &order, fd) : 0;
        if (!keeps)
            epoll_ctl(keeper.epoll, EPOLL_CTL_DEL, order.number, NULL);
        send_with(keeper.socket, &answer, sizeof(answer),
                  order.kind == ORDER_RETURN ? order.number : -1);
        if (!keeps)
            close(order.number);
    }
    return NULL; /* the table goes with the last who uses it */
}

/* ---- the supervisor's side ---- */

void park_init(struct run *run, uint64_t limit)
{
    sw_list_init(&run->guests);
    bool parks = limit >= LIMIT_MIN && limit <= INT_MAX;
    run->park_from = parks ? (int)(limit - limit / RESERVE) : INT_MAX;
    run->guests_max = (uint32_t)(limit / GUESTS_MAX);
}

/* Its table is ours no more once it answers. */
static struct run_park *start_keeper(struct run *run)
{
    struct run_park *park = calloc(1, sizeof(*park));
    int ends[2], answer = -1, none;

    if (park == NULL)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
        free(park);
        return NULL;
    }
    struct keeper given = {.socket = ends[1], .epoll = run->epoll_fd};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&park->keeper, NULL, keeper_main, &given);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err == 0 && (!receive_with(ends[0], &answer, sizeof(answer), &none) || answer != 0))
        pthread_join(park->keeper, NULL);
    close(ends[1]);
    if (err == 0 && answer == 0) {
        park->socket = ends[0];
        return park;
    }
    close(ends[0]);
    free(park);
    return NULL;
}

void park_fini(struct run *run)
{
    if (run->park == NULL)
        return;
    close(run->park->socket);
    pthread_join(run->park->keeper, NULL);
    free(run->park);
    run->park = NULL;
}

/* The keeper's answer, or a negative errno. */
static int order(struct run *run, struct order order, int fd, int *ret_fd)
{
    int answer;
    if (!send_with(run->park->socket, &order, sizeof(order), fd) ||
        !receive_with(run->park->socket, &answer, sizeof(answer), ret_fd))
        return -EPIPE;
    return answer;
}

void park_note(struct run *run, struct standin *s)
{
    if (s->far_fd < run->park_from || !sw_list_empty(&s->guest))
        return;
    sw_list_add_tail(&run->guests, &s->guest);
    run->n_guests++;
}

void park_forget(struct run *run, struct standin *s)
{
    if (sw_list_empty(&s->guest))
        return;
    sw_list_del(&s->guest);
    run->n_guests--;
}

static bool is_idle(const struct run *run, const struct standin *s)
{
    return s != run->called && s->state == STANDIN_CONNECTED && !s->far_in && !s->far_hup &&
           !s->want_out && !s->put_off && s->junk == 0 && sw_list_empty(&s->active) &&
           sw_list_empty(&s->held);
}

/* False: the keeper takes no more. */
static bool park_one(struct run *run, struct standin *s)
{
    int none;
    int number = order(run, (struct order){.kind = ORDER_KEEP, .standin = s}, s->far_fd, &none);
    if (number < 0)
        return false;
    epoll_ctl(run->epoll_fd, EPOLL_CTL_DEL, s->far_fd,
              NULL); /* it is watched by the other number */
    close(s->far_fd);
    s->far_fd = -1;
    s->parked = number;
    park_forget(run, s);
    return true;
}

void park_guests(struct run *run)
{
    if (sw_list_empty(&run->guests))
        return;
    if (run->park == NULL && (run->park = start_keeper(run)) == NULL)
        return;
    for (struct sw_list *l = run->guests.next, *next; l != &run->guests; l = next) {
        struct standin *s = SW_CONTAINER(l, struct standin, guest);
        next = l->next;
        if (is_idle(run, s) && !park_one(run, s))
            return;
    }
}

void park_relieve(struct run *run)
{
    if (run->n_guests > run->guests_max)
        park_guests(run);
}

bool park_fetch(struct run *run, struct standin *s)
{
    struct epoll_event ev = {.events = FAR_EVENTS, .data.ptr = s};

    if (s->parked < 0)
        return true;
    int answer =
        order(run, (struct order){.kind = ORDER_RETURN, .number = s->parked}, -1, &s->far_fd);
    s->parked = -1;
    if (answer == 0 && s->far_fd >= 0 &&
        epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, s->far_fd, &ev) == 0) {
        park_note(run, s);
        return true;
    }
    sw_abort(run->host, s->sock);
    s->sock = 0;
    standin_gone(run, s);
    return false;
}

void park_drop(struct run *run, struct standin *s)
{
    int none;
    (void)order(run, (struct order){.kind = ORDER_DROP, .number = s->parked}, -1, &none);
    s->parked = -1;
}
