/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls of the C library that packetdrill makes past the table: close() of sockets that a script
 * left open, getsockopt() for the struct tcp_info that code in a script reads, and sendfile(). The
 * program's references to them are pointed here when it is known which stack is meant; with the
 * library in LD_PRELOAD they are from the beginning. Of any other descriptor they are system calls.
 */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "adapter/adapter.h"

static bool ours(int fd)
{
    return adapter_current != NULL && fd >= 0 && fd < ADAPTER_FDS_MAX &&
           adapter_current->slots[fd].kind != SLOT_FREE;
}

int close(int fd)
{
    return ours(fd) ? call_close(adapter_current, fd) : (int)syscall(SYS_close, fd);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    if (ours(fd))
        return call_getsockopt(adapter_current, fd, level, name, value, len);
    return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
    if (ours(out))
        return data_sendfile(adapter_current, out, in, offset, len);
    return syscall(SYS_sendfile, out, in, offset, len);
}

/* ---- the program's references ----------------------------------------------------------- */

static const struct {
    const char *name;
    void (*function)(void);
} calls[] = {
    {"close", (void (*)(void))close},
    {"getsockopt", (void (*)(void))getsockopt},
    {"sendfile", (void (*)(void))sendfile},
    {"sendfile64", (void (*)(void))sendfile}, /* the same where off_t has 64 bits */
};

struct object { /* what the dynamic linker knows of the program */
    Elf64_Addr base;
    const Elf64_Sym *symbols;
    const char *strings;
    Elf64_Addr tables[2]; /* of struct Rela: data, and functions bound when first called */
    size_t sizes[2];
};

static void read_dynamic(struct object *object, const Elf64_Dyn *dynamic)
{
    for (; dynamic->d_tag != DT_NULL; dynamic++) {
        Elf64_Addr value = dynamic->d_un.d_ptr;
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            object->symbols = (const void *)value;
            break;
        case DT_STRTAB:
            object->strings = (const void *)value;
            break;
        case DT_RELA:
            object->tables[0] = value;
            break;
        case DT_RELASZ:
            object->sizes[0] = value;
            break;
        case DT_JMPREL:
            object->tables[1] = value;
            break;
        case DT_PLTRELSZ:
            object->sizes[1] = value;
            break;
        default:
            break;
        }
    }
}

/* The page may have been made read-only after the program was linked. */
static void point(Elf64_Addr where, void (*function)(void))
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *start = (void *)(where & ~(Elf64_Addr)(page - 1));
    if (mprotect(start, page, PROT_READ | PROT_WRITE) == 0)
        memcpy((void *)where, &function, sizeof(function));
}

static void point_all(const struct object *object, const Elf64_Rela *rela, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Elf64_Sym *symbol = &object->symbols[ELF64_R_SYM(rela[i].r_info)];
        const char *name = object->strings + symbol->st_name;
        for (size_t j = 0; ELF64_R_SYM(rela[i].r_info) != 0 && j < sizeof(calls) / sizeof(*calls);
             j++)
            if (strcmp(name, calls[j].name) == 0)
                point(object->base + rela[i].r_offset, calls[j].function);
    }
}

static int visit(struct dl_phdr_info *info, size_t size, void *context)
{
    struct object object = {.base = info->dlpi_addr};
    (void)size;
    (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            read_dynamic(&object, (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
    for (int i = 0; i < 2; i++)
        if (object.tables[i] != 0 && object.symbols != NULL && object.strings != NULL)
            point_all(&object, (const void *)object.tables[i],
                      object.sizes[i] / sizeof(Elf64_Rela));
    return 1; /* the program comes first; of its libraries there is nothing to change */
}

void interpose(void)
{
    dl_iterate_phdr(visit, NULL);
}
