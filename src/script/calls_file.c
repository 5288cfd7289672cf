/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files and pipes, as far as they meet sockets: open(), pipe(), sendfile(), splice(). Nothing is on
 * a disk: a file is a name and a size, a pipe how much lies in it. What is sent of either is the
 * stream's pattern (calls_io.c), as with write().
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "script/private.h"

#define PIPE_BYTES 65536U /* pipe(7) */

/* ---- files ------------------------------------------------------------------------------ */

static struct store **find_file(struct run *run, const char *name)
{
    struct store **at = &run->files;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

void file_remove(struct run *run, const char *name)
{
    struct store **at = find_file(run, name);
    if (*at != NULL)
        *at = (*at)->next; /* who has it open has it still */
}

void file_make(struct run *run, const char *name, uint64_t bytes)
{
    file_remove(run, name);
    struct store *file = arena_alloc(&run->script->arena, sizeof(*file));
    *file = (struct store){.next = run->files,
                           .name = arena_copy(&run->script->arena, name, strlen(name)),
                           .bytes = bytes};
    run->files = file;
}

bool call_open(struct run *run, struct scall *call, int64_t *ret_result)
{
    const struct expr *name = call->args[0];
    long long flags;
    int fd = -1;
    if (name->kind != EXPR_STRING)
        return script_fail(run->script, SCRIPT_SYNTAX, name->pos, "open() takes a name");
    if (!arg_number(run, call, 1, &flags) || !new_fd(run, call, &fd))
        return false;
    if (flags != O_RDONLY)
        return unsupported(run, call->args[1]->pos, "a file that is written to");
    struct store *file = *find_file(run, name->string);
    if (file != NULL)
        run->fds[fd] = (struct sfd){.kind = FD_FILE, .store = file};
    *ret_result = file != NULL ? fd : -ENOENT;
    return true;
}

/* ---- pipes ------------------------------------------------------------------------------ */

bool call_pipe(struct run *run, struct scall *call, int64_t *ret_result)
{
    const struct expr *fds = call->args[0];
    if (fds->kind != EXPR_LIST || fds->count != 2)
        return script_fail(run->script, SCRIPT_SYNTAX, fds->pos, "a pipe is [5, 6]");
    struct store *pipe = arena_alloc(&run->script->arena, sizeof(*pipe));
    for (size_t i = 0; i < 2; i++) {
        long long fd = fds->items[i]->number;
        if (fds->items[i]->kind != EXPR_NUMBER || fd < 0 || fd >= FDS_MAX)
            return script_fail(run->script, SCRIPT_SYNTAX, fds->items[i]->pos,
                               "here goes a descriptor");
        run->fds[fd] = (struct sfd){.kind = i == 0 ? FD_PIPE_OUT : FD_PIPE_IN, .store = pipe};
    }
    *ret_result = 0;
    return true;
}

/* ---- from one to another ---------------------------------------------------------------- */

/* What a file or pipe has for this socket, at most len; the result says how much of it was taken.
 */
static void give(struct run *run, struct sfd *socket, uint64_t there, size_t len, long long flags,
                 int64_t *ret_result)
{
    if (there < len)
        len = (size_t)there;
    if (len == 0)
        *ret_result = 0;
    else
        io_send(run, socket, len, flags, NULL, ret_result);
}

bool call_sendfile(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *out, *in;
    size_t len = 0;
    long long from;
    bool given = call->args[2]->kind != EXPR_NULL;
    if (!arg_fd(run, call, 0, &out) || !arg_fd(run, call, 1, &in) || !arg_len(run, call, 3, &len))
        return false;
    if (out->kind != FD_SOCKET || in->kind != FD_FILE)
        return unsupported(run, call->args[0]->pos, "sendfile() but from a file to a socket");
    from = (long long)in->place;
    if (given && !arg_boxed(run, call->args[2], &from))
        return false;
    uint64_t size = in->store->bytes;
    uint64_t there = from >= 0 && (uint64_t)from < size ? size - (uint64_t)from : 0;
    give(run, out, there, len, 0, ret_result);
    if (*ret_result > 0 && !given)
        in->place += (uint64_t)*ret_result;
    return true;
}

/* Linux's tcp_splice_read(): urgent data in front are an end, for now. */
static bool socket_to_pipe(struct run *run, struct sfd *in, struct store *pipe, size_t len,
                           long long flags, int64_t *ret_result)
{
    if (pipe->bytes >= PIPE_BYTES)
        return unsupported(run, run->event->pos, "splice() into a full pipe");
    if (len > PIPE_BYTES - pipe->bytes)
        len = (size_t)(PIPE_BYTES - pipe->bytes);
    bool mark = io_passes_mark(run, in);
    if (!io_recv(run, in, len, mark ? MSG_DONTWAIT : flags, NULL, ret_result))
        return false;
    if (mark && *ret_result == -EAGAIN)
        *ret_result = 0;
    if (*ret_result > 0)
        pipe->bytes += (uint64_t)*ret_result;
    return true;
}

bool call_splice(struct run *run, struct scall *call, int64_t *ret_result)
{
    struct sfd *in, *out;
    size_t len = 0;
    long long flags;
    if (!arg_fd(run, call, 0, &in) || !arg_fd(run, call, 2, &out) || !arg_len(run, call, 4, &len) ||
        !arg_number(run, call, 5, &flags))
        return false;
    if (call->args[1]->kind != EXPR_NULL || call->args[3]->kind != EXPR_NULL)
        return unsupported(run, call->args[1]->pos, "splice() with an offset");
    long long wait = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;
    if (in->kind == FD_SOCKET && out->kind == FD_PIPE_IN)
        return socket_to_pipe(run, in, out->store, len, wait, ret_result);
    if (in->kind != FD_PIPE_OUT || out->kind != FD_SOCKET)
        return unsupported(run, call->args[0]->pos, "splice() between these");
    if (in->store->bytes == 0 && len > 0)
        return unsupported(run, call->args[0]->pos, "splice() from an empty pipe");
    long long more = flags & SPLICE_F_MORE ? MSG_MORE : 0;
    give(run, out, in->store->bytes, len, wait | more, ret_result);
    if (*ret_result > 0)
        in->store->bytes -= (uint64_t)*ret_result;
    return true;
}
