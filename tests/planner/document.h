/* A plan's document that a test makes: the lines that matter, around them what every plan has. */
#pragma once

#include <criterion/criterion.h>
#include <string.h>

#include "planner/planner.h"

static const char document_dcs[] = "dcs: {dc1: {mbit: 10000}, dc2: {mbit: 10000}}\nwan: {mbit: 10000}\n";
static const char document_codecs[] = "codecs: {g711: {share: 100}}\n";

/* A file of this text, named after the plan in it; removed when the process ends its test. ctx owns the path. */
static inline char *document_file(void *ctx, const char *text)
{
    char *path = talloc_asprintf(ctx, "/tmp/vclab-plan-%d.yaml", (int)getpid());
    FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
    return path;
}

/* The plan, or NULL with *err. */
static inline struct vc_planner *document_load(void *ctx, const char *text, vc_error **err)
{
    char *path = document_file(ctx, text);
    struct vc_planner *plan = vc_planner_load(ctx, path, err);

    unlink(path);
    return plan;
}

/* "plan: x", the usual DCs and codecs, and the rest. */
static inline struct vc_planner *document_usual(void *ctx, const char *rest)
{
    VC_AUTO_ERROR *err = NULL;
    char *text = talloc_asprintf(ctx, "plan: x\n%s%s%s", document_codecs, document_dcs, rest);
    struct vc_planner *plan = document_load(ctx, text, &err);

    cr_assert(plan, "%s", err->message);
    return plan;
}
