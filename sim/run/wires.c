#include "run/wires.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net/netns.h"
#include "net/qdisc.h"

static const char *const mode_names[] = {
    [VC_WIRES_AUTO] = "auto", [VC_WIRES_NETEM] = "netem", [VC_WIRES_NS3] = "ns3", [VC_WIRES_VETH] = "veth"};

int vc_wires_mode(const char *name, enum vc_wires_mode *mode, vc_error **err)
{
    *mode = VC_WIRES_AUTO;
    for (size_t i = 0; name && i < VC_COUNT(mode_names); i++)
        if (!strcmp(mode_names[i], name)) {
            *mode = (enum vc_wires_mode)i;
            return 0;
        }
    return name ? vc_fail(err, VC_EXIT_USAGE, 0, "--wires %s: auto, netem, ns3 or veth", name) : 0;
}

/* ---- the host ---- */

static int host_free(struct vc_wires_host *host)
{
    vc_close_cleanup(&host->program);
    return 0;
}

static int try_qdisc(struct vc_wires_host *host, const struct vc_wire *wire, char **why_not, vc_error **err)
{
    struct vc_qdisc qdisc = vc_qdisc_of(wire, 1, false);
    VC_AUTO_ERROR *failed = NULL;
    VC_AUTO_FD netns = vc_netns_new(err);
    VC_AUTO_TALLOC struct vc_rtnl *rtnl = netns < 0 ? NULL : vc_rtnl_open(NULL, netns, err);

    if (!rtnl)
        return -1;
    vc_qdisc_set(rtnl, "lo", &qdisc);
    if (vc_rtnl_commit(rtnl, &failed))
        *why_not = talloc_strdup(host, failed->message);
    return 0;
}

static void find_program(struct vc_wires_host *host)
{
    char path[4096] = "";
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - sizeof "vclab-wire");
    char *name = size > 0 ? strrchr(path, '/') : NULL;

    if (name)
        memcpy(name + 1, "vclab-wire", sizeof "vclab-wire");
    host->program = name && !access(path, X_OK) ? open(path, O_PATH | O_CLOEXEC) : -1;
    if (host->program < 0)
        host->why_not_ns3 = talloc_strdup(host, "there is no vclab-wire beside vclab: install the packages libns3-dev, "
                                                "ns3 and libgsl-dev, and build again");
}

struct vc_wires_host *vc_wires_probe(void *ctx, vc_error **err)
{
    VC_AUTO_TALLOC struct vc_wires_host *host = talloc_zero(ctx, struct vc_wires_host);

    host->program = -1;
    talloc_set_destructor(host, host_free);
    if (try_qdisc(host, &(struct vc_wire){.delay_us = 1000}, &host->why_not_netem, err) ||
        try_qdisc(host, &(struct vc_wire){.rate_mbit = 1}, &host->why_not_tbf, err))
        return NULL;
    find_program(host);
    return VC_STEAL_PTR(host);
}

/* ---- the choice ---- */

/* What somebody needs of the kernel, unless ns-3 does it. */
struct need {
    enum vc_qdisc_kind kind;
    const char *what, *who; /* "fault", "far" */
};

static void add_need(struct need *need, const struct vc_wire *wire, const char *what, const char *who)
{
    enum vc_qdisc_kind kind = vc_qdisc_of(wire, 1, false).kind;

    if (kind == VC_QDISC_NETEM || need->kind == VC_QDISC_NONE)
        *need = (struct need){kind, what, who};
}

/* By link, and behind them what tunnels need. talloc child of ctx. */
static struct need *needs_of(void *ctx, const struct vc_plan *plan, const struct vc_scenario *scenario)
{
    const struct vc_topology *topology = plan->topology;
    struct need *needs = talloc_zero_array(ctx, struct need, (unsigned)topology->link_count + 1);

    for (size_t i = 0; i < topology->link_count; i++)
        add_need(&needs[i], &topology->links[i].wire, "link", topology->links[i].name);
    for (size_t i = 0; i < scenario->step_count; i++) {
        const json_t *spec = scenario->steps[i].spec;
        const char *kind = json_string_value(json_object_get(spec, "kind"));
        const char *link = json_string_value(json_object_get(spec, "link"));
        size_t at = topology->link_count;
        struct vc_wire wire;
        if (scenario->steps[i].kind != VC_STEP_FAULT || !kind || strcmp(kind, "impair") != 0 ||
            !vc_wire_of_spec(spec, &wire))
            continue;
        for (size_t k = 0; link && k < topology->link_count; k++)
            if (!strcmp(topology->links[k].name, link))
                at = k;
        add_need(&needs[at], &wire, "fault", json_string_value(json_object_get(spec, "name")));
    }
    return needs;
}

static const char *why_not(const struct vc_wires_host *host, const struct need *need)
{
    return need->kind == VC_QDISC_NETEM ? host->why_not_netem : need->kind == VC_QDISC_TBF ? host->why_not_tbf : NULL;
}

static int no_module(const struct vc_wires_host *host, const struct need *need, const char *instead, vc_error **err)
{
    return vc_fail(err, VC_EXIT_HOST, 0,
                   "%s %s needs the kernel module %s, which this kernel does not have (%s): run it sealed (without "
                   "--live)%s",
                   need->what, need->who, need->kind == VC_QDISC_NETEM ? "sch_netem" : "sch_tbf", why_not(host, need),
                   instead);
}

/* What carries a link; -1: nothing here can. */
static int choose_link(const struct need *need, enum vc_wires_mode mode, const struct vc_wires_host *host,
                       enum vc_wires_mode *chosen, vc_error **err)
{
    VC_AUTO_FREE char *instead = NULL;

    if (mode == VC_WIRES_VETH && need->kind != VC_QDISC_NONE)
        return vc_fail(err, VC_EXIT_HOST, 0,
                       "%s %s gives a wire a character, which --wires veth has not: leave it away", need->what,
                       need->who);
    *chosen = need->kind == VC_QDISC_NONE ? VC_WIRES_VETH : VC_WIRES_NETEM;
    if (mode == VC_WIRES_NS3 || (mode == VC_WIRES_AUTO && why_not(host, need) && !host->why_not_ns3))
        *chosen = VC_WIRES_NS3;
    if (*chosen == VC_WIRES_NS3 || !why_not(host, need))
        return 0;
    if (asprintf(&instead, "%s%s", mode == VC_WIRES_AUTO ? "; or " : ", or with --wires ns3",
                 mode == VC_WIRES_AUTO ? host->why_not_ns3 : "") < 0)
        abort();
    return no_module(host, need, instead, err);
}

static int check_host(enum vc_wires_mode mode, const struct vc_wires_host *host, vc_error **err)
{
    if (mode == VC_WIRES_NETEM && host->why_not_netem)
        return vc_fail(err, VC_EXIT_HOST, 0, "this kernel does not have the module sch_netem (%s): try --wires ns3",
                       host->why_not_netem);
    if (mode == VC_WIRES_NS3 && host->why_not_ns3)
        return vc_fail(err, VC_EXIT_HOST, 0, "%s", host->why_not_ns3);
    return 0;
}

int vc_wires_choose(void *ctx, const struct vc_plan *plan, const struct vc_scenario *scenario, enum vc_wires_mode mode,
                    const struct vc_wires_host *host, struct vc_lab_links *links, vc_error **err)
{
    const size_t count = plan->topology->link_count;
    VC_AUTO_TALLOC struct need *needs = needs_of(NULL, plan, scenario);
    VC_AUTO_TALLOC bool *ns3 = talloc_zero_array(ctx, bool, (unsigned)count);
    enum vc_wires_mode chosen, most = host->why_not_netem ? VC_WIRES_VETH : VC_WIRES_NETEM;

    if (check_host(mode, host, err))
        return -1;
    most = mode == VC_WIRES_AUTO ? most : mode;
    for (size_t i = 0; i < count; i++) {
        if (choose_link(&needs[i], mode, host, &chosen, err))
            return -1;
        ns3[i] = chosen == VC_WIRES_NS3;
        if (ns3[i] || (chosen == VC_WIRES_NETEM && most == VC_WIRES_VETH))
            most = chosen;
    }
    /* ns-3 has no end inside a tunnel. */
    if (mode == VC_WIRES_VETH && choose_link(&needs[count], mode, host, &chosen, err))
        return -1;
    if (why_not(host, &needs[count]))
        return no_module(host, &needs[count], "", err);
    *links = (struct vc_lab_links){.name = mode_names[most], .program = host->program};
    if (most == VC_WIRES_NS3)
        links->ns3 = VC_STEAL_PTR(ns3);
    return 0;
}
