/* The planner's figures: packets of 5,000 hubs, calls of 100,000, how both grow, and whether ns-3's own stack agrees.
 */
#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/home.h"
#include "cli/bench.h"
#include "cli/numbers.h"
#include "planner/chart.h"
#include "planner/planner.h"

enum { GROWTH_STEPS = 5, GROWTH_LEAST = 1250, STACK_HUBS = 100, PACKET_HUBS = 5000, SECONDS = 20 };
#define ERLANGS_MILLI 2000

struct taken {
    double wall_s, cpu_s;
};

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* Of the children that ended: a busy host makes them late, not slow. */
static double children_cpu_s(void)
{
    struct rusage usage = {0};

    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 + (double)usage.ru_stime.tv_sec +
           (double)usage.ru_stime.tv_usec / 1e6;
}

static json_t *simulate(const struct vc_planner *plan, const char *level, struct taken *taken, vc_error **err)
{
    VC_AUTO_JSON *spec = vc_planner_spec(plan, level, 1);
    double began = now_s(), cpu = children_cpu_s();
    json_t *result = vc_planner_simulate(spec, err);

    *taken = (struct taken){now_s() - began, children_cpu_s() - cpu};
    return result;
}

/* The example of 100,000 hubs, or that with other hubs and twenty seconds, of which ten without DC2. */
static struct vc_planner *plan_of(void *ctx, unsigned hubs, vc_error **err)
{
    struct vc_planner *plan =
        vc_planner_load(ctx, talloc_asprintf(ctx, "%s/plans/hundred-thousand-hubs.yaml", vc_home()), err);

    if (!plan || !hubs)
        return plan;
    plan->regions[0].hubs = hubs;
    plan->regions[0].erlangs_milli = ERLANGS_MILLI;
    plan->hub_count = plan->failures[0].count = hubs;
    plan->duration_ms = SECONDS * 1000;
    plan->failures[0].at_ms = SECONDS * 1000 / 4;
    plan->failures[0].for_ms = SECONDS * 1000 / 2;
    return plan;
}

static int measure_calls(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = plan_of(ctx, 0, err);
    struct taken taken;
    VC_AUTO_JSON *result = plan ? simulate(plan, "call", &taken, err) : NULL;

    if (!result)
        return -1;
    bench_record(bench, "planner", "100k calls", taken.wall_s);
    bench_record(bench, "planner", "call hub",
                 number(result, "hub_bytes") +
                     number(result, "call_bytes") * (double)plan->regions[0].erlangs_milli / 1000);
    return 0;
}

static int measure_packets(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = plan_of(ctx, PACKET_HUBS, err);
    struct taken taken;
    VC_AUTO_JSON *result = plan ? simulate(plan, "packet", &taken, err) : NULL;

    if (!result)
        return -1;
    bench_record(bench, "planner", "5k packets", taken.wall_s);
    bench_record(bench, "planner", "packets", number(result, "sent") / 1e6);
    bench_record(bench, "planner", "packet hub",
                 number(result, "hub_bytes") +
                     number(result, "call_bytes") * number(json_object_get(result, "calls"), "count") / PACKET_HUBS);
    return 0;
}

static int measure_stack(struct bench *bench, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = plan_of(ctx, STACK_HUBS, err);
    struct taken taken;
    VC_AUTO_JSON *lean = plan ? simulate(plan, "packet", &taken, err) : NULL;
    VC_AUTO_JSON *stack = lean ? simulate(plan, "stack", &taken, err) : NULL;

    if (!stack)
        return -1;
    double here = number(lean, "arrived"), there = number(stack, "arrived");
    bench_record(bench, "planner", "stack apart", there > 0 ? 100 * fabs(here - there) / there : 100);
    bench_record(bench, "planner", "stack", taken.wall_s);
    return 0;
}

/* The exponent of the steepest doubling; n log n has 1 + 1/ln n. */
static int measure_growth(struct bench *bench, vc_error **err)
{
    double hubs[GROWTH_STEPS], packets[GROWTH_STEPS], calls[GROWTH_STEPS], law[GROWTH_STEPS];

    for (size_t i = 0; i < GROWTH_STEPS; i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        unsigned n = GROWTH_LEAST << i;
        const struct vc_planner *plan = plan_of(ctx, n, err);
        struct vc_planner *longer = plan ? plan_of(ctx, 20 * n, err) : NULL;
        struct taken packet_s, call_s;
        VC_AUTO_JSON *one = longer ? simulate(plan, "packet", &packet_s, err) : NULL;
        VC_AUTO_JSON *two = one ? simulate(longer, "call", &call_s, err) : NULL;
        if (!two)
            return -1;
        hubs[i] = n;
        packets[i] = packet_s.cpu_s;
        calls[i] = call_s.cpu_s;
        law[i] = packets[0] * n * log(n) / (GROWTH_LEAST * log(GROWTH_LEAST));
    }
    double first = hubs[0], last = hubs[GROWTH_STEPS - 1], span = log(last / first);
    bench_record(bench, "planner", "growth packet", log(packets[GROWTH_STEPS - 1] / packets[0]) / span);
    bench_record(bench, "planner", "growth call", log(calls[GROWTH_STEPS - 1] / calls[0]) / span);
    const struct vc_chart_line lines[] = {{"20 s of packets", hubs, packets, GROWTH_STEPS},
                                          {"20 s of calls, hubs x 20", hubs, calls, GROWTH_STEPS},
                                          {"n log n", hubs, law, GROWTH_STEPS}};
    const struct vc_chart chart = {.title = "vclab plan: processor time by hubs",
                                   .x_name = "hubs",
                                   .y_name = "seconds",
                                   .lines = lines,
                                   .line_count = VC_COUNT(lines),
                                   .dots = true};
    VC_AUTO_TALLOC char *file = talloc_asprintf(NULL, "%s/planner-growth.svg", bench->results);
    mkdir(bench->results, 0755); /* there as a rule; the chart tells when it cannot be */
    return vc_chart_write(&chart, file, err);
}

static int run_planner(struct bench *bench, vc_error **err)
{
    if (measure_calls(bench, err) < 0 || measure_packets(bench, err) < 0 || measure_stack(bench, err) < 0)
        return -1;
    return measure_growth(bench, err);
}

const struct bench_case bench_planner_cases[] = {
    {"planner", "5,000 hubs packet by packet, 100,000 hubs call by call, growth, ns-3's own stack", run_planner, 3,
     true},
};
const size_t bench_planner_case_count = VC_COUNT(bench_planner_cases);
