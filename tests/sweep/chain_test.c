/* What a chain's run says of its parts: agreement is taken from it, nothing else. */
#include "fixture.h"

#include <stdio.h>

enum { PARTS = 3 };

struct made {
    struct vc_sweep *sweep;
    struct vc_schedule schedules[PARTS];
    const struct vc_schedule *parts[PARTS];
    const char *names[PARTS];
    struct vc_chain chain;
    char *folder;
};

static struct made *make(void *ctx)
{
    static const char *const elements[PARTS] = {"link/lan1", "link/lan2", "link/peer"};
    struct made *made = talloc_zero(ctx, struct made);

    made->sweep = sweep_of(ctx, "two-cpe", "tuned");
    made->folder = temporary_folder(ctx);
    for (size_t i = 0; i < PARTS; i++) {
        size_t element = element_of(made->sweep, elements[i]);
        made->schedules[i] = vc_schedule_of_set(made->sweep, &element, 1);
        made->parts[i] = &made->schedules[i];
        made->names[i] = elements[i];
    }
    made->chain = (struct vc_chain){made->parts, made->names, PARTS};
    return made;
}

static void put(const char *folder, const char *name, const char *text)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", folder, name);
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0);
}

#define EVENT(t, layer, what, members)                                                                                 \
    "{\"t_ns\": " t "000000000, \"layer\": \"" layer "\", \"what\": \"" what "\"" members "}\n"
#define FAULT(t, name) EVENT(t, "fault", "applied", ", \"name\": \"" name "\"")
#define CHECK(t)       EVENT(t, "check", "expect", "") EVENT(t, "check", "hold", "")
#define EVENTS                                                                                                         \
    EVENT("1", "check", "expect", "")                                                                                  \
    FAULT("3", "link-lan1-1")                                                                                          \
    CHECK("10") FAULT("23", "link-lan2-2") CHECK("30") FAULT("53", "link-peer-3") CHECK("60")

/* The start's expectation, one of each part, one hold of each part. */
#define RUN(verdict, e1, e2, e3, h1, h2, h3, invariant)                                                                \
    "{\"verdict\": \"" verdict "\", \"wall_s\": 8, \"virtual_s\": 80, \"expectations\": [{\"verdict\": \"pass\"}, "    \
    "{\"verdict\": \"" e1 "\"}, {\"verdict\": \"" e2 "\"}, {\"verdict\": \"" e3 "\"}, {\"verdict\": \"" h1             \
    "\"}, {\"verdict\": \"" h2 "\"}, {\"verdict\": \"" h3 "\"}], \"invariants\": [{\"name\": \"no-loop\", "            \
    "\"verdict\": \"" invariant "\"}, {\"name\": \"faults-proved\", \"verdict\": \"fail\"}]}"

static struct vc_chain_outcome outcome_of(void *ctx, const struct made *made, const char *run, const char *events)
{
    put(made->folder, "run.json", run);
    put(made->folder, "events.jsonl", events);
    struct vc_chain_outcome out = vc_chain_outcome_read(ctx, made->sweep, &made->chain, made->folder);
    remove_folder(made->folder);
    return out;
}

static size_t agreeing(const struct vc_chain_outcome *out)
{
    size_t count = 0;

    for (size_t i = 0; i < PARTS; i++)
        count += out->parts[i] && out->parts[i]->verdict == VC_SWEEP_AGREES;
    return count;
}

Test(chain_outcome, of_a_run_that_passed_agrees_in_all_parts)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_chain_outcome out =
        outcome_of(ctx, make(ctx), RUN("pass", "pass", "pass", "pass", "pass", "pass", "pass", "pass"), EVENTS);

    cr_assert_eq(agreeing(&out), PARTS);
    cr_assert_eq(out.suspect, PARTS);
    cr_assert_not(out.everything);
    cr_assert_float_eq(out.parts[0]->virtual_s, 23, 0.001);
    cr_assert_float_eq(out.parts[1]->virtual_s, 30, 0.001);
    cr_assert_float_eq(out.parts[2]->virtual_s, 27, 0.001);
    cr_assert_float_eq(out.parts[1]->wall_s, 3, 0.001);
}

Test(chain_outcome, of_the_first_part_that_fails_is_no_agreement_nor_of_those_after_it)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_chain_outcome out =
        outcome_of(ctx, make(ctx), RUN("fail", "pass", "fail", "pass", "pass", "pass", "pass", "pass"), EVENTS);

    cr_assert_eq(out.suspect, 1);
    cr_assert(out.parts[0] && !out.parts[1] && !out.parts[2]);
    cr_assert_not(out.everything);
    out = outcome_of(ctx, make(ctx), RUN("fail", "pass", "pass", "pass", "pass", "fail", "fail", "pass"), EVENTS);
    cr_assert_eq(out.suspect, 1, "a hold counts for its part too");
    out = outcome_of(ctx, make(ctx), RUN("fail", "pass", "pass", "pass", "fail", "pass", "pass", "pass"), EVENTS);
    cr_assert_eq(out.suspect, 0);
    cr_assert_eq(agreeing(&out), 0);
}

/* The run stopped there: it has verdicts of what was armed until then. */
Test(chain_outcome, of_a_fault_that_was_not_proved_is_its_parts)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const char *run = "{\"verdict\": \"error\", \"wall_s\": 8, \"virtual_s\": 80, \"expectations\": [{\"verdict\": "
                      "\"pass\"}, {\"verdict\": \"pass\"}, {\"verdict\": \"pass\"}], \"invariants\": []}";
    struct vc_chain_outcome out =
        outcome_of(ctx, make(ctx), run,
                   EVENT("1", "check", "expect", "") FAULT("3", "link-lan1-1") CHECK("10") FAULT("23", "link-lan2-2")
                       EVENT("30", "fault", "unproved", ", \"name\": \"link-lan2-2\""));

    cr_assert_eq(out.suspect, 1);
    cr_assert_eq(agreeing(&out), 1);
    cr_assert_not(out.everything);
}

Test(chain_outcome, that_no_part_can_be_blamed_for_proves_nothing)
{
    static const struct {
        const char *run, *events;
    } rows[] = {
        {RUN("fail", "pass", "pass", "pass", "pass", "pass", "pass", "fail"), EVENTS},
        {RUN("error", "pass", "pass", "pass", "pass", "pass", "pass", "pass"), EVENTS},
        {RUN("pass", "pass", "pass", "pass", "pass", "pass", "pass", "pass"), FAULT("3", "link-lan1-1")},
        {"{\"verdict\": \"pass\", \"interrupted\": true}", ""},
        {"not JSON", EVENTS},
    };

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        struct vc_chain_outcome out = outcome_of(ctx, make(ctx), rows[i].run, rows[i].events);
        cr_assert(out.everything, "row %zu", i);
        cr_assert_eq(agreeing(&out), 0, "row %zu", i);
        cr_assert_eq(out.interrupted, i == 3, "row %zu", i);
    }
}
