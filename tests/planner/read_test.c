/* Every bad document is refused with its place, and the examples are good. */
#include "document.h"

#include "model/files.h"

#define HEAD   "plan: x\n"
#define CODECS "codecs: {g711: {share: 100}}\n"
#define DCS    "dcs: {dc1: {mbit: 9}, dc2: {mbit: 9}}\n"
#define WAN    "wan: {mbit: 9}\n"
#define HUBS   "regions: {a: {hubs: 5, erlangs: 1.5}}\n"
#define GOOD   HEAD CODECS DCS WAN HUBS

static const struct {
    const char *text, *says;
} bad[] = {
    {"", "empty file"},
    {HEAD, ":1:1: found a plan without \"codecs\""},
    {HEAD CODECS DCS WAN "regions: []\n", ":5:10: found a list for regions"},
    {GOOD "level: frame\n", ":6:8: found unknown level \"frame\"; allowed: call, packet"},
    {GOOD "durration: 1h\n", "did you mean \"duration\"?"},
    {GOOD "duration: 1\n", ":6:11: found \"1\" for duration"},
    {GOOD "queue: 2s\n", ":6:8: found"},
    {GOOD "wire: {esp: des}\n", "found unknown esp \"des\""},
    {HEAD "codecs: {g711: {share: 60}, opus: {share: 30}}\n" DCS WAN HUBS,
     "found shares of 90 % together; allowed: 100"},
    {HEAD "codecs: {g729: {share: 100}}\n" DCS WAN HUBS, "found unknown codec \"g729\"; allowed: g711, opus, video"},
    {HEAD "codecs: {g711: {share: 100, kbit: 32}}\n" DCS WAN HUBS, "found unknown key of g711 \"kbit\""},
    {HEAD "wire: {srtp: gcm}\ncodecs: {video: {share: 100, payload: 1360}}\n" DCS WAN HUBS,
     "1400, the MTU of a tunnel"},
    {HEAD CODECS "dcs: {dc1: {mbit: 9}}\n" WAN HUBS, ":3:6: found 1 DCs; allowed: two"},
    {HEAD CODECS "dcs: {dc1: {mbit: 0}, dc2: {mbit: 9}}\n" WAN HUBS, "found \"0\" for mbit"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5}}\n", "found region a with no load"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5, users: 5}}\n", "with half of users and busy"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5, erlangs: 1, calls: 1}}\n", "its load told twice"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5, erlangs: 1.2345}}\n", "found \"1.2345\" for erlangs"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5, erlangs: 1.}}\n", "found \"1.\" for erlangs"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5, erlangs: -1}}\n", "found \"-1\" for erlangs"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5, erlangs: [1]}}\n", "found a list"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 900000, calls: 1}, b: {hubs: 900000, calls: 1}}\n", "found 1800000 hubs"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 900000, erlangs: 99999}}\n", "calls at once"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 100000, erlangs: 100}}\nduration: 200h\n", "that begin or end"},
    {HEAD CODECS "dcs: {DC1: {mbit: 9}, dc2: {mbit: 9}}\n" WAN HUBS
                 "failures:\n  - dc-lost: {dc: dc2, at: 1s, for: 1s}\n",
     "found DC name \"DC1\""},
    {GOOD "failures: 3\n", "found \"3\" for failures; allowed: a list"},
    {GOOD "failures:\n  - dc-gone: {dc: dc1}\n", "found unknown failure \"dc-gone\""},
    {GOOD "failures:\n  - dc-lost: {dc: dc3, at: 1s, for: 1s, failover: 1s}\n",
     "found unknown DC \"dc3\"; allowed: dc1, dc2"},
    {GOOD "failures:\n  - dc-lost: {dc: dc1, at: 1s, for: 1s}\n", ":7:14: found a failure without failover"},
    {GOOD "failures:\n  - dc-lost: {dc: dc1, at: 1s, for: 1s, failover: 1s, measured: x}\n",
     "with failover or failback and measured"},
    {GOOD "failures:\n  - dc-lost: {dc: dc1, at: 1s, for: 1s, failover: 1s, fault: x}\n",
     "found fault without measured"},
    {GOOD "failures:\n  - dc-lost: {dc: dc1, at: 1s, for: 1s, measured: /nowhere}\n", "cannot read /nowhere"},
    {GOOD "failures:\n  - dc-lost: {dc: dc1, at: 2h, for: 1s, failover: 1s}\n", "found a failure after the end"},
    {GOOD "failures:\n  - tunnel-lost: {dc: dc1, region: b, at: 1s, for: 1s, failover: 1s}\n",
     "found unknown region \"b\""},
    {GOOD "failures:\n  - tunnel-lost: {dc: dc1, region: a, hubs: 6, at: 1s, for: 1s, failover: 1s}\n",
     "found 6 hubs of region a; allowed: the 5"},
    {HEAD CODECS DCS WAN "regions: {a: {hubs: 5, cpes: 1, calls: 1}}\nfailures:\n  - cpe-lost: {region: a, cpe: 2, at: "
                         "1s, for: 1s, failover: 1s}\n",
     "found cpe 2 of region a; allowed: 1"},
};

Test(planner_read, bad_documents_are_refused_with_their_place)
{
    for (size_t i = 0; i < VC_COUNT(bad); i++) {
        VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
        VC_AUTO_ERROR *err = NULL;
        cr_assert(!document_load(ctx, bad[i].text, &err), "taken:\n%s", bad[i].text);
        cr_assert(err->status == VC_EXIT_USAGE && strstr(err->message, bad[i].says), "\"%s\" is not in: %s",
                  bad[i].says, err->message);
        cr_assert(!strncmp(err->message, "/tmp/", 5), "no place: %s", err->message);
    }
}

Test(planner_read, a_failure_takes_the_tunnels_that_it_means)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    const struct vc_planner *plan = document_usual(
        ctx, "regions: {a: {hubs: 5, calls: 1}, b: {hubs: 7, cpes: 1, calls: 1}}\n"
             "failures:\n"
             "  - dc-lost: {dc: dc2, servers: lost, at: 1s, for: 1s, failover: 1s}\n"
             "  - tunnel-lost: {dc: dc1, region: b, hubs: 3, at: 1s, for: 1s, failover: 1s, failback: 2s}\n"
             "  - cpe-lost: {region: a, cpe: 2, at: 1s, for: 1s, failover: 1s}\n"
             "  - cpe-lost: {region: b, at: 1s, for: 1s, failover: 1s}\n");
    static const struct {
        size_t first, count;
        unsigned tunnels;
        bool gone;
    } wanted[] = {{0, 12, 2, true}, {5, 3, 1, false}, {0, 1, 2, false}, {5, 1, 3, false}};

    for (size_t i = 0; i < VC_COUNT(wanted); i++) {
        const struct vc_planner_failure *f = &plan->failures[i];
        cr_assert(f->first == wanted[i].first && f->count == wanted[i].count && f->tunnels == wanted[i].tunnels &&
                      f->servers_lost == wanted[i].gone,
                  "failure %zu: hubs %zu+%zu, tunnels %u", i, f->first, f->count, f->tunnels);
    }
    cr_assert_eq(plan->failures[1].failback_ns, 2 * VC_NS_PER_S);
}

Test(planner_read, the_examples_are_good)
{
    VC_AUTO_TALLOC void *ctx = talloc_new(NULL);
    struct vc_names names = vc_documents(ctx, VCLAB_SOURCE_DIR "/plans");

    cr_assert_geq(names.count, 3);
    for (size_t i = 0; i < names.count; i++) {
        VC_AUTO_ERROR *err = NULL;
        const char *file = talloc_asprintf(ctx, "%s/plans/%s.yaml", VCLAB_SOURCE_DIR, vc_names_at(names, i));
        const struct vc_planner *plan = vc_planner_load(ctx, file, &err);
        cr_assert(plan, "%s", err->message);
        cr_assert_str_eq(plan->name, vc_names_at(names, i));
    }
}
