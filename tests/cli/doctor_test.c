/* vclab doctor on what is stored: evidence, and results without any. */
#include <string.h>

#include "host.h"

static void setup(void)
{
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
}

TestSuite(doctor, .init = setup);

#define EVIDENCE(name) VCLAB_SOURCE_DIR "/tests/doctor/evidence/" name ".json"

/* Paths as one text each: the argument lists below are arrays of texts. */
static const char sick_path[] = EVIDENCE("two-cpe-psk-cpe1-tuned");
static const char well_path[] = EVIDENCE("two-cpe-healthy-tuned");
static const char no_evidence[] = VCLAB_SOURCE_DIR "/README.md";

static char *folder_with(void *ctx, const char *events)
{
    char *folder = talloc_strdup(ctx, "/tmp/vclab-doctor-XXXXXX");

    cr_assert(mkdtemp(folder));
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", folder);
    FILE *file = fopen(path, "we");
    cr_assert(file && fputs(events, file) >= 0 && !fclose(file));
    return folder;
}

static void remove_folder(const char *folder)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/events.jsonl", folder);

    unlink(path);
    rmdir(folder);
}

Test(doctor, tells_by_its_status_whether_something_is_wrong)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *sick = VCLAB(ctx, "doctor", sick_path), *json = VCLAB(ctx, "doctor", sick_path, "--json");
    struct command *well = VCLAB(ctx, "doctor", well_path);

    EXITS(sick, 1);
    cr_expect(strstr(sick->out, "1. ike-psk at cpe1, tunnel dc1 (ike, certain)"), "%s", sick->out);
    cr_expect(!strstr(sick->out, "\033["), "no terminal, no colours");
    EXITS(json, 1);
    VC_AUTO_JSON *diagnosis = json_loads(json->out, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(diagnosis, "schema")), "vclab.diagnosis/1");
    EXITS(well, 0);
    cr_expect(strstr(well->out, "Nothing is wrong."), "%s", well->out);
}

/* Of a result the last evidence counts: what was wrong before it was mended is history. */
Test(doctor, reads_the_last_evidence_of_a_result)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *sick = json_load_file(sick_path, 0, NULL);
    VC_AUTO_JSON *well = json_load_file(well_path, 0, NULL);
    VC_AUTO_FREE char *first = json_dumps(sick, JSON_COMPACT);
    VC_AUTO_FREE char *second = json_dumps(well, JSON_COMPACT);
    char *events =
        talloc_asprintf(ctx,
                        "{\"what\": \"evidence\", \"document\": %s}\n{\"what\": \"evidence\", \"document\": %s}\n"
                        "{\"what\": \"evidence\", \"error\": \"none\"}\n",
                        first, second);
    char *folder = folder_with(ctx, events), *none = folder_with(ctx, "{\"what\": \"end\"}\n");
    struct command *last = VCLAB(ctx, "doctor", folder), *nothing = VCLAB(ctx, "doctor", none);

    remove_folder(folder);
    remove_folder(none);
    EXITS(last, 0);
    EXITS(nothing, 2);
    SAYS(nothing, "no evidence in its events");
}

Test(doctor, refuses_what_is_no_lab_and_no_result)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *nowhere = VCLAB(ctx, "doctor", "no-such-lab"),
                   *both = VCLAB(ctx, "doctor", sick_path, "--json", "--evidence");
    struct command *two = VCLAB(ctx, "doctor", sick_path, sick_path), *text = VCLAB(ctx, "doctor", no_evidence);

    EXITS(nowhere, 2);
    SAYS(nowhere, "no lab no-such-lab runs here");
    EXITS(both, 2);
    EXITS(two, 2);
    EXITS(text, 2);
}

Test(doctor, gives_the_evidence_and_the_table_of_causes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct command *evidence = VCLAB(ctx, "doctor", sick_path, "--evidence"),
                   *table = VCLAB(ctx, "doctor", "--catalogue");
    VC_AUTO_JSON *told = json_loads(evidence->out, 0, NULL);
    VC_AUTO_JSON *stored = json_load_file(sick_path, 0, NULL);

    EXITS(evidence, 1);
    cr_expect(json_equal(told, stored));
    EXITS(table, 0);
    cr_expect_eq(strncmp(table->out, "# Troubleshooting\n", 18), 0);
}
