/* What is said when a guest image cannot be made. */
#include "image_fixture.h"

TestSuite(image_missing, .init = setup, .fini = teardown);

Test(image_missing, no_kernel)
{
    cr_assert_eq(unlink(at("root/boot/vmlinuz-6.1.0-test-amd64")), 0);
    refused_because("no kernel");
}

Test(image_missing, a_truncated_kernel)
{
    cr_assert_eq(truncate(at("root/boot/vmlinuz-6.1.0-test-amd64"), 1090), 0);
    refused_because("truncated");
    cr_assert_eq(truncate(at("root/boot/vmlinuz-6.1.0-test-amd64"), 100), 0);
    refused_because("no x86 kernel image");
}

Test(image_missing, a_damaged_kernel)
{
    VC_AUTO_FILE *file = fopen(at("root/boot/vmlinuz-6.1.0-test-amd64"), "r+e");

    cr_assert(file && fseek(file, 1024 + 32 + 8, SEEK_SET) == 0 && fputs("damage!!damage!!", file) >= 0);
    fclose(VC_STEAL_PTR(file));
    refused_because("vmlinuz-6.1.0-test-amd64");
}

Test(image_missing, a_missing_module)
{
    cr_assert_eq(unlink(at(MODULES "/kernel/drivers/net/veth.ko.xz")), 0);
    refused_because("no module veth");
    put_module(MODULES "/kernel/drivers/net/veth.ko.xz", "", "xz");
    cr_assert_eq(unlink(at(MODULES "/kernel/net/ipv4/gre.ko")), 0);
    refused_because("no module gre");
}

Test(image_missing, a_damaged_module)
{
    cr_assert_eq(truncate(at(MODULES "/kernel/drivers/net/veth.ko.xz"), 40), 0);
    refused_because("veth.ko.xz");
}

Test(image_missing, a_missing_program)
{
    cr_assert_eq(unlink(at("root/usr/sbin/d")), 0);
    refused_because("sbin/d is missing");
}

Test(image_missing, a_missing_library)
{
    cr_assert_eq(unlink(at("root/usr/lib/own/libd.so.1")), 0);
    refused_because("libd.so.1");
}

Test(image_missing, a_missing_library_of_a_plugin)
{
    cr_assert_eq(unlink(at(LIB "/libplug.so.2")), 0);
    refused_because("libplug.so.2");
}

Test(image_missing, no_kinds_of_nodes)
{
    cr_assert_eq(rename(at("nodes"), at("elsewhere")), 0);
    refused_because("no kinds of nodes");
}

Test(image_missing, the_cache_is_no_folder)
{
    text("cache", "a file");
    refused_because("XDG_CACHE_HOME");
}

Test(image_missing, the_disk_is_full)
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
