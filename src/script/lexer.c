/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Characters -> tokens. Words, numbers, quoted things and single marks; whether "1:1001" is part of
 * a sequence range or of an address is for the parser to know.
 *
 * A definition of the script (--define=NAME=VALUE) is put in place of the word here, as the
 * language wants it: so options are read before anything else is turned into tokens.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "script/private.h"

struct lexer {
    struct script *script;
    const char *text;
    size_t len, at;
    struct pos pos;
    struct token *tokens;
    size_t count, cap;
};

static char at(const struct lexer *lx, size_t ahead)
{
    return lx->at + ahead < lx->len ? lx->text[lx->at + ahead] : '\0';
}

static void step(struct lexer *lx, size_t count)
{
    for (; count > 0 && lx->at < lx->len; count--, lx->at++) {
        if (lx->text[lx->at] == '\n') {
            lx->pos.line++;
            lx->pos.column = 1;
        } else {
            lx->pos.column++;
        }
    }
}

/* White space and comments. False: a comment has no end. */
static bool skip_space(struct lexer *lx)
{
    for (;;) {
        if (isspace((unsigned char)at(lx, 0))) {
            step(lx, 1);
        } else if (at(lx, 0) == '/' && at(lx, 1) == '/') {
            while (lx->at < lx->len && at(lx, 0) != '\n')
                step(lx, 1);
        } else if (at(lx, 0) == '/' && at(lx, 1) == '*') {
            struct pos begin = lx->pos;
            step(lx, 2);
            while (lx->at < lx->len && !(at(lx, 0) == '*' && at(lx, 1) == '/'))
                step(lx, 1);
            if (lx->at >= lx->len)
                return script_fail(lx->script, SCRIPT_SYNTAX, begin, "this comment has no end");
            step(lx, 2);
        } else {
            return true;
        }
    }
}

static struct token *add(struct lexer *lx, enum token_kind kind, size_t skip, size_t len,
                         size_t behind)
{
    if (lx->count == lx->cap) {
        size_t cap = lx->cap ? lx->cap * 2 : 256;
        struct token *tokens = arena_alloc(&lx->script->arena, cap * sizeof(*tokens));
        if (lx->count > 0)
            memcpy(tokens, lx->tokens, lx->count * sizeof(*tokens));
        lx->tokens = tokens;
        lx->cap = cap;
    }
    struct token *token = &lx->tokens[lx->count++];
    *token = (struct token){.kind = kind, .pos = lx->pos};
    token->spaced = lx->at == 0 || isspace((unsigned char)lx->text[lx->at - 1]);
    token->text = arena_copy(&lx->script->arena, lx->text + lx->at + skip, len);
    step(lx, skip + len + behind);
    return token;
}

/* Something between two marks. */
static bool quoted(struct lexer *lx, enum token_kind kind, const char *begin, const char *end)
{
    size_t skip = strlen(begin), tail = strlen(end), n = skip;
    while (lx->at + n + tail <= lx->len && memcmp(lx->text + lx->at + n, end, tail) != 0)
        n += kind != TOKEN_CODE && at(lx, n) == '\\' ? 2 : 1;
    if (lx->at + n + tail > lx->len)
        return script_fail(lx->script, SCRIPT_SYNTAX, lx->pos,
                           "what begins with %s here has no end", begin);
    add(lx, kind, skip, n - skip, tail);
    return true;
}

/* Seconds with up to nine digits behind the point, exactly. */
static uint64_t nanoseconds(const char *text)
{
    uint64_t whole = 0, part = 0, unit = SCRIPT_S;
    for (; isdigit((unsigned char)*text); text++)
        whole = whole * 10 + (uint64_t)(*text - '0');
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text) && unit > 1; text++) {
            unit /= 10;
            part += (uint64_t)(*text - '0') * unit;
        }
    return whole * SCRIPT_S + part;
}

/* A number: digits, maybe with a sign in front and a fraction behind. */
static void number(struct lexer *lx)
{
    size_t n = at(lx, 0) == '-' ? 1 : 0;
    while (isdigit((unsigned char)at(lx, n)))
        n++;
    enum token_kind kind = TOKEN_INTEGER;
    if (at(lx, n) == '.' && isdigit((unsigned char)at(lx, n + 1))) {
        kind = TOKEN_FLOAT;
        for (n++; isdigit((unsigned char)at(lx, n)); n++)
            ;
    }
    struct token *token = add(lx, kind, 0, n, 0);
    token->number = strtoll(token->text, NULL, 10);
    token->ns = token->text[0] == '-' ? 0 : nanoseconds(token->text);
}

static const char *defined(const struct script *script, const char *name)
{
    for (const struct define *d = script->defines; d != NULL; d = d->next)
        if (strcmp(d->name, name) == 0)
            return d->value;
    return NULL;
}

/* Letters, digits and underscores: a word, unless it reads as a number. */
static void word(struct lexer *lx)
{
    size_t n = 0;
    while (isalnum((unsigned char)at(lx, n)) || at(lx, n) == '_')
        n++;
    struct token *token = add(lx, TOKEN_WORD, 0, n, 0);
    const char *value = defined(lx->script, token->text);
    if (value != NULL && (value[0] == '"' || value[0] == '`')) {
        token->kind = value[0] == '"' ? TOKEN_STRING : TOKEN_COMMAND;
        size_t len = strlen(value);
        token->text = arena_copy(&lx->script->arena, value + 1, len > 1 ? len - 2 : 0);
        return;
    }
    if (value != NULL)
        token->text = value;
    char *end;
    if (token->text[0] == '0' && token->text[1] == 'x') {
        token->number = strtoll(token->text, &end, 16);
        if (*end == '\0' && token->text[2] != '\0')
            token->kind = TOKEN_HEX;
    } else if (strspn(token->text, "-0123456789") == strlen(token->text)) {
        token->kind = TOKEN_INTEGER;
        token->number = strtoll(token->text, NULL, 10);
        token->ns = nanoseconds(token->text);
    }
}

/* --name or --name=value, to the end of the line's first word; a value may be quoted. */
static bool option(struct lexer *lx)
{
    size_t n = 0;
    char quote = '\0';
    for (; lx->at + n < lx->len && at(lx, n) != '\n'; n++) {
        char c = at(lx, n);
        if (quote == '\0' && isspace((unsigned char)c))
            break;
        if (quote == '\0' && (c == '"' || c == '`'))
            quote = c;
        else if (c == quote)
            quote = '\0';
    }
    struct token *token = add(lx, TOKEN_OPTION, 0, n, 0);
    return parse_option(lx->script, token->pos, token->text);
}

static bool next(struct lexer *lx)
{
    char c = at(lx, 0), d = at(lx, 1);
    bool first = lx->count == 0 || lx->tokens[lx->count - 1].kind == TOKEN_OPTION;

    if (c == '"')
        return quoted(lx, TOKEN_STRING, "\"", "\"");
    if (c == '`')
        return quoted(lx, TOKEN_COMMAND, "`", "`");
    if (c == '%' && d == '{')
        return quoted(lx, TOKEN_CODE, "%{", "}%");
    if (c == '-' && d == '-' && first)
        return option(lx);
    if (c == '.' && d == '.' && at(lx, 2) == '.') {
        add(lx, TOKEN_ELLIPSIS, 0, 3, 0);
        return true;
    }
    size_t digits = 0;
    while (isdigit((unsigned char)at(lx, digits)))
        digits++;
    bool fraction = at(lx, digits) == '.' && isdigit((unsigned char)at(lx, digits + 1));
    if (fraction || (c == '-' && isdigit((unsigned char)d)))
        number(lx);
    else if (isalnum((unsigned char)c) || c == '_')
        word(lx);
    else
        add(lx, TOKEN_MARK, 0, 1, 0);
    return true;
}

bool lex(struct script *script, const char *text, size_t len, struct token **ret_tokens)
{
    struct lexer lx = {.script = script, .text = text, .len = len, .pos = {1, 1}};
    while (skip_space(&lx) && lx.at < lx.len)
        if (!next(&lx))
            return false;
    if (script->verdict != SCRIPT_PASSED)
        return false;
    add(&lx, TOKEN_END, 0, 0, 0);
    *ret_tokens = lx.tokens;
    return true;
}
