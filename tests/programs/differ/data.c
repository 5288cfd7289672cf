/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: bytes on a stream: flags of recv and send, vectors, full buffers, urgent data, splice.
 */
#include "differ.h"

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

static void flags(void)
{
    int client, server;
    stream_pair(&client, &server);
    show_recv("DONTWAIT, nothing there", server, 10, MSG_DONTWAIT);
    MUST(send(client, "abcdefgh", 8, 0));
    settle();
    show_recv("PEEK", server, 4, MSG_PEEK);
    show_recv("PEEK again", server, 100, MSG_PEEK);
    show_recv("two", server, 2, 0);
    TRY(recv(server, NULL, 3, MSG_TRUNC));
    show_recv("rest", server, 100, 0);
    TRY(recv(server, NULL, 0, MSG_DONTWAIT));
    TRY(send(client, "", 0, 0));
    show_recv("after an empty send", server, 10, MSG_DONTWAIT);
    show_recv("ERRQUEUE", server, 10, MSG_ERRQUEUE);
    MUST(send(client, "z", 1, MSG_MORE));
    MUST(send(client, "Z", 1, 0));
    settle();
    show_recv("after MSG_MORE", server, 10, 0);
}

static void send_second_half(int fd)
{
    MUST(send(fd, "efgh", 4, 0));
}

static void wait_all(void)
{
    int client, server;
    stream_pair(&client, &server);
    MUST(send(client, "abcd", 4, 0));
    later(100, send_second_half, client);
    show_recv("WAITALL", server, 8, MSG_WAITALL);
    MUST(send(client, "abcd", 4, 0));
    MUST(shutdown(client, SHUT_WR));
    show_recv("WAITALL cut short by the end", server, 8, MSG_WAITALL);
}

static void bytes_waiting(void)
{
    int client, server, waiting = -1, at_mark = -1;
    stream_pair(&client, &server);
    TRY(ioctl(server, FIONREAD, &waiting));
    say("waiting %d", waiting);
    MUST(send(client, "abcdefgh", 8, 0));
    settle();
    TRY(ioctl(server, FIONREAD, &waiting));
    say("waiting %d", waiting);
    TRY(ioctl(client, TIOCOUTQ, &waiting));
    say("not acknowledged %d", waiting);
    TRY(ioctl(server, SIOCATMARK, &at_mark));
    say("at mark %d", at_mark);
}

static void vectors(void)
{
    int client, server;
    char a[3], b[4], c[20];
    struct iovec out[] = {{"one", 3}, {"", 0}, {"three", 5}};
    struct iovec in[] = {{a, sizeof a}, {b, sizeof b}, {c, sizeof c}};
    stream_pair(&client, &server);
    TRY(writev(client, out, 3));
    settle();
    TRY(readv(server, in, 3));
    say("%.3s %.4s %.1s", a, b, c);
    struct sockaddr_storage name;
    char control[64];
    struct msghdr message = {.msg_iov = out, .msg_iovlen = 3};
    TRY(sendmsg(client, &message, 0));
    settle();
    message = (struct msghdr){.msg_iov = in,
                              .msg_iovlen = 3,
                              .msg_name = &name,
                              .msg_namelen = sizeof name,
                              .msg_control = control,
                              .msg_controllen = sizeof control,
                              .msg_flags = -1};
    TRY(recvmsg(server, &message, 0));
    say("name length %u, control %zu, flags %#x", message.msg_namelen,
        (size_t)message.msg_controllen, (unsigned)message.msg_flags);
}

static void with_addresses(void)
{
    int client, server;
    char data[16];
    struct sockaddr_storage name = loopback(9);
    socklen_t length = sizeof name;
    stream_pair(&client, &server);
    TRY(sendto(client, "abc", 3, 0, ADDRESS(name)));
    settle();
    TRY(recvfrom(server, data, sizeof data, 0, (struct sockaddr *)&name, &length));
    say("address length %u", length);
    struct iovec io = {"def", 3};
    struct msghdr message = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_name = &name, .msg_namelen = address_length()};
    TRY(sendmsg(client, &message, 0));
    settle();
    show_recv("what sendmsg sent", server, 10, 0);
}

static void several_messages(void)
{
    int client, server;
    char data[4][8] = {{0}};
    struct iovec out[] = {{"one", 3}, {"two", 3}}, in[] = {{data[0], 4}, {data[1], 8}};
    struct mmsghdr send_two[2] = {{.msg_hdr = {.msg_iov = &out[0], .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &out[1], .msg_iovlen = 1}}};
    struct mmsghdr recv_two[2] = {{.msg_hdr = {.msg_iov = &in[0], .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &in[1], .msg_iovlen = 1}}};
    stream_pair(&client, &server);
    TRY(sendmmsg(client, send_two, 2, 0));
    say("lengths %u %u", send_two[0].msg_len, send_two[1].msg_len);
    settle();
    TRY(recvmmsg(server, recv_two, 2, MSG_DONTWAIT, NULL));
    say("lengths %u %u: %.4s %.8s", recv_two[0].msg_len, recv_two[1].msg_len, data[0], data[1]);
}

static void receive_timeout(void)
{
    int client, server;
    stream_pair(&client, &server);
    struct timeval limit = {.tv_usec = 100000}, before, after;
    TRY(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    limit.tv_usec = 0;
    socklen_t length = sizeof limit;
    TRY(getsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, &length));
    say("%ld s, about a tenth %d, length %u", (long)limit.tv_sec,
        limit.tv_usec > 90000 && limit.tv_usec < 110000, length);
    gettimeofday(&before, NULL);
    show_recv("in vain", server, 1, 0);
    gettimeofday(&after, NULL);
    long ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_usec - before.tv_usec) / 1000;
    say("waited long enough %d", ms >= 95);
    struct iovec io = {&limit, 1};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1};
    TRY(recvmsg(server, &message, 0));
    int fd = listener(1);
    MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 100000},
                    sizeof limit));
    FD(accept(fd, NULL, NULL));
    struct sockaddr_storage peer;
    length = sizeof peer;
    FD(accept(fd, (struct sockaddr *)&peer, &length));
}

static size_t fill(int fd)
{
    static char block[16384];
    size_t total = 0;
    ssize_t n;
    set_nonblocking(fd);
    memset(block, 'f', sizeof block);
    /* Until it stays full: what lies on the way may still make room. */
    for (int quiet = 0; quiet < 5; quiet++) {
        while ((n = send(fd, block, sizeof block, MSG_NOSIGNAL)) > 0) {
            total += (size_t)n;
            quiet = 0;
        }
        if (errno != EAGAIN)
            break;
        usleep(50000);
    }
    say("filled until %s", errno_name(errno));
    return total;
}

static void full_buffers(void)
{
    int client, server;
    static char block[65536];
    stream_pair(&client, &server);
    size_t sent = fill(client), received = 0;
    show_poll("when full", client);
    set_nonblocking(server);
    while (received < sent) {
        ssize_t n = recv(server, block, sizeof block, 0);
        if (n > 0)
            received += (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            break;
        else
            usleep(1000);
    }
    settle();
    say("received all %d", received == sent);
    show_poll("when all was read", client);
}

static void send_timeout(void)
{
    int client, server;
    stream_pair(&client, &server);
    fill(client);
    MUST(fcntl(client, F_SETFL, 0));
    struct timeval limit = {.tv_usec = 100000};
    TRY(setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
    TRY(send(client, "x", 1, 0));
}

static void full_then_closed(void)
{
    int client, server;
    stream_pair(&client, &server);
    fill(client);
    reset_on_close(server);
    TRY(close(server));
    settle();
    show_poll("after the reset", client);
    show_recv("after the reset", client, 1, 0);
    TRY(send(client, "x", 1, MSG_NOSIGNAL));
}

static void urgent(void)
{
    int client, server, at_mark = -1;
    stream_pair(&client, &server);
    show_recv("OOB, none sent", server, 1, MSG_OOB);
    MUST(send(client, "ab", 2, 0));
    TRY(send(client, "!", 1, MSG_OOB));
    MUST(send(client, "cd", 2, 0));
    settle();
    show_poll("with urgent data", server);
    show_recv("OOB", server, 1, MSG_OOB);
    show_recv("before the mark", server, 10, 0);
    TRY(ioctl(server, SIOCATMARK, &at_mark));
    say("at mark %d", at_mark);
    show_recv("behind the mark", server, 10, MSG_DONTWAIT);
}

static void say_mark(const char *when, int fd)
{
    int at_mark = -1;
    MUST(ioctl(fd, SIOCATMARK, &at_mark));
    say("%s: at mark %d", when, at_mark);
}

static void urgent_alone(void)
{
    int client, server;
    stream_pair(&client, &server);
    set_nonblocking(server);
    TRY(send(client, "", 0, MSG_OOB));
    TRY(send(client, "!", 1, MSG_OOB));
    settle();
    show_poll("nothing but an urgent byte", server);
    say_mark("unread", server);
    show_recv("OOB peeked", server, 1, MSG_OOB | MSG_PEEK);
    show_recv("OOB", server, 1, MSG_OOB);
    show_recv("OOB again", server, 1, MSG_OOB);
    say_mark("read", server);
    show_recv("what follows", server, 10, 0);
    say_mark("behind", server);
    show_poll("behind", server);
    MUST(send(client, "?", 1, MSG_OOB));
    settle();
    show_recv("instead of OOB", server, 10, 0);
    show_recv("OOB too late", server, 1, MSG_OOB);
}

static void urgent_twice(void)
{
    int client, server;
    stream_pair(&client, &server);
    set_nonblocking(server);
    MUST(send(client, "ab!", 3, MSG_OOB));
    MUST(send(client, "cd?", 3, MSG_OOB));
    MUST(send(client, "ef", 2, 0));
    settle();
    show_recv("OOB", server, 1, MSG_OOB);
    show_recv("peeked", server, 20, MSG_PEEK);
    show_recv("before the mark", server, 20, 0);
    say_mark("there", server);
    show_recv("peeked at the mark", server, 20, MSG_PEEK);
    show_recv("behind the mark", server, 20, 0);
}

static void urgent_in_line(void)
{
    int client, server;
    stream_pair(&client, &server);
    set_nonblocking(server);
    MUST(setsockopt(server, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)));
    MUST(send(client, "ab", 2, 0));
    MUST(send(client, "!", 1, MSG_OOB));
    MUST(send(client, "cd", 2, 0));
    settle();
    show_poll("in line", server);
    show_recv("OOB", server, 1, MSG_OOB);
    show_recv("before the mark", server, 20, 0);
    say_mark("there", server);
    show_recv("from the mark on", server, 20, 0);
    say_mark("behind", server);
    show_poll("behind", server);
}

/* SO_OOBINLINE is inherited from the listener. */
static void urgent_inherited(void)
{
    int fd = listener(1), on = 0;
    struct sockaddr_storage name;
    socklen_t length = sizeof name, on_length = sizeof on;
    MUST(setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &(int){1}, sizeof(int)));
    MUST(getsockname(fd, (struct sockaddr *)&name, &length));
    int client = MUST(socket(name.ss_family, SOCK_STREAM, 0));
    MUST(connect(client, (struct sockaddr *)&name, length));
    int server = MUST(accept(fd, NULL, NULL));
    TRY(getsockopt(server, SOL_SOCKET, SO_OOBINLINE, &on, &on_length));
    say("in line %d", on);
    MUST(send(client, "a!", 2, MSG_OOB));
    settle();
    show_recv("before the mark", server, 10, 0);
    show_recv("from the mark on", server, 10, 0);
}

/* As telnet and ftp abort: by sendmsg, from a process that waits for nothing. */
static void urgent_message(void)
{
    int client, server;
    struct iovec io[] = {{"AB", 2}, {"OR", 2}};
    struct msghdr message = {.msg_iov = io, .msg_iovlen = 2};
    stream_pair(&client, &server);
    set_nonblocking(server);
    TRY(sendmsg(client, &message, MSG_OOB));
    MUST(shutdown(client, SHUT_WR));
    settle();
    char byte = '.';
    struct iovec in = {&byte, 1};
    message = (struct msghdr){.msg_iov = &in, .msg_iovlen = 1};
    TRY(recvmsg(server, &message, MSG_OOB));
    say("%c flags %#x", byte, (unsigned)message.msg_flags);
    show_recv("before the mark", server, 10, 0);
    show_recv("the end", server, 10, 0);
}

static volatile sig_atomic_t urgent_signals;

static void count_urgent(int signal)
{
    (void)signal;
    urgent_signals++;
}

static void urgent_signal(void)
{
    int client, server;
    stream_pair(&client, &server);
    struct sigaction action = {.sa_handler = count_urgent};
    MUST(sigaction(SIGURG, &action, NULL));
    MUST(fcntl(server, F_SETOWN, getpid()));
    MUST(send(client, "a", 1, 0));
    settle();
    say("SIGURG %d", (int)urgent_signals);
    MUST(send(client, "!", 1, MSG_OOB));
    settle();
    say("SIGURG %d", (int)urgent_signals);
}

static void file_to_socket(void)
{
    int client, server, pipe_fds[2];
    stream_pair(&client, &server);
    FILE *file = tmpfile();
    fputs("from a file", file);
    fflush(file);
    off_t offset = 0;
    TRY(sendfile(client, fileno(file), &offset, 100));
    settle();
    show_recv("the file", server, 100, 0);
    MUST(pipe(pipe_fds));
    MUST((int)write(pipe_fds[1], "from a pipe", 11));
    TRY(splice(pipe_fds[0], NULL, client, NULL, 11, 0));
    settle();
    TRY(splice(server, NULL, pipe_fds[1], NULL, 100, 0));
    char data[32] = "";
    TRY(read(pipe_fds[0], data, sizeof data - 1));
    say("%s", data);
}

static void as_a_file(void)
{
    int client, server;
    struct stat status;
    stream_pair(&client, &server);
    TRY(fstat(client, &status));
    say("is a socket %d", S_ISSOCK(status.st_mode));
    TRY(lseek(client, 0, SEEK_SET));
    TRY(pread(client, &status, 1, 0));
    TRY(ftruncate(client, 1));
    TRY(fsync(client));
    FILE *stream = fdopen(client, "r+");
    fprintf(stream, "a line\n");
    fflush(stream);
    settle();
    show_recv("written by stdio", server, 100, 0);
}

/* Both ends send much at once, byte by byte checked. */
static void both_ways(void)
{
    enum { TOTAL = 3000000, BLOCK = 7000 };
    int fds[2];
    stream_pair(&fds[0], &fds[1]);
    static unsigned char out[BLOCK], in[BLOCK];
    size_t sent[2] = {0}, got[2] = {0};
    bool right = true;
    set_nonblocking(fds[0]);
    set_nonblocking(fds[1]);
    while (got[0] < TOTAL || got[1] < TOTAL) {
        struct pollfd p[2];
        for (int i = 0; i < 2; i++)
            p[i] = (struct pollfd){fds[i], (short)(POLLIN | (sent[i] < TOTAL ? POLLOUT : 0)), 0};
        if (poll(p, 2, 5000) <= 0)
            break;
        for (int i = 0; i < 2; i++) {
            size_t want = TOTAL - sent[i] < BLOCK ? TOTAL - sent[i] : BLOCK;
            for (size_t k = 0; k < want; k++)
                out[k] = (unsigned char)((sent[i] + k) * 7 % 251 + (size_t)i);
            ssize_t n = want ? send(fds[i], out, want, 0) : 0;
            sent[i] += n > 0 ? (size_t)n : 0;
            n = recv(fds[i], in, sizeof in, 0);
            for (ssize_t k = 0; k < n; k++)
                right &= in[k] == (unsigned char)((got[i] + (size_t)k) * 7 % 251 + (size_t)!i);
            got[i] += n > 0 ? (size_t)n : 0;
        }
    }
    say("received %zu and %zu, all right %d", got[0], got[1], right);
}

/* MSG_TRUNC of a stream throws bytes away: the buffer stays as it was. */
static void thrown_away(void)
{
    char buf[8] = "-------";
    int client, server;
    stream_pair(&client, &server);
    MUST((int)send(client, "abcdef", 6, 0));
    settle();
    TRY(recv(server, buf, 4, MSG_TRUNC | MSG_PEEK));
    say("peeked %s", buf);
    TRY(recv(server, buf, 4, MSG_TRUNC));
    say("taken %s", buf);
    show_recv("the rest", server, 8, 0);
    TRY(recv(server, buf, 4, MSG_TRUNC | MSG_DONTWAIT));
    MUST((int)send(client, "gh", 2, 0));
    TRY(recv(server, NULL, 8, MSG_TRUNC));
}

/* MSG_MORE of more than AF_UNIX takes at once, and of more than a segment. */
static void more_of_much(void)
{
    static char much[300000];
    int client, server, waiting = -1;
    stream_pair(&client, &server);
    TRY(send(client, much, 20000, MSG_MORE));
    settle();
    TRY(ioctl(server, FIONREAD, &waiting));
    say("waiting %d", waiting);
    TRY(send(client, much, 1, 0));
    TRY(recv(server, much, 20001, MSG_WAITALL));
    TRY(send(client, much, sizeof much, MSG_MORE));
    TRY(send(client, much, 1, 0));
    TRY(recv(server, much, sizeof much, MSG_WAITALL));
    TRY(recv(server, much, 1, MSG_WAITALL));
}

const struct scenario data_scenarios[] = {{"recv-flags", flags, BOTH},
                                          {"more-of-much", more_of_much, BOTH},
                                          {"thrown-away", thrown_away, BOTH},
                                          {"wait-all", wait_all, BOTH},
                                          {"bytes-waiting", bytes_waiting, BOTH},
                                          {"vectors", vectors, BOTH},
                                          {"stream-with-addresses", with_addresses, BOTH},
                                          {"stream-several-messages", several_messages, BOTH},
                                          {"receive-timeout", receive_timeout, BOTH},
                                          {"full-buffers", full_buffers, BOTH},
                                          {"send-timeout", send_timeout, BOTH},
                                          {"full-then-closed", full_then_closed, BOTH},
                                          {"urgent", urgent, BOTH},
                                          {"urgent-alone", urgent_alone, BOTH},
                                          {"urgent-twice", urgent_twice, BOTH},
                                          {"urgent-in-line", urgent_in_line, BOTH},
                                          {"urgent-inherited", urgent_inherited, BOTH},
                                          {"urgent-message", urgent_message, BOTH},
                                          {"urgent-signal", urgent_signal, BOTH},
                                          {"file-to-socket", file_to_socket, BOTH},
                                          {"as-a-file", as_a_file, BOTH},
                                          {"both-ways", both_ways, BOTH},
                                          {NULL, NULL, 0}};
