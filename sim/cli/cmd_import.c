/* vclab import: a customer's own configuration as the node of a topology. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "config/import.h"
#include "config/own.h"

static const char usage[] =
    "Usage: vclab import --from ios-xe FILE --topology ORDER -o TOPOLOGY [--node CPE] [--timers PROFILE]\n"
    "                    [--peer ADDRESS=NODE]... [--json]\n"
    "       vclab import --from strongswan-frr DIR --topology ORDER -o TOPOLOGY --node CPE [--json]\n"
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
    "  --peer A=NODE     the iBGP neighbour at address A is NODE (a CPE, a router of the LAN), where the topology has "
    "another\n"
    "                    address for it; once for each\n"
    "  --json            what was found, for programs (vclab.import/1)\n"
    "strongswan-frr: DIR, below the folder of TOPOLOGY, has a swanctl.conf, a frr.conf or both; the node has them as "
    "they "
    "are.\n"
    "What they have otherwise than ordered, and which lines the lab does not use, is told with its line.\n"
    "\n"
    "Exit status: 0 written, 2 bad usage, no running-config, or something that no knob can say.\n";

struct import_options {
    const char *form, *file, *order, *out, *node, *timers;
    const char **peers; /* NULL-terminated */
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

/* "NAME.yaml" → NAME, which the document is called. NULL: the file has another ending, or the name is none. */
static char *document_name(void *ctx, const char *out, vc_error **err)
{
    const char *name = strcmp(out, "-") != 0 ? last_part(out) : "imported.yaml", *end = strrchr(name, '.');
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    if (end == name + length && !strcmp(end, ".yaml") && length && length < 32 && name[0] >= 'a')
        return talloc_strndup(ctx, name, length);
    vc_fail(err, VC_EXIT_USAGE, 0,
            "-o %s: a topology's file is NAME.yaml, and NAME has small letters, digits and dashes, 31 at most", out);
    return NULL;
}

static char *folder_of(void *ctx, const char *out)
{
    return talloc_strndup(ctx, out, (size_t)(last_part(out) - out));
}

/* The document under a name of its own beside `out`, where its base and its files are; gone again at the end. */
static int try_document(void *ctx, const char *draft, const char *text, vc_error **err)
{
    const char *nodes = session_folder(ctx, "nodes");

    if (output_write(draft, text, 0644, err))
        return -1;
    const struct vc_topology *topology = vc_topology_load(ctx, draft, nodes, err);
    unlink(draft);
    if (!topology)
        return vc_wrap(err, "what was read makes no topology");
    const struct vc_plan_options plan = {VC_PLANE_KERNEL, vc_topology_timers(topology, "tuned"), 1, nodes};
    return vc_plan_make(ctx, topology, &plan, err) ? 0 : vc_wrap(err, "what was read makes no lab");
}

/* A document as one of the two readers writes it. */
struct document {
    const char *name, *base;
    char *(*text)(void *ctx, const struct document *document, const char *name);
    const void *import; /* the reader's */
};

/* What is written must be a topology: else a value of the configuration is one that no node can have. Then nothing is
 * written. */
static int write_document(void *ctx, const char *out, const struct document *document, vc_error **err)
{
    const char *name = talloc_asprintf(ctx, "import-%d", (int)getpid());
    const char *draft = talloc_asprintf(ctx, "%s%s.yaml", folder_of(ctx, out), name);

    if (strcmp(out, "-") != 0 && try_document(ctx, draft, document->text(ctx, document, name), err))
        return -1;
    return output_write(out, document->text(ctx, document, document->name), 0644, err);
}

/* ---- IOS-XE ---- */

/* Standard output has the document or this. */
static void tell_json(const struct import_options *options, const json_t *document)
{
    if (!options->json || !strcmp(options->out, "-"))
        return;
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
}

static int tell(const struct import_options *options, const struct vc_import *import)
{
    VC_AUTO_TALLOC char *report = vc_import_report(NULL, import);

    fputs(report, stderr);
    VC_AUTO_JSON *document = vc_import_json(import);
    tell_json(options, document);
    return import->cpe->error_count ? VC_EXIT_USAGE : VC_EXIT_PASS;
}

static char *ios_document(void *ctx, const struct document *document, const char *name)
{
    return vc_import_document(ctx, document->import, name, document->base);
}

static int import_ios(const struct import_options *options, const struct vc_topology *order, size_t node,
                      const char *name, const char *base, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_import_options how = {order, node, options->timers, session_folder(ctx, "nodes"), options->peers};
    size_t size;
    const char *text = read_whole(ctx, options->file, &size, err);
    const struct vc_import *import = text ? vc_import_ios(ctx, &how, options->file, text, size, err) : NULL;

    if (!import)
        return -1;
    int status = tell(options, import);
    if (status)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: %zu of its lines can be expressed by no knob; %s is not written",
                       options->file, import->cpe->error_count, options->out);
    const struct document document = {name, base, ios_document, import};
    return write_document(ctx, options->out, &document, err);
}

/* ---- files of the owner's ---- */

struct own_files {
    const struct vc_topology *order;
    size_t node;
    json_t *files;
};

static char *own_document(void *ctx, const struct document *document, const char *name)
{
    const struct own_files *own = document->import;

    return vc_import_files_document(ctx, own->order, own->node, own->files, name, document->base);
}

/* `folder` as seen from the one of the document; NULL: it is not below. */
static char *below(void *ctx, const char *folder, const char *out, vc_error **err)
{
    VC_AUTO_FREE char *place = realpath(*folder_of(ctx, out) ? folder_of(ctx, out) : ".", NULL);
    VC_AUTO_FREE char *real = realpath(folder, NULL);
    size_t length = place ? strlen(place) : 0;

    if (!real)
        vc_fail(err, VC_EXIT_USAGE, errno, "cannot read %s", folder);
    else if (!place || strncmp(real, place, length) != 0 || real[length] != '/')
        vc_fail(err, VC_EXIT_USAGE, 0, "%s is not below the folder of %s, where the document looks for it", folder,
                out);
    else
        return talloc_strdup(ctx, real + length + 1);
    return NULL;
}

/* What the two files say, held against the order. */
static int read_own(struct vc_own_report *report, const struct own_files *own, const char *folder, const char *seen,
                    vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_plan_options options = {VC_PLANE_KERNEL, vc_topology_timers(own->order, "tuned"), 1,
                                            session_folder(ctx, "nodes")};
    const struct vc_plan *planned = vc_plan_make(ctx, own->order, &options, err);
    static const char *const known[] = {"swanctl.conf", "frr.conf"};
    int length = (int)strlen(folder);

    while (length > 1 && folder[length - 1] == '/')
        length--;
    for (size_t i = 0; planned && i < VC_COUNT(known); i++) {
        const char *path = talloc_asprintf(ctx, "%.*s/%s", length, folder, known[i]), *text;
        size_t size;

        if (access(path, F_OK))
            continue;
        if (!(text = read_whole(ctx, path, &size, err)))
            return -1;
        if (i == 1)
            vc_own_frr(report, own->order, planned, own->node, path, text);
        else if (vc_own_swanctl(report, own->order, planned, own->node, path, text, err))
            return -1;
        json_object_set_new(own->files, known[i], json_sprintf("%s/%s", seen, known[i]));
    }
    return planned ? 0 : -1;
}

static int import_files(const struct import_options *options, const struct vc_topology *order, size_t node,
                        const char *name, const char *base, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *files = json_object();
    const struct own_files own = {order, node, files};
    struct vc_own_report *report = vc_own_report_new(ctx);

    if (node == VC_NONE || !vc_topology_is_cpe(order, node))
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab import: --from strongswan-frr needs --node, a CPE of the order");
    if (options->timers)
        return vc_fail(err, VC_EXIT_USAGE, 0,
                       "vclab import: --timers is for ios-xe; files are played with the timers that are in them");
    if (*options->peers)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab import: --peer is for ios-xe; files are played as they are");
    const char *seen = below(ctx, options->file, options->out, err);
    if (!seen || read_own(report, &own, options->file, seen, err))
        return -1;
    if (!json_object_size(files))
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s has neither a swanctl.conf nor a frr.conf", options->file);
    const struct document document = {name, base, own_document, &own};
    if (write_document(ctx, options->out, &document, err))
        return -1;
    VC_AUTO_JSON *told = vc_own_json(report, order, node);
    fputs(vc_own_text(ctx, report), stderr);
    tell_json(options, told);
    return 0;
}

/* The document starts from the order: in the place of a file of that it would start from itself, and the order's keys
 * would be gone. */
static bool is_of_order(const struct vc_topology *order, const char *out)
{
    struct stat written, read;

    if (stat(out, &written))
        return false;
    for (size_t i = 0; i <= order->base_count; i++)
        if (!stat(i ? order->bases[i - 1].file : order->file, &read) && read.st_dev == written.st_dev &&
            read.st_ino == written.st_ino)
            return true;
    return false;
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
    if (is_of_order(order, options->out))
        return vc_fail(err, VC_EXIT_USAGE, 0, "-o %s: topology %s is made of that file; allowed: another name",
                       options->out, order->name);
    if (options->node && (node = vc_topology_node(order, options->node)) == VC_NONE)
        return vc_fail(err, VC_EXIT_USAGE, 0, "no node %s in topology %s", options->node, order->name);
    int (*how)(const struct import_options *, const struct vc_topology *, size_t, const char *, const char *,
               vc_error **) = !strcmp(options->form, "ios-xe") ? import_ios : import_files;
    return how(options, order, node, name, base, err);
}

static void add_peer(const char ***peers, const char *peer)
{
    size_t count = talloc_array_length(*peers);

    *peers = talloc_realloc(NULL, *peers, const char *, count + 1);
    (*peers)[count - 1] = peer;
    (*peers)[count] = NULL;
}

int vc_cmd_import(int argc, char **argv)
{
    enum { FROM = 256, TOPOLOGY, NODE, TIMERS, PEER, JSON };
    static const struct option longs[] = {{"from", required_argument, NULL, FROM},
                                          {"topology", required_argument, NULL, TOPOLOGY},
                                          {"output", required_argument, NULL, 'o'},
                                          {"node", required_argument, NULL, NODE},
                                          {"timers", required_argument, NULL, TIMERS},
                                          {"peer", required_argument, NULL, PEER},
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    VC_AUTO_TALLOC const char **peers = talloc_zero_array(NULL, const char *, 1);
    struct import_options options = {0};
    VC_AUTO_ERROR *err = NULL;

    for (int c; (c = getopt_long(argc, argv, "ho:", longs, NULL)) != -1;) {
        if (c == 'h' || c == '?') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : VC_EXIT_USAGE;
        }
        options.json |= c == JSON;
        if (c == PEER)
            add_peer(&peers, optarg);
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
    options.peers = peers;
    return import(&options, &err) ? print_error(err) : VC_EXIT_PASS;
}
