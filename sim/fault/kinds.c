/* The fault kinds but `drop` and `impair`, which have modules of their own. */
#include "fault/kinds.h"

#include <string.h>

#include "fault/drop.h"
#include "fault/impair.h"
#include "fault/misconfigure.h"

static const char *node_name(const struct fault *fault, size_t node)
{
    return vc_lab_plan(fault->lab)->nodes[node].name;
}

static const struct vc_link *links(const struct fault *fault)
{
    return vc_lab_plan(fault->lab)->topology->links;
}

static int end_state(const struct fault *fault, size_t link, unsigned end, struct vc_rtnl_state *state, vc_error **err)
{
    struct vc_rtnl *rtnl = vc_lab_rtnl(fault->lab, links(fault)[link].end[end].node);

    *state = (struct vc_rtnl_state){0};
    return rtnl ? vc_rtnl_state(rtnl, links(fault)[link].name, state, err) : 0;
}

/* ---- link-down ---- */

static int link_down(struct fault *fault, vc_error **err)
{
    return vc_lab_link_set(fault->lab, fault->link, fault->end, false, err);
}

static int link_up(struct fault *fault, vc_error **err)
{
    return vc_lab_link_set(fault->lab, fault->link, fault->end, true, err);
}

/* Down at the end that was shut, and the other end has lost its carrier. */
static int link_is_down(struct fault *fault, char **evidence, vc_error **err)
{
    struct vc_rtnl_state shut, other;
    const struct vc_link *link = &links(fault)[fault->link];

    if (end_state(fault, fault->link, fault->end, &shut, err) ||
        end_state(fault, fault->link, !fault->end, &other, err))
        return -1;
    *evidence =
        talloc_asprintf(fault, "%s is down at %s, no carrier at %s", link->name,
                        node_name(fault, link->end[fault->end].node), node_name(fault, link->end[!fault->end].node));
    return !shut.up && !other.carrier;
}

static bool wire_up(struct fault *fault, size_t link, bool *up, vc_error **err)
{
    struct vc_rtnl_state a, b;

    if (end_state(fault, link, 0, &a, err) || end_state(fault, link, 1, &b, err))
        return false;
    *up = a.up && a.carrier && b.up && b.carrier;
    return true;
}

static int link_is_up(struct fault *fault, char **evidence, vc_error **err)
{
    bool up;

    if (!wire_up(fault, fault->link, &up, err))
        return -1;
    *evidence = talloc_asprintf(fault, "%s is up with carrier at both ends", links(fault)[fault->link].name);
    return up;
}

/* ---- wan-cut: every link between two DC routers, or the one that the fault names ---- */

static bool is_cut(const struct fault *fault, size_t link)
{
    return fault->link == VC_NONE ? vc_link_is_wan(vc_lab_plan(fault->lab)->topology, link) : link == fault->link;
}

static int wan_set(struct fault *fault, bool up, vc_error **err)
{
    const struct vc_topology *topology = vc_lab_plan(fault->lab)->topology;
    unsigned count = 0;

    for (size_t i = 0; i < topology->link_count; i++)
        if (is_cut(fault, i)) {
            if (vc_lab_link_set(fault->lab, i, 0, up, err))
                return -1;
            count++;
        }
    return count ? 0 : vc_fail(err, VC_EXIT_USAGE, 0, "the topology has no link between two DC routers");
}

static int wan_cut(struct fault *fault, vc_error **err)
{
    return wan_set(fault, false, err);
}

static int wan_join(struct fault *fault, vc_error **err)
{
    return wan_set(fault, true, err);
}

static int wan_all(struct fault *fault, bool wanted, vc_error **err)
{
    const struct vc_topology *topology = vc_lab_plan(fault->lab)->topology;

    for (size_t i = 0; i < topology->link_count; i++) {
        bool up;
        if (!is_cut(fault, i))
            continue;
        if (!wire_up(fault, i, &up, err))
            return -1;
        if (up != wanted)
            return 0;
    }
    return 1;
}

static char *wan_evidence(struct fault *fault, const char *state)
{
    return fault->link == VC_NONE ? talloc_asprintf(fault, "every link between the DC routers is %s", state)
                                  : talloc_asprintf(fault, "%s is %s", links(fault)[fault->link].name, state);
}

static int wan_is_cut(struct fault *fault, char **evidence, vc_error **err)
{
    *evidence = wan_evidence(fault, "down");
    return wan_all(fault, false, err);
}

static int wan_is_joined(struct fault *fault, char **evidence, vc_error **err)
{
    *evidence = wan_evidence(fault, "up");
    return wan_all(fault, true, err);
}

/* ---- daemons ---- */

static int daemon_kill(struct fault *fault, vc_error **err)
{
    return vc_daemon_signal(fault->daemon, SIGKILL, err);
}

static int daemon_pause(struct fault *fault, vc_error **err)
{
    return vc_daemon_signal(fault->daemon, SIGSTOP, err);
}

static int daemon_continue(struct fault *fault, vc_error **err)
{
    return vc_daemon_signal(fault->daemon, SIGCONT, err);
}

/* A power-off and on in between has started it already. */
static int daemon_start(struct fault *fault, vc_error **err)
{
    if (vc_daemon_pid(fault->daemon) > 0)
        return 0;
    return vc_daemon_start_again(fault->daemon, err);
}

static int daemon_in(struct fault *fault, enum vc_daemon_state state, const char *what, char **evidence)
{
    *evidence = talloc_asprintf(fault, "%s in %s %s", json_string_value(json_object_get(fault->spec, "daemon")),
                                node_name(fault, fault->node), what);
    return vc_daemon_state(fault->daemon) == state;
}

static int daemon_is_gone(struct fault *fault, char **evidence, vc_error **err VC_UNUSED)
{
    return daemon_in(fault, VC_DAEMON_GONE, "is gone (reaped)", evidence);
}

static int daemon_is_paused(struct fault *fault, char **evidence, vc_error **err VC_UNUSED)
{
    return daemon_in(fault, VC_DAEMON_STOPPED, "is stopped", evidence);
}

static int daemon_is_ready(struct fault *fault, char **evidence, vc_error **err VC_UNUSED)
{
    return daemon_in(fault, VC_DAEMON_READY, "answers on its socket", evidence) && vc_daemon_serves(fault->daemon);
}

/* A restart is a kill that heals itself: its effect is a new process that answers. */
static int daemon_restarted(struct fault *fault, char **evidence, vc_error **err)
{
    if (vc_daemon_state(fault->daemon) == VC_DAEMON_GONE)
        return vc_daemon_start_again(fault->daemon, err);
    if (vc_daemon_pid(fault->daemon) == (pid_t)fault->counted)
        return 0;
    return daemon_in(fault, VC_DAEMON_READY, "was killed and answers again", evidence) &&
           vc_daemon_serves(fault->daemon);
}

static int daemon_restart(struct fault *fault, vc_error **err)
{
    fault->counted = (uint64_t)vc_daemon_pid(fault->daemon);
    return vc_daemon_signal(fault->daemon, SIGKILL, err);
}

static int nothing(struct fault *fault VC_UNUSED, vc_error **err VC_UNUSED)
{
    return 0;
}

/* ---- power ---- */

static int power_off(struct fault *fault, vc_error **err)
{
    return vc_lab_power_off(fault->lab, fault->node, err);
}

static int power_on(struct fault *fault, vc_error **err)
{
    return vc_lab_power_on(fault->lab, fault->node, err);
}

/* Every process is reaped and no neighbour that is on has a carrier towards it. */
static int is_off(struct fault *fault, char **evidence, vc_error **err)
{
    const struct vc_topology *topology = vc_lab_plan(fault->lab)->topology;

    if (!vc_lab_node_gone(fault->lab, fault->node))
        return 0;
    for (size_t i = 0; i < topology->link_count; i++)
        for (unsigned end = 0; end < 2; end++) {
            struct vc_rtnl_state state;
            if (topology->links[i].end[end].node != fault->node)
                continue;
            if (end_state(fault, i, !end, &state, err))
                return -1;
            if (state.carrier)
                return 0;
        }
    *evidence = talloc_asprintf(fault, "every process of %s is gone, its neighbours have no carrier",
                                node_name(fault, fault->node));
    return 1;
}

static int is_on(struct fault *fault, char **evidence, vc_error **err VC_UNUSED)
{
    *evidence = talloc_asprintf(fault, "every daemon of %s answers", node_name(fault, fault->node));
    return vc_lab_node_ready(fault->lab, fault->node);
}

const struct fault_kind fault_kinds[] = {
    {"link-down", NULL, link_down, link_is_down, link_up, link_is_up, 5},
    {"drop", NULL, drop_apply, drop_proved, drop_heal, drop_gone, 20},
    {"impair", NULL, impair_apply, impair_proved, impair_heal, impair_gone, 5},
    {"daemon-kill", NULL, daemon_kill, daemon_is_gone, daemon_start, daemon_is_ready, 10},
    {"daemon-pause", NULL, daemon_pause, daemon_is_paused, daemon_continue, daemon_is_ready, 5},
    {"daemon-restart", NULL, daemon_restart, daemon_restarted, nothing, daemon_is_ready, 10, .momentary = true},
    {"power-off", NULL, power_off, is_off, power_on, is_on, 15},
    {"misconfigure", misconfigure_check, misconfigure_apply, misconfigure_proved, misconfigure_heal, misconfigure_gone,
     20, .one_a_node = true},
    {"wan-cut", NULL, wan_cut, wan_is_cut, wan_join, wan_is_joined, 5},
};
const size_t fault_kind_count = VC_COUNT(fault_kinds);
