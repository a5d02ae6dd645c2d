/* Large packets and many packets (R6, R42). */
#include "doctor/private.h"

static void rule_mss(struct doctor *d, const struct view *v)
{
    json_int_t limit = number_at(json_object_get(d->order, "settings"), "mss", 0);

    for (enum end end = CPE; limit && end < END_COUNT; end++) {
        enum end other = end == CPE ? ROUTER : CPE;
        bool known = json_is_array(json_object_get(v->at[end].node, "firewall"));
        if (end == HEADEND || !v->at[end].there || !known || clamps(d, v, end))
            continue;
        found(d, "mss-not-clamped", v->at[end].name, v, true, "%s does not clamp the MSS in %s to %lld%s",
              v->at[end].name, text_at(v->order, "ifname"), (long long)limit,
              clamps(d, v, other) ? "; only the other end does" : ", and neither does the other end");
    }
}

static void rule_pmtud(struct doctor *d, const struct view *v, enum end end)
{
    size_t i;
    json_t *rule;

    json_array_foreach(json_object_get(v->at[end].node, "firewall"), i, rule)
    {
        const json_t *type = json_object_get(rule, "icmp_type");
        bool unreachable = json_integer_value(type) == 3 || is(rule, "icmp_type", "destination-unreachable");
        if (type && unreachable && is(rule, "verdict", "drop"))
            found(d, "pmtud-off", v->at[end].name, v, true,
                  "%s tells no sender that a packet is too large: its firewall drops ICMP type 3 code 4",
                  v->at[end].name);
    }
}

/* Larger than ordered: it bites where the way does not carry the fragments of what IPsec makes of such a packet. */
static bool rule_mtu(struct doctor *d, const struct view *v, enum end end)
{
    json_int_t ordered = number_at(json_object_get(d->order, "settings"), "mtu", 0);
    json_int_t own = number_at(v->at[end].gre, "mtu", 0);

    if (!ordered || own <= ordered)
        return false;
    found(d, "tunnel-mtu", v->at[end].name, v, true, "%s has MTU %lld on %s; the order says %lld", v->at[end].name,
          (long long)own, text_at(v->order, "ifname"), (long long)ordered);
    return true;
}

static void rule_large(struct doctor *d, const struct view *v)
{
    if (layer_reached(v, MTU) && v->layers[MTU] == FAILED && !answered(v->large))
        found(d, "tunnel-mtu", NULL, v, false, "a ping of 84 bytes passes the tunnel, one of %lld with DF does not%s",
              (long long)number_at(v->large, "bytes", 0),
              true_at(v->large, "too_large") ? ": too large already here" : "");
}

static void rule_saturated(struct doctor *d, const struct view *v)
{
    for (enum end end = CPE; end < END_COUNT; end++) {
        const json_t *queue = json_object_get(json_object_get(v->at[end].node, "queues"), text_at(v->order, "ifname"));
        if (saturated(v, end))
            found(d, "tunnel-saturated", v->at[end].name, v, false,
                  "%s dropped %lld packets before %s and passed %lld in the same time; %lld wait", v->at[end].name,
                  (long long)queued(v, end, "drops"), text_at(v->order, "ifname"), (long long)queued(v, end, "packets"),
                  (long long)number_at(queue, "backlog", 0));
    }
}

/* Packets that overtake each other by more than the window are dropped as if replayed: each SA counts them, and the
 * kernel for the node together with duplicates, of which a way makes one now and then. */
static void rule_replay(struct doctor *d, const struct view *v)
{
    enum { MANY = 10 };
    json_int_t wanted = number_at(json_object_get(d->order, "settings"), "replay_window", 0);

    for (enum end end = CPE; end <= HEADEND; end++) {
        json_int_t window = number_at(v->at[end].ike, "replay_window", wanted), late = v->at[end].late;
        json_int_t dropped = is_alone(d, v, end) ? counted(v, end, "XfrmInStateSeqError") : 0;
        if (window && window < 128 && window < wanted) /* 0: none, which drops nothing */
            found(d, "replay-window", v->at[end].name, v, true, "%s has an anti-replay window of %lld packets",
                  v->at[end].name, (long long)window);
        else if (late >= MANY)
            found(d, "replay-window", v->at[end].name, v, true,
                  "%lld packets more came too late for the SA's window at %s, while %lld came out of it",
                  (long long)late, v->at[end].name, (long long)v->at[end].sa_moved.in);
        else if (late < 0 && dropped >= MANY && v->at[end].sa_moved.in > 0)
            found(d, "replay-window", v->at[end].name, v, false,
                  "XfrmInStateSeqError of %s: %lld more while %lld packets came out of the SA", v->at[end].name,
                  (long long)dropped, (long long)v->at[end].sa_moved.in);
    }
}

void rules_mtu(struct doctor *d, const struct view *v)
{
    rule_mss(d, v);
    rule_pmtud(d, v, CPE);
    rule_pmtud(d, v, ROUTER);
    bool cpe = rule_mtu(d, v, CPE), router = rule_mtu(d, v, ROUTER);
    if (!cpe && !router)
        rule_large(d, v);
    rule_saturated(d, v);
    rule_replay(d, v);
}
