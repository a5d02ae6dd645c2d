#include "cli/doctor_stored.h"

#include <errno.h>
#include <glob.h>
#include <string.h>

#include "report/bundle.h"
#include "report/report.h"

/* A run that is over. */
struct stored {
    const char *path; /* as the user named it */
    const json_t *run;
    FILE *events;
    json_t *documents;   /* of a bundle */
    const char *results; /* for the run that is played again */
};

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));

    return text ? text : "";
}

int doctor_check(const json_t *document, const char *path, vc_error **err)
{
    const char *schema = text_of(document, "schema");

    if (strcmp(schema, "vclab.evidence/1") != 0)
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: this vclab reads vclab.evidence/1, not %s", path,
                       *schema ? schema : "a document without a schema");
    if (!json_array_size(json_object_get(json_object_get(document, "order"), "tunnels")) ||
        !json_object_size(json_object_get(document, "nodes")))
        return vc_fail(err, VC_EXIT_USAGE, 0, "%s: evidence of no tunnel and no node", path);
    return 0;
}

/* Of a run's events. */
struct last {
    json_t *document; /* the last evidence, new reference; NULL: there is none */
    int64_t read_ns, end_ns;
};

static struct last last_evidence(FILE *events)
{
    VC_AUTO_FREE char *line = NULL;
    struct last last = {0};
    size_t room = 0;

    while (getline(&line, &room, events) > 0) {
        long long t_ns;
        if (sscanf(line, "{\"t_ns\":%lld", &t_ns) == 1)
            last.end_ns = t_ns;
        if (!strstr(line, "\"evidence\""))
            continue;
        VC_AUTO_JSON *event = json_loads(line, 0, NULL);
        if (strcmp(text_of(event, "what"), "evidence") != 0 || !json_object_get(event, "document"))
            continue;
        json_decref(last.document);
        last.document = json_incref(json_object_get(event, "document"));
        last.read_ns = last.end_ns;
    }
    return last;
}

/* A scenario that asked for a diagnosis half-way and passed has told nothing since. */
static void tell_when(const char *path, const struct last *last)
{
    enum { SOON_S = 10 };
    int64_t read_s = last->read_ns / VC_NS_PER_S, end_s = last->end_ns / VC_NS_PER_S;

    if (end_s - read_s > SOON_S)
        fprintf(stderr,
                "vclab: %s: this was read %lld s after its start; the run went on to %lld s (vclab run --evidence "
                "reads at the end)\n",
                path, (long long)read_s, (long long)end_s);
}

static FILE *open_events(const char *result)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result);

    return fopen(path, "re");
}

/* ---- playing it again ---- */

/* Of a sealed run every event but the last, check/end, comes again before the evidence. */
static bool same_until_the_end(FILE *recorded, FILE *played)
{
    VC_AUTO_FREE char *one = NULL;
    VC_AUTO_FREE char *other = NULL;
    size_t one_room = 0, other_room = 0;

    rewind(recorded);
    while (getline(&one, &one_room, recorded) > 0)
        if ((getline(&other, &other_room, played) <= 0 || strcmp(one, other) != 0) &&
            !strstr(one, "\"layer\":\"check\",\"what\":\"end\""))
            return false;
    return true;
}

/* The shipped scenario of that name. talloc child of ctx. */
static char *scenario_file(void *ctx, const char *name)
{
    VC_AUTO_TALLOC char *pattern = talloc_asprintf(NULL, "%s/*/%s.yaml", session_folder(ctx, "scenarios"), name);
    glob_t found;
    char *file = NULL;

    if (*name && !glob(pattern, 0, NULL, &found)) {
        file = talloc_strdup(ctx, found.gl_pathv[0]);
        globfree(&found);
    }
    return file;
}

/* Why it cannot be played again: NULL when it can. */
static const char *why_not(const struct stored *stored)
{
    if (strcmp(text_of(stored->run, "mode"), "sealed") != 0)
        return "and only a sealed run is played again";
    if (!json_is_true(json_object_get(stored->run, "deterministic")) ||
        json_is_true(json_object_get(stored->run, "interrupted")))
        return "and it was interrupted or had no virtual time, so it is not played again";
    return NULL;
}

static int no_evidence(const struct stored *stored, const char *why, vc_error **err)
{
    return vc_fail(err, VC_EXIT_USAGE, 0,
                   "%s: no evidence in its events, %s: vclab run --evidence collects it at the end of a run, a "
                   "running lab gives it at any time",
                   stored->path, why);
}

/* As it was played, but with evidence. *result (talloc child of ctx): where. Returns as session_run. */
static int play(void *ctx, const struct stored *stored, char **result, vc_error **err)
{
    struct session_options options = {.results = stored->results,
                                      .seed = (uint64_t)json_integer_value(json_object_get(stored->run, "seed")),
                                      .captures = json_is_true(json_object_get(stored->run, "captured")),
                                      .cold = strcmp(text_of(stored->run, "start"), "forked") != 0,
                                      .evidence = true,
                                      .quiet = true,
                                      .sealed = true};
    struct session_extra staged = {.documents = stored->documents, .name = text_of(stored->run, "scenario")};
    struct vc_scenario *scenario = NULL;

    if (!stored->documents) {
        char *file = scenario_file(ctx, staged.name);
        if (!file)
            return no_evidence(stored, "and its scenario is none of scenarios/", err);
        scenario = vc_scenario_load(ctx, file, session_folder(ctx, "topologies"), session_folder(ctx, "nodes"), err);
        if (!scenario)
            return -1;
    }
    fprintf(stderr, "vclab: %s: no evidence in its events: it is played again for it (%s, seed %llu)\n", stored->path,
            staged.name, (unsigned long long)options.seed);
    struct session *session = session_open(ctx, &options, err);
    return session ? session_run(ctx, session, scenario, stored->documents ? &staged : NULL, NULL, result, err) : -1;
}

static json_t *of_replay(const struct stored *stored, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const char *why = why_not(stored);
    char *result = NULL;

    int status = why ? no_evidence(stored, why, err) : play(scratch, stored, &result, err);
    if (status < 0)
        return NULL;
    VC_AUTO_FILE *played = result ? open_events(result) : NULL;
    json_t *document = played ? last_evidence(played).document : NULL;
    if (!document) {
        vc_fail(err, (enum vc_exit)(status ? status : VC_EXIT_FAIL), 0, "%s: played again, it left no evidence%s%s",
                stored->path, result ? " in " : "", result ? result : "");
        return NULL;
    }
    rewind(played);
    if (!same_until_the_end(stored->events, played))
        fprintf(stderr,
                "vclab: it did not come out the same (another vclab, image or scenario): the answer is that of %s\n",
                result);
    return document;
}

static json_t *evidence_of(struct stored *stored, vc_error **err)
{
    struct last last = last_evidence(stored->events);

    if (!last.document)
        return of_replay(stored, err);
    tell_when(stored->path, &last);
    return last.document;
}

/* ---- results and bundles ---- */

json_t *doctor_of_result(const char *path, const char *results, vc_error **err)
{
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "%s/run.json", path);
    VC_AUTO_JSON *run = json_load_file(name, 0, NULL);
    VC_AUTO_FILE *events = open_events(path);
    struct stored stored = {.path = path, .run = run, .events = events, .results = results};

    if (!events) {
        vc_fail(err, VC_EXIT_USAGE, errno, "%s is not a result of vclab: cannot read its events.jsonl", path);
        return NULL;
    }
    return evidence_of(&stored, err);
}

json_t *doctor_of_bundle(const char *path, const char *results, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    struct vc_bundle *bundle = vc_bundle_read(scratch, path, err);

    if (!bundle)
        return NULL;
    VC_AUTO_FILE *events = fmemopen(bundle->events, bundle->events_size, "r");
    struct stored stored = {
        .path = path, .run = bundle->run, .events = events, .documents = bundle->documents, .results = results};
    if (!events) {
        vc_fail(err, VC_EXIT_USAGE, errno, "%s: no events in it", path);
        return NULL;
    }
    return evidence_of(&stored, err);
}
