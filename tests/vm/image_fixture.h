/* A small lab root of the tests' own, of which guest images are made; the host's part is the real /bin/true. */
#pragma once

#include "elf_make.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "vm/image.h"

static char top[] = "/tmp/vclab-image-XXXXXX";
static void *names; /* texts made on the way; freed after each test */
static const char version[] = "6.1.0-test-amd64";

#define LIB     "root/usr/lib/x86_64-linux-gnu"
#define MODULES "root/usr/lib/modules/6.1.0-test-amd64"

static inline const char *at(const char *path)
{
    static char full[16][300];
    static unsigned next;
    char *to = full[next++ % 16];

    snprintf(to, sizeof full[0], "%s/%s", top, path);
    return to;
}

static inline void parents(const char *path)
{
    char copy[300];

    snprintf(copy, sizeof copy, "%s", at(path));
    for (char *slash = copy + strlen(top); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        cr_assert(mkdir(copy, 0755) == 0 || errno == EEXIST, "%s", copy);
        *slash = '/';
    }
}

static inline void put(const char *path, const void *data, size_t size)
{
    parents(path);
    VC_AUTO_FILE *file = fopen(at(path), "we");
    cr_assert(file && (!size || fwrite(data, size, 1, file) == 1), "%s", path);
}

static inline void text(const char *path, const char *content)
{
    put(path, content, strlen(content));
}

static inline void change_last_byte(const char *path)
{
    VC_AUTO_FILE *file = fopen(at(path), "r+e");

    cr_assert(file && fseek(file, -1, SEEK_END) == 0);
    int last = fgetc(file);
    cr_assert(last != EOF && fseek(file, -1, SEEK_END) == 0 && fputc(last == '#' ? ' ' : '#', file) != EOF, "%s", path);
}

/* ---- a lab root ---- */

/* The raw format is what `xz` or `zstd` alone write. */
static inline size_t compressed(const char *filter, const void *data, size_t size, char *out, size_t room)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    size_t used = 0;

    archive_write_set_format_raw(archive);
    archive_write_set_bytes_per_block(archive, 0);
    cr_assert_eq(archive_write_add_filter_by_name(archive, filter), ARCHIVE_OK);
    cr_assert_eq(archive_write_open_memory(archive, out, room, &used), ARCHIVE_OK);
    archive_entry_set_pathname(entry, "data");
    archive_entry_set_filetype(entry, AE_IFREG);
    cr_assert_eq(archive_write_header(archive, entry), ARCHIVE_OK);
    cr_assert_eq(archive_write_data(archive, data, size), (ssize_t)size);
    cr_assert_eq(archive_write_close(archive), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(archive);
    return used;
}

static char kernel[20000];

/* A bzImage: one boot sector and one of setup, then the compressed kernel with its size behind it. */
static inline void put_kernel(const char *path, const char *filter)
{
    static char image[40000];
    size_t length;

    static const uint8_t elf[] = {0x7f, 'E', 'L', 'F'}, setup_header[] = {'H', 'd', 'r', 'S', 0x0f, 0x02};
    memcpy(kernel, elf, sizeof elf);
    for (size_t i = SELFMAG; i < sizeof kernel; i++)
        kernel[i] = (char)(i * i >> 5);
    memset(image, 0, sizeof image);
    image[0x1f1] = 1;
    memcpy(image + 0x202, setup_header, sizeof setup_header);
    length = compressed(filter, kernel, sizeof kernel, image + 1024 + 32, sizeof image - 2048);
    if (strcmp(filter, "gzip") != 0) {
        const uint32_t size = sizeof kernel;
        memcpy(image + 1024 + 32 + length, &size, 4);
        length += 4;
    }
    const uint32_t payload[] = {32, (uint32_t)length};
    memcpy(image + 0x248, payload, sizeof payload);
    put(path, image, 1024 + 32 + length + 100);
}

static inline void put_module(const char *path, const char *depends, const char *filter)
{
    static char plain[65536], packed[65536];
    char modinfo[256];
    size_t size = (size_t)snprintf(modinfo, sizeof modinfo, "license=GPL%cdepends=%s", 0, depends) + 1;

    make_module(at("module"), modinfo, size);
    VC_AUTO_FILE *file = fopen(at("module"), "re");
    size = fread(plain, 1, sizeof plain, file);
    if (!filter)
        put(path, plain, size);
    else
        put(path, packed, compressed(filter, plain, size, packed, sizeof packed));
}

static inline void put_program(const char *path, const char *const *needed)
{
    parents(path);
    make_dynamic(at(path), EM_X86_64, "/lib64/ld-linux-x86-64.so.2", "/usr/lib/own", needed);
}

static inline void put_library(const char *path, const char *const *needed)
{
    parents(path);
    make_dynamic(at(path), EM_X86_64, NULL, NULL, needed);
}

#define NEEDS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* All that the image wants and put_modules does not make. */
static const char builtin[] =
    "kernel/drivers/nvdimm/nd_pmem.ko\nkernel/acpi/nfit.ko\nkernel/fs/overlay.ko\nkernel/net/tun.ko\n"
    "kernel/net/sched/sch_netem.ko\nkernel/net/sched/sch-tbf.ko\nkernel/net/xfrm_user.ko\nkernel/net/esp4.ko\n"
    "kernel/crypto/ctr.ko\nkernel/crypto/gcm.ko\nkernel/crypto/seqiv.ko\nkernel/crypto/echainiv.ko\n"
    "kernel/crypto/drbg.ko\nkernel/crypto/cbc.ko\nkernel/crypto/hmac.ko\nkernel/crypto/authenc.ko\n"
    "kernel/net/nf_tables.ko\nkernel/net/nft_chain_nat.ko\nkernel/net/nft_masq.ko\nkernel/net/nft_ct.ko\n";

static inline void put_modules(void)
{
    text(MODULES "/modules.builtin", builtin);
    put_module(MODULES "/kernel/drivers/net/veth.ko.xz", "", "xz");
    put_module(MODULES "/kernel/net/ipv4/ip_gre.ko.zst", "ip-tunnel,gre", "zstd");
    put_module(MODULES "/kernel/net/ipv4/gre.ko", "", NULL);
    put_module(MODULES "/kernel/net/ipv4/ip-tunnel.ko.gz", "", "gzip");
    put_module(MODULES "/kernel/net/unwanted.ko.xz", "", "xz");
}

static inline void put_labroot(void)
{
    static const char *const programs[] = {"bash", "env", "ip", "ping"};
    static const char *const texts[] = {"etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/protocols",
                                        "etc/services"};

    for (size_t i = 0; i < VC_COUNT(texts); i++)
        text(talloc_asprintf(names, "root/%s", texts[i]), texts[i]);
    put_kernel("root/boot/vmlinuz-6.1.0-test-amd64", "zstd");
    put_modules();
    put_library("root/usr/lib64/ld-linux-x86-64.so.2", NEEDS());
    put_library(LIB "/libc.so.6", NEEDS("ld-linux-x86-64.so.2"));
    put_library(LIB "/libgcc_s.so.1", NEEDS("libc.so.6"));
    put_library(LIB "/libplug.so.2", NEEDS("libc.so.6"));
    put_library(LIB "/libunused.so.2", NEEDS("libc.so.6"));
    put_library("root/usr/lib/own/libd.so.1", NEEDS("libc.so.6"));
    put_library("root/usr/lib/ipsec/plugins/libstrongswan-one.so", NEEDS("libplug.so.2"));
    put_program("root/usr/sbin/d", NEEDS("libd.so.1", "libc.so.6"));
    for (size_t i = 0; i < VC_COUNT(programs); i++)
        put_program(talloc_asprintf(names, "root/usr/bin/%s", programs[i]), NEEDS("libc.so.6"));
    text("root/usr/share/terminfo/x/xterm-256color", "terminal");
    text("root/usr/share/iproute2/rt_protos", "names");
    cr_assert(symlink("usr/lib", at("root/lib")) == 0 && symlink("usr/lib64", at("root/lib64")) == 0 &&
              symlink("usr/sbin", at("root/sbin")) == 0);
}

static inline void setup(void)
{
    cr_assert(mkdtemp(top) != NULL);
    names = talloc_new(NULL);
    put_labroot();
    text("nodes/daemons.yaml", "d:\n  argv: [/sbin/d, -f]\n  ready: /run/d\n  log: /var/log/d\n"
                               "  files: {/etc/strongswan.conf: s.mustache}\n");
    text("nodes/k/kind.yaml", "description: a kind\ndaemons: [d]\n# the end\n");
    text("nodes/s.mustache", "charon {\n    load = {{#plane.user}}one {{/plane.user}}absent!\n}\n");
    VC_AUTO_FREE char *real = realpath("/bin/true", NULL);
    static char binary[65536 * 16];
    VC_AUTO_FILE *file = fopen(real, "re");
    size_t size = file ? fread(binary, 1, sizeof binary, file) : 0;
    cr_assert(size > 0);
    put("vclab", binary, size);
    cr_assert_eq(chmod(at("vclab"), 0755), 0);
}

static inline int remove_one(const char *path, const struct stat *st VC_UNUSED, int flag VC_UNUSED,
                             struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static inline void teardown(void)
{
    talloc_free(names);
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- asking for it ---- */

static inline void count_building(void *arg, const char *line)
{
    if (strstr(line, "building"))
        ++*(int *)arg;
}

static const char *const *asked_rare;

static inline struct vc_image *get_in(const char *cache, int *built, vc_error **err)
{
    static char labroot[300], binary[300], nodes[300];
    const struct vc_image_inputs inputs = {
        .labroot = labroot, .binary = binary, .nodes = nodes, .rare = asked_rare, .cache = cache};

    snprintf(labroot, sizeof labroot, "%s", at("root"));
    snprintf(binary, sizeof binary, "%s", at("vclab"));
    snprintf(nodes, sizeof nodes, "%s", at("nodes"));
    *built = 0;
    return vc_image_get(NULL, &inputs, count_building, built, err);
}

static inline struct vc_image *get(int *built)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_image *image = get_in(at("cache"), built, &err);

    cr_assert(image, "%s", err ? err->message : "");
    return image;
}

static inline void refused_because(const char *what)
{
    VC_AUTO_ERROR *err = NULL;
    int built;

    cr_assert_null(get_in(at("cache"), &built, &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, what), "%s", err->message);
}

static inline char *slurp(void *ctx, const char *path, size_t *size)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    struct stat st;

    cr_assert(file && fstat(fileno(file), &st) == 0, "%s", path);
    char *bytes = talloc_size(ctx, (size_t)st.st_size + 1);
    *size = fread(bytes, 1, (size_t)st.st_size, file);
    return bytes;
}

/* path → {"mode": octal text, "data": "…" for links, "size"} of the initramfs, and its paths in their order. */
static inline json_t *listing(const char *initrd, json_t *order)
{
    struct archive *archive = archive_read_new();
    struct archive_entry *entry;
    json_t *all = json_object();

    archive_read_support_format_cpio(archive);
    cr_assert_eq(archive_read_open_filename(archive, initrd, 65536), ARCHIVE_OK);
    while (archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        char mode[16];
        const char *link = archive_entry_symlink(entry);
        snprintf(mode, sizeof mode, "%o", archive_entry_mode(entry));
        cr_assert(archive_entry_mtime(entry) == 0 && archive_entry_uid(entry) == 0 && archive_entry_gid(entry) == 0);
        json_object_set_new(all, archive_entry_pathname(entry),
                            json_pack("{s:s, s:s, s:I}", "mode", mode, "link", link ? link : "", "size",
                                      (json_int_t)archive_entry_size(entry)));
        json_array_append_new(order, json_string(archive_entry_pathname(entry)));
    }
    archive_read_free(archive);
    return all;
}
