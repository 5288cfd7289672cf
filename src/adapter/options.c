/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host is like: local addresses and MTU. packetdrill hands on --so_flags only, so its own
 * --local_ip and --mtu are read where it read them: from the lines that a script begins with, and
 * from its command line, which has the last word.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapter/adapter.h"

#define COMMAND_LINE_BYTES 16384

/* ADDRESS[/PREFIX] */
static bool set_local(struct adapter *a, const char *value)
{
    char text[SW_IP_TEXT];
    size_t len = strcspn(value, "/");
    struct sw_ip ip;
    if (len >= sizeof(text))
        return false;
    memcpy(text, value, len);
    text[len] = '\0';
    if (sw_ip_parse(text, &ip) < 0)
        return false;
    bool v4 = sw_ip_is4(&ip);
    unsigned long prefix = value[len] == '/' ? strtoul(value + len + 1, NULL, 10) : v4 ? 16 : 64;
    if (prefix > (v4 ? 32 : 128))
        return false;
    *(v4 ? &a->local4 : &a->local6) = ip;
    *(v4 ? &a->prefix4 : &a->prefix6) = (unsigned)prefix;
    return true;
}

static bool set_mtu(struct adapter *a, const char *value)
{
    char *end;
    unsigned long mtu = strtoul(value, &end, 10);
    if (*end != '\0' || mtu < 68 || mtu > 65535)
        return false;
    a->mtu = (uint32_t)mtu;
    return true;
}

bool options_flags(struct adapter *a, const char *flags)
{
    char word[80];
    while (flags != NULL && *flags != '\0') {
        size_t len = strcspn(flags, ",");
        if (len >= sizeof(word))
            return false;
        memcpy(word, flags, len);
        word[len] = '\0';
        bool known = strncmp(word, "local=", 6) == 0
                         ? set_local(a, word + 6)
                         : strncmp(word, "mtu=", 4) == 0 && set_mtu(a, word + 4);
        if (!known)
            return false;
        flags += len + (flags[len] == ',');
    }
    return true;
}

/* One of packetdrill's: of those that are nothing to the host, and of wrong ones, it tells. */
static void option(struct adapter *a, const char *text)
{
    if (strncmp(text, "--local_ip=", 11) == 0)
        set_local(a, text + 11);
    else if (strncmp(text, "--mtu=", 6) == 0)
        set_mtu(a, text + 6);
}

/* The lines before the first that is neither option nor comment. */
static void script(struct adapter *a, const char *path)
{
    char line[512];
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *at = line + strspn(line, " \t\r\n");
        at[strcspn(at, " \t\r\n")] = '\0';
        if (strncmp(at, "--", 2) == 0)
            option(a, at);
        else if (*at != '\0' && strncmp(at, "//", 2) != 0)
            break;
    }
    if (file != NULL)
        fclose(file);
}

void options_read(struct adapter *a)
{
    char words[COMMAND_LINE_BYTES + 1];
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, words, COMMAND_LINE_BYTES) : -1;
    if (fd >= 0)
        close(fd);
    if (len <= 0)
        return;
    words[len] = '\0';
    for (const char *word = words; word < words + len; word += strlen(word) + 1)
        if (strlen(word) > 4 && strcmp(word + strlen(word) - 4, ".pkt") == 0)
            script(a, word);
    for (const char *word = words; word < words + len; word += strlen(word) + 1)
        option(a, word);
}
