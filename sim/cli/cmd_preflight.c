/* vclab preflight: what this host can do, and how to get what is missing. */
#include <getopt.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"

static const char usage[] = "Usage: vclab preflight [--json]\n\nWhat this host can do and what is missing. Exit "
                            "status: 0 live labs run here, 3 they cannot.\n";

static void print(bool ok, const char *what, const char *detail)
{
    printf("  %s %-18s %s\n", ok ? "ok     " : "missing", what, detail);
}

int vc_cmd_preflight(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'J'}, {"help", no_argument, NULL, 'h'}, {0}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *no_planes = NULL;
    VC_AUTO_ERROR *no_root = NULL;
    struct vc_planes planes = {0};
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c != 'J') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : VC_EXIT_USAGE;
        }
        json = true;
    }
    bool privileged = !vc_planes_probe(ctx, &planes, &no_planes);
    struct vc_labroot *labroot = vc_labroot_open(ctx, &no_root);
    const char *kernel = planes.kernel           ? "ip_gre and esp4"
                         : planes.why_not_kernel ? planes.why_not_kernel
                                                 : "not probed";
    const char *user = planes.user           ? "libipsec and vclab's GRE endpoint"
                       : planes.why_not_user ? planes.why_not_user
                                             : "not probed";
    bool can = privileged && labroot && (planes.kernel || planes.user);
    if (json) {
        VC_AUTO_JSON *doc = json_pack("{s:b, s:b, s:b, s:b, s:b, s:s, s:s}", "live", can, "root", privileged, "labroot",
                                      labroot != NULL, "plane_kernel", planes.kernel, "plane_user", planes.user,
                                      "kernel", kernel, "user", user);
        json_dumpf(doc, stdout, JSON_INDENT(2));
        puts("");
        return can ? 0 : VC_EXIT_HOST;
    }
    print(privileged, "root", privileged ? "namespaces can be made" : no_planes->message);
    print(labroot != NULL, "lab root", labroot ? labroot->path : no_root->message);
    print(planes.kernel, "kernel data plane", kernel);
    print(planes.user, "user data plane", user);
    printf("live labs %s\n", !can            ? "cannot run here"
                             : planes.kernel ? "run here on the kernel data plane"
                                             : "run here on the user-space data plane");
    return can ? 0 : VC_EXIT_HOST;
}
