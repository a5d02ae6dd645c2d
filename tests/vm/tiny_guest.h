/*
 * A guest of two hundred bytes, for tests of the machine around it: it boots by PVH as the real kernel does, reads the
 * first byte of the blob and does what that says.
 *     {  says "hello\n" on the events port, exits 0: the answer to vc_machine_probe_kvm
 *     c  says "console\n" on ttyS0, exits 3
 *     t  reads a byte from ttyS1, writes it there, exits 3
 *     l  says "loop\n" and loops
 *     p  marks 16 MiB, says "park\n", thinks for 0.2 s, pauses; then says the new blob's first byte, exits 5 when the
 * mark is there, 6 when it is not; overwrites it
 */
#pragma once

#include <criterion/criterion.h>
#include <elf.h>
#include <fcntl.h>
#include <string.h>

#include "base/util.h"

/* 32-bit code at GUEST_BASE, position independent by %ebp. Scratch memory at 2 MiB, the marks at 16 MiB. */
#define GUEST_BASE 0x100000
__asm__(".pushsection .rodata\n"
        ".code32\n"
        ".globl tiny_guest, tiny_guest_end\n"
        "tiny_guest:\n"
        "  movl $0x100000, %ebp\n"
        "  movl $0x300000, %esp\n"
        "  cld\n"
        "  call 90f\n"
        "  cmpb $'{', %al\n  je 10f\n"
        "  cmpb $'c', %al\n  je 20f\n"
        "  cmpb $'p', %al\n  je 30f\n"
        "  cmpb $'t', %al\n  je 40f\n"
        "  leal (80f - tiny_guest)(%ebp), %esi\n  movl $5, %ecx\n  call 95f\n"
        "1: pause\n  jmp 1b\n"
        "10: leal (81f - tiny_guest)(%ebp), %esi\n  movl $6, %ecx\n  call 95f\n"
        "  movl $0, %eax\n  jmp 99f\n"
        "20: leal (82f - tiny_guest)(%ebp), %esi\n  movl $8, %ecx\n  movw $0x3f8, %dx\n  rep outsb\n"
        "  movl $3, %eax\n  jmp 99f\n"
        "30: movl $0x1000000, %edi\n  movl $0x12345678, %eax\n  movl $0x400000, %ecx\n  rep stosl\n"
        "  leal (83f - tiny_guest)(%ebp), %esi\n  movl $5, %ecx\n  call 95f\n"
        "  movl $100000000, %ecx\n31: decl %ecx\n  jnz 31b\n"
        "  movb $1, %al\n  movw $0x505, %dx\n  outb %al, %dx\n"
        "  call 90f\n"
        "  movw $0xe9, %dx\n  outb %al, %dx\n"
        "  movl 0x1000000, %ebx\n  movl $0, 0x1000000\n"
        "  movl $5, %eax\n  cmpl $0x12345678, %ebx\n  je 99f\n"
        "  movl $6, %eax\n  jmp 99f\n"
        "40: movw $0x2fd, %dx\n41: inb %dx, %al\n  testb $1, %al\n  je 41b\n"
        "  movw $0x2f8, %dx\n  inb %dx, %al\n  outb %al, %dx\n  movl $3, %eax\n  jmp 99f\n"
        /* the first byte of the blob, to %al: the directory of fw_cfg, then the item */
        "90: movw $0x510, %dx\n  movw $0x19, %ax\n  outw %ax, %dx\n  incl %edx\n"
        "  movl $0x200000, %edi\n  movl $4, %ecx\n  rep insb\n"
        "91: movw $0x511, %dx\n  movl $0x200000, %edi\n  movl $64, %ecx\n  rep insb\n"
        "  movl $0x200008, %esi\n  leal (84f - tiny_guest)(%ebp), %edi\n  movl $14, %ecx\n  repe cmpsb\n  jne 91b\n"
        "  movw 0x200004, %ax\n  xchgb %al, %ah\n  movw $0x510, %dx\n  outw %ax, %dx\n  incl %edx\n"
        "  inb %dx, %al\n  ret\n"
        "95: movw $0xe9, %dx\n  rep outsb\n  ret\n"
        "99: movw $0xf4, %dx\n  outl %eax, %dx\n"
        "98: hlt\n  jmp 98b\n"
        "80: .ascii \"loop\\n\"\n"
        "81: .ascii \"hello\\n\"\n"
        "82: .ascii \"console\\n\"\n"
        "83: .ascii \"park\\n\"\n"
        "84: .asciz \"opt/vclab/run\"\n"
        "tiny_guest_end:\n"
        ".code64\n"
        ".popsection\n");
extern const char tiny_guest[], tiny_guest_end[];

/* Writes the ELF file: one loadable segment and the note that names the PVH entry (Xen's XEN_ELFNOTE_PHYS32_ENTRY). */
static void tiny_guest_write(const char *path)
{
    struct {
        Elf32_Ehdr header;
        Elf32_Phdr segments[2];
        struct {
            Elf32_Nhdr header;
            char name[4];
            uint32_t entry;
        } note;
    } elf = {
        .header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_EXEC,
                   .e_machine = EM_386,
                   .e_version = EV_CURRENT,
                   .e_entry = GUEST_BASE,
                   .e_phoff = sizeof(Elf32_Ehdr),
                   .e_ehsize = sizeof(Elf32_Ehdr),
                   .e_phentsize = sizeof(Elf32_Phdr),
                   .e_phnum = 2},
        .note = {.header = {.n_namesz = 4, .n_descsz = 4, .n_type = 18}, .name = "Xen", .entry = GUEST_BASE},
    };
    size_t size = (size_t)(tiny_guest_end - tiny_guest);

    elf.segments[0] = (Elf32_Phdr){.p_type = PT_LOAD,
                                   .p_offset = sizeof elf,
                                   .p_vaddr = GUEST_BASE,
                                   .p_paddr = GUEST_BASE,
                                   .p_filesz = (Elf32_Word)size,
                                   .p_memsz = (Elf32_Word)size,
                                   .p_flags = PF_R | PF_X};
    elf.segments[1] = (Elf32_Phdr){.p_type = PT_NOTE,
                                   .p_offset = (Elf32_Off)((const char *)&elf.note - (const char *)&elf),
                                   .p_filesz = sizeof elf.note,
                                   .p_memsz = sizeof elf.note,
                                   .p_align = 4};
    VC_AUTO_FILE *file = fopen(path, "we");
    cr_assert(file && fwrite(&elf, sizeof elf, 1, file) == 1 && fwrite(tiny_guest, size, 1, file) == 1);
}
