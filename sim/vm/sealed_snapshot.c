/* The snapshot that a run is forked from: found by what it depends on, or taken of a machine that has settled. */
#include <string.h>

#include "vm/sealed_private.h"

#define SETTLE_LIMIT_S 180 /* of virtual time, for a lab to be parked in */

static void progress(const struct sealed *sealed, const char *line)
{
    if (sealed->config->on_progress)
        sealed->config->on_progress(sealed->config->arg, line);
}

static char *snapshot_key(struct sealed *sealed, const json_t *documents)
{
    const struct vc_sealed_config *config = sealed->config;
    VC_AUTO_JSON *inputs = json_pack("{s:s, s:O, s:s, s:s}", "image", config->image->id, "lab", documents, "qemu",
                                     sealed->outcome->qemu, "machine", sealed_machine_shape(sealed->ctx, config));

    return vc_snapshot_key(sealed->ctx, inputs);
}

static int save_parked(struct sealed *sealed, struct vc_snapshot *snapshot, enum sealed_end end, vc_error **err)
{
    if (end == END_SIGNAL)
        return vc_fail(err, VC_EXIT_INTERRUPTED, 0, "interrupted");
    if (end != END_PARKED) {
        VC_AUTO_TALLOC char *tail = vc_console_quote(NULL, sealed->console);
        return vc_fail(err, VC_EXIT_FAIL, 0, "the lab did not settle (console: %s)", tail);
    }
    return vc_machine_save(&sealed->machine, snapshot->state, err);
}

static int make_snapshot(struct sealed *sealed, struct vc_snapshot *snapshot, const json_t *documents, vc_error **err)
{
    struct vc_machine_config machine = {.ram = snapshot->ram, .ram_shared = true};
    VC_AUTO_FD pmem = sealed_results_device(sealed->config, err);
    VC_AUTO_TALLOC char *line =
        talloc_asprintf(NULL, "making the snapshot of %s with %s timers (once)",
                        sealed->config->scenario->topology->name, sealed->config->scenario->timers->name);
    const struct sealed_told told = {
        .documents = documents, .limit_ns = (int64_t)SETTLE_LIMIT_S * VC_NS_PER_S, .pmem = pmem};

    progress(sealed, line);
    if (pmem < 0 || sealed_start(sealed, &told, &machine, err))
        return -1;
    int failed = save_parked(sealed, snapshot, sealed_follow(sealed), err);
    vc_machine_kill(&sealed->machine);
    return failed || vc_snapshot_commit(snapshot, err) ? -1 : 0;
}

struct vc_snapshot *sealed_find_snapshot(struct sealed *sealed, vc_error **err)
{
    const struct vc_scenario *scenario = sealed->config->scenario;
    VC_AUTO_JSON *documents = vc_blob_lab_documents(scenario->topology, scenario->timers->name, err);
    VC_AUTO_ERROR *why = NULL;
    bool fresh;

    if (!documents)
        return NULL;
    struct vc_snapshot *snapshot =
        vc_snapshot_open(sealed->ctx, sealed->config->cache, snapshot_key(sealed, documents), &fresh, err);
    if (!snapshot || !fresh || !make_snapshot(sealed, snapshot, documents, &why))
        return snapshot;
    talloc_free(snapshot);
    if (why->status == VC_EXIT_INTERRUPTED || why->status == VC_EXIT_HOST) {
        vc_error_move(err, &why);
        return NULL;
    }
    VC_AUTO_TALLOC char *line = talloc_asprintf(NULL, "no snapshot: %s; booting", why->message);
    progress(sealed, line);
    return NULL;
}
