/* The guest image, made from a small lab root of the test's own; the host's part is the real /bin/true. */
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

static const char *at(const char *path)
{
    static char full[16][300];
    static unsigned next;
    char *to = full[next++ % 16];

    snprintf(to, sizeof full[0], "%s/%s", top, path);
    return to;
}

static void parents(const char *path)
{
    char copy[300];

    snprintf(copy, sizeof copy, "%s", at(path));
    for (char *slash = copy + strlen(top); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        cr_assert(mkdir(copy, 0755) == 0 || errno == EEXIST, "%s", copy);
        *slash = '/';
    }
}

static void put(const char *path, const void *data, size_t size)
{
    parents(path);
    VC_AUTO_FILE *file = fopen(at(path), "we");
    cr_assert(file && (!size || fwrite(data, size, 1, file) == 1), "%s", path);
}

static void text(const char *path, const char *content)
{
    put(path, content, strlen(content));
}

static void change_last_byte(const char *path)
{
    VC_AUTO_FILE *file = fopen(at(path), "r+e");

    cr_assert(file && fseek(file, -1, SEEK_END) == 0);
    int last = fgetc(file);
    cr_assert(last != EOF && fseek(file, -1, SEEK_END) == 0 && fputc(last == '#' ? ' ' : '#', file) != EOF, "%s", path);
}

/* ---- a lab root ---- */

/* The raw format is what `xz` or `zstd` alone write. */
static size_t compressed(const char *filter, const void *data, size_t size, char *out, size_t room)
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
static void put_kernel(const char *path, const char *filter)
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

static void put_module(const char *path, const char *depends, const char *filter)
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

static void put_program(const char *path, const char *const *needed)
{
    parents(path);
    make_dynamic(at(path), EM_X86_64, "/lib64/ld-linux-x86-64.so.2", "/usr/lib/own", needed);
}

static void put_library(const char *path, const char *const *needed)
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

static void put_modules(void)
{
    text(MODULES "/modules.builtin", builtin);
    put_module(MODULES "/kernel/drivers/net/veth.ko.xz", "", "xz");
    put_module(MODULES "/kernel/net/ipv4/ip_gre.ko.zst", "ip-tunnel,gre", "zstd");
    put_module(MODULES "/kernel/net/ipv4/gre.ko", "", NULL);
    put_module(MODULES "/kernel/net/ipv4/ip-tunnel.ko.gz", "", "gzip");
    put_module(MODULES "/kernel/net/unwanted.ko.xz", "", "xz");
}

static void put_labroot(void)
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

static void setup(void)
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

static int remove_one(const char *path, const struct stat *st VC_UNUSED, int flag VC_UNUSED, struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    talloc_free(names);
    nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(image, .init = setup, .fini = teardown);

/* ---- asking for it ---- */

static void count_building(void *arg, const char *line)
{
    if (strstr(line, "building"))
        ++*(int *)arg;
}

static const char *const *asked_rare;

static struct vc_image *get_in(const char *cache, int *built, vc_error **err)
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

static struct vc_image *get(int *built)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_image *image = get_in(at("cache"), built, &err);

    cr_assert(image, "%s", err ? err->message : "");
    return image;
}

static void refused_because(const char *what)
{
    VC_AUTO_ERROR *err = NULL;
    int built;

    cr_assert_null(get_in(at("cache"), &built, &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
    cr_assert(strstr(err->message, what), "%s", err->message);
}

static char *slurp(void *ctx, const char *path, size_t *size)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    struct stat st;

    cr_assert(file && fstat(fileno(file), &st) == 0, "%s", path);
    char *bytes = talloc_size(ctx, (size_t)st.st_size + 1);
    *size = fread(bytes, 1, (size_t)st.st_size, file);
    return bytes;
}

/* path → {"mode": octal text, "data": "…" for links, "size"} of the initramfs, and its paths in their order. */
static json_t *listing(const char *initrd, json_t *order)
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

Test(image, holds_what_a_sealed_lab_runs)
{
    static const struct {
        const char *path, *mode, *link;
    } expected[] = {
        {"init", "100755", ""},
        {"proc", "40755", ""},
        {"newroot", "40755", ""},
        {"results", "40755", ""},
        {"vclab/nodes/k/kind.yaml", "100644", ""},
        {"vclab/nodes/s.mustache", "100644", ""},
        {"vclab/modules/00-veth.ko", "100644", ""},
        {"vclab/modules/01-ip_tunnel.ko", "100644", ""},
        {"vclab/modules/02-gre.ko", "100644", ""},
        {"vclab/modules/03-ip_gre.ko", "100644", ""},
        {"labroot/lib", "120777", "usr/lib"},
        {"labroot/lib64", "120777", "usr/lib64"},
        {"labroot/sbin", "120777", "usr/sbin"},
        {"labroot/usr/sbin/d", "100755", ""},
        {"labroot/usr/lib/own/libd.so.1", "100755", ""},
        {"labroot/usr/lib/x86_64-linux-gnu/libc.so.6", "100755", ""},
        {"labroot/usr/lib/x86_64-linux-gnu/libgcc_s.so.1", "100755", ""},
        {"labroot/usr/lib/x86_64-linux-gnu/libplug.so.2", "100755", ""},
        {"labroot/usr/lib/ipsec/plugins/libstrongswan-one.so", "100755", ""},
        {"labroot/usr/lib64/ld-linux-x86-64.so.2", "100755", ""},
        {"labroot/usr/share/terminfo/x/xterm-256color", "100644", ""},
        {"labroot/usr/share/iproute2/rt_protos", "100644", ""},
        {"labroot/etc/passwd", "100644", ""},
        {"labroot/var/log", "40755", ""},
        {"labroot/var/run", "120777", "/run"},
    };
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_JSON *order = json_array(), *all = listing(image->initrd, order);
    size_t size;
    const char *vmlinux = slurp(image, image->kernel, &size);

    cr_assert_eq(built, 1);
    cr_assert_str_eq(image->kernel_version, version);
    cr_assert(size == sizeof kernel && !memcmp(vmlinux, kernel, size));
    for (size_t i = 0; i < VC_COUNT(expected); i++) {
        json_t *entry = json_object_get(all, expected[i].path);
        cr_expect(entry, "%s is missing", expected[i].path);
        cr_expect_str_eq(json_string_value(json_object_get(entry, "mode")), expected[i].mode, "%s", expected[i].path);
        cr_expect_str_eq(json_string_value(json_object_get(entry, "link")), expected[i].link, "%s", expected[i].path);
    }
    cr_assert_null(json_object_get(all, "vclab/modules/04-unwanted.ko"));
    cr_assert_null(json_object_get(all, "labroot/usr/lib/x86_64-linux-gnu/libunused.so.2"));
    cr_assert_null(json_object_get(all, "labroot/boot"));
}

/* A daemon that most topologies do without, and what it opens by name, are in the image of those that have it. */
Test(image, rare_daemons_are_only_where_they_are_asked_for)
{
    static const char *const with[] = {"labroot/usr/sbin/r", "labroot/usr/lib/own/librare.so.1",
                                       "labroot/usr/lib/own/libplugin.so",
                                       "labroot/usr/lib/x86_64-linux-gnu/libbehind.so.1", "labroot/var/lib/r/keys.db"};
    static const char *const rare[] = {"r", NULL}, *const none[] = {NULL};
    int built;

    text("nodes/daemons.yaml", "d:\n  argv: [/sbin/d]\n  ready: /run/d\n  log: /l\n"
                               "r:\n  argv: [/sbin/r]\n  ready: /run/r\n  log: /l\n  rare: true\n"
                               "  opens: [usr/lib/own/libplugin.so, var/lib/r/keys.db]\n");
    text("nodes/k/kind.yaml", "description: a kind\ndaemons: [d, r]\n");
    put_program("root/usr/sbin/r", NEEDS("librare.so.1", "libc.so.6"));
    put_library("root/usr/lib/own/librare.so.1", NEEDS("libc.so.6"));
    put_library("root/usr/lib/own/libplugin.so", NEEDS("libbehind.so.1"));
    put_library(LIB "/libbehind.so.1", NEEDS("libc.so.6"));
    text("root/var/lib/r/keys.db", "keys");
    asked_rare = rare;
    VC_AUTO_TALLOC struct vc_image *large = get(&built);
    cr_assert_eq(built, 1);
    asked_rare = NULL;
    VC_AUTO_TALLOC struct vc_image *small = get(&built);
    cr_assert_eq(built, 1);
    cr_assert_str_neq(large->id, small->id);
    asked_rare = none;
    VC_AUTO_TALLOC struct vc_image *same = get(&built);
    cr_assert_str_eq(same->id, small->id);
    asked_rare = rare;
    VC_AUTO_TALLOC struct vc_image *again = get(&built);
    cr_assert_eq(built, 0);
    cr_assert_str_eq(again->id, large->id);

    VC_AUTO_JSON *order = json_array(), *all = listing(large->initrd, order);
    VC_AUTO_JSON *other_order = json_array(), *fewer = listing(small->initrd, other_order);
    for (size_t i = 0; i < VC_COUNT(with); i++) {
        cr_expect(json_object_get(all, with[i]), "%s is missing", with[i]);
        cr_expect_not(json_object_get(fewer, with[i]), "%s is not wanted", with[i]);
    }
    cr_assert_eq(unlink(at("root/var/lib/r/keys.db")), 0);
    refused_because("var/lib/r/keys.db is missing (r opens it)");
}

/* The kernel makes no folders by itself. */
Test(image, folders_come_before_what_is_in_them)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_JSON *order = json_array(), *all = listing(image->initrd, order), *seen = json_object();
    size_t i;
    const json_t *path;

    cr_assert_eq(json_object_size(all), json_array_size(order), "no path twice");
    json_array_foreach(order, i, path)
    {
        VC_AUTO_FREE char *folder = strdup(json_string_value(path));
        char *slash = strrchr(folder, '/');
        json_object_set_new(seen, json_string_value(path), json_true());
        if (!slash)
            continue;
        *slash = '\0';
        cr_assert(json_object_get(seen, folder), "%s comes before its folder", json_string_value(path));
    }
}

/* What the guest's loader will do, done here: the binary runs in a root that holds only the host's part. */
Test(image, vclab_finds_its_libraries_where_the_image_has_them)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_JSON *order = json_array(), *all = listing(image->initrd, order);
    char loader[] = "lib64/ld-linux-x86-64.so.2";
    json_t *link = json_object_get(all, "lib64");
    VC_AUTO_TALLOC char *place =
        link ? talloc_asprintf(NULL, "%s/%s", json_string_value(json_object_get(link, "link")), strchr(loader, '/') + 1)
             : talloc_strdup(NULL, loader);

    cr_assert(json_object_get(all, place), "no loader at %s", place);
    cr_assert(json_object_get(all, "usr/lib/x86_64-linux-gnu/libc.so.6") ||
                  json_object_get(all, "lib/x86_64-linux-gnu/libc.so.6") ||
                  json_object_get(all, "usr/lib64/libc.so.6") || json_object_get(all, "lib64/libc.so.6"),
              "no libc in a folder that a loader knows");
}

Test(image, is_found_again_without_building)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *first = get(&built);
    VC_AUTO_TALLOC struct vc_image *second = get(&built);

    cr_assert_eq(built, 0);
    cr_assert_str_eq(first->id, second->id);
    cr_assert_str_eq(first->kernel, second->kernel);
    cr_assert_str_eq(first->initrd, second->initrd);
    cr_assert_str_eq(second->kernel_version, version);
}

Test(image, same_inputs_give_the_same_bytes)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *first = get(&built);
    const struct timespec long_ago[2] = {{1000, 1}, {1000, 1}};
    size_t size, other_size;

    cr_assert_eq(utimensat(AT_FDCWD, at("root/usr/sbin/d"), long_ago, 0), 0);
    umask(077);
    VC_AUTO_TALLOC struct vc_image *second = get_in(at("other"), &built, NULL);
    cr_assert_eq(built, 1);
    cr_assert_str_eq(first->id, second->id);
    const char *bytes = slurp(first, first->initrd, &size), *other = slurp(second, second->initrd, &other_size);
    cr_assert(size == other_size && !memcmp(bytes, other, size));
}

/* Each input by itself; and when it is as it was, the image is as it was, without building. */
Test(image, every_input_counts)
{
    static const char *const inputs[] = {
        "root/boot/vmlinuz-6.1.0-test-amd64",
        "root/usr/sbin/d",
        "root/lib/x86_64-linux-gnu/libplug.so.2",
        "root/etc/services",
        "vclab",
        "nodes/s.mustache",
        "nodes/k/kind.yaml",
        "root/usr/lib64/ld-linux-x86-64.so.2",
    };
    int built;
    VC_AUTO_TALLOC struct vc_image *first = get(&built);

    for (size_t i = 0; i < VC_COUNT(inputs); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        size_t size;
        const char *bytes = slurp(ctx, at(inputs[i]), &size);
        change_last_byte(inputs[i]);
        VC_AUTO_TALLOC struct vc_image *changed = get(&built);
        cr_assert_eq(built, 1, "%s", inputs[i]);
        cr_assert_str_neq(changed->id, first->id, "%s", inputs[i]);
        put(inputs[i], bytes, size);
        VC_AUTO_TALLOC struct vc_image *back = get(&built);
        cr_assert_eq(built, 0, "%s", inputs[i]);
        cr_assert_str_eq(back->id, first->id, "%s", inputs[i]);
    }
}

/* As `cp --preserve` over a file does it. */
Test(image, a_change_that_keeps_the_time_counts)
{
    int built;
    struct stat st;
    VC_AUTO_TALLOC struct vc_image *first = get(&built);

    cr_assert_eq(stat(at("root/etc/services"), &st), 0);
    change_last_byte("root/etc/services");
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    cr_assert_eq(utimensat(AT_FDCWD, at("root/etc/services"), times, 0), 0);
    VC_AUTO_TALLOC struct vc_image *second = get(&built);
    cr_assert_str_neq(first->id, second->id);
}

Test(image, a_new_file_counts)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *first = get(&built);

    text("nodes/k/new.mustache", "x");
    VC_AUTO_TALLOC struct vc_image *second = get(&built);
    cr_assert_str_neq(first->id, second->id);
    put_kernel("root/boot/vmlinuz-6.1.0-test-amd65", "xz");
    refused_because("6.1.0-test-amd65");
}

Test(image, kernels_come_compressed_in_many_ways)
{
    static const char *const filters[] = {"gzip", "bzip2", "lzma", "xz", "lz4", "zstd"};

    for (size_t i = 0; i < VC_COUNT(filters); i++) {
        int built;
        size_t size;
        put_kernel("root/boot/vmlinuz-6.1.0-test-amd64", filters[i]);
        VC_AUTO_TALLOC struct vc_image *image = get(&built);
        const char *bytes = slurp(image, image->kernel, &size);
        cr_assert(built == 1 && size == sizeof kernel && !memcmp(bytes, kernel, size), "%s", filters[i]);
    }
}

/* ---- damage ---- */

Test(image, a_damaged_one_is_made_anew)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_TALLOC char *meta =
        talloc_asprintf(NULL, "%.*s/image.json", (int)(strrchr(image->kernel, '/') - image->kernel), image->kernel);
    const char *const paths[] = {image->kernel, image->initrd, meta};

    for (size_t i = 0; i < VC_COUNT(paths); i++) {
        size_t size, again;
        VC_AUTO_TALLOC char *was = slurp(NULL, paths[i], &size);
        cr_assert_eq(truncate(paths[i], (off_t)size / 2), 0);
        VC_AUTO_TALLOC struct vc_image *made = get(&built);
        VC_AUTO_TALLOC char *is = slurp(NULL, paths[i], &again);
        cr_assert(built == 1 && size == again && !memcmp(was, is, size), "%s", paths[i]);
        cr_assert_eq(unlink(paths[i]), 0);
        VC_AUTO_TALLOC struct vc_image *gone = get(&built);
        cr_assert_eq(built, 1, "%s", paths[i]);
    }
}

Test(image, a_damaged_index_is_not_believed)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_TALLOC char *list = talloc_asprintf(NULL, "%s/cache/images", top);
    static const char *const contents[] = {"", "{", "{\"id\": \"x\", \"inputs\": {}}", "[]"};

    for (size_t i = 0; i < VC_COUNT(contents); i++) {
        struct dirent **entries;
        int count = scandir(list, &entries, NULL, alphasort);
        for (int e = 0; e < count; e++) {
            if (!strncmp(entries[e]->d_name, "index-", 6)) {
                VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "cache/images/%s", entries[e]->d_name);
                text(path, contents[i]);
            }
            free(entries[e]);
        }
        free(entries);
        VC_AUTO_TALLOC struct vc_image *again = get(&built);
        cr_assert(built == 0 && !strcmp(again->id, image->id), "%s", contents[i]);
    }
}

Test(image, what_an_interrupted_build_left_is_removed)
{
    int built;

    text("cache/images/new-0123456789abcdef0123456789abcdef/initrd", "half");
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    cr_assert_neq(access(at("cache/images/new-0123456789abcdef0123456789abcdef"), F_OK), 0);
}

/* ---- what is missing ---- */

Test(image, no_kernel)
{
    cr_assert_eq(unlink(at("root/boot/vmlinuz-6.1.0-test-amd64")), 0);
    refused_because("no kernel");
}

Test(image, a_truncated_kernel)
{
    cr_assert_eq(truncate(at("root/boot/vmlinuz-6.1.0-test-amd64"), 1090), 0);
    refused_because("truncated");
    cr_assert_eq(truncate(at("root/boot/vmlinuz-6.1.0-test-amd64"), 100), 0);
    refused_because("no x86 kernel image");
}

Test(image, a_damaged_kernel)
{
    VC_AUTO_FILE *file = fopen(at("root/boot/vmlinuz-6.1.0-test-amd64"), "r+e");

    cr_assert(file && fseek(file, 1024 + 32 + 8, SEEK_SET) == 0 && fputs("damage!!damage!!", file) >= 0);
    fclose(VC_STEAL_PTR(file));
    refused_because("vmlinuz-6.1.0-test-amd64");
}

Test(image, a_missing_module)
{
    cr_assert_eq(unlink(at(MODULES "/kernel/drivers/net/veth.ko.xz")), 0);
    refused_because("no module veth");
    put_module(MODULES "/kernel/drivers/net/veth.ko.xz", "", "xz");
    cr_assert_eq(unlink(at(MODULES "/kernel/net/ipv4/gre.ko")), 0);
    refused_because("no module gre");
}

Test(image, a_damaged_module)
{
    cr_assert_eq(truncate(at(MODULES "/kernel/drivers/net/veth.ko.xz"), 40), 0);
    refused_because("veth.ko.xz");
}

Test(image, a_missing_program)
{
    cr_assert_eq(unlink(at("root/usr/sbin/d")), 0);
    refused_because("sbin/d is missing");
}

Test(image, a_missing_library)
{
    cr_assert_eq(unlink(at("root/usr/lib/own/libd.so.1")), 0);
    refused_because("libd.so.1");
}

Test(image, a_missing_library_of_a_plugin)
{
    cr_assert_eq(unlink(at(LIB "/libplug.so.2")), 0);
    refused_because("libplug.so.2");
}

Test(image, no_kinds_of_nodes)
{
    cr_assert_eq(rename(at("nodes"), at("elsewhere")), 0);
    refused_because("no kinds of nodes");
}

Test(image, the_cache_is_no_folder)
{
    text("cache", "a file");
    refused_because("XDG_CACHE_HOME");
}

Test(image, the_disk_is_full)
{
    VC_AUTO_ERROR *err = NULL;
    int built;

    /* Every file that is made is too large for it. */
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {10000, 10000};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_null(get_in(at("cache"), &built, &err));
    cr_assert(strstr(err->message, "cannot write"), "%s", err->message);
    VC_AUTO_TALLOC char *left = talloc_asprintf(NULL, "%s/cache/images", top);
    struct dirent **entries;
    int count = scandir(left, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    cr_assert_eq(count, 3, "only ., .. and the lock stay");
}

/* ---- several, and old ones ---- */

Test(image, two_at_the_same_time_build_once)
{
    enum { CALLERS = 4 };
    struct shared {
        int built[CALLERS];
        char ids[CALLERS][33];
    } *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int total = 0;
    pid_t pids[CALLERS];

    for (int i = 0; i < CALLERS; i++)
        if (!(pids[i] = fork())) {
            /* No assertion here: Criterion waits for ever when a child of a test reports one. */
            const struct vc_image *image = get_in(at("cache"), &shared->built[i], NULL);
            if (image)
                memcpy(shared->ids[i], image->id, sizeof image->id);
            _exit(0);
        }
    for (int i = 0; i < CALLERS; i++) {
        int status;
        cr_assert(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
        total += shared->built[i];
        cr_assert(*shared->ids[i] && !strcmp(shared->ids[i], shared->ids[0]));
    }
    cr_assert_eq(total, 1);
}

static void put_old_image(const char *name, time_t age)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "cache/images/%s/initrd", name);
    const struct timespec then[2] = {{time(NULL) - age, 0}, {time(NULL) - age, 0}};

    text(path, "old");
    *strrchr(path, '/') = '\0';
    cr_assert_eq(utimensat(AT_FDCWD, at(path), then, 0), 0);
}

Test(image, unused_ones_are_removed_after_thirty_days)
{
    int built;

    put_old_image("00000000000000000000000000000001", 29 * 86400);
    put_old_image("00000000000000000000000000000002", 31 * 86400);
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    cr_assert_eq(access(at("cache/images/00000000000000000000000000000001"), F_OK), 0);
    cr_assert_neq(access(at("cache/images/00000000000000000000000000000002"), F_OK), 0);
    cr_assert_eq(access(image->kernel, F_OK), 0);
}

Test(image, use_keeps_one_alive)
{
    int built;
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    VC_AUTO_TALLOC char *folder =
        talloc_strndup(NULL, image->kernel, (size_t)(strrchr(image->kernel, '/') - image->kernel));
    const struct timespec then[2] = {{1000, 0}, {1000, 0}};
    struct stat st;

    cr_assert_eq(utimensat(AT_FDCWD, folder, then, 0), 0);
    VC_AUTO_TALLOC struct vc_image *again = get(&built);
    cr_assert(stat(folder, &st) == 0 && st.st_mtime > 1000);
}

Test(image, of_many_the_least_recently_used_go_unless_one_may_be_in_use)
{
    int built, left = 0;

    for (int i = 0; i < 9; i++)
        put_old_image(talloc_asprintf(names, "%032x", i), 600 + i);
    for (int i = 9; i < 15; i++)
        put_old_image(talloc_asprintf(names, "%032x", i), 86400 + i);
    VC_AUTO_TALLOC struct vc_image *image = get(&built);
    for (int i = 0; i < 15; i++)
        left += !access(at(talloc_asprintf(names, "cache/images/%032x", i)), F_OK);
    cr_assert_eq(left, 9);
    cr_assert_eq(access(at("cache/images/00000000000000000000000000000008"), F_OK), 0);
}

/* ---- where it is ---- */

Test(image, the_cache_directory_follows_the_environment)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct stat st;

    setenv("XDG_CACHE_HOME", at("xdg/deep"), 1);
    cr_assert_str_eq(vc_cache_dir(ctx, NULL), at("xdg/deep/vclab"));
    cr_assert(stat(at("xdg/deep/vclab"), &st) == 0 && S_ISDIR(st.st_mode));
    unsetenv("XDG_CACHE_HOME");
    unsetenv("SUDO_UID");
    setenv("HOME", at("home"), 1);
    cr_assert_str_eq(vc_cache_dir(ctx, NULL), at("home/.cache/vclab"));
    text("file", "");
    setenv("XDG_CACHE_HOME", at("file"), 1);
    VC_AUTO_ERROR *err = NULL;
    cr_assert_null(vc_cache_dir(ctx, &err));
    cr_assert_eq(err->status, VC_EXIT_HOST);
}

Test(image, under_sudo_it_belongs_to_the_caller)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct stat st;
    int built;

    if (geteuid() != 0)
        cr_skip_test("only root can give files away");
    setenv("SUDO_UID", "4242", 1);
    setenv("SUDO_GID", "4243", 1);
    setenv("XDG_CACHE_HOME", at("sudo"), 1);
    const char *cache = vc_cache_dir(ctx, NULL);
    VC_AUTO_TALLOC struct vc_image *image = get_in(NULL, &built, NULL);
    const char *const paths[] = {at("sudo"), cache, image->kernel, image->initrd, at("sudo/vclab/images/lock")};
    for (size_t i = 0; i < VC_COUNT(paths); i++)
        cr_assert(stat(paths[i], &st) == 0 && st.st_uid == 4242 && st.st_gid == 4243, "%s", paths[i]);
}
