#include <criterion/criterion.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "run/live.h"
#include "vm/blob.h"

#define SHIPPED(path) VCLAB_SOURCE_DIR "/" path
#define LOSS          SHIPPED("scenarios/failover/two-cpe-dc1-silent-loss-bfd.yaml")
#define KINDS         SHIPPED("nodes")

static char top[] = "/tmp/vclab-blob-XXXXXX";
static char *guest; /* where the documents come out */

/* A copy of a shipped topology finds its base beside itself. */
static void share_base(const char *folder)
{
    VC_AUTO_TALLOC char *link = talloc_asprintf(NULL, "%s%s/shared", top, folder);

    cr_assert_eq(symlink(SHIPPED("topologies/shared"), link), 0);
}

static void setup(void)
{
    cr_assert(mkdtemp(top));
    guest = talloc_asprintf(NULL, "%s/guest", top);
    cr_assert_eq(mkdir(guest, 0755), 0);
    setenv("VCLAB_HOME", VCLAB_SOURCE_DIR, 1);
    share_base("");
}

static int drop(const char *path, const struct stat *st VC_UNUSED, int type VC_UNUSED, struct FTW *at VC_UNUSED)
{
    return remove(path);
}

static void teardown(void)
{
    nftw(top, drop, 16, FTW_DEPTH | FTW_PHYS);
    talloc_free(guest);
}

TestSuite(blob, .init = setup, .fini = teardown);

static char *slurp(void *ctx, const char *path)
{
    VC_AUTO_FILE *file = fopen(path, "re");
    char *text = talloc_zero_size(ctx, VC_BLOB_SIZE);

    cr_assert(file, "%s", path);
    cr_assert_lt(fread(text, 1, VC_BLOB_SIZE - 1, file), VC_BLOB_SIZE - 1);
    return text;
}

static void spill(const char *path, const char *text)
{
    VC_AUTO_FILE *file = fopen(path, "we");

    cr_assert(file && fputs(text, file) >= 0, "%s", path);
}

static struct vc_scenario *load(void *ctx, const char *file, const char *topologies)
{
    VC_AUTO_ERROR *err = NULL;
    struct vc_scenario *s = vc_scenario_load(ctx, file, topologies, KINDS, &err);

    cr_assert(s, "%s", err ? err->message : "");
    return s;
}

static json_t *documents_of(const struct vc_scenario *scenario)
{
    VC_AUTO_ERROR *err = NULL;
    json_t *documents = vc_blob_documents(scenario, &err);

    cr_assert(documents, "%s", err ? err->message : "");
    return documents;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Packs, unpacks in the guest's folder, loads there: the same topology, as a text, and the scenario with `text`. */
static void carry_as(const struct vc_scenario *scenario, const char *scenario_path, const char *topology_path,
                     const char *scenario_text)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    VC_AUTO_JSON *documents = documents_of(scenario);
    struct vc_blob_options options = {.seed = 1}, found;
    struct vc_blob_paths paths;

    cr_assert_str_eq(text_of(documents, "scenario"), scenario_path);
    cr_assert_str_eq(text_of(documents, "topology"), topology_path);
    char *text = vc_blob_pack(ctx, documents, &options, &err);
    cr_assert(text, "%s", err ? err->message : "");
    cr_assert_eq(vc_blob_unpack(ctx, text, VC_BLOB_SIZE, guest, &paths, &found, &err), 0, "%s",
                 err ? err->message : "");
    const char *topologies = talloc_asprintf(ctx, "%s/topologies", guest);
    const struct vc_scenario *there = load(ctx, paths.scenario, topologies);
    cr_assert_str_eq(slurp(ctx, there->file), scenario_text);
    cr_assert_str_eq(slurp(ctx, there->topology->file), slurp(ctx, scenario->topology->file));
    cr_assert_str_eq(slurp(ctx, paths.topology), slurp(ctx, scenario->topology->file));
    cr_assert_str_eq(there->timers->name, scenario->timers->name);
    cr_assert_str_eq(paths.timers, scenario->timers->name);
    /* What was staged is carried again at the same places: a replay tells its guest what the recording told. */
    VC_AUTO_TALLOC char *home = talloc_strdup(NULL, getenv("VCLAB_HOME"));
    setenv("VCLAB_HOME", guest, 1);
    VC_AUTO_JSON *again = documents_of(there);
    setenv("VCLAB_HOME", home, 1);
    cr_assert(json_equal(again, documents));
}

/* The same with every byte of the scenario. */
static void carry(const struct vc_scenario *scenario, const char *scenario_path, const char *topology_path)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    carry_as(scenario, scenario_path, topology_path, slurp(ctx, scenario->file));
}

Test(blob, shipped_scenario_keeps_its_place)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    carry(load(ctx, LOSS, SHIPPED("topologies")), "scenarios/failover/two-cpe-dc1-silent-loss-bfd.yaml",
          "topologies/two-cpe.yaml");
}

/* A copy of LOSS at `path` below the top folder, with another name for its topology; a copy of that at `topology`. */
static const struct vc_scenario *partners(void *ctx, const char *path, const char *reference, const char *topology)
{
    char *file = talloc_asprintf(ctx, "%s/%s/two-cpe-dc1-silent-loss-bfd.yaml", top, path);
    char *copy = talloc_asprintf(ctx, "%s/%s", top, topology), *text = slurp(ctx, LOSS);
    char *line = strstr(text, "topology: two-cpe\n");

    cr_assert(line);
    *line = 0;
    spill(file, talloc_asprintf(ctx, "%stopology: %s%s", text, reference, line + strlen("topology: two-cpe")));
    if (*topology)
        spill(copy, talloc_asprintf(ctx, "%s# a partner's\n", slurp(ctx, SHIPPED("topologies/two-cpe.yaml"))));
    return load(ctx, file, SHIPPED("topologies"));
}

static void make_folders(const char *const *names)
{
    for (; *names; names++) {
        VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "%s/%s", top, *names);
        cr_assert_eq(mkdir(path, 0755), 0);
    }
}

Test(blob, partners_scenario_with_a_shipped_topology)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    carry(partners(ctx, ".", "two-cpe", ""), "run/two-cpe-dc1-silent-loss-bfd.yaml", "topologies/two-cpe.yaml");
}

Test(blob, partners_topology_keeps_its_distance)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    make_folders((const char *const[]){"a", "a/b", "t", "a/b/t", NULL});
    carry(partners(ctx, "a/b", "../../t/two-cpe.yaml", "t/two-cpe.yaml"), "run/d/d/two-cpe-dc1-silent-loss-bfd.yaml",
          "run/t/two-cpe.yaml");
    carry(partners(ctx, "a/b", "./t/two-cpe.yaml", "a/b/t/two-cpe.yaml"), "run/two-cpe-dc1-silent-loss-bfd.yaml",
          "run/t/two-cpe.yaml");
    carry(partners(ctx, "a/b", "two-cpe.yaml", "a/b/two-cpe.yaml"), "run/two-cpe-dc1-silent-loss-bfd.yaml",
          "run/two-cpe.yaml");
}

/* The home's own scenario, but a topology from outside of it. */
Test(blob, topology_from_outside_takes_its_scenario_along)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);

    make_folders((const char *const[]){"home", NULL});
    VC_AUTO_TALLOC char *home = talloc_asprintf(NULL, "%s/home", top);
    setenv("VCLAB_HOME", home, 1);
    carry(partners(ctx, "home", "../two-cpe.yaml", "two-cpe.yaml"), "run/d/two-cpe-dc1-silent-loss-bfd.yaml",
          "run/two-cpe.yaml");
}

/* A copy of LOSS in `folder` of the top folder that calls its topology as `written`; carried, it calls it `carried`. */
static void carry_anew(const char *folder, const char *written, const char *carried, const char *scenario_path,
                       const char *topology_path)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_scenario *scenario = partners(ctx, folder, written, "");
    char *text = slurp(ctx, scenario->file), *at = strstr(text, written);

    *at = 0;
    carry_as(scenario, scenario_path, topology_path,
             talloc_asprintf(ctx, "%s%s%s", text, carried, at + strlen(written)));
}

/* A node's own files go along, as far from the document that names them as they were. */
Test(blob, own_files_of_a_node_go_along)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const char *folder = talloc_asprintf(ctx, "%s/cpe1", top), *text = "connections { }\n";
    struct vc_blob_options options = {.seed = 1}, found;
    struct vc_blob_paths paths;

    cr_assert_eq(mkdir(folder, 0755), 0);
    spill(talloc_asprintf(ctx, "%s/swanctl.conf", folder), text);
    spill(talloc_asprintf(ctx, "%s/own.yaml", top),
          "topology: own\nbase: two-cpe\ndescription: x\nnodes:\n  cpe1: {kind: cpe, asn: 64512, files: {swanctl.conf: "
          "cpe1/swanctl.conf}}\n");
    spill(talloc_asprintf(ctx, "%s/hub.yaml", top), "scenario: hub\ndescription: x\ntopology: own.yaml\ntimers: "
                                                    "tuned\nflows: {f: {from: phone, to: dc1-srv}}\nsteps:\n"
                                                    "  - expect:\n      - converged: {within: 5s}\n");
    const struct vc_scenario *scenario = load(ctx, talloc_asprintf(ctx, "%s/hub.yaml", top), SHIPPED("topologies"));
    VC_AUTO_JSON *documents = documents_of(scenario);
    cr_expect_str_eq(text_of(json_object_get(documents, "documents"), "run/cpe1/swanctl.conf"), text);
    const char *blob = vc_blob_pack(ctx, documents, &options, &err);
    cr_assert(blob, "%s", err ? err->message : "");
    cr_assert_eq(vc_blob_unpack(ctx, blob, VC_BLOB_SIZE, guest, &paths, &found, &err), 0, "%s",
                 err ? err->message : "");
    const struct vc_scenario *there = load(ctx, paths.scenario, talloc_asprintf(ctx, "%s/topologies", guest));
    const struct vc_node *node = &there->topology->nodes[vc_topology_node(there->topology, "cpe1")];
    cr_assert_eq(node->file_count, 1);
    cr_expect_str_eq(node->files[0].text, text);
}

Test(blob, path_that_means_nothing_elsewhere_is_written_anew_and_nothing_else)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    char *elsewhere = talloc_asprintf(ctx, "%s/t/two-cpe.yaml", top);

    make_folders((const char *const[]){"a", "t", "home", "home/scenarios", "home/topologies", NULL});
    spill(elsewhere, slurp(ctx, SHIPPED("topologies/two-cpe.yaml")));
    carry_anew("a", SHIPPED("topologies/two-cpe.yaml"), "../topologies/two-cpe.yaml",
               "run/two-cpe-dc1-silent-loss-bfd.yaml", "topologies/two-cpe.yaml");
    carry_anew("a", elsewhere, "../run/topology/two-cpe.yaml", "run/two-cpe-dc1-silent-loss-bfd.yaml",
               "run/topology/two-cpe.yaml");
    char *quoted = talloc_asprintf(ctx, "'%s' # of ours", elsewhere);
    carry_anew("a", quoted, "'../run/topology/two-cpe.yaml' # of ours", "run/two-cpe-dc1-silent-loss-bfd.yaml",
               "run/topology/two-cpe.yaml");
    carry_anew("a", "../a/../t/two-cpe.yaml", "../run/topology/two-cpe.yaml", "run/two-cpe-dc1-silent-loss-bfd.yaml",
               "run/topology/two-cpe.yaml");
    setenv("VCLAB_HOME", talloc_asprintf(ctx, "%s/home", top), 1);
    char *own = talloc_asprintf(ctx, "%s/home/topologies/two-cpe.yaml", top);
    spill(own, slurp(ctx, elsewhere));
    share_base("/home/topologies");
    share_base("/t");
    carry_anew("home/scenarios", own, "../topologies/two-cpe.yaml", "scenarios/two-cpe-dc1-silent-loss-bfd.yaml",
               "topologies/two-cpe.yaml");
    carry_anew("home/scenarios", elsewhere, "../run/topology/two-cpe.yaml",
               "scenarios/two-cpe-dc1-silent-loss-bfd.yaml", "run/topology/two-cpe.yaml");
}

Test(blob, reference_that_cannot_be_written_anew_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    const struct vc_scenario *scenario = partners(ctx, ".", "\"\\x2f" SHIPPED("topologies/two-cpe.yaml") "\"", "");

    cr_assert_null(vc_blob_documents(scenario, &err));
    cr_assert_eq(err->status, VC_EXIT_USAGE);
    cr_assert(strstr(err->message, "loss-bfd.yaml:"), "%s", err->message);
    cr_assert(strstr(err->message, "/" SHIPPED("topologies/two-cpe.yaml")), "%s", err->message);
    cr_assert(strstr(err->message, "without escapes"), "%s", err->message);
}

Test(blob, lab_without_a_scenario)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_topology *t = vc_topology_load(ctx, SHIPPED("topologies/two-cpe.yaml"), KINDS, &err);
    VC_AUTO_JSON *documents = vc_blob_lab_documents(t, "bfd", &err);
    struct vc_blob_options options = {
        .seed = UINT64_MAX, .captures = true, .evidence = true, .shell = "cpe1", .limit_ns = 1LL << 60};
    struct vc_blob_options found;
    struct vc_blob_paths paths;

    cr_assert(json_is_null(json_object_get(documents, "scenario")));
    cr_assert_eq(json_object_size(json_object_get(documents, "documents")), 1 + t->base_count);
    char *text = vc_blob_pack(ctx, documents, &options, &err);
    cr_assert_eq(strlen(text), VC_BLOB_SIZE);
    cr_assert_eq(vc_blob_unpack(ctx, text, VC_BLOB_SIZE, guest, &paths, &found, &err), 0, "%s",
                 err ? err->message : "");
    cr_assert_null(paths.scenario);
    cr_assert(strstr(paths.topology, "/guest/topologies/two-cpe.yaml"), "%s", paths.topology);
    cr_assert_str_eq(paths.timers, "bfd");
    cr_assert_eq(found.seed, UINT64_MAX);
    cr_assert(found.captures && found.evidence && found.limit_ns == 1LL << 60);
    cr_assert_str_eq(found.shell, "cpe1");
    /* A scenario that was made up is told the same way. */
    const struct vc_scenario *bare = vc_scenario_bare(ctx, t, vc_topology_timers(t, "bfd"), VC_NS_PER_S);
    VC_AUTO_JSON *same = documents_of(bare);
    cr_assert(json_equal(same, documents));
}

/* A run that is played again for its evidence must not be told so in more bytes. */
Test(blob, evidence_is_asked_for_in_the_same_number_of_bytes)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_JSON *documents = json_pack("{s:s, s:{}}", "timers", "bfd", "documents");
    VC_AUTO_ERROR *err = NULL;
    size_t used[2];

    for (int i = 0; i < 2; i++) {
        struct vc_blob_options options = {.seed = 1, .evidence = i}, found;
        struct vc_blob_paths paths;
        char *text = vc_blob_pack(ctx, documents, &options, &err);
        cr_assert(text, "%s", err ? err->message : "");
        used[i] = (size_t)(strrchr(text, '}') - text);
        cr_assert_eq(vc_blob_unpack(ctx, text, VC_BLOB_SIZE, guest, &paths, &found, &err), 0);
        cr_assert_eq(found.evidence, i);
    }
    cr_assert_eq(used[0], used[1]);
}

Test(blob, too_much_is_refused)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    char *large = talloc_zero_size(ctx, VC_BLOB_SIZE);
    struct vc_blob_options options = {.seed = 1};

    memset(large, 'x', VC_BLOB_SIZE - 1);
    VC_AUTO_JSON *documents = json_pack("{s:{s:s}}", "documents", "a", large);
    cr_assert_null(vc_blob_pack(ctx, documents, &options, &err));
    cr_assert_eq(err->status, VC_EXIT_USAGE);
    cr_assert(strstr(err->message, "only 65536 fit"), "%s", err->message);
}

static void damaged(const char *text, const char *part)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    VC_AUTO_ERROR *err = NULL;
    struct vc_blob_options found;
    struct vc_blob_paths paths;

    cr_assert_eq(vc_blob_unpack(ctx, text, strlen(text), guest, &paths, &found, &err), -1, "%s", text);
    cr_assert_eq(err->status, VC_EXIT_USAGE, "%s", text);
    cr_assert(strstr(err->message, part), "%s: %s", text, err->message);
}

#define OPTIONS                                                                                                        \
    "\"timers\":\"bfd\",\"options\":{\"seed\":1,\"captures\":true,\"evidence\":1,\"shell\":null,\"limit_ns\":5}"

Test(blob, damaged_text_is_refused)
{
    damaged("", "damaged");
    damaged("{", "damaged");
    damaged("[]", "no timers");
    damaged("{\"timers\":\"bfd\"}", "options");
    damaged("{\"timers\":\"bfd\",\"options\":{\"seed\":\"1\"}}", "options");
    damaged("{" OPTIONS "}", "\"documents\" is missing");
    damaged("{" OPTIONS ",\"documents\":[]}", "\"documents\" is missing");
    damaged("{" OPTIONS ",\"documents\":{\"a\":1}}", "a is no text");
    damaged("{" OPTIONS ",\"documents\":{\"a\":\"\"},\"scenario\":\"b\"}", "\"scenario\" names none");
    damaged("{" OPTIONS ",\"documents\":{\"a\":\"\"},\"topology\":7}", "\"topology\" names none");
}

Test(blob, no_document_leads_out)
{
    static const char *const paths[] = {"../out", "/tmp/vclab-blob-out", "a/../../out", "a//b", "", ".", "link/out"};
    VC_AUTO_TALLOC char *link = talloc_asprintf(NULL, "%s/link", guest);
    VC_AUTO_TALLOC char *out = talloc_asprintf(NULL, "%s/out", top);

    cr_assert_eq(symlink(top, link), 0);
    for (size_t i = 0; i < VC_COUNT(paths); i++) {
        VC_AUTO_TALLOC char *text = talloc_asprintf(NULL, "{" OPTIONS ",\"documents\":{\"%s\":\"text\"}}", paths[i]);
        damaged(text, "refused");
        cr_assert(access(out, F_OK) < 0, "%s", paths[i]);
    }
    cr_assert(access("/tmp/vclab-blob-out", F_OK) < 0);
}
