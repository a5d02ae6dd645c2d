/* What a guest image holds, and when it is made. */
#include "image_fixture.h"

TestSuite(image, .init = setup, .fini = teardown);

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
