/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a table of options (option.h): the parser and the text of --help.
 *
 * A line that is wrong is answered by one line that names what was wrong and shows what is right.
 * An argument is written to its field only if it is good.
 */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "cli/option.h"

/* What each kind calls its argument, and what to say when it is no such thing. */
static const struct {
    const char *arg;
    const char *takes;
} kinds[] = {
    [OPTION_TIME] = {"TIME", "takes a time such as 50ms, 1.5s or 200us"},
    [OPTION_PERCENT] = {"SHARE", "takes a share from 0% to 100%, such as 2% or 0.1%"},
    [OPTION_RATE] = {"RATE", "takes a rate such as 10Mbit, 1.5Gbit or 64kbit (bits a second)"},
    [OPTION_BYTES] = {"BYTES", "takes a size in bytes such as 1500 or 64K"},
    [OPTION_NUMBER] = {"N", "takes a whole number such as 42 or 0x2a"},
    [OPTION_FILE] = {"FILE", "takes the name of a file"},
    [OPTION_SETTINGS] = {"NAME=VALUE", "takes a setting such as net.ipv4.tcp_fastopen=3"},
    [OPTION_WORDS] = {"NAME", "takes a name"},
};

const char *option_nearest(const char *word, const char *(*next)(const void *ctx, size_t i),
                           const void *ctx)
{
    enum { LONGEST = 32 };
    const char *best = NULL;
    size_t best_distance = 3; /* this many letters wrong is another word */
    size_t len = strlen(word);

    for (size_t i = 0; next(ctx, i) != NULL; i++) {
        const char *candidate = next(ctx, i);
        size_t n = strlen(candidate), row[LONGEST + 1];
        if (n > LONGEST || len > LONGEST)
            continue;
        /* Levenshtein's distance, one row at a time. */
        for (size_t k = 0; k <= n; k++)
            row[k] = k;
        for (size_t j = 1; j <= len; j++) {
            size_t diagonal = row[0];
            row[0] = j;
            for (size_t k = 1; k <= n; k++) {
                size_t up = row[k];
                size_t least = diagonal + (word[j - 1] != candidate[k - 1]);
                if (up + 1 < least)
                    least = up + 1;
                if (row[k - 1] + 1 < least)
                    least = row[k - 1] + 1;
                row[k] = least;
                diagonal = up;
            }
        }
        if (row[n] < best_distance && row[n] < len) {
            best_distance = row[n];
            best = candidate;
        }
    }
    return best;
}

/* The i-th option's name, for option_nearest(). */
static const char *option_name(const void *ctx, size_t i)
{
    const struct option_def *def = ctx;
    for (; def->kind != OPTION_END; def++)
        if (def->kind != OPTION_HEADING && i-- == 0)
            return def->name;
    return NULL;
}

/* The option that `text` (behind the hyphens) names; *ret_value is what follows '=', or NULL. */
static const struct option_def *find(const struct option_def *def, const char *text,
                                     const char **ret_value)
{
    size_t len = strcspn(text, "=");
    for (; def->kind != OPTION_END; def++) {
        if (def->kind != OPTION_HEADING && strlen(def->name) == len &&
            strncmp(def->name, text, len) == 0) {
            *ret_value = text[len] == '=' ? text + len + 1 : NULL;
            return def;
        }
    }
    return NULL;
}

static int explain_unknown(const struct option_def *table, const char *word, char *why)
{
    char name[32];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *near = word[1] == '-' ? option_nearest(name, option_name, table) : NULL;
    if (near != NULL)
        snprintf(why, OPTION_WHY, "there is no option %.80s; did you mean --%s?", word, near);
    else
        snprintf(why, OPTION_WHY, "there is no option %.80s; --help lists those there are", word);
    return -EINVAL;
}

/* Reads one argument of a numeric kind. */
static int parse_number_kind(enum option_kind kind, const char *text, uint64_t *ret)
{
    uint32_t small = 0;
    int r;

    switch (kind) {
    case OPTION_TIME:
        return option_parse_time(text, ret);
    case OPTION_RATE:
        return option_parse_rate(text, ret);
    case OPTION_NUMBER:
        return option_parse_number(text, ret);
    case OPTION_PERCENT:
        r = option_parse_percent(text, &small);
        break;
    default:
        SW_ASSERT(kind == OPTION_BYTES);
        r = option_parse_bytes(text, &small);
        break;
    }
    if (r == 0)
        *ret = small;
    return r;
}

static int explain_value(const struct option_def *def, const char *text, int r, char *why)
{
    const char *range = r == -ERANGE && def->kind != OPTION_PERCENT ? " (out of range)" : "";
    snprintf(why, OPTION_WHY, "--%s %s, not '%.60s'%s", def->name, kinds[def->kind].takes, text,
             range);
    return -EINVAL;
}

static int explain_range(const struct option_def *def, const char *text, char *why)
{
    unsigned long long min = def->min, max = def->max;

    if (def->kind == OPTION_TIME && min == 0)
        snprintf(why, OPTION_WHY, "--%s is at most %llus, not '%.60s'", def->name,
                 max / (1000 * 1000 * 1000), text);
    else if (max == 0)
        snprintf(why, OPTION_WHY, "--%s is at least %llu, not '%.60s'", def->name, min, text);
    else
        snprintf(why, OPTION_WHY, "--%s is from %llu to %llu, not '%.60s'", def->name, min, max,
                 text);
    return -EINVAL;
}

/* The next of several. */
static int store_word(const struct option_def *def, char *fields, const char *text, char *why)
{
    const char **list = (const char **)(void *)(fields + def->field);
    uint64_t n = 0;

    if (def->kind == OPTION_SETTINGS && (strchr(text, '=') == NULL || *text == '='))
        return explain_value(def, text, 0, why);
    while (n < def->max && list[n] != NULL)
        n++;
    if (n == def->max) {
        snprintf(why, OPTION_WHY, "--%s may be given %llu times", def->name,
                 (unsigned long long)def->max);
        return -EINVAL;
    }
    list[n] = text;
    return 0;
}

static int store(const struct option_def *def, char *fields, const char *text, char *why)
{
    uint64_t value = 0;

    if (def->kind == OPTION_FILE) {
        if (*text == '\0') {
            snprintf(why, OPTION_WHY, "--%s %s, not ''", def->name, kinds[def->kind].takes);
            return -EINVAL;
        }
        memcpy(fields + def->field, &text, sizeof(text));
        return 0;
    }
    if (def->kind == OPTION_SETTINGS || def->kind == OPTION_WORDS)
        return store_word(def, fields, text, why);
    int r = parse_number_kind(def->kind, text, &value);
    if (r < 0)
        return explain_value(def, text, r, why);
    if (value < def->min || (def->max != 0 && value > def->max))
        return explain_range(def, text, why);
    if (def->kind == OPTION_PERCENT || def->kind == OPTION_BYTES)
        *(uint32_t *)(void *)(fields + def->field) = (uint32_t)value;
    else
        *(uint64_t *)(void *)(fields + def->field) = value;
    return 0;
}

/* One option at argv[0]. Returns how many words it used, or -EINVAL. */
static int parse_one(const struct option_def *table, char *fields, char **argv, char *why)
{
    const char *value = NULL;
    const struct option_def *def = argv[0][1] == '-' ? find(table, argv[0] + 2, &value) : NULL;
    if (def == NULL)
        return explain_unknown(table, argv[0], why);

    int used = 1;
    if (def->kind == OPTION_FLAG) {
        if (value != NULL) {
            snprintf(why, OPTION_WHY, "--%s takes no value", def->name);
            return -EINVAL;
        }
        *(bool *)(fields + def->field) = true;
        return used;
    }
    if (value == NULL) {
        value = argv[1];
        used = 2;
    }
    if (value == NULL) {
        snprintf(why, OPTION_WHY, "--%s %s, and nothing follows it", def->name,
                 kinds[def->kind].takes);
        return -EINVAL;
    }
    if (store(def, fields, value, why) < 0)
        return -EINVAL;
    if (def->has_field != 0)
        *(bool *)(fields + def->has_field) = true;
    return used;
}

int options_parse(const struct option_def *table, void *fields, char **argv, bool *ret_help,
                  char why[OPTION_WHY])
{
    int i = 0;
    while (argv[i] != NULL && argv[i][0] == '-' && argv[i][1] != '\0') {
        if (strcmp(argv[i], "--") == 0)
            return i + 1;
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            *ret_help = true;
            i++;
            continue;
        }
        int used = parse_one(table, fields, argv + i, why);
        if (used < 0)
            return used;
        i += used;
    }
    return i;
}

void options_print(const struct option_def *table, FILE *out)
{
    enum { COLUMN = 22 };
    for (const struct option_def *def = table; def->kind != OPTION_END; def++) {
        if (def->kind == OPTION_HEADING) {
            fprintf(out, "\n%s\n", def->help);
            continue;
        }
        const char *arg = def->kind == OPTION_FLAG ? NULL : kinds[def->kind].arg;
        int width =
            fprintf(out, "  --%s%s%s", def->name, arg != NULL ? " " : "", arg != NULL ? arg : "");
        fprintf(out, "%*s%s\n", width < COLUMN ? COLUMN - width : 1, "", def->help);
    }
    fprintf(out, "  --help%*s%s\n", COLUMN - 8, "", "this text");
}
