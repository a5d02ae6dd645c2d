/*
 * Links whose wires ns-3 carries: a TAP at each end in place of a veth, and one vclab-wire for all of them, a child of
 * the engine in the sandbox's PID namespace. A veth's end has a carrier while the other one is up, which the kernel
 * sees to; here the engine does, so each change of an end comes by here: the lab's own (vc_lab_link_set, power), and
 * what netlink tells of others (`ip link set` in vclab exec). While an end is missing the wire is down, too: what is
 * under way is lost, as it is with a cable that is pulled.
 *
 * The TAPs live as long as the lab: power-off moves them aside as it does veths (power.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/secret.h"
#include "lab/private.h"
#include "ns3/wire_client.h"

enum {
    PRIORITY = 30, /* above charon's and the GRE endpoints': what they send must not wait for them to wait */
    LOOK_S = 1,
    WORTH_TELLING_MS = 10, /* as check/lag */
};

struct carried {
    int tap[2];
    bool open[2];       /* the end is on and not shut */
    bool whole;         /* both are */
    uint64_t base[2];   /* what the TAPs had dropped when that was last looked at */
    uint64_t not_taken; /* dropped by the TAPs of a whole link since: vclab-wire did not take them in time */
    uint64_t overrun;   /* dropped by vclab-wire itself */
    uint64_t told;      /* of both */
};

struct lab_ns3 {
    struct vc_lab *lab;
    struct vc_wires *wires;
    struct carried *links; /* by link */
    sd_event_source *timer;
    int64_t looked_ns;
    uint64_t demotions;
    int log;
};

static int destroy(struct lab_ns3 *ns3)
{
    sd_event_source_disable_unref(ns3->timer);
    if (ns3->wires && vc_wires_pid(ns3->wires) > 0)
        vc_reaper_forget(ns3->lab->reaper, vc_wires_pid(ns3->wires));
    for (size_t i = 0; i < ns3->lab->plan->topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++)
            vc_close_cleanup(&ns3->links[i].tap[end]);
    vc_close_cleanup(&ns3->log);
    return 0;
}

bool lab_ns3_carries(const struct vc_lab *lab, size_t link)
{
    return lab->options.links.ns3 && link != VC_NONE && lab->options.links.ns3[link];
}

static const char *name_of(const struct vc_lab *lab, size_t link)
{
    return lab->plan->topology->links[link].name;
}

/* ---- the process ---- */

static char *last_words(void *ctx, int log)
{
    char text[256];
    off_t size = log < 0 ? 0 : lseek(log, 0, SEEK_END);
    ssize_t n = size <= 0 ? 0 : pread(log, text, sizeof text - 1, size < 255 ? 0 : size - 255);

    while (n > 0 && text[n - 1] == '\n')
        n--;
    return n > 0 ? talloc_strndup(ctx, text, (size_t)n)
                 : talloc_strdup(ctx, "it carried the lab's wires and left no word");
}

static void on_end(void *arg, const siginfo_t *info)
{
    struct lab_ns3 *ns3 = arg;
    struct vc_lab *lab = ns3->lab;
    VC_AUTO_TALLOC char *log = last_words(NULL, ns3->log);
    VC_AUTO_TALLOC char *status =
        talloc_asprintf(NULL, info->si_code == CLD_EXITED ? "exit status %d" : "signal %d", info->si_status);

    if (info->si_code == CLD_STOPPED || info->si_code == CLD_CONTINUED)
        return;
    vc_wires_reaped(ns3->wires);
    ns3->timer = sd_event_source_disable_unref(ns3->timer);
    vc_event(lab->events, VC_LAYER_CHECK, NULL, "daemon-died", -1, "{s:s, s:s, s:s}", "daemon", "vclab-wire", "status",
             status, "log", log);
    if (!lab->ready)
        return;
    VC_AUTO_ERROR *err = NULL;
    vc_fail(&err, VC_EXIT_FAIL, 0, "vclab-wire ended while the lab was starting (%s): %s", status, log);
    lab_failed(lab, err);
}

static int start_process(struct lab_ns3 *ns3, vc_error **err)
{
    const struct vc_lab *lab = ns3->lab;

    if (lab->options.logs >= 0)
        ns3->log = openat(lab->options.logs, "vclab-wire.log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (lab->options.logs >= 0 && ns3->log < 0)
        return vc_fail(err, VC_EXIT_FAIL, errno, "creating the log of vclab-wire");
    ns3->wires = vc_wires_start(
        ns3,
        &(struct vc_wires_config){.program_fd = lab->options.links.program,
                                  .log = ns3->log,
                                  .seed = (uint32_t)vc_derived_seed("wires", "ns3", lab->plan->options.seed),
                                  .priority = PRIORITY},
        err);
    if (!ns3->wires)
        return -1;
    vc_reaper_add(lab->reaper, vc_wires_pid(ns3->wires), on_end, ns3);
    return 0;
}

/* ---- links ---- */

static int make_link(struct lab_ns3 *ns3, size_t link, vc_error **err)
{
    struct vc_lab *lab = ns3->lab;
    struct carried *carried = &ns3->links[link];
    struct vc_wire character[2];

    for (unsigned end = 0; end < 2; end++) {
        const struct vc_plan_iface *iface = lab_iface_of(lab, link, end);
        struct lab_node *node = &lab->nodes[lab->plan->topology->links[link].end[end].node];
        carried->tap[end] = vc_wires_tap(node->rt.netns, iface->ifname, iface->mac, iface->mtu, err);
        if (carried->tap[end] < 0)
            return vc_wrap(err, "node %s", node->rt.plan->name);
        character[end] = iface->wire;
    }
    return vc_wires_add(ns3->wires, name_of(lab, link), carried->tap, character, err) ||
                   vc_wires_up(ns3->wires, name_of(lab, link), -1, false, err)
               ? -1
               : 0;
}

static int on_timer(sd_event_source *source, uint64_t usec VC_UNUSED, void *arg);

int lab_ns3_start(struct vc_lab *lab, vc_error **err)
{
    const size_t count = lab->plan->topology->link_count;

    if (!lab->options.links.ns3)
        return 0;
    struct lab_ns3 *ns3 = talloc_zero(lab, struct lab_ns3);
    *ns3 = (struct lab_ns3){.lab = lab, .log = -1, .links = talloc_zero_array(ns3, struct carried, (unsigned)count)};
    for (size_t i = 0; i < count; i++)
        ns3->links[i] = (struct carried){.tap = {-1, -1}};
    talloc_set_destructor(ns3, destroy);
    lab->ns3 = ns3;
    if (start_process(ns3, err))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (lab_ns3_carries(lab, i) && make_link(ns3, i, err))
            return -1;
    int r =
        sd_event_add_time_relative(lab->loop, &ns3->timer, CLOCK_MONOTONIC, LOOK_S * 1000000ULL, 1000, on_timer, ns3);
    return r < 0 ? vc_fail(err, VC_EXIT_FAIL, -r, "watching vclab-wire") : 0;
}

/*
 * What the TAPs drop of a whole link is what vclab-wire did not take in time. Without carrier the kernel itself counts
 * drops there (noop_enqueue), until it has looked at a carrier that came: `count` says whether what was dropped since
 * the last look counts. Looking also makes newer kernels act on a change of carrier at once, which for a TAP they may
 * put off for a second (net/core/link_watch.c).
 */
static void look_at_taps(struct vc_lab *lab, size_t link, bool count)
{
    struct carried *carried = &lab->ns3->links[link];

    for (unsigned end = 0; end < 2; end++) {
        struct vc_rtnl *rtnl = lab->nodes[lab->plan->topology->links[link].end[end].node].rtnl;
        struct vc_rtnl_state state;
        if (!rtnl || vc_rtnl_state(rtnl, name_of(lab, link), &state, NULL) || !state.exists)
            continue;
        if (count && state.tx_dropped > carried->base[end])
            carried->not_taken += state.tx_dropped - carried->base[end];
        carried->base[end] = state.tx_dropped;
    }
}

static int set_whole(struct vc_lab *lab, size_t link, bool whole, vc_error **err)
{
    struct carried *carried = &lab->ns3->links[link];

    carried->whole = whole;
    if (vc_wires_up(lab->ns3->wires, name_of(lab, link), -1, whole, err) ||
        vc_wires_carrier(carried->tap[0], whole, err) || vc_wires_carrier(carried->tap[1], whole, err))
        return -1;
    look_at_taps(lab, link, false);
    return 0;
}

int lab_ns3_end(struct vc_lab *lab, size_t link, unsigned end, bool open, vc_error **err)
{
    if (!lab_ns3_carries(lab, link))
        return 0;
    struct carried *carried = &lab->ns3->links[link];
    carried->open[end] = open;
    bool whole = carried->open[0] && carried->open[1];
    if (whole == carried->whole)
        return 0;
    if (!whole)
        look_at_taps(lab, link, true);
    return set_whole(lab, link, whole, err);
}

int lab_ns3_node(struct vc_lab *lab, const struct lab_node *node, bool on, vc_error **err)
{
    for (size_t i = 0; i < node->rt.plan->iface_count; i++)
        if (lab_ns3_end(lab, node->rt.plan->ifaces[i].link, node->rt.plan->ifaces[i].end, on, err))
            return -1;
    return 0;
}

/* Events are told later than they happen: what counts is how the interface is now. */
static void note_interface(struct vc_lab *lab, const struct lab_node *node, const struct vc_plan_iface *iface)
{
    struct vc_rtnl_state state;

    if (!lab_ns3_carries(lab, iface->link) || vc_rtnl_state(node->rtnl, iface->ifname, &state, NULL) || !state.exists)
        return;
    look_at_taps(lab, iface->link, false); /* its carrier may have come only now */
    lab_ns3_end(lab, iface->link, iface->end, state.up, NULL);
}

void lab_ns3_by_event(void *arg, json_t *event)
{
    struct vc_lab *lab = arg;
    const char *what = json_string_value(json_object_get(event, "what"));
    const char *layer = json_string_value(json_object_get(event, "layer"));
    const char *name = json_string_value(json_object_get(event, "node"));
    const char *ifname = json_string_value(json_object_get(event, "ifname"));

    if (!lab->ns3 || !ifname || !name || strcmp(layer, "link") != 0 || strcmp(what, "state") != 0)
        return;
    for (size_t n = 0; n < lab->plan->node_count; n++) {
        const struct lab_node *node = &lab->nodes[n];
        for (size_t i = 0; node->on && !strcmp(node->rt.plan->name, name) && i < node->rt.plan->iface_count; i++)
            if (!strcmp(node->rt.plan->ifaces[i].ifname, ifname))
                note_interface(lab, node, &node->rt.plan->ifaces[i]);
    }
}

int lab_ns3_set(struct vc_lab *lab, const struct lab_wire *wire, vc_error **err)
{
    return vc_wires_set(lab->ns3->wires, wire->ifname, (int)wire->end, &wire->wire, err);
}

int lab_ns3_read(struct vc_lab *lab, const struct lab_wire *wire, struct vc_wire *character, uint64_t *drops,
                 vc_error **err)
{
    struct vc_wires_state state;

    if (vc_wires_state(lab->ns3->wires, wire->ifname, &state, err))
        return -1;
    *character = state.character[wire->end];
    *drops = state.counters[wire->end].lost_random + state.counters[wire->end].lost_burst +
             state.counters[wire->end].dropped_queue;
    return 0;
}

/* ---- how well it does ---- */

static void tell_drops(struct lab_ns3 *ns3, size_t link, vc_error **err)
{
    struct vc_lab *lab = ns3->lab;
    struct carried *carried = &ns3->links[link];
    struct vc_wires_state now;

    if (vc_wires_state(ns3->wires, name_of(lab, link), &now, err))
        return;
    carried->overrun = now.counters[0].overrun + now.counters[1].overrun;
    if (carried->whole)
        look_at_taps(lab, link, true);
    uint64_t dropped = carried->overrun + carried->not_taken - carried->told;
    carried->told += dropped;
    if (dropped)
        vc_event(lab->events, VC_LAYER_LINK, NULL, "wire-drops", -1, "{s:s, s:I}", "link", name_of(lab, link),
                 "dropped", (json_int_t)dropped);
}

/* True when it was so late that more should be asked. */
static bool tell_lag(struct lab_ns3 *ns3, vc_error **err)
{
    struct vc_lab *lab = ns3->lab;
    struct vc_wire_lag lag;
    int64_t since_ns = ns3->looked_ns;

    if (vc_wires_lag(ns3->wires, &lag, err))
        return false;
    ns3->looked_ns = vc_events_now(lab->events);
    int64_t worst = lag.worst_ns > lag.reader_worst_ns ? lag.worst_ns : lag.reader_worst_ns;
    bool demoted = lag.demotions > ns3->demotions;
    ns3->demotions = lag.demotions;
    if (worst < WORTH_TELLING_MS * VC_NS_PER_MS && !demoted)
        return false;
    vc_event(lab->events, VC_LAYER_LINK, NULL, "wire-lag", -1, "{s:I, s:I, s:I, s:b, s:I}", "lag_ns", (json_int_t)worst,
             "p99_ns", (json_int_t)lag.p99_ns, "since_ns", (json_int_t)since_ns, "realtime", (int)lag.realtime,
             "demotions", (json_int_t)lag.demotions);
    return true;
}

static void look(struct lab_ns3 *ns3, bool all)
{
    VC_AUTO_ERROR *err = NULL; /* that the process is gone is told by its end */

    all = tell_lag(ns3, &err) || all;
    for (size_t i = 0; !err && all && i < ns3->lab->plan->topology->link_count; i++)
        if (lab_ns3_carries(ns3->lab, i))
            tell_drops(ns3, i, &err);
}

static int on_timer(sd_event_source *source, uint64_t usec VC_UNUSED, void *arg)
{
    look(arg, false);
    sd_event_source_set_time_relative(source, LOOK_S * 1000000ULL);
    return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void vc_lab_wires_look(struct vc_lab *lab)
{
    if (lab->ns3 && lab->ns3->timer)
        look(lab->ns3, true);
}

json_t *lab_ns3_links(const struct vc_lab *lab)
{
    json_t *names = json_array();

    for (size_t i = 0; i < lab->plan->topology->link_count; i++)
        if (lab_ns3_carries(lab, i))
            json_array_append_new(names, json_string(name_of(lab, i)));
    return names;
}
