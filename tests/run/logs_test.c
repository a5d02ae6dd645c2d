/* Texts found in real files that grow, are cut, replaced or not there, below a node's root of the test's own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "lab/private.h"
#include "run/logs.h"

#define TEXT "no proposal chosen"

static char root[] = "/tmp/vclab-logs-XXXXXX";

static struct vc_plan_daemon daemons[] = {{.name = "charon", .log = "/var/log/charon.log"},
                                          {.name = "sink", .log = "stderr"}};
static struct vc_plan_node plan_node = {.name = "cpe1", .daemons = daemons, .daemon_count = 2};
static struct vc_node topology_node = {.name = "cpe1"};
static struct vc_topology topology = {.nodes = &topology_node, .node_count = 1};
static const struct vc_plan plan = {.topology = &topology, .nodes = &plan_node, .node_count = 1};
static struct lab_node node = {.rt = {.plan = &plan_node, .root = root, .netns = 0}};
static struct vc_lab *lab;
static struct vc_logs *logs;
static struct vc_scenario scenario;
static struct vc_step step;
static char *seen; /* "[daemon text: line]" of every check/log */

static const char *at(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/var/log/%s", root, name);
    return path;
}

static void on_event(void *arg VC_UNUSED, json_t *event)
{
    const char *daemon, *text, *line, *layer, *what, *name;

    cr_assert_eq(json_unpack(event, "{s:s, s:s, s:s, s:s, s:s, s:s}", "layer", &layer, "what", &what, "node", &name,
                             "daemon", &daemon, "contains", &text, "line", &line),
                 0);
    cr_expect_str_eq(layer, "check");
    cr_expect_str_eq(what, "log");
    cr_expect_str_eq(name, "cpe1");
    seen = talloc_asprintf_append(seen, "[%s %s: %s]", daemon, text, line);
}

/* inotify has queued what was written before; nothing is waited for. */
static void turn(void)
{
    int r;

    while ((r = sd_event_run(lab->loop, 0)) > 0)
        ;
    cr_assert_eq(r, 0, "%s", strerror(-r));
}

static void write_to(const char *path, int flags, const char *bytes)
{
    VC_AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

    cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
    cr_assert_eq(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
}

static void grow(const char *bytes)
{
    write_to(at("charon.log"), O_APPEND, bytes);
    turn();
}

static void look_for(const char *text)
{
    json_array_append_new(step.spec, json_pack("{s:s, s:s, s:s, s:s}", "type", "log", "node", "cpe1", "daemon",
                                               "charon", "contains", text));
}

static void start(void)
{
    VC_AUTO_ERROR *err = NULL;

    cr_assert_eq(vc_logs_start(logs, &scenario, &err), 0, "%s", err ? err->message : "");
}

static void setup(void)
{
    cr_assert(mkdtemp(root));
    VC_AUTO_TALLOC char *folder = talloc_asprintf(NULL, "%s/var", root);
    cr_assert(mkdir(folder, 0755) == 0 && mkdir(at(""), 0755) == 0);
    lab = talloc_zero(NULL, struct vc_lab);
    lab->plan = &plan;
    lab->nodes = &node;
    cr_assert(sd_event_new(&lab->loop) >= 0);
    lab->events = vc_events_new(lab);
    vc_events_subscribe(lab->events, on_event, NULL);
    seen = talloc_strdup(lab, "");
    logs = vc_logs_new(lab, lab);
    step = (struct vc_step){.kind = VC_STEP_EXPECT, .spec = json_array()};
    scenario = (struct vc_scenario){.steps = &step, .step_count = 1};
    look_for(TEXT);
}

static int remove_one(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED, struct FTW *ftw VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    talloc_free(logs);
    sd_event_unref(lab->loop);
    talloc_free(lab);
    json_decref(step.spec);
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(logs, .init = setup, .fini = teardown);

#define FOUND(line) "[charon " TEXT ": " line "]"

Test(logs, what_was_written_before_counts)
{
    write_to(at("charon.log"), 0, "starting\n13[IKE] " TEXT " here\n");
    start();
    cr_assert_str_eq(seen, FOUND("13[IKE] " TEXT " here"));
}

Test(logs, a_file_that_grows_is_read_on)
{
    write_to(at("charon.log"), 0, "starting\n");
    start();
    grow("nothing of it\n");
    cr_expect_str_eq(seen, "");
    grow(TEXT " at last\n");
    cr_expect_str_eq(seen, FOUND(TEXT " at last"));
    grow(TEXT " again\n");
    cr_expect_str_eq(seen, FOUND(TEXT " at last"), "once");
}

Test(logs, a_line_may_come_in_pieces)
{
    start();
    grow("13[IKE] no prop");
    grow("osal ch");
    grow("osen");
    cr_expect_str_eq(seen, "", "the line may go on");
    grow(", sorry\n");
    cr_expect_str_eq(seen, FOUND("13[IKE] " TEXT ", sorry"));
}

/* More than one read takes: the text lies across the reads' border wherever that is. */
Test(logs, a_long_file_is_read_to_its_end)
{
    VC_AUTO_TALLOC char *content = talloc_strdup(NULL, "");

    for (unsigned i = 0; i < 3000; i++)
        content = talloc_asprintf_append(content, "%u no proposal number %u\n", i, i);
    content = talloc_strdup_append(content, TEXT "\n");
    look_for("2999 no proposal number 2999");
    for (unsigned i = 0; i < 3000; i += 7) {
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "%u no proposal number %u", i, i);
        look_for(text);
    }
    write_to(at("charon.log"), 0, content);
    start();
    unsigned found = 0;
    for (const char *c = seen; (c = strstr(c, "[charon ")); c++)
        found++;
    cr_assert_eq(found, 1 + 1 + (3000 + 6) / 7 - (2999 % 7 == 0));
}

Test(logs, one_that_is_not_there_yet_is_awaited)
{
    start();
    turn();
    cr_expect_str_eq(seen, "");
    write_to(at("other.log"), 0, TEXT "\n");
    turn();
    cr_expect_str_eq(seen, "", "another file of the folder");
    grow(TEXT "\n");
    cr_expect_str_eq(seen, FOUND(TEXT));
}

Test(logs, a_rotated_one_begins_anew)
{
    start();
    grow("half a line of the old one, no proposal");
    VC_AUTO_TALLOC char *old = talloc_strdup(NULL, at("charon.log.1"));
    cr_assert_eq(rename(at("charon.log"), old), 0);
    grow(" chosen\n");
    cr_expect_str_eq(seen, "", "the halves are of two files");
    write_to(old, O_APPEND, " chosen\n");
    turn();
    cr_expect_str_eq(seen, "", "the old one is left alone");
    grow("new: " TEXT "\n");
    cr_expect_str_eq(seen, FOUND("new: " TEXT));
}

Test(logs, one_that_is_put_in_place_whole_is_read)
{
    start();
    grow("starting, and long enough to have been read beyond the new one's end\n");
    VC_AUTO_TALLOC char *made = talloc_strdup(NULL, at("made"));
    write_to(made, 0, TEXT "\n");
    cr_assert_eq(rename(made, at("charon.log")), 0);
    turn();
    cr_expect_str_eq(seen, FOUND(TEXT));
}

Test(logs, a_truncated_one_is_read_from_its_beginning)
{
    start();
    grow("a long line that was read, then half of one, no proposal");
    write_to(at("charon.log"), O_TRUNC, " chosen\n");
    turn();
    cr_expect_str_eq(seen, "", "the half went with the rest");
    grow(TEXT "\n");
    cr_expect_str_eq(seen, FOUND(TEXT));
}

Test(logs, bytes_that_are_no_text_are_shown_as_question_marks)
{
    start();
    grow("\xff\xc3\x28\x01 " TEXT " \xe2\x82\n");
    cr_expect_str_eq(seen, FOUND("\?\?(\? " TEXT " \?\?"));
}

Test(logs, a_node_that_is_off_is_read_when_it_is_on)
{
    VC_AUTO_ERROR *err = NULL;

    node.rt.netns = -1;
    start();
    grow(TEXT "\n");
    cr_expect_str_eq(seen, "");
    node.rt.netns = 0;
    cr_assert_eq(vc_logs_node(logs, 0, true, &err), 0, "%s", err ? err->message : "");
    cr_expect_str_eq(seen, FOUND(TEXT));
}

Test(logs, a_node_that_goes_is_read_no_more)
{
    start();
    cr_assert_eq(vc_logs_node(logs, 0, false, NULL), 0);
    grow(TEXT "\n");
    cr_expect_str_eq(seen, "");
}

static void refused(const char *daemon)
{
    VC_AUTO_ERROR *err = NULL;

    json_object_set_new(json_array_get(step.spec, 0), "daemon", json_string(daemon));
    cr_assert_eq(vc_logs_start(logs, &scenario, &err), -1);
    cr_assert_eq((int)err->status, VC_EXIT_USAGE);
    VC_AUTO_TALLOC char *text =
        talloc_asprintf(NULL, "a log expectation asks for %s of cpe1, which runs no such daemon", daemon);
    cr_assert_str_eq(err->message, text);
}

Test(logs, a_daemon_that_does_not_run_there_is_refused)
{
    refused("bgpd");
}

Test(logs, a_daemon_without_a_file_is_refused)
{
    refused("sink");
}

Test(logs, a_folder_that_is_not_there_is_an_error)
{
    VC_AUTO_ERROR *err = NULL;

    rmdir(at(""));
    cr_assert_eq(vc_logs_start(logs, &scenario, &err), -1);
    cr_assert(strstr(err->message, "watching /var/log/charon.log of cpe1"), "%s", err->message);
}

Test(logs, a_scenario_that_asks_for_none_watches_none)
{
    step.kind = VC_STEP_HOLD;
    start();
    grow(TEXT "\n");
    cr_expect_str_eq(seen, "");
}
