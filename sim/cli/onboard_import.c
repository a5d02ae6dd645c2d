/*
 * The customer's own CPE in an order's topology: each running-config makes a document that starts from the order's, or
 * from the one before it, and has what the configuration says otherwise as `configure`. The last one is tried.
 */
#include <errno.h>
#include <string.h>

#include "cli/onboard.h"
#include "config/import.h"

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

/* The report goes to others: it names the file and not where it lies. */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Held against the order with its keys, which the topology that is tried has not: a lab derives its own. */
static struct vc_import *read_cpe(void *ctx, const struct onboarding *o, const char *path, vc_error **err)
{
    const char *kinds = session_folder(ctx, "nodes"), *name = o->options->node;
    const char *order = talloc_asprintf(ctx, "%s/%s-keys.yaml", o->out, o->order->form->name);
    struct vc_import_options how = {vc_topology_load(ctx, order, kinds, err), VC_NONE, o->acceptance->timers, kinds};
    size_t size;
    const char *text = how.topology ? read_whole(ctx, path, &size, err) : NULL;

    if (!text)
        return NULL;
    if (name && (how.node = vc_topology_node(how.topology, name)) == VC_NONE) {
        vc_fail(err, VC_EXIT_USAGE, 0, "vclab onboard: --node %s: no such node in %s", name, o->topology);
        return NULL;
    }
    struct vc_import *import = vc_import_ios(ctx, &how, last_part(path), text, size, err);
    if (!import)
        return NULL;
    VC_AUTO_TALLOC char *report = vc_import_report(NULL, import);
    fputs(report, stderr);
    if (!import->cpe->error_count)
        return import;
    vc_fail(err, VC_EXIT_USAGE, 0, "%s: %zu of its lines can be expressed by no knob, so it cannot be tried", path,
            import->cpe->error_count);
    return NULL;
}

/* Two files of the same CPE would silently be the last one. */
static int remember(struct onboarding *o, const struct vc_import *import, vc_error **err)
{
    const char *node = import->topology->nodes[import->node].name;
    const json_t *cpe;
    size_t i;

    json_array_foreach(o->cpes, i,
                       cpe) if (!strcmp(json_string_value(json_object_get(cpe, "node")),
                                        node)) return vc_fail(err, VC_EXIT_USAGE, 0,
                                                              "vclab onboard: --cpe: two configurations look like %s",
                                                              node);
    json_array_append_new(o->cpes, vc_import_json(import));
    return 0;
}

int onboard_import(void *ctx, struct onboarding *o, vc_error **err)
{
    for (size_t i = 0; i < o->options->cpe_count; i++) {
        const struct vc_import *import = read_cpe(ctx, o, o->options->cpes[i], err);
        const char *name = talloc_asprintf(ctx, i ? "%s-own%zu" : "%s-own", o->order->form->name, i + 1);
        const struct vc_topology *below =
            import ? vc_topology_load(ctx, o->topology, session_folder(ctx, "nodes"), err) : NULL;
        const char *base = below ? vc_import_base(ctx, below, o->out, err) : NULL;

        if (!base || remember(o, import, err))
            return -1;
        const char *file = onboard_put(ctx, o->out, name, vc_import_document(ctx, import, name, base), err);
        if (!file)
            return -1;
        if (!vc_topology_load(ctx, file, session_folder(ctx, "nodes"), err))
            return vc_wrap(err, "what %s says makes no topology", o->options->cpes[i]);
        o->topology = file;
    }
    return 0;
}
