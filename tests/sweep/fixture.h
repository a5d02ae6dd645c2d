/* Shipped topologies with their oracle, and folders that go away. */
#pragma once

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "model/scenario.h"
#include "sweep/sweep.h"

#define TOPOLOGIES VCLAB_SOURCE_DIR "/topologies"
#define KINDS      VCLAB_SOURCE_DIR "/nodes"

static inline struct vc_sweep *sweep_of(void *ctx, const char *topology, const char *timers)
{
    VC_AUTO_ERROR *err = NULL;
    char *file = talloc_asprintf(ctx, TOPOLOGIES "/%s.yaml", topology);
    struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    struct vc_sweep *sweep = vc_sweep_new(ctx, t, vc_topology_timers(t, timers), topology, &err);
    cr_assert(sweep, "%s", err ? err->message : "");
    return sweep;
}

static inline size_t element_of(const struct vc_sweep *sweep, const char *name)
{
    size_t element = vc_oracle_find(sweep->oracle, name);

    cr_assert_neq(element, VC_NONE, "no element %s", name);
    return element;
}

static inline int remove_entry(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                               struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static inline void remove_folder(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static inline char *temporary_folder(void *ctx)
{
    char *path = talloc_strdup(ctx, "/tmp/vclab-sweep-XXXXXX");

    cr_assert(mkdtemp(path), "%s", strerror(errno));
    return path;
}

/* Writes the schedule into the folder and reads it as vclab run would. */
static inline struct vc_scenario *load_written(void *ctx, const struct vc_sweep *sweep,
                                               const struct vc_schedule *schedule, const char *folder, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    char *file = vc_schedule_write(ctx, sweep, schedule, folder, name, &err);

    cr_assert(file, "%s", err ? err->message : "");
    struct vc_scenario *scenario = vc_scenario_load(ctx, file, TOPOLOGIES, KINDS, &err);
    cr_assert(scenario, "%s", err ? err->message : "");
    return scenario;
}
