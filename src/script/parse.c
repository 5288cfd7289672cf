/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tokens -> struct script: the options in front, the command that prepares, the events with their
 * times. Packets and calls have files of their own.
 */
#include <stdlib.h>
#include <string.h>

#include "script/private.h"

/* ---- what all parts use ----------------------------------------------------------------- */

struct token *take(struct parser *p)
{
    struct token *token = peek(p);
    if (token->kind != TOKEN_END)
        p->at++;
    return token;
}

bool is_mark(const struct token *token, char mark)
{
    return token->kind == TOKEN_MARK && token->text[0] == mark;
}

bool is_word(const struct token *token, const char *word)
{
    return token->kind == TOKEN_WORD && strcmp(token->text, word) == 0;
}

bool take_mark(struct parser *p, char mark)
{
    bool there = is_mark(peek(p), mark);
    if (there)
        take(p);
    return there;
}

bool take_word(struct parser *p, const char *word)
{
    bool there = is_word(peek(p), word);
    if (there)
        take(p);
    return there;
}

bool wrong_token(struct parser *p, const char *expected)
{
    const struct token *token = peek(p);
    if (token->kind == TOKEN_END)
        return script_fail(p->script, SCRIPT_SYNTAX, token->pos, "the script ends where %s is due",
                           expected);
    return script_fail(p->script, SCRIPT_SYNTAX, token->pos, "expected %s, not '%.40s'", expected,
                       token->text);
}

bool want_mark(struct parser *p, char mark)
{
    const char name[4] = {'\'', mark, '\'', '\0'};
    return take_mark(p, mark) || wrong_token(p, name);
}

bool want_number(struct parser *p, long long min, long long max, const char *what,
                 long long *ret_number)
{
    const struct token *token = peek(p);
    if (token->kind != TOKEN_INTEGER && token->kind != TOKEN_HEX)
        return wrong_token(p, what);
    if (token->number < min || token->number > max)
        return script_fail(p->script, SCRIPT_SYNTAX, token->pos, "%s is from %lld to %lld, not %s",
                           what, min, max, token->text);
    *ret_number = token->number;
    take(p);
    return true;
}

/* ---- options ---------------------------------------------------------------------------- */

static bool number_option(const char *value, uint64_t max, uint64_t *ret)
{
    char *end;
    unsigned long long n = strtoull(value, &end, 0);
    if (*value == '\0' || *value == '-' || *end != '\0' || n > max)
        return false;
    *ret = n;
    return true;
}

static bool address_option(struct soptions *o, const char *value, struct sw_ip *ret, bool *ret_has)
{
    char text[64];
    size_t len = strcspn(value, "/");
    if (len >= sizeof(text))
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    *ret_has = true;
    if (sw_ip_parse(text, ret) < 0)
        return false;
    if (!o->mode_given && !sw_ip_is4(ret))
        o->mode = MODE_IPV6;
    return true;
}

static bool define_option(struct script *script, const char *value)
{
    const char *equals = strchr(value, '=');
    if (equals == NULL)
        return false;
    struct define *d = arena_alloc(&script->arena, sizeof(*d));
    d->name = arena_copy(&script->arena, value, (size_t)(equals - value));
    d->value = arena_copy(&script->arena, equals + 1, strlen(equals + 1));
    d->next = script->defines;
    script->defines = d;
    return true;
}

/* True: taken. *ret_known says whether there is such an option at all. */
static bool set_option(struct script *script, const char *name, const char *value, bool *ret_known)
{
    static const char *const ignored[] = {
        "gateway_ip",   "netmask_ip",     "init_scripts", "speed", "code_command", "code_format",
        "code_sockopt", "send_omit_free", "verbose",      "debug", "non_fatal",    "is_anyip"};
    struct soptions *o = &script->options;
    uint64_t n = 0;

    *ret_known = true;
    if (strcmp(name, "ip_version") == 0) {
        static const char *const modes[] = {"ipv4", "ipv4-mapped-ipv6", "ipv6"};
        for (unsigned i = 0; i < 3; i++)
            if (strcmp(value, modes[i]) == 0) {
                o->mode = (enum ip_mode)i;
                o->mode_given = true;
                return true;
            }
        return false;
    }
    if (strcmp(name, "local_ip") == 0)
        return address_option(o, value, &o->local, &o->has_local);
    if (strcmp(name, "remote_ip") == 0)
        return address_option(o, value, &o->remote, &o->has_remote);
    if (strcmp(name, "define") == 0)
        return define_option(script, value);
    if (strcmp(name, "tolerance_percent") == 0) {
        o->tolerance_percent = strtod(value, NULL);
        return true;
    }
    if (strcmp(name, "strict_segments") == 0)
        return o->strict_segments = true;
    if (strcmp(name, "tcp_ts_ecr_scaled") == 0)
        return o->ts_ecr_scaled = true;
    for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
        if (strcmp(name, ignored[i]) == 0)
            return true;
    bool number = number_option(value, UINT32_MAX, &n);
    if (strcmp(name, "mtu") == 0)
        o->mtu = (uint32_t)n;
    else if (strcmp(name, "mss") == 0)
        o->mss = (uint32_t)n;
    else if (strcmp(name, "tolerance_usecs") == 0)
        o->tolerance_ns = n * SCRIPT_US;
    else if (strcmp(name, "tcp_ts_tick_usecs") == 0)
        o->ts_tick_ns = n * SCRIPT_US;
    else if (strcmp(name, "bind_port") == 0)
        o->bind_port = (uint16_t)n;
    else if (strcmp(name, "connect_port") == 0)
        o->connect_port = (uint16_t)n;
    else
        return *ret_known = false;
    return number;
}

bool parse_option(struct script *script, struct pos pos, const char *text)
{
    char name[32];
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) - 2 : strlen(text) - 2;
    if (len >= sizeof(name))
        len = sizeof(name) - 1;
    memcpy(name, text + 2, len);
    name[len] = '\0';
    bool known;
    if (set_option(script, name, equals != NULL ? equals + 1 : "", &known))
        return true;
    if (!known)
        return script_fail(script, SCRIPT_UNSUPPORTED, pos, "there is no option --%s here", name);
    return script_fail(script, SCRIPT_SYNTAX, pos, "--%s cannot be '%s'", name,
                       equals != NULL ? equals + 1 : "");
}

/* ---- events ----------------------------------------------------------------------------- */

static bool parse_time(struct parser *p, uint64_t *ret_ns)
{
    const struct token *token = peek(p);
    if (token->kind != TOKEN_FLOAT && token->kind != TOKEN_INTEGER)
        return wrong_token(p, "a time in seconds");
    if (token->text[0] == '-')
        return script_fail(p->script, SCRIPT_SYNTAX, token->pos, "time does not run backwards");
    *ret_ns = token->ns;
    take(p);
    return true;
}

static bool parse_when(struct parser *p, struct event *event)
{
    if (take_mark(p, '*')) {
        event->time_kind = TIME_ANY;
        return true;
    }
    event->time_kind = take_mark(p, '+') ? TIME_RELATIVE : TIME_ABSOLUTE;
    if (!parse_time(p, &event->at_ns))
        return false;
    event->range = take_mark(p, '~');
    if (!event->range)
        return true;
    if (event->time_kind == TIME_RELATIVE && !want_mark(p, '+'))
        return false;
    if (!parse_time(p, &event->until_ns))
        return false;
    return event->until_ns >= event->at_ns ||
           script_fail(p->script, SCRIPT_SYNTAX, event->pos, "this range of times is backwards");
}

static bool parse_action(struct parser *p, struct event *event)
{
    const struct token *token = peek(p);
    if (is_mark(token, '<') || is_mark(token, '>')) {
        event->kind = EVENT_PACKET;
        return parse_packet(p, &event->packet);
    }
    if (token->kind == TOKEN_COMMAND || token->kind == TOKEN_CODE) {
        event->kind = token->kind == TOKEN_CODE ? EVENT_CODE : EVENT_COMMAND;
        event->text = token->text;
        event->pos = token->pos;
        take(p);
        return true;
    }
    event->kind = EVENT_CALL;
    if (token->kind == TOKEN_ELLIPSIS) {
        take(p);
        event->call.blocking = true;
        if (!parse_time(p, &event->call.end_ns))
            return false;
    }
    return parse_call(p, &event->call);
}

static bool parse_event(struct parser *p)
{
    struct event *event = arena_alloc(&p->script->arena, sizeof(*event));
    event->pos = peek(p)->pos;
    if (!parse_when(p, event) || !parse_action(p, event))
        return false;
    bool awaited = event->kind == EVENT_PACKET && event->packet.outbound;
    if ((event->time_kind == TIME_ANY || event->range) && !awaited)
        return script_fail(p->script, SCRIPT_SYNTAX, event->pos,
                           "only a packet that leaves can have %s",
                           event->range ? "a range of times" : "any time");
    *p->script->last = event;
    p->script->last = &event->next;
    return true;
}

static void set_defaults(struct soptions *o)
{
    /* A network of the documentation's (RFC 5737); local prefixes (RFC 4193), those of the field's
     * runner, for which its cookies are. */
    static const struct sw_ip local6 = {
        {0xfd, 0x3d, 0x0a, 0x0b, 0x17, 0xd6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    static const struct sw_ip remote6 = {
        {0xfd, 0x3d, 0xfa, 0x7b, 0xd1, 0x7d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    if (!o->has_local)
        o->local = o->mode == MODE_IPV6 ? local6 : SW_IP4(192, 168, 0, 1);
    if (!o->has_remote)
        o->remote = o->mode == MODE_IPV6 ? remote6 : SW_IP4(192, 0, 2, 1);
}

/* What the field's own runner defines for its scripts, by the version of IP of their sockets. */
static bool set_defines(struct script *script)
{
    bool v4 = script->options.mode == MODE_IPV4;
    return define_option(script, script->options.mode == MODE_IPV6
                                     ? "TFO_COOKIE=c1d1e9742a47a9bc"
                                     : "TFO_COOKIE=3021b9d889017eeb") &&
           define_option(script, v4 ? "CMSG_LEVEL_IP=SOL_IP" : "CMSG_LEVEL_IP=SOL_IPV6") &&
           define_option(script,
                         v4 ? "CMSG_TYPE_RECVERR=IP_RECVERR" : "CMSG_TYPE_RECVERR=IPV6_RECVERR") &&
           define_option(script, script->options.mode == MODE_IPV6 ? "CODE=address_unreachable"
                                                                   : "CODE=host_unreachable");
}

bool parse_script(struct script *script, const char *text, size_t len)
{
    struct parser parser = {.script = script}, *p = &parser;
    if (!set_defines(script))
        return false;
    if (!lex(script, text, len, &p->tokens))
        return false;
    while (peek(p)->kind == TOKEN_OPTION)
        take(p);
    set_defaults(&script->options);
    if (peek(p)->kind == TOKEN_COMMAND) {
        script->init_pos = peek(p)->pos;
        script->init_command = take(p)->text;
    }
    while (peek(p)->kind != TOKEN_END && peek(p)->kind != TOKEN_COMMAND)
        if (!parse_event(p))
            return false;
    if (peek(p)->kind == TOKEN_COMMAND)
        script->cleanup_command = take(p)->text;
    if (peek(p)->kind != TOKEN_END)
        return wrong_token(p, "the end of the script");
    return true;
}
