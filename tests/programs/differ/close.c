/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: the end of a stream: shutdown in each direction, close, reset, and what each side
 * sees. */
#include "differ.h"

#include <signal.h>

static void half_close(void)
{
    int client, server;
    stream_pair(&client, &server);
    TRY(send(client, "question", 8, 0));
    TRY(shutdown(client, SHUT_WR));
    settle();
    show_poll("of the client", client);
    show_poll("of the server", server);
    show_recv("the question", server, 100, 0);
    show_recv("its end", server, 100, 0);
    show_recv("its end again", server, 100, 0);
    show_poll("of the server after the end", server);
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    TRY(send(server, "answer", 6, 0));
    settle();
    show_poll("of the client, answered", client);
    show_recv("the answer", client, 100, 0);
    TRY(shutdown(server, SHUT_WR));
    settle();
    show_poll("of the client at the end", client);
    show_poll("of the server at the end", server);
    show_recv("the answer's end", client, 100, 0);
    show_names("of the client at the end", client);
    TRY(shutdown(client, SHUT_WR));
    TRY(shutdown(server, SHUT_RD));
}

static void peer_closes(void)
{
    int client, server;
    stream_pair(&client, &server);
    MUST(send(server, "bye", 3, 0));
    TRY(close(server));
    settle();
    show_poll("after the peer's close", client);
    show_recv("what was sent", client, 100, 0);
    show_recv("the end", client, 100, 0);
    show_error("after the end", client);
    show_names("after the end", client);
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    settle();
    show_poll("after a send to nobody", client);
    show_error("after a send to nobody", client);
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    show_recv("after a send to nobody", client, 100, 0);
}

static void peer_closes_write_twice(void)
{
    int client, server;
    stream_pair(&client, &server);
    TRY(close(server));
    settle();
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    settle();
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    show_error("after that", client);
}

static void peer_resets(void)
{
    int client, server;
    stream_pair(&client, &server);
    reset_on_close(server);
    TRY(close(server));
    settle();
    show_poll("after a reset", client);
    show_recv("first", client, 100, 0);
    show_recv("second", client, 100, 0);
    show_poll("after the error was taken", client);
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    show_names("after a reset", client);
    TRY(shutdown(client, SHUT_WR));
}

static void peer_resets_so_error(void)
{
    int client, server;
    stream_pair(&client, &server);
    reset_on_close(server);
    TRY(close(server));
    settle();
    show_error("first", client);
    show_error("second", client);
    show_recv("after SO_ERROR", client, 100, 0);
}

static void peer_resets_with_data(void)
{
    int client, server;
    stream_pair(&client, &server);
    MUST(send(server, "abc", 3, 0));
    settle();
    reset_on_close(server);
    TRY(close(server));
    settle();
    show_poll("after data and a reset", client);
    show_recv("first", client, 100, 0);
    show_recv("second", client, 100, 0);
    show_recv("third", client, 100, 0);
    show_poll("in the end", client);
}

static void close_with_unread_data(void)
{
    int client, server;
    stream_pair(&client, &server);
    MUST(send(client, "unread", 6, 0));
    settle();
    TRY(close(server));
    settle();
    show_poll("of the peer", client);
    show_recv("by the peer", client, 100, 0);
    show_recv("again", client, 100, 0);
}

/* A reset, too, of who had said that he writes no more. */
static void shut_and_close_unread(int how)
{
    int client, server;
    stream_pair(&client, &server);
    MUST(send(client, "unread", 6, 0));
    settle();
    TRY(shutdown(server, how));
    settle();
    TRY(close(server));
    settle();
    show_recv("the end", client, 10, 0);
    struct sockaddr_storage address = loopback(port_of(client));
    TRY(sendto(client, "x", 1, MSG_NOSIGNAL, ADDRESS(address)));
}

static void shut_write_close_unread(void)
{
    shut_and_close_unread(SHUT_WR);
}

static void shut_both_close_unread(void)
{
    shut_and_close_unread(SHUT_RDWR);
}

/* Who has much to read yet is told when he writes that nobody hears him. */
static void peer_resets_much(void)
{
    static char much[1 << 20];
    int client, server;
    stream_pair(&client, &server);
    set_nonblocking(server);
    while (send(server, much, sizeof much, 0) > 0)
        settle();
    reset_on_close(server);
    TRY(close(server));
    settle();
    say("taken %d", send(client, "x", 1, MSG_NOSIGNAL) == 1);
}

static void shut_read(void)
{
    int client, server;
    stream_pair(&client, &server);
    MUST(send(server, "before", 6, 0));
    settle();
    TRY(shutdown(client, SHUT_RD));
    show_poll("after SHUT_RD", client);
    show_recv("what was there", client, 100, 0);
    show_recv("then", client, 100, 0);
    TRY(send(server, "after", 5, MSG_NOSIGNAL));
    settle();
    show_poll("after the peer sent", client);
    show_recv("what came later", client, 100, 0);
    TRY(send(client, "still", 5, MSG_NOSIGNAL));
    show_recv("by the peer", server, 100, 0);
}

static void shut_both(void)
{
    int client, server;
    stream_pair(&client, &server);
    TRY(shutdown(client, SHUT_RDWR));
    settle();
    show_poll("after SHUT_RDWR", client);
    show_poll("of the peer", server);
    show_recv("after SHUT_RDWR", client, 100, 0);
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    show_recv("by the peer", server, 100, 0);
    show_names("after SHUT_RDWR", client);
    TRY(shutdown(client, SHUT_RDWR));
    TRY(shutdown(client, SHUT_RD));
    TRY(shutdown(server, 7));
    TRY(shutdown(server, -1));
    TRY(close(server));
    settle();
    show_names("when all is over", client);
    TRY(shutdown(client, SHUT_RDWR));
}

static void both_close_at_once(void)
{
    int client, server;
    stream_pair(&client, &server);
    TRY(shutdown(client, SHUT_WR));
    TRY(shutdown(server, SHUT_WR));
    settle();
    show_poll("of the client", client);
    show_poll("of the server", server);
    show_recv("by the client", client, 100, 0);
    show_recv("by the server", server, 100, 0);
}

static void broken_pipe_signal(void)
{
    int client, server;
    stream_pair(&client, &server);
    MUST(shutdown(client, SHUT_WR));
    struct sigaction action = {.sa_handler = SIG_DFL};
    MUST(sigaction(SIGPIPE, &action, NULL));
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        ssize_t n = write(client, "x", 1);
        _exit(n < 0 ? 1 : 2);
    }
    int status;
    MUST(waitpid(pid, &status, 0));
    say("write: killed by SIGPIPE %d", WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

/* The side that closes first keeps the port in TIME-WAIT. */
static void port_in_time_wait(void)
{
    int fd = listener(4);
    int port = port_of(fd), client = connected_to(fd), server = MUST(accept(fd, NULL, NULL));
    struct sockaddr_storage address = loopback(port);
    TRY(close(server));
    TRY(close(fd));
    settle();
    TRY(close(client));
    settle();
    int again = stream_socket();
    TRY(bind(again, ADDRESS(address)));
    MUST(set_int(again, SOL_SOCKET, SO_REUSEADDR, 1));
    TRY(bind(again, ADDRESS(address)));
    TRY(listen(again, 4));
    int next = stream_socket();
    TRY(connect(next, ADDRESS(address)));
}

static void show_state(const char *who, int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        say("TCP_INFO of %s = %s", who, errno_name(errno));
    else
        say("TCP_INFO of %s: state %d", who, info.tcpi_state);
}

static void states(void)
{
    int fd = stream_socket();
    show_state("a fresh socket", fd);
    MUST(listen(fd, 4));
    show_state("a listener", fd);
    int client = connected_to(fd), server = MUST(accept(fd, NULL, NULL));
    show_state("a client", client);
    show_state("an accepted socket", server);
    MUST(shutdown(client, SHUT_WR));
    settle();
    show_state("the first to shut down", client);
    show_state("its peer", server);
    MUST(shutdown(server, SHUT_WR));
    settle();
    show_state("the first to shut down, in the end", client);
    show_state("its peer, in the end", server);
}

static void linger_waits(void)
{
    int client, server;
    stream_pair(&client, &server);
    struct linger linger = {.l_onoff = 1, .l_linger = 2};
    socklen_t length = sizeof linger;
    TRY(setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    linger.l_onoff = linger.l_linger = 0;
    TRY(getsockopt(client, SOL_SOCKET, SO_LINGER, &linger, &length));
    say("linger %d %d, length %u", linger.l_onoff, linger.l_linger, length);
    MUST(send(client, "last words", 10, 0));
    TRY(close(client));
    show_recv("by the peer", server, 100, 0);
    show_recv("and the end", server, 100, 0);
}

static void send_much_and_close(void)
{
    int client, server;
    static char block[64 * 1024];
    stream_pair(&client, &server);
    memset(block, 'm', sizeof block);
    fflush(stdout);
    if (fork() == 0) {
        close(server);
        for (int i = 0; i < 64; i++) {
            size_t sent = 0;
            while (sent < sizeof block) {
                ssize_t n = send(client, block, sizeof block - sent, 0);
                if (n < 0)
                    _exit(1);
                sent += (size_t)n;
            }
        }
        _exit(0); /* closes the last descriptor with much on its way */
    }
    close(client);
    size_t total = 0;
    ssize_t n;
    usleep(300000);
    while ((n = recv(server, block, sizeof block, 0)) > 0)
        total += (size_t)n;
    say("received %zu, then %s", total, n < 0 ? errno_name(errno) : "the end");
}

const struct scenario close_scenarios[] = {
    {"half-close", half_close, BOTH},
    {"peer-closes", peer_closes, BOTH},
    {"peer-closes-write-twice", peer_closes_write_twice, BOTH},
    {"peer-resets", peer_resets, BOTH},
    {"peer-resets-so-error", peer_resets_so_error, BOTH},
    {"peer-resets-with-data", peer_resets_with_data, BOTH},
    {"close-with-unread-data", close_with_unread_data, BOTH},
    {"peer-resets-much", peer_resets_much, BOTH},
    {"shut-write-close-unread", shut_write_close_unread, BOTH},
    {"shut-both-close-unread", shut_both_close_unread, BOTH},
    {"shut-read", shut_read, BOTH},
    {"shut-both", shut_both, BOTH},
    {"both-close-at-once", both_close_at_once, BOTH},
    {"broken-pipe-signal", broken_pipe_signal, BOTH},
    {"port-in-time-wait", port_in_time_wait, BOTH},
    {"tcp-states", states, BOTH},
    {"linger-waits", linger_waits, BOTH},
    {"send-much-and-close", send_much_and_close, BOTH},
    {NULL, NULL, 0}};
