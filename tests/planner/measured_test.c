/* Failover times out of a run.json. */
#include "document.h"

static const char example[] = VCLAB_SOURCE_DIR "/plans/measured/two-cpe-dc1-silent-loss-tuned.json";

/* Reads the example after a change; 0, or -1 with *err. */
static int changed(void (*change)(json_t *run), const char *fault, int64_t *failover, int64_t *failback, vc_error **err)
{
    VC_AUTO_JSON *run = json_load_file(example, 0, NULL);
    VC_AUTO_TALLOC char *path = talloc_asprintf(NULL, "/tmp/vclab-measured-%d.json", (int)getpid());

    cr_assert(run);
    if (change)
        change(run);
    cr_assert(!json_dump_file(run, path, 0));
    int status = vc_planner_measured(path, fault, failover, failback, err);
    unlink(path);
    return status;
}

Test(planner_measured, times_of_the_fault_and_of_its_heal)
{
    VC_AUTO_ERROR *err = NULL;
    int64_t failover = 0, failback = 0;

    cr_assert(!changed(NULL, NULL, &failover, &failback, &err), "%s", err->message);
    cr_assert(failover == 25914512613 && failback == 914861677, "%lld, %lld", (long long)failover, (long long)failback);
    cr_assert(!changed(NULL, "cut", &failover, &failback, &err));
    cr_assert_eq(failover, 25914512613);
}

static json_t *chain(json_t *run, size_t i)
{
    return json_array_get(json_object_get(run, "convergence"), i);
}

static void other_schema(json_t *run)
{
    json_object_set_new(run, "schema", json_string("vclab.suite/1"));
}

static void no_convergence(json_t *run)
{
    json_object_del(run, "convergence");
}

static void errored(json_t *run)
{
    json_object_set_new(run, "verdict", json_string("inconclusive"));
}

static void never_settled(json_t *run)
{
    json_object_set_new(chain(run, 0), "full_ns", json_null());
}

static void never_noticed(json_t *run)
{
    json_object_set_new(chain(run, 0), "detection_ns", json_null());
}

Test(planner_measured, a_run_that_shows_nothing_is_refused)
{
    static const struct {
        void (*change)(json_t *run);
        const char *fault, *says;
    } rows[] = {{other_schema, NULL, "not the run.json of a vclab run"},
                {no_convergence, NULL, "not the run.json of a vclab run"},
                {errored, NULL, "its verdict is inconclusive"},
                {never_settled, NULL, "BGP noticed no fault"},
                {never_noticed, NULL, "BGP noticed no fault"},
                {NULL, "cutt", "after fault cutt"},
                {NULL, "heal cut", "after fault heal cut"}};

    for (size_t i = 0; i < VC_COUNT(rows); i++) {
        VC_AUTO_ERROR *err = NULL;
        int64_t failover, failback;
        cr_assert(changed(rows[i].change, rows[i].fault, &failover, &failback, &err) < 0, "row %zu was taken", i);
        cr_assert(err->status == VC_EXIT_USAGE && strstr(err->message, rows[i].says), "row %zu: %s", i, err->message);
    }
}
