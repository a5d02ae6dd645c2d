/* vclab preflight: what this host can do, and how to get what is missing. */
#include <getopt.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/session.h"

static const char usage[] =
    "Usage: vclab preflight [--json]\n"
    "\n"
    "What this host can do and what is missing: sealed runs (QEMU and the lab root), live labs (root, a data plane,\n"
    "what gives their wires a character).\n"
    "Exit status: 0 labs run here, sealed or live; 3 neither.\n";

#define KVM_PROBE_MS 5000

/* Something this host should have; `detail` says what it is or why not. */
struct finding {
    const char *json, *name, *detail;
    bool ok;
};

enum { LABROOT, QEMU, IMAGE, KVM, ROOT, PLANE_KERNEL, PLANE_USER, NETEM, NS3, FINDINGS };

static void find(struct finding *finding, bool ok, const char *good, const char *bad)
{
    finding->ok = ok;
    finding->detail = ok ? good : bad ? bad : "not looked at";
}

/* The image needs the lab root, and probing KVM needs the image. */
static void find_sealed(void *ctx, struct finding *findings, vc_error **errors)
{
    struct session_options options = {.sealed = true, .quiet = true};
    char *qemu = vc_machine_version(ctx, NULL, &errors[QEMU]);
    struct session *session = findings[LABROOT].ok ? session_open(ctx, &options, &errors[IMAGE]) : NULL;
    bool kvm = session && qemu &&
               !vc_machine_probe_kvm(session->image->kernel, session->image->initrd, KVM_PROBE_MS, &errors[KVM]);

    find(&findings[QEMU], qemu, qemu, qemu ? NULL : errors[QEMU]->message);
    find(&findings[IMAGE], session, session ? session->image->kernel_version : NULL,
         errors[IMAGE] ? errors[IMAGE]->message : "needs the lab root");
    find(&findings[KVM], kvm, "runs the guest (--accel kvm)",
         errors[KVM] ? errors[KVM]->message : "needs QEMU and the guest image");
}

static void find_live(void *ctx, struct finding *findings, vc_error **errors)
{
    struct vc_planes planes = {0};
    bool root = !vc_planes_probe(ctx, &planes, &errors[ROOT]);

    find(&findings[ROOT], root, "namespaces can be made", root ? NULL : errors[ROOT]->message);
    find(&findings[PLANE_KERNEL], planes.kernel, "ip_gre and esp4", planes.why_not_kernel);
    find(&findings[PLANE_USER], planes.user, "libipsec and vclab's GRE endpoint", planes.why_not_user);
    const struct vc_wires_host *wires = root ? vc_wires_probe(ctx, &errors[NETEM]) : NULL;
    find(&findings[NETEM], wires && !wires->why_not_netem, "the kernel gives wires a character",
         wires ? wires->why_not_netem : NULL);
    find(&findings[NS3], wires && !wires->why_not_ns3, "vclab-wire carries links where the kernel cannot",
         wires ? wires->why_not_ns3 : NULL);
}

static void print_json(const struct finding *findings, bool sealed, bool live)
{
    VC_AUTO_JSON *doc = json_pack("{s:b, s:b, s:{}}", "sealed", sealed, "live", live, "detail");

    for (size_t i = 0; i < FINDINGS; i++) {
        json_object_set_new(doc, findings[i].json, json_boolean(findings[i].ok));
        json_object_set_new(json_object_get(doc, "detail"), findings[i].json, json_string(findings[i].detail));
    }
    json_dumpf(doc, stdout, JSON_INDENT(2));
    puts("");
}

static void print_text(const struct finding *findings, bool sealed, bool live)
{
    for (size_t i = 0; i < FINDINGS; i++)
        printf("  %s %-18s %s\n", findings[i].ok ? "ok     " : "missing", findings[i].name, findings[i].detail);
    printf("sealed runs %s\n", sealed ? "run here" : "cannot run here");
    printf("live labs %s\n", !live                       ? "cannot run here"
                             : findings[PLANE_KERNEL].ok ? "run here on the kernel data plane"
                                                         : "run here on the user-space data plane");
}

int vc_cmd_preflight(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'J'}, {"help", no_argument, NULL, 'h'}, {0}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct finding findings[FINDINGS] = {[LABROOT] = {"labroot", "lab root"},
                                         [QEMU] = {"qemu", "QEMU"},
                                         [IMAGE] = {"image", "guest image"},
                                         [KVM] = {"kvm", "KVM"},
                                         [ROOT] = {"root", "root"},
                                         [PLANE_KERNEL] = {"plane_kernel", "kernel data plane"},
                                         [PLANE_USER] = {"plane_user", "user data plane"},
                                         [NETEM] = {"wires_netem", "netem"},
                                         [NS3] = {"wires_ns3", "wires of ns-3"}};
    vc_error *errors[FINDINGS] = {NULL};
    bool json = false;
    int c;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c != 'J') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : VC_EXIT_USAGE;
        }
        json = true;
    }
    struct vc_labroot *labroot = vc_labroot_open(ctx, &errors[LABROOT]);
    find(&findings[LABROOT], labroot, labroot ? labroot->path : NULL, labroot ? NULL : errors[LABROOT]->message);
    find_sealed(ctx, findings, errors);
    find_live(ctx, findings, errors);
    bool sealed = findings[QEMU].ok && findings[IMAGE].ok;
    bool live = labroot && findings[ROOT].ok && (findings[PLANE_KERNEL].ok || findings[PLANE_USER].ok);
    (json ? print_json : print_text)(findings, sealed, live);
    for (size_t i = 0; i < FINDINGS; i++)
        vc_error_free(errors[i]);
    return sealed || live ? 0 : VC_EXIT_HOST;
}
