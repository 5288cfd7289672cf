/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: netdevice(7): what ioctl() tells of interfaces, on any socket. */
#include "differ.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

static void show_request(int fd, const char *what, unsigned long request, const char *name)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    if (ioctl(fd, request, &r) < 0) {
        say("%s of \"%s\": %s", what, name, errno_name(errno));
        return;
    }
    char text[200] = "";
    const unsigned char *bytes = (const unsigned char *)&r.ifr_ifru;
    for (size_t i = 0; i < 16; i++)
        snprintf(text + 3 * i, sizeof text - 3 * i, " %02x", bytes[i]);
    say("%s of \"%s\": \"%.16s\"%s", what, name, r.ifr_name, text);
}
#define REQUEST(fd, request, name) show_request(fd, #request, request, name)

static void interfaces(void)
{
    static const char *const names[] = {"lo", "lo:0", "none", "", "an interface of no"};
    int sockets[] = {stream_socket(), datagram_socket()};
    for (int s = 0; s < 2; s++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            REQUEST(sockets[s], SIOCGIFFLAGS, names[i]);
            REQUEST(sockets[s], SIOCGIFADDR, names[i]);
            REQUEST(sockets[s], SIOCGIFNETMASK, names[i]);
            REQUEST(sockets[s], SIOCGIFBRDADDR, names[i]);
            REQUEST(sockets[s], SIOCGIFDSTADDR, names[i]);
            REQUEST(sockets[s], SIOCGIFMTU, names[i]);
            REQUEST(sockets[s], SIOCGIFHWADDR, names[i]);
            REQUEST(sockets[s], SIOCGIFINDEX, names[i]);
            REQUEST(sockets[s], SIOCGIFMETRIC, names[i]);
            REQUEST(sockets[s], SIOCGIFTXQLEN, names[i]);
            REQUEST(sockets[s], SIOCGIFMAP, names[i]);
            REQUEST(sockets[s], SIOCGIFPFLAGS, names[i]);
        }
        TRY(ioctl(sockets[s], SIOCGIFMTU, NULL));
        TRY(ioctl(sockets[s], SIOCGIFINDEX, (void *)1));
    }
}

static void names(void)
{
    int fd = datagram_socket();
    for (int index = -1; index < 4; index++) {
        struct ifreq r = {.ifr_ifindex = index};
        if (ioctl(fd, SIOCGIFNAME, &r) < 0)
            say("name of %d: %s", index, errno_name(errno));
        else
            say("name of %d: %s", index, r.ifr_name);
    }
    char name[IF_NAMESIZE];
    say("if_nametoindex %u %u", if_nametoindex("lo"), if_nametoindex("none"));
    say("if_indextoname %s", if_indextoname(1, name));
    struct if_nameindex *all = if_nameindex();
    for (int i = 0; all && all[i].if_index; i++)
        say("if_nameindex: %u %s", all[i].if_index, all[i].if_name);
    if_freenameindex(all);
}

static void configuration(void)
{
    int fd = datagram_socket();
    struct ifreq list[4];
    static const int lengths[] = {-1, 0, 1, 39, 40, 41, 79, 80, 160};
    struct ifconf conf = {.ifc_len = 0, .ifc_buf = NULL};
    TRY(ioctl(fd, SIOCGIFCONF, &conf));
    say("length %d", conf.ifc_len);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memset(list, 0, sizeof list);
        conf = (struct ifconf){.ifc_len = lengths[i], .ifc_req = list};
        int r = ioctl(fd, SIOCGIFCONF, &conf);
        say("room %d: %s, length %d, \"%.16s\"", lengths[i], r < 0 ? errno_name(errno) : "0",
            conf.ifc_len, list[0].ifr_name);
    }
    conf = (struct ifconf){.ifc_len = 160, .ifc_buf = (char *)1};
    TRY(ioctl(fd, SIOCGIFCONF, &conf));
    TRY(ioctl(fd, SIOCGIFCONF, NULL));
}

/* What changes interfaces is for administrators. */
static void changes(void)
{
    enum { NOBODY = 65534 };
    if (geteuid() == 0)
        MUST(setuid(NOBODY));
    int fd = datagram_socket();
    REQUEST(fd, SIOCSIFFLAGS, "lo");
    REQUEST(fd, SIOCSIFADDR, "lo");
    REQUEST(fd, SIOCSIFMTU, "lo");
    REQUEST(fd, SIOCSIFNETMASK, "lo");
    REQUEST(fd, SIOCSIFNAME, "lo");
    REQUEST(fd, SIOCSIFMTU, "none");
    TRY(ioctl(fd, SIOCADDRT, &(struct ifreq){0}));
    TRY(ioctl(fd, 0x89ff, &(struct ifreq){0}));
    TRY(ioctl(fd, 0x8900, &(struct ifreq){0}));
}

const struct scenario interface_scenarios[] = {{"interfaces", interfaces, BOTH},
                                               {"interface-names", names, BOTH},
                                               {"interface-configuration", configuration, BOTH},
                                               {"interface-changes", changes, BOTH},
                                               {NULL, NULL, 0}};
