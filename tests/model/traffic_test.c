/* Loads as steps and what is expected of them. */
#include "edit.h"

#define TOPOLOGIES SHIPPED("topologies")
#define LOSS       SHIPPED("scenarios/failover/two-cpe-dc1-silent-loss-bfd.yaml")
#define FLAP       SHIPPED("scenarios/failover/one-cpe-flap-ten-times-only-bfd.yaml")
#define HEAL       "  - heal: cut\n"
#define LOAD       "  - load: {name: calls, from: phone, to: dc1-srv, mbit: 125}\n"
#define EXPECT(e)  LOAD "  - stop: calls\n  - expect:\n      - " e "\n" HEAL

static struct vc_scenario *scenario(void *ctx, const char *file, vc_error **err)
{
    return vc_scenario_load(ctx, file, TOPOLOGIES, KINDS, err);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

Test(traffic, a_load_is_a_step)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *s = scenario(ctx, edit_file(ctx, LOSS, HEAL, LOAD "  - stop: calls\n" HEAL)->file, &err);

    cr_assert(s, "%s", err ? err->message : "");
    cr_assert_eq(s->steps[5].kind, VC_STEP_LOAD);
    cr_assert_eq(s->steps[6].kind, VC_STEP_STOP);
    cr_assert_str_eq(text_of(s->steps[5].spec, "text"), "load calls: 125 Mbit/s UDP from phone to dc1-srv");
    cr_assert_str_eq(text_of(s->steps[6].spec, "text"), "stop calls");
    cr_assert_eq(json_integer_value(json_object_get(s->steps[5].spec, "for_ns")), 60 * VC_NS_PER_S);
    cr_assert_eq(json_integer_value(json_object_get(s->steps[5].spec, "bytes")), 1300);
    cr_assert_eq(s->load_count, 1);
    cr_assert_str_eq(s->loads[0], "calls");
}

static const struct {
    const char *expectation, *text;
} texts[] = {
    {"load: {name: calls, lost_at_most: 0}", "load calls loses nothing"},
    {"load: {name: calls, lost_at_most: 0.5}", "load calls loses at most 0.5 %"},
    {"load: {name: calls, lost_at_least: 20, lost_at_most: 50}", "load calls loses at least 20 % and at most 50 %"},
    {"load: {name: calls, mbit_at_least: 120}", "load calls arrives with at least 120 Mbit/s"},
    {"load: {name: calls, mbit_at_least: 1, mbit_at_most: 2}",
     "load calls arrives with at least 1 and at most 2 Mbit/s"},
    {"quality: {flow: voice-dc1, loss_at_most: 0}", "voice-dc1 loses nothing"},
    {"quality: {flow: voice-dc1, direction: return, loss_at_least: 5, during: calls}",
     "voice-dc1 (return) loses at least 5 % while under load calls"},
};

Test(traffic, expectations_read_as_sentences)
{
    for (size_t i = 0; i < VC_COUNT(texts); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        const char *steps = talloc_asprintf(ctx, EXPECT("%s"), texts[i].expectation);
        const struct vc_scenario *s = scenario(ctx, edit_file(ctx, LOSS, HEAL, steps)->file, &err);

        cr_assert(s, "%s", err ? err->message : "");
        cr_assert_str_eq(vc_step_text(ctx, &s->steps[7]), texts[i].text);
    }
}

static const struct {
    const char *steps, *message;
} refusals[] = {
    {"  - load: {name: calls, from: phone, to: dc1-srv}\n" HEAL, "found a udp load without mbit"},
    {"  - load: {name: calls, from: phone, to: dc1-srv, protocol: tcp, mbit: 5}\n" HEAL, "found a tcp load with mbit"},
    {"  - load: {name: calls, from: phone, to: phone, mbit: 5}\n" HEAL, "found a load from phone to itself"},
    {"  - load: {name: calls, from: phone, to: dcl-srv, mbit: 5}\n" HEAL, "found unknown node \"dcl-srv\""},
    {"  - load: {name: calls, from: phone, to: dc1-srv, mbit: 5, for: 1h}\n" HEAL, "from 1 s to 600 s"},
    {"  - load: {name: calls, from: phone, to: dc1-srv, mbit: 5, bytes: 1501}\n" HEAL, "from 64 to 1500"},
    {"  - load: {from: phone, to: dc1-srv, mbit: 5}\n" HEAL, "found a load without \"name\""},
    {LOAD LOAD HEAL, "found load name \"calls\" again (first at line 28), which is still active"},
    {"  - stop: calls\n" HEAL, "found unknown load under way \"calls\""},
    {"  - stop: cut\n" HEAL, "found unknown load under way \"cut\""},
    {LOAD "  - heal: calls\n" HEAL, "found unknown active fault \"calls\"; allowed: cut"},
    {LOAD "  - stop: calls\n  - stop: calls\n" HEAL, "found unknown load under way \"calls\""},
    {EXPECT("load: {name: clals, lost_at_most: 0}"),
     "found unknown load that was started before \"clals\"; allowed: calls"},
    {EXPECT("load: {name: calls}"), "found load with no limit"},
    {EXPECT("load: {name: calls, lost_at_most: 0, mbit_at_least: 1}"), "found load with limits of two measures"},
    {EXPECT("load: {name: calls, lost_at_least: 5, lost_at_most: 4}"), "found a lower limit above the upper one"},
    {EXPECT("quality: {flow: voice-dc1}"), "found quality without a limit"},
    {EXPECT("quality: {flow: voice-dc1, loss_at_most: 1, during: cut}"), "found unknown load that was started before"},
};

Test(traffic, refused)
{
    for (size_t i = 0; i < VC_COUNT(refusals); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;

        cr_assert_null(scenario(ctx, edit_file(ctx, LOSS, HEAL, refusals[i].steps)->file, &err), "%s",
                       refusals[i].steps);
        cr_assert(strstr(err->message, refusals[i].message), "\nwanted: %s\ngot: %s", refusals[i].message,
                  err->message);
    }
}

Test(traffic, in_a_round_of_repeat_a_load_is_that_rounds)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct edit *edit =
        edit_file(ctx, FLAP, "      steps:\n",
                  "      steps:\n        - load: {name: calls, from: phone, to: dc1-srv, mbit: 1}\n"
                  "        - stop: calls\n        - expect:\n"
                  "            - load: {name: calls, lost_at_most: 0}\n"
                  "            - quality: {flow: voice-dc1, loss_at_most: 0, during: calls}\n");
    const struct vc_scenario *s = scenario(ctx, edit->file, &err);

    cr_assert(s, "%s", err ? err->message : "");
    cr_assert_eq(s->load_count, 10);
    const struct vc_step *second = &s->steps[2 + 9];
    cr_assert_eq(second->kind, VC_STEP_LOAD);
    cr_assert_str_eq(text_of(second[0].spec, "name"), "calls#2");
    cr_assert_str_eq(text_of(second[1].spec, "name"), "calls#2");
    cr_assert_str_eq(text_of(json_array_get(second[2].spec, 0), "name"), "calls#2");
    cr_assert_str_eq(text_of(json_array_get(second[2].spec, 1), "during"), "calls#2");
}
