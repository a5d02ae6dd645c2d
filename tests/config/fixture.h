/* Topologies, imports and texts for the tests of this folder. */
#pragma once

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include "config/import.h"
#include "model/files.h"

#define KINDS VCLAB_SOURCE_DIR "/nodes"

static inline char *config_read(void *ctx, const char *path)
{
    VC_AUTO_FILE *f = fopen(path, "re");
    char *text = talloc_strdup(ctx, ""), buffer[4096];
    size_t n;

    while (f && (n = fread(buffer, 1, sizeof buffer, f)) > 0)
        text = talloc_strndup_append_buffer(text, buffer, n);
    return f ? text : NULL;
}

static inline struct vc_topology *config_topology(void *ctx, const char *name)
{
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, VCLAB_SOURCE_DIR "/topologies/%s.yaml", name);
    struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);

    cr_assert(t, "%s", err ? err->message : "");
    return t;
}

/* The document in a folder of its own. */
static inline struct vc_topology *config_document(void *ctx, const char *name, const char *text)
{
    char folder[] = "/tmp/vclab-config-XXXXXX";
    VC_AUTO_ERROR *err = NULL;

    cr_assert(mkdtemp(folder));
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "%s/%s.yaml", folder, name);
    FILE *out = fopen(file, "we");
    cr_assert(out);
    fputs(text, out);
    fclose(out);
    struct vc_topology *t = vc_topology_load(ctx, file, KINDS, &err);
    unlink(file);
    rmdir(folder);
    cr_assert(t, "%s in\n%s", err ? err->message : "", text);
    return t;
}

/* What the import gives, read as the document that it writes; keys as the order has them. */
static inline struct vc_topology *config_imported(void *ctx, const struct vc_import *import)
{
    struct vc_topology *t =
        config_document(ctx, "imported", vc_import_document(ctx, import, "imported", import->topology->name));

    for (size_t i = 0; i < t->tunnel_count; i++) {
        t->tunnels[i].psk = import->topology->tunnels[i].psk;
        t->tunnels[i].bgp_password = import->topology->tunnels[i].bgp_password;
    }
    return t;
}

/* The shipped topology with keys of its own for tunnel dc1, and cpe1 with that knob (NULL: as ordered). Its CPE's
 * tunnel is dc1. */
static inline struct vc_topology *config_keyed(void *ctx, const char *name, const char *knob)
{
    const char *configure = knob ? talloc_asprintf(ctx, "configure: {cpe1: {%s}}\n", knob) : "";
    struct vc_topology *t = config_document(
        ctx, "keyed", talloc_asprintf(ctx, "topology: keyed\nbase: %s\ndescription: x\n%s", name, configure));

    for (size_t i = 0; i < t->tunnel_count; i++) {
        t->tunnels[i].psk = "key-of-the-order";
        t->tunnels[i].bgp_password = "password-of-the-order";
    }
    t->name = talloc_strdup(t, name);
    return t;
}

static inline char *config_plan(void *ctx, const struct vc_topology *t, const struct vc_plan_options *options)
{
    VC_AUTO_ERROR *err = NULL;
    const struct vc_plan *plan = vc_plan_make(ctx, t, options, &err);

    cr_assert(plan, "%s", err ? err->message : "");
    return vc_plan_dump(plan);
}

static inline void config_expect_golden(const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, VCLAB_SOURCE_DIR "/tests/config/golden/%s", name);
    const char *update = getenv("VCLAB_GOLDEN");

    if (update && strcmp(update, "update") == 0) {
        VC_AUTO_FILE *f = fopen(path, "we");
        cr_assert_not_null(f);
        fputs(text, f);
        return;
    }
    VC_AUTO_TALLOC char *expected = config_read(NULL, path);
    cr_assert_not_null(expected, "%s is missing", path);
    cr_expect_str_eq(text, expected, "%s", path);
}
