/* What the tests of sealed runs share: an image of the built binary, runs into folders of their own, and looks at what
 * they left. */
#pragma once

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <nettle/sha2.h>
#include <sys/stat.h>

#include "base/home.h"
#include "run/verdict.h"
#include "vm/sealed.h"

struct run {
    struct vc_sealed_outcome outcome;
    char *folder;   /* the result folder */
    char *events;   /* every event, a line each */
    char *progress; /* lines */
    const char *verdict, *reason;
};

static inline void note_event(void *arg, json_t *event)
{
    struct run *run = arg;
    VC_AUTO_FREE char *line = json_dumps(event, JSON_COMPACT);

    run->events = talloc_asprintf_append_buffer(run->events, "%s\n", line);
}

static inline void note_progress(void *arg, const char *line)
{
    struct run *run = arg;

    run->progress = talloc_asprintf_append_buffer(run->progress, "%s\n", line);
}

static inline const char *labroot(void)
{
    const char *root = getenv("VCLAB_LABROOT");

    cr_assert(root && *root, "VCLAB_LABROOT names no lab root (tests/run-all sets it)");
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    return root;
}

/* The image with `binary` as its init. */
static inline struct vc_image *image_of(void *ctx, const char *binary)
{
    const struct vc_image_inputs inputs = {.labroot = labroot(), .binary = binary, .nodes = VCLAB_SOURCE_DIR "/nodes"};
    VC_AUTO_ERROR *err = NULL;
    struct vc_image *image = vc_image_get(ctx, &inputs, NULL, NULL, &err);

    cr_assert(image, "%s", err->message);
    return image;
}

static inline struct vc_scenario *scenario_of(void *ctx, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, VCLAB_SOURCE_DIR "/scenarios/%s.yaml", name);
    struct vc_scenario *scenario =
        vc_scenario_load(ctx, file, VCLAB_SOURCE_DIR "/topologies", VCLAB_SOURCE_DIR "/nodes", &err);

    cr_assert(scenario, "%s", err->message);
    return scenario;
}

static inline char *temporary_folder(void *ctx)
{
    char *path = talloc_strdup(ctx, "/tmp/vclab-sealed-XXXXXX");

    cr_assert(mkdtemp(path));
    return path;
}

static inline int remove_one(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED,
                             struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static inline void remove_folder(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Runs; the config's callbacks, result and, when NULL, cache are filled in. */
static inline struct run *run_sealed(void *ctx, struct vc_sealed_config config)
{
    struct run *run = talloc_zero(ctx, struct run);
    VC_AUTO_ERROR *err = NULL;

    run->folder = temporary_folder(run);
    run->events = talloc_strdup(run, "");
    run->progress = talloc_strdup(run, "");
    config.result = run->folder;
    config.cache = config.cache ? config.cache : vc_cache_dir(run, &err);
    config.on_event = note_event;
    config.on_progress = note_progress;
    config.arg = run;
    cr_assert_eq(vc_sealed_run(run, &config, &run->outcome, &err), 0, "%s", err ? err->message : "");
    run->verdict = json_string_value(json_object_get(run->outcome.run.judged, "verdict"));
    run->reason = json_string_value(json_object_get(run->outcome.run.judged, "reason"));
    return run;
}

static inline void forget_run(struct run *run)
{
    remove_folder(run->folder);
    json_decref(run->outcome.run.judged);
}

/* One hash over every file of a folder: its name and its bytes, in the order of names. */
static inline char *hash_of_folder(void *ctx, const char *folder)
{
    struct sha256_ctx sha;
    uint8_t digest[SHA256_DIGEST_SIZE];
    struct dirent **entries;
    char *text = talloc_strdup(ctx, "");

    sha256_init(&sha);
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", folder, entries[i]->d_name);
        struct stat st;
        sha256_update(&sha, strlen(entries[i]->d_name), (const uint8_t *)entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && !stat(path, &st) && S_ISDIR(st.st_mode)) {
            VC_AUTO_TALLOC char *inner = hash_of_folder(NULL, path);
            sha256_update(&sha, strlen(inner), (const uint8_t *)inner);
        } else if (entries[i]->d_name[0] != '.') {
            VC_AUTO_FREE char *bytes = malloc((size_t)st.st_size + 1);
            VC_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
            cr_assert_eq(read(fd, bytes, (size_t)st.st_size), st.st_size);
            sha256_update(&sha, (size_t)st.st_size, (const uint8_t *)bytes);
        }
        free(entries[i]);
    }
    free(entries);
    cr_assert_gt(count, 2, "%s is empty", folder);
    sha256_digest(&sha, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        text = talloc_asprintf_append(text, "%02x", digest[i]);
    return text;
}
