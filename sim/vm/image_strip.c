/*
 * Kernel modules as ELF files: what they say of themselves, and what they can do without. Loading is then most of what
 * remains: the kernel patches out every call of __fentry__ (ftrace's hook at the start of each function) and looks up a
 * symbol for each, which takes longer than all the rest; here it is done once, when the image is made.
 */
#include <gelf.h>
#include <string.h>

#include "vm/elf.h"

/* libelf wants a writable pointer and leaves a file in memory that is only read as it is. */
static Elf *elf_in_memory(const void *data, size_t size)
{
    elf_version(EV_CURRENT);
    return elf_memory((char *)(uintptr_t)data, size);
}

static void end_elf(Elf **elf)
{
    elf_end(*elf);
}

#define AUTO_ELF __attribute__((cleanup(end_elf))) Elf

static const char *section_name(Elf *elf, const Elf64_Shdr *head)
{
    size_t names;
    const char *name = elf_getshdrstrndx(elf, &names) ? NULL : elf_strptr(elf, names, head->sh_name);

    return name ? name : "";
}

char *vc_elf_modinfo(void *ctx, const void *module, size_t size, const char *key)
{
    AUTO_ELF *elf = elf_in_memory(module, size);
    size_t length = strlen(key);

    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        const Elf64_Shdr *head = elf64_getshdr(section);
        const Elf_Data *data;
        if (!head || strcmp(section_name(elf, head), ".modinfo") || !(data = elf_rawdata(section, NULL)) ||
            !data->d_buf)
            continue;
        const char *end = (const char *)data->d_buf + data->d_size;
        for (const char *entry = data->d_buf; entry < end; entry += strnlen(entry, (size_t)(end - entry)) + 1)
            if ((size_t)(end - entry) > length && !strncmp(entry, key, length) && entry[length] == '=')
                return talloc_strndup(ctx, entry + length + 1, (size_t)(end - entry) - length - 1);
    }
    return NULL;
}

/*
 * Types and debug information, what tells about the compiler, the places that call __fentry__, and the unwinder's
 * tables, which the kernel sorts at loading and needs only to print a stack. Relocations go with their section.
 */
static bool dropped(const char *name)
{
    static const char *const names[] = {
        ".BTF",         ".BTF.base",   ".comment",    ".note.GNU-stack", ".gnu_debuglink",
        "__mcount_loc", ".orc_unwind", ".orc_header", ".orc_unwind_ip",
    };

    if (!strncmp(name, ".rela", 5))
        name += 5;
    if (!strncmp(name, ".debug", 6))
        return true;
    for (size_t i = 0; i < VC_COUNT(names); i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

/* A module being rewritten. Sections keep their numbers, by which symbols and relocations name them. */
struct strip {
    Elf *elf;
    size_t count;
    Elf64_Shdr *heads; /* of the new file; a dropped section's is SHT_NULL */
    char *out;
    size_t size;
};

static size_t aligned(size_t at, size_t align)
{
    return align > 1 ? (at + align - 1) / align * align : at;
}

/* Gives each section that stays its place. */
static int lay_out(struct strip *strip, vc_error **err)
{
    strip->size = sizeof(Elf64_Ehdr);
    for (size_t i = 1; i < strip->count; i++) {
        Elf_Scn *section = elf_getscn(strip->elf, i);
        const Elf64_Shdr *head = elf64_getshdr(section);
        const Elf_Data *data = head ? elf_rawdata(section, NULL) : NULL;
        if (!data || head->sh_addralign > 4096 || (head->sh_type != SHT_NOBITS && data->d_size != head->sh_size))
            return vc_fail(err, VC_EXIT_HOST, 0, "this kernel module is damaged: section %zu of %zu", i, strip->count);
        if (dropped(section_name(strip->elf, head)))
            continue;
        strip->heads[i] = *head;
        strip->size = aligned(strip->size, (size_t)head->sh_addralign);
        strip->heads[i].sh_offset = strip->size;
        if (head->sh_type != SHT_NOBITS)
            strip->size += (size_t)head->sh_size;
    }
    strip->size = aligned(strip->size, 8);
    return 0;
}

static void copy_sections(struct strip *strip, Elf64_Ehdr head)
{
    head.e_shoff = strip->size;
    memcpy(strip->out, &head, sizeof head);
    for (size_t i = 1; i < strip->count; i++) {
        const Elf_Data *data = elf_rawdata(elf_getscn(strip->elf, i), NULL);
        if (strip->heads[i].sh_type != SHT_NULL && strip->heads[i].sh_type != SHT_NOBITS && data->d_size)
            memcpy(strip->out + strip->heads[i].sh_offset, data->d_buf, data->d_size);
    }
    memcpy(strip->out + strip->size, strip->heads, strip->count * sizeof *strip->heads);
}

static bool is_fentry(const struct strip *strip, const Elf64_Shdr *relocations, uint64_t symbol)
{
    const Elf64_Shdr *symbols = &strip->heads[relocations->sh_link];
    Elf64_Sym found;

    if (symbols->sh_type != SHT_SYMTAB || symbol >= symbols->sh_size / sizeof found)
        return false;
    memcpy(&found, strip->out + symbols->sh_offset + symbol * sizeof found, sizeof found);
    const char *name = elf_strptr(strip->elf, symbols->sh_link, found.st_name);
    return name && !strcmp(name, "__fentry__");
}

/* "call __fentry__" becomes the no-operation of the same length that ftrace would put there. */
static void patch_calls(struct strip *strip, const Elf64_Shdr *relocations, const Elf64_Shdr *text)
{
    static const uint8_t call[] = {0xe8, 0, 0, 0, 0}, nop[] = {0x0f, 0x1f, 0x44, 0, 0};

    for (uint64_t at = 0; at + sizeof(Elf64_Rela) <= relocations->sh_size; at += sizeof(Elf64_Rela)) {
        char *place = strip->out + relocations->sh_offset + at;
        Elf64_Rela entry;
        memcpy(&entry, place, sizeof entry);
        if (entry.r_offset < 1 || entry.r_offset + 4 > text->sh_size ||
            !is_fentry(strip, relocations, ELF64_R_SYM(entry.r_info)))
            continue;
        char *code = strip->out + text->sh_offset + entry.r_offset - 1;
        if (memcmp(code, call, sizeof call) != 0)
            continue;
        memcpy(code, nop, sizeof nop);
        entry.r_info = ELF64_R_INFO(0, R_X86_64_NONE);
        memcpy(place, &entry, sizeof entry);
    }
}

static void patch_all(struct strip *strip)
{
    for (size_t i = 1; i < strip->count; i++) {
        const Elf64_Shdr *head = &strip->heads[i];
        if (head->sh_type == SHT_RELA && head->sh_link < strip->count && head->sh_info < strip->count &&
            strip->heads[head->sh_info].sh_type == SHT_PROGBITS && strip->heads[head->sh_info].sh_flags & SHF_EXECINSTR)
            patch_calls(strip, head, &strip->heads[head->sh_info]);
    }
}

ssize_t vc_elf_strip_module(void *ctx, const void *module, size_t size, void **stripped, vc_error **err)
{
    AUTO_ELF *elf = elf_in_memory(module, size);
    const Elf64_Ehdr *head = elf64_getehdr(elf);
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct strip strip = {.elf = elf};

    if (!head || head->e_type != ET_REL || elf_getshdrnum(elf, &strip.count) || !strip.count)
        return vc_fail(err, VC_EXIT_HOST, 0, "this is no 64-bit kernel module, or it is damaged");
    strip.heads = talloc_zero_array(scratch, Elf64_Shdr, strip.count);
    if (lay_out(&strip, err))
        return -1;
    size_t total = strip.size + strip.count * sizeof *strip.heads;
    if (total > 2 * size + (1 << 16))
        return vc_fail(err, VC_EXIT_HOST, 0, "this kernel module is damaged: its sections overlap");
    strip.out = talloc_zero_size(scratch, total);
    copy_sections(&strip, *head);
    patch_all(&strip);
    *stripped = talloc_steal(ctx, strip.out);
    return (ssize_t)total;
}
