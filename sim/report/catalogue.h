/*
 * What there is: topologies, scenarios, faults; which requirement of the service guide each scenario shows, and what
 * came of it when it was last run.
 */
#pragma once

#include <stdio.h>

#include "activation/example.h"
#include "model/scenario.h"

struct vc_catalogue {
    const char *home;
    struct vc_topology **topologies; /* in the order of their files' names, as are the scenarios */
    struct vc_examples *forms;
    struct vc_scenario **scenarios; /* topologies and scenarios: `file` is below home */
    size_t topology_count, scenario_count;
};

/*
 * Reads home/topologies, home/scenarios with its folders, and home/forms, each of which is tried. What cannot be read
 * is left out, and *broken (VC_EXIT_USAGE) names every error of every file; it stays as it is when there was none.
 * Never NULL; talloc child of ctx.
 */
struct vc_catalogue *vc_catalogue_read(void *ctx, const char *home, vc_error **broken);

/*
 * The last verdict of every scenario that has one: {"<scenario>": {"verdict", "when" ("2026-01-31T12:00:00Z", when the
 * run began), "seed", "mode", "result" (its folder)}}, from run.json and suite.json of all results in results_dir. A
 * result that is missing or damaged counts as one that never was. New reference.
 */
json_t *vc_catalogue_lasts(const char *results_dir);

/* The document of `vclab list --json`: scenarios[], topologies[], faults[], requirements[] {"id", "title", "chapter",
 * "activation", "scenarios" [{"name", "shows" ("holds", "fault"), "verdict", "when", "seed", "mode", "result"}], the
 * last five null without a result, "forms" [{"name", "file", "shows" ("accepts", "refuses"), "verdict", "said"}]}, the
 * last null of an accepted one. New reference. */
json_t *vc_catalogue_document(const struct vc_catalogue *catalogue, const json_t *lasts);

struct vc_catalogue_style {
    unsigned columns; /* 80 to 120 */
    bool colour;
};
/* The document as tables: requirement → scenarios → last verdict, then what there is. */
void vc_catalogue_print(FILE *out, const json_t *document, struct vc_catalogue_style style);
/* The document's requirement `id` with all its scenarios. False: there is no such requirement. */
bool vc_catalogue_print_requirement(FILE *out, const json_t *document, const char *id, struct vc_catalogue_style style);

/* docs/catalogue.md: depends on the documents only, so that two calls give the same bytes. talloc child of ctx. */
char *vc_catalogue_markdown(void *ctx, const struct vc_catalogue *catalogue);
/* A Mermaid flowchart of a topology. talloc child of ctx. */
char *vc_catalogue_drawing(void *ctx, const struct vc_topology *topology);
