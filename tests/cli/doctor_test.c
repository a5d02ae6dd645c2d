/* vclab doctor on what is stored: evidence, and results without any. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

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

/* A scenario asks half-way, mends what is wrong, and passes. */
Test(doctor, says_when_what_it_read_is_older_than_the_runs_end)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *sick = json_load_file(sick_path, 0, NULL);
    VC_AUTO_FREE char *document = json_dumps(sick, JSON_COMPACT);
    static const char form[] = "{\"t_ns\":61000000000,\"what\":\"evidence\",\"document\":%s}\n"
                               "{\"t_ns\":%s000000000,\"what\":\"end\"}\n";
    char *old = folder_with(ctx, talloc_asprintf(ctx, form, document, "210"));
    char *fresh = folder_with(ctx, talloc_asprintf(ctx, form, document, "62"));
    struct command *late = VCLAB(ctx, "doctor", old), *soon = VCLAB(ctx, "doctor", fresh);

    remove_folder(old);
    remove_folder(fresh);
    EXITS(late, 1);
    SAYS(late, "this was read 61 s after its start; the run went on to 210 s");
    EXITS(soon, 1);
    cr_expect(!strstr(soon->err, "this was read"), "%s", soon->err);
}

Test(doctor, says_in_one_line_what_evidence_it_cannot_read)
{
    static const struct {
        const char *document, *said;
    } files[] = {
        {"{\"schema\": \"vclab.evidence/2\"}", "this vclab reads vclab.evidence/1, not vclab.evidence/2"},
        {"{\"schema\": \"vclab.diagnosis/1\"}", "not vclab.diagnosis/1"},
        {"{}", "not a document without a schema"},
        {"{\"schema\": \"vclab.evidence/1\", \"nodes\": {}}", "evidence of no tunnel and no node"},
        {"{\"schema\": \"vclab.evidence/1\", \"ord", "cut off or damaged: line 1"},
    };

    for (size_t i = 0; i < VC_COUNT(files); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        char *folder = folder_with(ctx, files[i].document);
        const char *path = talloc_asprintf(ctx, "%s/events.jsonl", folder);
        struct command *doctor = VCLAB(ctx, "doctor", path);
        remove_folder(folder);
        EXITS(doctor, 2);
        SAYS(doctor, files[i].said);
        cr_expect_eq(strchr(doctor->err, '\n'), doctor->err + strlen(doctor->err) - 1, "%s", doctor->err);
    }
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

/* ---- a folder of a lab that does not answer as it should ---- */

static int listen_in(const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/control", folder);
    cr_assert(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof address) && !listen(fd, 1));
    return fd;
}

/* Runs the doctor on the folder while somebody gives this answer. */
static struct command *ask(void *ctx, const char *folder, int listening, const char *answer)
{
    struct command *doctor = VCLAB_START(ctx, "doctor", folder);
    VC_AUTO_FD client = accept(listening, NULL, NULL);
    char request[256];

    cr_assert(client >= 0 && read(client, request, sizeof request) > 0);
    cr_assert(write(client, answer, strlen(answer)) == (ssize_t)strlen(answer));
    close(VC_STEAL_FD(client));
    command_end(doctor, 60000);
    return doctor;
}

/* What it stored is of another time; and that it does not answer is nothing that the doctor found. */
Test(doctor, says_that_a_running_lab_could_not_be_asked)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *well = json_load_file(well_path, 0, NULL);
    VC_AUTO_FREE char *document = json_dumps(well, JSON_COMPACT);
    char *folder = folder_with(ctx, talloc_asprintf(ctx, "{\"what\": \"evidence\", \"document\": %s}\n", document));
    char *control = talloc_asprintf(ctx, "%s/control", folder);
    int listening = listen_in(folder);
    struct command *refused =
        ask(ctx, folder, listening, "{\"ok\": false, \"error\": \"its child ended early\", \"usage\": false}\n");
    struct command *silent = ask(ctx, folder, listening, "");

    EXITS(refused, 3);
    SAYS(refused, "the lab could not be asked: its child ended early");
    EXITS(silent, 3);
    SAYS(silent, "the lab could not be asked: the lab went away before it answered");

    close(listening); /* the lab is over: its socket is left, with nobody behind it */
    struct command *over = VCLAB(ctx, "doctor", folder);
    unlink(control);
    struct command *none = VCLAB(ctx, "doctor", folder);
    remove_folder(folder);
    EXITS(over, 0);
    EXITS(none, 0);
}

/* ---- what it writes ---- */

Test(doctor, says_when_its_answer_cannot_be_written)
{
    VC_AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    static const char *const options[] = {"--json", "--evidence", NULL};

    cr_assert(full >= 0);
    for (size_t i = 0; i < VC_COUNT(options); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        const char *const argv[] = {VCLAB_BINARY, "doctor", well_path, options[i], NULL};
        struct command *doctor = command_start(ctx, &(struct command_options){.argv = argv, .out = full});

        command_end(doctor, 60000);
        EXITS(doctor, 3);
        SAYS(doctor, "cannot write to standard output");
    }
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *const argv[] = {VCLAB_BINARY, "doctor", "--catalogue", NULL};
    struct command *table = command_start(ctx, &(struct command_options){.argv = argv, .out = full});
    command_end(table, 60000);
    EXITS(table, 3);
}
