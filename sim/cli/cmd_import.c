/* vclab import: a customer's own configuration as the node of a topology. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/session.h"
#include "config/import.h"
#include "net/vici.h"

static const char usage[] =
    "Usage: vclab import --from ios-xe FILE --topology ORDER -o TOPOLOGY [--node CPE] [--timers PROFILE] [--json]\n"
    "       vclab import --from strongswan-frr DIR --topology ORDER -o TOPOLOGY --node CPE\n"
    "\n"
    "Reads a running-config of IOS-XE, holds it against the order and writes a topology that starts from the order's: "
    "what the\n"
    "configuration has otherwise is its CPE's `configure`, so that it fails in the lab as it would fail in the field. "
    "Each line that\n"
    "differs, and each that is not understood, is told with its number. No key of the file is kept.\n"
    "  --topology ORDER  the order's topology, a file (as vclab activate writes it) or a name of vclab's own\n"
    "  -o TOPOLOGY       NAME.yaml, beside the order's file or anywhere for vclab's own topologies; - for standard "
    "output\n"
    "  --node CPE        the order's CPE; else the one that the configuration looks like\n"
    "  --timers PROFILE  timers that are this profile's need not be said; else the configuration's count in all "
    "scenarios\n"
    "  --json            what was found, for programs (vclab.import/1)\n"
    "strongswan-frr: DIR, below the folder of TOPOLOGY, has a swanctl.conf, a frr.conf or both; the node has them as "
    "they "
    "are.\n"
    "\n"
    "Exit status: 0 written, 2 bad usage, no running-config, or something that no knob can say.\n";

struct import_options {
    const char *form, *file, *order, *out, *node, *timers;
    bool json;
};

/* ---- files ---- */

static char *read_whole(void *ctx, const char *path, size_t *size, vc_error **err)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    char *text = talloc_size(ctx, VC_IOS_MAX + 2);

    *size = file ? fread(text, 1, VC_IOS_MAX + 1, file) : 0;
    if (!file || ferror(file)) {
        vc_fail(err, VC_EXIT_USAGE, errno, "cannot read %s", path);
        return NULL;
    }
    text[*size] = '\0';
    return text;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* "NAME.yaml" → NAME, which the document is called. NULL: the file has another ending. */
static char *document_name(void *ctx, const char *out, vc_error **err)
{
    const char *name = strcmp(out, "-") != 0 ? last_part(out) : "imported.yaml", *end = strrchr(name, '.');

    if (end && end != name && !strcmp(end, ".yaml"))
        return talloc_strndup(ctx, name, (size_t)(end - name));
    vc_fail(err, VC_EXIT_USAGE, 0, "-o %s: a topology's file is NAME.yaml", out);
    return NULL;
}

static char *folder_of(void *ctx, const char *out)
{
    return talloc_strndup(ctx, out, (size_t)(last_part(out) - out));
}

static int write_all(const char *path, const char *text, vc_error **err)
{
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t size = strlen(text);

    if (fd < 0 || write(fd, text, size) != (ssize_t)size || close(VC_STEAL_FD(fd)))
        return vc_fail(err, VC_EXIT_USAGE, errno, "cannot write %s", path);
    return 0;
}

/* What is written must be a topology: else a value of the configuration is one that no node can have. Then what was
 * there before stays. */
static int write_document(void *ctx, const char *out, const char *text, vc_error **err)
{
    const char *before = talloc_asprintf(ctx, "%s.%d.before", out, (int)getpid());

    if (!strcmp(out, "-"))
        return fputs(text, stdout) == EOF || fflush(stdout)
                   ? vc_fail(err, VC_EXIT_HOST, errno, "cannot write to standard output")
                   : 0;
    bool replaced = !rename(out, before);
    if (write_all(out, text, err) == 0 && vc_topology_load(ctx, out, session_folder(ctx, "nodes"), err)) {
        unlink(before);
        return 0;
    }
    if (!replaced || rename(before, out))
        unlink(out);
    return vc_wrap(err, "what was read makes no topology");
}

/* ---- IOS-XE ---- */

static int tell(const struct import_options *options, const struct vc_import *import)
{
    VC_AUTO_TALLOC char *report = vc_import_report(NULL, import);

    fputs(report, stderr);
    if (options->json && strcmp(options->out, "-") != 0) {
        VC_AUTO_JSON *document = vc_import_json(import);
        json_dumpf(document, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    return import->cpe->error_count ? VC_EXIT_USAGE : VC_EXIT_PASS;
}

static int import_ios(const struct import_options *options, const struct vc_topology *order, size_t node,
                      const char *name, const char *base, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_import_options how = {order, node, options->timers, session_folder(ctx, "nodes")};
    size_t size;
    const char *text = read_whole(ctx, options->file, &size, err);
    const struct vc_import *import = text ? vc_import_ios(ctx, &how, options->file, text, size, err) : NULL;

    if (!import)
        return -1;
    int status = tell(options, import);
    if (status)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: %zu of its lines can be expressed by no knob; %s is not written",
                       options->file, import->cpe->error_count, options->out);
    return write_document(ctx, options->out, vc_import_document(ctx, import, name, base), err);
}

/* ---- files of the owner's ---- */

/* The lab follows SAs by the tunnels' names. */
static int check_swanctl(void *ctx, const char *path, const struct vc_topology *order, size_t node, vc_error **err)
{
    size_t size;
    const char *text = read_whole(ctx, path, &size, err);
    VC_AUTO_JSON *config = text ? vc_swanctl_parse(text, err) : NULL;

    if (!config)
        return vc_wrap(err, "%s", path);
    for (size_t i = 0; i < order->tunnel_count; i++) {
        const char *tunnel = order->tunnels[i].name;
        const json_t *connection = json_object_get(json_object_get(config, "connections"), tunnel);

        if (order->tunnels[i].cpe == node && !json_object_get(json_object_get(connection, "children"), tunnel))
            return vc_fail(err, VC_EXIT_USAGE, 0,
                           "%s: no connection %s with a child %s; the lab follows a tunnel's SAs by the tunnel's name",
                           path, tunnel, tunnel);
    }
    return 0;
}

static int import_files(const struct import_options *options, const struct vc_topology *order, size_t node,
                        const char *name, const char *base, vc_error **err)
{
    static const char *const known[] = {"swanctl.conf", "frr.conf"};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *folder = folder_of(ctx, options->out);
    size_t prefix = strlen(folder);
    VC_AUTO_JSON *files = json_object();

    if (node == VC_NONE)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab import: --from strongswan-frr needs --node");
    if (strncmp(options->file, folder, prefix) != 0)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s is not below the folder of %s, where the document looks for it",
                       options->file, options->out);
    for (size_t i = 0; i < VC_COUNT(known); i++) {
        const char *path = talloc_asprintf(ctx, "%s/%s", options->file, known[i]);

        if (access(path, F_OK))
            continue;
        if (i == 0 && check_swanctl(ctx, path, order, node, err))
            return -1;
        json_object_set_new(files, known[i], json_string(path + prefix));
    }
    if (!json_object_size(files))
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s has neither a swanctl.conf nor a frr.conf", options->file);
    return write_document(ctx, options->out, vc_import_files_document(ctx, order, node, files, name, base), err);
}

static int import(const struct import_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_topology *order = session_topology(ctx, options->order, err);
    const char *name = order ? document_name(ctx, options->out, err) : NULL;
    const char *base = name ? vc_import_base(ctx, order, folder_of(ctx, options->out), err) : NULL;
    size_t node = VC_NONE;

    if (!base)
        return -1;
    if (options->node && (node = vc_topology_node(order, options->node)) == VC_NONE)
        return vc_fail(err, VC_EXIT_USAGE, 0, "no node %s in topology %s", options->node, order->name);
    int (*how)(const struct import_options *, const struct vc_topology *, size_t, const char *, const char *,
               vc_error **) = !strcmp(options->form, "ios-xe") ? import_ios : import_files;
    return how(options, order, node, name, base, err);
}

int vc_cmd_import(int argc, char **argv)
{
    enum { FROM = 256, TOPOLOGY, NODE, TIMERS, JSON };
    static const struct option longs[] = {{"from", required_argument, NULL, FROM},
                                          {"topology", required_argument, NULL, TOPOLOGY},
                                          {"output", required_argument, NULL, 'o'},
                                          {"node", required_argument, NULL, NODE},
                                          {"timers", required_argument, NULL, TIMERS},
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct import_options options = {0};
    VC_AUTO_ERROR *err = NULL;

    for (int c; (c = getopt_long(argc, argv, "ho:", longs, NULL)) != -1;) {
        if (c == 'h' || c == '?') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : VC_EXIT_USAGE;
        }
        options.json |= c == JSON;
        *(c == FROM       ? &options.form
          : c == TOPOLOGY ? &options.order
          : c == NODE     ? &options.node
          : c == TIMERS   ? &options.timers
          : c == 'o'      ? &options.out
                          : &(const char *){NULL}) = optarg;
    }
    if (optind + 1 != argc || !options.form || !options.order || !options.out ||
        (strcmp(options.form, "ios-xe") != 0 && strcmp(options.form, "strongswan-frr") != 0)) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    options.file = argv[optind];
    return import(&options, &err) ? print_error(err) : VC_EXIT_PASS;
}
