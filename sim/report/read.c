/* Reading a result again: its events, its run.json, the verdict recomputed. */
#include "report/report_private.h"

#include <errno.h>
#include <string.h>

#include "run/verdict.h"

static FILE *open_events(const char *result_path, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", result_path);
    FILE *file = fopen(path, "re");

    if (!file)
        vc_fail(err, VC_EXIT_USAGE, errno, "%s is not a result of vclab: cannot read %s", result_path, path);
    return file;
}

json_t *vc_result_load_events(void *ctx, const char *result_path, char **truncated, vc_error **err)
{
    VC_AUTO_FILE *file = open_events(result_path, err);
    VC_AUTO_JSON *events = json_array();
    VC_AUTO_FREE char *line = NULL;
    size_t room = 0;
    ssize_t length;

    *truncated = NULL;
    if (!file)
        return NULL;
    for (int number = 1; (length = getline(&line, &room, file)) >= 0; number++) {
        json_error_t error;
        json_t *event = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, &error);
        bool whole = line[length - 1] == '\n';
        if (json_is_object(event) && whole) {
            json_array_append_new(events, event);
            continue;
        }
        json_decref(event);
        if (whole) {
            vc_fail(err, VC_EXIT_USAGE, 0, "%s/events.jsonl:%d:%d: not an event: %s", result_path, number,
                    error.column > 0 ? error.column : 1, event ? "an object is expected" : error.text);
            return NULL;
        }
        *truncated = talloc_asprintf(ctx, "events.jsonl ends in the middle of line %d", number);
    }
    if (ferror(file)) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot read %s/events.jsonl", result_path);
        return NULL;
    }
    return VC_STEAL_PTR(events);
}

json_t *vc_result_load_run(const char *result_path, vc_error **err)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/run.json", result_path);
    VC_AUTO_FILE *file = fopen(path, "re");
    json_error_t error;

    if (!file) {
        vc_fail(err, VC_EXIT_USAGE, errno, "cannot read %s", path);
        return NULL;
    }
    VC_AUTO_JSON *run = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (!run)
        vc_fail(err, VC_EXIT_USAGE, 0, "%s:%d:%d: %s", path, error.line, error.column, error.text);
    else if (strcmp(vc_member_text(run, "schema"), "vclab.run/1") != 0)
        vc_fail(err, VC_EXIT_USAGE, 0, "%s: schema is \"%s\", this program reads \"vclab.run/1\"", path,
                vc_member_text(run, "schema"));
    else
        return VC_STEAL_PTR(run);
    return NULL;
}

/* What run.json would say of a run that was killed before it wrote one: the members that its events know. */
static json_t *header_from_events(const json_t *events)
{
    static const char *const members[] = {"topology", "timers", "plane", "wires", "seed"};
    json_t *header = json_pack("{s:s}", "schema", "vclab.run/1");
    const json_t *plan = json_array_get(events, 0);

    for (size_t i = 0; i < VC_COUNT(members); i++)
        if (json_object_get(plan, members[i]))
            json_object_set(header, members[i], json_object_get(plan, members[i]));
    return header;
}

json_t *vc_result_rejudge(const char *result_path, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *no_run = NULL;
    char *truncated;
    size_t i;
    json_t *event;

    VC_AUTO_JSON *events = vc_result_load_events(ctx, result_path, &truncated, err);
    const char *digest = events ? vc_result_digest(ctx, result_path, err) : NULL;
    if (!digest)
        return NULL;
    VC_AUTO_JSON *run = vc_result_load_run(result_path, &no_run);
    if (!run && no_run->errnum != ENOENT) {
        vc_error_move(err, &no_run);
        return NULL;
    }
    if (!run)
        run = header_from_events(events);

    struct vc_judge *judge = vc_judge_new(ctx);
    json_array_foreach(events, i, event) vc_judge_event(judge, event);
    VC_AUTO_JSON *judged = vc_judge_finish(judge);
    json_object_update(run, judged);
    json_object_set_new(run, "digest", json_string(digest));
    if (truncated)
        json_object_set_new(run, "truncated", json_string(truncated));
    return VC_STEAL_PTR(run);
}
