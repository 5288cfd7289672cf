/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each row: patterns that the four parts of a difference match (fnmatch(3) with ksh's
 * alternatives), how much may differ, and the reason. The first row that matches explains it.
 *
 * "Socket" in the patterns below: what is held by a program says "poll ..."; an orphan does not.
 */
#include "diff_known.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum extent {
    ECHOES,  /* they say the same but for the timestamp echoed */
    BLOCKS,  /* ... but for SACK blocks and echoes */
    ANSWERS, /* they come to the same state */
    ALL,
};

#define AFTER_FIN "@(CLOSE_WAIT|CLOSING|LAST_ACK)"
#define CLOSING_DOWN "@(CLOSE_WAIT|CLOSING|LAST_ACK|FIN_WAIT[12])"
#define SILENCE "!(*[(]*)"
#define LIMIT_COUNTS                                                                               \
    "outside the window, or an ACK that cannot be: answered or not by the limit on challenges; "   \
    "what counts against it differs (RFC 5961 7 leaves it open)"
#define RESET "@(R|RA|SR|SRA|FR|FRA) *"
#define WITH_SYN "@(S|SA|FSA|FS) *"
#define WITHOUT_ACK "@(-|F|P) *"
#define ORPHAN "!(*poll*)"
/* Ends exactly where it is expected to go on. */
#define ENDS_AT_NEXT                                                                               \
    "@(*next-1[(]1[)]*|*next-10[(]10[)]*|*next-1000[(]1000[)]*|*[FS]* next-1[(]0[)]*)"
#define REACHES_IN "@(*next-1[(]10*|*next-10[(]100*)"

static const struct known {
    const char *state, *step, *kernel, *own;
    enum extent extent;
    const char *reason;
} known[] = {
    {"*", "*", "*", "*", ECHOES,
     "which timestamp is echoed by an ACK of what was not acceptable: Linux keeps it of a segment "
     "that "
     "ends where the window begins, and in TIME_WAIT of any"},
    {"*", "*", "*", "*", BLOCKS,
     "SACK blocks: Linux counts a FIN as part of a duplicate, and reports one also where nothing "
     "is new"},
    {"*", "* edge*", "*", "*", ALL,
     "the right edge: Linux takes what begins exactly there as inside the window, and, while "
     "nothing "
     "is queued, data beyond it; RFC 9293 3.4 does not"},
    {AFTER_FIN, RESET, "*", "*", ALL,
     "Linux believes a reset numbered as the FIN before it, which macOS sends; RFC 5961 3.2 has "
     "only "
     "the next number"},
    {"*", RESET, "*", "*", ANSWERS,
     "a reset with data: Linux challenges it if any of it is in the window, RFC 5961 3.2 goes by "
     "its "
     "number"},
    {"TIME_WAIT", RESET, "*none", "*TIME_WAIT", ALL,
     "TIME_WAIT is not ended by a reset (RFC 1337); in Linux that is a setting, off"},
    {"TIME_WAIT", "*", "*", "*", ANSWERS,
     "TIME_WAIT: what is answered besides a FIN and data. Linux limits the rate per record; here "
     "an ACK "
     "without data is not answered, so that nothing can go back and forth"},
    {"*", WITHOUT_ACK, "*", "*", ANSWERS,
     "no ACK bit: Linux drops it before it looks at the number; RFC 9293 3.10.7.4 looks first and "
     "answers what is outside"},
    {"*", ENDS_AT_NEXT, "*", "*", ALL,
     "a repetition that ends exactly where the window begins: Linux hears its ACK and FIN, RFC "
     "9293 "
     "3.10.7.4 has it answered and dropped"},
    {AFTER_FIN, REACHES_IN, "*R*none", "*", ALL,
     "data behind the peer's FIN: Linux resets, RFC 9293 3.10.7.4 has them ignored"},
    {"FIN_WAIT[12]", "*", ORPHAN, ORPHAN, ALL,
     "an orphan in FIN_WAIT2 is a TIME_WAIT record in Linux, which ends with a reset, or silently, "
     "on "
     "data, SYN and RST that a connection would challenge"},
    {"CLOSING", "close*", "RA *", "*", ANSWERS,
     "close() with data unread when both FINs are out: Linux resets what is nearly over"},
    {"ESTABLISHED", "*A next+0[(][1-9]* ack @(una|max)-*", "*", "*", ALL,
     "an ACK that is much too old, on data that come just as expected: Linux's header prediction "
     "takes "
     "the data and judges the ACK afterwards; RFC 5961 5.2 drops both"},
    {"@(ESTABLISHED|FIN_WAIT1)", "*A next+@(30000|1000|10|1)[(]*", "*", "*", ANSWERS,
     "out of order, while data are held back: here a bare ACK tells of the hole, which counts as a "
     "duplicate and has room for SACK, and data may follow"},
    {"*", "*A next-*[(]0[)] *", "*", "*", ANSWERS,
     "an ACK from before the window, without data: which answers count against the limit on them "
     "differs (RFC 5961 7 leaves it open)"},
    {"*", "*A next+0[(]*[)] ack max+[1-9]*", "*", "*", ANSWERS,
     "data with an ACK of what was never sent: the answer is a challenge on both, and which "
     "answers "
     "before it count against the limit differs (RFC 5961 7 leaves it open)"},
    {"*", "*A next+0[(]0[)] ack *", "*", "*", ANSWERS,
     "an ACK without data and out of bounds: which answers count against the limit on them "
     "differs"},
    {"SYN_SENT", "*ts-badecho*", "R *SYN_SENT", "*", ALL,
     "SYN_SENT: Linux resets where the echoed timestamp is not one it sent, as if the ACK were "
     "wrong"},
    {"none", "*", "* returns -104 *", "* returns -111 *", ALL,
     "a reset in SYN_RECV after a simultaneous open: RFC 9293 3.10.7.4 calls the connection "
     "refused"},
    {"SYN_RECV", "FA next-*", "*sack*, SA *", "A *", ANSWERS,
     "SYN_RECV after a simultaneous open: Linux repeats its SYN-ACK besides"},
    {"SYN_RECV", "*A next+0[(]*[)] ack max-1 *", "!(*R*)", "R *SYN_RECV", ALL,
     "SYN_RECV after a simultaneous open: an ACK of nothing, not even of our SYN, ends the "
     "handshake in Linux; RFC 9293 3.10.7.4 has it reset"},
    {"@(ESTABLISHED|FIN_WAIT[12])", "*F*A next+0[(]*", "*", "*sack*", ALL,
     "a FIN in the middle of what has come already: Linux ends the stream there, here it goes on "
     "with what it holds"},
    {"CLOSING", "*", "*TIME_WAIT", "*TIME_WAIT", ANSWERS,
     "from CLOSING to TIME_WAIT: what the segment carries besides the ACK is acknowledged at once"},
    {"SYN_RECV", "*", "*R *", "*A *", ALL,
     "SYN_RECV: Linux looks at the ACK before the number and resets; a SYN ends it. RFC 9293 "
     "3.10.7.4 "
     "looks at the number first, RFC 5961 4.2 challenges the SYN"},
    {"SYN_RECV", "*", "R *SYN_RECV", "*SYN_RECV", ALL,
     "SYN_RECV: an ACK from before the window: Linux resets a wrong one, here the number counts "
     "first"},
    {"SYN_RECV", "*", "*R *SYN_RECV", "*R *none", ALL,
     "SYN_RECV: a SYN in the window with a wrong ACK: both reset, and here the record is gone with "
     "it "
     "(RFC 9293 3.10.7.4, fourth)"},
    {"SYN_RECV", "*ts-@(old|badecho)*", "*SYN_RECV", "*", ALL,
     "SYN_RECV: Linux holds a RST and the ACK against the timestamps too, and an echo of what it "
     "never "
     "sent against its own"},
    {"SYN_RECV", "* ts*", SILENCE, "@(R *|none)", ALL,
     "SYN_RECV: what echoes the timestamp of a challenge ACK, a millisecond after the SYN-ACK, is "
     "to "
     "Linux an echo of what it never sent: silence, by the limit on answers"},
    {"SYN_RECV", "close*", "*FIN_WAIT1", "*SYN_RECV", ALL,
     "close() in SYN_RECV after a simultaneous open: the FIN waits for ESTABLISHED"},
    {"SYN_SENT", "S *", "SA *", "SA *", ANSWERS,
     "simultaneous open: Linux's SYN-ACK repeats all its SYN offered; RFC 7323 2.2 and RFC 2018 2 "
     "have "
     "only what the other SYN offered too"},
    {"*", WITH_SYN, "*", "*", ANSWERS,
     "challenges of a SYN are limited in rate: which other answers count differs (RFC 5961 7 "
     "leaves it "
     "open)"},
    {"SYN_RECV", "*S*A next-1[(]1*", "A *SYN_RECV", "R *none", ALL,
     "SYN_RECV: the peer's SYN with an ACK and data: Linux takes it for the end of the handshake "
     "and a "
     "SYN to be challenged; here the SYN ends it (RFC 9293 3.10.7.4, fourth)"},
    {"SYN_RECV", "FA *", "RA *none", "A *RA *none", ALL,
     "data and FIN for a socket that was closed meanwhile: acknowledged before the reset"},
    {"*", "* win @(0|1|250)@(| *)", "A *", "A *", ANSWERS,
     "how much of its window a peer must take back for an ACK to be numbered by its edge: Linux "
     "goes by "
     "the scale of its own window, here it is that of the peer's"},
    {"*", "@(shutdown|close)*", "*", "*", ANSWERS,
     "a FIN goes or waits: a window was closed or opened by a repetition that only Linux heard"},
    {"*", "send*", "*", "*", ANSWERS,
     "into how many segments a write is cut where the peer's window or the last segment is small"},
    {CLOSING_DOWN, "*A next[+-][1-9]*", SILENCE, "A *", ANSWERS, LIMIT_COUNTS},
    {CLOSING_DOWN, "*A next[+-][1-9]*", "A *", SILENCE, ANSWERS, LIMIT_COUNTS},
};

static unsigned counts[sizeof(known) / sizeof(known[0])];

/* The text without its words that begin so. */
static void without(char *text, const char *word)
{
    size_t len = strlen(word);
    char *to = text;
    for (const char *from = text; *from;) {
        if (strncmp(from, word, len) == 0)
            from += 1 + strcspn(from + 1, " ,");
        else
            *to++ = *from++;
    }
    *to = '\0';
}

static bool same_but(const struct difference *d, bool sacks)
{
    char kernel[2048], own[2048];
    snprintf(kernel, sizeof(kernel), "%s", d->kernel);
    snprintf(own, sizeof(own), "%s", d->own);
    without(kernel, " ecr");
    without(own, " ecr");
    if (sacks) {
        without(kernel, " sack");
        without(own, " sack");
    }
    return strcmp(kernel, own) == 0;
}

static bool within(const struct difference *d, enum extent extent)
{
    switch (extent) {
    case ECHOES:
        return same_but(d, false);
    case BLOCKS:
        return same_but(d, true);
    case ANSWERS:
        return strcmp(strrchr(d->kernel, ' '), strrchr(d->own, ' ')) == 0;
    default:
        return true;
    }
}

static bool match(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, FNM_EXTMATCH) == 0;
}

const char *diff_reason(const struct difference *d)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct known *k = &known[i];
        if (match(k->state, d->state) && match(k->step, d->step) && match(k->kernel, d->kernel) &&
            match(k->own, d->own) && within(d, k->extent)) {
            counts[i]++;
            return k->reason;
        }
    }
    return NULL;
}

void diff_print_reasons(void)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (counts[i])
            printf("%6u  %s\n", counts[i], known[i].reason);
}
