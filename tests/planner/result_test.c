/* The result as text, JSON and plots. After an intended change, run with VCLAB_GOLDEN=update and read the difference.
 */
#include "document.h"

#include <errno.h>
#include <sys/stat.h>

#include "planner/chart.h"

static char *slurp(void *ctx, const char *path)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    char *text = talloc_zero_size(ctx, 1 << 20);

    cr_assert(file, "%s", path);
    text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
    return text;
}

static void same_as_golden(const char *text, const char *name)
{
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/tests/planner/golden/%s", VCLAB_SOURCE_DIR, name);
    const char *update = getenv("VCLAB_GOLDEN");

    if (update && !strcmp(update, "update")) {
        VC_AUTO_FILE *file = fopen(path, "we");
        cr_assert(file && fputs(text, file) >= 0, "%s", path);
    }
    VC_AUTO_TALLOC char *golden = slurp(NULL, path);
    cr_assert_str_eq(text, golden, "%s differs; VCLAB_GOLDEN=update writes it anew", path);
}

static const char document[] = "duration: 20s\nregions: {a: {hubs: 3, calls: 83, tunnel: 5}}\n"
                               "failures: [dc-lost: {dc: dc1, at: 2s, for: 10s, failover: 1s, failback: 1s}]\n";

/* What a simulation would have found, here by hand. */
static json_t *found(const char *level)
{
    static const char calls[] =
        "{'level': 'call', 'hub_bytes': 100, 'call_bytes': 8, 'phases': ["
        "{'begin_ns': 0, 'end_ns': 2000000000, 'calls': 249, 'silent': 0, 'by_wan': 0, 'hubs_overloaded': 0, 'mos': "
        "null},"
        "{'begin_ns': 2000000000, 'end_ns': 3000000001, 'calls': 249, 'silent': 126, 'by_wan': 0, 'hubs_overloaded': "
        "0, 'mos': null},"
        "{'begin_ns': 3000000001, 'end_ns': 12000000000, 'calls': 249, 'silent': 0, 'by_wan': 126, 'hubs_overloaded': "
        "3,"
        " 'mos': {'min': 2.1, 'p1': 2.1, 'p5': 2.2, 'p50': 2.3, 'p95': 2.4, 'p99': 2.4, 'max': 2.5},"
        " 'loss_percent': {'p50': 24.7, 'p99': 25, 'max': 26}, 'delay_ms': {'p50': 110, 'p99': 111, 'max': 112},"
        " 'utilisation': {'p50': 1.33, 'p99': 1.34, 'max': 1.35}, 'dc2': {'mean_bps': 1.5e7, 'peak_bps': 1.6e7, "
        "'loss_percent': 0},"
        " 'wan_from_dc2': {'mean_bps': 1e7, 'peak_bps': 1.1e7, 'loss_percent': 1.5}},"
        "{'begin_ns': 12000000000, 'end_ns': 13000000000, 'calls': 249, 'silent': 0, 'by_wan': 126, 'hubs_overloaded': "
        "3, 'mos': null},"
        "{'begin_ns': 13000000000, 'end_ns': 20000000000, 'calls': 249, 'silent': 0, 'by_wan': 0, 'hubs_overloaded': "
        "0, 'mos': null}],"
        " 'series': [[0, 1e7, 1e7, 0], [10000000000, 0, 1.6e7, 1e7], [20000000000, 1e7, 1e7, 0]]}";
    static const char packets[] =
        "{'level': 'packet', 'hub_bytes': 20, 'call_bytes': 96, 'phases': [{'begin_ns': 0, 'end_ns': 20000000000, "
        "'sent': 100,"
        " 'arrived': 90, 'lost': {'dark': 5, 'tunnel': 3, 'dc': 2, 'wan': 0}, 'packet_delay_ms': {'p50': 10, 'p99': "
        "20, 'max': 30}}],"
        " 'calls': {'count': 3, 'silenced': 1, 'loss_percent': {'p50': 1, 'p95': 2, 'p99': 3, 'max': 4},"
        " 'delay_ms': {'p50': 10, 'p95': 11, 'p99': 12, 'max': 13}, 'mos': {'min': 1, 'p1': 2, 'p5': 3, 'p50': 4, "
        "'p95': 4.1,"
        " 'p99': 4.2, 'max': 4.3}, 'longest_silence_ms': {'p50': 20, 'p95': 30, 'p99': 40, 'max': 1000}}, 'series': "
        "[]}";
    VC_AUTO_TALLOC char *text = talloc_strdup(NULL, strcmp(level, "call") ? packets : calls);

    for (char *c = text; (c = strchr(c, '\''));)
        *c = '"';
    json_t *json = json_loads(text, 0, NULL);
    cr_assert(json);
    return json;
}

static json_t *result(void *ctx, const char *level)
{
    return vc_planner_result(document_usual(ctx, document), level, 4, found(level));
}

Test(planner_result, the_table)
{
    static const char *const levels[] = {"call", "packet"};

    for (size_t i = 0; i < VC_COUNT(levels); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_JSON *json = result(ctx, levels[i]);
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        json_object_set_new(json, "verify",
                            json_pack("{s:i, s:i, s:i, s:f, s:b}", "sent", 100, "stack_arrived", 89, "arrived", 90,
                                      "apart_percent", 1.12, "agree", 0));
        vc_planner_print(json, out);
        cr_assert(!fclose(out));
        same_as_golden(text, talloc_asprintf(ctx, "%s.txt", levels[i]));
        free(text);
    }
}

Test(planner_result, the_json)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *json = result(ctx, "call");
    VC_AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2));

    cr_assert_str_eq(json_string_value(json_object_get(json, "schema")), "vclab.plan/1");
    same_as_golden(text, "call.json");
}

Test(planner_result, the_plots)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *json = result(ctx, "call");
    VC_AUTO_ERROR *err = NULL;
    char folder[] = "/tmp/vclab-plots-XXXXXX";

    cr_assert(mkdtemp(folder));
    cr_assert(!vc_planner_plots(json, folder, &err), "%s", err->message);
    static const char *const names[] = {"load.svg", "mos.svg"};
    for (size_t i = 0; i < VC_COUNT(names); i++) {
        const char *path = talloc_asprintf(ctx, "%s/%s", folder, names[i]);
        same_as_golden(slurp(ctx, path), names[i]);
        unlink(path);
    }
    cr_assert(!rmdir(folder), "something else was left: %s", strerror(errno));
    cr_assert(vc_planner_plots(json, folder, &err) < 0 && strstr(err->message, "cannot write"),
              "a folder that is gone");
}

Test(planner_result, without_a_simulation_there_is_the_capacity)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *json = vc_planner_result(document_usual(ctx, document), "call", 1, NULL);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    vc_planner_print(json, out);
    cr_assert(!fclose(out));
    cr_assert(strstr(text, "How many calls fit") && !strstr(text, "Simulated"), "%s", text);
    cr_assert(json_is_null(json_object_get(json, "simulation")));
    free(text);
}

Test(planner_result, a_chart_escapes_and_survives_nothing)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_chart_line line = {"a<b & c", NULL, NULL, 0};
    const struct vc_chart chart = {.title = "<", .x_name = "x", .y_name = "y", .lines = &line, .line_count = 1};
    const char *path = talloc_asprintf(ctx, "/tmp/vclab-chart-%d.svg", (int)getpid());

    cr_assert(!vc_chart_write(&chart, path, &err), "%s", err->message);
    const char *text = slurp(ctx, path);
    unlink(path);
    cr_assert(strstr(text, "a&lt;b &amp; c") && !strstr(text, "nan") && !strstr(text, "inf"), "%s", text);
}
