/*
 * The kernel: its vmlinux, and the modules of a sealed lab in an order in which each finds what it depends on. There is
 * no modules.dep in a lab root (maintainer scripts make it), so every module is asked itself.
 */
#include "vm/image_private.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>

#include "vm/elf.h"

/* What a sealed lab uses. Modules that these depend on come by themselves; in some kernels a module is built in. */
static const struct {
    const char *name;
    bool required;
} wanted[] = {
    /* the machine: results, nodes' root file systems */
    {"nfit", true},
    {"nd_pmem", true},
    {"overlay", true},
    /* wires */
    {"veth", true},
    {"tun", true},
    {"sch_netem", true},
    {"sch_tbf", true},
    /* GRE over ESP; what the suites need: AES-GCM with its IV generators, and CBC with HMAC */
    {"ip_gre", true},
    {"xfrm_user", true},
    {"esp4", true},
    {"aesni_intel", false},
    {"ghash_clmulni_intel", false},
    {"ghash_generic", false},
    {"ctr", true},
    {"gcm", true},
    {"seqiv", true},
    {"echainiv", true},
    {"drbg", true},
    {"cbc", true},
    {"hmac", true},
    {"sha256_generic", false},
    {"sha512_generic", false},
    {"authenc", true},
    /* firewalls of nodes and the fault "drop": meta, rt, counters and sets are in nf_tables itself */
    {"nf_tables", true},
    /* the customer's NAT */
    {"nft_chain_nat", true},
    {"nft_masq", true},
    /* a stateful firewall */
    {"nft_ct", true},
};

struct modules {
    struct image_tree *tree;
    const char *labroot, *version;
    json_t *files;   /* name → path of every module there is, relative to the lab root */
    json_t *builtin; /* names, as a set */
    json_t *done;    /* names, as a set */
    unsigned count;
};

static void free_archive(struct archive **archive)
{
    archive_read_free(*archive);
}

void *image_decompress(void *ctx, const void *data, size_t size, size_t limit, size_t *unpacked, vc_error **err)
{
    __attribute__((cleanup(free_archive))) struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    size_t room = size * 4 + 65536, done = 0;
    VC_AUTO_TALLOC char *out = NULL;

    /* Only what a kernel can be compressed with, all inside libarchive: no program is started. */
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_lzma(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_lz4(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_raw(archive);
    if (archive_read_open_memory(archive, data, size) || archive_read_next_header(archive, &entry)) {
        vc_fail(err, VC_EXIT_HOST, 0, "cannot decompress it: %s", archive_error_string(archive));
        return NULL;
    }
    for (ssize_t n = 1; n; done += (size_t)n) {
        if (!out || done == room) {
            room = done ? room * 2 : room;
            out = talloc_realloc_size(NULL, out, room);
        }
        n = archive_read_data(archive, out + done, room - done);
        if (n < 0 || done + (size_t)n > limit) {
            vc_fail(err, VC_EXIT_HOST, 0, "cannot decompress it: %s",
                    n < 0 ? archive_error_string(archive) : "it is far too large");
            return NULL;
        }
    }
    *unpacked = done;
    return talloc_steal(ctx, VC_STEAL_PTR(out));
}

/* The setup header of a bzImage (Documentation/arch/x86/boot.rst), version 2.08 and later. */
enum {
    SETUP_SECTS = 0x1f1,
    SETUP_MAGIC = 0x202,
    SETUP_VERSION = 0x206,
    PAYLOAD_OFFSET = 0x248,
    PAYLOAD_LENGTH = 0x24c,
    SETUP_END = 0x250
};

static uint32_t little(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;

    while (bytes--)
        value = value << 8 | at[bytes];
    return value;
}

void *image_kernel_unpack(void *ctx, const void *image, size_t size, size_t *unpacked, vc_error **err)
{
    const uint8_t *at = image;

    if (size < SETUP_END || memcmp(at + SETUP_MAGIC, "HdrS", 4) || little(at + SETUP_VERSION, 2) < 0x208) {
        vc_fail(err, VC_EXIT_HOST, 0, "it is no x86 kernel image");
        return NULL;
    }
    size_t setup = ((at[SETUP_SECTS] ? at[SETUP_SECTS] : 4) + 1U) * 512;
    size_t offset = setup + little(at + PAYLOAD_OFFSET, 4), length = little(at + PAYLOAD_LENGTH, 4);
    if (offset + length > size || length < 16) {
        vc_fail(err, VC_EXIT_HOST, 0, "it is truncated: %zu bytes of %zu", size, offset + length);
        return NULL;
    }
    /* The build appends the size of what was compressed; gzip ends in that anyway. */
    uint32_t expected = little(at + offset + length - 4, 4);
    if (memcmp(at + offset, "\x1f\x8b", 2) != 0)
        length -= 4;
    char *kernel = image_decompress(ctx, at + offset, length, 1U << 30, unpacked, err);
    if (kernel && (*unpacked != expected || *unpacked < sizeof(Elf64_Ehdr) || memcmp(kernel, ELFMAG, SELFMAG) != 0)) {
        vc_fail(err, VC_EXIT_HOST, 0, "it is damaged: its payload is not the kernel of %u bytes it promises", expected);
        talloc_free(kernel);
        return NULL;
    }
    return kernel;
}

char *image_kernel_version(void *ctx, struct image_tree *tree, const char *labroot, vc_error **err)
{
    static const char prefix[] = "vmlinuz-";
    VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s/boot", labroot);
    char *version = NULL;
    DIR *dir = opendir(folder);

    image_tree_note(tree, folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        const char *name = entry->d_name + sizeof prefix - 1;
        if (!strncmp(entry->d_name, prefix, sizeof prefix - 1) && (!version || strverscmp(name, version) > 0)) {
            talloc_free(version);
            version = talloc_strdup(ctx, name);
        }
    }
    if (dir)
        closedir(dir);
    if (!version)
        vc_fail(err, VC_EXIT_HOST, 0,
                "the lab root %s has no kernel (boot/vmlinuz-*); remove the folder and run ./vclab again", labroot);
    return version;
}

/* "x/y/nfnetlink-a.ko.xz" → "nfnetlink_a": how the kernel itself names a module. NULL when it is none. */
static char *module_name(void *ctx, const char *path)
{
    const char *base = strrchr(path, '/');
    char *name = talloc_strdup(ctx, base ? base + 1 : path), *end = strstr(name, ".ko");

    if (!end)
        return NULL;
    *end = '\0';
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    return name;
}

static int find_files(struct modules *modules, const char *folder, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    FTS *tree = fts_open((char *const[]){talloc_strdup(scratch, folder), NULL}, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

    for (const FTSENT *entry; tree && (entry = fts_read(tree));) {
        const char *name = entry->fts_info == FTS_F ? module_name(scratch, entry->fts_path) : NULL;
        if (name)
            json_object_set_new(modules->files, name, json_string(entry->fts_path + strlen(modules->labroot)));
    }
    if (tree)
        fts_close(tree);
    if (!json_object_size(modules->files))
        return vc_fail(err, VC_EXIT_HOST, 0, "the lab root has no kernel modules in %s", folder);
    return 0;
}

static int find_builtin(struct modules *modules, const char *folder, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    size_t size;
    char *rest = NULL,
         *list = image_tree_read(scratch, modules->tree, modules->labroot,
                                 talloc_asprintf(scratch, "%s/modules.builtin", folder), &size, NULL, err);

    if (!list)
        return -1;
    for (char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *name = module_name(scratch, line);
        if (name)
            json_object_set_new(modules->builtin, name, json_true());
    }
    return 0;
}

static int add_module(struct modules *modules, const char *name, bool required, vc_error **err);

/* `list`: names separated by commas. */
static int add_dependencies(struct modules *modules, char *list, vc_error **err) // NOLINT(misc-no-recursion)
{
    char *rest = NULL;

    for (char *name = strtok_r(list, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
        if (add_module(modules, name, true, err))
            return -1;
    return 0;
}

static int add_module(struct modules *modules, const char *name, bool required,
                      vc_error **err) // NOLINT(misc-no-recursion)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *key = module_name(scratch, talloc_asprintf(scratch, "%s.ko", name));
    const char *path = json_string_value(json_object_get(modules->files, key));
    size_t size, plain_size;
    void *stripped;

    if (json_object_get(modules->done, key) || (!path && (!required || json_object_get(modules->builtin, key))))
        return 0;
    if (!path)
        return vc_fail(err, VC_EXIT_HOST, 0,
                       "the kernel %s of the lab root %s has no module %s; remove the folder and run ./vclab again",
                       modules->version, modules->labroot, name);
    json_object_set_new(modules->done, key, json_true());
    const void *file = image_tree_read(scratch, modules->tree, modules->labroot, path, &size, NULL, err);
    if (!file)
        return -1;
    const void *plain = image_decompress(scratch, file, size, 256U << 20, &plain_size, err);
    if (!plain)
        return vc_wrap(err, "%s%s", modules->labroot, path);
    char *depends = vc_elf_modinfo(scratch, plain, plain_size, "depends");
    if (depends && add_dependencies(modules, depends, err))
        return -1;
    ssize_t length = vc_elf_strip_module(modules->tree, plain, plain_size, &stripped, err);
    if (length < 0)
        return vc_wrap(err, "%s%s", modules->labroot, path);
    image_tree_data(modules->tree, talloc_asprintf(scratch, "vclab/modules/%02u-%s.ko", modules->count++, key), 0644,
                    stripped, (size_t)length);
    return 0;
}

int image_add_modules(struct image_tree *tree, const char *labroot, const char *version, vc_error **err)
{
    VC_AUTO_JSON *files = json_object(), *builtin = json_object(), *done = json_object();
    VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "/usr/lib/modules/%s", version);
    VC_AUTO_TALLOC char *full = talloc_asprintf(NULL, "%s%s", labroot, folder);
    struct modules modules = {
        .tree = tree, .labroot = labroot, .version = version, .files = files, .builtin = builtin, .done = done};

    image_tree_folder(tree, "vclab/modules");
    if (find_files(&modules, full, err) || find_builtin(&modules, folder, err))
        return -1;
    for (size_t i = 0; i < VC_COUNT(wanted); i++)
        if (add_module(&modules, wanted[i].name, wanted[i].required, err))
            return -1;
    return 0;
}
