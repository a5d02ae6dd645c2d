/* Sealed sessions: the guest image, and runs whose documents are not the user's files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/session_private.h"
#include "plan/kind.h"

#define KVM_PROBE_MS 10000

static void say(void *arg, const char *line)
{
    const struct session *session = arg;

    if (!session->options.quiet)
        fprintf(stderr, "vclab: %s\n", line);
}

/* With those of the daemons called rare in it. */
static int take_image(struct session *session, const char *const *rare, vc_error **err)
{
    VC_AUTO_FREE char *binary = realpath("/proc/self/exe", NULL);

    if (!binary)
        return vc_fail(err, VC_EXIT_HOST, errno, "finding the vclab binary (/proc/self/exe)");
    struct vc_image_inputs inputs = {.labroot = session->labroot->path,
                                     .binary = binary,
                                     .nodes = session->kinds,
                                     .rare = rare,
                                     .cache = session->cache};
    session->image = vc_image_get(session, &inputs, say, session, err);
    return session->image ? 0 : -1;
}

int session_take_image(struct session *session, const struct vc_topology *topology, vc_error **err)
{
    const char *const *rare = vc_kind_rare(session, session->kinds, topology, err);

    return rare ? take_image(session, rare, err) : -1;
}

int session_open_sealed(struct session *session, vc_error **err)
{
    session->plane = VC_PLANE_KERNEL; /* the guest's kernel has ip_gre and esp4 */
    session->cache = vc_cache_dir(session, err);
    if (!session->cache || take_image(session, NULL, err))
        return -1;
    if (session->options.accel == VC_ACCEL_KVM &&
        vc_machine_probe_kvm(session->image->kernel, session->image->initrd, KVM_PROBE_MS, err))
        return vc_wrap(err, "--accel kvm");
    return 0;
}

/*
 * The guest's clock counts instructions, so even the length of a path in the documents shifts its events. That is why
 * documents that were staged are told to the guest at their own paths: their folder is VCLAB_HOME while it is told.
 */
static int play_staged(void *ctx, const char *home, const struct vc_sealed_config *config,
                       struct vc_sealed_outcome *outcome, vc_error **err)
{
    const char *before = getenv("VCLAB_HOME");
    VC_AUTO_FREE char *kept = before ? strdup(before) : NULL;

    setenv("VCLAB_HOME", home, 1);
    int failed = vc_sealed_run(ctx, config, outcome, err);
    if (kept)
        setenv("VCLAB_HOME", kept, 1);
    else
        unsetenv("VCLAB_HOME");
    return failed;
}

static char *staged_home(void *ctx, const char *result)
{
    return talloc_asprintf(ctx, "%s/documents", result);
}

int session_play_sealed(void *ctx, struct watcher *watcher, const struct vc_scenario *scenario,
                        struct vc_sealed_outcome *outcome, vc_error **err)
{
    const struct session *session = watcher->session;
    const struct session_options *options = &session->options;
    struct vc_sealed_config config = {.scenario = scenario,
                                      .image = session->image,
                                      .cache = session->cache,
                                      .result = watcher->result,
                                      .seed = options->seed,
                                      .captures = options->captures,
                                      .evidence = options->evidence,
                                      .cold = options->cold || options->accel != VC_ACCEL_SEALED,
                                      .accel = options->accel,
                                      .shell = options->shell,
                                      .wall_limit_s = options->wall_limit_s,
                                      .on_event = session_on_event,
                                      .on_progress = session_on_progress,
                                      .arg = watcher};

    if (watcher->extra && watcher->extra->documents)
        return play_staged(ctx, staged_home(ctx, watcher->result), &config, outcome, err);
    return vc_sealed_run(ctx, &config, outcome, err);
}

struct vc_scenario *session_stage(void *ctx, const struct session *session, json_t *documents, const char *result,
                                  vc_error **err)
{
    char *home = staged_home(ctx, result);
    const char *file = json_string_value(json_object_get(documents, "scenario"));

    if (mkdir(home, 0755)) {
        vc_fail(err, VC_EXIT_HOST, errno, "making %s", home);
        return NULL;
    }
    if (vc_blob_write_documents(documents, home, err))
        return NULL;
    if (!file) {
        vc_fail(err, VC_EXIT_USAGE, 0, "the documents name no scenario");
        return NULL;
    }
    return vc_scenario_load(ctx, talloc_asprintf(ctx, "%s/%s", home, file), talloc_asprintf(ctx, "%s/topologies", home),
                            session->kinds, err);
}
