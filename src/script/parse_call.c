/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls and their expressions: NAME(EXPRESSION, ...) = RESULT [ERRNO (text)].
 *
 * One recursive rule reads every shape of argument: numbers, words of constants, strings, "...",
 * [lists], {structs with or without named fields}, and things written like functions (htons(),
 * inet_addr(), msg_iov(2)=...). What a shape means is for the call that gets it.
 */
#include <string.h>

#include "script/private.h"

#define DEPTH_MAX 16

static struct expr *parse_expr(struct parser *p, unsigned depth);

static struct expr *expr_new(struct parser *p, enum expr_kind kind)
{
    struct expr *e = arena_alloc(&p->script->arena, sizeof(*e));
    e->kind = kind;
    e->pos = peek(p)->pos;
    return e;
}

static bool add_item(struct parser *p, struct expr ***items, size_t *count, struct expr *item)
{
    if (item == NULL)
        return false;
    if (*count % 8 == 0) { /* room for eight more */
        struct expr **more = arena_alloc(&p->script->arena, (*count + 8) * sizeof(struct expr *));
        for (size_t i = 0; i < *count; i++)
            more[i] = (*items)[i];
        *items = more;
    }
    (*items)[(*count)++] = item;
    return true;
}

/* Items up to the closing mark. */
static bool parse_items(struct parser *p, char close, struct expr ***items, size_t *count,
                        unsigned depth)
{
    if (take_mark(p, close))
        return true;
    do {
        if (!add_item(p, items, count, parse_expr(p, depth + 1)))
            return false;
    } while (take_mark(p, ','));
    return want_mark(p, close);
}

static struct expr *parse_address(struct parser *p, struct expr *e)
{
    e->kind = EXPR_ADDRESS;
    const struct token *token = peek(p);
    if (token->kind != TOKEN_STRING || sw_ip_parse(token->text, &e->ip) < 0) {
        wrong_token(p, "an address in quotes");
        return NULL;
    }
    take(p);
    return want_mark(p, ')') ? e : NULL;
}

/* A word: a constant, or a field's name with its value, or something like a function. */
static struct expr *parse_word(struct parser *p, unsigned depth)
{
    struct expr *e = expr_new(p, EXPR_NUMBER);
    const struct token *token = take(p);

    e->string = token->text;
    if (take_mark(p, '(')) {
        if (strcmp(token->text, "inet_addr") == 0 || strcmp(token->text, "inet6_addr") == 0)
            return parse_address(p, e);
        if (strcmp(token->text, "htons") == 0) {
            e->string = NULL;
            return want_number(p, 0, 65535, "a port", &e->number) && want_mark(p, ')') ? e : NULL;
        }
        /* msg_iov(2)=[...]: the count in front says nothing that the list does not. */
        if (parse_expr(p, depth + 1) == NULL || !want_mark(p, ')'))
            return NULL;
        if (!is_mark(peek(p), '=')) {
            script_error(p->script, SCRIPT_UNSUPPORTED, e->pos, "there is no '%s(...)' here",
                         token->text);
            return NULL;
        }
    }
    if (take_mark(p, '=')) {
        struct expr *value = parse_expr(p, depth + 1);
        if (value != NULL)
            value->name = token->text;
        return value;
    }
    if (strcmp(token->text, "NULL") == 0) {
        e->kind = EXPR_NULL;
        return e;
    }
    if (symbol_find(token->text, &e->number))
        return e;
    script_error(p->script, SCRIPT_UNSUPPORTED, e->pos, "there is no constant '%s' here",
                 token->text);
    return NULL;
}

static struct expr *parse_strings(struct parser *p)
{
    struct expr *e = expr_new(p, EXPR_STRING);
    e->string = take(p)->text;
    while (peek(p)->kind == TOKEN_STRING) {
        const char *more = take(p)->text;
        size_t len = strlen(e->string);
        char *both = arena_alloc(&p->script->arena, len + strlen(more) + 1);
        memcpy(both, e->string, len);
        memcpy(both + len, more, strlen(more) + 1);
        e->string = both;
    }
    if (peek(p)->kind == TOKEN_ELLIPSIS)
        take(p);
    return e;
}

static struct expr *parse_primary(struct parser *p, unsigned depth)
{
    const struct token *token = peek(p);
    struct expr *e;

    switch (token->kind) {
    case TOKEN_ELLIPSIS:
        e = expr_new(p, EXPR_ELLIPSIS);
        take(p);
        return e;
    case TOKEN_INTEGER:
    case TOKEN_HEX:
        e = expr_new(p, EXPR_NUMBER);
        e->number = take(p)->number;
        return e;
    case TOKEN_STRING:
        return parse_strings(p);
    case TOKEN_WORD:
        return parse_word(p, depth);
    default:
        break;
    }
    char open = is_mark(token, '[') ? '[' : is_mark(token, '{') ? '{' : '\0';
    if (open == '\0') {
        wrong_token(p, "a value");
        return NULL;
    }
    e = expr_new(p, open == '[' ? EXPR_LIST : EXPR_STRUCT);
    take(p);
    return parse_items(p, open == '[' ? ']' : '}', &e->items, &e->count, depth) ? e : NULL;
}

static struct expr *parse_expr(struct parser *p, unsigned depth)
{
    if (depth > DEPTH_MAX) {
        script_error(p->script, SCRIPT_SYNTAX, peek(p)->pos, "too many brackets inside each other");
        return NULL;
    }
    struct expr *e = parse_primary(p, depth);
    while (e != NULL && is_mark(peek(p), '|')) {
        if (e->kind != EXPR_NUMBER) {
            wrong_token(p, "',' or ')'");
            return NULL;
        }
        take(p);
        struct expr *right = parse_primary(p, depth);
        if (right == NULL)
            return NULL;
        if (right->kind != EXPR_NUMBER) {
            script_error(p->script, SCRIPT_SYNTAX, right->pos, "'|' joins numbers");
            return NULL;
        }
        e->number |= right->number;
        e->string = NULL;
    }
    return e;
}

/* "(Connection refused)": words that are there for people. */
static bool skip_note(struct parser *p)
{
    if (!take_mark(p, '('))
        return true;
    while (!is_mark(peek(p), ')') && peek(p)->kind != TOKEN_END)
        take(p);
    return want_mark(p, ')');
}

static bool parse_error(struct parser *p, struct scall *call)
{
    if (peek(p)->kind != TOKEN_WORD || peek(p)->text[0] != 'E')
        return true;
    long long err = 0;
    call->err_name = peek(p)->text;
    if (!symbol_find(call->err_name, &err))
        return wrong_token(p, "the name of an error");
    call->err = (int)err;
    take(p);
    return skip_note(p);
}

bool parse_call(struct parser *p, struct scall *ret_call)
{
    if (peek(p)->kind != TOKEN_WORD)
        return wrong_token(p, "a packet, a system call, code or a command");
    ret_call->name = take(p)->text;
    if (!want_mark(p, '(') || !parse_items(p, ')', &ret_call->args, &ret_call->count, 0))
        return false;
    if (!want_mark(p, '='))
        return false;
    ret_call->result = parse_expr(p, 0);
    return ret_call->result != NULL && parse_error(p, ret_call) && skip_note(p);
}
