/* Closures of dependencies, in roots made for the test and for the test program itself, whose loader knows the truth.
 */
#include "elf_make.h"

#include <errno.h>
#include <ftw.h>
#include <link.h>
#include <sys/stat.h>

#include "vm/elf.h"

static char top[] = "/tmp/vclab-elf-XXXXXX";

static const char *at(const char *path)
{
    static char full[8][256];
    static unsigned next;
    char *to = full[next++ % 8];

    snprintf(to, sizeof full[0], "%s%s", top, path);
    return to;
}

static void folder(const char *path)
{
    char copy[256];

    snprintf(copy, sizeof copy, "%s", at(path));
    for (char *slash = copy + strlen(top); slash; slash = strchr(slash + 1, '/')) {
        char kept = *slash;
        *slash = '\0';
        cr_assert(mkdir(copy, 0755) == 0 || errno == EEXIST);
        *slash = kept;
    }
    cr_assert(mkdir(copy, 0755) == 0 || errno == EEXIST);
}

static void text(const char *path, const char *content)
{
    VC_AUTO_FILE *file = fopen(at(path), "we");

    cr_assert(file && fputs(content, file) >= 0);
}

#define NEEDS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void program(const char *path, const char *runpath, const char *const *needed)
{
    make_dynamic(at(path), EM_X86_64, "/lib64/ld-linux-x86-64.so.2", runpath, needed);
}

static void library(const char *path, const char *const *needed)
{
    make_dynamic(at(path), EM_X86_64, NULL, NULL, needed);
}

/* usr-merged, with a libc and a loader. */
static void setup(void)
{
    cr_assert(mkdtemp(top) != NULL);
    folder("/usr/bin");
    folder("/usr/lib64");
    folder("/usr/lib/x86_64-linux-gnu");
    folder("/etc/ld.so.conf.d");
    cr_assert(symlink("usr/lib", at("/lib")) == 0 && symlink("usr/lib64", at("/lib64")) == 0);
    library("/usr/lib64/ld-linux-x86-64.so.2", NEEDS());
    library("/usr/lib/x86_64-linux-gnu/libc.so.6", NEEDS("ld-linux-x86-64.so.2"));
}

static int remove_one(const char *path, const struct stat *st VC_UNUSED, int flag VC_UNUSED, struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(elf, .init = setup, .fini = teardown);

static void closure_is(const char *path, const char *const *expected)
{
    VC_AUTO_JSON *files = json_object();
    VC_AUTO_ERROR *err = NULL;
    size_t count = 0;

    cr_assert_eq(vc_elf_closure(top, path, files, &err), 0, "%s", err ? err->message : "");
    for (; expected[count]; count++)
        cr_assert(json_object_get(files, expected[count]), "%s is missing", expected[count]);
    cr_assert_eq(json_object_size(files), count, "%s", json_dumps(files, 0));
}

static void refused_because(const char *path, const char *what, const char *which)
{
    VC_AUTO_JSON *files = json_object();
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_elf_closure(top, path, files, &err), -1);
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, what) && strstr(err->message, which), "%s", err->message);
}

#define LOADER "/usr/lib64/ld-linux-x86-64.so.2"
#define LIB    "/usr/lib/x86_64-linux-gnu"

Test(elf, libraries_of_libraries_are_found_each_once)
{
    program("/usr/bin/p", NULL, NEEDS("liba.so.1", "libb.so.1", "libc.so.6"));
    library(LIB "/liba.so.1", NEEDS("libb.so.1", "libc.so.6"));
    library(LIB "/libb.so.1", NEEDS("liba.so.1", "libc.so.6"));
    closure_is("/usr/bin/p", NEEDS(LOADER, LIB "/libc.so.6", LIB "/liba.so.1", LIB "/libb.so.1"));
    closure_is("usr/bin/p", NEEDS(LOADER, LIB "/libc.so.6", LIB "/liba.so.1", LIB "/libb.so.1"));
}

Test(elf, a_runpath_comes_before_the_default_folders_and_knows_its_origin)
{
    folder("/usr/lib/own");
    folder("/opt/other");
    program("/usr/lib/own/p", "/nowhere:$ORIGIN:${ORIGIN}/../../../opt/other", NEEDS("liba.so.1", "libb.so.1"));
    library(LIB "/liba.so.1", NEEDS());
    library("/usr/lib/own/liba.so.1", NEEDS());
    library("/opt/other/libb.so.1", NEEDS());
    closure_is("/usr/lib/own/p", NEEDS(LOADER, "/usr/lib/own/liba.so.1", "/opt/other/libb.so.1"));
}

Test(elf, links_stay_inside_the_root)
{
    folder("/etc/alternatives");
    program("/usr/bin/p", "/link", NEEDS("liba.so.1", "libb.so.1"));
    library(LIB "/liba.so.1.2.3", NEEDS());
    cr_assert_eq(symlink("/usr/lib/x86_64-linux-gnu/liba.so.1.2.3", at("/etc/alternatives/a")), 0);
    cr_assert_eq(symlink("/etc/alternatives/a", at(LIB "/liba.so.1")), 0);
    folder("/real");
    library("/real/libb.so.1", NEEDS());
    cr_assert_eq(symlink("/real", at("/link")), 0);
    closure_is("/usr/bin/p", NEEDS(LOADER, LIB "/liba.so.1", "/real/libb.so.1"));
}

Test(elf, the_loaders_configuration_names_folders)
{
    folder("/opt/one");
    folder("/opt/two");
    text("/etc/ld.so.conf", "# folders\ninclude ld.so.conf.d/*.conf\n  /opt/two \t# here\n/nowhere\n");
    text("/etc/ld.so.conf.d/one.conf", "/opt/one\n");
    library("/opt/one/liba.so.1", NEEDS());
    library("/opt/two/liba.so.1", NEEDS());
    library("/opt/two/libb.so.1", NEEDS());
    program("/usr/bin/p", NULL, NEEDS("liba.so.1", "libb.so.1"));
    closure_is("/usr/bin/p", NEEDS(LOADER, "/opt/one/liba.so.1", "/opt/two/libb.so.1"));
}

Test(elf, a_library_for_another_machine_is_passed_over)
{
    make_dynamic(at(LIB "/liba.so.1"), EM_AARCH64, NULL, NULL, NEEDS());
    library("/usr/lib/liba.so.1", NEEDS());
    text(LIB "/libb.so.1", "/* a linker script */");
    library("/usr/lib64/libb.so.1", NEEDS());
    program("/usr/bin/p", NULL, NEEDS("liba.so.1", "libb.so.1"));
    closure_is("/usr/bin/p", NEEDS(LOADER, "/usr/lib/liba.so.1", "/usr/lib64/libb.so.1"));
}

Test(elf, a_missing_library_is_named_with_who_needs_it)
{
    program("/usr/bin/p", NULL, NEEDS("liba.so.1"));
    library(LIB "/liba.so.1", NEEDS("libgone.so.7"));
    refused_because("/usr/bin/p", "libgone.so.7", LIB "/liba.so.1");
    cr_assert_eq(unlink(at(LOADER)), 0);
    refused_because("/usr/bin/p", "ld-linux-x86-64.so.2", "/usr/bin/p");
    refused_because("/usr/bin/gone", "/usr/bin/gone", "No such file");
}

Test(elf, what_is_no_program_needs_nothing)
{
    text("/usr/bin/script", "#!/bin/sh\n");
    text("/usr/bin/empty", "");
    closure_is("/usr/bin/script", NEEDS());
    closure_is("/usr/bin/empty", NEEDS());
}

/* ---- the real thing ---- */

static int note_loaded(struct dl_phdr_info *info, size_t size VC_UNUSED, void *arg)
{
    char real[4096];

    if (info->dlpi_name && *info->dlpi_name == '/' && realpath(info->dlpi_name, real))
        json_object_set_new(arg, real, json_true());
    return 0;
}

Test(elf, of_this_program_is_what_its_loader_loaded)
{
    VC_AUTO_JSON *files = json_object(), *loaded = json_object(), *found = json_object();
    VC_AUTO_ERROR *err = NULL;
    char self[4096], real[4096];
    const char *path;
    const json_t *value VC_UNUSED;

    cr_assert(realpath("/proc/self/exe", self) != NULL);
    cr_assert_eq(vc_elf_closure("", self, files, &err), 0, "%s", err ? err->message : "");
    dl_iterate_phdr(note_loaded, loaded);
    json_object_foreach(files, path, value)
    {
        cr_assert(realpath(path, real) != NULL, "%s", path);
        json_object_set_new(found, real, json_true());
    }
    json_object_foreach(loaded, path, value) cr_expect(json_object_get(found, path), "the loader loaded %s", path);
    json_object_foreach(found, path, value)
        cr_expect(json_object_get(loaded, path), "the loader did not load %s", path);
    cr_assert_gt(json_object_size(found), 3);
}

/* ---- modules ---- */

static const char modinfo[] = "license=GPL\0depends=gre,ip_tunnel\0alias=\0name=x";

static char *module_bytes(void *ctx, size_t *size)
{
    make_module(at("/m.ko"), modinfo, sizeof modinfo);
    VC_AUTO_FILE *file = fopen(at("/m.ko"), "re");
    char *bytes = talloc_size(ctx, 65536);

    *size = fread(bytes, 1, 65536, file);
    return bytes;
}

Test(elf, modinfo_is_read)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t size;
    const char *bytes = module_bytes(ctx, &size);

    cr_assert_str_eq(vc_elf_modinfo(ctx, bytes, size, "depends"), "gre,ip_tunnel");
    cr_assert_str_eq(vc_elf_modinfo(ctx, bytes, size, "alias"), "");
    cr_assert_str_eq(vc_elf_modinfo(ctx, bytes, size, "name"), "x");
    cr_assert_null(vc_elf_modinfo(ctx, bytes, size, "depend"));
    cr_assert_null(vc_elf_modinfo(ctx, bytes, size, "vermagic"));
    cr_assert_null(vc_elf_modinfo(ctx, "no module", 9, "depends"));
}

static const Elf64_Shdr *head_of(const char *bytes, unsigned section)
{
    const Elf64_Ehdr *head = (const void *)bytes;

    return (const Elf64_Shdr *)(const void *)(bytes + head->e_shoff) + section;
}

Test(elf, a_module_is_stripped_of_what_the_kernel_does_not_need)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t size;
    void *out;
    const char *bytes = module_bytes(ctx, &size);
    ssize_t n = vc_elf_strip_module(ctx, bytes, size, &out, NULL);

    cr_assert(n > 0 && n < (ssize_t)size - 5000, "%zd of %zu", n, size);
    cr_assert_eq(((const Elf64_Ehdr *)out)->e_shnum, ((const Elf64_Ehdr *)(const void *)bytes)->e_shnum);
    cr_assert_str_eq(vc_elf_modinfo(ctx, out, (size_t)n, "depends"), "gre,ip_tunnel");
    for (unsigned i = 1; i < ((const Elf64_Ehdr *)out)->e_shnum; i++) {
        const Elf64_Shdr *was = head_of(bytes, i), *is = head_of(out, i);
        bool stays = i < MODULE_MCOUNT || i > MODULE_DEBUG + 1;
        cr_assert_eq(is->sh_type, stays ? was->sh_type : SHT_NULL, "section %u", i);
        if (stays && i != MODULE_TEXT && i != MODULE_RELOCATIONS && was->sh_type != SHT_NOBITS)
            cr_assert_eq(memcmp((char *)out + is->sh_offset, bytes + was->sh_offset, was->sh_size), 0, "section %u", i);
    }
}

Test(elf, calls_of_the_tracer_are_patched_out_and_no_others)
{
    static const uint8_t expected[] = {0x0f, 0x1f, 0x44, 0, 0, 0xe8, 0, 0, 0, 0, 0xe8, 1, 0, 0, 0, 0xc3};
    static const unsigned types[] = {R_X86_64_NONE, R_X86_64_PLT32, R_X86_64_PLT32, R_X86_64_PLT32, R_X86_64_PLT32};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t size;
    void *out;
    const char *bytes = module_bytes(ctx, &size);

    cr_assert(vc_elf_strip_module(ctx, bytes, size, &out, NULL) > 0);
    cr_assert_eq(memcmp((char *)out + head_of(out, MODULE_TEXT)->sh_offset, expected, sizeof expected), 0);
    const Elf64_Rela *entries = (const void *)((char *)out + head_of(out, MODULE_RELOCATIONS)->sh_offset);
    for (size_t i = 0; i < VC_COUNT(types); i++)
        cr_assert_eq(ELF64_R_TYPE(entries[i].r_info), types[i], "relocation %zu", i);
}

Test(elf, what_is_no_whole_module_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t size;
    void *out;
    char *bytes = module_bytes(ctx, &size);

    for (size_t cut = 0; cut < size; cut += 7) {
        VC_AUTO_ERROR *err = NULL;
        /* In a block of its own, so that the sanitizer sees a read behind its end. */
        VC_AUTO_FREE char *part = malloc(cut + 1);
        memcpy(part, bytes, cut);
        cr_assert_eq(vc_elf_strip_module(ctx, part, cut, &out, &err), -1, "%zu bytes of %zu", cut, size);
        cr_assert_eq(err->status, VC_EXIT_HOST);
    }
    ((Elf64_Ehdr *)(void *)bytes)->e_type = ET_DYN;
    cr_assert_eq(vc_elf_strip_module(ctx, bytes, size, &out, NULL), -1);
}

/* Whatever its bytes are, reading ends. */
Test(elf, damaged_modules_do_no_harm)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    size_t size;
    const char *bytes = module_bytes(ctx, &size);

    for (size_t i = 0; i < size; i++) {
        static const uint8_t values[] = {0x00, 0x7f, 0xff};
        VC_AUTO_TALLOC void *round = talloc_new(NULL);
        void *out;
        for (size_t v = 0; v < VC_COUNT(values); v++) {
            VC_AUTO_FREE char *copy = malloc(size);
            memcpy(copy, bytes, size);
            copy[i] = (char)values[v];
            vc_elf_strip_module(round, copy, size, &out, NULL);
            vc_elf_modinfo(round, copy, size, "depends");
        }
    }
}
