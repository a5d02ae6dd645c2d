/*
 * The calls of a case. A load that was not sent shows nothing of the tunnels, and neither does a tunnel without its
 * limit; so both make a case inconclusive. What was measured while the load ran is held against the limits of voice.
 */
#include <math.h>
#include <string.h>

#include "probe/emodel.h"
#include "report/acceptance_private.h"

#define ONE_WAY_MS   150.0
#define VARIATION_MS 30.0
#define LOSS_PERCENT 1.0
#define MOS_LEAST    4.0
#define SENT_SHARE   0.96 /* pacing begins and ends with a step */

static bool is_event(const json_t *event, const char *layer, const char *what)
{
    return !strcmp(vc_member_text(event, "layer"), layer) && !strcmp(vc_member_text(event, "what"), what);
}

static void add_line(json_t *list, char *line)
{
    json_array_append_new(list, json_string(line));
    talloc_free(line);
}

/* ---- loads ---- */

/* What was sent of it in all; `from_ns` to `to_ns` grow to hold the time of it. */
static json_t *load_row(const struct vc_acceptance_load *load, const json_t *events, int64_t *from_ns, int64_t *to_ns)
{
    double planned = load->mbit * 1e6 / 8 / load->bytes * load->seconds;
    int64_t sent = 0, received = 0;
    const json_t *event;
    size_t i;

    json_array_foreach(events, i, event)
    {
        if (!is_event(event, "probe", "load") || strcmp(vc_member_text(event, "load"), load->name) != 0)
            continue;
        sent += vc_member_int(event, "sent");
        received += vc_member_int(event, "received");
        if (!*from_ns || vc_member_int(event, "start_ns") < *from_ns)
            *from_ns = vc_member_int(event, "start_ns");
        if (vc_member_int(event, "end_ns") > *to_ns)
            *to_ns = vc_member_int(event, "end_ns");
    }
    return json_pack("{s:s, s:i, s:i, s:i, s:I, s:I, s:I}", "name", load->name, "mbit", (int)load->mbit, "bytes",
                     (int)load->bytes, "seconds", (int)load->seconds, "planned", (json_int_t)planned, "sent",
                     (json_int_t)sent, "received", (json_int_t)received);
}

static bool too_little(const json_t *load)
{
    return (double)vc_member_int(load, "sent") < SENT_SHARE * (double)vc_member_int(load, "planned");
}

/* "load dc1-there arrives with at least 60 Mbit/s" of a load that was not sent: the host's fault, not the tunnel's. */
static bool is_of_slow_load(const char *unmet, const json_t *loads)
{
    const json_t *load;
    size_t i;

    json_array_foreach(loads, i, load)
    {
        VC_AUTO_TALLOC char *begin = talloc_asprintf(NULL, "load %s arrives with ", vc_member_text(load, "name"));

        if (too_little(load) && !strncmp(unmet, begin, strlen(begin)))
            return true;
    }
    return false;
}

static const json_t *first_slow(const json_t *loads)
{
    const json_t *load;
    size_t i;

    json_array_foreach(loads, i, load) if (too_little(load)) return load;
    return NULL;
}

/* ---- calls ---- */

/* Packets of the flow that were lost in that time; a gap that reaches beyond it counts whole. */
static int64_t lost_in(const json_t *events, const json_t *summary, int64_t from_ns, int64_t to_ns)
{
    const json_t *event;
    int64_t lost = 0;
    size_t i;

    json_array_foreach(events, i,
                       event) if (is_event(event, "probe", "gap") &&
                                  !strcmp(vc_member_text(event, "flow"), vc_member_text(summary, "flow")) &&
                                  !strcmp(vc_member_text(event, "direction"), vc_member_text(summary, "direction")) &&
                                  vc_member_int(event, "first_lost_ns") < to_ns &&
                                  vc_member_int(event, "last_lost_ns") >= from_ns) lost += vc_member_int(event, "lost");
    return lost;
}

static json_t *voice_row(const json_t *events, const json_t *summary, int64_t from_ns, int64_t to_ns)
{
    const json_t *owd = json_object_get(summary, "owd_ms");
    double sent = (double)(to_ns - from_ns) / (VC_ACCEPTANCE_VOICE_MS * VC_NS_PER_MS);
    double loss = sent > 0 ? 100.0 * (double)lost_in(events, summary, from_ns, to_ns) / sent : 100;
    double p99 = acceptance_number(owd, "p99");

    loss = fmin(loss, 100);
    if (!json_is_object(owd))
        return json_pack("{s:O, s:O, s:n}", "flow", json_object_get(summary, "flow"), "direction",
                         json_object_get(summary, "direction"), "one_way_ms");
    return json_pack("{s:O, s:O, s:f, s:O, s:f, s:f, s:f}", "flow", json_object_get(summary, "flow"), "direction",
                     json_object_get(summary, "direction"), "one_way_ms", p99, "one_way_max_ms",
                     json_object_get(owd, "max"), "variation_ms", p99 - acceptance_number(owd, "min"), "loss_percent",
                     loss, "mos", vc_emodel_mos(vc_emodel_r(p99, loss, 1, true)));
}

static void check_limits(json_t *unmet, const json_t *voice)
{
    static const struct {
        const char *member, *what, *unit;
        double limit;
        bool least;
    } limits[] = {{"one_way_ms", "one way", " ms", ONE_WAY_MS, false},
                  {"variation_ms", "jitter", " ms", VARIATION_MS, false},
                  {"loss_percent", "loss", " %", LOSS_PERCENT, false},
                  {"mos", "MOS", "", MOS_LEAST, true}};
    const char *flow = vc_member_text(voice, "flow"), *way = vc_member_text(voice, "direction");

    if (!json_is_number(json_object_get(voice, "one_way_ms"))) {
        add_line(unmet, talloc_asprintf(NULL, "%s (%s): no packet arrived", flow, way));
        return;
    }
    for (size_t i = 0; i < VC_COUNT(limits); i++) {
        double value = acceptance_number(voice, limits[i].member);

        if (limits[i].least ? value < limits[i].limit : value > limits[i].limit)
            add_line(unmet, talloc_asprintf(NULL, "%s (%s): %s %.1f%s under load; allowed: %g%s at %s", flow, way,
                                            limits[i].what, value, limits[i].unit, limits[i].limit, limits[i].unit,
                                            limits[i].least ? "least" : "most"));
    }
}

/* ---- the case ---- */

static void set(json_t *row, const char *verdict, char *reason)
{
    json_object_set_new(row, "verdict", json_string(verdict));
    json_object_set_new(row, "reason", json_string(reason));
    talloc_free(reason);
}

/* The run failed by nothing but loads that this host did not send. */
static bool only_slow(const json_t *row, const json_t *loads)
{
    const json_t *unmet = json_object_get(row, "unmet"), *line;
    size_t i;

    json_array_foreach(unmet, i, line) if (!is_of_slow_load(json_string_value(line), loads)) return false;
    return json_array_size(unmet) > 0;
}

static bool has_event(const json_t *events, const char *layer, const char *what)
{
    const json_t *event;
    size_t i;

    json_array_foreach(events, i, event) if (is_event(event, layer, what)) return true;
    return false;
}

static void decide(json_t *row, const json_t *events, const json_t *loads, const json_t *unmet)
{
    bool passed = !strcmp(vc_member_text(row, "verdict"), "pass");
    bool failed = !strcmp(vc_member_text(row, "verdict"), "fail");
    const json_t *slow = first_slow(loads);

    /* A lab that breaks a promise with less than the planned load breaks it all the more. */
    if (slow && (passed || (failed && only_slow(row, loads))))
        set(row, "inconclusive",
            talloc_asprintf(NULL, "this host sent %lld of the %lld packets of load %s: play it with fewer --jobs",
                            (long long)vc_member_int(slow, "sent"), (long long)vc_member_int(slow, "planned"),
                            vc_member_text(slow, "name")));
    else if (passed && has_event(events, "link", "unshaped"))
        set(row, "inconclusive",
            talloc_strdup(NULL,
                          "this host's kernel cannot hold a tunnel to its 250 Mbit/s (no tbf), so that nothing is "
                          "shown of what it carries: play it sealed (without --live)"));
    else if (passed && json_array_size(unmet))
        set(row, "fail", talloc_strdup(NULL, json_string_value(json_array_get(unmet, 0))));
}

void acceptance_judge_voice(json_t *row, const struct vc_acceptance_case *c, const json_t *events)
{
    VC_AUTO_JSON *unmet = json_array();
    json_t *loads = json_array(), *voice = json_array();
    const json_t *event;
    int64_t from_ns = 0, to_ns = 0;
    size_t i;

    for (i = 0; i < c->load_count; i++)
        json_array_append_new(loads, load_row(&c->loads[i], events, &from_ns, &to_ns));
    json_array_foreach(events, i, event) if (is_event(event, "probe", "summary"))
        json_array_append_new(voice, voice_row(events, event, from_ns, to_ns));
    json_object_set_new(row, "loads", loads);
    json_object_set_new(row, "voice", voice);
    json_array_foreach(voice, i, event) check_limits(unmet, event);
    if (!json_array_size(voice))
        add_line(unmet, talloc_strdup(NULL, "no call was measured"));
    decide(row, events, loads, unmet);
    json_array_extend(json_object_get(row, "unmet"), unmet);
}
