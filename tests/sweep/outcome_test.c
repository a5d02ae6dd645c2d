/* What a run's folder says of its case, and what a sweep says of its cases. */
#include "fixture.h"

#include <stdio.h>

struct made {
    struct vc_sweep *sweep;
    struct vc_schedule schedule; /* drop/esp/inet-dc1 alone */
    char *folder;
};

static struct made make(void *ctx)
{
    struct made made = {.sweep = sweep_of(ctx, "two-cpe", "tuned"), .folder = temporary_folder(ctx)};
    size_t element = element_of(made.sweep, "drop/esp/inet-dc1");

    made.schedule = vc_schedule_of_set(made.sweep, &element, 1);
    return made;
}

static void put(const char *folder, const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", folder, name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0);
}

#define RUN_JSON(verdict, reason)                                                                                      \
    "{\"verdict\": \"" verdict "\", \"reason\": \"" reason                                                             \
    "\", \"interrupted\": false, \"wall_s\": 2.5, \"virtual_s\": 160}"

#define EVENT(layer, what, members) "{\"layer\": \"" layer "\", \"what\": \"" what "\", " members "}\n"
#define PATH(flow, direction, path)                                                                                    \
    EVENT("probe", "path", "\"flow\": \"" flow "\", \"direction\": \"" direction "\", \"path\": " path)

#define HEALTHY                                                                                                        \
    PATH("phone-dc1-srv", "forward", "[\"dc1\"]")                                                                      \
    PATH("phone-dc1-srv", "return", "[\"dc1\"]")                                                                       \
    PATH("phone-dc2-srv", "forward", "[\"dc2\"]")                                                                      \
    PATH("phone-dc2-srv", "return", "[\"dc2\"]")                                                                       \
    PATH("dc1-srv-dc2-srv", "forward", "[\"wan\"]")                                                                    \
    PATH("dc1-srv-dc2-srv", "return", "[\"wan\"]")
#define FAILS EVENT("check", "step", "\"kind\": \"fault\"") EVENT("fault", "applied", "\"name\": \"drop-esp-inet-dc1\"")
#define CHECK EVENT("check", "expect", "\"type\": \"path\"")
#define HEALS EVENT("check", "step", "\"kind\": \"heal\"")
#define DONE  EVENT("check", "steps-done", "\"node\": \"\"")

static struct vc_sweep_outcome *outcome_of(void *ctx, const struct made *made, const char *run, const char *events)
{
    put(made->folder, "run.json", run);
    put(made->folder, "events.jsonl", events);
    return vc_sweep_outcome_read(ctx, made->sweep, &made->schedule, made->folder);
}

Test(outcome, of_a_run_that_passed_agrees)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct made made = make(ctx);
    struct vc_sweep_outcome *out = outcome_of(ctx, &made, RUN_JSON("pass", ""), "");

    cr_assert_eq(out->verdict, VC_SWEEP_AGREES);
    cr_assert_eq(json_array_size(out->disagreements), 0);
    cr_assert_float_eq(out->wall_s, 2.5, 0.001);
    cr_assert_float_eq(out->virtual_s, 160, 0.001);
    remove_folder(made.folder);
}

static const char *dumped(const json_t *object, const char *key, char **text)
{
    *text = json_dumps(json_object_get(object, key), JSON_ENCODE_ANY | JSON_COMPACT);
    return *text;
}

Test(outcome, tells_which_packets_were_elsewhere_and_why_the_oracle_differs)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct made made = make(ctx);
    /* The return direction moved; the forward one stayed away. */
    struct vc_sweep_outcome *out = outcome_of(
        ctx, &made, RUN_JSON("fail", "phone-dc1-srv takes dc2+wan: not within 85000 ms"),
        HEALTHY FAILS PATH("phone-dc1-srv", "return", "[\"wan\", \"dc2\"]")
            EVENT("probe", "outage-begin", "\"flow\": \"phone-dc1-srv\", \"direction\": \"forward\"") CHECK HEALS DONE);
    VC_AUTO_FREE char *oracle = NULL;
    VC_AUTO_FREE char *packets = NULL;
    VC_AUTO_FREE char *failed = NULL;

    cr_assert_eq(out->verdict, VC_SWEEP_MISMATCH);
    cr_assert_eq(json_array_size(out->disagreements), 1);
    const json_t *d = json_array_get(out->disagreements, 0);
    cr_assert_str_eq(json_string_value(json_object_get(d, "from")), "phone");
    cr_assert_str_eq(json_string_value(json_object_get(d, "to")), "dc1-srv");
    cr_assert_str_eq(dumped(d, "oracle", &oracle), "[\"dc2\",\"wan\"]");
    cr_assert_str_eq(dumped(d, "packets", &packets), "null");
    cr_assert_str_eq(dumped(d, "failed", &failed), "[\"drop/esp/inet-dc1\"]");
    cr_assert_gt(json_string_length(json_object_get(d, "why")), 10);
    remove_folder(made.folder);
}

/* A flow that came back after a gap is there again; the check after the heal is compared with nothing failed. */
Test(outcome, of_the_healed_lab_is_compared_too)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct made made = make(ctx);
    struct vc_sweep_outcome *out = outcome_of(
        ctx, &made, RUN_JSON("fail", "x"),
        HEALTHY FAILS PATH("phone-dc1-srv", "forward", "[\"dc2\", \"wan\"]")
            EVENT("probe", "outage-begin", "\"flow\": \"phone-dc1-srv\", \"direction\": \"return\"")
                EVENT("probe", "gap", "\"flow\": \"phone-dc1-srv\", \"direction\": \"return\", \"open\": false")
                    PATH("phone-dc1-srv", "return", "[\"wan\", \"dc2\"]")
                        CHECK HEALS EVENT("fault", "heal-applied", "\"name\": \"drop-esp-inet-dc1\"") CHECK DONE);
    VC_AUTO_FREE char *failed = NULL;

    cr_assert_eq(json_array_size(out->disagreements), 2, "both directions stayed on dc2");
    cr_assert_str_eq(dumped(json_array_get(out->disagreements, 0), "failed", &failed), "[]");
    remove_folder(made.folder);
}

#define UNPROVED(name, phase)                                                                                          \
    EVENT("fault", "unproved", "\"name\": \"" name "\", \"phase\": \"" phase "\", \"text\": \"no effect\"")

Test(outcome, of_a_drop_that_found_nothing_is_no_mismatch_and_of_another_fault_an_error)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct made made = make(ctx);
    const char *run = RUN_JSON("error", "drop-esp-inet-dc1 was never proved");
    struct vc_sweep_outcome *out = outcome_of(ctx, &made, run, FAILS UNPROVED("drop-esp-inet-dc1", "apply"));

    cr_assert_eq(out->verdict, VC_SWEEP_UNPROVED);
    cr_assert(strstr(out->reason, "drop/esp/inet-dc1"), "%s", out->reason);
    cr_assert_eq(out->unproved, made.schedule.steps[0].element);
    out = outcome_of(ctx, &made, run, FAILS UNPROVED("drop-esp-inet-dc1", "heal"));
    cr_assert_eq(out->verdict, VC_SWEEP_ERROR);
    made.schedule.steps[0].element = element_of(made.sweep, "daemon/cpe1/bgpd");
    out = outcome_of(ctx, &made, run, UNPROVED("daemon-cpe1-bgpd", "apply"));
    cr_assert_eq(out->verdict, VC_SWEEP_ERROR);
    out = vc_sweep_outcome_read(ctx, made.sweep, &made.schedule, NULL);
    cr_assert_eq(out->verdict, VC_SWEEP_ERROR);
    cr_assert_str_eq(out->reason, "the run left no result");
    remove_folder(made.folder);
}

/* ---- the sweep as a whole ---- */

static struct vc_sweep_entry entry_of(void *ctx, const struct vc_sweep *sweep, const char *name,
                                      enum vc_sweep_verdict verdict, const char *a, const char *b)
{
    size_t set[2] = {element_of(sweep, a), b ? element_of(sweep, b) : 0};
    struct vc_sweep_outcome *outcome = talloc_zero(ctx, struct vc_sweep_outcome);

    *outcome = (struct vc_sweep_outcome){
        .verdict = verdict, .reason = "because", .unproved = VC_NONE, .wall_s = 3, .virtual_s = 100};
    return (struct vc_sweep_entry){.name = name,
                                   .file = "cases/x.yaml",
                                   .schedule = vc_schedule_of_set(sweep, set, b ? 2 : 1),
                                   .outcome = outcome,
                                   .because = VC_NONE};
}

static struct vc_sweep_made sweep_made(void *ctx, struct vc_sweep_entry *entries, size_t count)
{
    return (struct vc_sweep_made){.sweep = sweep_of(ctx, "two-cpe", "tuned"),
                                  .kind = "sweep",
                                  .seed = 1,
                                  .depth = 2,
                                  .jobs = 2,
                                  .entries = entries,
                                  .count = count,
                                  .wall_s = 6};
}

static char *story(const struct vc_sweep_made *made)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    vc_sweep_tell(out, made);
    fclose(out);
    return text;
}

Test(made, tells_only_the_smallest_failing_set)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    struct vc_sweep_entry entries[] = {
        entry_of(ctx, sweep, "link-peer", VC_SWEEP_MISMATCH, "link/peer", NULL),
        entry_of(ctx, sweep, "link-lan1", VC_SWEEP_AGREES, "link/lan1", NULL),
        entry_of(ctx, sweep, "link-peer--link-lan1", VC_SWEEP_MISMATCH, "link/peer", "link/lan1"),
        entry_of(ctx, sweep, "link-lan1--link-lan2", VC_SWEEP_MISMATCH, "link/lan1", "link/lan2"),
    };
    struct vc_sweep_made made = sweep_made(ctx, entries, VC_COUNT(entries));

    vc_sweep_blame(&made);
    cr_assert_eq(entries[2].because, 0);
    cr_assert_eq(entries[3].because, VC_NONE);
    VC_AUTO_FREE char *text = story(&made);
    cr_assert(strstr(text, "MISMATCH  link/peer: because"), "%s", text);
    cr_assert(strstr(text, "and 1 pairs with it"), "%s", text);
    cr_assert(!strstr(text, "link/peer, link/lan1"), "%s", text);
    cr_assert(strstr(text, "MISMATCH  link/lan1, link/lan2"), "%s", text);
    cr_assert(strstr(text, "vclab run cases/x.yaml"), "%s", text);
    cr_assert(strstr(text, "1 of 4 cases agree"), "%s", text);
    cr_assert(strstr(text, "40.0 cases a minute, 2 side by side"), "%s", text);
    cr_assert_eq(vc_sweep_status(&made), VC_EXIT_FAIL);
}

Test(made, counts_openly_what_could_not_be_judged)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");
    struct vc_sweep_entry entries[] = {
        entry_of(ctx, sweep, "a", VC_SWEEP_UNPROVED, "drop/ike/inet-dc1", NULL),
        entry_of(ctx, sweep, "b", VC_SWEEP_AGREES, "link/lan1", NULL),
        entry_of(ctx, sweep, "c", VC_SWEEP_AGREES, "node/cpe1", "link/lan1"),
    };
    struct vc_sweep_made made = sweep_made(ctx, entries, VC_COUNT(entries));

    entries[2].outcome = NULL;
    entries[2].contained = "node/cpe1 contains link/lan1";
    VC_AUTO_FREE char *text = story(&made);
    cr_assert(strstr(text, "not-applicable  a: because"), "%s", text);
    cr_assert(strstr(text, "1 of 2 cases agree with the oracle, 1 not-applicable; 1 more pairs"), "%s", text);
    cr_assert_eq(vc_sweep_status(&made), VC_EXIT_PASS);
    VC_AUTO_JSON *document = vc_sweep_document(&made);
    const json_t *totals = json_object_get(document, "totals");
    cr_assert_str_eq(json_string_value(json_object_get(document, "schema")), "vclab.sweep/1");
    cr_assert_eq(json_integer_value(json_object_get(totals, "not-applicable")), 1);
    cr_assert_eq(json_integer_value(json_object_get(totals, "contained")), 1);
    cr_assert_eq(json_integer_value(json_object_get(totals, "played")), 2);
    cr_assert_eq(json_array_size(json_object_get(document, "cases")), 3);
}

Test(made, status_is_the_gravest)
{
    static const struct {
        enum vc_sweep_verdict verdict;
        int status;
    } statuses[] = {{VC_SWEEP_AGREES, VC_EXIT_PASS},
                    {VC_SWEEP_UNPROVED, VC_EXIT_PASS},
                    {VC_SWEEP_MISMATCH, VC_EXIT_FAIL},
                    {VC_SWEEP_ERROR, VC_EXIT_FAIL},
                    {VC_SWEEP_INCONCLUSIVE, VC_EXIT_INCONCLUSIVE},
                    {VC_SWEEP_INTERRUPTED, VC_EXIT_INTERRUPTED}};
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep *sweep = sweep_of(ctx, "two-cpe", "tuned");

    for (size_t i = 0; i < VC_COUNT(statuses); i++) {
        struct vc_sweep_entry entry = entry_of(ctx, sweep, "a", statuses[i].verdict, "link/lan1", NULL);
        struct vc_sweep_made made = sweep_made(ctx, &entry, 1);
        cr_assert_eq(vc_sweep_status(&made), statuses[i].status);
    }
}
