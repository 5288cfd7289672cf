/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parser makes of a script, and what the runner keeps while it runs.
 *
 * Everything of one script lives in one arena and is freed at once. The first thing that goes wrong
 * is written to struct script's error by script_error(); every function that can fail returns bool,
 * and false means that this has been done.
 */
#ifndef SW_SCRIPT_PRIVATE_H
#define SW_SCRIPT_PRIVATE_H

#include <stdarg.h>

#include <sockworks/sockworks.h>

#include "script/script.h"
#include "wire/wire.h"

#define SCRIPT_US 1000ULL /* ns */
#define SCRIPT_MS (1000 * SCRIPT_US)
#define SCRIPT_S (1000 * SCRIPT_MS)

/* ---- text and memory -------------------------------------------------------------------- */

struct arena_block;
struct arena {
    struct arena_block *blocks;
};
void *arena_alloc(struct arena *arena, size_t size); /* zeroed; ends the process without memory */
char *arena_copy(struct arena *arena, const char *text, size_t len); /* terminated */
void arena_fini(struct arena *arena);

/* Text that grows. */
struct text {
    char *s; /* terminated, or NULL while empty */
    size_t len, cap;
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vadd(struct text *text, const char *format, va_list args);
void text_fini(struct text *text);

struct pos {
    unsigned line, column; /* from 1 */
};

/* ---- tokens ----------------------------------------------------------------------------- */

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_INTEGER, /* decimal, maybe negative */
    TOKEN_HEX,
    TOKEN_FLOAT,
    TOKEN_STRING,   /* "..." */
    TOKEN_COMMAND,  /* `...` */
    TOKEN_CODE,     /* %{ ... }% */
    TOKEN_OPTION,   /* --name=value, the whole of it */
    TOKEN_ELLIPSIS, /* ... */
    TOKEN_MARK,     /* one character: text[0] */
};

struct token {
    enum token_kind kind;
    struct pos pos;
    const char *text; /* without quotes */
    long long number; /* of INTEGER and HEX */
    uint64_t ns;      /* of INTEGER and FLOAT read as seconds */
    bool spaced;      /* white space stood before it */
};

/* ---- expressions ------------------------------------------------------------------------ */

enum expr_kind {
    EXPR_ELLIPSIS,
    EXPR_NUMBER,
    EXPR_NULL, /* the word NULL: number 0 */
    EXPR_STRING,
    EXPR_ADDRESS, /* inet_addr("...") */
    EXPR_LIST,    /* [a, b] */
    EXPR_STRUCT,  /* {name=a, b} */
};

struct expr {
    enum expr_kind kind;
    struct pos pos;
    long long number;
    const char *string; /* of a STRING, and of a NUMBER that was one word */
    struct sw_ip ip;
    const char *name;    /* of an item of a struct: "sin_port", or NULL */
    struct expr **items; /* of LIST and STRUCT */
    size_t count;
};

/* ---- events ----------------------------------------------------------------------------- */

enum time_kind { TIME_ABSOLUTE, TIME_RELATIVE, TIME_ANY };

enum tos_check { TOS_OPEN, TOS_ECN, TOS_ECT01, TOS_ALL };

#define OPTIONS_MAX 60 /* more than the 40 that are legal, so that a script may be wrong */

/* A packet as scripts write it: of the script, or one that left, translated. */
struct spacket {
    bool outbound;
    uint8_t version; /* 4, 6 */
    uint8_t proto;   /* SW_PROTO_TCP, _UDP, _ICMP (of either version) */
    enum tos_check tos_check;
    uint8_t tos, ttl; /* ttl 0: open */
    bool has_flow_label;
    uint32_t flow_label;
    uint16_t src_port, dst_port; /* 0: the flow's */
    /* TCP, and the length of UDP */
    uint16_t flags; /* SW_TCP_ */
    bool has_ace;   /* the three ECN flags were written as a number */
    uint32_t seq, ack, len;
    bool has_window;
    uint16_t window, urgent;
    bool options_open; /* <...> */
    uint8_t options[OPTIONS_MAX];
    uint8_t options_len;
    /* ICMP */
    uint8_t type, code;
    const char *type_name, *code_name;
    bool has_mtu;
    uint32_t mtu;
    uint16_t id;
    uint8_t quoted_proto; /* 0: nothing is quoted in the script */
    uint32_t quoted_seq, quoted_len;
    /* of packets that left */
    const uint8_t *payload;
    bool payload_wrong; /* not the bytes that the script's program wrote there */
};

struct scall {
    const char *name;
    struct expr **args;
    size_t count;
    bool blocking;
    uint64_t end_ns; /* when it returns, as written */
    struct expr *result;
    int err; /* errno that is expected, or 0 */
    const char *err_name;
};

enum event_kind { EVENT_PACKET, EVENT_CALL, EVENT_CODE, EVENT_COMMAND };

struct event {
    struct event *next;
    enum event_kind kind;
    struct pos pos;
    enum time_kind time_kind;
    bool range;
    uint64_t at_ns, until_ns; /* as written */
    struct spacket packet;
    struct scall call;
    const char *text; /* of code and commands */
};

/* ---- the script ------------------------------------------------------------------------- */

enum ip_mode { MODE_IPV4, MODE_IPV4_MAPPED, MODE_IPV6 };

struct soptions {
    enum ip_mode mode;
    bool mode_given;
    struct sw_ip local, remote;
    bool has_local, has_remote;
    uint32_t mtu, mss;
    uint64_t tolerance_ns;
    double tolerance_percent;
    uint16_t bind_port, connect_port;
    uint64_t ts_tick_ns; /* 0: values of timestamps are not judged */
    bool ts_ecr_scaled, strict_segments;
    bool gso_off; /* the device has no segmentation offload (ethtool) */
};

struct define {
    struct define *next;
    const char *name, *value;
};

struct script {
    struct arena arena;
    struct soptions options;
    struct define *defines;
    const char *init_command, *cleanup_command;
    struct pos init_pos;
    struct event *events, **last;
    /* what went wrong first */
    enum script_verdict verdict;
    struct pos error_pos;
    struct text error, detail;
};

/* Notes what went wrong, unless something has already. */
void script_error(struct script *script, enum script_verdict verdict, struct pos pos,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The same as an expression that is false: a macro, so that whoever reads a caller, a person or the
 * analyzer, sees it. */
#define script_fail(...) (script_error(__VA_ARGS__), false)

/* ---- parsing ---------------------------------------------------------------------------- */

struct parser {
    struct script *script;
    struct token *tokens; /* the last is TOKEN_END */
    size_t at;
};

bool lex(struct script *script, const char *text, size_t len, struct token **ret_tokens);
bool parse_script(struct script *script, const char *text, size_t len);
bool parse_option(struct script *script, struct pos pos, const char *text);
bool parse_packet(struct parser *p, struct spacket *ret_packet);
bool parse_tcp_options(struct parser *p, struct spacket *packet);
bool parse_call(struct parser *p, struct scall *ret_call);

static inline struct token *peek(struct parser *p)
{
    return &p->tokens[p->at];
}
struct token *take(struct parser *p); /* the token, stepping behind it (never behind the end) */
bool is_mark(const struct token *token, char mark);
bool is_word(const struct token *token, const char *word);
bool take_mark(struct parser *p, char mark);        /* if it is there */
bool take_word(struct parser *p, const char *word); /* if it is there */
bool want_mark(struct parser *p, char mark);        /* it must be there */
bool want_number(struct parser *p, long long min, long long max, const char *what,
                 long long *ret_number);
bool wrong_token(struct parser *p, const char *expected);

/* A constant by name (SOL_SOCKET, EAGAIN, ...). */
bool symbol_find(const char *name, long long *ret_value);
const char *symbol_errno(int err); /* "EAGAIN", or "errno N" from a static set */

/* ICMP by name. */
bool icmp_find(uint8_t version, const char *type, const char *code, uint8_t *ret_type,
               uint8_t *ret_code);
const char *icmp_type_name(uint8_t version, uint8_t type);
const char *icmp_code_name(uint8_t version, uint8_t type, uint8_t code);

/* ---- running ---------------------------------------------------------------------------- */

/* A connection as the script sees it. In packets with SYN sequence numbers are the script's own, in
 * all others they count from the initial one. */
struct flow {
    struct flow *next;
    uint8_t proto;
    enum flow_state { FLOW_NEW, FLOW_LISTENING, FLOW_CONNECTING, FLOW_OPEN } state;
    struct sw_addr local, remote;
    uint32_t local_isn, script_local_isn; /* real, and as written */
    uint32_t remote_isn;                  /* both: what comes in is sent as it is written */
    bool has_local_isn, has_remote_isn, has_first_ts, has_flow_label;
    uint32_t first_ts, script_first_ts;
    uint32_t flow_label, script_flow_label;
    struct ts_pair *ts_pairs; /* timestamps of packets that left: script's and real */
    int fd;                   /* -1: not yet accepted */
};

struct ts_pair {
    struct ts_pair *next;
    uint32_t script, real;
};

enum fd_kind { FD_FREE, FD_SOCKET, FD_EPOLL, FD_FILE, FD_PIPE_OUT, FD_PIPE_IN };
#define FDS_MAX 256

struct watch {
    struct watch *next;
    int fd;
    uint32_t events;
    uint64_t data;
    bool fresh; /* something happened since it was last told: edge-triggered ones ask this */
    bool off;   /* one-shot, told */
};

/* A file of the script's, or what lies in a pipe: bytes that nobody has looked at, so only how many. */
struct store {
    struct store *next;
    const char *name; /* of a file */
    uint64_t bytes;
};

struct sfd {
    enum fd_kind kind;
    sw_socket_t socket;
    bool stream, nonblocking;
    bool put_off; /* connect() waits for the first write (TCP_FASTOPEN_CONNECT) */
    struct flow *flow;
    uint64_t sent, received; /* bytes: the place in the pattern of payload */
    struct watch *watches;   /* of an epoll descriptor */
    struct store *store;     /* of a file or a pipe */
    uint64_t place;          /* in a file */
};

/* A packet that left and was not looked at yet. */
struct sent {
    struct sent *next;
    uint64_t at_ns;
    uint32_t len;
    uint8_t bytes[];
};

/* A call that sleeps. */
struct pending {
    struct event *event; /* NULL: none */
    uint64_t since_ns, end_ns;
    uint64_t deadline_ns; /* of poll and epoll_wait: their timeout */
    uint64_t done;        /* bytes of a write that were taken */
    bool fast;            /* the write connects as well */
};

struct run {
    struct script *script;
    struct sw_host *host;
    int iface;
    uint64_t start_ns, now_ns;
    struct event *event;           /* that is being run */
    uint64_t due_ns, due_until_ns; /* of a packet that is awaited; SW_NEVER: at any time */
    struct sfd fds[FDS_MAX];
    struct flow *flows, *under_test;
    uint16_t next_port;
    struct sent *sent, **sent_last;
    struct pending pending;
    struct variable *variables; /* of code */
    struct store *files;
    bool paced; /* sockets that are made now */
    struct text log;
    const struct script_config *config;
    unsigned calls, packets, codes;
};

void run_events(struct run *run);
bool run_until(struct run *run, uint64_t at_ns); /* time passes */
uint64_t run_tolerance(const struct run *run, uint64_t since_ns, uint64_t at_ns);
void run_collect(struct run *run); /* what happened: packets out, readiness, the sleeping call */
double run_seconds(const struct run *run, uint64_t at_ns);

/* flow.c */
struct flow *flow_new(struct run *run, uint8_t proto, int fd);
/* A socket has begun to connect, and is under test now. */
void flow_connects(struct run *run, struct sfd *sfd, const struct sw_addr *remote);
struct flow *flow_of_packet(struct run *run, const struct spacket *packet); /* NULL: failed */
/* From the script's numbers to real ones. */
bool flow_inbound(struct run *run, struct flow *flow, struct spacket *packet);
/* Whether bytes that left are of that flow; then as the script would write them. `expected` is what
 * the script has in their place. */
bool flow_outbound(struct run *run, struct flow *flow, const struct sent *sent,
                   const struct spacket *expected, struct spacket *ret_packet);

/* wire.c: addresses are the flow's; payload is wire_payload() from payload_at. Returns the length.
 */
size_t wire_build(const struct flow *flow, const struct spacket *packet, uint32_t payload_at,
                  uint8_t *buf, size_t room);
bool wire_read(const struct sent *sent, struct spacket *ret_packet, struct sw_addr *ret_src,
               struct sw_addr *ret_dst);
uint8_t wire_payload(uint64_t offset); /* the pattern that all payload is made of */
/* The first option of that kind, whole, or NULL. */
uint8_t *wire_find_option(struct spacket *packet, uint8_t kind, uint8_t min_len);
enum { WIRE_OPT_SACK = 5, WIRE_OPT_TIMESTAMPS = 8 };

/* match.c: false: they differ in what *ret_what names. */
bool match_packet(const struct run *run, const struct spacket *expected,
                  const struct spacket *actual, char ret_what[80]);

/* calls: each makes the call of run->event; see calls.c */
bool call_run(struct run *run, struct scall *call);
void call_retry(struct run *run); /* the sleeping call, if it can go on */

typedef bool call_fn(struct run *run, struct scall *call, int64_t *ret_result);
struct call_entry {
    const char *name;
    unsigned min_args, max_args;
    call_fn *fn;
};
call_fn call_poll, call_epoll_create, call_epoll_ctl, call_epoll_wait;
call_fn call_read, call_recv, call_recvfrom, call_readv, call_recvmsg;
call_fn call_write, call_send, call_sendto, call_writev, call_sendmsg;
call_fn call_open, call_pipe, call_splice, call_sendfile;
call_fn call_getsockopt, call_setsockopt, call_fcntl, call_ioctl;
void wait_note_ready(struct run *run); /* edges for epoll */

/* calls_io.c: what all calls that send, or receive, come to */
void io_send(struct run *run, struct sfd *sfd, size_t len, long long flags,
             const struct sw_addr *to, int64_t *ret_result);
bool io_recv(struct run *run, struct sfd *sfd, size_t len, long long flags,
             struct sw_addr *ret_from, int64_t *ret_result);
/* Whether the next read passes over a byte: urgent data lies outside of the stream, at its mark. */
bool io_passes_mark(struct run *run, const struct sfd *sfd);

/* calls_file.c: a file of that name, for open(); there was one: it is another now */
void file_make(struct run *run, const char *name, uint64_t bytes);
void file_remove(struct run *run, const char *name);

/* control.c: of recvmsg(), the control messages and flags that the script expects against those that
 * a program would be given: with data, and (the call as a whole) with MSG_ERRQUEUE. */
bool control_data(struct run *run, const struct expr *message, const struct sfd *sfd);
bool control_error(struct run *run, const struct expr *message, const struct sfd *sfd,
                   int64_t *ret_result);

/* Arguments. Each fails with a message at the argument. */
bool arg_number(struct run *run, struct scall *call, size_t i, long long *ret);
bool arg_fd(struct run *run, struct scall *call, size_t i, struct sfd **ret);
/* The length argument of read(), write() and their kin. */
bool arg_len(struct run *run, struct scall *call, size_t i, size_t *ret_len);
/* A number for a descriptor that the script gives in the call's result. */
bool new_fd(struct run *run, struct scall *call, int *ret_fd);
/* An address: "..." is what the script's options say. *ret_unspec: AF_UNSPEC. */
bool arg_addr(struct run *run, const struct expr *e, bool remote, struct sw_addr *ret,
              bool *ret_unspec);
bool arg_boxed(struct run *run, const struct expr *e, long long *ret); /* 5 or [5] */
const struct expr *expr_field(const struct expr *e, const char *name); /* of a struct, or NULL */
#define unsupported(run, pos, what)                                                                \
    script_fail((run)->script, SCRIPT_UNSUPPORTED, (pos), "%s is not supported here", (what))
/* What a sleeping call answers while it sleeps: never a result of the host. */
#define CALL_SLEEPS INT64_MIN
/* -EAGAIN of the host is "sleep" to a socket that blocks. */
int64_t sleep_or(const struct sfd *sfd, long long flags, int64_t result);

/* code.c, command.c */
bool code_run(struct run *run, const char *text, struct pos pos);
bool command_run(struct run *run, const char *text, struct pos pos, bool cleanup);

/* text.c */
void text_packet(struct text *text, const struct spacket *packet);
void text_call(struct text *text, const struct scall *call);

/* report.c */
void report_log(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_packet(struct run *run, const struct spacket *packet, uint64_t at_ns, const char *note);
/* After script_error(): the two packets one above the other. Both return false. */
bool report_mismatch(struct run *run, const struct spacket *expected, const struct spacket *actual,
                     uint64_t actual_ns);
bool report_missing(struct run *run, const struct spacket *expected, uint64_t until_ns);
void report_trace(void *run, const struct sw_trace_event *event); /* sw_trace_fn: drops */
void report_before(struct run *run);

#endif
