/* vclab plan: capacity and failover of regions with thousands of hubs, simulated by vclab-planner. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/numbers.h"
#include "planner/planner.h"
#include "report/report.h"

static const char usage[] =
    "Usage: vclab plan FILE [--level call|packet] [--verify] [--seed N] [--results DIR] [--json]\n"
    "\n"
    "How many calls fit a tunnel, what the loss of a DC, a tunnel or a CPE does to every hub, and what the edges of "
    "the\n"
    "DCs and the WAN between them must carry then. docs/planner.md describes the file; plans/ has examples.\n"
    "  --level call     events are calls; hundreds of thousands of hubs\n"
    "  --level packet   each packet waits in the queues of its tunnel, of the DC's edge and of the WAN\n"
    "  --verify         the same packets through ns-3's own Internet stack, too (100 hubs at most): they must agree\n"
    "                   within 0.1 % of what arrives; implies --level packet\n"
    "  --seed N         of the calls (default 1)\n"
    "  --results DIR    there, plan-NAME-LEVEL-SEED/ gets plan.json, plan.txt and the plots (default results)\n"
    "  --json           the result (schema vclab.plan/1) in place of the table\n"
    "\n"
    "The simulation is vclab-planner's, which needs ns-3; without it the arithmetic is told and the status is 3.\n"
    "Exit status: 0 done, 1 --verify does not agree, 2 bad usage or file, 3 this host cannot.\n";

#define AGREE_PERCENT 0.1

struct plan_options {
    const char *file, *level, *results;
    uint64_t seed;
    bool json, verify;
};

static double number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

static json_t *simulate(const struct vc_planner *plan, const char *level, uint64_t seed, vc_error **err)
{
    VC_AUTO_JSON *spec = vc_planner_spec(plan, level, seed);

    return vc_planner_simulate(spec, err);
}

/* Adds "verify" to the result. */
static int verify(const struct vc_planner *plan, const struct plan_options *options, json_t *result, vc_error **err)
{
    VC_AUTO_JSON *stack = simulate(plan, "stack", options->seed, err);
    const json_t *lean = json_object_get(result, "simulation");

    if (!stack)
        return -1;
    double there = number(stack, "arrived"), here = number(lean, "arrived");
    double apart = there > 0 ? 100 * (there > here ? there - here : here - there) / there : here > 0 ? 100 : 0;
    bool agree = apart <= AGREE_PERCENT && number(stack, "sent") == number(lean, "sent");
    return json_object_set_new(result, "verify",
                               json_pack("{s:I, s:I, s:I, s:f, s:b}", "sent", (json_int_t)number(lean, "sent"),
                                         "stack_arrived", (json_int_t)there, "arrived", (json_int_t)here,
                                         "apart_percent", apart, "agree", agree));
}

static int make_folder(const char *path, vc_error **err)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : vc_fail(err, VC_EXIT_HOST, errno, "cannot make %s", path);
}

/* plan.json, plan.txt and the plots; the folder's name, NULL with *err. */
static const char *keep(void *ctx, const json_t *result, const char *results, vc_error **err)
{
    const char *folder =
        talloc_asprintf(ctx, "%s/plan-%s-%s-%.0f", results, json_string_value(json_object_get(result, "plan")),
                        json_string_value(json_object_get(result, "level")), number(result, "seed"));

    if (make_folder(results, err) < 0 || make_folder(folder, err) < 0 || vc_planner_plots(result, folder, err) < 0)
        return NULL;
    VC_AUTO_FILE *table = fopen(talloc_asprintf(ctx, "%s/plan.txt", folder), "we");
    if (table)
        vc_planner_print(result, table);
    if (!table || ferror(table) || fflush(table) ||
        json_dump_file(result, talloc_asprintf(ctx, "%s/plan.json", folder), JSON_INDENT(2))) {
        vc_fail(err, VC_EXIT_HOST, errno, "cannot write into %s", folder);
        return NULL;
    }
    vc_result_give(folder);
    return folder;
}

static void tell(const json_t *result, bool json)
{
    if (json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        puts("");
    } else {
        vc_planner_print(result, stdout);
    }
}

static int run(const struct plan_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *scratch = talloc_new(NULL);
    const struct vc_planner *plan = vc_planner_load(scratch, options->file, err);

    if (!plan)
        return -1;
    const char *level = options->verify ? "packet" : options->level ? options->level : plan->level;
    json_t *simulation = simulate(plan, level, options->seed, err);
    VC_AUTO_JSON *result = vc_planner_result(plan, level, options->seed, simulation);
    if (!simulation) {
        tell(result, options->json);
        return -1;
    }
    if (options->verify && verify(plan, options, result, err) < 0)
        return -1;
    const char *folder = keep(scratch, result, options->results, err);
    if (!folder)
        return -1;
    tell(result, options->json);
    fprintf(stderr, "plots, plan.json and plan.txt: %s\n", folder);
    return options->verify && !json_is_true(json_object_get(json_object_get(result, "verify"), "agree")) ? VC_EXIT_FAIL
                                                                                                         : VC_EXIT_PASS;
}

/* 0; 1 after the help, or -1 after a message. */
static int parse(int argc, char **argv, struct plan_options *options)
{
    static const struct option longs[] = {{"level", required_argument, NULL, 'l'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"results", required_argument, NULL, 'r'},
                                          {"verify", no_argument, NULL, 'v'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};

    for (int option; (option = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (option == 'h')
            return fputs(usage, stdout) < 0 ? -1 : 1;
        if (option == '?' || (option == 's' && parse_number("plan", "seed", optarg, 0, INT64_MAX, &options->seed) < 0))
            return -1;
        options->json |= option == 'j';
        options->verify |= option == 'v';
        if (option == 'l')
            options->level = optarg;
        if (option == 'r')
            options->results = optarg;
    }
    if (optind + 1 != argc) {
        fputs(usage, stderr);
        return -1;
    }
    options->file = argv[optind];
    if (options->level && strcmp(options->level, "call") != 0 && strcmp(options->level, "packet") != 0) {
        fprintf(stderr, "vclab plan: --level %s; allowed: call, packet\n", options->level);
        return -1;
    }
    if (options->verify && options->level && strcmp(options->level, "packet") != 0) {
        fprintf(stderr, "vclab plan: --verify with --level %s; allowed: packet\n", options->level);
        return -1;
    }
    return 0;
}

int vc_cmd_plan(int argc, char **argv)
{
    struct plan_options options = {.seed = 1, .results = "results"};
    VC_AUTO_ERROR *err = NULL;
    int status = parse(argc, argv, &options);

    if (status)
        return status > 0 ? VC_EXIT_PASS : VC_EXIT_USAGE;
    status = run(&options, &err);
    if (status >= 0)
        return status;
    fprintf(stderr, "%s%s\n", err->status == VC_EXIT_USAGE ? "" : "vclab plan: ", err->message);
    return (int)err->status;
}
