/* Which charts a result has. */
#include <string.h>

#include "planner/chart.h"
#include "planner/planner.h"

enum { SHARED = 3, MARKS_MAX = 4 * VC_PLANNER_LIST_MAX };

static const json_t *phases_of(const json_t *result)
{
    return json_object_get(json_object_get(result, "simulation"), "phases");
}

/* The borders between phases, in seconds. */
static size_t marks_of(const json_t *result, double marks[MARKS_MAX])
{
    const json_t *phases = phases_of(result);
    size_t count = 0;

    for (size_t i = 1; i < json_array_size(phases) && count < MARKS_MAX; i++)
        marks[count++] = json_number_value(json_object_get(json_array_get(phases, i), "begin_ns")) / 1e9;
    return count;
}

static int plot_load(const json_t *result, const char *file, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const json_t *series = json_object_get(json_object_get(result, "simulation"), "series"),
                 *dcs = json_object_get(result, "dcs");
    size_t count = json_array_size(series);
    double *x = talloc_array(scratch, double, count + 1), *y[SHARED], marks[MARKS_MAX];
    struct vc_chart_line lines[SHARED];

    for (size_t k = 0; k < SHARED; k++) {
        y[k] = talloc_array(scratch, double, count + 1);
        for (size_t i = 0; i < count; i++)
            y[k][i] = json_number_value(json_array_get(json_array_get(series, i), k + 1)) / 1e6;
        const char *dc = json_string_value(json_array_get(dcs, k));
        lines[k] = (struct vc_chart_line){
            k < 2 ? talloc_asprintf(scratch, "edge of %s", dc ? dc : "") : "WAN between them", x, y[k], count};
    }
    for (size_t i = 0; i < count; i++)
        x[i] = json_number_value(json_array_get(json_array_get(series, i), 0)) / 1e9;
    const struct vc_chart chart = {.title = talloc_asprintf(scratch, "%s: what is offered, one direction",
                                                            json_string_value(json_object_get(result, "plan"))),
                                   .x_name = "seconds",
                                   .y_name = "Mbit/s",
                                   .lines = lines,
                                   .line_count = SHARED,
                                   .marks = marks,
                                   .mark_count = marks_of(result, marks)};
    return vc_chart_write(&chart, file, err);
}

static const struct {
    const char *name;
    double share;
} quantiles[] = {{"min", 0}, {"p1", 1}, {"p5", 5}, {"p50", 50}, {"p95", 95}, {"p99", 99}, {"max", 100}};

/* One line of quantiles; false: there are none. */
static bool quantile_line(void *ctx, const json_t *percentiles, const char *name, struct vc_chart_line *line)
{
    double *x = talloc_array(ctx, double, VC_COUNT(quantiles)), *y = talloc_array(ctx, double, VC_COUNT(quantiles));

    for (size_t i = 0; i < VC_COUNT(quantiles); i++) {
        y[i] = quantiles[i].share;
        x[i] = json_number_value(json_object_get(percentiles, quantiles[i].name));
    }
    *line = (struct vc_chart_line){name, x, y, VC_COUNT(quantiles)};
    return json_is_object(percentiles);
}

/* By phase at call level; at packet level a call has one MOS, of all of its time. */
static int plot_mos(const json_t *result, const char *file, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const json_t *calls = json_object_get(json_object_get(result, "simulation"), "calls"), *phases = phases_of(result);
    struct vc_chart_line lines[VC_CHART_LINES];
    size_t count = 0;

    if (calls)
        count += quantile_line(scratch, json_object_get(calls, "mos"), "all calls", &lines[0]);
    for (size_t i = 0; !calls && i < json_array_size(phases) && count < VC_CHART_LINES; i++) {
        const json_t *phase = json_array_get(phases, i);
        const char *name =
            talloc_asprintf(scratch, "from %.4g s on", json_number_value(json_object_get(phase, "begin_ns")) / 1e9);
        count += quantile_line(scratch, json_object_get(phase, "mos"), name, &lines[count]);
    }
    const struct vc_chart chart = {.title = talloc_asprintf(scratch, "%s: how many calls are no better than that",
                                                            json_string_value(json_object_get(result, "plan"))),
                                   .x_name = "MOS",
                                   .y_name = "% of the calls",
                                   .lines = lines,
                                   .line_count = count,
                                   .x_least = 1,
                                   .x_most = 4.5,
                                   .y_most = 100,
                                   .dots = true};
    return vc_chart_write(&chart, file, err);
}

int vc_planner_plots(const json_t *result, const char *folder, vc_error **err)
{
    VC_AUTO_TALLOC char *load = talloc_asprintf(NULL, "%s/load.svg", folder);
    VC_AUTO_TALLOC char *mos = talloc_asprintf(NULL, "%s/mos.svg", folder);

    return plot_load(result, load, err) < 0 ? -1 : plot_mos(result, mos, err);
}
