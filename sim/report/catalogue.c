/* Reads what there is and turns it into the document that `vclab list` shows. */
#include "report/catalogue.h"

#include <dirent.h>
#include <string.h>

#include "model/files.h"
#include "model/requirements.h"
#include "report/report_private.h"

enum { FOLDER_DEPTH = 6, STAMP_LENGTH = 16 };

/* ---- documents ---- */

struct reading {
    struct vc_catalogue *catalogue;
    const char *topologies_dir, *kinds_dir;
    char *broken; /* lines; NULL: none */
};

/* "." would only lengthen every line; a file's path works from where vclab was called. */
static char *below(void *ctx, const char *home, const char *folder)
{
    return strcmp(home, ".") ? talloc_asprintf(ctx, "%s/%s", home, folder) : talloc_strdup(ctx, folder);
}

static bool has_line(const char *lines, const char *line)
{
    size_t length = strlen(line);

    for (const char *at = lines; at && (at = strstr(at, line)); at += length)
        if ((at == lines || at[-1] == '\n') && (at[length] == '\n' || !at[length]))
            return true;
    return false;
}

/* A topology's errors come again with each scenario that wants it. */
static void add_broken(struct reading *r, const vc_error *err)
{
    VC_AUTO_TALLOC char *lines = talloc_strdup(NULL, err->message);
    char *rest = NULL;

    for (const char *line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (has_line(r->broken, line))
            continue;
        if (!r->broken)
            r->broken = talloc_strdup(r->catalogue, line);
        else
            r->broken = talloc_asprintf_append(r->broken, "\n%s", line);
    }
}

static void add_scenario(struct reading *r, const char *file)
{
    struct vc_catalogue *c = r->catalogue;
    VC_AUTO_ERROR *err = NULL;
    struct vc_scenario *s = vc_scenario_load(c, file, r->topologies_dir, r->kinds_dir, &err);

    if (!s) {
        add_broken(r, err);
        return;
    }
    c->scenarios = talloc_realloc(c, c->scenarios, struct vc_scenario *, (unsigned)c->scenario_count + 1);
    c->scenarios[c->scenario_count++] = s;
}

static void add_topology(struct reading *r, const char *file)
{
    struct vc_catalogue *c = r->catalogue;
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = vc_topology_load(c, file, r->kinds_dir, &err);

    if (!t) {
        add_broken(r, err);
        return;
    }
    c->topologies = talloc_realloc(c, c->topologies, struct vc_topology *, (unsigned)c->topology_count + 1);
    c->topologies[c->topology_count++] = t;
}

/* `depth` ends a walk round a link that points upwards. */
static void add_folder(struct reading *r, const char *folder, unsigned depth,
                       void (*add)(struct reading *, const char *))
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_names files = vc_documents(scratch, folder), folders = vc_folders(scratch, folder);

    for (size_t i = 0; i < files.count; i++)
        add(r, talloc_asprintf(scratch, "%s/%s.yaml", folder, vc_names_at(files, i)));
    for (size_t i = 0; depth && i < folders.count; i++)
        add_folder(r, talloc_asprintf(scratch, "%s/%s", folder, vc_names_at(folders, i)), depth - 1, add);
}

struct vc_catalogue *vc_catalogue_read(void *ctx, const char *home, vc_error **broken)
{
    struct vc_catalogue *catalogue = talloc_zero(ctx, struct vc_catalogue);
    struct reading r = {.catalogue = catalogue,
                        .topologies_dir = below(catalogue, home, "topologies"),
                        .kinds_dir = below(catalogue, home, "nodes")};

    catalogue->home = talloc_strdup(catalogue, home);
    add_folder(&r, r.topologies_dir, 0, add_topology);
    add_folder(&r, below(catalogue, home, "scenarios"), FOLDER_DEPTH, add_scenario);
    catalogue->forms = vc_examples_read(catalogue, home);
    if (!r.broken && !catalogue->scenario_count && !catalogue->topology_count)
        vc_fail(broken, VC_EXIT_USAGE, 0,
                "%s has no scenarios/ and no topologies/: call vclab from its checkout or set VCLAB_HOME to it", home);
    if (r.broken)
        vc_fail(broken, VC_EXIT_USAGE, 0, "%s", r.broken);
    return catalogue;
}

/* ---- last verdicts ---- */

/* A folder of results begins with its time: "20260131T120000Z". */
static bool is_stamp(const char *name)
{
    static const char form[] = "dddddddd"
                               "T"
                               "dddddd"
                               "Z";

    for (size_t i = 0; form[i]; i++)
        if (form[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
            return false;
    return true;
}

static int is_result(const struct dirent *entry)
{
    return is_stamp(entry->d_name);
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* `run`: a run.json or a row of a suite; `result`: its folder, whose name has its time. The later one stays. */
static void keep(json_t *lasts, const json_t *run, const char *result)
{
    const char *scenario = vc_member_text(run, "scenario"), *stamp = base_of(result);
    const json_t *seed = json_object_get(run, "seed");

    if (!*scenario || !*vc_member_text(run, "verdict") || !is_stamp(stamp))
        return;
    if (!strcmp(vc_member_text(run, "verdict"), "skipped"))
        return; /* no verdict of its own: the one before stays */
    VC_AUTO_TALLOC char *when = talloc_asprintf(NULL, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", stamp, stamp + 4, stamp + 6,
                                                stamp + 9, stamp + 11, stamp + 13);
    if (strcmp(vc_member_text(json_object_get(lasts, scenario), "when"), when) > 0)
        return;
    json_object_set_new(lasts, scenario,
                        json_pack("{s:s, s:s, s:I, s:s, s:s}", "verdict",
                                  json_object_get(run, "difference") ? "different" : vc_member_text(run, "verdict"),
                                  "when", when, "seed", (json_int_t)json_integer_value(seed), "mode",
                                  vc_member_text(run, "mode"), "result", result));
}

static void keep_suite(json_t *lasts, const char *folder)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/suite.json", folder);
    VC_AUTO_JSON *suite = json_load_file(path, 0, NULL);
    const json_t *run;
    size_t i;

    /* A row without a folder of its own (its result was removed) has the suite's time. */
    json_array_foreach(json_object_get(suite, "runs"), i, run)
        keep(lasts, run, *vc_member_text(run, "result") ? vc_member_text(run, "result") : folder);
}

/* The folder's name is <stamp>-<scenario>-<suffix>: is a later result of that scenario known? */
static bool is_older(const json_t *lasts, const char *name)
{
    const char *from = name + STAMP_LENGTH + (name[STAMP_LENGTH] == '-'), *to = strrchr(from, '-');
    VC_AUTO_TALLOC char *scenario = talloc_strndup(NULL, from, to ? (size_t)(to - from) : strlen(from));
    const char *known = vc_member_text(json_object_get(lasts, scenario), "result");

    return *known && strncmp(base_of(known), name, STAMP_LENGTH) >= 0;
}

json_t *vc_catalogue_lasts(const char *results_dir)
{
    struct dirent **entries = NULL;
    json_t *lasts = json_object();
    int count = scandir(results_dir, &entries, is_result, alphasort);

    for (int i = count; i-- > 0;) {
        const char *name = entries[i]->d_name, *end = strrchr(name, '-');
        VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s/%s", results_dir, name);

        if (end && !strcmp(end, "-suite")) {
            keep_suite(lasts, folder);
        } else if (!is_older(lasts, name)) {
            VC_AUTO_JSON *run = vc_result_load_run(folder, NULL);
            keep(lasts, run, folder);
        }
        free(entries[i]);
    }
    free(entries);
    return lasts;
}

/* ---- the document ---- */

static bool lists(const char *const *ids, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ids[i], id))
            return true;
    return false;
}

/* What a scenario shows of a requirement: "holds", "fault", or NULL. */
static const char *shows(const struct vc_scenario *s, const char *id)
{
    if (lists(s->fault_of, s->fault_of_count, id))
        return "fault";
    return lists(s->requirements, s->requirement_count, id) ? "holds" : NULL;
}

/* {"name", "shows"} and what the last result says, or nulls. */
static json_t *cited(const struct vc_scenario *s, const char *what, const json_t *lasts)
{
    static const char *const members[] = {"verdict", "when", "seed", "mode", "result"};
    json_t *row = json_pack("{s:s, s:s}", "name", s->name, "shows", what);
    const json_t *last = json_object_get(lasts, s->name);

    for (size_t i = 0; i < VC_COUNT(members); i++) {
        json_t *value = json_object_get(last, members[i]);

        json_object_set_new(row, members[i], value ? json_incref(value) : json_null());
    }
    return row;
}

/* What the form shows was tried just now. */
static json_t *form_rows(const struct vc_catalogue *catalogue, const char *id)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < catalogue->forms->count; i++) {
        const struct vc_example *e = &catalogue->forms->list[i];

        if (vc_example_shows(e, id))
            json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s, s:s?}", "name", e->name, "file", e->file,
                                                  "shows", e->accepts ? "accepts" : "refuses", "verdict",
                                                  e->good ? "pass" : "fail", "said", e->said));
    }
    return rows;
}

static json_t *requirement_rows(const struct vc_catalogue *catalogue, const json_t *lasts)
{
    json_t *rows = json_array();

    for (unsigned n = 1; n <= VC_REQUIREMENT_LAST; n++) {
        const struct vc_requirement *r = vc_requirement(n);
        json_t *scenarios = json_array();

        for (size_t i = 0; i < catalogue->scenario_count; i++) {
            const char *what = shows(catalogue->scenarios[i], r->id);
            if (what)
                json_array_append_new(scenarios, cited(catalogue->scenarios[i], what, lasts));
        }
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:b, s:o, s:o}", "id", r->id, "title", r->title,
                                              "chapter", r->chapter, "activation", (int)r->activation, "scenarios",
                                              scenarios, "forms", form_rows(catalogue, r->id)));
    }
    return rows;
}

static json_t *scenario_row(const struct vc_scenario *s, const json_t *lasts)
{
    json_t *last = json_object_get(lasts, s->name);

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:O?}", "file", s->file, "name", s->name, "description",
                     s->description, "topology", s->topology->name, "timers", s->timers->name, "plane",
                     s->plane ? s->plane : "any", "requirements",
                     vc_requirement_ids(s->requirements, s->requirement_count), "fault_of",
                     vc_requirement_ids(s->fault_of, s->fault_of_count), "last", last);
}

static json_t *topology_row(const struct vc_topology *t)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I}", "file", t->file, "name", t->name, "description", t->description,
                     "nodes", (json_int_t)t->node_count, "links", (json_int_t)t->link_count, "tunnels",
                     (json_int_t)t->tunnel_count);
}

json_t *vc_catalogue_document(const struct vc_catalogue *catalogue, const json_t *lasts)
{
    json_t *scenarios = json_array(), *topologies = json_array();

    for (size_t i = 0; i < catalogue->scenario_count; i++)
        json_array_append_new(scenarios, scenario_row(catalogue->scenarios[i], lasts));
    for (size_t i = 0; i < catalogue->topology_count; i++)
        json_array_append_new(topologies, topology_row(catalogue->topologies[i]));
    return json_pack("{s:o, s:o, s:o, s:o}", "requirements", requirement_rows(catalogue, lasts), "scenarios", scenarios,
                     "topologies", topologies, "faults", vc_fault_catalogue());
}
