/* vclab replay: plays the run of a bundle again and says whether it came out the same. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/numbers.h"
#include "cli/session.h"
#include "report/bundle.h"
#include "report/compare.h"
#include "report/report.h"

static const char usage[] =
    "Usage: vclab replay BUNDLE [--results DIR] [--limit SECONDS] [--json]\n"
    "\n"
    "Plays the run that vclab run --bundle recorded again: sealed, booted, with its seed. Says first what is not the\n"
    "version it was recorded with, then whether the digest is the same, or which event differs first.\n"
    "\n"
    "Exit status: 0 the same digest, 1 another, 2 bad usage or no whole bundle, 3 this host cannot, 130 interrupted.\n";

struct options {
    struct session_options session;
    bool json;
};

struct replay {
    const struct options *options;
    struct vc_bundle *bundle;
    struct session *session;
    json_t *run;        /* run.json of the replay */
    json_t *versions;   /* [{"name", "recorded", "here"}]: those that differ */
    json_t *comparison; /* vc_compare_results */
    char *result;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* ---- versions ---- */

static void add_version(json_t *list, const char *name, const char *recorded, const char *here)
{
    if (strcmp(recorded, here) != 0)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name, "recorded", recorded, "here", here));
}

static json_t *versions_that_differ(const struct session *session, const json_t *manifest)
{
    VC_AUTO_TALLOC char *qemu = vc_machine_version(NULL, NULL, NULL);
    VC_AUTO_JSON *here = session_versions(session, qemu);
    json_t *recorded = json_object_get(manifest, "versions"), *list = json_array(), *value;
    const char *name;

    json_object_foreach(recorded, name, value) add_version(list, name, json_string_value(value), text_of(here, name));
    add_version(list, "image", text_of(manifest, "image"), session->image->id);
    return list;
}

static void tell_versions(const json_t *versions)
{
    const json_t *item;
    size_t i;

    json_array_foreach(versions, i, item)
        fprintf(stderr, "vclab: not as recorded: %s was %s, here it is %s\n", text_of(item, "name"),
                text_of(item, "recorded"), *text_of(item, "here") ? text_of(item, "here") : "absent");
}

/* ---- replay ---- */

static int compare(struct replay *replay, vc_error **err)
{
    VC_AUTO_TALLOC char *recording = talloc_asprintf(NULL, "%s/recording", replay->result);

    if (mkdir(recording, 0755))
        return vc_fail(err, VC_EXIT_HOST, errno, "making %s", recording);
    if (vc_bundle_unpack_result(replay->bundle, recording, err))
        return -1;
    vc_result_give(recording);
    replay->comparison = vc_compare_results(recording, replay->result, err);
    return replay->comparison ? 0 : -1;
}

static bool same_digest(const struct replay *replay)
{
    return !strcmp(text_of(replay->bundle->manifest, "digest"), text_of(replay->run, "digest"));
}

static void print_json(const struct replay *replay)
{
    const json_t *manifest = replay->bundle->manifest;
    VC_AUTO_JSON *doc = json_pack("{s:s, s:b, s:{s:s, s:s}, s:{s:s, s:s}, s:O, s:O, s:s}", "schema", "vclab.replay/1",
                                  "same", same_digest(replay), "digest", "recorded", text_of(manifest, "digest"),
                                  "replayed", text_of(replay->run, "digest"), "verdict", "recorded",
                                  text_of(manifest, "verdict"), "replayed", text_of(replay->run, "verdict"), "versions",
                                  replay->versions, "difference", replay->comparison, "result", replay->result);

    json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    puts("");
}

static void print_text(const struct replay *replay)
{
    VC_AUTO_TALLOC char *text = vc_compare_text(NULL, replay->comparison, "recorded", "replayed");
    const json_t *manifest = replay->bundle->manifest;

    printf("%s: recorded %s, replayed %s\n", text_of(manifest, "scenario"), text_of(manifest, "verdict"),
           text_of(replay->run, "verdict"));
    if (same_digest(replay))
        printf("the same digest: %s\n", text_of(replay->run, "digest"));
    else
        printf("another digest: recorded %s, replayed %s\n", text_of(manifest, "digest"),
               text_of(replay->run, "digest"));
    if (!json_is_true(json_object_get(replay->comparison, "same")))
        printf("%s\n", text);
    printf("  result: %s\n", replay->result);
}

/* Only now is there the image that the documents need. */
static void on_ready(void *arg)
{
    struct replay *replay = arg;

    replay->versions = versions_that_differ(replay->session, replay->bundle->manifest);
    tell_versions(replay->versions);
}

static int play(void *ctx, struct replay *replay, vc_error **err)
{
    const json_t *manifest = replay->bundle->manifest;
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "replay-%s", text_of(manifest, "scenario"));
    struct session_extra extra = {
        .documents = replay->bundle->documents, .name = name, .on_ready = on_ready, .arg = replay};

    replay->session->options.seed = (uint64_t)json_integer_value(json_object_get(manifest, "seed"));
    replay->session->options.captures = json_is_true(json_object_get(manifest, "captured"));
    replay->session->options.evidence = json_is_true(json_object_get(manifest, "evidence"));
    int status = session_run(ctx, replay->session, NULL, &extra, &replay->run, &replay->result, err);
    if (status < 0 || status == VC_EXIT_INTERRUPTED)
        return status;
    if (compare(replay, err))
        return -1;
    if (replay->options->json)
        print_json(replay);
    else
        print_text(replay);
    return same_digest(replay) ? VC_EXIT_PASS : VC_EXIT_FAIL;
}

static int run(const struct options *options, const char *file, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct replay replay = {.options = options, .bundle = vc_bundle_read(ctx, file, err)};

    if (!replay.bundle)
        return -1;
    replay.session = session_open(ctx, &options->session, err);
    if (!replay.session)
        return -1;
    int status = play(ctx, &replay, err);
    json_decref(replay.versions);
    json_decref(replay.run);
    json_decref(replay.comparison);
    return status;
}

int vc_cmd_replay(int argc, char **argv)
{
    static const struct option longs[] = {{"results", required_argument, NULL, 'r'},
                                          {"limit", required_argument, NULL, 'l'},
                                          {"json", no_argument, NULL, 'J'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct options options = {.session = {.sealed = true, .cold = true}};
    VC_AUTO_ERROR *err = NULL;
    uint64_t limit = 0;
    int c;

    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'h' || c == '?') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : VC_EXIT_USAGE;
        }
        options.json |= c == 'J';
        if (c == 'r')
            options.session.results = optarg;
        if (c == 'l' && parse_number("replay", "limit", optarg, 1, 86400, &limit))
            return VC_EXIT_USAGE;
    }
    options.session.wall_limit_s = (unsigned)limit;
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return VC_EXIT_USAGE;
    }
    int status = run(&options, argv[optind], &err);
    return status < 0 ? print_error(err) : status;
}
