/* Small ELF files made by hand, so that the tests need no compiler and know every byte. */
#pragma once

#include <criterion/criterion.h>
#include <fcntl.h>
#include <gelf.h>
#include <string.h>

#include "base/util.h"

struct make_section {
    const char *name;
    uint32_t type;
    uint64_t flags;
    const void *data;
    size_t size, entry;
    uint32_t link, info;
};

/* Section i of the list has index i + 1. A section .interp gets its program header. */
static inline void make_elf(const char *path, uint16_t type, uint16_t machine, const struct make_section *sections,
                            size_t count)
{
    VC_AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    char names[1024] = "";
    size_t names_size = 1, interp = 0;

    elf_version(EV_CURRENT);
    cr_assert(fd >= 0, "%s", path);
    Elf *elf = elf_begin(fd, ELF_C_WRITE, NULL);
    Elf64_Ehdr *head = elf64_newehdr(elf);
    head->e_ident[EI_DATA] = ELFDATA2LSB;
    head->e_type = type;
    head->e_machine = machine;
    for (size_t i = 0; i <= count; i++) {
        const struct make_section names_section = {".shstrtab", SHT_STRTAB, 0, names, sizeof names, 0, 0, 0};
        const struct make_section *from = i < count ? &sections[i] : &names_section;
        Elf_Scn *section = elf_newscn(elf);
        Elf64_Shdr *to = elf64_getshdr(section);
        to->sh_name = (uint32_t)names_size;
        strcpy(names + names_size, from->name);
        names_size += strlen(from->name) + 1;
        to->sh_type = from->type;
        to->sh_flags = from->flags;
        to->sh_link = from->link;
        to->sh_info = from->info;
        to->sh_entsize = from->entry;
        Elf_Data *data = elf_newdata(section);
        data->d_buf = (void *)(uintptr_t)from->data;
        data->d_size = from->size;
        data->d_align = 8;
        data->d_type = from->type == SHT_RELA      ? ELF_T_RELA
                       : from->type == SHT_SYMTAB  ? ELF_T_SYM
                       : from->type == SHT_DYNAMIC ? ELF_T_DYN
                                                   : ELF_T_BYTE;
        if (!strcmp(from->name, ".interp"))
            interp = i + 1;
    }
    head->e_shstrndx = (uint16_t)(count + 1);
    Elf64_Phdr *program = interp ? elf64_newphdr(elf, 1) : NULL;
    cr_assert(elf_update(elf, ELF_C_NULL) > 0, "%s", elf_errmsg(-1));
    if (program) {
        const Elf64_Shdr *section = elf64_getshdr(elf_getscn(elf, interp));
        program->p_type = PT_INTERP;
        program->p_offset = section->sh_offset;
        program->p_filesz = section->sh_size;
    }
    cr_assert(elf_update(elf, ELF_C_WRITE) > 0, "%s", elf_errmsg(-1));
    elf_end(elf);
}

/* A program or library that needs others; `needed` ends in NULL, `loader` and `runpath` may be NULL. */
static inline void make_dynamic(const char *path, uint16_t machine, const char *loader, const char *runpath,
                                const char *const *needed)
{
    char strings[512] = "";
    Elf64_Dyn entries[16] = {{0}};
    size_t used = 1, count = 0;

    for (; *needed; needed++) {
        entries[count++] = (Elf64_Dyn){.d_tag = DT_NEEDED, .d_un.d_val = used};
        strcpy(strings + used, *needed);
        used += strlen(*needed) + 1;
    }
    if (runpath) {
        entries[count++] = (Elf64_Dyn){.d_tag = DT_RUNPATH, .d_un.d_val = used};
        strcpy(strings + used, runpath);
        used += strlen(runpath) + 1;
    }
    const struct make_section sections[] = {
        {".dynstr", SHT_STRTAB, SHF_ALLOC, strings, sizeof strings, 0, 0, 0},
        {".dynamic", SHT_DYNAMIC, SHF_ALLOC, entries, (count + 1) * sizeof *entries, sizeof *entries, 1, 0},
        {".interp", SHT_PROGBITS, SHF_ALLOC, loader, loader ? strlen(loader) + 1 : 0, 0, 0, 0},
    };
    make_elf(path, ET_DYN, machine, sections, loader ? 3 : 2);
}

/* What make_module's text is: a call of __fentry__, another call, and a call whose place somebody has filled in. */
static const uint8_t module_text[] = {0xe8, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0xe8, 1, 0, 0, 0, 0xc3};
enum {
    MODULE_TEXT = 1,
    MODULE_RELOCATIONS,
    MODULE_MODINFO,
    MODULE_SYMBOLS,
    MODULE_STRINGS,
    MODULE_MCOUNT,
    MODULE_DEBUG
};

/* A kernel module; `modinfo` as it is in the section, with its NULs. */
static inline void make_module(const char *path, const char *modinfo, size_t size)
{
    static const char strings[] = "\0__fentry__\0printk";
    static const Elf64_Sym symbols[] = {{0}, {.st_name = 1}, {.st_name = 12}};
    static const Elf64_Rela relocations[] = {
        {1, ELF64_R_INFO(1, R_X86_64_PLT32), -4},      {6, ELF64_R_INFO(2, R_X86_64_PLT32), -4},
        {11, ELF64_R_INFO(1, R_X86_64_PLT32), -4},     {0xffff, ELF64_R_INFO(1, R_X86_64_PLT32), -4},
        {1, ELF64_R_INFO(0xffff, R_X86_64_PLT32), -4},
    };
    static const char debug[5000] = "debug";
    const struct make_section sections[] = {
        {".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, module_text, sizeof module_text, 0, 0, 0},
        {".rela.text", SHT_RELA, 0, relocations, sizeof relocations, sizeof *relocations, MODULE_SYMBOLS, MODULE_TEXT},
        {".modinfo", SHT_PROGBITS, SHF_ALLOC, modinfo, size, 0, 0, 0},
        {".symtab", SHT_SYMTAB, 0, symbols, sizeof symbols, sizeof *symbols, MODULE_STRINGS, 1},
        {".strtab", SHT_STRTAB, 0, strings, sizeof strings, 0, 0, 0},
        {"__mcount_loc", SHT_PROGBITS, SHF_ALLOC, debug, 8, 0, 0, 0},
        {".debug_info", SHT_PROGBITS, 0, debug, sizeof debug, 0, 0, 0},
        {".BTF", SHT_PROGBITS, 0, debug, 64, 0, 0, 0},
        {".bss", SHT_NOBITS, SHF_ALLOC | SHF_WRITE, NULL, 4096, 0, 0, 0},
    };
    make_elf(path, ET_REL, EM_X86_64, sections, VC_COUNT(sections));
}
