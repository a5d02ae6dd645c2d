/* What the sealed tests of customers' configurations share. */
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "customer.h"

static char top[] = "/tmp/vclab-config-XXXXXX";
char *customer_results;

void customer_folder(void)
{
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    unsetenv("SUDO_UID");
    cr_assert(mkdtemp(top));
    customer_results = talloc_asprintf(NULL, "%s/results", top);
}

void customer_setup(void)
{
    if (!getenv("VCLAB_LABROOT")) {
        if (getenv("VCLAB_MUST_WORK"))
            cr_assert_fail("needs VCLAB_LABROOT, and VCLAB_MUST_WORK is set");
        cr_skip_test("needs VCLAB_LABROOT");
    }
    customer_folder();
}

static int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                        struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

void customer_teardown(void)
{
    nftw(top, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    talloc_free(customer_results);
}

char *in_top(void *ctx, const char *name)
{
    return talloc_asprintf(ctx, "%s/%s", top, name);
}

void put_text(const char *path, const char *text)
{
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0, "%s: %s", path, strerror(errno));
}

struct command *vclab_run(void *ctx, const char *const *argv)
{
    struct command *command = command_start(ctx, &(struct command_options){.argv = argv});

    command_end(command, 580000);
    return command;
}
/* The order, with keys as the configurations of tests/config/ios-xe have them. */
const char *write_order(void *ctx, const char *base)
{
    return write_order_as(ctx, base, "order");
}

const char *write_order_as(void *ctx, const char *base, const char *name)
{
    static const struct {
        const char *cisco, *transport, *remote, *address, *other;
    } tunnels[] = {{"203.0.113.1", "10.200.0.1", "192.0.2.1", "100.64.0.2/30", "100.64.0.1/30"},
                   {"203.0.113.129", "10.200.0.2", "192.0.2.129", "100.64.0.6/30", "100.64.0.5/30"}};
    char *path = in_top(ctx, talloc_asprintf(ctx, "%s.yaml", name)),
         *text = talloc_asprintf(ctx, "topology: %s\nbase: %s\ndescription: x\ntunnels:\n", name, base);

    for (size_t i = 0; i < VC_COUNT(tunnels); i++) {
        bool second = i == 1 && !strcmp(base, "two-cpe");

        text = talloc_asprintf_append(
            text,
            "  dc%zu:\n    dc: dc%zu\n    cpe: %s\n    ipsec: {cpe: %s,%s cisco: %s}\n    transport: {cpe: %s, cisco: "
            "%s}\n"
            "    address: {cpe: %s, cisco: %s}\n    psk: key-of-the-order\n    bgp_password: password-of-the-order\n",
            i + 1, i + 1, second ? "cpe2" : "cpe1", second ? "198.51.100.18" : "198.51.100.10",
            strcmp(base, "natted") ? "" : " private: 192.168.100.2,", tunnels[i].cisco, tunnels[i].transport,
            tunnels[i].remote, tunnels[i].address, tunnels[i].other);
    }
    put_text(path, text);
    return path;
}
