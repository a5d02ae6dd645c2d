/* vclab sweep: every single (or double) failure, or random schedules of failures, against the oracle. */
#include <getopt.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "cli/numbers.h"
#include "cli/sweep_play.h"
#include "report/report.h"

static const char usage[] =
    "Usage: vclab sweep TOPOLOGY [--depth 1|2] [--only GLOB] [--shard I/N] [--limit-cases N] [--chain N] [--timers T]\n"
    "                   [--jobs N] [--seed N] [--results DIR] [--keep] [--list] [--json]\n"
    "       vclab sweep TOPOLOGY --campaign N --seed S [--timers T] [--jobs N] [--results DIR] [--keep] [--list] "
    "[--json]\n"
    "\n"
    "Lets every element of the topology fail (links, their ends, daemons, nodes, drops of one kind of packet), waits "
    "until\n"
    "every timer has run, and compares the packets' paths with what an independent model says; heals and compares "
    "again.\n"
    "Each case is a scenario file that vclab run plays again; sealed, forked from one snapshot.\n"
    "  --depth 2        pairs too\n"
    "  --campaign N     N random schedules of overlapping faults and heals instead; one that fails is shrunk\n"
    "  --only GLOB      cases with such an element: 'node/*', 'drop/esp/*'\n"
    "  --shard I/N      only every Nth of them, beginning with the Ith\n"
    "  --limit-cases N  the first N of them\n"
    "  --chain N        so many cases one after the other in a lab (default 12; 1: each in a lab of its own)\n"
    "  --timers T       profile of timers (default tuned: BFD's packets would be most of the work)\n"
    "  --jobs N         so many labs side by side (default: one for each core)\n"
    "  --seed N         of the runs, and of a campaign's schedules (default 1)\n"
    "  --keep           results of agreeing cases stay too\n"
    "  --list           write the scenario files and play nothing\n"
    "  --json           sweep.json on stdout\n"
    "\n"
    "Exit status: 0 all agree, 1 mismatch or error, 2 bad usage or file, 3 this host cannot, 4 inconclusive, "
    "130 interrupted.\n";

enum { CHAIN_LENGTH = 12 }; /* more would save little: a start costs about as much as half a case */

struct sweep_options {
    struct session_options session;
    const char *topology, *timers, *only;
    uint64_t limit_cases, campaign, chain;
    unsigned depth, jobs, shard, shards;
    bool keep, list, json;
};

/* ---- making entries ---- */

static struct vc_sweep_entry *entries_of_cases(void *ctx, const struct vc_sweep *sweep,
                                               const struct sweep_options *options, size_t *count)
{
    struct vc_sweep_case *cases = vc_sweep_cases(ctx, sweep, options->depth, options->only, count);
    struct vc_sweep_entry *entries = talloc_zero_array(ctx, struct vc_sweep_entry, (unsigned)*count + 1);
    size_t taken = 0, step = options->shards ? options->shards : 1;

    for (size_t i = options->shards ? options->shard - 1 : 0; i < *count; i += step) {
        if (options->limit_cases && taken == options->limit_cases)
            break;
        entries[taken++] = (struct vc_sweep_entry){.name = cases[i].name,
                                                   .schedule = vc_schedule_of_set(sweep, cases[i].set, cases[i].count),
                                                   .contained = cases[i].contained,
                                                   .because = VC_NONE};
    }
    *count = taken;
    return entries;
}

static struct vc_sweep_entry *entries_of_campaign(void *ctx, const struct vc_sweep *sweep,
                                                  const struct sweep_options *options, size_t *count)
{
    struct vc_sweep_entry *entries = talloc_zero_array(ctx, struct vc_sweep_entry, (unsigned)options->campaign);

    *count = options->campaign;
    for (size_t i = 0; i < *count; i++)
        entries[i] = (struct vc_sweep_entry){
            .name = talloc_asprintf(ctx, "campaign-%llu-%zu", (unsigned long long)options->session.seed, i + 1),
            .schedule = vc_campaign_schedule(sweep, options->session.seed, i),
            .because = VC_NONE};
    return entries;
}

/* ---- playing ---- */

static int play_some(struct sweep_player *player, const struct vc_sweep_made *made,
                     bool (*wanted)(struct sweep_player *player, struct vc_sweep_entry *entry), vc_error **err)
{
    VC_AUTO_TALLOC struct vc_sweep_entry **some =
        talloc_zero_array(NULL, struct vc_sweep_entry *, (unsigned)made->count + 1);
    size_t count = 0;

    for (size_t i = 0; i < made->count && !player->stopped; i++)
        if (!made->entries[i].contained && wanted(player, &made->entries[i]))
            some[count++] = &made->entries[i];
    player->total += count;
    return count ? sweep_play(player, some, count, err) : 0;
}

static bool any(struct sweep_player *player VC_UNUSED, struct vc_sweep_entry *entry VC_UNUSED)
{
    return true;
}

static bool unproved(const struct vc_sweep_entry *entry)
{
    return entry->outcome && entry->outcome->verdict == VC_SWEEP_UNPROVED;
}

/* The second fault of a pair found nothing to drop because of the first: the other way round it may. */
static bool turned(struct sweep_player *player, struct vc_sweep_entry *entry)
{
    size_t set[VC_SCHEDULE_STEPS], count = vc_schedule_elements(&entry->schedule, set);

    if (!unproved(entry) || count != 2 || entry->outcome->unproved != set[1])
        return false;
    entry->schedule = vc_schedule_of_set(player->sweep, (size_t[]){set[1], set[0]}, 2);
    entry->chain = NULL;
    return true;
}

/* A campaign goes on without what could not be proved at its place, and says so. */
static bool lightened(struct sweep_player *player, struct vc_sweep_entry *entry)
{
    size_t set[VC_SCHEDULE_STEPS];

    if (!unproved(entry) || vc_schedule_elements(&entry->schedule, set) < 2)
        return false;
    const char *name = vc_oracle_element(player->sweep->oracle, entry->outcome->unproved)->name;
    entry->left_out = talloc_asprintf(player->session, "%s%s%s", entry->left_out ? entry->left_out : "",
                                      entry->left_out ? ", " : "", name);
    entry->schedule = vc_schedule_without(&entry->schedule, entry->outcome->unproved);
    return true;
}

static int shrink_all(struct sweep_player *player, const struct vc_sweep_made *made, vc_error **err)
{
    for (size_t i = 0; i < made->count && !player->stopped; i++) {
        const struct vc_sweep_outcome *outcome = made->entries[i].outcome;
        if (outcome && (outcome->verdict == VC_SWEEP_MISMATCH || outcome->verdict == VC_SWEEP_ERROR) &&
            sweep_shrink(player, &made->entries[i], err))
            return -1;
    }
    return 0;
}

/* ---- the whole ---- */

/* As a scenario names it: topologies/ by name, another file by its path. */
static const char *reference_of(void *ctx, const struct vc_topology *topology, vc_error **err)
{
    VC_AUTO_TALLOC char *shipped =
        talloc_asprintf(NULL, "%s/%s.yaml", session_folder(ctx, "topologies"), topology->name);
    char here[PATH_MAX], there[PATH_MAX];

    if (!realpath(topology->file, here)) {
        vc_fail(err, VC_EXIT_USAGE, 0, "%s cannot be found", topology->file);
        return NULL;
    }
    return realpath(shipped, there) && !strcmp(here, there) ? topology->name : talloc_strdup(ctx, here);
}

static struct vc_sweep *open_sweep(void *ctx, const struct sweep_options *options, vc_error **err)
{
    struct vc_topology *topology = session_topology(ctx, options->topology, err);
    const struct vc_timers *timers = topology ? vc_topology_timers(topology, options->timers) : NULL;

    if (!topology)
        return NULL;
    if (!timers) {
        VC_AUTO_TALLOC char *names = talloc_strdup(NULL, "");
        for (size_t i = 0; i < topology->timers_count; i++)
            names = talloc_asprintf_append(names, "%s%s", i ? ", " : "", topology->timers[i].name);
        vc_fail(err, VC_EXIT_USAGE, 0, "vclab sweep: topology %s has no timers profile %s; allowed: %s", topology->name,
                options->timers, names);
        return NULL;
    }
    const char *reference = reference_of(ctx, topology, err);
    return reference ? vc_sweep_new(ctx, topology, timers, reference, err) : NULL;
}

/* RESULTS/<sweep-id>/ with cases/ for the scenario files and runs/ for the results of what did not agree. */
static char *make_folders(void *ctx, const char *results, const struct vc_sweep_made *made, vc_error **err)
{
    VC_AUTO_TALLOC char *name = talloc_asprintf(NULL, "%s-%s", made->kind, made->sweep->topology->name);
    char *folder = vc_result_create(ctx, results, name, err);
    static const char *const unused[] = {"captures", "logs"};

    for (size_t i = 0; folder && i < VC_COUNT(unused); i++)
        rmdir(talloc_asprintf(ctx, "%s/%s", folder, unused[i]));
    if (!folder || mkdir(talloc_asprintf(ctx, "%s/cases", folder), 0755) ||
        mkdir(talloc_asprintf(ctx, "%s/chains", folder), 0755))
        return NULL;
    return folder;
}

static int finish(const struct sweep_options *options, struct vc_sweep_made *made, const char *folder, vc_error **err)
{
    vc_sweep_blame(made);
    VC_AUTO_JSON *document = vc_sweep_document(made);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/sweep.json", folder);

    if (json_dump_file(document, path, JSON_INDENT(1) | JSON_REAL_PRECISION(15)))
        return vc_fail(err, VC_EXIT_HOST, 0, "writing %s failed: is the disk full?", path);
    vc_result_give(folder);
    if (options->json) {
        json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
        puts("");
    } else {
        vc_sweep_tell(stdout, made);
        printf("  result: %s\n", folder);
    }
    return vc_sweep_status(made);
}

static int play_all(struct sweep_player *player, const struct vc_sweep_made *made, vc_error **err)
{
    bool campaign = !strcmp(made->kind, "campaign");

    if (play_some(player, made, any, err))
        return -1;
    if (!campaign)
        return play_some(player, made, turned, err);
    for (size_t before = 0; before != player->total;) {
        before = player->total;
        if (play_some(player, made, lightened, err))
            return -1;
    }
    return shrink_all(player, made, err);
}

static int list_only(const struct vc_sweep_made *made, const char *cases, vc_error **err)
{
    for (size_t i = 0; i < made->count; i++) {
        const struct vc_sweep_entry *entry = &made->entries[i];
        VC_AUTO_TALLOC char *path =
            entry->contained ? NULL : vc_schedule_write(NULL, made->sweep, &entry->schedule, cases, entry->name, err);

        if (!entry->contained && !path)
            return -1;
        printf("%s\n", path ? path : entry->contained);
    }
    return 0;
}

static int sweep(struct sweep_options *options, vc_error **err)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_sweep_made made = {.kind = options->campaign ? "campaign" : "sweep",
                                 .seed = options->session.seed,
                                 .depth = options->depth,
                                 .jobs = options->jobs,
                                 .shard = options->shard,
                                 .shards = options->shards,
                                 .sweep = open_sweep(ctx, options, err)};

    if (!made.sweep)
        return -1;
    made.entries = options->campaign ? entries_of_campaign(ctx, made.sweep, options, &made.count)
                                     : entries_of_cases(ctx, made.sweep, options, &made.count);
    if (!made.count && options->shards)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab sweep: there are fewer cases than shards (--shard %u/%u)",
                       options->shard, options->shards);
    if (!made.count)
        return vc_fail(err, VC_EXIT_USAGE, 0, "vclab sweep: no element of %s is named like %s", options->topology,
                       options->only ? options->only : "*");
    const char *results = options->session.results ? options->session.results : session_folder(ctx, "results");
    char *folder = make_folders(ctx, results, &made, err);
    if (!folder)
        return -1;
    struct sweep_player player = {.run = {.session = options->session, .json = true, .jobs = options->jobs},
                                  .sweep = made.sweep,
                                  .cases = talloc_asprintf(ctx, "%s/cases", folder),
                                  .chains = talloc_asprintf(ctx, "%s/chains", folder),
                                  .chain_length = options->campaign ? 1 : options->chain,
                                  .keep = options->keep};
    if (options->list)
        return list_only(&made, player.cases, err);
    options->session.results = talloc_asprintf(ctx, "%s/runs", folder);
    player.session = session_open(ctx, &options->session, err);
    if (!player.session)
        return -1;
    double began = now_s();
    if (play_all(&player, &made, err))
        return -1;
    made.wall_s = now_s() - began;
    return finish(options, &made, folder, err);
}

/* ---- command line ---- */

enum {
    OPTION_DEPTH = 256,
    OPTION_CAMPAIGN,
    OPTION_ONLY,
    OPTION_SHARD,
    OPTION_LIMIT_CASES,
    OPTION_CHAIN,
    OPTION_TIMERS,
    OPTION_SEED,
    OPTION_RESULTS,
    OPTION_KEEP,
    OPTION_LIST,
    OPTION_JSON,
};

static const struct option longs[] = {{"depth", required_argument, NULL, OPTION_DEPTH},
                                      {"campaign", required_argument, NULL, OPTION_CAMPAIGN},
                                      {"only", required_argument, NULL, OPTION_ONLY},
                                      {"shard", required_argument, NULL, OPTION_SHARD},
                                      {"limit-cases", required_argument, NULL, OPTION_LIMIT_CASES},
                                      {"chain", required_argument, NULL, OPTION_CHAIN},
                                      {"timers", required_argument, NULL, OPTION_TIMERS},
                                      {"jobs", required_argument, NULL, 'j'},
                                      {"seed", required_argument, NULL, OPTION_SEED},
                                      {"results", required_argument, NULL, OPTION_RESULTS},
                                      {"keep", no_argument, NULL, OPTION_KEEP},
                                      {"list", no_argument, NULL, OPTION_LIST},
                                      {"json", no_argument, NULL, OPTION_JSON},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

/* 0, or -1 after a message. */
static int parse_option(int option, const char *text, struct sweep_options *options)
{
    uint64_t number = 0;
    int failed = 0;

    switch (option) {
    case OPTION_DEPTH:
        failed = parse_number("sweep", "depth", text, 1, 2, &number);
        options->depth = (unsigned)number;
        break;
    case OPTION_CAMPAIGN:
        return parse_number("sweep", "campaign", text, 1, 100000, &options->campaign);
    case OPTION_SHARD:
        return parse_shard("sweep", text, &options->shard, &options->shards);
    case OPTION_LIMIT_CASES:
        return parse_number("sweep", "limit-cases", text, 1, 1000000, &options->limit_cases);
    case OPTION_CHAIN:
        return parse_number("sweep", "chain", text, 1, 1000, &options->chain);
    case OPTION_SEED:
        return parse_number("sweep", "seed", text, 0, INT64_MAX, &options->session.seed);
    case 'j':
        failed = parse_number("sweep", "jobs", text, 1, 256, &number);
        options->jobs = (unsigned)number;
        break;
    case OPTION_ONLY:
        options->only = text;
        break;
    case OPTION_TIMERS:
        options->timers = text;
        break;
    case OPTION_RESULTS:
        options->session.results = text;
        break;
    default:
        options->keep |= option == OPTION_KEEP;
        options->list |= option == OPTION_LIST;
        options->json |= option == OPTION_JSON;
    }
    return failed;
}

/* Returns 0, 1 after --help, -1 after a message. */
static int parse(int argc, char **argv, struct sweep_options *options)
{
    int c;

    while ((c = getopt_long(argc, argv, "hj:", longs, NULL)) != -1) {
        if (c == 'h' || c == '?') {
            fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 1 : -1;
        }
        if (parse_option(c, optarg, options))
            return -1;
    }
    if (optind != argc - 1) {
        fputs(usage, stderr);
        return -1;
    }
    if (options->campaign && (options->only || options->depth > 1 || options->limit_cases || options->shards)) {
        fputs("vclab sweep: --campaign plays random schedules; --depth, --only, --shard and --limit-cases are of "
              "sweeps\n",
              stderr);
        return -1;
    }
    options->topology = argv[optind];
    return 0;
}

int vc_cmd_sweep(int argc, char **argv)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct sweep_options options = {.session = {.sealed = true, .quiet = true, .seed = 1},
                                    .timers = "tuned",
                                    .chain = CHAIN_LENGTH,
                                    .depth = 1,
                                    .jobs = cores > 0 ? (unsigned)cores : 1};
    VC_AUTO_ERROR *err = NULL;
    int parsed = parse(argc, argv, &options);

    if (parsed)
        return parsed > 0 ? 0 : VC_EXIT_USAGE;
    int status = sweep(&options, &err);
    return status < 0 ? print_error(err) : status;
}
